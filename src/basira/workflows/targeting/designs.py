"""What each design of the random control would teach, before one is chosen.

Enters: candidates of days, what a design gave each as chance. Leaves: for the rate and for the revenue gap, how many
plain controls its controls are worth. Never here: a result; a choice.

The anticipated variance of a difference estimator (Isaki and Fuller 1982): the sum of (1 - q) / q times the variance of
what is not known before the control. By the model that is p (1 - p) for the rate, and p (1 - p) s² for the gap of an
irregular declaration with s at stake. A plain draw of n of N has it as (N / n - 1) times the sum of the variances: so n
follows. It holds as far as the model's figures do, and says nothing of amounts larger than it expects.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import get_args

from basira.schema.records import Candidate, Selection
from basira.selection.policy.model import Policy
from basira.selection.policy.random_control import Design

DESIGNS: tuple[Design, ...] = get_args(Design)
# Drawn at random, or released.
_OF_CHANCE = frozenset({"random", "none"})


def with_design(policy: Policy, design: Design) -> Policy:
    """The same policy with another design of its random control, to compare; itself with its own."""
    if design == policy.random_control.design:
        return policy
    control = policy.random_control.model_copy(update={"design": design})
    fields = {name: getattr(policy, name) for name in Policy.model_fields}
    return Policy.model_validate(fields | {"random_control": control})


@dataclass(frozen=True)
class DesignWorth:
    """Of one design over the days. ``declarations``: of which chance decides; ``controls``: expected among them.
    ``rate``, ``gap``: plain controls that would teach as much of each; None where nothing is left to learn."""

    design: Design
    declarations: int
    controls: float
    rate: float | None
    gap: float | None


@dataclass
class DesignSums:
    """Sums over the days, of one design."""

    declarations: int = 0
    controls: float = 0.0
    variances: list[float] = field(default_factory=lambda: [0.0, 0.0])
    errors: list[float] = field(default_factory=lambda: [0.0, 0.0])

    def add(self, candidates: Sequence[Candidate], selections: Iterable[Selection]) -> None:
        """Add a day. Declarations that are certain to be inspected, have no chance or no score teach nothing here."""
        for one, given in zip(candidates, selections, strict=True):
            chance, probability = given.inclusion_probability, one.fraud_probability
            # At the end of the model's list a draw decides whether a declaration is on it: no control of the design.
            if given.basis not in _OF_CHANCE or not 0 < chance < 1:
                continue
            if not probability or one.expected_revenue is None:
                continue
            spread = probability * max(1 - probability, 0.0)
            stake = max(one.expected_revenue, 0.0) / probability
            self.declarations += 1
            self.controls += chance
            for at, variance in enumerate((spread, spread * stake**2)):
                self.variances[at] += variance
                self.errors[at] += (1 - chance) / chance * variance

    def worth(self, design: Design) -> DesignWorth:
        """What the days say of it.

        >>> DesignSums(1000, 10.0, [5.0, 0.0], [5.0 * 99, 0.0]).worth("plain")
        DesignWorth(design='plain', declarations=1000, controls=10.0, rate=10.0, gap=None)
        """
        rate, gap = (
            self.declarations / (error / variance + 1) if variance > 0 else None
            for error, variance in zip(self.errors, self.variances, strict=True)
        )
        return DesignWorth(design, self.declarations, self.controls, rate, gap)
