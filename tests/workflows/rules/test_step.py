"""The rules in force as selection asks them: from the text of a rule to the lane of a declaration."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from basira.rules.book import RuleBook
from basira.rules.json_form import read_rule
from basira.rules.model import Effect, Rule
from basira.rules.text import parse_condition
from basira.schema.records import Candidate
from basira.selection.batch.allocate import allocate
from basira.selection.steps import with_rules
from basira.workflows.rules.step import RuleWishes
from basira.workflows.rules.vocabulary import make_vocabulary
from tests.rules.test_json_form import content
from tests.support.selection_world import MONDAY, counts, policy

VOCABULARY = make_vocabulary()
BASE = read_rule(content(starts_on="2021-01-01", expires_on="2021-06-30"))[0]
LANES = ("green", "blue", "yellow", "orange", "red")


def rule(rule_id: str, text: str, **effect: Any) -> Rule:
    condition = parse_condition(text, VOCABULARY)
    return replace(BASE, rule_id=rule_id, condition=condition, effect=Effect(**{"lane": "orange", **effect}))


def declared(name: str, *items: dict[str, Any], score: float | None = None) -> Candidate:
    return Candidate(name, 1, "A", score, None if score is None else score * 100, items=items)


def wishes(*rules: Rule, let_go_share: float = 0.0) -> RuleWishes:
    return RuleWishes(RuleBook(rules, VOCABULARY, {}), seed=1, lanes=LANES, let_go_share=let_go_share)


PHONES = rule("phones", "commodity_code starts with '8517' and origin_country = 'CN'")
CHINESE_PHONE = {"commodity_code": "851713", "origin_country": "CN"}


def test_a_rule_gets_its_lane_and_the_decision_names_it() -> None:
    day = [declared("D1", CHINESE_PHONE), declared("D2", {"commodity_code": "851713", "origin_country": "FR"})]
    room = policy(capacity=[{"office": "*", "lanes": counts(5, 5, 5)}])
    found = allocate(day, room, day=MONDAY, seed=1, steps=with_rules(wishes(PHONES))).selections
    assert [(s.basis == "rule", s.rule_id) for s in found] == [(True, "phones"), (False, "")]
    assert found[0].lane == "orange"


def test_what_is_unknown_is_judged_and_does_not_act() -> None:
    unknown = declared("D1", {"commodity_code": "851713", "origin_country": None})
    [judged] = wishes(PHONES).judge(unknown, MONDAY)
    assert (judged.rule, judged.firing) == (PHONES, None)
    assert wishes(PHONES).find(unknown, MONDAY) is None


def test_a_hit_that_is_let_go_is_judged_with_its_probability() -> None:
    many = [declared(f"D{n}", CHINESE_PHONE) for n in range(400)]
    asked = wishes(PHONES, let_go_share=0.3)
    firings = [asked.judge(one, MONDAY)[0].firing for one in many]
    assert {firing and firing.probability for firing in firings} == {0.7}
    acting = [firing is not None and firing.acts for firing in firings]
    assert acting == [asked.find(one, MONDAY) is not None for one in many]
    assert 240 < sum(acting) < 320


def test_the_mandatory_rule_goes_first_then_the_most_intensive_lane() -> None:
    hit = declared("D1", CHINESE_PHONE)
    red = rule("red-one", "origin_country = 'CN'", lane="red")
    bound = rule("bound", "origin_country = 'CN'", lane="yellow", is_mandatory=True)
    several = wishes(PHONES, red)
    wish = several.find(hit, MONDAY)
    assert wish is not None
    assert wish.rule_id == "red-one"
    wish = wishes(PHONES, red, bound).find(hit, MONDAY)
    assert wish is not None
    assert (wish.rule_id, wish.is_mandatory) == ("bound", True)
    assert several.recall("red-one") == several.find(hit, MONDAY)
    assert several.recall("gone") is None


def test_a_rule_that_only_tags_wants_no_lane() -> None:
    tag = rule("tagged", "origin_country = 'CN'", lane="", tag="phones")
    assert wishes(tag).find(declared("D1", CHINESE_PHONE), MONDAY) is None
    assert len(wishes(tag).judge(declared("D1", CHINESE_PHONE), MONDAY)) == 1
    assert wishes(tag).lanes == frozenset()


def test_a_candidate_without_items_is_judged_by_no_rule() -> None:
    assert wishes(PHONES).judge(declared("D1"), MONDAY) == ()
