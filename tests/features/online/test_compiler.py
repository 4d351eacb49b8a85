"""The compiled function and DuckDB give the same for every kind of expression; what it does not know it rejects."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product

import pyarrow as pa
import pytest

from basira.engines.duckdb import open_duckdb
from basira.engines.engine import Engine
from basira.features.online import check as online_check
from basira.features.online import functions as online_functions
from basira.features.online.compiler import compile_binding
from basira.features.online.keys import key_of, key_sql
from basira.features.online.plan import bind, catalog_digest
from basira.schema.errors import StoreError, UsageError

FLOATS = [None, 0.0, -0.0, 1.5, -2.5, 7.0, 1e-300, 1e300, math.inf, -math.inf, math.nan]
INTEGERS = [None, 0, -3, 7, 16_777_217]
WORDS = [None, "", "abc", "İΣΣ ß", "8517130000"]

EXPRESSIONS = [
    "a + b", "a - b", "a * b", "a / b", "-a", "i + 2", "i / 4", "i / 0.5", "(i + 0.5) / (i + 5.0)", "(i - 7) / 1000.0",
    "cast(i * 1.5 - 3 as double)", "cast(least(a, 1e30) / 3 as float)", "cast(i as float) / 3",
    "cast(i as float) * cast(i as float)", "a > b", "a >= b", "a < b", "a <= b", "a = b", "a <> b", "a > 1", "a >= 1.5",
    "1 < a", "a < 1e38", "1.5 >= a", "i >= 3", "a is null", "b is not null", "a > 1 and b > 1", "a > 1 or b > 1",
    "s = 'abc'", "s <> 'abc'", "coalesce(a, b, 1)", "coalesce(s, '')", "nullif(a, 0)", "greatest(a, b)",
    "least(a, b, 2)", "greatest(cast(i as float), 50)", "ln(a)", "log10(a)", "exp(a)", "exp(-b)", "pow(10, a)",
    "pow(a, b)", "floor(a)", "round(a)", "abs(a)", "abs(i)", "fmod(a, 10)", "fmod(a, b)", "round(1000 * ln(a))",
    "case when a > 0 then ln(a) when b > 0 then ln(b) end", "case when a > b then i else 5 end",
    "case when (a) > 0 and (a) < 1e300 then cast(round(1000 * ln(a)) as integer) end",
    "case when s = 'abc' then s else substr(s, 1, 2) end", "length(s)", "lower(s)",
    "nullif(regexp_extract(lower(s), '[^-0-9 ,.]{3,}'), '')", "cast(i as varchar)", "cast(null as integer)",
    "cast(i as bigint)",
]  # fmt: skip


@pytest.fixture(scope="module")
def con() -> Iterator[Engine]:
    rows = [*product(FLOATS, FLOATS, INTEGERS, WORDS)]
    names = ("a", "b", "i", "s")
    types = (pa.float64(), pa.float64(), pa.int32(), pa.string())
    columns = dict(zip(names, zip(*rows, strict=True), strict=True))
    arrays = {n: pa.array(columns[n], t) for n, t in zip(names, types, strict=True)}
    with open_duckdb(threads=1) as con:
        con.register("item", pa.table(arrays))
        yield con


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_gives_what_duckdb_gives(con: Engine, expression: str) -> None:
    binding = bind(con, f"select {expression} as x, a, b, i, s from item")
    call = compile_binding(binding, {"item": ["a", "b", "i", "s"]})
    rows = con.fetch_rows(f"select {expression}, a, b, i, s from item")
    different = [(row, mine) for row in rows if repr(mine := call(row[1:])[0]) != repr(row[0])]
    assert different == []


UNKNOWN = [
    "sin(a)",
    "a % 2",
    "i // 2",
    "i + 0.5",
    "strptime(s, '%Y') is null",
    "s like 'a%'",
    "round(a, 2)",
    "upper(s)",
    "substr(s, i, 2)",
    "regexp_extract(s, 'a|b')",
    "cast(s as integer)",
    "a in (1, 2)",
    "cast(a as decimal(9, 2))",
    "random()",
]


@pytest.mark.parametrize("expression", UNKNOWN)
def test_what_is_not_known_is_rejected(con: Engine, expression: str) -> None:
    binding = bind(con, f"select {expression} as x, a, i, s from item")
    with pytest.raises(UsageError, match="can be computed online"):
        compile_binding(binding, {"item": ["a", "b", "i", "s"]})


def test_a_query_that_duckdb_cannot_bind_is_an_error_of_ours(con: Engine) -> None:
    with pytest.raises(UsageError, match="bind"):
        bind(con, "select absent from item")


@pytest.mark.parametrize("parts", [["a", "bc"], ["ab", "c"], ["", ""], ["é\x00", "手机"], ["1:a", ""]])
def test_a_key_is_the_same_in_sql_and_in_python(parts: list[str]) -> None:
    given = {f"part{n}": part for n, part in enumerate(parts)}
    with open_duckdb(threads=1) as con:
        found = con.fetch_rows(f"select {key_sql('importer_code', [f'${name}' for name in given])}", given)
    assert found == [(key_of("importer_code", parts),)]


def test_a_machine_that_computes_otherwise_does_not_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    online_check.check_functions.cache_clear()
    monkeypatch.setattr(online_functions, "ln", lambda x: math.nextafter(math.log(x), 9e9) if x > 0 else -math.inf)
    with pytest.raises(StoreError, match="last bit"):
        online_check.check_functions()
    monkeypatch.undo()
    online_check.check_functions()


def test_rows_of_another_layout_are_rejected(con: Engine) -> None:
    call = compile_binding(bind(con, "select a + i as x from item"), {"item": ["a", "i"]})
    assert call((1.5, 2)) == (3.5,)
    with pytest.raises(UsageError, match="2 columns"):
        call((1.5,))


def test_the_digest_of_the_catalog_is_stable() -> None:
    assert catalog_digest() == catalog_digest()
    assert len(catalog_digest()) == 16
