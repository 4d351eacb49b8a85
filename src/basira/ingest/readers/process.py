"""A file read by a process of its own, which may take so much memory and time and no more.

Enters: a path, its kind and how it is written. Leaves: a `Source` whose batches come over a pipe, one at a time: the
other process waits until this one has taken a batch. Never here: a library that reads the file. What a file does to
its reader (no memory left, a crash in native code, no end) is one SourceError here, and nothing of it stays.

The other process (`readers.child`, started by `readers.starting`) gets a path and plain JSON, and can send nothing but
Arrow batches, which are validated, and JSON. It reads one file, writes none, and has none of this process's settings
and secrets.
"""

from __future__ import annotations

import contextlib
import json
import select
import signal
import struct
import sys
import time
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypedDict

import polars as pl
import pyarrow as pa

from basira.ingest.mapping.model import SourceFormat
from basira.ingest.readers import bounds
from basira.ingest.readers.source import BrokenRow, Source, SourceBatch
from basira.ingest.readers.starting import Running, Task, start
from basira.ingest.readers.table import HeaderPlace, NotData
from basira.schema.errors import BasiraError, MappingError, Phrase, SourceError

# A frame: its kind, its length, its bytes. A batch is a stream of Arrow, all else JSON.
FRAME = struct.Struct(">cQ")
OPENED, BATCH, FAILED, FINISHED = b"O", b"B", b"F", b"."
ROW_COLUMN = "(row)"  # the last column of a batch: the numbers of its rows
ABOUT = b"basira"  # the schema's metadata under which a batch says its broken rows, as JSON
NO_MEMORY = 77  # how the process ends when an allocation failed and Python lived to see it

# A batch, twice for what Arrow adds, and 20,000 broken rows of 500 characters that JSON writes in six bytes each.
_LONGEST_FRAME = 2 * (bounds.PIECE_BYTES + bounds.LONGEST_ROW_BYTES) + (64 << 20)
# Idle it may be as long as a slow disk needs; busy, its processor time is limited.
_IDLE_SECONDS = 120


def open_apart(path: Path, kind: str, options: SourceFormat) -> Source:
    """Open a file in a process of its own.

    That process goes on reading, and is the one of the first call of ``batches``; each later call starts another.

    Raises SourceError, MappingError: as the reader of this kind, and when it takes more than `bounds` allow.
    """
    if sys.platform == "win32":
        raise SourceError(
            "Expected a system that limits the memory of a process, to read {file}; found Windows.",
            hint="Read it under Linux or macOS, or export it as CSV, which needs no such limit.",
            file=path.name,
        )
    size = path.stat().st_size
    waiting = [_Reader(path, kind, options, size)]
    about = waiting[0].read_about()

    def batches() -> Iterator[SourceBatch]:
        reader = waiting.pop() if waiting else _Reader(path, kind, options, size)
        try:
            reader.read_about()
            yield from reader.batches()
        finally:
            reader.close()

    def release() -> None:
        while waiting:
            waiting.pop().close()

    sheet = about["sheet"]
    return Source(
        path,
        kind,
        tuple(about["columns"]),
        bool(about["is_open"]),
        size,
        batches,
        bool(about["is_simulated"]),
        release,
        HeaderPlace(*map(int, about["header"])),
        sheet if isinstance(sheet, str) else tuple(map(str, sheet)),
        tuple(map(str, about["alike"])),
        tuple(map(str, about["near"])),
        str(about["note"]),
    )


class About(TypedDict):
    """What a file says of itself before its rows: the fields of `Source`. ``header``: row, and number of rows."""

    columns: Sequence[str]
    is_open: bool
    is_simulated: bool
    header: Sequence[int]
    sheet: str | Sequence[str]
    alike: Sequence[str]
    near: Sequence[str]
    note: str


