"""Which labelled items are evidence, and of what: those to learn from, and those to choose, calibrate and judge on.

Enters: labelled items. Leaves: `Evidence`: the same items in order of time, without those of offices that never find
(`silent_offices`). Never here: a fit of what is kept, or a judgement that rests on later results.

What the model learns in the end leaves out the offices that are silent by all the results. What chooses, calibrates and
is judged leaves out those that were silent by the results of the days before the later items alone: were an office left
out for its later results, the figures of the later items would be of items that were picked by their results.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from basira.models.risk.matrix import Encoding, choose_encoding
from basira.models.risk.settings import FitSettings

if TYPE_CHECKING:  # the booster is loaded where something is fitted
    from basira.models.risk.fit import TrainingItems
    from basira.models.risk.trees import Fitting

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Part:
    """Items in order of declaration, and which of them are the later ones."""

    items: TrainingItems
    is_late: Bools


@dataclass(frozen=True)
class Evidence:
    """``learned``: what a model is fitted on in the end. ``judged``: what it chooses, calibrates and is judged on; the
    very same where no office is silent. ``silent``: by office left out of ``learned`` its results and the findings
    expected of them."""

    learned: Part
    judged: Part
    silent: Mapping[str, tuple[int, float]]


def evidence_of(items: TrainingItems, *, numbers: Sequence[str], settings: FitSettings, seed: int) -> Evidence:
    """Sort the items and leave out those of silent offices, see the module.

    Parameters
    ----------
    items : in any order. numbers, settings, seed : as `fit_risk_model`.
    """
    from basira.models.risk.silent_offices import OFFICE

    ordered = in_order(items)
    is_late = late_rows(ordered, settings)
    every = Part(ordered, is_late)
    if OFFICE not in ordered.features.columns:
        return Evidence(every, every, {})
    silent = _silent(ordered, numbers, settings, seed)
    early = ordered if is_late.all() or not is_late.any() else take(ordered, ~is_late)
    before = silent if early is ordered else _silent(early, numbers, settings, seed)
    learned = _without(every, silent)
    judged = learned if set(before) == set(silent) else _without(every, before)
    return Evidence(learned, judged, silent)


def _silent(
    items: TrainingItems, numbers: Sequence[str], settings: FitSettings, seed: int
) -> Mapping[str, tuple[int, float]]:
    from basira.models.risk.silent_offices import find_silent_offices

    def describe() -> tuple[Any, Fitting]:
        categories = sorted(c for c in items.features.columns if c.startswith("category_"))
        encoding = choose_encoding(items.features, numbers, categories)
        return encoding.matrix(items.features), fitting_of(encoding, settings, seed)

    return find_silent_offices(_office(items), items.is_irregular, items.weight, describe)


def _without(part: Part, silent: Mapping[str, Any]) -> Part:
    if not silent:
        return part
    kept = ~np.isin(_office(part.items), list(silent))
    return Part(take(part.items, kept), part.is_late[kept])


def _office(items: TrainingItems) -> NDArray[np.str_]:
    from basira.models.risk.silent_offices import OFFICE

    return items.features[OFFICE].cast(pl.String).fill_null("").to_numpy().astype(np.str_)


def fitting_of(encoding: Encoding, settings: FitSettings, seed: int) -> Fitting:
    """How trees are fitted on the encoding's columns."""
    from basira.models.risk import trees

    return trees.Fitting(encoding.names, encoding.category_positions, settings, seed)


def in_order(items: TrainingItems) -> TrainingItems:
    """The same in order of declaration, then of number: bags are drawn by row, and arrival must not choose them."""
    names = [n for n in ("declaration_id", "declaration_version", "item_number") if n in items.features.columns]
    day = pl.Series("declared_day", items.declared_day)
    keyed = items.features.select(*names, day).with_row_index("row")
    order = keyed.sort("declared_day", *names, "row")["row"].to_numpy().astype(np.int64)
    if bool((np.diff(order) == 1).all()):
        return items
    return take(items, order)


def take(items: TrainingItems, at: NDArray[Any]) -> TrainingItems:
    """Some of the items, by position or by mask; the planted ones stay."""
    return replace(
        items,
        features=items.features[at] if at.dtype != np.bool_ else items.features.filter(pl.Series(at)),
        declared_day=items.declared_day[at],
        is_irregular=items.is_irregular[at],
        revenue=items.revenue[at],
        kinds={kind: found[at] for kind, found in items.kinds.items()},
        weight=items.weight[at],
        is_late=None if items.is_late is None else items.is_late[at],
        lane=None if items.lane is None else items.lane[at],
    )


def late_rows(items: TrainingItems, settings: FitSettings) -> Bools:
    """The rows to choose and calibrate on: those given, else the latest share by day. ``items``: in order."""
    if items.is_late is not None:
        return items.is_late
    day = items.declared_day
    if len(day) == 0:
        return np.zeros(0, dtype=np.bool_)
    cut = day[min(len(day) - 1, int(len(day) * (1 - settings.late_share)))]
    # Whole days only: two items of one day are never on both sides.
    return np.asarray(day >= cut)
