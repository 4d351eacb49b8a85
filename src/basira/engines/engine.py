"""The engine that features, labels and statistics ask: a handful of methods over one dialect of SQL.

Enters: SQL in the dialect of DuckDB, parameters by name. Leaves: tables of the engine, rows, Arrow. Never here: an
implementation; which functions a statement may use beyond the standard is written in docs/explanation/features.md.

Statements are those that sqlglot translates to Spark (`tests/features/batch/test_portable_sql.py`). Names of tables are
names of our own; a text from outside is a parameter, or quoted by `basira.schema.sql`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa


class Engine(Protocol):
    """One scratch database: its tables are temporary, private, and gone when it is closed.

    ``parameters``: values of ``$name`` in the SQL; those that the SQL does not name are left out.

    Every engine has the function ``sha_key(text)``: the first 60 bits of the text's SHA-256 (UTF-8) as a BIGINT, null
    for null. So a key is the same number on every engine.
    """

    def execute(self, statement: str, parameters: Mapping[str, object] | None = None) -> None:
        """Run a statement that returns nothing."""
        ...

    def create_table(self, name: str, query: str, parameters: Mapping[str, object] | None = None) -> None:
        """Create the table ``name``, or replace it, with the rows of a query as they are now."""
        ...

    def register(self, name: str, rows: pa.Table) -> None:
        """Create the table ``name``, or replace it, with rows from Arrow."""
        ...

    def files(self, paths: Sequence[Path]) -> str:
        """Parquet files as a relation, to put behind FROM: their columns united by name, null where a file lacks one.

        At least one file.
        """
        ...

    def columns(self, relation: str) -> tuple[str, ...]:
        """The names of a relation's columns, in order."""
        ...

    def fetch_rows(self, query: str, parameters: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        ...

    def fetch_arrow(self, query: str, parameters: Mapping[str, object] | None = None) -> pa.Table:
        """All rows of a query, as Arrow."""
        ...

    def fetch_batches(self, query: str, *, rows: int) -> Iterator[pa.RecordBatch]:
        """The rows of a query as Arrow, at most about ``rows`` in memory at a time. Read them to their end."""
        ...
