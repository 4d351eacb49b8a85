"""Estimates by office, chapter, origin: direct where there are enough results, drawn towards the whole where not.

Enters: the declarations as `Sampled`, a label per declaration. Leaves: one estimate per label, marked where it borrows.
Never here: a domain that depends on the draw, such as the lane.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from basira.monitor.estimate import Estimate, Floats, Sampled, estimate_total

# Known results below which a domain's own estimate is drawn towards the whole.
THIN = 30
_Z = 1.959964


@dataclass(frozen=True)
class DomainEstimate:
    """``declarations``, ``known``: how many there are, and with a known result. ``estimate``: of the total; None where
    neither the domain nor the whole has any. ``own_share``: how much of it is the domain's own results (1: all);
    below 1 it is shrunk, and not to be compared by itself."""

    label: str
    declarations: int
    known: int
    estimate: Estimate | None
    own_share: float


def estimate_domains(sampled: Sampled, labels: Sequence[str], whole: Estimate | None) -> list[DomainEstimate]:
    """The total of each label, the most declarations first.

    A thin domain gets w own + (1 - w) synthetic, the synthetic one being what the model expected there times what the
    whole found over what it expected (Rao and Molina 2015, section 7.1). w = t / (t + v): v is the variance of the own
    estimate, t that between domains beyond their variances (DerSimonian and Laird 1986), both of the ratio to what was
    expected.
    """
    values = np.array(labels, dtype=object)
    parts = []
    for label in sorted(set(labels)):
        part = sampled.select(values == label)
        expected = float(part.expected.sum())
        parts.append((label, part, max(expected, 1e-12), estimate_total(part)))
    level = 1.0 if whole is None else whole.total / max(float(sampled.expected.sum()), 1e-12)
    error = 0.0 if whole is None else whole.error / max(float(sampled.expected.sum()), 1e-12)
    with_own = [(e.total / x, _variance(part, e, level, x)) for _, part, x, e in parts if e is not None]
    between = _between(np.array([r for r, _ in with_own]), np.array([v for _, v in with_own]))
    found = []
    for label, part, expected, own in parts:
        known = int(part.is_known.sum())
        estimate, share = own, 1.0
        if known < THIN and whole is not None and len(parts) > 1:
            estimate, share = _shrink(part, own, expected, level=level, error=error, between=between)
        found.append(DomainEstimate(label, len(part.chance), known, estimate, share))
    return sorted(found, key=lambda one: (-one.declarations, one.label))


def _shrink(
    part: Sampled, own: Estimate | None, expected: float, *, level: float, error: float, between: float
) -> tuple[Estimate, float]:
    """``level``, ``error``: of the whole, as ratios to what was expected; ``between``: variance of domains' ratios."""
    variance = math.inf if own is None else _variance(part, own, level, expected)
    share = 0.0 if own is None or between == 0.0 else between / (between + variance)
    ratio = (0.0 if own is None else share * own.total / expected) + (1 - share) * level
    spread = math.sqrt((1 - share) * between + (1 - share) ** 2 * error**2)
    found = float(part.value[part.is_known].sum())
    total, half = ratio * expected, _Z * spread * expected
    effective = 0.0 if own is None else own.effective
    return Estimate(
        max(found, total), max(found, total - half), max(found, total + half), spread * expected, effective
    ), share


def _variance(part: Sampled, own: Estimate, level: float, expected: float) -> float:
    """Of the ratio to what was expected: the own error, and no less than the model's level makes likely, because a
    domain without hits has no error of its own."""
    q = part.chance
    likely = float(((1 - q) / q * part.prior * part.stake**2).sum()) * max(level, 1e-3)
    return max(own.error**2, likely) / expected**2


def _between(ratios: Floats, variances: Floats) -> float:
    kept = (variances > 0) & np.isfinite(variances)
    if kept.sum() < 2:
        return 0.0
    w = 1 / variances[kept]
    mean = float((w * ratios[kept]).sum() / w.sum())
    q = float((w * (ratios[kept] - mean) ** 2).sum())
    scale = float(w.sum() - (w**2).sum() / w.sum())
    return max(0.0, (q - (int(kept.sum()) - 1)) / scale) if scale > 0 else 0.0
