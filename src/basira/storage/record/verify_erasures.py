"""Which of the values that are gone were erased: a comparison of many millions, in little memory.

Enters: the digests that the audit names as erased; those that events name and no table keeps. Leaves: those that no
erasure names. Never here: a database; a personal value.

Erasures are not in the order of events, and a record of years has more of them than memory holds. So both lists are put
aside, parted by their first bits, and compared part by part. This is done on the machine that proves and not in the
database: an auditor may only read there, and a standby accepts no new table.
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from types import TracebackType
from typing import IO, Any, Self

from basira.schema.errors import StoreError

_PARTS = 64  # of a hundred million, one is a million and a half: some 150 MB
_KEY_BYTES = 16
_ERASED = struct.Struct(f"{_KEY_BYTES}s")
_ASKED = struct.Struct(f"<{_KEY_BYTES}sq")  # key, sequence of the event
_READ = 65_536  # records at a time


def key_of(digest: str) -> bytes:
    """A short key for a digest; a digest of an altered payload may be any text."""
    return blake2b(digest.encode(errors="backslashreplace"), digest_size=_KEY_BYTES).digest()


class ErasedDigests:
    """What was erased and what is asked for, on the disk: 40 bytes for each value erased, in the folder for temporary
    files. They are gone when the process is. ``found``: asked for and erased, after `unanswered`.

    Raises StoreError when the disk has no room.
    """

    def __init__(self) -> None:
        self._erased: dict[int, IO[bytes]] = {}
        self._asked: dict[int, IO[bytes]] = {}
        self.found = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in (*self._erased.values(), *self._asked.values()):
            with suppress(OSError):  # what could not be written was said before
                file.close()

    def add(self, digests: Iterable[str]) -> None:
        """Digests that an erasure names."""
        with _room():
            for digest in digests:
                key = key_of(digest)
                _file(self._erased, key).write(key)

    def ask(self, digest: str, sequence: int) -> None:
        """Add a digest that an event names and no table keeps."""
        key = key_of(digest)
        with _room():
            _file(self._asked, key).write(_ASKED.pack(key, sequence))

    def find_missing(self) -> Iterator[tuple[int, bytes]]:
        """Sequence of the event, and `key_of` the digest, of those asked for that no erasure names; in no order."""
        self.found = 0
        for part, asked in self._asked.items():
            erased = {key for (key,) in _records(self._erased.get(part), _ERASED)}
            for key, sequence in _records(asked, _ASKED):
                if key in erased:
                    self.found += 1
                else:
                    yield sequence, key


def _file(files: dict[int, IO[bytes]], key: bytes) -> IO[bytes]:
    part = key[0] % _PARTS
    if part not in files:
        files[part] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with all the others
    return files[part]


def _records(file: IO[bytes] | None, record: struct.Struct) -> Iterator[tuple[Any, ...]]:
    if file is None:
        return
    with _room():
        file.seek(0)
    while block := file.read(record.size * _READ):
        yield from record.iter_unpack(block)


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            "Expected room for temporary files in {gettempdir!r}, found: {error}.",
            hint="Free some space, or name another folder in TMPDIR: 40 bytes for each personal value ever erased.",
            gettempdir=tempfile.gettempdir(),
            error=error,
        ) from error
