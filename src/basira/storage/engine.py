"""An engine with bounds: memory, threads, and a scratch folder of its own.

Enters: the bounds. Leaves: an engine that spills to disk instead of growing. Never here: what is
computed on it.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from basira.engines.duckdb import open_duckdb
from basira.engines.engine import Engine
from basira.schema.errors import StoreError, UsageError

DEFAULT_MEMORY = "2GB"
DEFAULT_THREADS = 2


@contextmanager
def open_engine(
    *,
    reads: Iterable[Path] = (),
    memory: str = DEFAULT_MEMORY,
    threads: int = DEFAULT_THREADS,
    scratch: Path | None = None,
) -> Iterator[Engine]:
    """Open a scratch database on disk; it is removed, with all that spilled, when the block ends.

    Parameters
    ----------
    reads : the files that may be read: those of a snapshot (`Snapshot.all_files`). No other file, no network.
    memory : DuckDB's own limit; the process needs some 0.5 GB besides.
    threads : worker threads.
    scratch : where the temporary folder is made; the system's place by default.

    Raises UsageError when ``memory`` is not a size, StoreError when it does not suffice.
    """
    folder = Path(tempfile.mkdtemp(prefix="basira-", dir=scratch))
    try:
        with ExitStack() as opened:
            yield _open(opened, folder, reads, memory, threads)
    except duckdb.OutOfMemoryException as error:
        raise StoreError(
            "The computation needs more than the {memory} of memory, or the disk, that it was given.",
            hint="Give more with --memory, or free room in the system's temporary folder.",
            memory=memory,
        ) from error
    except RuntimeError as error:
        # DuckDB raises its own error for a Ctrl-C during a query; every caller expects KeyboardInterrupt.
        if "Query interrupted" in str(error):
            raise KeyboardInterrupt from error
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _open(opened: ExitStack, folder: Path, reads: Iterable[Path], memory: str, threads: int) -> Engine:
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
            "--memory: expected a number and its unit, found {memory!r}.",
            hint="For example --memory 2GB.",
            memory=memory,
        ) from error


def fetch_frame(con: Engine, sql: str, parameters: Mapping[str, object] | None = None) -> pl.DataFrame:
    """The rows of a query as a Polars frame."""
    return pl.DataFrame(con.fetch_arrow(sql, parameters))


def fetch_value(con: Engine, sql: str, parameters: Mapping[str, object] | None = None) -> Any:
    """The first column of the first row of a query, or None."""
    rows = con.fetch_rows(sql, parameters)
    return rows[0][0] if rows else None
