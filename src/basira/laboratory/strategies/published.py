"""The published simulator's trees, as published: its columns, its settings, its week kept aside.

Enters: a view. Leaves: scores. Never here: what would make them better; `strategies.scored` has the stronger
trees that we hold ourselves against.

What differs from `learn_xgboost` (read in the public simulator of Kim and others, TKDE 2022; its columns in its
own schema, of which a source has those that it has):

- flags for importer, declarant, origin, the code and its first six, four and two digits, office, and four pairs;
  a value is risky when found / (inspected + 10) is among the highest tenth of its column: rare values never are;
- the code and its first six, four and two digits as numbers; day, week and month of the year; 0 for unknown;
- steps of 0.3 (the library's own), and the last seven days are kept aside for validation, not learned from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from basira.laboratory.strategies.scored import FEWEST_OF_A_CLASS, Scorer, predict_trees
from basira.laboratory.worlds.view import View
from basira.models.baselines.columns import category_texts, number_matrix
from basira.schema.days import EPOCH
from basira.schema.errors import ModelError

Floats = NDArray[np.float64]

_KEPT_ASIDE_DAYS = 7
_TREES: dict[str, Any] = {
    "objective": "binary:logistic",
    "tree_method": "hist",
    "max_depth": 4,
    "eta": 0.3,
    "nthread": 1,
    "verbosity": 0,
}
_ROUNDS = 100
_ADDED_INSPECTIONS = 10
_RISKY_SHARE = 0.1
_DIGITS = (6, 4, 2)
_NUMBERS = ("customs_value_amount", "total_tax_amount", "gross_mass_kg", "quantity")
# The numbers of a source that declares net mass only, and a rate instead of the amount of tax.
_INSTEAD = {"gross_mass_kg": "net_mass_kg"}
_PROFILES: tuple[tuple[str, ...], ...] = (
    ("importer_id",),
    ("declarant_id",),
    ("origin_country",),
    ("commodity_code",),
    ("hs6",),
    ("hs4",),
    ("hs2",),
    ("office",),
    ("office", "importer_id"),
    ("office", "hs6"),
    ("office", "origin_country"),
    ("hs6", "origin_country"),
)


def learn_xgboost_published(view: View) -> Scorer:
    """Probability."""
    columns, _, model = _fit(view)
    return lambda v: predict_trees(model, columns.matrix(v.items))


def learn_xgboost_leaves_published(view: View) -> Scorer:
    """Logistic regression on the leaves of the same trees, at the library's own penalty and number of steps."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import OneHotEncoder

    columns, past, model = _fit(view)
    encoder = OneHotEncoder(handle_unknown="ignore")
    leaves = encoder.fit_transform(predict_trees(model, columns.matrix(past), pred_leaf=True))
    regression = LogisticRegression(C=1.0, max_iter=100)
    with warnings.catch_warnings():
        # The published one stops at 100 steps too, before it has converged.
        warnings.simplefilter("ignore", ConvergenceWarning)
        regression.fit(leaves, past["is_irregular"].to_numpy())

    def score(v: View) -> Floats:
        found = encoder.transform(predict_trees(model, columns.matrix(v.items), pred_leaf=True))
        return np.asarray(regression.predict_proba(found)[:, 1])

    return score


@dataclass(frozen=True)
class SimulatorColumns:
    """The published simulator's columns. ``risky``: the risky values of each profile."""

    risky: tuple[tuple[tuple[str, ...], pl.Series], ...]

    def matrix(self, items: pl.DataFrame) -> Floats:
        """Shape (rows, columns), 0 where unknown."""
        coded = _with_codes(items)
        flags = [
            _values(coded, names).is_in(risky.implode()).cast(pl.Float64).to_numpy() for names, risky in self.risky
        ]
        stacked: Floats = np.column_stack([*_numbers(coded), *flags])
        return np.nan_to_num(stacked, nan=0.0, posinf=0.0, neginf=0.0)


def fit_simulator_columns(past: pl.DataFrame) -> SimulatorColumns:
    """Learn the flags from the labelled items ``past`` (a boolean column ``is_irregular``)."""
    coded = _with_codes(past)
    risky = []
    for names in _PROFILES:
        if not all(n in coded.columns and coded[n].null_count() < len(coded) for n in names):
            continue
        table = (
            pl.DataFrame({"value": _values(coded, names), "found": past["is_irregular"].cast(pl.Float64)})
            .group_by("value")
            .agg((pl.col("found").sum() / (pl.len() + _ADDED_INSPECTIONS)).alias("rate"))
            # Equal rates in the order of their values: the published order of ties is the sorting's own.
            .sort("rate", "value", descending=[True, False])
        )
        risky.append((names, table["value"].head(int(_RISKY_SHARE * len(table)) + 1)))
    return SimulatorColumns(tuple(risky))


def _fit(view: View) -> tuple[SimulatorColumns, pl.DataFrame, Any]:
    import xgboost as xgb

    past = view.knowledge.labelled().filter(pl.col("declared_day") < view.first_day - _KEPT_ASIDE_DAYS)
    irregular = int(past["is_irregular"].sum())
    if min(irregular, len(past) - irregular) < FEWEST_OF_A_CLASS:
        raise ModelError(
            "Expected {fewest_of_a_class} irregular and {fewest_of_a_class} regular inspected items before the "
            "last {kept_aside_days} days, found {irregular} and {past_count}.",
            hint="Begin with more inspection results.",
            fewest_of_a_class=FEWEST_OF_A_CLASS,
            kept_aside_days=_KEPT_ASIDE_DAYS,
            irregular=irregular,
            past_count=len(past) - irregular,
        )
    columns = fit_simulator_columns(past)
    data = xgb.DMatrix(columns.matrix(past), label=past["is_irregular"].to_numpy().astype(float), nthread=1)
    return columns, past, xgb.train(_TREES | {"seed": view.seed}, data, num_boost_round=_ROUNDS)


def _with_codes(items: pl.DataFrame) -> pl.DataFrame:
    code = category_texts(items, "commodity_code")
    return items.with_columns(code.str.slice(0, n).alias(f"hs{n}") for n in _DIGITS)


def _values(coded: pl.DataFrame, names: tuple[str, ...]) -> pl.Series:
    """Texts of a profile, a pair joined; unknown is a value like others."""
    texts = pl.DataFrame([category_texts(coded, n).fill_null("nan").alias(n) for n in names])
    return texts.select(pl.concat_str(names, separator="\x1f").alias("value"))["value"]


def _numbers(coded: pl.DataFrame) -> list[Floats]:
    def column(name: str) -> Floats:
        found: Floats = number_matrix(coded, (name,))[:, 0]
        if np.isnan(found).all() and name in _INSTEAD:
            return column(_INSTEAD[name])
        return found

    value, tax, mass, quantity = (column(n) for n in _NUMBERS)
    if np.isnan(tax).all():
        tax = value * column("duty_rate")
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = [value / quantity, value / mass, tax / value, tax / quantity]
    codes = [
        category_texts(coded, n).cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()
        for n in ("commodity_code", *(f"hs{n}" for n in _DIGITS))
    ]
    days = (pl.lit(EPOCH) + pl.duration(days=pl.col("declared_day"))).cast(pl.Date)
    of_year = coded.select(
        days.dt.ordinal_day().alias("day"), days.dt.week().alias("week"), days.dt.month().alias("month")
    )
    dates = [of_year[c].cast(pl.Float64).to_numpy() for c in of_year.columns]
    return [value, tax, mass, quantity, *ratios, *codes, *dates]
