"""The seed of each day's random control: drawn once, when the day is first looked at, and kept.

Enters: the folder of a store, a day. Leaves: the day's seed. Never here: a seed that another one replaces; a seed of a
day that nobody looked at, which could then be predicted.

A preview and the run after it draw the same declarations, so what was shown is what comes. The file is its owner's
alone: the seed predicts the draw.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from datetime import date
from pathlib import Path

from basira.schema.errors import StoreError
from basira.storage.private_files import make_private_folder

FOLDER = "draws"
_LIMIT = 2**31


def seed_of_day(root: Path, day: date, *, first: int | None = None) -> int:
    """The seed of ``day``, 0 to 2**31 - 1: the kept one, or a new one that is kept from now on. ``first``: what to keep
    in the place of a new one, such as the demonstration's, whose draws are the same each time.

    Two processes that ask at once get the same.

    Raises
    ------
    StoreError : the file can't be written or read, or holds something else.
    """
    path = root / FOLDER / f"{day.isoformat()}.seed"
    try:
        make_private_folder(path.parent)
        if not path.is_file():
            _keep(path, secrets.randbelow(_LIMIT) if first is None else first)
        text = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(
            "Expected to keep the seed of {day} in {path!r}, found {error}.",
            hint="Give the user of this command the right to write there, or a seed of your own with --seed.",
            day=day,
            path=str(path),
            error=error,
        ) from None
    if not text.isdecimal() or int(text) >= _LIMIT:
        raise StoreError(
            "Expected a seed in {path!r}, found something else.",
            hint="Restore the file from a backup, or name the seed of the run with --seed.",
            path=str(path),
        )
    return int(text)


def _keep(path: Path, seed: int) -> None:
    """Write the file whole, unless another process was first."""
    handle, name = tempfile.mkstemp(dir=path.parent)  # its owner's alone, and no other thread's
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(f"{seed}\n")
            file.flush()
            os.fsync(file.fileno())
        # Unlike a rename, a link replaces no file that is there.
        try:
            os.link(name, path)
        except FileExistsError:
            return
    finally:
        Path(name).unlink(missing_ok=True)
