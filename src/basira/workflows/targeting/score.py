"""Scoring: probability and revenue of every item declared in a period, knowing nothing later than a day.

Enters: a store, the period, `as_of`, a model. Leaves: a table, one row an item, of its features or its scores. Never
here: a fact, or a model, that knows more than `as_of`.
"""

from __future__ import annotations

import io
import shlex
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import polars as pl

from basira.decisions.candidate import ONLY_OFFICE
from basira.engines.engine import Engine
from basira.features.batch.compute import compute_features
from basira.features.catalog.catalog import EXPECTED_PRICES
from basira.models.heads import FittedHeads
from basira.models.risk.files import read_model
from basira.models.risk.risk_model import Predictions, RiskModel
from basira.render.writing import write_whole
from basira.schema.days import day_of
from basira.schema.errors import ModelError, UsageError
from basira.schema.stake import balanced_values
from basira.storage.engine import fetch_frame, fetch_value
from basira.storage.history.store import History
from basira.storage.model_store import Models
from basira.workflows.engine import EngineBounds, Progress, silent
from basira.workflows.snapshot_engine import open_snapshot
from basira.workflows.train import train

KEY = ("declaration_id", "declaration_version", "item_number")


def choose_model(history: History, *, as_of: date, version: str | None = None) -> RiskModel:
    """The model asked for, or the one that knows most without knowing anything later than ``as_of``.

    Raises ModelError when there is none, or when the one asked for knows later results.
    """
    models = Models(history.root)
    chosen = version or models.find_latest(as_of=as_of.isoformat())
    if chosen is None:
        raise ModelError(
            "Expected a model that knows nothing later than {as_of}, found none in this store.",
            hint="Train one first: basira train --as-of {as_of} --store {root}",
            as_of=as_of.isoformat(),
            root=shlex.quote(str(history.root)),
        )
    model = read_model(models.folder(chosen))
    if str(model.card["as_of"]) > as_of.isoformat():
        raise ModelError(
            "Model {chosen} knows results up to {as_of}, later than the {as_of_2} that was allowed.",
            hint="Choose an older model, or a later --as-of.",
            chosen=chosen,
            as_of=model.card["as_of"],
            as_of_2=as_of,
        )
    return model


def items_declared(con: Engine, first: date, last: date, *, into: str, office: str | None = None) -> int:
    """The items declared in a period, each declaration in its latest version of that period.

    ``office``: only declarations that are its own in that version; one moved elsewhere by an amendment is not.
    """
    con.create_table(
        into,
        f"""with latest as (
  select declaration_id, max(declaration_version) as declaration_version
  from items where declared_day between $first and $last group by declaration_id
)
select declaration_id, declaration_version, item_number
from items join latest using (declaration_id, declaration_version)
where $office is null or coalesce(office, '{ONLY_OFFICE}') = $office""",
        {"first": day_of(first), "last": day_of(last), "office": office},
    )
    return int(fetch_value(con, f"select count(*) from {into}"))


@dataclass(frozen=True)
class ScoredItems:
    """``table``: one row an item, in order of declaration and item. ``model``: what scored it."""

    table: pl.DataFrame
    model: RiskModel | FittedHeads


def prediction_columns(predictions: Predictions, version: str) -> list[pl.Series]:
    """Predictions as columns, with the names of the score file."""
    return [
        pl.Series("fraud_probability", predictions.fraud_probability),
        pl.Series("revenue_if_fraud", predictions.revenue_if_fraud),
        pl.Series("expected_revenue", predictions.expected_revenue),
        pl.Series("model_version", [version] * len(predictions.fraud_probability), dtype=pl.String),
        *(pl.Series(f"probability_{kind}", values) for kind, values in predictions.kind_probabilities.items()),
    ]


