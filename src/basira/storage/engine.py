"""A DuckDB connection with bounds: memory, threads, and a scratch folder of its own.

Enters: the bounds. Leaves: a connection that spills to disk instead of growing. Never here: what is
computed on it.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from basira.schema.engine import open_locked
from basira.schema.errors import StoreError, UsageError

DEFAULT_MEMORY = "2GB"
DEFAULT_THREADS = 2


@contextmanager
def open_engine(
    *, reads: Iterable[Path] = (), memory: str = DEFAULT_MEMORY, threads: int = DEFAULT_THREADS,
    scratch: Path | None = None,
) -> Iterator[duckdb.DuckDBPyConnection]:  # fmt: skip
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
    con: duckdb.DuckDBPyConnection | None = None
    try:
        con = _open(folder, reads, memory, threads)
        yield con
    except duckdb.OutOfMemoryException as error:
        raise StoreError(
            f"The computation needs more than the {memory} of memory, or the disk, that it was given.",
            hint="Give more with --memory, or free room in the system's temporary folder.",
        ) from error
    except RuntimeError as error:
        # DuckDB tells a Ctrl-C during a query in its own way; to everyone above it is a Ctrl-C.
        if "Query interrupted" in str(error):
            raise KeyboardInterrupt from error
        raise
    finally:
        if con is not None:
            con.close()
        shutil.rmtree(folder, ignore_errors=True)


def _open(folder: Path, reads: Iterable[Path], memory: str, threads: int) -> duckdb.DuckDBPyConnection:
    try:
        # Nothing that is computed depends on the order in which rows were inserted.
        return open_locked(
            folder / "scratch.duckdb", reads=reads, threads=threads, memory=memory, spill=folder / "spill",
            keeps_order=False,
        )  # fmt: skip
    except duckdb.ParserException as error:
        raise UsageError(
            f"--memory: expected a number and its unit, found {memory!r}.", hint="For example --memory 2GB."
        ) from error


def fetch_frame(con: duckdb.DuckDBPyConnection, sql: str, parameters: dict[str, object] | None = None) -> pl.DataFrame:
    """The rows of a query as a Polars frame."""
    return pl.DataFrame(con.sql(sql, params=parameters).to_arrow_table())


def fetch_value(con: duckdb.DuckDBPyConnection, sql: str, parameters: dict[str, object] | None = None) -> Any:
    """The first column of the first row of a query, or None; the result is read to its end.

    A result left half-read keeps the connection busy: DuckDB 2 refuses the next query then.
    """
    rows = con.execute(sql, parameters).fetchall()
    return rows[0][0] if rows else None
