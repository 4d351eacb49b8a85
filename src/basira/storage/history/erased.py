"""Files of the history that were erased with what they named: which, when, and that nothing else took them.

Enters: the paths of the files. Leaves: `erased.json` in the store, so that a snapshot that lacks them says why. Never
here: what they held.

The file is written before the first of them goes. So a missing file that it does not name was lost, or taken.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from basira.schema.errors import StoreError
from basira.storage.history.files import replace_file

ERASED_FILES = "erased.json"


def read_erased(root: Path) -> Mapping[str, str]:
    """The files that were erased, by their path in the store, with the moment (ISO). Raises StoreError."""
    path = root / ERASED_FILES
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["files"]
        return {str(name): str(moment) for name, moment in found.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(
            "Expected the list of erased files in {path}, found something else ({error}).",
            hint="Restore this file from a backup.",
            path=path,
            error=error,
        ) from error


def note_erased(root: Path, paths: Iterable[str], *, now: datetime) -> None:
    """Write down that these files are erased from now on."""
    files = {**read_erased(root), **dict.fromkeys(paths, now.isoformat(timespec="seconds"))}
    replace_file(root / ERASED_FILES, json.dumps({"files": files}, indent=1, sort_keys=True) + "\n")
