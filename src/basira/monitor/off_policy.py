"""What another model or policy would have found in a period that it did not decide.

Enters: of each declaration the chance of a known result as it was, the result, and the chance of inspection that the
other would have given. Leaves: three estimates, or the reason why there is none. Never here: an estimate where the
period's own controls hardly reached what the other would inspect.

With p the other's chance of inspection and q the chance of a known result as it was, each result y counts p / q times
(inverse propensity). Self-normalised: divided by the sum of p / q, times the sum of p: less noise, a small bias. Doubly
robust: what the model expected, sum of p m, and p / q times what it missed (Dudík, Langford and Li 2011).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from basira.monitor.estimate import Estimate, Flags, Floats, Sampled, estimate_total
from basira.schema.errors import NOTHING, Phrase, UsageError

# Below, the estimate hangs on a few results: it is refused.
FEWEST_EFFECTIVE = 30.0
LARGEST_SHARE = 0.2
_NEVER = 1e-9
_Z = 1.959964


@dataclass(frozen=True)
class Support:
    """How well the results of the period speak for the other. ``inspections``: that it would have made, in the mean.
    ``unreachable``: of them, of declarations without a chance as it was. ``effective``: how many results of one weight
    the weighted ones are worth. ``largest_share``: of the heaviest one in the sum of weights. ``refusal``: empty,
    none."""

    inspections: float
    unreachable: float
    effective: float
    largest_share: float
    refusal: Phrase


@dataclass(frozen=True)
class OffPolicy:
    """Totals that the other would have found, by estimator; None where they are refused."""

    support: Support
    inverse: Estimate | None
    self_normalised: Estimate | None
    doubly_robust: Estimate | None


def value_of(sampled: Sampled, wanted: Floats, *, unreachable: float = 0.0) -> OffPolicy:
    """The total of ``value`` that inspections with the chances ``wanted`` would have found.

    Parameters
    ----------
    wanted : chance of inspection by the other, 0 to 1, of each row of ``sampled``.
    unreachable : sum of its chances over declarations that are no rows, because they had no chance as it was.

    Raises UsageError for chances below 0 or above 1, and for another number of them.
    """
    if len(wanted) != len(sampled.chance) or not bool(((wanted >= 0) & (wanted <= 1)).all()):
        raise UsageError("Expected a chance from 0 to 1 of each declaration, found others.", hint="Give one each.")
    support = _support(sampled, wanted, unreachable)
    if support.refusal:
        return OffPolicy(support, None, None, None)
    part = np.maximum(wanted, _NEVER)
    weighted = replace(sampled, value=sampled.value * part, stake=sampled.stake * part)
    inverse = estimate_total(weighted, "horvitz_thompson")
    known = sampled.is_known
    return OffPolicy(
        support, inverse, _normalise(sampled, wanted, known, inverse), estimate_total(weighted, "difference")
    )


def _support(sampled: Sampled, wanted: Floats, unreachable: float) -> Support:
    weights = (wanted / sampled.chance)[sampled.is_known]
    total, squared = float(weights.sum()), float((weights**2).sum())
    effective = total**2 / squared if squared else 0.0
    largest = float(weights.max(initial=0.0)) / total if total else 1.0
    inspections = float(wanted.sum()) + unreachable
    refusal = NOTHING
    if inspections == 0.0:
        refusal = Phrase("it would have inspected nothing")
    elif unreachable / inspections > 0.01:
        refusal = Phrase(
            "{share:.0%} of what it would inspect had no chance of inspection", share=unreachable / inspections
        )
    elif effective < FEWEST_EFFECTIVE:
        refusal = Phrase(
            "the results that speak for it are worth {effective:,.0f} of one weight, fewer than {fewest:,.0f}",
            effective=effective,
            fewest=FEWEST_EFFECTIVE,
        )
    elif largest > LARGEST_SHARE:
        refusal = Phrase(
            "one result makes up {share:.0%} of all weights, more than {most:.0%}", share=largest, most=LARGEST_SHARE
        )
    return Support(inspections, unreachable, effective, largest, refusal)


def _normalise(sampled: Sampled, wanted: Floats, known: Flags, inverse: Estimate | None) -> Estimate | None:
    """The self-normalised estimate, with the inverse one's interval moved and scaled to its own error."""
    if inverse is None:
        return None
    q, p, y = sampled.chance[known], wanted[known], sampled.value[known]
    mean = float((p / q * y).sum() / (p / q).sum())
    size = float(wanted.sum())
    error = float(np.sqrt(((1 - q) / q**2 * (p * (y - mean)) ** 2).sum())) * size / float((p / q).sum())
    scale = error / inverse.error if inverse.error else 1.0
    total = mean * size
    low, high = total - (inverse.total - inverse.low) * scale, total + (inverse.high - inverse.total) * scale
    return Estimate(total, max(0.0, low), high, error, inverse.effective)


def gain_of(sampled: Sampled, now: Floats, other: Floats) -> Estimate | None:
    """What the other would have found beyond what was in force: the total of (other - now) y, doubly robust, with a
    normal interval; None without a known result.

    Both see the same results, so what they agree on cancels out: this is narrower than two estimates beside each other.
    """
    known = sampled.is_known
    if not known.any():
        return None
    change = other - now
    q, missed = sampled.chance[known], (sampled.value - sampled.expected)[known]
    part = change[known] * missed
    total = float((change * sampled.expected).sum() + (part / q).sum())
    error = float(np.sqrt(((1 - q) / q**2 * part**2).sum()))
    weights = np.abs(change[known]) / q
    effective = float(weights.sum() ** 2 / (weights**2).sum()) if weights.any() else 0.0
    return Estimate(total, total - _Z * error, total + _Z * error, error, effective)
