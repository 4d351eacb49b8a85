"""Spark as an `Engine`: Spark SQL through Spark Connect, for what one machine does not hold.

Enters: a session of Spark Connect (a cluster's, or one of this machine), a folder that every worker reads and writes.
Leaves: an `Engine` that gives the rows that DuckDB gives. Never here: a statement; the dialect (`spark_sql`).

Each table is Parquet in the folder, under its name and a number: a table that is made anew leaves the one that a
running query reads, and what is finished outlives a worker that is lost.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import socket
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from basira.engines.duckdb import open_duckdb
from basira.engines.spark_sql import (
    MovingQuantiles,
    dropped,
    inserted,
    moving_quantiles,
    shown,
    translate,
    without_part,
)
from basira.schema.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql.connect.dataframe import DataFrame
    from pyspark.sql.connect.session import SparkSession
    from pyspark.sql.types import StructType


# What `open_session` takes for Spark on this machine, without Java.
SAIL = "sail"
_CONNECT = "sc://"
_CONNECT_PORT = 15002
_LOCAL = re.compile(r"local\[(\d+|\*)\]")
_SECONDS_TO_ANSWER = 10.0
# What Spark and object stores read as a pattern or an escape in a path.
_PATTERNS = frozenset("*?[]{}\\%#")
# Of a local Spark with Java: no page, and no port but on this machine's own address.
_LOCAL_SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.sql.shuffle.partitions": "4",
}


@contextmanager
def open_session(master: str) -> Iterator[SparkSession]:
    """A session of Spark, closed with the block.

    ``master``: `sail`, for Sail on this machine, without Java; `local[N]`, for Spark with Java on N threads of this
    machine (the package pyspark); or `sc://HOST:PORT`, for the Spark Connect server of a cluster.

    Raises UsageError when ``master`` is none of these, the packages are not installed, or no server answers.
    """
    if master == SAIL:
        _require("pysail", "pyspark")
        with open_local_session() as session:
            yield session
        return
    _require("pyspark")
    if _LOCAL.fullmatch(master):
        session = _start_local(master)
    elif master.startswith(_CONNECT):
        _require_answer(master)
        session = _connect(master)
    else:
        raise UsageError(
            "--master: expected `sail`, `local[N]` or the address of a Spark Connect server, found {master!r}.",
            hint="For example --master sail, or --master sc://spark.example:15002.",
            master=master,
        )
    try:
        yield session
    finally:
        session.stop()


def _require(*packages: str) -> None:
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise UsageError(
                "Expected the package {package} for --engine spark, found none.",
                hint="Install basira[spark].",
                package=package,
            )


def _require_answer(master: str) -> None:
    """That something listens there: Spark's client would try again for many minutes."""
    try:
        address = urlsplit(master)
        host, port = address.hostname or "", address.port or _CONNECT_PORT
    except ValueError:
        host, port = "", 0
    if not host:
        raise UsageError(
            "--master: expected sc://HOST:PORT, found {master!r}.",
            hint="For example --master sc://spark.example:15002.",
            master=master,
        )
    try:
        socket.create_connection((host, port), timeout=_SECONDS_TO_ANSWER).close()
    except OSError as error:
        raise UsageError(
            "--master: expected a Spark Connect server at {host}:{port}, found none that answers ({reason}).",
            hint="Check the address, and that the server runs.",
            host=host,
            port=port,
            reason=error.strerror or type(error).__name__,
        ) from error


def _connect(master: str) -> SparkSession:
    with _warnings_of_imports():
        from pyspark.sql.connect.session import SparkSession

    return SparkSession.builder.remote(master).create()


def _start_local(master: str) -> SparkSession:
    """Spark with Java in a process of its own; a session of Connect to it."""
    with _warnings_of_imports():
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession as Starter

    builder = Starter.builder.remote(master)
    for name, value in _LOCAL_SETTINGS.items():
        builder = builder.config(name, value)
    try:
        with warnings.catch_warnings():
            # The settings are given to the server at its start, and once more to the session, which can't change them.
            warnings.simplefilter("ignore")
            return builder.getOrCreate()
    except (PySparkException, OSError) as error:
        raise UsageError(
            "--master: expected Spark with Java on this machine for {master!r}, found none that starts ({reason}).",
            hint="Install pyspark and Java 17, or use --master sail.",
            master=master,
            reason=str(error).partition("\n")[0],
        ) from error


@contextmanager
def open_local_session() -> Iterator[SparkSession]:
    """Spark on this machine, by Sail: no Java, no port but one of this machine's own. Needs basira[spark]."""
    with _warnings_of_imports():
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


@contextmanager
def _warnings_of_imports() -> Iterator[None]:
    """Of pandas, which nothing here uses: not shown."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield


# Rows of equal keys go to one part; a part is one worker's, in its memory.
PARTS = 16


class SparkEngine:
    """An `Engine` on one session. ``folder``: for its tables; empty, and this session's own.

    Raises UsageError when ``folder``, or a file that is read, has a name that Spark takes for a pattern.
    """

    def __init__(self, session: SparkSession, folder: Path, *, parts: int = PARTS) -> None:
        _require_plain(folder)
        self._session = session
        self._folder = folder
        self._parts = parts
        self._numbers = count(1)
        self._paths: dict[str, Path] = {}
        self._views: set[str] = set()
        # Of the columns of every table, by name: a name means one thing in all of them.
        self._kinds: dict[str, str] = {}

    def execute(self, statement: str, parameters: Mapping[str, object] | None = None) -> None:
        if (found := inserted(statement)) is not None:
            name, query = found
            self._query(query, parameters).write.mode("append").parquet(str(self._paths[name]))
            self._show(name, self._paths[name], self._session.table(name).schema)
        elif (view := shown(statement)) is not None:
            name, query = view
            self._query(query, parameters).createOrReplaceTempView(name)
            self._views.add(name)
        elif (gone := dropped(statement)) is not None:
            self._drop(gone)
        else:
            raise UsageError(
                "Expected a statement that adds rows, drops a table or makes a view, found: {statement}",
                hint="Make a table by create_table.",
                statement=statement[:60],
            )

    def create_table(self, name: str, query: str, parameters: Mapping[str, object] | None = None) -> None:
        self._keep(name, self._query(query, parameters))

    def register(self, name: str, rows: pa.Table) -> None:
        self._keep(name, self._session.createDataFrame(rows))

    def files(self, paths: Sequence[Path]) -> str:
        import pyarrow.parquet as pq

        for path in paths:
            _require_plain(path)
        # Files with the same columns are one relation: a history has hundreds.
        alike: dict[pa.Schema, list[str]] = {}
        for path in paths:
            alike.setdefault(pq.read_schema(path).remove_metadata(), []).append(str(path))
        first, *others = (self._session.read.parquet(*same) for same in alike.values())
        united = first
        for frame in others:
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
        if path is not None or name in self._views:
            self._session.catalog.dropTempView(name)
            self._views.discard(name)
        if path is not None:
            _remove(path)


def _require_plain(path: Path) -> None:
    if found := sorted(_PATTERNS.intersection(str(path))):
        raise UsageError(
            "Expected a path that Spark reads as it stands, found {signs} in {path}.",
            hint="Keep the store in a folder without these signs.",
            signs=" ".join(found),
            path=str(path),
        )


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
