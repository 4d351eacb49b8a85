"""Training: from the history as known on a day to a model in the store.

Enters: a store, `as_of`, settings, a seed, the time for the card. Leaves: a saved model. Never here: a
result that became known after `as_of`, or an item that was not inspected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import numpy as np
import polars as pl

import basira
from basira.engines.engine import Engine
from basira.features.batch.compute import compute_features
from basira.features.catalog.catalog import IS_EXPECTED_LEARNED, MODEL_FEATURES
from basira.feedback.labels import label_items
from basira.models.estimators import Estimator, FittedEstimator, check_estimator, fit_estimator
from basira.models.heads import FittedHeads, check_heads, fit_heads
from basira.models.risk.delay import delay_weights
from basira.models.risk.files import write_model
from basira.models.risk.fit import ModelOrigin, TrainingItems, fit_risk_model
from basira.models.risk.risk_model import RiskModel
from basira.models.risk.settings import FitSettings
from basira.schema.codes import IRREGULARITY_KINDS
from basira.schema.days import day_of
from basira.schema.errors import ModelError
from basira.schema.sql import quote_identifier
from basira.schema.tables import ITEM_KEY
from basira.storage.engine import fetch_frame
from basira.storage.history.store import History, Snapshot
from basira.storage.model_store import Models
from basira.workflows.engine import EngineBounds, Progress, silent
from basira.workflows.examine import examine_training, require_plausible_later
from basira.workflows.models.stages import adopt_models
from basira.workflows.planting import KEY, drop_planted, fetch_planted, plant_frauds, same_item
from basira.workflows.snapshot_engine import open_snapshot
from basira.workflows.stores import operations_of


def train(
    history: History,
    *,
    as_of: date,
    seed: int,
    now: datetime,
    settings: FitSettings | None = None,
    trusted: Sequence[str] = (),
    engine: EngineBounds | None = None,
    progress: Progress = silent,
    database: str = "",
) -> RiskModel:
    """Fit a model on what was known at the end of ``as_of`` and save it in the store, as a candidate.

    The first model of a store is live, because no other decides there. ``database``: where the stages of models are on
    record; "": the store's own file.

    ``trusted``: features that may foretell the result however well; the card records it, see `examine_training`.

    Raises ModelError when too few results were known by then, or when a feature or the model as a whole foretells the
    result implausibly well.
    """
    snapshot = history.verified_snapshot()
    items, notes = _examined_items(
        history, snapshot, as_of=as_of, trusted=trusted, engine=engine, progress=progress, planted_seed=seed
    )
    origin = ModelOrigin(
        as_of=as_of.isoformat(),
        created_at=now.isoformat(timespec="seconds"),
        snapshot=snapshot.number,
        software=basira.__version__,
        notes=notes,
    )
    model = fit_risk_model(
        items, numbers=MODEL_FEATURES, settings=settings or FitSettings(), seed=seed, origin=origin, progress=progress
    )
    require_plausible_later(model)
    # The models that are there decide until a person promotes another: said before this one joins them.
    adopt_models(history, database or operations_of(history), now=now)
    models = Models(history.root)
    models.save(model.version, lambda folder: write_model(model, folder))
    return replace(model, digest=models.digest(model.version))


def train_estimator(
    history: History,
    estimator: Estimator,
    *,
    as_of: date,
    name: str,
    trusted: Sequence[str] = (),
    engine: EngineBounds | None = None,
    progress: Progress = silent,
) -> FittedEstimator:
    """Fit a copy of an estimator that is not ours on what `train` would learn from. Nothing is saved.

    Raises UsageError (see `basira.models.estimators`), and ModelError when too few results were known by then, or when
    a feature foretells the result implausibly well.
    """
    check_estimator(name, estimator)
    snapshot = history.verified_snapshot()
    items, _ = _examined_items(history, snapshot, as_of=as_of, trusted=trusted, engine=engine, progress=progress)
    return fit_estimator(name, estimator, items, numbers=MODEL_FEATURES)


def train_heads(
    history: History,
    heads: Mapping[str, Any],
    *,
    as_of: date,
    seed: int,
    now: datetime,
    settings: FitSettings | None = None,
    trusted: Sequence[str] = (),
    engine: EngineBounds | None = None,
    progress: Progress = silent,
) -> FittedHeads:
    """Fit our model with own estimators in the place of heads, on what `train` would learn from. Nothing is saved.

    Raises UsageError (see `basira.models.heads`), and ModelError as `train`.
    """
    check_heads(heads)
    snapshot = history.verified_snapshot()
    items, notes = _examined_items(history, snapshot, as_of=as_of, trusted=trusted, engine=engine, progress=progress)
    origin = ModelOrigin(
        as_of.isoformat(), now.isoformat(timespec="seconds"), snapshot.number, basira.__version__, notes=notes
    )
    return fit_heads(heads, items, numbers=MODEL_FEATURES, settings=settings or FitSettings(), seed=seed, origin=origin)


def _examined_items(
    history: History,
    snapshot: Snapshot,
    *,
    as_of: date,
    trusted: Sequence[str],
    engine: EngineBounds | None,
    progress: Progress,
    planted_seed: int | None = None,
) -> tuple[TrainingItems, dict[str, Any]]:
    """What may be learned from, and what the examination notes for the model's card."""
    engine = engine or EngineBounds()
    with open_snapshot(history, snapshot, engine) as con:
        items = training_items(con, as_of_day=day_of(as_of), planted_seed=planted_seed, progress=progress)
        return items, examine_training(con, items, as_of_day=day_of(as_of), trusted=trusted)


