"""What later results choose: how much the planted frauds count, the size of the trees, how many rounds.

Enters: rows in order of time, which of them are late, planted rows of earlier days. Leaves: a `Choice`. Never here: a
planted row among the late ones, the fit that is kept, files.

A choice that later results don't support clearly is not made: the assumption stands (planted frauds count a fifth of
the results found; small trees, large ones where thousands of irregularities are known) until the loss of another is
smaller by a standard error of the difference. A mean of two sizes is no candidate: of each size one fit is tried, so it
would be praised for averaging two fits, which the bags of any size do too.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from basira.models.risk.calibration import fit_calibration

if TYPE_CHECKING:  # the booster is loaded where something is fitted
    from basira.models.risk.trees import Fitting

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Matrix = NDArray[np.float32]

Named = TypeVar("Named", bound=Hashable)

# Of either class: below, the rate is assumed, not known.
FEWEST_KNOWN, COMPLIANT_FOR_ONE = 10, 19
# With fewer irregular items among the late ones a difference of losses says nothing.
FEWEST_LATE = 40


@dataclass(frozen=True)
class Rows:
    """Rows to learn from: ``x`` in the encoding's order, ``y`` 0 or 1, ``weight``."""

    x: Matrix
    y: Floats
    weight: Floats

    @property
    def parts(self) -> tuple[Matrix, Floats, Floats]:
        return self.x, self.y, self.weight

    def beside(self, other: Rows | None) -> Rows:
        """These rows, then the other's."""
        if other is None:
            return self
        return Rows(
            np.concatenate([self.x, other.x]),
            np.concatenate([self.y, other.y]),
            np.concatenate([self.weight, other.weight]),
        )

    def only(self, of: Bools) -> Rows:
        return Rows(self.x[of], self.y[of], self.weight[of])


@dataclass(frozen=True)
class Planted:
    """Planted and unlabelled rows, not weighted yet."""

    x: Matrix
    is_copy: Bools
    day: NDArray[np.int64]

    def weighted(self, share: float, *, of: Rows, before: int | None = None) -> Rows | None:
        """The rows of days before ``before`` (all, by default), the copies together counting ``share`` of what the
        irregular items of ``of`` count, the unlabelled ones that share of its compliant ones: so a planted fraud adds
        to what is known and the rate stays what it was. None where nothing is left.
        """
        rows = np.ones(len(self.day), dtype=np.bool_) if before is None else self.day < before
        copies, others = rows & self.is_copy, rows & ~self.is_copy
        if share == 0 or not copies.any() or not others.any():
            return None
        irregular, compliant = float(of.weight[of.y == 1].sum()), float(of.weight[of.y == 0].sum())
        if min((of.y == 1).sum(), (of.y == 0).sum()) < FEWEST_KNOWN:
            # Next to nothing is known: as if ten were, at a rate of one in twenty.
            irregular, compliant = max(irregular, FEWEST_KNOWN), max(compliant, FEWEST_KNOWN * COMPLIANT_FOR_ONE)
        weight = np.zeros(len(self.day))
        weight[copies] = share * irregular / copies.sum()
        weight[others] = share * compliant / others.sum()
        return Rows(self.x[rows], self.is_copy[rows].astype(np.float64), weight[rows])


@dataclass(frozen=True)
class Choice:
    """What the later rows chose.

    ``weight``: of planted frauds, a share of that of the results found. ``size``: of the trees, with its ``rounds``.
    ``late_raw``: its raw scores on the later rows. ``late_loss``: of each size tried, after calibration.
    ``weight_loss``: by weight, of the assumed size. ``is_by_results``: whether there were results enough to depart from
    what is assumed.
    """

    weight: float
    size: str
    rounds: int
    late_raw: Floats
    late_loss: Mapping[str, float]
    weight_loss: Mapping[str, float]
    is_by_results: bool


@dataclass(frozen=True)
class _Trial:
    rounds: int
    raw: Floats
    losses: Floats  # of each late row, after calibration


def choose(
    rows: Rows,
    is_late: Bools,
    late_weight: Floats,
    fitting: Fitting,
    *,
    planted: Planted | None,
    first_late: int,
) -> Choice:
    """Fit on the earlier rows and judge on the later ones.

    ``late_weight``: what each row counts in the calibration (not as the trees are made to look). ``first_late``: the
    first day of the late rows; no planted row is of that day or later.
    """
    from basira.models.risk import trees  # here: a caller that only opens a store need not load the booster

    settings = fitting.settings
    early, late = rows.only(~is_late), rows.only(is_late)
    judged = late_weight[is_late]
    is_few = len(early.y) < settings.try_both_below
    size = settings.assumed_size(int(rows.y.sum())) if is_few else "large"
    sizes = {size, *settings.sizes} if is_few else {size}

    def trial(size: str, weight: float) -> _Trial:
        extra = None if planted is None else planted.weighted(weight, of=early, before=first_late)
        rounds, raw = trees.fit_until_late(
            early.beside(extra).parts,
            late.parts,
            fitting,
            size=size,
            rows=len(early.y),
            total=len(rows.y),
        )
        return _Trial(rounds, raw, losses_of(raw, late.y == 1, judged))

    is_by_results = min(float(late.y.sum()), float((1 - late.y).sum())) >= FEWEST_LATE
    weight = settings.planted_weight if planted is not None else 0.0
    tried = {weight: trial(size, weight)}
    if planted is not None and is_by_results:
        tried |= {other: trial(size, other) for other in settings.planted_weights if other != weight}
        weight = _clearly_best({w: one.losses for w, one in tried.items()}, weight, judged)
    of_size = {size: tried[weight]}
    if is_by_results:
        of_size |= {other: trial(other, weight) for other in sorted(sizes - {size})}
        size = _clearly_best({name: one.losses for name, one in of_size.items()}, size, judged)
    return Choice(
        weight=weight,
        size=size,
        rounds=of_size[size].rounds,
        late_raw=of_size[size].raw,
        late_loss={name: _average(one.losses, judged) for name, one in of_size.items()},
        weight_loss={f"{w:g}": _average(one.losses, judged) for w, one in sorted(tried.items())},
        is_by_results=is_by_results,
    )


def losses_of(raw: Floats, irregular: Bools, weight: Floats) -> Floats:
    """Log loss of each row after a calibration on these rows: how well they are ordered, not at what level."""
    p = np.clip(fit_calibration(raw, irregular, weight).apply(raw), 1e-9, 1 - 1e-9)
    return np.asarray(-np.where(irregular, np.log(p), np.log(1 - p)), dtype=np.float64)


def _clearly_best(losses: Mapping[Named, Floats], assumed: Named, weight: Floats) -> Named:
    """The one of the smallest loss, when that is a standard error below the assumed one's; else the assumed."""
    best = min(losses, key=lambda name: _average(losses[name], weight))
    gain = losses[assumed] - losses[best]
    mean = _average(gain, weight)
    error = float(np.sqrt(np.sum((weight * (gain - mean)) ** 2))) / float(weight.sum())
    return best if mean > error else assumed


def _average(values: Floats, weight: Floats) -> float:
    return float(np.average(values, weights=weight))
