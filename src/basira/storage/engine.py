"""A DuckDB connection with bounds: memory, threads, and a scratch folder of its own.

Enters: the bounds. Leaves: a connection that spills to disk instead of growing. Never here: what is
computed on it.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from basira.schema.errors import StoreError, UsageError

DEFAULT_MEMORY = "2GB"
DEFAULT_THREADS = 2


@contextmanager
def open_engine(
    *, memory: str = DEFAULT_MEMORY, threads: int = DEFAULT_THREADS, scratch: Path | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a scratch database on disk; it is removed, with all that spilled, when the block ends.

    Parameters
    ----------
    memory : DuckDB's own limit; the process needs some 0.5 GB besides.
    threads : worker threads.
    scratch : where the temporary folder is made; the system's place by default.

    Raises UsageError when ``memory`` is not a size, StoreError when it does not suffice.
    """
    folder = Path(tempfile.mkdtemp(prefix="basira-", dir=scratch))
    con = duckdb.connect(str(folder / "scratch.duckdb"))
    try:
        _limit_memory(con, memory)
        con.execute("set threads = ?", [threads])
        con.execute("set temp_directory = ?", [str(folder / "spill")])
        # Nothing here depends on the order in which rows were inserted, and keeping it costs memory.
        con.execute("set preserve_insertion_order = false")
        con.execute("set enable_progress_bar = false")
        # Everything needed is built in; nothing is to be fetched from anywhere.
        con.execute("set autoinstall_known_extensions = false")
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
        con.close()
        shutil.rmtree(folder, ignore_errors=True)


def _limit_memory(con: duckdb.DuckDBPyConnection, memory: str) -> None:
    try:
        con.execute("set memory_limit = ?", [memory])
    except duckdb.Error as error:
        raise UsageError(
            f"--memory: expected a number and its unit, found {memory!r}.", hint="For example --memory 2GB."
        ) from error


def fetch_frame(con: duckdb.DuckDBPyConnection, sql: str) -> pl.DataFrame:
    """The rows of a query as a Polars frame."""
    return pl.DataFrame(con.sql(sql).to_arrow_table())


def fetch_value(con: duckdb.DuckDBPyConnection, sql: str, parameters: dict[str, object] | None = None) -> Any:
    """The first column of the first row of a query, or None; the result is read to its end.

    A result left half-read keeps the connection busy: DuckDB 2 refuses the next query then.
    """
    rows = con.execute(sql, parameters).fetchall()
    return rows[0][0] if rows else None
