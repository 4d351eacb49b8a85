"""Columns for networks that take numbers: the logs of the published simulator's, each with mean 0 and spread 1.

Enters: labelled items, earlier items without a result. Leaves: matrices. Never here: a network.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from basira.laboratory.strategies.published import SimulatorColumns, fit_simulator_columns
from basira.laboratory.strategies.scored import known_items
from basira.laboratory.worlds.view import View

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]

# Of the earlier items without a result: the latest so many. A week's cost must not grow with the archive.
MOST_UNLABELLED = 20_000
# In spreads: one absurd declared number must not outweigh all others.
_FARTHEST = 8.0


@dataclass(frozen=True)
class ScaledColumns:
    """The columns, and what each is shifted and divided by."""

    columns: SimulatorColumns
    centre: Floats
    spread: Floats

    def matrix(self, items: pl.DataFrame) -> Floats32:
        """Shape (rows, columns)."""
        x = (_logs(self.columns.matrix(items)) - self.centre) / self.spread
        return np.clip(x, -_FARTHEST, _FARTHEST).astype(np.float32)


@dataclass(frozen=True)
class KnownMatrices:
    """``x``, ``is_irregular``: the labelled items, by day. ``unlabelled``: earlier items without a result."""

    columns: ScaledColumns
    x: Floats32
    is_irregular: Floats32
    unlabelled: Floats32


def known_matrices(view: View) -> KnownMatrices:
    """What a semi-supervised method learns from; ModelError without enough results of both kinds."""
    past = known_items(view)
    columns = fit_simulator_columns(past)
    x = _logs(columns.matrix(past))
    spread = x.std(axis=0)
    spread[spread == 0] = 1.0
    scaled = ScaledColumns(columns, x.mean(axis=0), spread)
    without = view.knowledge.declared().join(past.select("item_id"), on="item_id", how="anti", maintain_order="left")
    latest = without.sort("declared_day", "item_id").tail(MOST_UNLABELLED)
    unlabelled = scaled.matrix(latest) if len(latest) else np.zeros((0, x.shape[1]), dtype=np.float32)
    return KnownMatrices(scaled, scaled.matrix(past), past["is_irregular"].to_numpy().astype(np.float32), unlabelled)


def _logs(x: Floats) -> Floats:
    return np.sign(x) * np.log1p(np.abs(x))