def training_items(
    con: Engine,
    *,
    as_of_day: int,
    planted_seed: int | None = None,
    has_expected: bool = IS_EXPECTED_LEARNED,
    progress: Progress = silent,
) -> TrainingItems:
    """Labelled items known at ``as_of_day`` with the features they had when declared, in order of day.

    ``planted_seed``: also plant frauds in copies of what is not known to be irregular, drawn with this seed; None:
    none. Their features are computed in the same run, which they do not change. ``has_expected``: with expected prices.
    """
    if label_items(con, as_of_day=as_of_day, has_lane=True) == 0:
        raise ModelError(
            "Expected inspection results known by then, found none.",
            hint="Ingest results with `basira feedback` or a mapping with an [outcome] section, or choose a later day.",
        )
    planted = None
    if planted_seed is None:
        compute_features(
            con, "label", as_of_day=as_of_day, into="training", has_expected=has_expected, progress=progress
        )
    else:
        plant_frauds(con, as_of_day=as_of_day, seed=planted_seed)
        con.create_table("learned", f"select {KEY} from label union select {KEY} from planted")
        compute_features(
            con,
            "learned",
            as_of_day=as_of_day,
            into="training",
            items="items_and_copies",
            has_expected=has_expected,
            progress=progress,
        )
        planted = fetch_planted(con, "training")
    learned = ", ".join(f"l.{quote_identifier(name)}" for name in con.columns("label") if name not in ITEM_KEY)
    frame = fetch_frame(
        con,
        f"select t.*, {learned} from training t join label l on {same_item('l', 't')}"
        " order by l.declared_day, t.declaration_id, t.item_number",
    )
    con.execute("drop table training")
    drop_planted(con)
    return replace(as_training_items(frame, as_of_day=as_of_day), planted=planted)


def as_training_items(frame: pl.DataFrame, *, as_of_day: int) -> TrainingItems:
    """A frame of features and labels as `TrainingItems`; each label weighted for results that come late.

    ``frame``: with the column `inspection_lane` where lanes are to be compared; it is no feature.
    """
    declared = frame["declared_day"].to_numpy().astype(np.int64)
    irregular = frame["is_irregular"].to_numpy().astype(bool)
    late = delay_weights(as_of_day - declared, frame["known_day"].to_numpy().astype(np.int64) - declared, irregular)
    own = ["declared_day", "known_day", "is_irregular", "weight", "revenue", "whole_revenue"]
    lane = None
    if "inspection_lane" in frame.columns:
        own.append("inspection_lane")
        lane = frame["inspection_lane"].cast(pl.String).fill_null("").to_numpy().astype(np.str_)
    return TrainingItems(
        features=frame.drop(*own, *(f"kind_{k}" for k in IRREGULARITY_KINDS)),
        declared_day=declared,
        is_irregular=irregular,
        revenue=_floats(frame["whole_revenue"]),
        kinds={
            k: _floats(frame[f"kind_{k}"]) for k in IRREGULARITY_KINDS if frame[f"kind_{k}"].null_count() < len(frame)
        },
        weight=_floats(frame["weight"]) * late,
        lane=lane,
    )


def _floats(column: pl.Series) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return column.cast(pl.Float64).fill_null(float("nan")).to_numpy().astype(np.float64)
