"""docs/reference/dependencies.md: what Basira runs on, as requirements.lock names it.

    .venv/bin/python docs/generate/dependencies_page.py [--dates FILE]

Enters: requirements.lock, the installed packages' own words, dates. Leaves: the page. Never here: the network.
``--dates``: lines of name, version and month of release (YYYY-MM), parted by tabs; dates that the page has stay.
"""

from __future__ import annotations

import argparse
import re
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/reference/dependencies.md"
_HEAD = """# Dependencies

Made from `requirements.lock` by `make dependencies`; a test keeps the versions current. Each is installed with the \
hashes of the lock, wheels only.

Known vulnerabilities change every day, so this page lists none: look the versions up where there is a network \
(`pip-audit -r requirements.lock`), each month and before a release. The month is that of the version's release, where \
it was known when the page was made.

| package | version | released | what it is |
|---|---|---|---|
"""
_ROW = re.compile(r"^\| (\S+) \| (\S+) \| (\d{4}-\d{2}) \|", re.MULTILINE)
_LOCKED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^ ;\\]+)", re.MULTILINE)


def dependencies_page(dates: dict[tuple[str, str], str]) -> str:
    """The page. ``dates``: months of release by name and version."""
    lines = []
    for name, version in sorted(set(_LOCKED.findall((ROOT / "requirements.lock").read_text(encoding="utf-8")))):
        try:
            words = metadata(name)["Summary"] or ""
        except PackageNotFoundError:  # of another platform
            words = ""
        words = words.replace("|", "/").strip()
        lines.append(f"| {name} | {version} | {dates.get((name.lower(), version), '')} | {words} |\n")
    return _HEAD + "".join(lines)


def known_dates(file: Path | None) -> dict[tuple[str, str], str]:
    """Of the page as it is, and of a file."""
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    dates = {(name.lower(), version): month for name, version, month in _ROW.findall(page)}
    for line in file.read_text(encoding="utf-8").splitlines() if file else ():
        name, version, month = line.split("\t")[:3]
        dates[name.lower(), version] = month
    return dates


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--dates", type=Path)
    given = parser.parse_args()
    PAGE.write_text(dependencies_page(known_dates(given.dates)), encoding="utf-8")


if __name__ == "__main__":
    main()
