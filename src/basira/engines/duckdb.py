"""DuckDB that reads the files it is given, and nothing else of the machine.

Enters: bounds, the files to read. Leaves: an `Engine` whose configuration is locked. Never here: a query; what is in
the files. Everything in this project that opens DuckDB opens it here: `storage.engine` with a scratch folder, rooms
without one.

A statement that an attacker managed to write for us can then neither read another file, nor reach the network, nor load
an extension, nor take these bounds back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from basira.schema.sql import quote_identifier, quote_literal

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_PARAMETER = re.compile(r"\$(\w+)")
_SHA_KEY = "create temp macro sha_key(text) as cast('0x' || substr(sha256(text), 1, 15) as bigint)"


class DuckDBEngine:
    """An `Engine` on one connection to DuckDB."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._con = connection
        self._con.execute(_SHA_KEY)

    @contextmanager
    def open_session(self) -> Iterator[DuckDBEngine]:
        """The same database, bounds and files for one task: its temporary tables and views are its own, and gone with
        it. A hundredth of what it costs to open a database."""
        connection = self._con.cursor()
        try:
            yield DuckDBEngine(connection)
        finally:
            connection.close()

    def interrupt(self) -> None:
        """End the query that runs now, from another thread: it raises duckdb.InterruptException."""
        self._con.interrupt()

    def execute(self, statement: str, parameters: Mapping[str, object] | None = None) -> None:
        # Read to the end: DuckDB rejects other work while a result is half-read.
        self._con.execute(statement, _select_parameters(statement, parameters)).fetchall()

    def create_table(self, name: str, query: str, parameters: Mapping[str, object] | None = None) -> None:
        self.execute(f"create or replace temp table {quote_identifier(name)} as {query}", parameters)

    def register(self, name: str, rows: pa.Table) -> None:
        self._con.register("rows_from_arrow", rows)
        try:
            self.create_table(name, "select * from rows_from_arrow")
        finally:
            self._con.unregister("rows_from_arrow")

    def files(self, paths: Sequence[Path]) -> str:
        listed = ", ".join(quote_literal(str(path)) for path in paths)
        return f"read_parquet([{listed}], union_by_name = true, hive_partitioning = false)"

    def columns(self, relation: str) -> tuple[str, ...]:
        return tuple(str(row[0]) for row in self.fetch_rows(f"describe select * from {relation}"))

    def fetch_rows(self, query: str, parameters: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        return self._con.execute(query, _select_parameters(query, parameters)).fetchall()

    def fetch_arrow(self, query: str, parameters: Mapping[str, object] | None = None) -> pa.Table:
        return self._con.sql(query, params=_select_parameters(query, parameters)).to_arrow_table()

    def fetch_batches(self, query: str, *, rows: int) -> Iterator[pa.RecordBatch]:
        yield from self._con.sql(query).to_arrow_reader(rows)


def _select_parameters(sql: str, parameters: Mapping[str, object] | None) -> dict[str, object] | None:
    """The parameters that the statement names: DuckDB rejects any other."""
    named = set(_PARAMETER.findall(sql)) if parameters else set()
    return {name: value for name, value in (parameters or {}).items() if name in named} or None


@contextmanager
def open_duckdb(
    database: Path | None = None,
    *,
    reads: Iterable[Path] = (),
    folders: Iterable[Path] = (),
    threads: int | None = None,
    memory: str | None = None,
    spill: Path | None = None,
    keeps_order: bool = True,
) -> Iterator[DuckDBEngine]:
    """DuckDB on ``database`` (None: in memory) that opens ``reads``, files in ``folders``, itself and ``spill``, and no
    other file.

    ``folders``: for files that are not written yet. ``keeps_order``: rows come as they were inserted, at a cost of
    memory.

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
        con.execute("set allowed_directories = ?", [[str(path) for path in folders]])
        # Everything needed is built in; nothing is to be fetched from anywhere.
        con.execute("set autoinstall_known_extensions = false")
        con.execute("set autoload_known_extensions = false")
        con.execute("set allow_community_extensions = false")
        # A table is one of the database, never a variable of the program that has its name.
        con.execute("set global python_enable_replacements = false")  # of every session
        con.execute("set enable_external_access = false")
        con.execute("set lock_configuration = true")
        yield DuckDBEngine(con)
    finally:
        con.close()
