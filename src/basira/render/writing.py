"""A page or a list written to disk whole or not at all: a reader never sees half a report.

Enters: a path, bytes. Leaves: the file. Never here: what is in it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from basira.schema.errors import StoreError


def write_whole(path: Path, content: bytes | Iterable[bytes]) -> Path:
    """Write beside the path, at once or part by part, then rename over it; the folder is made when absent.

    Lists and reports name persons: only their owner may read the file, and a folder that was made for it.

    Raises
    ------
    StoreError : the folder or the file can't be written; the file that was at the path before is unchanged.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(0o700, parents=True, exist_ok=True)
        partial.touch(0o600)
        if isinstance(content, bytes):
            partial.write_bytes(content)
        else:
            with partial.open("wb") as file:
                file.writelines(content)
        partial.replace(path)
    except BaseException as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        raise StoreError(
            "Expected to write {file} in {parent!r}: {error}.",
            hint="Give a folder that you can write to, with room left; close the file if it is open elsewhere.",
            file=path.name,
            parent=str(path.parent),
            error=error.strerror or error,
        ) from error
    return path
