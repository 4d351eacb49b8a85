"""What the rules in force say of declarations: recorded, drawn, and the same from one and from many."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import polars as pl
import pytest

from basira.decisions.candidate import make_candidate
from basira.rules.json_form import read_rule
from basira.rules.model import Effect, Rule
from basira.rules.text import parse_condition
from basira.schema.canonical import canonical_values
from basira.schema.errors import PolicyError
from basira.schema.records import Candidate, Wish
from basira.selection.batch.allocate import allocate
from basira.workflows.rules.in_force import RuleInForce, RuleSet
from basira.workflows.rules.judge import RuleJudge
from basira.workflows.rules.said import say_ground, say_judged, say_notes
from basira.workflows.rules.vocabulary import make_vocabulary
from tests.rules.test_json_form import content
from tests.support.selection_world import MONDAY, counts, policy

VOCABULARY = make_vocabulary()
BASE = read_rule(content(starts_on="2021-01-01", expires_on="2021-06-30"))[0]
ROOM = {"capacity": [{"office": "*", "lanes": counts(5, 5, 5)}]}


def rule(rule_id: str, text: str, **effect: Any) -> Rule:
    condition = parse_condition(text, VOCABULARY)
    return replace(BASE, rule_id=rule_id, condition=condition, effect=Effect(**{"lane": "orange", **effect}))


def declared(name: str, *items: dict[str, Any], score: float | None = None) -> Candidate:
    return Candidate(name, 1, "A", score, None if score is None else score * 100, items=items)


def judge(*rules: Rule, shadow: tuple[Rule, ...] = (), fire_probability: float = 1.0, seed: int = 1) -> RuleJudge:
    live = [RuleInForce(one, 1, "d" * 64) for one in rules]
    hidden = [RuleInForce(one, 2, "e" * 64, is_shadow=True) for one in shadow]
    allowed = policy(**ROOM, rules={"fire_probability": fire_probability})
    return RuleJudge(RuleSet((*live, *hidden)), allowed, seed=seed)


def wish(by: RuleJudge, one: Candidate) -> Wish | None:
    return by.with_wish(one, by.judge(one, MONDAY)).wish


PHONES = rule("phones", "commodity_code starts with '8517' and origin_country = 'CN'")
CHINESE_PHONE = {"commodity_code": "851713", "origin_country": "CN"}


def test_a_rule_gets_its_lane_and_the_decision_names_it() -> None:
    by = judge(PHONES)
    day = [declared("D1", CHINESE_PHONE), declared("D2", {"commodity_code": "851713", "origin_country": "FR"})]
    found = allocate([by.with_wish(one, by.judge(one, MONDAY)) for one in day], policy(**ROOM), day=MONDAY, seed=1)
    assert [(s.basis == "rule", s.rule_id) for s in found.selections] == [(True, "phones"), (False, "")]
    assert found.selections[0].lane == "orange"


def test_a_hit_is_recorded_with_what_it_read_and_what_it_wants() -> None:
    [said] = judge(rule("phones", "origin_country = 'CN'", message=(("fr", "Vérifier."),))).judge(
        declared("D1", {"commodity_code": "01", "origin_country": "FR"}, CHINESE_PHONE), MONDAY
    )
    assert said == {
        "rule_id": "phones",
        "version": 1,
        "digest": "d" * 64,
        "is_shadow": False,
        "outcome": "hit",
        "items": [2],
        "probability": 1.0,
        "acts": True,
        "wants": {"lane": "orange", "message": {"fr": "Vérifier."}},
        "is_least": True,
        "title": BASE.title,
        "conditions": [
            {
                "condition": {"one_of": {"field": "origin_country", "values": ["CN"]}},
                "truth": True,
                "item": 2,
                "read": [{"name": "origin_country", "value": "CN"}],
            }
        ],
    }


def test_what_is_unknown_is_recorded_with_its_fields_and_does_not_act() -> None:
    unknown = declared("D1", {"commodity_code": "851713", "origin_country": None})
    [said] = judge(PHONES).judge(unknown, MONDAY)
    assert (said["outcome"], said["fields"], said.get("acts")) == ("unknown", ["origin_country"], None)
    assert wish(judge(PHONES), unknown) is None
    wrong = declared("D1", {"commodity_code": 851713, "origin_country": "CN"})
    [said] = judge(PHONES).judge(wrong, MONDAY)
    assert (said["outcome"], said["fields"]) == ("error", ["commodity_code"])


def test_a_hit_that_is_let_go_is_recorded_with_its_probability() -> None:
    by = judge(PHONES, fire_probability=0.7)
    many = [declared(f"D{n}", CHINESE_PHONE) for n in range(400)]
    said = [by.judge(one, MONDAY)[0] for one in many]
    assert {one.get("probability") for one in said} == {0.7}
    acting = [one["acts"] for one in said]
    assert acting == [wish(by, one) is not None for one in many]
    assert 240 < sum(acting) < 320


def test_a_mandatory_rule_lets_none_go() -> None:
    by = judge(rule("bound", "origin_country = 'CN'", is_mandatory=True), fire_probability=0.5)
    assert all(by.judge(declared(f"D{n}", CHINESE_PHONE), MONDAY)[0]["acts"] for n in range(50))


def test_a_shadow_rule_is_recorded_and_changes_nothing() -> None:
    by = judge(shadow=(PHONES,))
    one = declared("D1", CHINESE_PHONE)
    [said] = by.judge(one, MONDAY)
    assert (said["is_shadow"], said["outcome"], said["acts"], said["probability"]) == (True, "hit", False, 0.0)
    assert by.with_wish(one, [said]) == one


def test_the_mandatory_rule_goes_first_then_the_most_intensive_lane() -> None:
    hit = declared("D1", CHINESE_PHONE)
    red = rule("red-one", "origin_country = 'CN'", lane="red")
    bound = rule("bound", "origin_country = 'CN'", lane="yellow", is_mandatory=True)
    assert wish(judge(PHONES, red), hit) == Wish("red", "red-one", is_least=True)
    assert wish(judge(PHONES, red, bound), hit) == Wish("yellow", "bound", is_mandatory=True, is_least=True)


def test_weights_are_multiplied_within_bounds_and_a_tag_wants_nothing_of_selection() -> None:
    hit = declared("D1", CHINESE_PHONE)
    weighty = [rule(f"w{n}", "origin_country = 'CN'", lane="", weight=4.0) for n in range(2)]
    assert wish(judge(*weighty), hit) == Wish(weight=10.0)
    assert wish(judge(weighty[0], PHONES), hit) == Wish("orange", "phones", weight=4.0, is_least=True)
    tag = rule("tagged", "origin_country = 'CN'", lane="", tag="phones")
    assert wish(judge(tag), hit) is None
    assert len(judge(tag).judge(hit, MONDAY)) == 1
    exempt = rule("known", "origin_country = 'CN'", lane="", is_exempt=True)
    assert wish(judge(exempt), hit) == Wish(is_exempt=True)


def test_a_candidate_without_items_is_judged_by_no_rule() -> None:
    assert judge(PHONES).judge(declared("D1"), MONDAY) == ()
    assert judge().judge(declared("D1", CHINESE_PHONE), MONDAY) == ()


def test_a_rule_holds_on_its_days_and_at_its_offices() -> None:
    one = declared("D1", CHINESE_PHONE)
    assert judge(PHONES).judge(one, date(2021, 7, 1)) == ()
    elsewhere = judge(replace(PHONES, offices=("B",)))
    assert elsewhere.judge(one, MONDAY) == ()
    assert len(elsewhere.judge(replace(one, office="B"), MONDAY)) == 1


def test_a_lane_that_the_policy_lacks_is_said_and_wanted_by_nobody() -> None:
    by = judge(rule("purple-one", "origin_country = 'CN'", lane="purple"), PHONES)
    assert by.unfit == ("purple-one",)
    assert wish(by, declared("D1", CHINESE_PHONE)) == Wish("orange", "phones", is_least=True)
    with pytest.raises(PolicyError, match="purple-one"):
        by.require_fit()


def test_no_personal_value_and_no_free_text_is_in_a_verdict() -> None:
    by = judge(rule("words", "not (importer_id is missing) and description contains 'phone'"))
    [said] = by.judge(
        declared("D1", {**CHINESE_PHONE, "importer_id": "ICE-1234", "description": "Phone of Mr X"}), MONDAY
    )
    assert "ICE-1234" not in canonical_values(said)
    assert "Mr X" not in canonical_values(said)
    assert [read for part in said["conditions"] for read in part["read"]] == [
        {"name": "importer_id", "is_withheld": True},
        {"name": "description", "is_withheld": True},
    ]
    sentences = say_judged(said, given="orange", lanes={}, language="en")
    assert any("see the declaration" in sentence for sentence in sentences)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e308, 5e-324, 0.0])
def test_extreme_values_can_be_recorded(value: float) -> None:
    by = judge(rule("any-value", "net_mass_kg > 1 or net_mass_kg < 1"))
    for said in by.judge(declared("D1", {**CHINESE_PHONE, "net_mass_kg": value}), MONDAY):
        canonical_values(said)


def test_the_words_of_a_rule_are_its_message_and_its_conditions() -> None:
    loud = rule(
        "phones",
        "origin_country = 'CN' and commodity_code starts with '8517'",
        message=(("fr", "Vérifier le certificat."), ("en", "Check the certificate.")),
        suspected="origin",
        tag="phones",
    )
    said = judge(loud).judge(declared("D1", CHINESE_PHONE), MONDAY)
    plain = say_ground(said, "phones", language="en").translate({0x2068: None, 0x2069: None})
    assert plain == "Check the certificate (country_of_origin = 'CN'; hs_code starts with '8517')"
    assert "Vérifier le certificat" in say_ground(said, "phones", language="fr")
    assert BASE.title in say_ground(said, "phones", language="ar")
    assert say_ground(said, "gone", language="fr") == ""
    notes = [one.translate({0x2068: None, 0x2069: None}) for one in say_notes(said, rule_id="phones", language="en")]
    assert notes == ["Suspected: origin", "Tag: phones"]
    assert say_notes(said, language="en")[0] == "Check the certificate."


FIELDS = {
    "commodity_code": ["851713", "850300", None, "8517"],
    "origin_country": ["CN", "FR", None, ""],
    "net_mass_kg": [0.0, 5.0, None, math.nan],
    "customs_value_amount": [10.0, None, 1e18, 0.0],
    "value_currency": ["MAD", "MAD", "EUR", None],
    "importer_id": ["I1", None, "I2", "I1"],
}
SEVERAL = (
    PHONES,
    rule("light", "net_mass_kg < 5"),
    rule("cheap", "value_per_kg <= 2 or importer_id is missing"),
    rule("dear", "customs_value_amount >= 10 MAD"),
    rule("likely", "fraud_probability > 0.5", lane="red"),
    rule("known-importer", "importer_hit_rate >= 0.25", lane="", weight=2.0),
    replace(rule("elsewhere", "origin_country is missing"), offices=("B",)),
)


def test_one_by_one_and_a_whole_day_say_the_same() -> None:
    """Values equal to thresholds, nulls and extremes, with and without a score."""
    rows, features = [], []
    for number in range(64):
        for item in range(1 + number % 3):
            picked = {
                name: values[(number * 7 + item * 3 + at * number) % 4]
                for at, (name, values) in enumerate(FIELDS.items())
            }
            rows.append(
                {
                    "declaration_id": f"D{number:02d}", "declaration_version": 1, "item_number": item + 1,
                    "office": ("A", "B")[number % 2], "is_oea": False, "dispatch_country": None, "exporter_id": None,
                    "declarant_id": None, "procedure": None, "transport_mode": None,
                    "declared_at": datetime(2021, 1, 4, 9), **picked,
                }
            )  # fmt: skip
            features.append({"importer_hit_rate": (0.25, None, math.nan, 0.2)[(number + item) % 4]})
    of: dict[str, list[int]] = {}
    for position, row in enumerate(rows):
        of.setdefault(str(row["declaration_id"]), []).append(position)
    candidates = []
    for number, positions in enumerate(of.values()):
        described = {"importer_hit_rate": [features[p]["importer_hit_rate"] for p in positions]}
        one = make_candidate([rows[p] for p in positions], (), features=described)
        candidates.append(replace(one, fraud_probability=(None, 0.5, 0.6)[number % 3]))
    by = judge(*SEVERAL, shadow=(rule("hidden", "origin_country = 'FR'"),), fire_probability=0.6)
    each = [by.judge(one, MONDAY) for one in candidates]
    together = by.judge_day(
        candidates,
        pl.DataFrame(rows, infer_schema_length=None),
        pl.DataFrame(features, infer_schema_length=None),
        MONDAY,
    )
    assert together == each
    outcomes = {(one["rule_id"], one["outcome"]) for said in each for one in said}
    for one in SEVERAL:
        assert (one.rule_id, "hit") in outcomes, one.rule_id
    assert {
        ("phones", "unknown"),
        ("likely", "unknown"),
        ("known-importer", "unknown"),
        ("dear", "unknown"),
    } <= outcomes
