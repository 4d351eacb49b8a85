"""The process that reads one file for `readers.process`, within limits that the kernel holds.

Enters: one argument, JSON: a path, a kind, options, limits. Leaves: frames on standard output: what the file says of
itself, its batches, and the end or an error. Never here: a file written, a word elsewhere than in a frame.

With `--fork` and the number of a socket it opens no file: it loads the libraries, and forks itself for every task that
the socket brings. What one file does to its process, the next file's does not see.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NoReturn

if TYPE_CHECKING:  # the limits hold before a library is loaded
    import pyarrow as pa

    from basira.ingest.readers.process import About
    from basira.ingest.readers.source import Source, SourceBatch
    from basira.ingest.readers.starting import Task


def main() -> None:
    if sys.argv[1] == "--fork":
        serve(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, fileno=int(sys.argv[2])))
        return
    task = json.loads(sys.argv[1])
    limit(task["memory_bytes"], task["seconds"])
    pipe = os.dup(1)
    # A library that prints would break the frames.
    os.dup2(2, 1)
    read_file(task, pipe)


def serve(tasks: socket.socket) -> None:
    """Fork a process for every task, until the other end of the socket is closed; then end them all."""
    # One of a terminal's keys ends the command, and with it the socket.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    load_libraries()
    from basira.ingest.readers.starting import MOST_BYTES, START

    running: set[int] = set()
    try:
        while True:
            packet, descriptors, _, _ = socket.recv_fds(tasks, MOST_BYTES, 1)
            if not packet:
                break
            if packet[:1] == START:
                number = os.fork()
                if not number:
                    tasks.close()
                    read_forked(packet[1:], descriptors[0])
                running.add(number)
                answer = number
            else:
                number = int(packet[1:])
                running.discard(number)
                answer = end(number)
            for descriptor in descriptors:
                os.close(descriptor)
            tasks.send(str(answer).encode())
    finally:
        for number in running:
            end(number)


def read_forked(text: bytes, pipe: int) -> NoReturn:
    """Do a task in the process that was just forked for it; never return to what forked it."""
    try:
        task = json.loads(text)
        limit(task["memory_bytes"], task["seconds"])
        read_file(task, pipe)
    finally:
        os._exit(1)


def end(number: int) -> int:
    """Kill a process that was forked here, and say how it ended. One that ended before keeps its own code."""
    os.kill(number, signal.SIGKILL)
    _, status = os.waitpid(number, 0)
    return os.waitstatus_to_exitcode(status)


def load_libraries() -> None:
    """Import what reads files. No thread of theirs works yet: it would be absent from what is forked."""
    from importlib import import_module

    for name in ("parquet", "xlsx", "jsonl", "sad_xml", "process"):
        import_module(f"basira.ingest.readers.{name}")
    import_module("python_calamine")


def read_file(task: Task, descriptor: int) -> NoReturn:
    """Read the task's file, and end the process."""
    from basira.ingest.readers.process import FAILED, NO_MEMORY

    pipe = os.fdopen(descriptor, "wb", buffering=0)
    try:
        send(task, pipe)
    except MemoryError:
        os._exit(NO_MEMORY)
    except BrokenPipeError:  # the parent stopped reading
        os._exit(0)
    except Exception as error:
        write_frame(pipe, FAILED, json.dumps(explain(error, Path(task["path"]))).encode())
    # Not through the interpreter's end: threads of a library that has no memory left may never come to theirs.
    os._exit(0)


def limit(memory_bytes: int, seconds: int) -> None:
    """Limit this process for good: memory, processor time, no file written, no core dump.

    The memory is what the kernel counts as private and writable (RLIMIT_DATA): address space that libraries reserve
    and never use does not count. macOS does not hold it: there the time and the checks of the readers remain.
    """
    limits = {
        resource.RLIMIT_DATA: (memory_bytes, memory_bytes),
        resource.RLIMIT_CPU: (seconds, seconds + 5),
        resource.RLIMIT_FSIZE: (0, 0),
        resource.RLIMIT_CORE: (0, 0),
    }
    for what, (soft, hard) in limits.items():
        _, highest = resource.getrlimit(what)
        if highest != resource.RLIM_INFINITY:
            soft, hard = min(soft, highest), min(hard, highest)
        resource.setrlimit(what, (soft, hard))


