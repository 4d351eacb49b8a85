"""The reference pages that are made from the program: write them, or name those that are out of date.

    .venv/bin/python docs/generate [--check]

Enters: the pages' functions, one module each beside this one. Leaves: the pages of `PAGES` in docs/reference.
Never here: the page of the dependencies, which takes dates that the program does not know (`dependencies_page.py`).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from commands_page import commands_page
from errors_page import errors_page
from features_page import features_page
from python_page import python_page
from quarantine_page import quarantine_page
from roles_page import roles_page
from schema_page import schema_page
from sentences_page import sentences_page
from settings_page import settings_page

REFERENCE = Path(__file__).parents[1] / "reference"
PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands_page,
    "errors.md": errors_page,
    "features.md": features_page,
    "python.md": python_page,
    "quarantine.md": quarantine_page,
    "roles.md": roles_page,
    "schema.md": schema_page,
    "sentences.md": sentences_page,
    "settings.md": settings_page,
}


def main() -> int:
    """Write every page, or with ``--check`` return 1 when one is not what the program would write."""
    options = argparse.ArgumentParser(description="Write the generated reference pages.")
    options.add_argument("--check", action="store_true", help="Write nothing; name the pages that are out of date.")
    check = options.parse_args().check
    stale = []
    for name, page in PAGES.items():
        path, text = REFERENCE / name, page()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if not check:
                path.write_text(text, encoding="utf-8")
    if check and stale:
        sys.stderr.write(f"Out of date in docs/reference: {', '.join(stale)}. Run `make docs`.\n")
        return 1
    sys.stdout.write(f"{len(PAGES)} pages {'current' if check or not stale else 'written'}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
