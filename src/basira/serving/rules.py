"""Rules of analysts as the service shows and changes them: versions, steps, checks.

Enters: a database, a person, JSON bodies, the day. Leaves: answers of `serving.views.rules`; steps on record, each
audited. Never here: what a step needs (`rules.lifecycle`); a step without a person: a key writes no rule.
"""

from __future__ import annotations

import json
from datetime import datetime

from basira.rules.faults import say_fault, say_hint
from basira.rules.json_form import write_condition
from basira.rules.lifecycle import STATES, State
from basira.rules.text import parse_condition
from basira.schema.access import Principal
from basira.schema.errors import RuleError, UsageError
from basira.selection.policy.model import Policy
from basira.serving.bodies import find_login, read_object, read_text, read_whole
from basira.serving.views.rules import CheckBody, RuleVersionBody, checked_body, version_body
from basira.storage.database.connection import Database
from basira.workflows.rules.life import read_rule_text, show_version, take_step, write_version
from basira.workflows.rules.lists import known_vocabulary


def check_rule(body: object, database: Database, policy: Policy) -> CheckBody:
    """A rule as JSON (``rule``), or the text of a condition (``text``), in its one form; nothing is recorded.

    Raises RuleError with place and cause, UsageError for a body that holds neither or both.
    """
    values = read_object(body, {"rule", "text"})
    vocabulary = known_vocabulary(database)
    text = values.get("text")
    if isinstance(text, str) and "rule" not in values:
        return checked_body(parse_condition(text, vocabulary), vocabulary)
    if "rule" in values and text is None:
        lanes = tuple(lane.id for lane in policy.lanes if lane.inspects)
        rule = read_rule_text(json.dumps(values["rule"]), vocabulary, lanes=lanes)
        return checked_body(rule.condition, vocabulary)
    raise UsageError("Expected either rule or text, found both or neither.", hint="Send one of the two.")


def add_rule(body: object, database: Database, policy: Policy, *, by: Principal, now: datetime) -> RuleVersionBody:
    """Record a new version of a rule as a draft: ``rule``, as JSON, or with the ``text`` of its condition in the place
    of it; perhaps a ``motive``. Raises RuleError, UsageError."""
    values = read_object(body, {"rule", "text", "motive"})
    content = values.get("rule")
    if not isinstance(content, dict):
        raise UsageError("Expected the rule as a JSON object, found another value.", hint="Send {'rule': {...}}.")
    vocabulary = known_vocabulary(database)
    if "text" in values:
        content = {**content, "condition": write_condition(parse_condition(str(values["text"]), vocabulary))}
    lanes = tuple(lane.id for lane in policy.lanes if lane.inspects)
    rule = read_rule_text(json.dumps(content), vocabulary, lanes=lanes)
    made = write_version(
        database, rule, login=find_login(database, by), now=now, motive=read_text(values, "motive") or None
    )
    return _shown(database, made.rule.rule_id, made.stored.version, now)


def step_rule(body: object, rule_id: str, database: Database, *, by: Principal, now: datetime) -> RuleVersionBody:
    """Take a step of a version's life: ``state``, perhaps ``version`` (the newest by default), ``motive``, and
    ``seen``, the number of the last step that the person saw.

    A test is recorded by `basira rules backtest`, which makes it. Raises RuleError, UsageError, NotFoundError.
    """
    values = read_object(body, {"state", "version", "motive", "seen"})
    state = values.get("state")
    taken: list[State] = [one for one in STATES if one == state and one != "tested"]
    if not taken:
        known = ", ".join(one for one in STATES if one != "tested")
        raise UsageError(
            f"Expected a state of {known}, found {state!r}.", hint="Name the state that the step leads to."
        )
    version, seen = read_whole(values, "version"), read_whole(values, "seen")
    step = take_step(
        database,
        rule_id,
        taken[0],
        login=find_login(database, by),
        now=now,
        version=version,
        motive=read_text(values, "motive"),
        expected_number=seen,
    )
    return _shown(database, rule_id, step.version, now)


def said_in(error: RuleError, language: str) -> tuple[str, str]:
    """What is wrong and what to do, in a language."""
    return say_fault(error, language), say_hint(error, language)


def _shown(database: Database, rule_id: str, version: int, now: datetime) -> RuleVersionBody:
    vocabulary = known_vocabulary(database)
    with database.read() as connection:
        return version_body(show_version(connection, rule_id, on=now.date(), version=version), vocabulary)
