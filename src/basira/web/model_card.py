"""A model's card as pages show it.

Enters: a model with its stage. Leaves: figures, each None where the card has none. Never here: a figure that the card
does not state; a stage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from basira.schema.json_values import JsonObject
from basira.workflows.models.stages import StagedModel

_EPOCH = date(1970, 1, 1)
SHARES_SHOWN = 15


@dataclass(frozen=True)
class Kind:
    """A kind of irregularity. ``share``: of those in training, 0 to 1. ``is_learned``: the model has trees for it."""

    name: str
    share: float | None
    is_learned: bool


@dataclass(frozen=True)
class Card:
    """``knows_to``: last day whose results it was fitted on. ``rows``, ``irregular``: items of training. ``auc`` with
    its 95 % interval, ``brier``, ``rate`` and ``mean_probability``: on ``later_rows`` items that came after those of
    training. ``importance``: share of the gain of each feature, the largest first."""

    knows_to: str | None
    made_at: str | None
    first_day: date | None
    last_day: date | None
    rows: int | None
    irregular: int | None
    later_rows: int | None
    later_irregular: int | None
    auc: float | None
    auc_low: float | None
    auc_high: float | None
    brier: float | None
    rate: float | None
    mean_probability: float | None
    slope: float | None
    intercept: float | None
    seed: int | None
    snapshot: int | None
    software: str | None
    kinds: tuple[Kind, ...]
    importance: tuple[tuple[str, float], ...]


def card_of(model: StagedModel) -> Card:
    """The card of a model; of one whose files are gone every figure is None."""
    card = model.card
    training, later, calibration = (_part(card, name) for name in ("training", "later_items", "calibration"))
    shares = sorted(_part(card, "importance").items(), key=lambda pair: -float(pair[1]))
    return Card(
        knows_to=card.get("as_of"),
        made_at=card.get("created_at"),
        first_day=_day(training.get("first_day")),
        last_day=_day(training.get("last_day")),
        rows=training.get("rows"),
        irregular=training.get("irregular"),
        later_rows=later.get("rows"),
        later_irregular=later.get("irregular"),
        auc=later.get("auc"),
        auc_low=later.get("auc_low"),
        auc_high=later.get("auc_high"),
        brier=later.get("brier"),
        rate=later.get("rate"),
        mean_probability=later.get("mean_probability"),
        slope=calibration.get("slope"),
        intercept=calibration.get("intercept"),
        seed=card.get("seed"),
        snapshot=card.get("snapshot"),
        software=card.get("software"),
        kinds=tuple(_kinds(_part(card, "kinds"))),
        importance=tuple((name, float(share)) for name, share in shares),
    )


def _kinds(kinds: JsonObject) -> Sequence[Kind]:
    return [Kind(name, one.get("share"), bool(one.get("is_learned"))) for name, one in sorted(kinds.items())]


def _part(card: JsonObject, name: str) -> JsonObject:
    found = card.get(name)
    return found if isinstance(found, dict) else {}


def _day(number: object) -> date | None:
    return _EPOCH + timedelta(days=number) if isinstance(number, int) else None
