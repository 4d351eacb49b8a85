"""Seven surfaces, one verdict: try one, dry run and live batch, back-test, shadow, online, replay of both."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from basira.decisions.judged import JudgedValues
from basira.rules.json_form import write_rule
from basira.rules.model import Condition, Effect, Rule
from basira.rules.values import Facts
from basira.schema.canonical import canonical_values, digest
from basira.schema.records import Candidate
from basira.workflows.rules.backtest import Asked, back_test, try_rule
from basira.workflows.rules.in_force import RuleInForce, RuleSet, restore_rule_set
from basira.workflows.rules.judge import RuleJudge
from basira.workflows.rules.period import Period
from basira.workflows.rules.vocabulary import make_vocabulary
from tests.rules.test_bulk import SCHEMA
from tests.support.rules_world import LISTS, conditions, declarations, rows_of
from tests.support.selection_world import MONDAY, policy

VOCABULARY = make_vocabulary(list(LISTS))
POLICY = policy()


def rules_of(drawn: Sequence[Condition]) -> list[Rule]:
    return [
        Rule(f"rule-{n}", "Title", one, Effect(lane="orange"), date(2020, 12, 1), date(2021, 6, 1), "Seen.")
        for n, one in enumerate(drawn)
    ]


def in_force(rules: Sequence[Rule], *, is_shadow: bool = False) -> RuleSet:
    written = [json.loads(json.dumps(write_rule(one))) for one in rules]
    return RuleSet(
        tuple(
            RuleInForce(one, 1, digest(content), is_shadow, content)
            for one, content in zip(rules, written, strict=True)
        ),
        LISTS,
    )


def judge_of(rules: RuleSet) -> RuleJudge:
    return RuleJudge(rules, POLICY, seed=3)


def candidates_of(many: Sequence[Facts]) -> list[Candidate]:
    return [
        Candidate(f"D{n}", 1, "A", facts.scores["fraud_probability"], None, items=facts.items, features=facts.features)
        for n, facts in enumerate(many)
    ]


def tables(many: Sequence[Facts]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What was declared, and the features: a row an item."""
    frame = pl.DataFrame(rows_of(list(many)), schema=SCHEMA, orient="row")
    names = [f"D{n}" for n, facts in enumerate(many) for _ in facts.items]
    declared = frame.drop("declaration_position", *many[0].features, "fraud_probability")
    return declared.with_columns(declaration_id=pl.Series(names)), frame.select(*many[0].features)


def period_of(many: Sequence[Facts]) -> Period:
    rows = {
        "declaration_id": [f"D{n}" for n in range(len(many))],
        "office": ["A"] * len(many),
        "day": [MONDAY] * len(many),
        "is_irregular": [None] * len(many),
        "revenue": [0.0] * len(many),
    }
    declared = pl.DataFrame(rows, schema_overrides={"is_irregular": pl.Boolean})
    items = pl.DataFrame(rows_of(list(many)), schema=SCHEMA, orient="row")
    names = [f"D{n}" for n, facts in enumerate(many) for _ in facts.items]
    return Period(MONDAY, MONDAY, items.with_columns(declaration_id=pl.Series(names)), declared)


def outcomes(said: Sequence[Sequence[JudgedValues]], count: int) -> list[list[str]]:
    """Of each declaration the outcome of each rule."""
    found = [{one["rule_id"]: one["outcome"] for one in verdicts} for verdicts in said]
    return [[str(verdicts.get(f"rule-{n}", "no_hit")) for n in range(count)] for verdicts in found]


@settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(drawn=st.lists(conditions, min_size=1, max_size=4), many=st.lists(declarations(), min_size=1, max_size=4))
def test_every_surface_gives_the_same_verdict(drawn: list[Condition], many: list[Facts]) -> None:
    rules, candidates = rules_of(drawn), candidates_of(many)
    declared, features = tables(many)
    live = judge_of(in_force(rules))
    online = [live.judge(one, MONDAY) for one in candidates]
    wanted = outcomes(online, len(rules))
    batch = live.judge_day(candidates, declared, features, MONDAY)  # also the dry run's
    assert batch == online
    shadow = judge_of(in_force(rules, is_shadow=True))
    assert outcomes([shadow.judge(one, MONDAY) for one in candidates], len(rules)) == wanted
    assert outcomes(shadow.judge_day(candidates, declared, features, MONDAY), len(rules)) == wanted
    recorded = json.loads(canonical_values([one.recorded() for one in live.rules.rules]))
    again = judge_of(replace(restore_rule_set(recorded), lists=LISTS))
    assert canonical_values([list(again.judge(one, MONDAY)) for one in candidates]) == canonical_values(
        [list(one) for one in online]
    )
    period = period_of(many)
    for number, rule in enumerate(rules):
        of_rule = [one[number] for one in wanted]
        test = back_test(rule, period, VOCABULARY, LISTS)
        assert (test.hits, test.unknown) == (
            of_rule.count("hit"),
            of_rule.count("unknown") + of_rule.count("error"),
        )
        for name, outcome in zip(period.declarations["declaration_id"], of_rule, strict=True):
            if many[int(name[1:])].scores["fraud_probability"] is None:
                [tried] = try_rule(rule.condition, period, VOCABULARY, LISTS, Asked("en", name))
                assert tried.outcome == outcome


def test_the_facts_of_a_day_stand_in_one_row_an_item() -> None:
    """The property above would hold of nothing if the tables were empty."""
    facts = Facts(
        [{"declared_at": datetime(2021, 1, 4)}] * 2, {"importer_hit_rate": [0.1, 0.2]}, {"fraud_probability": 0.5}
    )
    declared, features = tables([facts])
    assert (declared.height, features.height) == (2, 2)
