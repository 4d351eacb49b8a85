"""Spark as an `Engine`: Spark SQL through Spark Connect, for what one machine does not hold.

Enters: a session of Spark Connect (a cluster's, or one of this machine), a folder that every worker reads and writes.
Leaves: an `Engine` that gives the rows that DuckDB gives. Never here: a statement; the dialect (`spark_sql`).

Each table is Parquet in the folder, under its name and a number: a table that is made anew leaves the one that a
running query reads, and what is finished outlives a worker that is lost.
"""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from basira.engines.duckdb import open_duckdb
from basira.engines.spark_sql import MovingQuantiles, dropped, inserted, moving_quantiles, translate, without_part
from basira.schema.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql.connect.dataframe import DataFrame
    from pyspark.sql.connect.session import SparkSession
    from pyspark.sql.types import StructType


@contextmanager
def open_local_session() -> Iterator[SparkSession]:
    """Spark on this machine, by Sail: no Java, no port but one of this machine's own. Needs basira[spark]."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of pandas, which nothing here uses
        from pysail.spark import SparkConnectServer
        from pyspark.sql.connect.session import SparkSession

    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    try:
        host, port = server.listening_address
        session = SparkSession.builder.remote(f"sc://{host}:{port}").create()
        try:
            yield session
        finally:
            session.stop()
    finally:
        server.stop()


# Rows of equal keys go to one part; a part is one worker's, in its memory.
PARTS = 16


class SparkEngine:
    """An `Engine` on one session. ``folder``: for its tables; empty, and this session's own."""

    def __init__(self, session: SparkSession, folder: Path, *, parts: int = PARTS) -> None:
        self._session = session
        self._folder = folder
        self._parts = parts
        self._numbers = count(1)
        self._paths: dict[str, Path] = {}
        # Of the columns of every table, by name: a name means one thing in all of them.
        self._kinds: dict[str, str] = {}

    def execute(self, statement: str, parameters: Mapping[str, object] | None = None) -> None:
        if (found := inserted(statement)) is not None:
            name, query = found
            self._query(query, parameters).write.mode("append").parquet(str(self._paths[name]))
            self._show(name, self._paths[name], self._session.table(name).schema)
        elif (gone := dropped(statement)) is not None:
            self._drop(gone)
        else:
            raise UsageError(
                "Expected a statement that adds rows or drops a table, found: {statement}",
                hint="Make a table by create_table.",
                statement=statement[:60],
            )

    def create_table(self, name: str, query: str, parameters: Mapping[str, object] | None = None) -> None:
        self._keep(name, self._query(query, parameters))

    def register(self, name: str, rows: pa.Table) -> None:
        self._keep(name, self._session.createDataFrame(rows))

    def files(self, paths: Sequence[Path]) -> str:
        frames = [self._session.read.parquet(str(path)) for path in paths]
        united = frames[0]
        for frame in frames[1:]:
            united = united.unionByName(frame, allowMissingColumns=True)
        name = f"files_{next(self._numbers)}"
        united.createOrReplaceTempView(name)
        return name

    def columns(self, relation: str) -> tuple[str, ...]:
        return tuple(self._session.table(relation).columns)

    def fetch_rows(self, query: str, parameters: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self._query(query, parameters).collect()]

    def fetch_arrow(self, query: str, parameters: Mapping[str, object] | None = None) -> pa.Table:
        return self._query(query, parameters).toArrow()

    def fetch_batches(self, query: str, *, rows: int) -> Iterator[pa.RecordBatch]:
        # Whole in this process's memory: files of several workers have no order.
        yield from self.fetch_arrow(query).to_batches(rows)

    def _query(self, query: str, parameters: Mapping[str, object] | None) -> DataFrame:
        if (moving := moving_quantiles(query)) is not None:
            self._keep(moving.name, self._compute_moving(moving))
            query = without_part(query, moving.name)
        return self._session.sql(translate(query, parameters, kinds=self._kinds))

    def _compute_moving(self, moving: MovingQuantiles) -> DataFrame:
        """Quantiles over a moving window, computed key by key by DuckDB where the key's rows are."""
        rows = self._session.table(moving.source).select(*moving.columns)
        query, source = moving.query, moving.source

        def compute(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            import pyarrow as pa

            from basira.engines.duckdb import open_duckdb

            if not (found := list(batches)):
                return
            with open_duckdb(threads=1) as engine:
                engine.register(source, pa.Table.from_batches(found))
                yield from engine.fetch_arrow(query).to_batches()

        with open_duckdb(threads=1) as engine:
            engine.register(source, rows.limit(0).toArrow())
            schema = engine.fetch_arrow(query).schema
        return rows.repartition(self._parts, moving.key).mapInArrow(compute, _ddl(schema))

    def _keep(self, name: str, rows: DataFrame) -> None:
        path = self._folder / f"{name}-{next(self._numbers)}"
        rows.write.parquet(str(path))
        before = self._paths.get(name)
        self._show(name, path, rows.schema)
        if before is not None:
            _remove(before)

    def _show(self, name: str, path: Path, schema: StructType) -> None:
        # With its columns: no file says them where no row is.
        self._session.read.schema(schema).parquet(str(path)).createOrReplaceTempView(name)
        self._paths[name] = path
        self._kinds |= {field.name: field.dataType.simpleString() for field in schema}

    def _drop(self, name: str) -> None:
        path = self._paths.pop(name, None)
        if path is not None:
            self._session.catalog.dropTempView(name)
            _remove(path)


def _remove(path: Path) -> None:
    if path.exists():  # a table without rows may have no folder
        shutil.rmtree(path)


def _ddl(schema: pa.Schema) -> str:
    """The columns of a schema as Spark writes them."""
    names = {"int64": "bigint", "int32": "int", "double": "double", "string": "string", "bool": "boolean"}

    def kind(one: pa.DataType) -> str:
        text = str(one)
        return f"array<{kind(one.value_type)}>" if text.startswith("list") else names[text]

    return ", ".join(f"{field.name} {kind(field.type)}" for field in schema)
