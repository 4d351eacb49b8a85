"""Many rules on one declaration: what the index leaves out is no hit, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from basira.rules import model
from basira.rules.book import RuleBook
from basira.rules.evaluate import compile_condition
from basira.rules.json_form import read_rule
from basira.rules.model import Condition, Rule
from basira.rules.text import parse_condition
from basira.rules.values import Facts
from tests.rules.test_json_form import content
from tests.support.rules_world import LISTS, VOCABULARY, conditions, declarations

RULE = read_rule(content())[0]
DAY = date(2026, 12, 1)


def named(rule_conditions: list[Condition]) -> list[Rule]:
    return [replace(RULE, rule_id=f"r{n}", condition=one) for n, one in enumerate(rule_conditions)]


def found(book: RuleBook, facts: Facts, *, office: str = "A", day: date = DAY) -> dict[str, bool | None]:
    return {rule.rule_id: truth for rule, truth in book.truths(facts, day=day, office=office)}


@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.lists(conditions, min_size=1, max_size=6), declarations())
def test_the_index_loses_no_hit_and_no_unknown(rule_conditions: list[Condition], facts: Facts) -> None:
    rules = named(rule_conditions)
    plain = {r.rule_id: compile_condition(r.condition, VOCABULARY, LISTS)(facts, 0, ()) for r in rules}
    wanted = {rule_id: truth for rule_id, truth in plain.items() if truth is not False}
    assert found(RuleBook(rules, VOCABULARY, LISTS), facts) == wanted


def test_an_item_without_a_code_makes_the_rule_unknown() -> None:
    [rule] = named([parse_condition("commodity_code starts with '8517'", VOCABULARY)])
    book = RuleBook([rule], VOCABULARY, LISTS)
    assert found(book, Facts([{"commodity_code": "01"}])) == {}
    assert found(book, Facts([{"commodity_code": "01"}, {"commodity_code": None}])) == {"r0": None}
    assert found(book, Facts([{"commodity_code": None}, {"commodity_code": "851713"}])) == {"r0": True}
    assert book.verdict(rule, Facts([{}])).fields == ("commodity_code",)


def test_a_rule_holds_on_its_days_and_at_its_offices() -> None:
    rule = replace(RULE, condition=model.IsMissing("importer_id"), offices=("CASA1",))
    book = RuleBook([rule], VOCABULARY, LISTS)
    facts = Facts([{}])
    assert found(book, facts, office="CASA1") == {"phones-cn": True}
    assert found(book, facts, office="NADOR") == {}
    assert found(book, facts, office="CASA1", day=date(2027, 6, 1)) == {}
