"""The rules that hold when a declaration is decided, read from the record; and those that held at an earlier moment.

Enters: a connection to the operational database, a moment. Leaves: a `RuleSet` of live and shadow versions, with a
digest. Never here: a verdict; a version whose content is not that of its digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cached_property
from typing import Any, TypedDict

import sqlalchemy as sa

from basira.rules import model
from basira.rules.json_form import read_rule
from basira.rules.lifecycle import Step
from basira.rules.lists.snoozes import list_of
from basira.rules.model import Rule
from basira.schema.canonical import canonical_values
from basira.schema.errors import ReplayError, StoreError
from basira.schema.json_values import JsonObject
from basira.storage.rules.store import StoredRule, StoredStep, list_steps, list_versions
from basira.workflows.rules.life import as_steps, read_stored
from basira.workflows.rules.lists import ListsOfDay, lists_on


class RecordedRule(TypedDict):
    """A version in force as a run records it. ``content``: its JSON, as it was approved; ``until``: its last day,
    YYYY-MM-DD, where a later version ends it sooner."""

    version: int
    digest: str
    is_shadow: bool
    until: str
    content: JsonObject


@dataclass(frozen=True)
class RuleInForce:
    """A version that is live or in the shadow. ``rule``: with the end that a later version gives it, where one does;
    ``content``: as it was approved."""

    rule: Rule
    version: int
    digest: str
    is_shadow: bool = False
    content: JsonObject = field(default_factory=dict, compare=False, repr=False)

    def recorded(self) -> RecordedRule:
        """The version as a run records it."""
        return {
            "version": self.version,
            "digest": self.digest,
            "is_shadow": self.is_shadow,
            "until": self.rule.expires_on.isoformat(),
            "content": self.content,
        }


class RecordedLists(TypedDict):
    """The lists that rules in force read, as a decision names them: of each the number of its last change that counted.
    ``erased``: of each, how many of its entries in force were erased by then."""

    changes: Mapping[str, int]
    erased: Mapping[str, int]


@dataclass(frozen=True)
class RuleSet:
    """The versions in force, by id and version; each holds by its own dates and offices. ``lists``: of a day, those
    that they read, and the operators for whom they sleep."""

    rules: tuple[RuleInForce, ...] = ()
    lists: ListsOfDay = field(default_factory=lambda: ListsOfDay({}, {}, {}))

    @cached_property
    def digest(self) -> str:
        """SHA-256 over id, version, digest, state and last day of each, in hexadecimal; lists are named apart."""
        names = [
            [one.rule.rule_id, one.version, one.digest, one.is_shadow, one.rule.expires_on.isoformat()]
            for one in self.rules
        ]
        return hashlib.sha256(canonical_values(names).encode()).hexdigest()

    @property
    def recorded_lists(self) -> RecordedLists:
        """The lists as a record names them."""
        return {"changes": dict(self.lists.changes), "erased": dict(self.lists.erased)}


NO_RULES = RuleSet()


def read_rule_set(connection: sa.Connection, *, on: date) -> RuleSet:
    """The rules in force now, with the lists of a day. Raises StoreError when the content of a version is not that of
    its digest."""
    found = _rule_set(list_versions(connection), list_steps(connection))
    return found if not found.rules else replace(found, lists=_lists_of(found, lists_on(connection, on)))


def with_recorded_lists(rules: RuleSet, connection: sa.Connection, recorded: RecordedLists, *, on: date) -> RuleSet:
    """The rules with the lists that a decision of a day names, made again. Raises ReplayError when one is not on record
    here, or entries of it were erased since: a verdict that rested on one can't be made again."""
    if not recorded["changes"]:
        return rules
    found = _lists_of(rules, lists_on(connection, on, changes=recorded["changes"]))
    missing = sorted(recorded["changes"].keys() - found.changes.keys())
    if missing:
        raise ReplayError(
            f"Expected the list {missing[0]!r} of the rules on record, found none.",
            hint="Name the database that the rules came from with --database.",
        )
    gone = sorted(name for name, count in found.erased.items() if count > recorded["erased"].get(name, 0))
    if gone:
        raise ReplayError(
            f"Expected the entries of the list {gone[0]!r} as they were, found some that were erased since.",
            hint="What rested on them can't be made again; the record itself is proven by `basira audit verify`.",
        )
    return replace(rules, lists=found)


