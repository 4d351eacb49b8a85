"""A verdict says why: the condition with its threshold, the value read, in the officer's language."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from basira.rules.evaluate import Verdict, compile_condition, judge
from basira.rules.findings import find_reasons, say_finding, say_outcome
from basira.rules.model import Condition
from basira.rules.text import parse_condition
from basira.rules.values import Facts
from tests.support.rules_world import LISTS, VOCABULARY, conditions, declarations

TEXT = "commodity_code starts with '8517' and net_mass_kg < 2 t and origin_country not in ('CN')"
FACTS = Facts([{"commodity_code": "01"}, {"commodity_code": "851713", "net_mass_kg": 1999.99, "origin_country": "FR"}])


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "Item 2: Met: net_mass_kg < 2 t — read: net_mass_kg = 1999.99"),
        ("fr", "Article 2 : Remplie : masse_nette_kg < 2 t — lu : Masse nette (kg) = 1999.99"),
        (
            "ar",
            "البند 2: مستوفى: \u2068الوزن_الصافي_كغ < 2 t\u2069 — المقروء: الوزن الصافي (كغ) = \u20681999.99\u2069",
        ),
    ],
)
def test_a_finding_gives_the_value_and_the_threshold(language: str, sentence: str) -> None:
    reasons = find_reasons(parse_condition(TEXT, VOCABULARY), FACTS, VOCABULARY, LISTS)
    assert [reason.truth for reason in reasons] == [True, True, True]
    assert say_finding(reasons[1], VOCABULARY, language, strict=True) == sentence


def test_an_unknown_says_what_is_absent() -> None:
    condition = parse_condition("net_mass_kg < 5", VOCABULARY)
    facts = Facts([{}])
    found = judge(condition, compile_condition(condition, VOCABULARY, LISTS), facts, VOCABULARY, LISTS)
    assert say_outcome(found, VOCABULARY, "fr", strict=True) == "Inconnu : Masse nette (kg) manque"
    [reason] = find_reasons(condition, facts, VOCABULARY, LISTS)
    assert say_finding(reason, VOCABULARY, "en", strict=True) == (
        "Item 1: Unknown: net_mass_kg < 5 — read: net_mass_kg absent"
    )


def test_a_count_says_how_many_met_it() -> None:
    condition = parse_condition("count items (origin_country = 'FR') >= 1", VOCABULARY)
    [reason] = find_reasons(condition, FACTS, VOCABULARY, LISTS)
    assert say_finding(reason, VOCABULARY, "en").endswith("read: 1 items meet it, 1 unknown")


def test_outcomes_are_named_in_every_language() -> None:
    said = {
        say_outcome(Verdict(outcome, fields=("net_mass_kg",)), VOCABULARY, language, strict=True)
        for outcome in ("hit", "no_hit", "unknown", "error")
        for language in ("fr", "en", "ar")
    }
    assert len(said) == 12


@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(conditions, declarations())
def test_every_verdict_has_reasons_in_every_language(condition: Condition, facts: Facts) -> None:
    reasons = find_reasons(condition, facts, VOCABULARY, LISTS)
    assert reasons
    assert all(
        say_finding(one, VOCABULARY, language, strict=True) for one in reasons for language in ("fr", "en", "ar")
    )
