"""The whole back-test of a recorded rule, as the command and the service make it.

Enters: a store, a database, the id of a rule, days, who asks. Leaves: figures, and with a login a step on record. Never
here: a figure of its own (`backtest`, `beside`, `counter`, `gate`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date, datetime

from basira.schema.json_values import JsonObject
from basira.schema.stake import StakeScale
from basira.selection.policy.load import restore_policy
from basira.selection.policy.model import Policy
from basira.storage.database.connection import Database
from basira.storage.history.store import History
from basira.storage.rules.selections import recorded_selections
from basira.storage.rules.store import get_version
from basira.workflows.engine import EngineBounds, Pause, Progress, no_pause, silent
from basira.workflows.rules.backtest import BackTest, back_test, judge_rule
from basira.workflows.rules.beside import Beside, Others, Recorded, RunTerms, put_beside
from basira.workflows.rules.counter import CounterExamples, find_counter_examples
from basira.workflows.rules.gate import GateValues, gate_of
from basira.workflows.rules.life import read_stored, require_step, rules_in_force, take_step
from basira.workflows.rules.lists import read_dated
from basira.workflows.rules.period import PeriodDays, read_period


@dataclass(frozen=True)
class FullTestOrder:
    """What to test. ``version``: None: the newest; ``now``: of whose day other rules are live; ``login``: by whom the
    test is recorded, "": it is shown alone; ``lists_of_today``: as if today's lists had been known before;
    ``offices``: whose declarations alone are looked at; None: all."""

    rule_id: str
    days: PeriodDays
    now: datetime
    version: int | None = None
    login: str = ""
    lists_of_today: bool = False
    offices: frozenset[str] | None = None


@dataclass(frozen=True)
class FullTest:
    """A rule on a past period, what it must reach, and where it stands beside everything else."""

    version: int
    test: BackTest
    gate: GateValues
    beside: Beside
    counter_examples: CounterExamples


def run_full_test(
    history: History,
    database: Database,
    order: FullTestOrder,
    policy_on: Callable[[date], Policy],
    *,
    engine: EngineBounds | None = None,
    progress: Progress = silent,
    pause: Pause = no_pause,
) -> FullTest:
    """Back-test a version of a rule; with a login the test is a step of its life, which must be allowed before.

    ``pause``: called between its parts.

    Raises NotFoundError without the rule, UsageError for the period, RuleError when the step may not be taken,
    PolicyError as ``policy_on``.
    """
    vocabulary, lists = read_dated(database, is_known_always=order.lists_of_today)
    with database.read() as connection:
        stored = get_version(connection, order.rule_id, order.version)
        others = [one for one in rules_in_force(connection, on=order.now.date()) if one.rule.rule_id != order.rule_id]
    recorded = read_recorded(database, order.days)
    rule = read_stored(stored)
    if order.login:
        require_step(database, order.rule_id, "tested", login=order.login, version=stored.version)
    conditions = [rule.condition, *(one.rule.condition for one in others)]
    period = read_period(
        history,
        conditions,
        vocabulary,
        order.days,
        engine=engine,
        progress=progress,
        with_operators=True,
        offices=order.offices,
    )
    pause()
    outcome = judge_rule(rule, period, vocabulary, lists, pause=pause)
    found = back_test(rule, period, vocabulary, lists, probabilities=recorded.probabilities, outcome=outcome)
    gate = gate_of(rule, found, policy_on)
    outcomes = []
    for one in others:
        pause()
        outcomes.append(judge_rule(one.rule, period, vocabulary, lists, pause=pause))
    beside = put_beside(
        outcome,
        period,
        recorded,
        Others([(one.rule.rule_id, one.stored.version) for one in others], outcomes),
        takes_slots=bool(rule.effect.lane),
    )
    pause()
    examples = find_counter_examples(rule, period, vocabulary, lists, outcome=outcome, pause=pause)
    pause()
    if order.login:
        take_step(
            database,
            order.rule_id,
            "tested",
            login=order.login,
            now=order.now,
            version=stored.version,
            detail=_detail(order, found, gate),
        )
    return FullTest(stored.version, found, gate, beside, examples)


def values_of_test(found: FullTest) -> JsonObject:
    """A back-test as JSON values; days as YYYY-MM-DD."""
    values = {
        **asdict(found.test),
        "version": found.version,
        "gate": found.gate,
        "beside": asdict(found.beside),
        "counter_examples": asdict(found.counter_examples),
    }
    whole: JsonObject = json.loads(json.dumps(values, default=date.isoformat, allow_nan=False))
    return whole


def read_recorded(database: Database, days: PeriodDays) -> Recorded:
    """What the runs of a period recorded of its declarations."""
    with database.read() as connection:
        selections, runs = recorded_selections(connection, first=days.first.isoformat(), last=days.last.isoformat())
    terms = {}
    for run in runs:
        scale = json.loads(run.options).get("order")
        terms[run.run_id] = RunTerms(
            date.fromisoformat(run.day),
            restore_policy(run.policy_text),
            None if scale is None else StakeScale(scale["typical_amount"], scale["exponent"]),
        )
    return Recorded(selections, terms)


def _detail(order: FullTestOrder, found: BackTest, gate: GateValues) -> JsonObject:
    return {
        "gate": gate,
        "first": order.days.first.isoformat(),
        "last": order.days.last.isoformat(),
        "as_of": order.days.as_of.isoformat(),
        "hits": found.hits,
        "unknown": found.unknown,
        "inspected": found.rate.inspected,
        "findings": found.rate.findings,
        "rate": found.rate.rate,
        "low": found.rate.low,
        "high": found.rate.high,
        "lists_of_today": order.lists_of_today,
    }
