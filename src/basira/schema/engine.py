"""DuckDB that reads the files it is given, and nothing else of the machine.

Enters: bounds, the files to read. Leaves: a connection whose configuration is locked. Never here: a query; what is in
the files. Everything in this project that opens DuckDB opens it here: `storage.engine` with a scratch folder, rooms
without one.

A statement that somebody managed to write for us can then neither read another file, nor reach the network, nor load an
extension, nor take these bounds back.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb


def open_locked(
    database: Path | None = None, *, reads: Iterable[Path] = (), threads: int | None = None, memory: str | None = None,
    spill: Path | None = None, keeps_order: bool = True,
) -> duckdb.DuckDBPyConnection:  # fmt: skip
    """A connection to ``database`` (None: in memory) that opens ``reads``, itself and ``spill``, and no other file.

    ``keeps_order``: rows come as they were inserted, at a cost of memory.

    DuckDB knows no right to read alone: a statement could overwrite a file among ``reads``. The store proves its files
    by their hashes.

    Raises duckdb.Error when ``memory`` is not a size.
    """
    import duckdb

    con = duckdb.connect(":memory:" if database is None else str(database))
    try:
        if memory is not None:
            con.execute("set memory_limit = ?", [memory])
        if threads is not None:
            con.execute("set threads = ?", [threads])
        if spill is not None:
            con.execute("set temp_directory = ?", [str(spill)])
        con.execute("set preserve_insertion_order = ?", [keeps_order])
        con.execute("set enable_progress_bar = false")
        con.execute("set allowed_paths = ?", [[str(path) for path in reads]])
        # Everything needed is built in; nothing is to be fetched from anywhere.
        con.execute("set autoinstall_known_extensions = false")
        con.execute("set autoload_known_extensions = false")
        con.execute("set allow_community_extensions = false")
        # A table is one of the database, never a variable of the program that has its name.
        con.execute("set python_enable_replacements = false")
        con.execute("set enable_external_access = false")
        con.execute("set lock_configuration = true")
    except BaseException:
        con.close()
        raise
    return con
