"""The rules in force as a step of selection.

Enters: a book of rules, the seed, the lanes of the policy. Leaves: what the rules say of a candidate, with the draw of
each hit, and the wish that selection gets. Never here: a slot; a rule that acts without its draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from basira.rules.book import RuleBook
from basira.rules.fires import LET_GO_SHARE, Firing, draw_firing
from basira.rules.model import Rule
from basira.rules.values import Facts
from basira.schema.records import Candidate
from basira.selection.steps import Wish


@dataclass(frozen=True)
class Judged:
    """What one rule says of one declaration. ``firing``: None when the rule is unknown of it: then it does not act."""

    rule: Rule
    firing: Firing | None


class RuleWishes:
    """What the rules of a book want of candidates: see `basira.selection.steps.Wishes`.

    ``lanes``: of the policy, from the least to the most intensive: of several rules that act, the mandatory one goes
    first, then the one that wants the most intensive lane, then the order of the book.
    """

    def __init__(self, book: RuleBook, *, seed: int, lanes: Sequence[str], let_go_share: float = LET_GO_SHARE) -> None:
        self._book, self._seed, self._let_go_share = book, seed, let_go_share
        self._intensity = {lane: number for number, lane in enumerate(lanes)}
        self._rules = {rule.rule_id: rule for rule in book.rules}

    @property
    def lanes(self) -> frozenset[str]:
        """The lanes that the rules want."""
        return frozenset(rule.effect.lane for rule in self._book.rules if rule.effect.lane)

    def judge(self, candidate: Candidate, day: date) -> tuple[Judged, ...]:
        """What each rule says that hits or is unknown, with its draw: what is to be recorded of the declaration.

        Empty when the candidate carries no items.
        """
        if not len(candidate.items):
            return ()
        scores = {
            "fraud_probability": candidate.fraud_probability,
            "expected_revenue": candidate.expected_revenue,
        }
        facts = Facts(candidate.items, candidate.features, scores)
        return tuple(
            Judged(rule, self._draw(rule, candidate) if truth else None)
            for rule, truth in self._book.truths(facts, day=day, office=candidate.office)
        )

    def find(self, candidate: Candidate, day: date) -> Wish | None:
        """The wish of the rules that act; None when none of them wants a lane."""
        acting = [
            one.rule
            for one in self.judge(candidate, day)
            if one.firing is not None and one.firing.acts and one.rule.effect.lane
        ]
        return self._wish(max(acting, key=self._weight)) if acting else None

    def recall(self, rule_id: str) -> Wish | None:
        """What a rule of the book wants; None for one that is gone, or wants no lane."""
        rule = self._rules.get(rule_id)
        return None if rule is None or not rule.effect.lane else self._wish(rule)

    def _draw(self, rule: Rule, candidate: Candidate) -> Firing:
        return draw_firing(rule, candidate.declaration_id, seed=self._seed, let_go_share=self._let_go_share)

    def _weight(self, rule: Rule) -> tuple[bool, int]:
        return rule.effect.is_mandatory, self._intensity.get(rule.effect.lane, -1)

    @staticmethod
    def _wish(rule: Rule) -> Wish:
        return Wish(rule.effect.lane, rule.rule_id, rule.effect.is_mandatory)
