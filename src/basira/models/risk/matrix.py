"""From a table of features to the matrix that the boosters read.

Enters: features as a Polars frame (numbers, and categories as text). Leaves: a float32 matrix, one
column per feature, categories as codes; NaN where there is no value. Never here: labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from basira.schema.errors import ModelError

# A category seen fewer than 30 times teaches noise; beyond 60 codes the profile features say more.
FEWEST_ROWS = 30
MOST_CODES = 60
# Below this a dictionary look-up is quicker than starting a columnar one.
FEW_ROWS = 200


@dataclass(frozen=True)
class Encoding:
    """The feature list of one model: ``numbers`` then ``categories``, each with its known codes."""

    numbers: tuple[str, ...]
    categories: Mapping[str, tuple[str, ...]]

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.numbers, *self.categories)

    @property
    def category_positions(self) -> list[int]:
        return list(range(len(self.numbers), len(self.names)))

    def matrix(self, features: pl.DataFrame) -> NDArray[np.float32]:
        """Rows of ``features`` as float32, in this encoding's column order.

        An unknown or missing category is NaN. Raises ModelError when a feature is absent.
        """
        self._require(features.columns)
        out = np.empty((features.height, len(self.names)), dtype=np.float32)
        if self.numbers:
            # One expression for all numbers: column by column, a message of three items cost 19 ms.
            numbers = features.select(pl.col(self.numbers).cast(pl.Float32).fill_null(float("nan")))
            out[:, : len(self.numbers)] = numbers.to_numpy()
        if features.height < FEW_ROWS:
            for position, (name, codes) in enumerate(self.categories.items(), start=len(self.numbers)):
                known = {code: float(i) for i, code in enumerate(codes)}
                values = features[name].to_list()
                out[:, position] = [np.nan if v is None else known.get(str(v), np.nan) for v in values]
            return out
        for position, (name, codes) in enumerate(self.categories.items(), start=len(self.numbers)):
            index = {code: float(i) for i, code in enumerate(codes)}
            column = features[name].cast(pl.String).replace_strict(index, default=None, return_dtype=pl.Float32)
            out[:, position] = column.fill_null(float("nan")).to_numpy()
        return out

    def matrix_of_rows(self, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> NDArray[np.float32]:
        """The same matrix from plain rows, None for null: for the few items of a message.

        ``names``: of the values of every row. Starting the columnar operations cost more than the work on three rows.
        """
        self._require(names)
        place = {name: n for n, name in enumerate(names)}
        out = np.empty((len(rows), len(self.names)), dtype=np.float32)
        if self.numbers:
            # The first name once more, so that one number alone is a tuple too.
            pick = itemgetter(*(place[name] for name in self.numbers), place[self.numbers[0]])
            with np.errstate(over="ignore"):  # infinite beyond 32 bits, as a column's cast is
                out[:, : len(self.numbers)] = np.array([pick(row) for row in rows], dtype=np.float32)[:, :-1]
        for position, (name, known) in enumerate(self._codes.items(), start=len(self.numbers)):
            at = place[name]
            out[:, position] = [np.nan if row[at] is None else known.get(str(row[at]), np.nan) for row in rows]
        return out

    @cached_property
    def _codes(self) -> Mapping[str, Mapping[str, float]]:
        return {name: {code: float(i) for i, code in enumerate(codes)} for name, codes in self.categories.items()}

    def _require(self, present: Sequence[str]) -> None:
        found = frozenset(present)
        absent = [n for n in self.names if n not in found]
        if absent:
            raise ModelError(
                "Expected the features this model was fitted on; {absent_count} are absent, first {absent!r}.",
                hint="Score with the version of Basira and the history that the model's card names, or train again.",
                absent_count=len(absent),
                absent=absent[0],
            )


def choose_encoding(features: pl.DataFrame, numbers: Sequence[str], categories: Sequence[str]) -> Encoding:
    """The features worth keeping for these rows: those that vary; the codes seen often enough."""
    kept = tuple(n for n in numbers if n in features.columns and features[n].drop_nulls().n_unique() > 1)
    codes: dict[str, tuple[str, ...]] = {}
    for name in categories:
        if name not in features.columns:
            continue
        counts = features[name].cast(pl.String).drop_nulls().value_counts().filter(pl.col("count") >= FEWEST_ROWS)
        # Ties in frequency are ordered by the code itself, so that the encoding never depends on row order.
        found = counts.sort(["count", name], descending=[True, False])[name].to_list()[:MOST_CODES]
        if len(found) > 1 or (len(found) == 1 and counts["count"].sum() < features.height):
            codes[name] = tuple(found)
    if not kept and not codes:
        raise ModelError(
            "Expected features that vary between the labelled items, found none.",
            hint="Ingest more declarations with inspection results, then train again.",
        )
    return Encoding(kept, codes)
