"""Columns as the published comparisons take them: declared numbers and their ratios, risk-profile flags, label codes.

Enters: labelled items. Leaves: a matrix for any items. Never here: Basira's own features, history by date.

A value of a category is *risky* when its smoothed rate of irregularity is among the highest tenth of the
values of its column (Kim and others, DATE, KDD 2020, and their simulator: "risk profiles", from single
columns and from pairs of them). Label codes are places in sorted order, as scikit-learn's encoder gives them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from basira.models.baselines.columns import Encoder, category_texts, choose_columns, fit_encoder, number_matrix

Floats = NDArray[np.float64]

# How many inspections a value needs to count as much as the whole column's rate. One gives the published trees'
# own precision on KCS; ten, which suits a look-up by itself, a fifth less (docs/explanation/laboratory.md).
_PRIOR = 1.0
_RISKY_SHARE = 0.1
_PAIRS = (
    ("importer_id", "commodity_code"),
    ("importer_id", "declarant_id"),
    ("declarant_id", "commodity_code"),
    ("commodity_code", "origin_country"),
    ("importer_id", "office"),
)
_RATIOS = (
    ("customs_value_amount", "net_mass_kg"),
    ("customs_value_amount", "gross_mass_kg"),
    ("customs_value_amount", "quantity"),
    ("total_tax_amount", "customs_value_amount"),
)


@dataclass(frozen=True)
class Profiles:
    """Smoothed rates by value, one table per column or pair. ``risky_from``: the rate at which flags begin."""

    base: float
    tables: tuple[tuple[tuple[str, ...], pl.DataFrame, float], ...]

    def rates(self, items: pl.DataFrame) -> Floats:
        """Shape (rows, profiles); the whole column's rate for a value never inspected."""
        return _columns([self._rate(items, names, table) for names, table, _ in self.tables], len(items))

    def flags(self, items: pl.DataFrame) -> Floats:
        """Shape (rows, profiles): 1 for a risky value, else 0."""
        parts = [(self._rate(items, names, table) >= limit).astype(np.float64) for names, table, limit in self.tables]
        return _columns(parts, len(items))

    def _rate(self, items: pl.DataFrame, names: tuple[str, ...], table: pl.DataFrame) -> Floats:
        found = _value(items, names).to_frame().join(table, on="_value", how="left", maintain_order="left")
        return found["_rate"].fill_null(self.base).to_numpy()


def fit_profiles(past: pl.DataFrame, *, with_pairs: bool = True) -> Profiles:
    """Rates of the labelled items ``past`` (a boolean column ``is_irregular``)."""
    base = float(past["is_irregular"].cast(pl.Float64).mean() or 0.0)  # type: ignore[arg-type]  # a mean of numbers
    present = choose_columns(past).categories
    names: list[tuple[str, ...]] = [(c,) for c in present]
    if with_pairs:
        names += [pair for pair in _PAIRS if set(pair) <= set(present)]
    tables = []
    for one in names:
        table = (
            past.select(_value(past, one), pl.col("is_irregular").cast(pl.Float64))
            .drop_nulls()
            .group_by("_value")
            .agg(((pl.col("is_irregular").sum() + _PRIOR * base) / (pl.len() + _PRIOR)).alias("_rate"))
        )
        limit = table["_rate"].quantile(1 - _RISKY_SHARE, "higher") if len(table) else None
        # A value no worse than the column as a whole is not a risk, however few values there are.
        tables.append((one, table, max(float(limit or 1.0), np.nextafter(base, 1.0))))
    return Profiles(base, tuple(tables))


@dataclass(frozen=True)
class PublishedColumns:
    """Numbers and ratios, flags, and label codes where wanted."""

    encoder: Encoder
    profiles: Profiles
    with_codes: bool

    def matrix(self, items: pl.DataFrame) -> Floats:
        """Shape (rows, columns), NaN where unknown."""
        parts = [_numbers(items, self.encoder), self.profiles.flags(items)]
        if self.with_codes:
            first = len(self.encoder.columns.numbers)
            parts.append(self.encoder.matrix(items, unknown=-1.0)[:, first:])
        return np.hstack(parts)

    def fill(self, items: pl.DataFrame) -> Floats:
        """For methods that measure distances: logs of numbers, 0 where unknown, flags; no label codes."""
        numbers = _numbers(items, self.encoder)
        logs = np.log1p(np.maximum(np.nan_to_num(numbers, nan=0.0, posinf=0.0), 0.0))
        return np.hstack([logs, self.profiles.flags(items)])


def fit_published_columns(past: pl.DataFrame, *, with_codes: bool = False) -> PublishedColumns:
    """Learn flags and codes from the labelled items ``past``."""
    columns = past.drop("item_id", "known_day", "revenue", strict=False)
    return PublishedColumns(fit_encoder(columns), fit_profiles(columns), with_codes)


def _numbers(items: pl.DataFrame, encoder: Encoder) -> Floats:
    ratios = []
    for above, below in _RATIOS:
        pair = number_matrix(items, (above, below))
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = pair[:, 0] / pair[:, 1]
        ratios.append(np.where(np.isfinite(ratio), ratio, np.nan)[:, None])
    return np.hstack([number_matrix(items, encoder.columns.numbers), *ratios])


def _value(items: pl.DataFrame, names: tuple[str, ...]) -> pl.Series:
    texts = [category_texts(items, n).alias(n) for n in names]
    joined = pl.concat_str(names, separator="\x1f", ignore_nulls=False)
    return pl.DataFrame(texts).select(joined.alias("_value"))["_value"]


def _columns(parts: list[Floats], rows: int) -> Floats:
    return np.column_stack(parts) if parts else np.zeros((rows, 0))
