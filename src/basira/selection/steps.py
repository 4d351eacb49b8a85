"""The order of selection: one tuple of steps, which the batch and the online engine both run.

Enters: a policy, a day, a candidate. Leaves: for each step what it asks for. Never here: a slot (`places`), a draw, a
chance: how a step gets its slots differs between a day that is over and one that is running, so that is the engines'.

A new basis for an inspection (an officer's pick) is one step more in `STEPS`: a function that says
which declarations it claims, from what a `Candidate` carries. Both engines then give it slots by right.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from basira.schema.errors import PolicyError
from basira.schema.records import Basis, Candidate
from basira.selection.mandatory import MandatoryList
from basira.selection.policy.model import Mandatory, Policy


@dataclass(frozen=True)
class Claim:
    """What a step asks for a declaration by right, whatever its score.

    ``lane``: number of the lane wanted, one that inspects. ``beyond``: number of the lane, again one that inspects, for
    when no slot is left in that lane or a less intensive one; None: the declaration then goes on to the next steps, as
    if nothing had claimed it. ``rule_id``: recorded with the decision. ``is_least``: where the ranking alone gives the
    declaration a more intensive lane, it has that one.
    """

    lane: int
    beyond: int | None
    rule_id: str = ""
    is_least: bool = False


class Claims(Protocol):
    """The claims of a step on one day, under one policy."""

    def find(self, candidate: Candidate) -> Claim | None:
        """The claim on a declaration; None when the step does not ask for it."""
        ...

    def recall(self, candidate: Candidate, rule_id: str) -> Claim | None:
        """The claim that a recorded decision on the candidate names; None when the policy has no such rule any more."""
        ...


@dataclass(frozen=True, eq=False)  # by identity: the claims of a policy are kept by its steps, and looked up each time
class Step:
    """One step of selection. ``basis``: what is recorded of whatever it selects.

    ``claims``: from the policy and the day, for a step that selects by right: always inspected, beyond capacity where
    no slot is left, never part of a draw. None: one of the steps that give out what is left, which each engine knows by
    its basis.
    """

    basis: Basis
    claims: Callable[[Policy, date], Claims] | None = None


class _Rules:
    """The claims of analysts' rules: what a candidate's wish says. The rules themselves were judged before."""

    def __init__(self, policy: Policy, _day: date) -> None:
        self._policy = policy

    def find(self, candidate: Candidate) -> Claim | None:
        wish = candidate.wish
        if wish is None or not wish.lane:
            return None
        lane = self._policy.intensity.get(wish.lane)
        if lane is None or not self._policy.lanes[lane].inspects:
            raise PolicyError(
                "Expected the rules to want lanes of the policy that inspect, found {lane!r}.",
                hint="Write a new version of the rule with a lane of this policy, or retire it.",
                lane=wish.lane,
            )
        return Claim(lane, lane if wish.is_mandatory else None, wish.rule_id, wish.is_least)

    def recall(self, candidate: Candidate, _rule_id: str) -> Claim | None:
        return self.find(candidate)


class _Mandatory:
    """The claims of the policy's mandatory list."""

    def __init__(self, policy: Policy, day: date) -> None:
        self._policy, self._list = policy, MandatoryList(policy, day)

    def find(self, candidate: Candidate) -> Claim | None:
        entry = self._list.find(candidate)
        return None if entry is None else self._claim(entry)

    def recall(self, _candidate: Candidate, rule_id: str) -> Claim | None:
        entry = self._policy.find_mandatory(rule_id)
        return None if entry is None else self._claim(entry)

    def _claim(self, entry: Mandatory) -> Claim:
        policy = self._policy
        return Claim(policy.intensity[entry.lane], policy.mandatory_beyond_capacity(entry), entry.id)


# Slots go out in this order, and the first step that claims a declaration has it. The draw comes before every step
# that looks at a score, so that its sample is one of all. What a rule wants and has no slot for is in the draw's pool
# like every other. "none" releases; of what relief or a rule alone releases the basis is "exempt".
STEPS: tuple[Step, ...] = (
    Step("mandatory", claims=_Mandatory),
    Step("rule", claims=_Rules),
    Step("random"),
    Step("fallback"),
    Step("model"),
    Step("none"),
)


class StepClaims:
    """The claims of all ``steps`` on one day, under one policy."""

    def __init__(self, steps: Sequence[Step], policy: Policy, day: date) -> None:
        self.steps = tuple(steps)
        self._of = {step.basis: step.claims(policy, day) for step in steps if step.claims is not None}

    def find(self, candidate: Candidate) -> tuple[Basis, Claim] | None:
        """The first step that claims the declaration, with its claim; None when no step does."""
        for basis, claims in self._of.items():
            if (claim := claims.find(candidate)) is not None:
                return basis, claim
        return None

    def recall(self, candidate: Candidate, basis: Basis, rule_id: str) -> Claim | None:
        """The claim of a recorded decision; None when it was selected otherwise, or its rule is gone."""
        return self._of[basis].recall(candidate, rule_id) if basis in self._of else None


def stratum_values(candidate: Candidate, policy: Policy) -> tuple[str, ...]:
    """The values by which the policy divides the random control into strata."""
    return tuple(
        str(candidate.is_oea) if name == "is_oea" else "|".join(candidate.attributes.get(name, ()))
        for name in policy.random_control.strata
    )