def _lists_of(rules: RuleSet, lists: ListsOfDay) -> ListsOfDay:
    """Of all lists those that the rules read, and those of their snoozes."""
    names = {list_of(one.rule.rule_id) for one in rules.rules}
    for one in rules.rules:
        names |= {part.list_name for part in model.walk(one.rule.condition) if isinstance(part, model.InList)}
    return ListsOfDay(
        {name: value for name, value in lists.values.items() if name in names},
        {name: value for name, value in lists.changes.items() if name in names},
        {name: value for name, value in lists.erased.items() if name in names},
    )


def restore_rule_set(recorded: Sequence[RecordedRule]) -> RuleSet:
    """The rules that a run recorded, without lists (`with_recorded_lists`). Raises ReplayError when the content of one
    is not that of its digest."""
    found = []
    for one in recorded:
        if _digest_of(one["content"]) != one["digest"]:
            name = one["content"].get("rule_id")
            raise ReplayError(
                f"Expected the content of {name!r} in the run to have its digest, found another.",
                hint="Prove the record with `basira audit verify`.",
            )
        rule = replace(read_rule(one["content"])[0], expires_on=date.fromisoformat(one["until"]))
        found.append(RuleInForce(rule, one["version"], one["digest"], one["is_shadow"], one["content"]))
    return RuleSet(tuple(found))


def find_rule_set(connection: sa.Connection, digest: str) -> RuleSet | None:
    """The rules in force of that digest, of whatever moment, without lists; None when no moment of the record had them.

    Steps are kept for good, so each set that ever held can be made again: the latest are tried first.
    """
    versions, steps = list_versions(connection), list_steps(connection)
    ordered = sorted(steps, key=lambda step: (step.taken_at, step.rule_id, step.number))
    for count in range(len(ordered), -1, -1):
        # What changes no set in force need not be tried again.
        if count < len(ordered) and ordered[count].state not in ("live", "shadow", "retired"):
            continue
        known = sorted(ordered[:count], key=lambda step: (step.rule_id, step.number))
        found = _rule_set(versions, known)
        if found.digest == digest:
            return found
    return None


def _rule_set(versions: Iterable[StoredRule], steps: Sequence[StoredStep]) -> RuleSet:
    of_rule: dict[str, list[StoredStep]] = {}
    for step in steps:
        of_rule.setdefault(step.rule_id, []).append(step)
    stored = {(one.rule_id, one.version): one for one in versions}
    found: list[RuleInForce] = []
    for rule_id, taken in sorted(of_rule.items()):
        for is_shadow in (False, True):
            found += _in_force(rule_id, as_steps(taken), stored, is_shadow=is_shadow)
    return RuleSet(tuple(sorted(found, key=lambda one: (one.rule.rule_id, one.version))))


def _in_force(
    rule_id: str, steps: Sequence[Step], stored: Mapping[tuple[str, int], StoredRule], *, is_shadow: bool
) -> list[RuleInForce]:
    """The versions of one rule that are live, or in the shadow, in the order in which they became so. Each holds until
    the day before the first day of a later one, which may begin in the future."""
    state = "shadow" if is_shadow else "live"
    last = {step.version: step.state for step in steps}
    order = list(dict.fromkeys(step.version for step in steps if step.state == state and last[step.version] == state))
    found: list[RuleInForce] = []
    begins: date | None = None
    for version in reversed(order):
        one = stored[rule_id, version]
        if _digest_of(one.content) != one.digest:
            raise StoreError(
                f"Expected the content of {rule_id!r}, version {version}, to have its digest, found another.",
                hint="Prove the record with `basira audit verify`; restore it from a backup.",
            )
        rule = read_stored(one)
        start = rule.starts_on
        if begins is not None:
            rule = replace(rule, expires_on=min(rule.expires_on, begins - timedelta(days=1)))
        begins = start if begins is None else min(begins, start)
        if rule.starts_on <= rule.expires_on:
            found.append(RuleInForce(rule, version, one.digest, is_shadow, dict(one.content)))
    return found


def _digest_of(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical_values(dict(content)).encode()).hexdigest()
