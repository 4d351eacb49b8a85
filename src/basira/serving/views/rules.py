"""Versions of rules as answers show them.

Enters: versions with what they are today. Leaves: JSON values. Never here: a name of a person (an actor is an opaque
id); an entry of a list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TypedDict

from basira.render.languages import LANGUAGES
from basira.rules.json_form import write_condition
from basira.rules.model import Condition
from basira.rules.names import Vocabulary
from basira.rules.write import write_text
from basira.schema.json_values import JsonObject
from basira.storage.database.connection import Database
from basira.storage.rules.store import list_steps
from basira.workflows.rules.life import RuleVersion, show_all
from basira.workflows.rules.lists import known_vocabulary


class StepBody(TypedDict):
    """One step of a version's life. ``number``: over all versions of the rule; ``by``: opaque id; ``detail``: what it
    rests on, such as a back-test; null: nothing."""

    number: int
    state: str
    by: str
    at: str
    motive: str | None
    detail: JsonObject | None


class RuleVersionBody(TypedDict):
    """One version of one rule. ``status``: what it is today; ``text``: its condition, by language; ``rule``: JSON."""

    rule_id: str
    version: int
    status: str
    digest: str
    author: str
    created_at: str
    text: Mapping[str, str]
    rule: JsonObject
    steps: Sequence[StepBody]


class RulesBody(TypedDict):
    """Versions of rules, in order of rules and versions."""

    day: str
    rules: Sequence[RuleVersionBody]


class RuleHistoryBody(TypedDict):
    """All versions of one rule. ``last_step``: the number of its last step, which a new step names as ``seen``."""

    rule_id: str
    day: str
    last_step: int
    versions: Sequence[RuleVersionBody]


class CheckBody(TypedDict):
    """A condition in its one form: as JSON, and as text by language."""

    condition: JsonObject
    text: Mapping[str, str]


def list_body(database: Database, *, on: date, status: str | None = None) -> RulesBody:
    """Every version of every rule on a day, or those of one status."""
    vocabulary = known_vocabulary(database)
    with database.read() as connection:
        found = show_all(connection, on=on)
    shown = [version_body(one, vocabulary) for one in found if status in (None, one.status)]
    return {"day": on.isoformat(), "rules": shown}


def rule_body(database: Database, rule_id: str, *, on: date) -> RuleHistoryBody | None:
    """All versions of a rule; None without a rule of this id."""
    vocabulary = known_vocabulary(database)
    with database.read() as connection:
        steps = list_steps(connection, rule_id)
        found = [one for one in show_all(connection, on=on) if one.rule.rule_id == rule_id]
    if not steps:
        return None
    return {
        "rule_id": rule_id,
        "day": on.isoformat(),
        "last_step": steps[-1].number,
        "versions": [version_body(one, vocabulary) for one in found],
    }


def version_body(one: RuleVersion, vocabulary: Vocabulary) -> RuleVersionBody:
    """One version."""
    return {
        "rule_id": one.rule.rule_id,
        "version": one.stored.version,
        "status": one.status,
        "digest": one.stored.digest,
        "author": one.stored.author,
        "created_at": one.stored.created_at,
        "text": {language: write_text(one.rule.condition, vocabulary, language) for language in LANGUAGES},
        "rule": dict(one.stored.content),
        "steps": [
            {
                "number": step.number,
                "state": step.state,
                "by": step.actor,
                "at": step.taken_at,
                "motive": step.motive,
                "detail": None if step.detail is None else dict(step.detail),
            }
            for step in one.steps
        ],
    }


def checked_body(condition: Condition, vocabulary: Vocabulary) -> CheckBody:
    """A condition that was read."""
    return {
        "condition": write_condition(condition),
        "text": {language: write_text(condition, vocabulary, language) for language in LANGUAGES},
    }
