"""The rules of analysts that a worker decides with: read from the record, compiled, asked of each declaration.

Enters: the database, the seed of the draws, scored declarations, the policy. Leaves: the same with what the rules said
and want. Never here: a declaration that fails because of a rule; a rule that fails in silence; a rule that is dropped
because the newest ones can't be read (those in force go on).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

import sqlalchemy as sa

from basira.decisions.judged import JudgedValues
from basira.rules.book import RuleBook
from basira.schema.canonical import canonical_values
from basira.schema.errors import BasiraError
from basira.selection.policy.model import Policy
from basira.serving.decide.scoring import Scored
from basira.storage.database.connection import Database
from basira.storage.rules.lists import list_lists
from basira.storage.rules.store import count_steps
from basira.workflows.rules.in_force import RuleSet, read_rule_set
from basira.workflows.rules.judge import RuleJudge
from basira.workflows.rules.vocabulary import make_vocabulary

if TYPE_CHECKING:
    from basira.serving.decide.lookup import New

_LOG = logging.getLogger("basira.service")
# Of today's policy, and of yesterday's around midnight.
_MOST_POLICIES = 4


@dataclass(frozen=True)
class _Kept:
    """``seen``: how many steps there were on record, and the last change of each list. ``day``: of the lists.
    ``judges``: by the digest of the policy."""

    seen: object
    day: date
    rules: RuleSet
    judges: dict[str, RuleJudge]


class RulesInForce:
    """The rules in force with the lists of a day, as read last; read again when a step of a rule's life or a change of
    a list was recorded, and when another day begins."""

    def __init__(self, database: Database, *, seed: int, today: date) -> None:
        """Raises StoreError or RuleError when they can't be read: a service that lacks a mandatory rule releases in
        silence."""
        self._database, self._seed = database, seed
        self._kept = self._read(today)

    @property
    def rules(self) -> RuleSet:
        """The rules as read last."""
        return self._kept.rules

    def refresh(self, today: date | None = None) -> None:
        """Read them again when something changed, or for another day. What can't be read is logged, and those in force
        go on."""
        day = self._kept.day if today is None else today
        try:
            with self._database.read() as connection:
                is_same = self._kept.day == day and _seen(connection) == self._kept.seen
            if not is_same:
                self._kept = self._read(day)
                fields = {"digest": self.rules.digest, "count": len(self.rules.rules), "day": day.isoformat()}
                _LOG.info("rules_taken", extra={"fields": fields})
        except BasiraError as error:
            _LOG.error("rules_not_taken", extra={"fields": {"error": type(error).__name__, "message": error.message}})

    def judge(self, policy: Policy, day: date) -> RuleJudge | None:
        """The rules compiled under a policy; None when there are none."""
        if self._kept.day < day:
            self.refresh(day)
        kept = self._kept
        if not kept.rules.rules:
            return None
        found = kept.judges.get(policy.digest)
        if found is None:
            found = RuleJudge(kept.rules, policy, seed=self._seed)
            for rule_id in found.unfit:
                _LOG.error("rule_without_lane", extra={"fields": {"rule": rule_id, "policy": policy.version}})
            if len(kept.judges) >= _MOST_POLICIES:
                kept.judges.clear()
            kept.judges[policy.digest] = found
        return found

    def _read(self, day: date) -> _Kept:
        with self._database.read() as connection:
            seen = _seen(connection)  # before the reading: what is recorded meanwhile is read again
            rules = read_rule_set(connection, on=day)
        lists = rules.lists.values
        # A rule that names a list which is not there is found now, not while a declaration waits.
        RuleBook([one.rule for one in rules.rules], make_vocabulary(list(lists)), lists)
        return _Kept(seen, day, rules, {})


def _seen(connection: sa.Connection) -> object:
    return count_steps(connection), [(one.name, one.last) for one in list_lists(connection)]


def judge_all(
    new: Sequence[New], scores: Mapping[int, Scored], rules: RulesInForce | None, policy: Policy, *, today: date
) -> dict[int, Scored]:
    """The scored declarations with what the rules said of each, and with their wish; those without rules as they are.

    A declaration on which the rules raise an error is decided without them, and its record says of each rule that it
    was an error.
    """
    judge = None if rules is None else rules.judge(policy, today)
    if judge is None:
        return dict(scores)
    found = dict(scores)
    named = {"rules_digest": judge.rules.digest}
    if judge.rules.lists.changes:
        named["rule_lists"] = canonical_values(judge.rules.recorded_lists)
    for one in new:
        scored = scores[one.number]
        said = _judge(judge, scored, today)
        found[one.number] = replace(
            scored, candidate=judge.with_wish(scored.candidate, said), rules=said, rules_in_force=named
        )
    return found


def _judge(judge: RuleJudge, scored: Scored, today: date) -> tuple[JudgedValues, ...]:
    try:
        return judge.judge(scored.candidate, today)
    except Exception as error:  # any fault of a rule: the declaration still gets its lane
        _LOG.error("rules_failed", extra={"fields": {"error": type(error).__name__}})
        return judge.without_verdict(scored.candidate, today)
