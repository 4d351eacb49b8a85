"""Files and folders that only their owner may read: the one place that says how they are made.

Enters: a path. Leaves: an empty file or a folder, its owner's alone whatever the umask; what others may read. Never
here: a content; a file or a folder that was there changed.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_OTHERS = 0o007  # every other user; a group that may read (auditors) is the operator's choice


def make_private(path: Path) -> None:
    """An empty file that only its owner may read or write, when there is none; SQLite gives its journals the same
    rights. A system error is left to the writer of the content to report."""
    with suppress(OSError):
        path.touch(0o600, exist_ok=False)


def make_private_folder(path: Path) -> None:
    """A folder that only its owner may enter, with those above it, when there is none."""
    if not path.is_dir():
        make_private_folder(path.parent)
        path.mkdir(0o700, exist_ok=True)  # another process may have made it meanwhile


def find_open(root: Path) -> list[Path]:
    """What every user of this machine may read or write in a folder, itself not counted; nothing when other users may
    not enter it. Symbolic links are left out."""
    if not root.stat().st_mode & _OTHERS:
        return []
    found = []
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = Path(folder, name)
            with suppress(OSError):
                if not path.is_symlink() and path.stat().st_mode & _OTHERS:
                    found.append(path)
    return sorted(found)
