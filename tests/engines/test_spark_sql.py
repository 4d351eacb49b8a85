"""What a statement of DuckDB is in the words of Spark: where sqlglot alone would change what it means."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from basira.engines.spark_sql import dropped, inserted, moving_quantiles, translate, without_part
from basira.schema.errors import UsageError


@pytest.mark.parametrize(
    ("statement", "part"),
    [
        ("select fmod(a, 10) from t", "CAST(a AS DOUBLE) % CAST(10 AS DOUBLE)"),
        ("select dayofweek(a) from t", "DAYOFWEEK(a) - 1"),
        ("select xor(a, b) from t", "(a ^ b)"),
        ("select 0.5 * a from t", "CAST(0.5 AS DOUBLE) * a"),
        ("select row_number() over (order by a) as n from t", "AS BIGINT) AS n"),
        ("select sha_key(a) from t", "CAST(CONV(SUBSTRING(SHA2(a, 256), 1, 8), 16, 10) AS BIGINT)"),
        ("select exp(a) from t", "EXP(CAST(a AS DOUBLE))"),
    ],
)
def test_what_engines_say_otherwise_is_said_in_words_of_both(statement: str, part: str) -> None:
    assert part in translate(statement)


def test_values_are_written_in_as_literals_of_their_kind() -> None:
    values = {"a": 3, "b": "l'un", "c": date(2026, 3, 1), "d": datetime(2026, 3, 1, 8, 5), "e": 0.1, "f": None}
    found = translate("select $a, $b, $c, $d, $e, $f", values)
    assert found == (
        "SELECT 3, 'l\\'un', CAST('2026-03-01' AS DATE), CAST('2026-03-01 08:05:00' AS TIMESTAMP_NTZ), "
        "CAST('0.1' AS DOUBLE), NULL"
    )


def test_a_value_that_is_missing_or_of_no_kind_is_rejected() -> None:
    with pytest.raises(UsageError, match="value of day"):
        translate("select $day")
    with pytest.raises(UsageError, match="found list"):
        translate("select $day", {"day": [1]})


def test_an_alias_that_a_later_column_names_goes_into_a_query_around() -> None:
    found = translate("select cast(t.a as float) as x, x + t.b as y from t")
    assert found == (
        "SELECT x, y FROM (SELECT *, x + carried_t_b AS y FROM (SELECT CAST(t.a AS FLOAT) AS x, t.b AS carried_t_b "
        "FROM t) AS layer_0) AS layer_1"
    )


def test_a_column_of_the_relation_comes_before_an_alias_of_its_name() -> None:
    assert "layer" not in translate("select cast(n as int) as n, n - m as d from t")
    assert "layer" not in translate("with t as (select n, m from s) select 2 * m as n, n + 1 as d from t")


def test_32_bits_are_calculated_in_32_bits() -> None:
    found = translate("select cast(a as float) as x, x / 1000.0 + k as y from t", kinds={"k": "int"})
    assert "CAST(CAST(x AS FLOAT) / CAST(CAST(1000.0 AS DOUBLE) AS FLOAT) AS FLOAT)" in found
    found = translate("select cast(a as float) as x, x * v as y from t", kinds={"v": "double"})
    assert "x * carried__v" in found


def test_a_column_joined_by_name_is_named_without_its_relation() -> None:
    found = translate("select i.k, o.v from i join o using (k)")
    assert found == "SELECT k, o.v FROM i JOIN o USING (k)"
    # The other side of an outer join may be null where the joined column is not.
    assert "o.k" in translate("select o.k from i left join o using (k)")


def test_quantiles_of_a_group_are_places_in_its_sorted_values() -> None:
    found = translate("select quantile_disc(m, [0.25, 0.5]) as q from t group by k")
    assert found.count("SORT_ARRAY(COLLECT_LIST(m))") == 4
    assert "CEIL(CAST(0.25 AS DOUBLE) * COUNT(m))" in found


MOVING = (
    "with ranked as (select id, quantile_disc(m, [0.5]) over past as q from facts where k is not null "
    "window past as (partition by k order by day range between 365 preceding and 1 preceding)) select id, q from ranked"
)


def test_quantiles_of_a_moving_window_are_found_with_what_they_read() -> None:
    found = moving_quantiles(MOVING)
    assert found is not None
    assert (found.name, found.source, found.key) == ("ranked", "facts", "k")
    assert set(found.columns) == {"id", "m", "k", "day"}
    assert without_part(MOVING, "ranked") == "SELECT id, q FROM ranked"
    assert moving_quantiles("select quantile_disc(m, [0.5]) as q from facts") is None


def test_rows_added_and_tables_dropped_are_known() -> None:
    assert inserted("insert into t select 1 as a") == ("t", "SELECT 1 AS a")
    assert inserted("select 1") is None
    assert dropped("drop table if exists t") == "t"
    assert dropped("select 1") is None
