"""A model learned before each later part of the period, and the rank that it gives what was declared then.

Enters: an engine with the views `items` and `outcomes`, after `prepare`, the period. Leaves: one row a declaration of
the later parts. Never here: a result that became known on or after a part's first day; what selection wrote on the
declaration (lane, basis, rules, release), which no model may know.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

import basira
from basira.engines.engine import Engine
from basira.features.batch.compute import compute_features
from basira.features.catalog.catalog import IS_EXPECTED_LEARNED, MODEL_FEATURES
from basira.models.risk.fit import ModelOrigin, fit_risk_model
from basira.models.risk.settings import FitSettings
from basira.schema.days import day_of
from basira.schema.sql import quote_identifier
from basira.schema.stake import balanced_values
from basira.storage.engine import fetch_frame
from basira.workflows.diagnose.roles import Roles
from basira.workflows.engine import Progress, silent
from basira.workflows.examine import examine_training
from basira.workflows.train import training_items

# The first part is learned from alone.
PARTS = 3


def parts_of(first: date, last: date) -> list[tuple[date, date]]:
    """The later parts of a period, each of which is tried on what was known before it.

    >>> parts_of(date(2023, 1, 1), date(2023, 12, 31))[0]
    (datetime.date(2023, 7, 2), datetime.date(2023, 9, 30))
    """
    days = (last - first).days + 1
    begins = [first + timedelta(days=days * n // (2 * (PARTS - 1))) for n in range(PARTS - 1, 2 * (PARTS - 1))]
    return [
        (begin, (begins[n + 1] if n + 1 < len(begins) else last + timedelta(days=1)) - timedelta(days=1))
        for n, begin in enumerate(begins)
    ]


def hide_selection(con: Engine, roles: Roles) -> None:
    """Take what selection wrote out of the view `items`."""
    if not roles.columns:
        return
    hidden = ", ".join(quote_identifier(name) for name in roles.columns)
    con.execute("alter view items rename to items_with_selection")
    con.execute(f"create temp view items as select * exclude ({hidden}) from items_with_selection")


def rank_later(
    con: Engine,
    parts: Sequence[tuple[date, date]],
    *,
    seed: int,
    settings: FitSettings | None = None,
    progress: Progress = silent,
) -> pl.DataFrame:
    """One row a declaration: ``declaration_id``, ``fold`` and ``value``, by which it ranks. ``parts``: first, last day.

    Of each part a model is fitted on the results known on the day before it; every item of the part is described as of
    that day. Raises ModelError when too few results were known by then, or when a feature foretells the result
    implausibly well.
    """
    found = []
    for n, (begin, end) in enumerate(parts):
        progress(n, len(parts), f"model of {begin}")
        as_of = begin - timedelta(days=1)
        learned = training_items(con, as_of_day=day_of(as_of), planted_seed=seed)
        notes = examine_training(con, learned, as_of_day=day_of(as_of))
        model = fit_risk_model(
            learned,
            numbers=MODEL_FEATURES,
            settings=settings or FitSettings(),
            seed=seed,
            origin=ModelOrigin(as_of.isoformat(), "", 0, basira.__version__, notes=notes),
        )
        con.create_table(
            "of_part",
            "select declaration_id, declaration_version, item_number from diagnosed_item"
            " where declared_day between $first and $last",
            {"first": day_of(begin), "last": day_of(end)},
        )
        compute_features(con, "of_part", as_of_day=day_of(as_of), into="described", has_expected=IS_EXPECTED_LEARNED)
        features = fetch_frame(con, "select * from described order by declaration_id, item_number")
        predicted = model.predict(features)
        items = features.select("declaration_id").with_columns(
            none=pl.Series(1.0 - predicted.fraud_probability), expected=pl.Series(predicted.expected_revenue)
        )
        whole = items.group_by("declaration_id", maintain_order=True).agg(
            probability=1.0 - pl.col("none").product(), expected=pl.col("expected").sum()
        )
        ranks = balanced_values(whole["probability"].to_numpy(), whole["expected"].to_numpy(), model.stake_scale)
        found.append(
            whole.select("declaration_id").with_columns(
                fold=pl.lit(begin.isoformat()), value=pl.Series(ranks, dtype=pl.Float64)
            )
        )
    return pl.concat(found)
