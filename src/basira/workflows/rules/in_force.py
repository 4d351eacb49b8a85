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
from typing import TypedDict

import sqlalchemy as sa

from basira.rules.json_form import read_rule
from basira.rules.lifecycle import Step
from basira.rules.lists.snoozes import list_of
from basira.rules.model import InList, Rule, walk
from basira.rules.values import ListValues
from basira.schema.canonical import canonical_values
from basira.schema.errors import ReplayError, StoreError
from basira.schema.json_values import JsonObject
from basira.storage.rules.store import StoredRule, StoredStep, list_steps, list_versions
from basira.workflows.rules.life import as_steps, read_stored
from basira.workflows.rules.lists import lists_on


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


@dataclass(frozen=True)
class RuleSet:
    """The versions in force, by id and version; each holds by its own dates and offices.

    ``lists``: by name, what is on those that the rules name, and for whom a rule sleeps, on the day for which
    `with_lists` read them. ``list_changes``: of each of them the last change that counts; ``erased_entries``: how many
    entries in force on the day were erased. ``is_least``: a lane that a rule wants is the least of its declaration;
    False for what was recorded before there was this.
    """

    rules: tuple[RuleInForce, ...] = ()
    lists: Mapping[str, ListValues] = field(default_factory=dict)
    list_changes: Mapping[str, int] = field(default_factory=dict)
    erased_entries: int = 0
    is_least: bool = True

    @cached_property
    def digest(self) -> str:
        """SHA-256 over id, version, digest, state and last day of each, in hexadecimal."""
        names = [
            [one.rule.rule_id, one.version, one.digest, one.is_shadow, one.rule.expires_on.isoformat()]
            for one in self.rules
        ]
        return hashlib.sha256(canonical_values(names).encode()).hexdigest()

    @property
    def list_names(self) -> frozenset[str]:
        """The lists that the rules name, and those of their snoozes."""
        named = {part.list_name for one in self.rules for part in walk(one.rule.condition) if isinstance(part, InList)}
        return frozenset(named | {list_of(one.rule.rule_id) for one in self.rules})


NO_RULES = RuleSet()


def with_lists(
    connection: sa.Connection, rules: RuleSet, day: date, *, changes: Mapping[str, int] | None = None
) -> RuleSet:
    """The rules with their lists on a day. ``changes``: as a decision recorded them; without, as the lists are now.

    A list that is not there is left out: `RuleJudge` then raises for the rule that names it.
    """
    if not rules.rules:
        return rules
    found = lists_on(connection, day, names=rules.list_names, changes=changes)
    return replace(rules, lists=found.values, list_changes=found.changes, erased_entries=sum(found.erased.values()))


def read_rule_set(connection: sa.Connection) -> RuleSet:
    """The rules in force now. Raises StoreError when the content of a version is not that of its digest."""
    return _rule_set(list_versions(connection), list_steps(connection))


def restore_rule_set(recorded: Sequence[RecordedRule]) -> RuleSet:
    """The rules that a run recorded. Raises ReplayError when the content of one is not that of its digest."""
    found = []
    for one in recorded:
        if _digest_of(one["content"]) != one["digest"]:
            name = one["content"].get("rule_id")
            raise ReplayError(
                "Expected the content of {name!r} in the run to have its digest, found another.",
                hint="Prove the record with `basira audit verify`.",
                name=name,
            )
        rule = replace(read_rule(one["content"])[0], expires_on=date.fromisoformat(one["until"]))
        found.append(RuleInForce(rule, one["version"], one["digest"], one["is_shadow"], one["content"]))
    return RuleSet(tuple(found))


def find_rule_set(connection: sa.Connection, digest: str) -> RuleSet | None:
    """The rules in force of that digest, of whatever moment; None when no moment of the record had them.

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
                "Expected the content of {rule_id!r}, version {version}, to have its digest, found another.",
                hint="Prove the record with `basira audit verify`; restore it from a backup.",
                rule_id=rule_id,
                version=version,
            )
        rule = read_stored(one)
        start = rule.starts_on
        if begins is not None:
            rule = replace(rule, expires_on=min(rule.expires_on, begins - timedelta(days=1)))
        begins = start if begins is None else min(begins, start)
        if rule.starts_on <= rule.expires_on:
            found.append(RuleInForce(rule, version, one.digest, is_shadow, dict(one.content)))
    return found


def _digest_of(content: JsonObject) -> str:
    return hashlib.sha256(canonical_values(dict(content)).encode()).hexdigest()
