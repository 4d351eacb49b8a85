"""The statements of features, labels and statistics, as an engine is asked them, in the words of Spark."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from basira.engines.engine import Engine
from basira.features.batch.comparables import find_comparables
from basira.features.batch.compute import compute_features
from basira.features.catalog.habits import WEEKLY_TABLES
from basira.features.online.build import profile_entries
from basira.feedback.labels import label_items
from tests.support.features_world import ask, engine, random_history

AS_OF = 10_600
sqlglot = pytest.importorskip("sqlglot")

# What the statements use, by sqlglot's names, and Spark has with the same meaning.
SAME = {
    "Abs", "And", "ArgMin", "Array", "Case", "Cast", "Coalesce", "Count", "FirstValue", "Floor", "Greatest",
    "Hour", "If", "Lag", "Least", "Length", "Lower", "Max", "Min", "Nullif", "Or", "RegexpExtract", "Round",
    "RowNumber", "SHA2", "Substring", "Sum", "Unhex",
}  # fmt: skip
# What a second engine must say in words of its own, or compare to the last bit (docs/explanation/features.md).
OTHER = {"sha_key", "fmod", "PercentileDisc", "DayOfWeek", "Ln", "Log", "Exp", "Pow"}


class Recording:
    """An engine that writes down what it is asked."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.statements: list[str] = []

    def execute(self, statement: str, parameters: Mapping[str, object] | None = None) -> None:
        self.statements.append(statement)
        self._engine.execute(statement, parameters)

    def create_table(self, name: str, query: str, parameters: Mapping[str, object] | None = None) -> None:
        self.statements.append(query)
        self._engine.create_table(name, query, parameters)

    def register(self, name: str, rows: pa.Table) -> None:
        self._engine.register(name, rows)

    def files(self, paths: Sequence[Path]) -> str:
        return self._engine.files(paths)

    def columns(self, relation: str) -> tuple[str, ...]:
        return self._engine.columns(relation)

    def fetch_rows(self, query: str, parameters: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        self.statements.append(query)
        return self._engine.fetch_rows(query, parameters)

    def fetch_arrow(self, query: str, parameters: Mapping[str, object] | None = None) -> pa.Table:
        self.statements.append(query)
        return self._engine.fetch_arrow(query, parameters)

    def fetch_batches(self, query: str, *, rows: int) -> Iterator[pa.RecordBatch]:
        self.statements.append(query)
        return self._engine.fetch_batches(query, rows=rows)


def wide(con: Engine) -> None:
    compute_features(con, "items", as_of_day=AS_OF, into="features")


def narrow(con: Engine) -> None:
    ask(con, [("D1", 1, 1)])
    compute_features(con, "asked", as_of_day=AS_OF, into="features")


def without_expected(con: Engine) -> None:
    compute_features(con, "items", as_of_day=AS_OF, into="features", has_expected=False)


def profiles(con: Engine) -> None:
    assert sum(len(keys) for _, keys, _ in profile_entries(con, as_of_day=AS_OF))


def labels(con: Engine) -> None:
    assert label_items(con, as_of_day=AS_OF)


def comparables(con: Engine) -> None:
    find_comparables(con, [("8517130000", "CN"), ("8471", None)], before_day=AS_OF)


@pytest.fixture(scope="module", params=[wide, narrow, without_expected, profiles, labels, comparables])
def statements(request: pytest.FixtureRequest) -> list[str]:
    items, outcomes = random_history(5, declarations=30)
    with engine([row | {"x_lot": "a"} for row in items], outcomes) as con:
        recording = Recording(con)
        request.param(recording)
    return recording.statements


def test_every_statement_is_one_that_spark_parses(statements: list[str]) -> None:
    assert statements
    for statement in statements:
        [translated] = sqlglot.transpile(statement, read="duckdb", write="spark")
        sqlglot.parse_one(translated, read="spark")


def test_every_function_is_known_to_mean_the_same_or_to_need_words_of_its_own(statements: list[str]) -> None:
    for statement in statements:
        for function in sqlglot.parse_one(statement, read="duckdb").find_all(sqlglot.exp.Func):
            is_named = isinstance(function, sqlglot.exp.Anonymous)
            assert (function.name if is_named else type(function).__name__) in SAME | OTHER, statement


# What some engine says otherwise or not at all, though sqlglot translates it: columns left out of a star, an aggregate
# with a condition of its own, any one value of a group.
UNCOMMON = (sqlglot.exp.Filter, sqlglot.exp.AnyValue, sqlglot.exp.Except)


@pytest.mark.parametrize("ask_for", [wide, narrow, profiles])
def test_features_are_said_without_what_engines_say_otherwise(ask_for: Callable[[Engine], None]) -> None:
    with engine(*random_history(5, declarations=30)) as con:
        recording = Recording(con)
        ask_for(recording)
    for statement in recording.statements:
        tree = sqlglot.parse_one(statement, read="duckdb")
        assert not list(tree.find_all(*UNCOMMON)), statement
        assert not any(star.args.get(name) for star in tree.find_all(sqlglot.exp.Star) for name in star.arg_types), (
            statement
        )


def test_every_kind_of_price_and_habit_is_among_the_statements() -> None:
    """What is translated is what is computed: each way asks for each table of the sums by week."""
    for ask_for in (wide, narrow, profiles):
        with engine(*random_history(5, declarations=30)) as con:
            recording = Recording(con)
            ask_for(recording)
        text = "\n".join(recording.statements)
        tables = {f"{prefix}_{table}" for table in WEEKLY_TABLES for prefix in ("u", "w")} | {"gaps"}
        assert {name for name in tables if not re.search(rf"\b{name}\b", text)} == set()


def test_a_key_is_the_beginning_of_the_sha_256() -> None:
    with engine([], []) as con:
        [found] = con.fetch_rows("select sha_key('a'), sha_key('é手机'), sha_key('')")
    assert found == tuple(int(sha256(text.encode()).hexdigest()[:15], 16) for text in ("a", "é手机", ""))