class _Reader:
    """One process that reads one file once."""

    def __init__(self, path: Path, kind: str, options: SourceFormat, size: int) -> None:
        self._path = path
        self._memory, self._seconds = bounds.memory_bytes(size), bounds.seconds(size)
        task: Task = {
            "path": str(path.absolute()),
            "kind": kind,
            "options": options.model_dump(mode="json"),
            "memory_bytes": self._memory,
            "seconds": self._seconds,
            # The settings of this process: the one place where they are set.
            "bounds": {name: value for name, value in vars(bounds).items() if name.isupper()},
        }
        self._running = start(task)
        self._about: About | None = None
        self.close = weakref.finalize(self, _end, self._running)

    def read_about(self) -> About:
        """What the file says of itself: columns, is_open, is_simulated."""
        if self._about is None:
            self._about = json.loads(self._expect(OPENED)[1])
        return self._about

    def batches(self) -> Iterator[SourceBatch]:
        while True:
            kind, body = self._expect(BATCH, FINISHED)
            if kind == FINISHED:
                return
            yield _batch(body)

    def _expect(self, *kinds: bytes) -> tuple[bytes, bytearray]:
        kind, length = FRAME.unpack(self._receive(FRAME.size))
        if length > _LONGEST_FRAME or kind not in (*kinds, FAILED):
            self.close()
            raise self._memory_error(Phrase("it sent what no reader sends"))
        body = self._receive(length)
        if kind == FAILED:
            self.close()
            raise _rebuild_error(json.loads(body))
        return kind, body

    def _receive(self, count: int) -> bytearray:
        """So many bytes of the pipe. Raises SourceError when it ends before, or when nothing comes."""
        pipe = self._running.pipe
        body, at = bytearray(count), 0
        until = time.monotonic() + 2 * self._seconds + _IDLE_SECONDS
        while at < count:
            ready, _, _ = select.select([pipe], [], [], max(until - time.monotonic(), 0))
            if not ready:
                self.close()
                raise self._late()
            got = pipe.readinto(memoryview(body)[at:])
            if not got:
                raise self._explain(self._running.end())
            at += got
        return body

    def _explain(self, code: int) -> SourceError:
        """Why the process ended without a word."""
        self.close()
        if code == -signal.SIGXCPU:
            return self._late()
        if code == NO_MEMORY:
            return self._memory_error(Phrase("more was asked for"))
        if code < 0:
            return self._memory_error(
                Phrase(
                    "{signal} ended it: no memory was left, or the file is damaged", signal=signal.Signals(-code).name
                )
            )
        return self._memory_error(Phrase("it ended with {code}", code=code))

    def _memory_error(self, how: Phrase) -> SourceError:
        return SourceError(
            "Expected to read {file} in at most {memory:,} MB of memory; {how}. Nothing of it was stored.",
            hint="Check where the file comes from: a small file can be made to fill the memory. A file that is right "
            "goes in as CSV, which is read piece by piece.",
            file=self._path.name,
            memory=self._memory >> 20,
            how=how,
        )

    def _late(self) -> SourceError:
        return SourceError(
            "Expected to read {file} in at most {seconds:,} seconds of a processor; it took more. Nothing of it "
            "was stored.",
            hint="Check where the file comes from: a small file can be made to read for ever. A file that is right "
            "goes in as CSV, or in several parts.",
            file=self._path.name,
            seconds=self._seconds,
        )


def _end(running: Running) -> None:
    running.end()
    with contextlib.suppress(OSError):
        running.pipe.close()


def _batch(body: bytearray) -> SourceBatch:
    with pa.ipc.open_stream(pa.py_buffer(body)) as stream:
        table = stream.read_all()
    # The process that wrote it has read an untrusted file.
    table.validate(full=True)
    about = json.loads(table.schema.metadata[ABOUT])
    rows = table.column(ROW_COLUMN)
    frame = pl.DataFrame(pl.from_arrow(table.drop_columns([ROW_COLUMN])))
    broken = tuple(BrokenRow(int(row), *entry) for row, *entry in about["broken"])
    aside = tuple(NotData(str(kind), int(line), int(n), str(text)) for kind, line, n, text in about["not_data"])
    lines = None if about["lines"] is None else int(about["lines"])
    return SourceBatch(frame, pl.Series("row", rows, dtype=pl.Int64), broken, int(about["bytes_read"]), aside, lines)


def _rebuild_error(about: dict[str, Any]) -> BasiraError:
    kind = MappingError if about["code"] == MappingError.code else SourceError
    return kind(Phrase.unpack(about["message"]), hint=Phrase.unpack(about["hint"]))
