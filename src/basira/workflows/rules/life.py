"""The steps of a rule's life, on record: written, tested, submitted, approved, live, retired.

Enters: the operational database, a rule's JSON, the login of the person who acts, the moment. Leaves: versions and
steps, each with its event in the audit. Never here: a step that `rules.lifecycle` does not allow.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from basira.rules.check import check_dates, check_persons, settle_rule
from basira.rules.faults import rule_fault
from basira.rules.json_form import read_rule, write_rule
from basira.rules.lifecycle import (
    AUTHORS,
    MAY,
    State,
    Status,
    Step,
    check_step,
    require_gate,
    require_own,
    require_writer,
    roles_over,
    status_of,
)
from basira.rules.model import Rule
from basira.rules.names import Vocabulary
from basira.rules.write import write_text
from basira.schema.access import Grant, Role
from basira.schema.errors import NotFoundError
from basira.schema.json_values import JsonObject
from basira.storage.accounts.users import find_user
from basira.storage.database.connection import Database
from basira.storage.rules.store import (
    Act,
    StoredRule,
    StoredStep,
    add_step,
    add_version,
    get_version,
    list_steps,
    list_versions,
)

_LARGEST_FILE = 100_000


@dataclass(frozen=True)
class Person:
    """Who acts: the opaque id of an account in use, and its roles. ``grants``: with those of single offices."""

    id: str
    grants: tuple[Grant, ...]

    @property
    def roles(self) -> frozenset[Role]:
        """The roles of every office, and an inspector's."""
        return roles_over(self.grants, ())


@dataclass(frozen=True)
class RuleVersion:
    """A version with what it is today."""

    stored: StoredRule
    rule: Rule
    status: Status
    steps: tuple[StoredStep, ...]


def find_person(connection: sa.Connection, login: str) -> Person:
    """The person of a login. Raises NotFoundError without an account in use: a name alone has no role."""
    user = find_user(connection, login=login)
    if user is None or not user.is_active:
        raise NotFoundError(
            "Expected the login of an account in use, found {login!r}.",
            hint="`basira users list` shows them; an analyst writes a rule, a manager approves it.",
            login=login,
        )
    return Person(user.user_id, tuple(user.grants))


def offices_of(connection: sa.Connection, rule_id: str) -> list[Sequence[str]]:
    """Where each recorded version of a rule holds; empty: everywhere. No version: an empty list."""
    return [one.content.get("offices", ()) for one in list_versions(connection) if one.rule_id == rule_id]


