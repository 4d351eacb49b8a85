"""One declaration and many get the same verdict, on every rule and row."""

from __future__ import annotations

import math
from datetime import date, datetime
from unittest.mock import patch

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from basira.rules import bulk, model
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


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(rules=st.lists(conditions, min_size=1, max_size=4), many=st.lists(declarations(), min_size=1, max_size=5))
def test_texts_compared_as_numbers_get_the_same_verdicts(rules: list[Condition], many: list[Facts]) -> None:
    """As where many rules read a text, here from the first on."""
    with patch.object(bulk, "_CODED_FROM", 1), patch.object(bulk, "_MOST_COMPARED", 1):
        found = judge_many(table(many), rules, VOCABULARY, LISTS)
    assert found.to_dict(as_series=False) == one_by_one(rules, many)


def test_many_rules_on_one_text_agree_with_one_rule_each() -> None:
    texts = ["", "85", "8517", "85171300", "8518", "9", "é", "éa", "\U0001f4f1", "\uffff", "\uffffa", None]
    values = [text for text in texts if text]
    rules: list[Condition] = [model.AnyItem(model.StartsWith("commodity_code", (value,))) for value in values]
    rules += [model.AnyItem(model.OneOf("commodity_code", (value, "none"))) for value in values]
    rules += [
        model.AnyItem(model.OneOf("commodity_code", ("none",))),
        model.AnyItem(model.OneOf("commodity_code", tuple(values))),
    ]
    many = [Facts([{"commodity_code": one}]) for one in texts]
    assert len(rules) > 2 * bulk._CODED_FROM
    assert judge_many(table(many), rules, VOCABULARY, LISTS).to_dict(as_series=False) == one_by_one(rules, many)


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


def _near(value: float) -> list[float]:
    """A double with its two neighbours."""
    return [math.nextafter(value, -math.inf), value, math.nextafter(value, math.inf)]


def _of_item(value: model.Operand, bound: model.Operand) -> list[Condition]:
    return [model.AnyItem(model.Compare(value, comparison, bound)) for comparison in model.COMPARISONS]


def test_every_kind_of_number_agrees_at_its_threshold_and_beside_it() -> None:
    """With units, of features, scores and derived values, in calculations, in counts of items; the neighbours of each
    threshold, nulls and extremes in each item of two."""
    mass, rate = model.FieldValue("net_mass_kg"), model.FieldValue("duty_rate")
    amount, share = model.FieldValue("customs_value_amount"), model.FieldValue("importer_hit_rate")
    score, price = model.FieldValue("fraud_probability"), model.FieldValue("value_per_kg")
    usual = model.FieldValue("value_per_kg_reference")
    thrice = model.Arithmetic("*", mass, model.Number(3.0))
    tenth = model.Arithmetic("/", amount, model.Number(10.0))
    rules: list[Condition] = []
    for bound in (0.0, 0.1, 0.3, 1.0, 7.0, 100.0, 1e15):
        number = model.Number(bound)
        rules += _of_item(mass, model.Number(bound, "t")) + _of_item(mass, model.Number(bound, "g"))
        rules += _of_item(rate, model.Number(bound, "%")) + _of_item(amount, model.Number(bound, "MAD"))
        rules += _of_item(share, number) + _of_item(price, number) + _of_item(usual, number)
        rules += _of_item(thrice, number) + _of_item(tenth, number)
        rules += [model.Compare(score, comparison, number) for comparison in model.COMPARISONS]
        rules += [
            model.CountItems(model.Compare(mass, ">=", number), comparison, count)
            for comparison in model.COMPARISONS
            for count in (0, 1, 2)
        ]
        rules.append(model.AllItems(model.Between(price, number, model.Number(bound + 1.0))))
    values: list[float | None] = [None, math.nan, math.inf, -math.inf, -0.0, 5e-324, 1e308]
    for bound in (0.1, 0.3, 1.0, 7.0, 100.0, 1e15):
        for scale in (1.0, 1000.0, 0.001, 0.01, 1.0 / 3.0, 10.0):
            values += _near(bound * scale)
    many = []
    for place, one in enumerate(values):
        other = values[(place * 7 + 3) % len(values)]
        item = {"net_mass_kg": one, "duty_rate": one, "customs_value_amount": one, "value_currency": "MAD"}
        beside = {"net_mass_kg": 3.0, "duty_rate": other, "customs_value_amount": one, "value_currency": "MAD"}
        features = {"importer_hit_rate": [one, other], "value_per_kg_vs_reference": [other, one]}
        many.append(Facts([item, beside], features, {"fraud_probability": one}))
    assert judge_many(table(many), rules, VOCABULARY, LISTS).to_dict(as_series=False) == one_by_one(rules, many)


def test_every_moment_agrees_at_the_ends_of_its_day() -> None:
    moment = model.FieldValue("declared_at")
    day = model.Day(date(2026, 2, 2))  # a Monday
    rules: list[Condition] = [model.Compare(moment, comparison, day) for comparison in model.COMPARISONS]
    rules += [
        model.Between(moment, day, day),
        model.OnWeekday("declared_at", ("monday",)),
        model.IsMissing("declared_at"),
    ]
    last = datetime(2026, 2, 2, 23, 59, 59, 999_999)
    moments = [
        None, datetime(2026, 2, 1, 23, 59, 59, 999_999), datetime(2026, 2, 2), last, datetime(2026, 2, 3),
        datetime(1900, 1, 1), datetime(1969, 12, 31, 23, 59, 59, 999_999), datetime(1970, 1, 1), datetime(2200, 1, 1),
    ]  # fmt: skip
    many = [Facts([{"declared_at": one}]) for one in moments]
    found = judge_many(table(many), rules, VOCABULARY, LISTS).to_dict(as_series=False)
    assert found == one_by_one(rules, many)
    assert found["2"] == [UNKNOWN, NO_HIT, HIT, HIT, NO_HIT, NO_HIT, NO_HIT, NO_HIT, NO_HIT]  # on the day itself


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