def check_period(first: date, last: date, *, name: str = "--from") -> None:
    """Reject a period that ends before it begins; ``name`` is the option its first day came from. Raises UsageError."""
    if last < first:
        raise UsageError(
            "Expected a period, found one that ends ({last}) before it begins ({first}).",
            hint="Give {name} the earlier day.",
            last=last,
            first=first,
            name=name,
        )


def features_of_period(
    history: History,
    *,
    first: date,
    last: date,
    as_of: date,
    has_expected: bool = True,
    engine: EngineBounds | None = None,
    progress: Progress = silent,
) -> pl.DataFrame:
    """Features of the items declared from ``first`` to ``last``, both included.

    Each declaration is in its latest version of that period. An item declared after ``as_of`` has features of the
    history as of the end of ``as_of``. ``has_expected``: with expected prices, which are a fifth of the cost.

    Returns one row an item, in order of declaration and item: identification, then the catalog's columns, then a
    category column for each ``x_`` column of the history. Raises UsageError when the period is empty or ends before it
    begins.
    """
    check_period(first, last)
    engine = engine or EngineBounds()
    snapshot = history.verified_snapshot()
    with open_snapshot(history, snapshot, engine) as con:
        if items_declared(con, first, last, into="of_period") == 0:
            raise UsageError(
                "Expected declarations from {first} to {last}, found none in this store.",
                hint="Choose other days, or ingest the declarations first.",
                first=first,
                last=last,
            )
        compute_features(
            con,
            "of_period",
            as_of_day=day_of(as_of),
            into="described",
            has_expected=has_expected,
            progress=progress,
        )
        return fetch_frame(con, f"select * from described order by {', '.join(KEY)}")


def train_if_none(
    history: History, *, as_of: date, now: datetime, engine: EngineBounds | None = None, progress: Progress = silent
) -> bool:
    """Train and save a model when the store has none that knows nothing later than ``as_of``; whether it did."""
    if Models(history.root).find_latest(as_of=as_of.isoformat()) is not None:
        return False
    train(history, as_of=as_of, seed=1, now=now, engine=engine, progress=progress)
    return True


def score(
    history: History,
    *,
    first: date,
    last: date,
    as_of: date,
    model: RiskModel | FittedHeads,
    engine: EngineBounds | None = None,
    progress: Progress = silent,
) -> ScoredItems:
    """Score the items declared from ``first`` to ``last``, both included, see `features_of_period`.

    Raises ModelError when the model knows later results than ``as_of``.
    """
    if isinstance(model, FittedHeads) and model.as_of > as_of.isoformat():
        raise ModelError(
            "These heads know results up to {as_of}, later than the {as_of_2} that was allowed.",
            hint="Fit them as of an earlier day, or choose a later one to score as of.",
            as_of=model.as_of,
            as_of_2=as_of,
        )
    read = (model.model if isinstance(model, FittedHeads) else model).encoding.names
    features = features_of_period(
        history,
        first=first,
        last=last,
        as_of=as_of,
        has_expected=not EXPECTED_PRICES.isdisjoint(read),
        engine=engine,
        progress=progress,
    )
    predictions = model.predict(features)
    columns = prediction_columns(predictions, model.version)
    ranks = balanced_values(predictions.fraud_probability, predictions.expected_revenue, model.stake_scale)
    table = features.select(KEY[0], KEY[2]).with_columns(
        *columns, features[KEY[1]], pl.Series("balanced_value", ranks, dtype=pl.Float64)
    )
    return ScoredItems(table, model)


def write_scores(table: pl.DataFrame, out: Path) -> None:
    """Write the scores as Parquet or CSV, by the file's ending, whole or not at all."""
    content = io.BytesIO()
    if out.suffix == ".parquet":
        table.write_parquet(content)
    elif out.suffix == ".csv":
        table.write_csv(content)
    else:
        raise UsageError(
            "--out: expected a name ending in .parquet or .csv, found {file!r}.",
            hint="Give one of these endings.",
            file=out.name,
        )
    write_whole(out, content.getvalue())
