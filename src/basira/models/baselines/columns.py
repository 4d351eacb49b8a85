"""Raw columns as the learned baselines take them: numbers as they are, categories as small integers.

Enters: items. Leaves: which columns serve, and their matrices. Never here: history, profiles, labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from basira.schema.fields import DECLARATION_FIELDS, EXTRA_PREFIX, ITEM_FIELDS

Floats = NDArray[np.float64]

_CATEGORY_TYPES = frozenset({"text", "code", "commodity", "country", "currency"})
# Names of one row each, free text, and the row's own place: nothing a plain tree could learn from.
_LEFT_OUT = frozenset(
    {
        "declaration_id",
        "declaration_version",
        "declared_at",
        "description",
        "transport_document",
        "manifest_id",
        "container_id",
    }
)
# An extra column is text in the schema; with more distinct values than this, all of them numbers, it is a measure.
_CATEGORIES_OF_A_CODE = 50


@dataclass(frozen=True)
class Columns:
    """Columns that carry something in the training rows."""

    numbers: tuple[str, ...]
    categories: tuple[str, ...]


def choose_columns(items: pl.DataFrame) -> Columns:
    """Schema and extra columns present with at least two distinct known values (or known and unknown)."""
    numbers: list[str] = []
    categories: list[str] = []
    for field in DECLARATION_FIELDS + ITEM_FIELDS:
        if field.name in items.columns and field.name not in _LEFT_OUT and items[field.name].n_unique() > 1:
            (categories if field.type in _CATEGORY_TYPES else numbers).append(field.name)
    for name in sorted(c for c in items.columns if c.startswith(EXTRA_PREFIX)):
        known = items[name].drop_nulls()
        if items[name].n_unique() < 2:
            continue
        parsed = known.cast(pl.Float64, strict=False)
        is_measure = parsed.null_count() == 0 and parsed.n_unique() > _CATEGORIES_OF_A_CODE
        (numbers if is_measure else categories).append(name)
    return Columns(tuple(numbers), tuple(categories))


def number_matrix(items: pl.DataFrame, names: tuple[str, ...]) -> Floats:
    """Shape (rows, names), float64, NaN where unknown or absent."""
    return np.column_stack([_number(items, name) for name in names]) if names else np.zeros((len(items), 0))


def category_texts(items: pl.DataFrame, name: str) -> pl.Series:
    """The column as text, nulls kept; all null when the frame has no such column."""
    if name not in items.columns:
        return pl.Series(name, [None] * len(items), dtype=pl.String)
    return items[name].cast(pl.String)


@dataclass(frozen=True)
class Encoder:
    """Category to integer, by sorted order of the training rows' categories (scikit-learn's label encoding)."""

    columns: Columns
    categories: dict[str, pl.Series]

    def matrix(self, items: pl.DataFrame, *, unknown: float) -> Floats:
        """Numbers, then encoded categories; ``unknown`` for a category null or never seen. Shape (rows, columns)."""
        parts = [number_matrix(items, self.columns.numbers)]
        for name in self.columns.categories:
            known = self.categories[name]
            table = pl.DataFrame({"_text": known, "_code": np.arange(len(known), dtype=np.float64)})
            found = (
                category_texts(items, name)
                .alias("_text")
                .to_frame()
                .join(table, on="_text", how="left", maintain_order="left")
            )
            parts.append(found["_code"].fill_null(unknown).to_numpy()[:, None])
        return np.hstack(parts)


def fit_encoder(items: pl.DataFrame) -> Encoder:
    columns = choose_columns(items)
    return Encoder(
        columns, {name: category_texts(items, name).drop_nulls().unique().sort() for name in columns.categories}
    )


def _number(items: pl.DataFrame, name: str) -> Floats:
    if name not in items.columns:
        return np.full(len(items), np.nan)
    return items[name].cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()
