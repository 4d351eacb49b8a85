"""Rules put to declarations of the past as the service does it: tried, and back-tested.

Enters: a service, JSON bodies, a person, the moment. Leaves: verdicts with reasons; figures, and with the person's wish
a step on record, which is audited. Never here: a computation without an end in time and memory; a value that names a
person for a reader without that right.

It takes seconds of CPU: the caller runs it beside the requests, one at a time for a person (`api.http.rule_desk`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypedDict

from basira.render.languages import LANGUAGES
from basira.rules.check import check_persons
from basira.rules.model import Condition
from basira.rules.names import Vocabulary
from basira.rules.text import parse_condition
from basira.schema.access import Principal
from basira.schema.errors import UsageError
from basira.schema.json_values import JsonObject
from basira.serving.bodies import find_login, read_day, read_flag, read_object, read_text, read_whole, require_day
from basira.serving.service import Service
from basira.workflows.engine import EngineBounds, Pause
from basira.workflows.rules.backtest import Asked, try_rule
from basira.workflows.rules.full_test import FullTestOrder, run_full_test, values_of_test
from basira.workflows.rules.life import read_rule_text
from basira.workflows.rules.lists import read_dated
from basira.workflows.rules.period import PeriodDays, read_period

# A proxy waits a minute for an answer. The memory is beside that of the service; one thread leaves the others to
# declarations.
SECONDS = 45.0
BOUNDS = EngineBounds(memory="1GB", threads=1, seconds=SECONDS)
# More days: the command line, which has no such bounds.
MOST_DAYS = 366
MOST_SHOWN = 100


class TriedBody(TypedDict):
    """What a condition says of one declaration: hit, no hit, unknown, error; and why, in sentences."""

    declaration_id: str
    outcome: str
    sentences: Sequence[str]


class TrialBody(TypedDict):
    """What a condition says of declarations of a period. ``hides_persons``: values that may name a person, and free
    texts, are left out of the sentences."""

    first: str
    last: str
    hides_persons: bool
    declarations: Sequence[TriedBody]


@dataclass(frozen=True)
class Caller:
    """Who asks. ``hides_persons``: without the right to read declarations; ``offices``: those whose declarations alone
    are looked at; None: every one."""

    principal: Principal
    hides_persons: bool
    offices: frozenset[str] | None = None


def try_on_period(body: object, service: Service, *, by: Caller, now: datetime) -> TrialBody:
    """Try a condition (``text``, or ``rule`` as JSON) on the declarations of ``first`` to ``last``: what it says of the
    first that it hits, or of ``declaration_id``, and why. Perhaps ``most`` (5), ``language``, ``lists_of_today``.

    Nothing is recorded. Raises RuleError, UsageError, also when reading the period took longer than it may.
    """
    names = {"text", "rule", "first", "last", "declaration_id", "most", "language", "lists_of_today"}
    values = read_object(body, names)
    days = _days_of(values, now.date(), with_results=False)
    most, language = read_whole(values, "most", most=MOST_SHOWN) or 5, _language_of(values, service.language)
    vocabulary, lists = read_dated(service.database, is_known_always=read_flag(values, "lists_of_today"))
    condition = _condition_of(values, vocabulary)
    if by.hides_persons:
        # Asked by one identifier after the other, the numbers of declarations would say whose they are.
        check_persons(condition, vocabulary)
    pause = _pause_until(SECONDS)
    period = read_period(service.history(), [condition], vocabulary, days, engine=BOUNDS, offices=by.offices)
    pause()
    asked = Asked(language, read_text(values, "declaration_id") or None, most, by.hides_persons)
    tried = try_rule(condition, period, vocabulary, lists, asked, pause=pause)
    return {
        "first": days.first.isoformat(),
        "last": days.last.isoformat(),
        "hides_persons": by.hides_persons,
        "declarations": [
            {"declaration_id": one.declaration_id, "outcome": one.outcome, "sentences": list(one.sentences)}
            for one in tried
        ],
    }


def back_test_recorded(body: object, rule_id: str, service: Service, *, by: Caller, now: datetime) -> JsonObject:
    """Back-test a version of a recorded rule on the declarations of ``first`` to ``last``, with the results known until
    ``as_of`` (today by default). Perhaps ``version`` (the newest), ``lists_of_today``, and ``is_recorded``: the test is
    a step of its life, taken by the person who asks.

    Its examples name no person. Raises RuleError, UsageError, also when the time is over, and NotFoundError.
    """
    values = read_object(body, {"first", "last", "as_of", "version", "lists_of_today", "is_recorded"})
    login = find_login(service.database, by.principal) if read_flag(values, "is_recorded") else ""
    order = FullTestOrder(
        rule_id,
        _days_of(values, now.date(), with_results=True),
        now,
        read_whole(values, "version"),
        login=login,
        lists_of_today=read_flag(values, "lists_of_today"),
        offices=by.offices,
    )
    pause, history = _pause_until(SECONDS), service.history()
    found = run_full_test(history, service.database, order, service.policy, engine=BOUNDS, pause=pause)
    return {**values_of_test(found), "is_recorded": bool(login)}


def _pause_until(seconds: float) -> Pause:
    end = time.monotonic() + seconds

    def pause() -> None:
        if time.monotonic() > end:
            raise UsageError(
                "Expected a computation of {seconds:.0f} seconds at most, found a longer one.",
                hint="Ask for fewer days; the command line has no such bound.",
                seconds=seconds,
            )

    return pause


def _days_of(values: JsonObject, today: date, *, with_results: bool) -> PeriodDays:
    first, last = require_day(values, "first"), require_day(values, "last")
    if (last - first).days >= MOST_DAYS:
        raise UsageError(
            "Expected a period of {most_days} days at most, found {days}.",
            hint="Ask for fewer days; the command line has no such bound.",
            most_days=MOST_DAYS,
            days=(last - first).days + 1,
        )
    return PeriodDays(first, last, (read_day(values, "as_of") if with_results else None) or max(last, today))


def _condition_of(values: JsonObject, vocabulary: Vocabulary) -> Condition:
    text, rule = values.get("text"), values.get("rule")
    if isinstance(text, str) and rule is None:
        return parse_condition(text, vocabulary)
    if rule is not None and text is None:
        return read_rule_text(json.dumps(rule), vocabulary).condition
    raise UsageError("Expected either rule or text, found both or neither.", hint="Send one of the two.")


def _language_of(values: JsonObject, usual: str) -> str:
    found = read_text(values, "language") or usual
    if found not in LANGUAGES:
        raise UsageError(
            "Expected a language of {languages}, found another.",
            hint="Correct the body.",
            languages=", ".join(LANGUAGES),
        )
    return found