def read_rule_text(text: str, vocabulary: Vocabulary, *, lanes: tuple[str, ...] = ()) -> Rule:
    """The rule that a file of JSON holds, settled. Raises RuleError, also for a written identifier of a person."""
    if len(text) > _LARGEST_FILE:
        raise rule_fault("too_long", most=_LARGEST_FILE)
    try:
        values = json.loads(text, parse_constant=lambda name: name, object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as error:
        raise rule_fault("json", found=str(error) or "-") from None
    rule, places = read_rule(values)
    settled = settle_rule(rule, vocabulary, places, lanes)
    check_persons(settled.condition, vocabulary)
    return settled


def _without_repeats(pairs: list[tuple[str, Any]]) -> JsonObject:
    """A JSON object. Of a key that stands twice one value would be taken in silence: raises ValueError."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key that stands twice")
    return found


def write_version(
    database: Database, rule: Rule, *, login: str, now: datetime, motive: str | None = None
) -> RuleVersion:
    """Record a new version of a rule, as a draft. Raises RuleError: no right, the same content, over already."""
    check_dates(rule, today=now.date())
    content = write_rule(rule)
    with database.write() as connection:
        person = find_person(connection, login)
        offices = [*offices_of(connection, rule.rule_id), rule.offices]
        require_own(person.grants, offices, AUTHORS)
        require_writer(roles_over(person.grants, offices))
        steps = list_steps(connection, rule.rule_id)
        if steps:
            newest = get_version(connection, rule.rule_id)
            if dict(newest.content) == content:
                raise rule_fault("same_content", found=newest.version)
        expected = steps[-1].number if steps else 0
        stored, step = add_version(
            connection, content, Act(person.id, now, motive), state="draft", expected_number=expected
        )
    return RuleVersion(stored, rule, "draft", (*steps, step))


def take_step(
    database: Database,
    rule_id: str,
    wanted: State,
    *,
    login: str,
    now: datetime,
    version: int | None = None,
    motive: str = "",
    detail: JsonObject | None = None,
    expected_number: int | None = None,
) -> StoredStep:
    """Take a step of a version's life, the newest by default. Raises RuleError when it may not be taken.

    ``expected_number``: of the last step that the person saw; another one meanwhile is a fault, and nothing changes.
    """
    with database.write() as connection:
        person = find_person(connection, login)
        stored = get_version(connection, rule_id, version)
        steps = list_steps(connection, rule_id)
        last = steps[-1]
        if expected_number is not None and last.number != expected_number:
            raise rule_fault("changed_meanwhile", expected=expected_number, found=last.number)
        if wanted == "submitted":
            tests = [step for step in steps if step.version == stored.version and step.state == "tested"]
            require_gate(tests[-1].detail if tests else None)
        roles = _roles_over(connection, person, rule_id, wanted)
        check_step(as_steps(steps), stored.version, wanted, actor=person.id, roles=roles, motive=motive)
        if wanted in ("submitted", "approved", "shadow", "live"):
            check_dates(read_stored(stored), today=now.date())
        return add_step(
            connection,
            last,
            wanted,
            Act(person.id, now, motive.strip() or None, {**(detail or {}), "digest": stored.digest}),
            version=stored.version,
        )


def require_step(database: Database, rule_id: str, wanted: State, *, login: str, version: int) -> None:
    """Raise RuleError when a person may not take a step of a version now: before the work that the step rests on."""
    with database.read() as connection:
        person = find_person(connection, login)
        steps = as_steps(list_steps(connection, rule_id))
        roles = _roles_over(connection, person, rule_id, wanted)
    check_step(steps, version, wanted, actor=person.id, roles=roles)


def _roles_over(connection: sa.Connection, person: Person, rule_id: str, wanted: State) -> frozenset[Role]:
    """The roles that a person has over a rule. Raises RuleError for one whose role is of other offices."""
    offices = offices_of(connection, rule_id)
    require_own(person.grants, offices, MAY[wanted])
    return roles_over(person.grants, offices)


def show_version(connection: sa.Connection, rule_id: str, *, on: date, version: int | None = None) -> RuleVersion:
    """One version with its steps. Raises NotFoundError."""
    stored = get_version(connection, rule_id, version)
    steps = list_steps(connection, rule_id)
    rule = read_stored(stored)
    starts = _starts(one for one in list_versions(connection) if one.rule_id == rule_id)
    status = status_of(as_steps(steps), stored.version, rule, on=on, starts=starts.get(rule_id))
    return RuleVersion(stored, rule, status, tuple(step for step in steps if step.version == stored.version))


def show_all(connection: sa.Connection, *, on: date) -> list[RuleVersion]:
    """Every version of every rule, in order."""
    of_rule: dict[str, list[StoredStep]] = {}
    for step in list_steps(connection):
        of_rule.setdefault(step.rule_id, []).append(step)
    versions = list_versions(connection)
    starts = _starts(versions)
    found = []
    for stored in versions:
        steps, rule = of_rule[stored.rule_id], read_stored(stored)
        status = status_of(as_steps(steps), stored.version, rule, on=on, starts=starts[stored.rule_id])
        own = tuple(step for step in steps if step.version == stored.version)
        found.append(RuleVersion(stored, rule, status, own))
    return found


def _starts(versions: Iterable[StoredRule]) -> dict[str, dict[int, date]]:
    """By rule, the first day of each version."""
    found: dict[str, dict[int, date]] = {}
    for one in versions:
        found.setdefault(one.rule_id, {})[one.version] = date.fromisoformat(one.content["starts_on"])
    return found


def rules_in_force(connection: sa.Connection, *, on: date, status: Status = "live") -> list[RuleVersion]:
    """The versions that are live on a day, or in the shadow."""
    return [one for one in show_all(connection, on=on) if one.status == status]


def read_live(database: Database, *, on: date) -> list[Rule]:
    """The rules that are live on a day."""
    with database.read() as connection:
        return [one.rule for one in rules_in_force(connection, on=on)]


def read_stored(stored: StoredRule) -> Rule:
    """The rule of a version as it was recorded: it was settled then."""
    return read_rule(dict(stored.content))[0]


def as_steps(steps: Sequence[StoredStep]) -> list[Step]:
    """The steps as the room knows them."""
    return [Step(step.version, _state(step.state), step.actor) for step in steps]


def compare_versions(one: Rule, other: Rule, vocabulary: Vocabulary, language: str) -> list[str]:
    """What differs between two versions, line by line as `diff` shows it; nothing when they are the same."""
    first, second = (_lines(rule, vocabulary, language) for rule in (one, other))
    return [line for line in difflib.ndiff(first, second) if line[0] in "+-"]


def _lines(rule: Rule, vocabulary: Vocabulary, language: str) -> list[str]:
    content = write_rule(rule)
    condition = write_text(rule.condition, vocabulary, language)
    rest = {name: json.dumps(value, ensure_ascii=False, sort_keys=True) for name, value in content.items()}
    return [f"condition: {condition}", *(f"{name}: {value}" for name, value in rest.items() if name != "condition")]


def _state(text: str) -> State:
    from basira.rules.lifecycle import STATES

    return next(state for state in STATES if state == text)
