"""One declaration and many get the same verdict, on every rule and row."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from basira.rules import model
from basira.rules.bulk import HIT, NO_HIT, UNKNOWN, judge_many
from basira.rules.evaluate import compile_condition, judge
from basira.rules.model import Condition
from basira.rules.values import Facts
from basira.schema.errors import RuleError
from tests.support.rules_world import BOUNDS, EXTREMES, LISTS, NAMES, VOCABULARY, conditions, declarations, rows_of

_TYPES = {"number": pl.Float64, "moment": pl.Datetime("us"), "flag": pl.Boolean}
SCHEMA = {"declaration_position": pl.UInt32} | {
    n.name: _TYPES.get(n.kind, pl.String) for n in NAMES if n.source != "derived"
}
OUTCOMES = {"hit": HIT, "no_hit": NO_HIT, "unknown": UNKNOWN}


def table(many: list[Facts]) -> pl.DataFrame:
    return pl.DataFrame(rows_of(many), schema=SCHEMA, orient="row")


def one_by_one(rules: list[Condition], many: list[Facts]) -> dict[str, list[int]]:
    tests = [compile_condition(rule, VOCABULARY, LISTS) for rule in rules]
    return {
        str(number): [OUTCOMES[judge(rule, test, facts, VOCABULARY, LISTS).outcome] for facts in many]
        for number, (rule, test) in enumerate(zip(rules, tests, strict=True))
    }


@settings(max_examples=250, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(rules=st.lists(conditions, min_size=1, max_size=4), many=st.lists(declarations(), min_size=1, max_size=5))
def test_many_at_once_get_the_verdicts_of_one_by_one(rules: list[Condition], many: list[Facts]) -> None:
    found = judge_many(table(many), rules, VOCABULARY, LISTS)
    assert found.to_dict(as_series=False) == one_by_one(rules, many)


def test_every_comparison_agrees_at_its_bound_and_at_the_extremes() -> None:
    """Every value against every bound: drawn examples seldom stand on a bound."""
    value = model.FieldValue("quantity")
    bounds = [model.Number(bound) for bound in BOUNDS]
    rules: list[Condition] = [
        model.AnyItem(model.Compare(value, comparison, bound)) for comparison in model.COMPARISONS for bound in bounds
    ]
    rules += [model.AnyItem(model.Between(value, low, high)) for low in bounds for high in bounds]
    many = [Facts([{"quantity": one}]) for one in (None, *EXTREMES, *BOUNDS)]
    assert judge_many(table(many), rules, VOCABULARY, LISTS).to_dict(as_series=False) == one_by_one(rules, many)


def test_a_column_that_is_absent_is_unknown() -> None:
    rule = model.AnyItem(model.Compare(model.FieldValue("net_mass_kg"), ">", model.Number(1.0)))
    assert judge_many(table([Facts([{}])]).drop("net_mass_kg"), [rule], VOCABULARY, LISTS)["0"].to_list() == [UNKNOWN]


def test_whole_numbers_are_compared_as_doubles() -> None:
    rule = model.AnyItem(model.Compare(model.FieldValue("quantity"), "=", model.Number(float(2**53))))
    facts = Facts([{"quantity": 2**53 + 1}])
    items = pl.DataFrame({"declaration_position": [0], "quantity": [2**53 + 1]})
    assert judge_many(items, [rule], VOCABULARY, LISTS)["0"].to_list() == one_by_one([rule], [facts])["0"] == [HIT]


def test_a_column_of_another_type_is_rejected() -> None:
    rule = model.AnyItem(model.Compare(model.FieldValue("quantity"), ">", model.Number(1.0)))
    items = pl.DataFrame({"declaration_position": [0], "quantity": ["2"]})
    with pytest.raises(RuleError, match="column quantity"):
        judge_many(items, [rule], VOCABULARY, LISTS)


def test_declarations_that_are_not_one_after_another_are_rejected() -> None:
    items = pl.DataFrame({"declaration_position": [0, 2], "quantity": [1.0, 2.0]})
    rule = model.AnyItem(model.IsMissing("quantity"))
    with pytest.raises(RuleError, match="declarations"):
        judge_many(items, [rule], VOCABULARY, LISTS)


def test_no_declaration_gives_no_row() -> None:
    assert judge_many(table([]), [model.IsMissing("office")], VOCABULARY, LISTS).height == 0
