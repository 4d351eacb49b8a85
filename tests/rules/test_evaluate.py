"""The verdict on one declaration: three values, and what decides an unknown."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from basira.rules import model
from basira.rules.evaluate import Verdict, compile_condition, judge
from basira.rules.model import Condition
from basira.rules.text import parse_condition
from basira.rules.values import Facts
from basira.schema.errors import RuleError
from tests.support.rules_world import LISTS, VOCABULARY, conditions, declarations


def verdict(text: str, *items: dict[str, Any], features: dict[str, list[Any]] | None = None, **scores: Any) -> Verdict:
    condition = parse_condition(text, VOCABULARY)
    facts = Facts(list(items), features or {}, scores)
    return judge(condition, compile_condition(condition, VOCABULARY, LISTS), facts, VOCABULARY, LISTS)


PHONE = {"commodity_code": "85171300", "origin_country": "CN", "net_mass_kg": 10.0, "customs_value_amount": 500.0}


def test_conditions_on_items_meet_on_one_item() -> None:
    text = "commodity_code starts with '8517' and origin_country = 'CN'"
    assert verdict(text, {"commodity_code": "01", "origin_country": "FR"}, PHONE) == Verdict("hit", items=(1,))
    apart = ({"commodity_code": "8517", "origin_country": "FR"}, {"commodity_code": "01", "origin_country": "CN"})
    assert verdict(text, *apart) == Verdict("no_hit")


def test_a_null_never_counts_as_false() -> None:
    assert verdict("net_mass_kg < 5", {**PHONE, "net_mass_kg": None}) == Verdict("unknown", fields=("net_mass_kg",))
    assert verdict("not (net_mass_kg < 5)", {}) == Verdict("unknown", fields=("net_mass_kg",))
    assert verdict("origin_country = 'CN'", {"origin_country": ""}) == Verdict("unknown", fields=("origin_country",))
    assert verdict("net_mass_kg < 5", {"net_mass_kg": float("nan")}).outcome == "unknown"


def test_what_does_not_decide_is_not_named() -> None:
    assert verdict("net_mass_kg < 5 and origin_country = 'FR'", {"origin_country": "CN"}) == Verdict("no_hit")
    assert verdict("net_mass_kg < 5 or origin_country = 'CN'", {"origin_country": "CN"}).outcome == "hit"
    text = "(net_mass_kg < 5 and origin_country = 'FR') or quantity > 1"
    assert verdict(text, {"origin_country": "CN"}) == Verdict("unknown", fields=("quantity",))


def test_a_value_of_a_wrong_type_is_an_error_that_names_it() -> None:
    assert verdict("net_mass_kg < 5", {"net_mass_kg": "3"}) == Verdict("error", fields=("net_mass_kg",))
    assert verdict("net_mass_kg is missing", {"net_mass_kg": "3"}) == Verdict("error", fields=("net_mass_kg",))
    assert verdict("is_oea = true", {"is_oea": 1}) == Verdict("error", fields=("is_oea",))


def test_by_zero_is_unknown() -> None:
    found = verdict("customs_value_amount / net_mass_kg < 5", {**PHONE, "net_mass_kg": 0.0})
    assert found == Verdict("unknown", fields=("customs_value_amount", "net_mass_kg"))


def test_an_amount_of_another_currency_is_unknown() -> None:
    assert verdict("customs_value_amount > 100 MAD", {**PHONE, "value_currency": "MAD"}).outcome == "hit"
    other = verdict("customs_value_amount > 100 MAD", {**PHONE, "value_currency": "EUR"})
    assert other == Verdict("unknown", fields=("value_currency",))


def test_units_are_those_of_the_field() -> None:
    assert verdict("net_mass_kg >= 0.01 t", PHONE).outcome == "hit"
    assert verdict("duty_rate = 30 %", {"duty_rate": 0.3}).outcome == "hit"


def test_items_are_counted_as_far_as_they_are_known() -> None:
    text = "count items (origin_country = 'CN') >= 2"
    chinese, french, unknown = {"origin_country": "CN"}, {"origin_country": "FR"}, {"origin_country": None}
    assert verdict(text, chinese, chinese, unknown).outcome == "hit"
    assert verdict(text, chinese, french).outcome == "no_hit"
    assert verdict(text, chinese, unknown) == Verdict("unknown", fields=("origin_country",))
    assert verdict("count items (origin_country = 'CN') = 1", chinese, french, unknown).outcome == "unknown"


def test_a_quantifier_within_a_quantifier_speaks_of_all_items() -> None:
    text = "any item (commodity_code starts with '85' and all items (origin_country = 'CN'))"
    assert verdict(text, PHONE, {**PHONE, "commodity_code": "01"}).outcome == "hit"
    assert verdict(text, PHONE, {**PHONE, "origin_country": "FR"}).outcome == "no_hit"


def test_the_last_day_is_within() -> None:
    late = {"declared_at": datetime(2026, 1, 31, 23, 59)}
    assert verdict("declared_at between '2026-01-01' and '2026-01-31'", late).outcome == "hit"
    assert verdict("declared_at <= '2026-01-30'", late).outcome == "no_hit"
    assert verdict("declared_at on (saturday)", late).outcome == "hit"
    assert verdict("declared_at on (friday)", late).outcome == "no_hit"


def test_it_works_without_a_score() -> None:
    text = "fraud_probability > 0.5 or is_oea = true"
    assert verdict(text, {"is_oea": True}).outcome == "hit"
    assert verdict(text, {"is_oea": False}) == Verdict("unknown", fields=("fraud_probability",))
    assert verdict(text, {"is_oea": False}, fraud_probability=0.6).outcome == "hit"


def test_the_usual_price_of_the_reference() -> None:
    features = {"value_per_kg_vs_reference": [-0.6931471805599453]}  # half the usual price
    assert verdict("value_per_kg < 0.51 * value_per_kg_reference", PHONE, features=features).outcome == "hit"
    assert verdict("value_per_kg < 0.49 * value_per_kg_reference", PHONE, features=features).outcome == "no_hit"
    assert verdict("value_per_kg < 0.5 * value_per_kg_reference", PHONE).outcome == "unknown"


def test_texts_are_searched_without_case_and_accents() -> None:
    assert verdict("description contains 'telephone'", {"description": "TÉLÉPHONES portables"}).outcome == "hit"


def test_lists_match_whole_values_and_code_prefixes() -> None:
    assert verdict("origin_country in list 'high-risk-origins'", PHONE).outcome == "hit"
    assert verdict("commodity_code in list 'watched-codes'", PHONE).outcome == "hit"
    assert verdict("commodity_code in list 'watched-codes'", {"commodity_code": "870"}).outcome == "no_hit"
    assert verdict("origin_country in list 'empty-list'", PHONE).outcome == "no_hit"


def test_a_list_that_is_gone_is_no_empty_list() -> None:
    with pytest.raises(RuleError, match="empty-list"):
        compile_condition(model.AnyItem(model.InList("origin_country", "empty-list")), VOCABULARY, {})


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(conditions, declarations())
def test_a_condition_and_its_negation_part_every_declaration(condition: Condition, facts: Facts) -> None:
    def outcome(one: Condition) -> str:
        return judge(one, compile_condition(one, VOCABULARY, LISTS), facts, VOCABULARY, LISTS).outcome

    opposite = {"hit": "no_hit", "no_hit": "hit"}
    found = outcome(condition)
    assert outcome(model.Not(condition)) == opposite.get(found, found)


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(conditions, declarations())
def test_an_unknown_names_fields_that_decide_it(condition: Condition, facts: Facts) -> None:
    found = judge(condition, compile_condition(condition, VOCABULARY, LISTS), facts, VOCABULARY, LISTS)
    assert bool(found.fields) == (found.outcome in ("unknown", "error"))
