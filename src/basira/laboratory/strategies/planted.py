"""What undervaluation looks like, learned without a single label: planted in our own copies of declarations.

Enters: Basira's features of declared items. Leaves: a scorer: log odds that an item's value was cut rather
than left as it was. Never here: a result of an inspection, the truth, the simulated country's parameters.

Undervaluation is the first fraud in revenue, and what it does to a declaration is known: the value falls, and
with it every ratio of the value to comparables; mass, quantity, traders and papers stay. So a copy of an item
with its value cut by a drawn share is a fair example of it, at the price of a subtraction, and as many can be
made as one likes. Trees that distinguish copies from originals learn how much a low ratio means at each level of
comparables and how many of them there are: what a handful of inspection results can't teach. (Learning from
negatives and synthetic anomalies: Steinwart and others, JMLR 2005.)

What it can't see: frauds that leave the value alone. It is where the model begins, not the model
(`basira.laboratory.strategies.weekly_model`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from basira.features.catalog.catalog import MODEL_FEATURES
from basira.models.risk.matrix import Encoding, choose_encoding
from basira.schema.errors import ModelError

if TYPE_CHECKING:
    import lightgbm as lgb

Floats = NDArray[np.float64]

# A cut under a third drowns in the spread of honest prices; over four fifths anyone sees it. Assumed, not learned.
SMALLEST_CUT, LARGEST_CUT = 0.3, 0.8
MOST_COPIES = 6000
# With fewer items that have comparables there is nothing to compare a cut with.
FEWEST_COMPARED = 200
_ROUNDS, _BAGS = 120, 2

# Logarithms of a value over something that a cut leaves alone: a cut is a subtraction.
CUT: tuple[str, ...] = (
    *(n for n in MODEL_FEATURES if n.startswith(("value_per_kg_vs_", "value_per_unit_vs_"))),
    "item_value_vs_code",
)
# The same in units of the comparables' spread; each beside the ratio it is made of.
_DEVIATIONS = {
    "value_per_kg_reference_z": "value_per_kg_vs_reference",
    "value_per_unit_reference_z": "value_per_unit_vs_reference",
}
# What says how much a ratio can be trusted. Nothing that an inspection found.
_CONTEXT = (
    "kg_per_unit_vs_unit_code",
    "tax_share_vs_code_origin",
    "tax_share_vs_code",
    "code_share_of_word",
    "origin_share_of_code",
    "importer_code_times_seen",
    "exporter_code_times_seen",
    "importer_times_seen",
    "exporter_times_seen",
    "duty_rate_declared",
    "tax_share_declared",
    "kg_per_unit_log",
)
_USUAL_SPREAD = 0.3


@dataclass(frozen=True)
class PlantedCuts:
    """Fitted trees. ``score``: log odds of a cut, one per row."""

    encoding: Encoding
    boosters: tuple[lgb.Booster, ...]

    def score(self, features: pl.DataFrame) -> Floats:
        x = self.encoding.matrix(features)
        raw = [np.asarray(b.predict(x, raw_score=True, num_threads=1), dtype=np.float64) for b in self.boosters]
        return np.asarray(np.mean(raw, axis=0), dtype=np.float64)


def fit_planted_cuts(features: pl.DataFrame, *, seed: int) -> PlantedCuts:
    """Learn to distinguish the items from copies of them with a cut value.

    Parameters
    ----------
    features : items believed regular, or not inspected; a sample of 6,000 is used of more.

    Raises ModelError when fewer than 200 of them have comparables.
    """
    import lightgbm as lgb

    rng = np.random.default_rng([seed, 77])
    taken = np.sort(rng.permutation(len(features))[:MOST_COPIES])
    originals = features[taken].select(*CUT, *_DEVIATIONS, *_CONTEXT).cast(pl.Float64)
    compared = int(originals["value_per_kg_vs_reference"].is_not_null().sum())
    if compared < FEWEST_COMPARED:
        raise ModelError(
            f"Expected {FEWEST_COMPARED} items with comparables, found {compared}.",
            hint="Begin with more history, or with `random`.",
        )
    copies = cut_values(originals, 1 - rng.uniform(SMALLEST_CUT, LARGEST_CUT, len(originals)))
    both = pl.concat([originals, copies])
    encoding = choose_encoding(both, both.columns, ())
    parameters: dict[str, Any] = {
        "objective": "binary", "learning_rate": 0.1, "num_leaves": 15, "max_depth": 4, "min_data_in_leaf": 50,
        "feature_fraction": 0.5, "bagging_fraction": 0.8, "bagging_freq": 1, "num_threads": 1, "verbose": -1,
        "max_bin": 63, "deterministic": True, "force_row_wise": True,
        # A lower value for the same goods is never less suspicious.
        "monotone_constraints": _falling(encoding.names),
    }  # fmt: skip
    target = np.repeat([0.0, 1.0], len(originals))
    data = lgb.Dataset(
        encoding.matrix(both), target, free_raw_data=False, params={"max_bin": 63, "verbose": -1, "num_threads": 1}
    )
    boosters = tuple(lgb.train(parameters | {"seed": seed + bag}, data, _ROUNDS) for bag in range(_BAGS))
    return PlantedCuts(encoding, boosters)


def cut_values(features: pl.DataFrame, kept: Floats) -> pl.DataFrame:
    """The features as they would be, had each item declared ``kept`` (a share of 1) of its value.

    The comparables are other items and stay. Columns: those of ``CUT``, their deviations, and what doesn't change.

    >>> whole = pl.DataFrame({c: [0.0] for c in (*CUT, *_DEVIATIONS)})
    >>> round(cut_values(whole, np.array([0.5]))["value_per_kg_vs_code"][0], 3)
    -0.693
    """
    shift = np.log(kept)
    changed = [(pl.col(c) + pl.Series(shift)).alias(c) for c in CUT if c in features.columns]
    for deviation, ratio in _DEVIATIONS.items():
        before, of = features[deviation].to_numpy(), features[ratio].to_numpy()
        with np.errstate(all="ignore"):
            spread = np.where(np.abs(before) > 1e-6, of / before, np.nan)
        spread = np.where(np.isfinite(spread) & (spread > 0), spread, _USUAL_SPREAD)
        changed.append(pl.Series(deviation, before + shift / spread, nan_to_null=True).alias(deviation))  # type: ignore[arg-type]  # a series is a column
    return features.with_columns(changed)


def _falling(names: Sequence[str]) -> list[int]:
    return [-1 if n in CUT or n in _DEVIATIONS else 0 for n in names]
