"""An engine with bounds: memory, threads, and a scratch folder of its own.

Enters: the bounds. Leaves: an engine that spills to disk instead of growing. Never here: what is
computed on it.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from basira.engines.duckdb import DuckDBEngine, open_duckdb
from basira.engines.engine import Engine
from basira.schema.errors import StoreError, UsageError

DEFAULT_MEMORY = "2GB"
DEFAULT_THREADS = 2
_AGAIN_SECONDS = 0.2


@contextmanager
def open_engine(
    *,
    reads: Iterable[Path] = (),
    memory: str = DEFAULT_MEMORY,
    threads: int = DEFAULT_THREADS,
    scratch: Path | None = None,
    seconds: float | None = None,
) -> Iterator[Engine]:
    """Open a scratch database on disk; it is removed, with all that spilled, when the block ends.

    Parameters
    ----------
    reads : the files that may be read: those of a snapshot (`Snapshot.all_files`). No other file, no network.
    memory : DuckDB's own limit; the process needs some 0.5 GB besides.
    threads : worker threads.
    scratch : where the temporary folder is made; the system's place by default.
    seconds : time that queries may take in all, from now on; one that runs then is ended. None: as long as it takes.

    Raises UsageError when ``memory`` is not a size or ``seconds`` are over, StoreError when memory does not suffice.
    """
    folder = Path(tempfile.mkdtemp(prefix="basira-", dir=scratch))
    try:
        with ExitStack() as opened:
            engine = _open(opened, folder, reads, memory, threads)
            if seconds is not None:
                opened.enter_context(_ending_after(engine, seconds))
            yield engine
    except duckdb.InterruptException as error:
        raise UsageError(
            f"Expected a computation of {seconds:.0f} seconds at most, found a longer one.",
            hint="Ask for fewer days; the command line has no such bound.",
        ) from error
    except duckdb.OutOfMemoryException as error:
        raise StoreError(
            f"The computation needs more than the {memory} of memory, or the disk, that it was given.",
            hint="Give more with --memory, or free room in the system's temporary folder.",
        ) from error
    except RuntimeError as error:
        # DuckDB raises its own error for a Ctrl-C during a query; every caller expects KeyboardInterrupt.
        if "Query interrupted" in str(error):
            raise KeyboardInterrupt from error
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _ending_after(engine: DuckDBEngine, seconds: float) -> Iterator[None]:
    """End the queries of an engine that run later than so many seconds from now."""
    is_closed = threading.Event()

    def watch() -> None:
        wait = seconds
        # Again and again: between two queries there is none to end.
        while not is_closed.wait(wait):
            engine.interrupt()
            wait = _AGAIN_SECONDS

    watcher = threading.Thread(target=watch, name="time of queries", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        is_closed.set()
        watcher.join()


def _open(opened: ExitStack, folder: Path, reads: Iterable[Path], memory: str, threads: int) -> DuckDBEngine:
    try:
        # Nothing that is computed depends on the order in which rows were inserted.
        return opened.enter_context(
            open_duckdb(
                folder / "scratch.duckdb",
                reads=reads,
                threads=threads,
                memory=memory,
                spill=folder / "spill",
                keeps_order=False,
            )
        )
    except duckdb.ParserException as error:
        raise UsageError(
            f"--memory: expected a number and its unit, found {memory!r}.", hint="For example --memory 2GB."
        ) from error


def fetch_frame(con: Engine, sql: str, parameters: Mapping[str, object] | None = None) -> pl.DataFrame:
    """The rows of a query as a Polars frame."""
    return pl.DataFrame(con.fetch_arrow(sql, parameters))


def fetch_value(con: Engine, sql: str, parameters: Mapping[str, object] | None = None) -> Any:
    """The first column of the first row of a query, or None."""
    rows = con.fetch_rows(sql, parameters)
    return rows[0][0] if rows else None
