"""The heads of kinds: of what kind an irregularity is, given that there is one.

Enters: labelled items, their rows, planted copies. Leaves: a `KindHead` by kind that was found. Never here: an item
that is not irregular, a kind that nobody ever recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from basira.models.risk.matrix import Encoding
from basira.models.risk.planted import PLANTED_KINDS
from basira.models.risk.risk_model import KindHead
from basira.models.risk.settings import FitSettings

if TYPE_CHECKING:  # the booster is loaded where something is fitted
    from basira.models.risk.fit import TrainingItems
    from basira.models.risk.trees import Fitting

Floats = NDArray[np.float64]

# A head of its own needs this many irregular items of each answer; below, the plain share is steadier.
FEWEST_FOR_A_HEAD = 40
# Of kinds of which few are found a single result must not carry the whole kind.
MOST_OF_A_RESULT = 10.0
_KIND_ROUNDS = 40


@dataclass(frozen=True)
class _KindRows:
    """What kinds are learned from: the irregular items, the first ``results`` rows, then the copies.

    ``of``: per kind 1, 0 or NaN (unknown). ``weight``: see `_weigh_kinds`.
    """

    x: Any
    of: Mapping[str, Floats]
    weight: Floats
    results: int


def fit_kinds(
    items: TrainingItems, x: Any, encoding: Encoding, settings: FitSettings, seed: int
) -> dict[str, KindHead]:
    """P(kind | irregular) for each kind that was found; planted frauds stand for the kinds of which few were found."""
    from basira.models.risk import trees

    irregular = items.is_irregular
    named = {k: v[irregular] for k, v in items.kinds.items() if (v[irregular] == 1).any()}
    rows = _KindRows(x[irregular], named, np.ones(int(irregular.sum())), int(irregular.sum()))
    planted = items.planted
    usable = None if planted is None else planted.is_copy & np.isin(planted.kind, sorted(named))
    if planted is not None and usable is not None and usable.any():
        kind = planted.kind[usable]
        rows = _KindRows(
            np.concatenate([rows.x, encoding.matrix(planted.features.filter(pl.Series(usable)))]),
            {k: np.concatenate([v, (kind == k).astype(np.float64)]) for k, v in named.items()},
            _weigh_kinds(named, kind, settings),
            rows.results,
        )
    # In the order in which the card keeps them: a model read back gives its columns in the same order.
    # Half the trees, each twice as long a step: they are walked for every item of the service.
    settings = replace(settings, learning_rate=2 * settings.learning_rate)
    fitting = trees.Fitting(encoding.names, encoding.category_positions, settings, seed)
    return {kind: _fit_kind(kind, rows, fitting) for kind in sorted(named)}


def _weigh_kinds(named: Mapping[str, Floats], planted: NDArray[np.str_], settings: FitSettings) -> Floats:
    """Weights of the results, then of the copies: every planted kind counts as much as any other.

    What is found most is what was looked for most, so its share among the results says little of the kind of what
    the model ranks first; with these weights the heads are nearer to it (docs/explanation/model.md). A single result
    counts at most `MOST_OF_A_RESULT`. ``planted``: the kind of each copy.
    """
    found = {k: float((named[k] == 1).sum()) for k in PLANTED_KINDS if k in named}
    each = sum(found.values()) / len(found)
    results = np.zeros(len(next(iter(named.values()))))
    for kind, count in found.items():
        results = np.maximum(results, np.where(named[kind] == 1, min(MOST_OF_A_RESULT, each / count), 0.0))
    results[results == 0] = 1.0  # of a kind that is never planted, or unknown
    known = int(np.any([np.isfinite(v) for v in named.values()], axis=0).sum())
    present = [k for k in found if (planted == k).any()]
    copies = np.zeros(len(planted))
    for kind in present:
        of_kind = planted == kind
        copies[of_kind] = settings.planted_kind_weight * known / len(present) / of_kind.sum()
    return np.concatenate([results, copies])


def _fit_kind(kind: str, rows: _KindRows, fitting: Fitting) -> KindHead:
    from basira.models.risk import trees

    y, known = rows.of[kind], np.isfinite(rows.of[kind])
    recorded = y[: rows.results][known[: rows.results]]
    share = float((recorded.sum() + 0.5) / (len(recorded) + 1))
    if min(y[known].sum(), (1 - y[known]).sum()) < FEWEST_FOR_A_HEAD:
        return KindHead(share=share, booster=None)
    booster = trees.fit_bags(
        (rows.x[known], y[known], rows.weight[known]),
        fitting,
        size="small",
        rounds=_KIND_ROUNDS,
        bags=1,
    )[0]
    return KindHead(share=share, booster=booster)