def send(task: Task, pipe: BinaryIO) -> None:
    """Open the file, and send what it holds."""
    from basira.ingest.mapping.model import SourceFormat
    from basira.ingest.readers import bounds
    from basira.ingest.readers.process import BATCH, FINISHED, OPENED

    for name, value in task["bounds"].items():
        setattr(bounds, name, value)
    path = Path(task["path"])
    source = reader(task["kind"])(path, SourceFormat(**task["options"]))
    bounds.check_columns_count(path, len(source.columns))
    about: About = {
        "columns": source.columns,
        "is_open": source.is_open,
        "is_simulated": source.is_simulated,
        "header": [source.header.row, source.header.rows],
        "sheet": source.sheet,
        "alike": source.alike,
        "near": source.near,
        "note": source.note,
    }
    write_frame(pipe, OPENED, json.dumps(about).encode())
    unpacked = 0
    for batch in source.batches():
        bounds.check_columns_count(path, batch.frame.width)
        for table in pieces(path, batch):
            unpacked += table.nbytes
            bounds.check_unpacked(path, source.size_bytes, unpacked)
            write_frame(pipe, BATCH, stream_of(table))
    write_frame(pipe, FINISHED, b"")


def reader(kind: str) -> Callable[..., Source]:
    """The function that opens files of this kind."""
    if kind == "parquet":
        from basira.ingest.readers.parquet import open_parquet

        return open_parquet
    if kind == "xlsx":
        from basira.ingest.readers.xlsx import open_xlsx

        return open_xlsx
    if kind == "jsonl":
        from basira.ingest.readers.jsonl import open_jsonl

        return open_jsonl
    from basira.ingest.readers.sad_xml import open_sad_xml

    return open_sad_xml


def pieces(path: Path, batch: SourceBatch) -> Iterator[pa.Table]:
    """A batch as tables of `bounds` at most; its broken rows with the last. Raises SourceError: a row too long."""
    import pyarrow as pa

    from basira.ingest.readers import bounds
    from basira.ingest.readers.process import ABOUT, ROW_COLUMN

    whole = batch.frame.to_arrow().append_column(ROW_COLUMN, pa.array(batch.rows.to_numpy(), pa.int64()))
    broken = [[row.row, row.code, row.expected, row.text, row.columns] for row in batch.broken]
    at, most = 0, bounds.piece_rows(batch.frame.width)
    while True:
        count = min(most, len(whole) - at)
        while count > 1 and whole.slice(at, count).nbytes > bounds.PIECE_BYTES:
            count //= 2
        table = whole.slice(at, count)
        if table.nbytes > bounds.LONGEST_ROW_BYTES and count == 1:
            raise bounds.too_long(path)
        at += count
        is_last = at >= len(whole)
        about = {
            "broken": broken if is_last else [],
            "bytes_read": batch.bytes_read,
            "not_data": [astuple(entry) for entry in batch.not_data] if is_last else [],
            "lines": batch.lines if is_last else None,
        }
        yield table.replace_schema_metadata({ABOUT: json.dumps(about)})
        if is_last:
            return


def stream_of(table: pa.Table) -> memoryview:
    """A table as a stream of Arrow."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return memoryview(sink.getvalue())


def write_frame(pipe: BinaryIO, kind: bytes, body: bytes | memoryview) -> None:
    from basira.ingest.readers.process import FRAME

    for part in (memoryview(FRAME.pack(kind, len(body))), memoryview(body)):
        at = 0
        while at < len(part):
            at += pipe.write(part[at:])


def explain(error: Exception, path: Path) -> dict[str, object]:
    """An error as it is sent: Basira's own as it is, any other as a file that can't be read."""
    from basira.schema.errors import BasiraError, SourceError

    if not isinstance(error, BasiraError):
        error = SourceError(
            "Expected a whole file, {file} can't be read ({error}). Nothing of it was stored.",
            hint="Copy or export the file again, or as CSV.",
            file=path.name,
            error=" ".join(f"{type(error).__name__}: {error}".split())[:200],
        )
    return {"code": error.code, "message": error.message_phrase.pack(), "hint": error.hint_phrase.pack()}


if __name__ == "__main__":
    main()
