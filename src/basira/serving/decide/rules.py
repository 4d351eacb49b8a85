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
from basira.schema.errors import BasiraError
from basira.selection.policy.model import Policy
from basira.serving.decide.scoring import Scored
from basira.storage.database.connection import Database
from basira.storage.rules.lists import count_changes
from basira.storage.rules.store import count_steps
from basira.workflows.rules.in_force import NO_RULES, RuleSet, read_rule_set, with_lists
from basira.workflows.rules.judge import RuleJudge
from basira.workflows.rules.vocabulary import make_vocabulary

if TYPE_CHECKING:
    from basira.serving.decide.lookup import New

_LOG = logging.getLogger("basira.service")
# Of today's policy, and of yesterday's around midnight.
_MOST_POLICIES = 4


@dataclass(frozen=True)
class _Kept:
    """``counts``: how many steps of rules and changes of lists there were on record. ``day``: of the lists; None: not
    read yet. ``judges``: by the digest of the policy."""

    counts: tuple[int, int]
    day: date | None
    rules: RuleSet
    judges: dict[str, RuleJudge]


class RulesInForce:
    """The rules in force with the lists of a day, as read last; read again when a step of a rule's life or a change of
    a list was recorded, and on another day."""

    def __init__(self, database: Database, *, seed: int, today: date | None = None) -> None:
        """``today``: day of the lists; None: they are read with the first declaration. Raises StoreError or RuleError
        when they can't be read: a service that lacks a mandatory rule releases in silence."""
        self._database, self._seed = database, seed
        self._kept = self._read(today)

    @property
    def rules(self) -> RuleSet:
        """The rules as read last."""
        return self._kept.rules

    def refresh(self) -> None:
        """Read them again when one changed. What can't be read is logged, and those in force go on."""
        try:
            with self._database.read() as connection:
                is_same = _count(connection) == self._kept.counts
            if not is_same:
                self._kept = self._read(self._kept.day)
                _LOG.info("rules_taken", extra={"fields": self._about()})
        except BasiraError as error:
            _LOG.error("rules_not_taken", extra={"fields": {"error": type(error).__name__, "message": error.message}})

    def judge(self, policy: Policy, today: date) -> RuleJudge | None:
        """The rules with the lists of a day, compiled under a policy; None when there are none.

        Where the lists of another day can't be read, those of the day before go on, and that is logged.
        """
        if not self._kept.rules.rules:
            return None
        if self._kept.day != today:
            self._take(today)
        kept = self._kept
        found = kept.judges.get(policy.digest)
        if found is None:
            found = RuleJudge(kept.rules, policy, seed=self._seed)
            for rule_id in found.unfit:
                _LOG.error("rule_without_lane", extra={"fields": {"rule": rule_id, "policy": policy.version}})
            if len(kept.judges) >= _MOST_POLICIES:
                kept.judges.clear()
            kept.judges[policy.digest] = found
        return found

    def _take(self, today: date) -> None:
        try:
            self._kept = self._read(today)
        except BasiraError as error:
            if self._kept.day is None:  # no list was ever read: no rule that names one can be asked
                raise
            _LOG.error("rules_not_taken", extra={"fields": {"error": type(error).__name__, "message": error.message}})

    def _read(self, day: date | None) -> _Kept:
        with self._database.read() as connection:
            counts = _count(connection)  # before the reading: what is recorded meanwhile is read again
            rules = read_rule_set(connection) if counts[0] else NO_RULES
            if day is not None:
                rules = with_lists(connection, rules, day)
                # A list that is not there is found now, not while a declaration waits.
                RuleBook([one.rule for one in rules.rules], make_vocabulary(list(rules.lists)), rules.lists)
        return _Kept(counts, day, rules, {})

    def _about(self) -> Mapping[str, object]:
        return {"digest": self.rules.digest, "count": len(self.rules.rules)}


def _count(connection: sa.Connection) -> tuple[int, int]:
    return count_steps(connection), count_changes(connection)


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
    for one in new:
        scored = scores[one.number]
        said = _judge(judge, scored, today)
        found[one.number] = replace(
            scored,
            candidate=judge.with_wish(scored.candidate, said),
            rules=said,
            rules_digest=judge.rules.digest,
            list_changes=judge.rules.list_changes,
        )
    return found


def _judge(judge: RuleJudge, scored: Scored, today: date) -> tuple[JudgedValues, ...]:
    try:
        return judge.judge(scored.candidate, today)
    except Exception as error:  # any fault of a rule: the declaration still gets its lane
        _LOG.error("rules_failed", extra={"fields": {"error": type(error).__name__}})
        return judge.without_verdict(scored.candidate, today)
