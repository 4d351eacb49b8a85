"""The structured form: every key is known, typed and bounded."""

from __future__ import annotations

import copy
from datetime import date
from typing import Any

import pytest

from basira.rules import model
from basira.rules.check import settle_rule
from basira.rules.json_form import read_condition, read_rule, write_rule
from basira.schema.errors import RuleError
from tests.support.rules_world import VOCABULARY

CONTENT: dict[str, Any] = {
    "rule_id": "phones-cn",
    "title": "Phones from China",
    "reason": "Undervalued in 2025.",
    "condition": {"any_item": {"starts_with": {"field": "commodity_code", "prefixes": ["8517"]}}},
    "effect": {"lane": "orange", "message": {"fr": "Vérifier le certificat EUR.1"}, "suspected": "value"},
    "starts_on": "2026-12-01",
    "expires_on": "2027-05-31",
}


def content(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(CONTENT), **changes}


def read(values: object) -> model.Rule:
    rule, places = read_rule(values)
    return settle_rule(rule, VOCABULARY, places, lanes=("orange", "rouge"))


def test_a_rule_reads_back_from_its_json() -> None:
    rule = read(content())
    assert read(write_rule(rule)) == rule
    assert rule.effect.message == (("fr", "Vérifier le certificat EUR.1"),)


@pytest.mark.parametrize(
    ("changes", "reason", "place"),
    [
        ({"rule_id": "Phones CN"}, "rule_id", "rule_id"),
        ({"title": ""}, "text_form", "title"),
        ({"expires_on": "2026-11-30"}, "expires_before", "expires_on"),
        ({"expires_on": "2027-12-02"}, "expires_late", "expires_on"),
        ({"expires_on": None}, "day_form", "expires_on"),
        ({"starts_on": "01/12/2026"}, "day_form", "starts_on"),
        ({"starts_on": "2026-W49-2"}, "day_form", "starts_on"),
        ({"sample_share": 0}, "range", "sample_share"),
        ({"sample_share": True}, "number_form", "sample_share"),
        ({"sample_share": float("nan")}, "range", "sample_share"),
        ({"effect": {}}, "no_effect", "effect"),
        ({"effect": {"lane": "purple"}}, "one_of", "effect.lane"),
        ({"effect": {"is_mandatory": True}}, "mandatory_lane", "effect"),
        ({"effect": {"is_exempt": True, "lane": "orange"}}, "exempt_lane", "effect"),
        ({"effect": {"lane": "orange", "is_mandatory": 1}}, "flag_form", "effect.is_mandatory"),
        ({"effect": {"lane": "orange", "is_mandatory": True}, "sample_share": 0.3}, "mandatory_sample", "sample_share"),
        ({"effect": {"weight": 11}}, "range", "effect.weight"),
        ({"effect": {"suspected": "smell"}}, "one_of", "effect.suspected"),
        ({"condition": {}}, "condition_form", "condition"),
        ({"condition": {"is_true": {"field": "is_oae"}}}, "unknown_field", "condition"),
        ({"condition": {"starts_with": {"field": "commodity_code", "prefixes": ["85"]}}}, "outside_item", "condition"),
        ({"condition": {"all": []}}, "list_form", "condition.all"),
        ({"condition": {"any": [{"is_true": {"field": 5}}]}}, "text_form", "condition.any[0].is_true.field"),
        ({"kind": "x"}, "one_of", None),
    ],
)
def test_a_fault_names_its_path(changes: dict[str, Any], reason: str, place: str | None) -> None:
    with pytest.raises(RuleError) as caught:
        read(content(**changes))
    assert (caught.value.reason, caught.value.place) == (reason, place)


@pytest.mark.parametrize("missing", ["rule_id", "condition", "effect", "expires_on", "reason"])
def test_what_is_required_is_asked_for(missing: str) -> None:
    values = content()
    del values[missing]
    with pytest.raises(RuleError, match=missing):
        read(values)


@pytest.mark.parametrize("values", [None, [], "x", 5, {"rule_id": "a"}])
def test_what_is_no_rule_is_rejected(values: object) -> None:
    with pytest.raises(RuleError):
        read(values)


def test_depth_and_size_are_bounded() -> None:
    deep: dict[str, Any] = {"is_true": {"field": "is_oea"}}
    for _ in range(5_000):
        deep = {"not": deep}
    with pytest.raises(RuleError) as caught:
        read_condition(deep)
    assert caught.value.reason == "too_deep"
    wide = {"any": [{"is_true": {"field": "is_oea"}}] * 300}
    with pytest.raises(RuleError) as caught:
        read_condition(wide)
    assert caught.value.reason == "too_many"


def test_a_misspelt_key_is_named_with_the_right_one() -> None:
    with pytest.raises(RuleError) as caught:
        read_condition({"start_with": {"field": "commodity_code", "prefixes": ["85"]}})
    assert caught.value.nearest == "starts_with"


def test_dates_and_offices_say_where_it_holds() -> None:
    rule = read(content(offices=["casa1"]))
    assert rule.holds_on(date(2026, 12, 1), "CASA1")
    assert rule.holds_on(date(2027, 5, 31), "CASA1")
    assert not rule.holds_on(date(2027, 6, 1), "CASA1")
    assert not rule.holds_on(date(2026, 12, 1), "NADOR")
