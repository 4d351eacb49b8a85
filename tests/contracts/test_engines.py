"""Every engine gives the rows that DuckDB gives: features, labels, statistics and comparables, to the last bit.

Sail is Spark's interface without Java, on this machine: `make test-spark` installs it. SPARK_MASTER names another
Spark.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from basira.engines.engine import Engine
from basira.features.batch.comparables import find_comparables
from basira.features.batch.compute import compute_features
from basira.features.online.build import profile_entries
from basira.feedback.labels import label_items
from tests.support.features_world import ask, engine, random_history

pytestmark = pytest.mark.skipif(importlib.util.find_spec("pyspark") is None, reason="basira[spark] is not installed")
AS_OF = 10_600


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    from basira.engines.spark import open_session

    with open_session(os.environ.get("SPARK_MASTER", "sail")) as found:
        yield found


def rows_of(table: pa.Table) -> list[str]:
    """Each row as a text that shows its last bit, in an order of its own."""
    return sorted(repr(tuple(row.values())) for row in table.to_pylist())


class Both:
    """Two engines that are asked the same: what they make is compared at once."""

    def __init__(self, first: Engine, second: Engine) -> None:
        self.first, self.second = first, second
        self.compared = 0

    def execute(self, statement: str, parameters: Mapping[str, object] | None = None) -> None:
        self.first.execute(statement, parameters)
        self.second.execute(statement, parameters)

    def create_table(self, name: str, query: str, parameters: Mapping[str, object] | None = None) -> None:
        self.first.create_table(name, query, parameters)
        self.second.create_table(name, query, parameters)
        self.fetch_arrow(f"select * from {name}")

    def register(self, name: str, rows: pa.Table) -> None:
        self.first.register(name, rows)
        self.second.register(name, rows)

    def files(self, paths: Sequence[Path]) -> str:
        pytest.fail(f"no work here reads files: {paths}")

    def columns(self, relation: str) -> tuple[str, ...]:
        found = self.first.columns(relation)
        assert self.second.columns(relation) == found
        return found

    def fetch_rows(self, query: str, parameters: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        found = self.first.fetch_rows(query, parameters)
        assert sorted(map(repr, self.second.fetch_rows(query, parameters))) == sorted(map(repr, found)), query
        return found

    def fetch_arrow(self, query: str, parameters: Mapping[str, object] | None = None) -> pa.Table:
        found = self.first.fetch_arrow(query, parameters)
        other = self.second.fetch_arrow(query, parameters)
        assert other.column_names == found.column_names, query
        assert rows_of(other) == rows_of(found), query
        self.compared += 1
        return found

    def fetch_batches(self, query: str, *, rows: int) -> Iterator[pa.RecordBatch]:
        found = list(self.first.fetch_batches(query, rows=rows))
        other = [row for batch in self.second.fetch_batches(query, rows=rows) for row in batch.to_pylist()]
        # In the query's order.
        assert list(map(repr, other)) == [repr(row) for batch in found for row in batch.to_pylist()], query
        self.compared += 1
        yield from found


def wide(both: Engine) -> None:
    assert compute_features(both, "items", as_of_day=AS_OF, into="features")


def narrow(both: Engine) -> None:
    [(declaration, version, number)] = both.fetch_rows(
        "select declaration_id, declaration_version, item_number from items order by 1, 2, 3 limit 1"
    )
    ask(both, [(declaration, version, number)])
    assert compute_features(both, "asked", as_of_day=AS_OF, into="features") == 1


def profiles(both: Engine) -> None:
    assert sum(len(keys) for _, keys, _ in profile_entries(both, as_of_day=AS_OF))


def labels(both: Engine) -> None:
    assert label_items(both, as_of_day=AS_OF, has_lane=True)


def comparables(both: Engine) -> None:
    assert find_comparables(both, [("8517130000", "CN"), ("8471", None)], before_day=AS_OF)


@pytest.mark.parametrize("seed", [5, 6])
@pytest.mark.parametrize("work", [wide, narrow, profiles, labels, comparables])
def test_spark_gives_the_rows_that_duckdb_gives(
    session: Any, tmp_path: Path, work: Callable[[Engine], None], seed: int
) -> None:
    from basira.engines.spark import SparkEngine

    items, outcomes = random_history(seed, declarations=30)
    with engine([row | {"x_lot": "a"} for row in items], outcomes) as duckdb:
        spark = SparkEngine(session, tmp_path)
        for name in ("items", "outcomes"):
            spark.register(name, duckdb.fetch_arrow(f"select * from {name}"))
        both = Both(duckdb, spark)
        work(both)
    assert both.compared or work is comparables


def test_files_with_other_columns_are_united_by_name(session: Any, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    from basira.engines.spark import SparkEngine

    pq.write_table(pa.table({"a": [1], "b": ["x"]}), tmp_path / "one.parquet")
    pq.write_table(pa.table({"a": [2]}), tmp_path / "two.parquet")
    spark = SparkEngine(session, tmp_path / "work")
    relation = spark.files([tmp_path / "one.parquet", tmp_path / "two.parquet"])
    assert spark.columns(relation) == ("a", "b")
    assert sorted(spark.fetch_rows(f"select a, b from {relation}")) == [(1, "x"), (2, None)]


def test_what_is_dropped_leaves_no_file(session: Any, tmp_path: Path) -> None:
    from basira.engines.spark import SparkEngine

    spark = SparkEngine(session, tmp_path)
    spark.create_table("t", "select 1 as a")
    spark.execute("insert into t select 2 as a")
    assert sorted(spark.fetch_rows("select a from t")) == [(1,), (2,)]
    spark.create_table("t", "select 3 as a")
    assert spark.fetch_rows("select a from t") == [(3,)]
    spark.execute("drop table t")
    assert list(tmp_path.iterdir()) == []
