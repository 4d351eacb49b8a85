"""Policies: reading, versions in force, capacity by office and weekday, digests, and every rejection."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from pydantic import BaseModel, ValidationError

from basira.schema.errors import PolicyError
from basira.schema.shipped import shipped
from basira.selection import Policy, load_policy, restore_policy
from basira.selection.policy.load import _models_in
from tests.support.selection_world import content, counts, listed, policy, wording
from tests.support.tree import ROOT

MONDAY, SATURDAY = date(2021, 1, 4), date(2021, 1, 9)


def write(folder: Path, name: str = "policy.toml", **changes: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(tomli_w.dumps(content(**changes)), encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", ["morocco", "example"])
def test_the_shipped_policies_are_valid_and_say_that_they_are_examples(name):
    rules = load_policy(shipped("policies") / name, MONDAY)
    assert rules.status.startswith("Example")
    assert rules.random_control.share > 0


def test_the_version_in_force_on_the_day_is_taken(tmp_path):
    write(tmp_path, "a.toml", version="1")
    write(tmp_path, "b.toml", version="2", valid_from=date(2021, 1, 5))
    assert load_policy(tmp_path, MONDAY).version == "1"
    assert load_policy(tmp_path, date(2021, 1, 5)).version == "2"


def test_a_later_version_that_is_not_valid_does_not_stop_today(tmp_path):
    write(tmp_path, "a.toml")
    write(tmp_path, "b.toml", valid_from=date(2030, 1, 1), lanes=[])
    assert load_policy(tmp_path, MONDAY).version == "1"


def test_the_digest_is_of_the_content_and_not_of_its_writing(tmp_path):
    plain = load_policy(write(tmp_path / "a"), MONDAY)
    path = write(tmp_path / "b") / "policy.toml"
    path.write_text("# a comment\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    assert load_policy(tmp_path / "b", MONDAY).digest == plain.digest
    assert load_policy(write(tmp_path / "c", version="2"), MONDAY).digest != plain.digest


@pytest.mark.parametrize("name", ["morocco", "example"])
def test_a_recorded_policy_is_the_same_again(name):
    rules = load_policy(shipped("policies") / name, MONDAY)
    again = restore_policy(rules.canonical)
    assert again == rules
    assert again.digest == rules.digest


def test_a_policy_of_an_older_order_keeps_its_text_and_its_digest():
    # As it was computed before there was a balanced order.
    rules = policy()
    assert rules.digest == "edbde3880744e3f95d1d4bc268eba4b8fd5949d514b5b2e57c669771799dce5c"
    assert rules.objective.order == "revenue"
    assert policy(objective={"order": "revenue"}).digest == rules.digest
    again = restore_policy(rules.canonical)
    assert (again, again.canonical) == (rules, rules.canonical)


def test_the_order_is_balanced_where_a_policy_says_nothing():
    silent = content()
    del silent["objective"]
    rules = Policy.model_validate(silent)
    assert rules.objective.order == "balanced"
    assert json.loads(rules.canonical)["objective"]["order"] == "balanced"
    assert rules.digest == policy(objective={"order": "balanced"}).digest
    fixed = policy(objective={"stake_exponent": 0.3})
    assert fixed.digest != rules.digest
    assert restore_policy(fixed.canonical).objective.stake_exponent == 0.3


def test_another_order_changes_nothing_else():
    rules = policy(objective={"order": "balanced", "minimum_fraud_probability": 0.1})
    other = rules.with_order("revenue")
    assert (other.objective.order, other.objective.minimum_fraud_probability) == ("revenue", 0.1)
    assert other.digest != rules.digest
    assert other.with_order("balanced").digest == rules.digest
    assert rules.with_order("balanced") is rules


def test_the_most_particular_capacity_holds():
    rules = policy(
        capacity=[
            {"office": "*", "lanes": counts(1, 1, 1)},
            {"office": "*", "weekdays": ["saturday"], "lanes": {"red": {"count": 2}}},
            {"office": "PORT", "lanes": {"red": {"count": 3}}},
            {"office": "PORT", "weekdays": ["saturday"], "lanes": {"red": {"count": 4}}},
        ]
    )
    found = [rules.capacity_of(o, "red", day=d, day_total=9) for o in ("X", "PORT") for d in (MONDAY, SATURDAY)]
    assert found == [1, 2, 3, 4]
    assert rules.capacity_of("PORT", "yellow", day=SATURDAY, day_total=9) == 1


@pytest.mark.parametrize(
    ("capacity", "total", "expected"),
    [
        ({"share": 0.15}, 10, 2),  # 1.4999... in binary
        ({"share": 0.05}, 10, 1),  # 0.5 rounds up
        ({"share": 0.04}, 10, 0),
        ({"share": 0.04, "minimum": 2}, 10, 2),
        ({"share": 0.04, "minimum": 2}, 1, 1),
        ({"count": 7}, 3, 7),
    ],
)
def test_capacity_as_a_share_of_the_day(capacity, total, expected):
    rules = policy(capacity=[{"office": "*", "lanes": {**counts(1, 1, 1), "red": capacity}}])
    assert rules.capacity_of("A", "red", day=MONDAY, day_total=total) == expected


def lanes(**last: Any) -> list[dict[str, Any]]:
    return [*content()["lanes"][:-1], {**content()["lanes"][-1], **last}]


REFUSALS = [
    ({"colour": 1}, "colour: expected one of name, version", "Remove it"),
    ({"fallbck": {"lane": "red"}}, "fallbck: expected one of", "'fallback'"),
    (
        {"random_control": {"share": 1.2, "lane": "red"}},
        "random_control.share: expected at most 1, found 1.2",
        "",
    ),
    ({"random_control": {"shar": 0.2, "lane": "red"}}, "random_control.share: expected a value, found nothing", ""),
    (
        {"random_control": {"share": 0.2, "lane": "blue"}},
        "random_control.lane: one of orange, red, yellow, found 'blue'",
        "",
    ),
    (
        {"random_control": {"share": 0.2, "lane": "red", "strata": ["colour"]}},
        "random_control.strata[1]: expected one of 'is_oea'",
        "",
    ),
    ({"fallback": {"lane": "rouge"}}, "fallback.lane: one of blue, green, orange, red, yellow, found 'rouge'", ""),
    (
        {"fallback": {"lane": "orange", "beyond_capacity": "red"}},
        "fallback.beyond_capacity: one of blue, green, orange, yellow, found 'red'",
        "",
    ),
    ({"language": "es"}, "language: expected one of 'fr', 'ar', 'en', found 'es'", ""),
    ({"oea": {"maximum_lane": "x"}}, "oea.maximum_lane: one of", ""),
    ({"lanes": lanes()[2:]}, "the release lane (inspects = false) first, found 'yellow'", ""),
    ({"lanes": lanes(id="yellow")}, "each lane once, found 'yellow' 2 times", ""),
    ({"lanes": lanes(effectiveness=0.1)}, "effectiveness never falling, found orange = 0.5 before red = 0.1", ""),
    ({"lanes": lanes(effectiveness=0)}, "effectiveness above 0 exactly where inspects = true", ""),
    ({"lanes": lanes(label={"fr": "x", "en": "x"})}, "lanes[5].label.ar: expected a value, found nothing", ""),
    ({"lanes": lanes()[:2]}, "at least one lane with inspects = true, found none", ""),
    (
        {"capacity": [{"office": "*", "lanes": {"red": {"count": -1}}}]},
        "capacity[1].lanes.red.count: expected at least 0",
        "",
    ),
    ({"capacity": [{"office": "*", "lanes": {"red": {}}}]}, "exactly one of count and share, found neither", ""),
    ({"capacity": [{"office": "*", "lanes": {"red": {"count": 1, "share": 0.1}}}]}, "found both", ""),
    ({"capacity": [{"office": "*", "lanes": {"red": {"count": 1, "minimum": 1}}}]}, "minimum only beside a share", ""),
    ({"capacity": [{"office": "*", "lanes": {"red": {"count": 1}}}]}, "a capacity for every inspecting lane", ""),
    ({"capacity": [{"office": "*", "lanes": counts(1, 1, 1)}] * 2}, "one capacity per office, weekday and lane", ""),
    ({"capacity": [{"office": "*", "lanes": {"blue": {"count": 1}}}]}, "capacity of *: one of", ""),
    (
        {"capacity": [{"office": "*", "weekdays": ["lundi"], "lanes": {}}]},
        "capacity[1].weekdays[1]: expected one of 'monday'",
        "",
    ),
    ({"mandatory": [listed("red")]}, "mandatory[1].match: expected at least one condition", ""),
    ({"mandatory": [listed("red", commodity_code=["85.17"])]}, "without dots, found '85.17'", ""),
    ({"mandatory": [listed("green", procedure=["010"])]}, "mandatory.list-1.lane: one of", ""),
    ({"mandatory": [listed("red", procedure=["010"])] * 2}, "each mandatory id once, found list-1", ""),
    ({"objective": {"rank_by": "blend"}}, 'revenue_weight with order = "blend"', ""),
    ({"objective": {"order": "revenue", "revenue_weight": 0.5}}, 'revenue_weight with order = "blend"', ""),
    ({"objective": {"order": "revenue", "stake_exponent": 0.5}}, 'stake_exponent with order = "balanced"', ""),
    ({"objective": {"order": "revenue", "rank_by": "revenue"}}, "expected `order` alone", ""),
    (
        {"objective": {"order": "money"}},
        "objective.order: expected one of 'balanced', 'findings', 'revenue', 'blend'",
        "",
    ),
    ({"objective": {"stake_exponent": 1.2}}, "objective.stake_exponent: expected", ""),
    ({"valid_until": date(2019, 1, 1)}, "valid_until not before valid_from", ""),
]


@pytest.mark.parametrize(("changes", "message", "hint"), REFUSALS, ids=[m[:40] for _, m, _ in REFUSALS])
def test_a_fault_names_file_field_expected_and_found(tmp_path, changes, message, hint):
    with pytest.raises(PolicyError) as caught:
        load_policy(write(tmp_path, **changes), MONDAY)
    assert str(tmp_path / "policy.toml") in caught.value.message
    assert message in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("valid_from = [", "expected a TOML file in UTF-8"),
        ('valid_from = "2020-01-01"', "valid_from: expected a date written without quotes, found '2020-01-01'"),
        ("name = 'x'", "valid_from: expected a date written without quotes, found nothing"),
        ("valid_from = 2030-01-01", "a version in force on 2021-01-04, found the first one valid from 2030-01-01"),
    ],
)
def test_a_file_that_cannot_be_placed_is_rejected(tmp_path, text, message):
    (tmp_path / "policy.toml").write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError, match=re.escape(message)):
        load_policy(tmp_path, MONDAY)


def test_two_versions_of_one_day_are_rejected(tmp_path):
    write(tmp_path, "a.toml")
    write(tmp_path, "b.toml")
    with pytest.raises(PolicyError, match=r"found a\.toml and b\.toml, both valid_from 2020-01-01"):
        load_policy(tmp_path, MONDAY)


def test_a_policy_that_ended_is_rejected(tmp_path):
    with pytest.raises(PolicyError, match="valid until 2020-12-31"):
        load_policy(write(tmp_path, valid_until=date(2020, 12, 31)), MONDAY)


@pytest.mark.parametrize("place", ["absent", "."])
def test_a_folder_without_policy_is_rejected(tmp_path, place):
    with pytest.raises(PolicyError, match="Expected a policy folder"):
        load_policy(tmp_path / place, MONDAY)


def test_a_policy_never_changes():
    rules = policy()
    with pytest.raises(ValueError, match="frozen"):
        rules.name = "other"  # type: ignore[misc]


def test_labels_in_three_languages():
    assert policy(lanes=lanes(label={**wording("x"), "ar": "أحمر"})).lane("red").label.text("ar") == "أحمر"


def models(root: type[BaseModel]) -> set[type[BaseModel]]:
    inner = {m for field in root.model_fields.values() for m in _models_in(field.annotation)}
    return {root}.union(*(models(m) for m in inner))


def test_the_reference_page_has_every_field_with_its_meaning():
    page = ROOT / "docs/reference/policy.md"
    text = page.read_text(encoding="utf-8")
    missing = [
        f"{model.__name__}.{name}"
        for model in models(Policy)
        for name, field in model.model_fields.items()
        if not any(f"| `{name}` |" in line and f"| {field.description} |" in line for line in text.splitlines())
    ]
    assert missing == []


def test_what_stays_at_its_default_in_a_table_that_is_there_changes_no_digest():
    # The digest of this policy before `may_lower_mandatory`, `may_lower_random` and `offices` existed.
    written = policy(reselection={"may_lower": False, "lanes": ["red"]})
    assert json.loads(written.canonical)["reselection"] == {"lanes": ["red"], "may_lower": False}
    assert "offices" not in json.loads(written.canonical)
    assert json.loads(policy(reselection={"may_lower_random": True}).canonical)["reselection"] == {
        "lanes": [],
        "may_lower": True,
        "may_lower_random": True,
    }


def test_a_closed_list_of_offices_is_kept_and_its_capacities_are_of_offices_in_it():
    closed = policy(offices=["CASA-PORT", "TNG-MED"])
    assert closed.offices == ("CASA-PORT", "TNG-MED")
    assert restore_policy(closed.canonical) == closed
    assert policy().offices == ()
    capacity = [{"office": "*", "lanes": counts(1, 1, 1)}, {"office": "CASA", "lanes": counts(1, 1, 1)}]
    for wrong, message in (
        ({"offices": ["A", "A"]}, "each office once"),
        ({"offices": ["*"]}, "offices"),
        ({"offices": ["casa-port"]}, "CASA-PORT"),
        ({"offices": ["A"], "capacity": capacity}, "capacity of an office in `offices`, found 'CASA'"),
    ):
        with pytest.raises(ValidationError, match=re.escape(message)):
            policy(**wrong)


def test_entries_are_read_in_the_form_that_declarations_have(tmp_path):
    match = {
        "importer_id": ["\uff33IM\u20131"],
        "procedure": ["a\u0661"],
        "commodity_code": ["\u0669\u0663"],
        "origin_country": ["cn"],
    }
    entry = listed("red", **match)
    (found,) = load_policy(write(tmp_path, mandatory=[entry], offices=["AGA\uff24IR"]), MONDAY).mandatory
    assert found.match.importer_id == ("SIM-1",)
    assert (found.match.procedure, found.match.commodity_code, found.match.origin_country) == (
        ("A1",),
        ("93",),
        ("CN",),
    )
    assert load_policy(tmp_path, MONDAY).offices == ("AGADIR",)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"offices": ["AGA\u200bDIR"]}, "offices[1]: "),
        (
            {"mandatory": [listed("red", importer_id=["SIM-1", "S\u0406M-1"])]},
            "mandatory[1].match.importer_id[2]: ",
        ),
    ],
)
def test_an_entry_with_an_invisible_character_is_rejected_with_its_position(tmp_path, changes, place):
    with pytest.raises(PolicyError) as caught:
        load_policy(write(tmp_path, **changes), MONDAY)
    assert place in caught.value.message
    assert re.search(r"U\+\w{4} [A-Z -]+ at character \d", caught.value.message)
    assert caught.value.message.isprintable()


def test_a_recorded_policy_is_read_as_it_was_recorded():
    odd = policy(mandatory=[listed("red", importer_id=["S\u200bM"])])
    assert restore_policy(odd.canonical).digest == odd.digest


def test_the_policy_of_morocco_has_a_closed_list_of_offices():
    offices = load_policy(shipped("policies") / "morocco", MONDAY).offices
    assert {"TNG-MED", "CASA-PORT", "NOUACEUR-FRET", "AGADIR"} <= set(offices)
