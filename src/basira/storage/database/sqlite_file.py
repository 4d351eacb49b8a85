"""The file of a SQLite database, read where nothing can be written.

Enters: a path. Leaves: the address to open it by. Never here: a table; a file that was there changed.
"""

from __future__ import annotations

import os
from pathlib import Path

from basira.schema.errors import StoreError


def reading_address(path: Path) -> str | None:
    """The URI to read a file by in a folder where nothing can be written, such as a copy for auditors on a read-only
    medium; None where SQLite's ordinary way works.

    To read in WAL mode SQLite makes a file beside the database. It needs none for a database without a journal: a
    process that has it open has a journal, so it does not change. Raises StoreError for a journal that can't be read
    here: without it the last decisions would be missing without a notice.
    """
    if os.access(path.parent, os.W_OK) or Path(f"{path}-shm").exists():
        return None
    journal = Path(f"{path}-wal")
    if journal.exists() and journal.stat().st_size:
        raise StoreError(
            "Expected a folder that can be written, or a decision record without a journal, found '{journal}' in "
            "one that can't.",
            hint="Copy the record and its -wal file together to a folder of your own, and read them there.",
            journal=journal,
        )
    return f"{path.absolute().as_uri()}?mode=ro&immutable=1"
