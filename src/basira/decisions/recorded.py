"""The fields of every record of a declaration, and an assessed item as a record holds it.

Enters: an assessment; a row of the record. Leaves: the fields that all records share; JSON values of items, and the
assessments back. Never here: the database; a value that a record lacks.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from basira.schema.json_values import JsonObject
from basira.schema.records import EventKind, Figure, ItemAssessment, Reason, Reference
from basira.schema.rows import EventRow


class ReasonValues(TypedDict):
    """A `Reason` as JSON values."""

    code: str
    figures: Mapping[str, Figure]
    features: Sequence[str]
    contribution: float


class ReferenceValues(TypedDict):
    """A `Reference` as JSON values."""

    measure: str
    unit: str
    declared: float
    low: float
    median: float
    high: float
    count: int
    level: str
    commodity_code: str
    origin_country: str | None
    window_days: int
    comparables: Sequence[str]


class ItemValues(TypedDict):
    """An `ItemAssessment` as JSON values."""

    item_number: int
    fraud_probability: float
    revenue_if_fraud: float
    expected_revenue: float
    kind_probabilities: Mapping[str, float]
    reasons: Sequence[ReasonValues]
    verify: Sequence[str]
    references: Sequence[ReferenceValues]


def item_values(item: ItemAssessment) -> ItemValues:
    """The assessment as JSON values. Most have no reasons, and are written down without a way through JSON."""
    if item.reasons or item.references or item.verify:
        values: ItemValues = json.loads(json.dumps(item, default=vars))
        return values
    return {
        "item_number": item.item_number,
        "fraud_probability": item.fraud_probability,
        "revenue_if_fraud": item.revenue_if_fraud,
        "expected_revenue": item.expected_revenue,
        "kind_probabilities": dict(item.kind_probabilities),
        "reasons": [],
        "verify": [],
        "references": [],
    }


def item_assessment(item: ItemValues) -> ItemAssessment:
    """The assessment of its JSON values."""
    reasons = (
        Reason(one["code"], one["figures"], tuple(one["features"]), one["contribution"]) for one in item["reasons"]
    )
    return ItemAssessment(
        item_number=item["item_number"],
        fraud_probability=item["fraud_probability"],
        revenue_if_fraud=item["revenue_if_fraud"],
        expected_revenue=item["expected_revenue"],
        kind_probabilities=item["kind_probabilities"],
        reasons=tuple(reasons),
        verify=tuple(item["verify"]),
        references=tuple(map(_reference, item["references"])),
    )


def _reference(values: ReferenceValues) -> Reference:
    return Reference(
        measure=values["measure"],
        unit=values["unit"],
        declared=values["declared"],
        low=values["low"],
        median=values["median"],
        high=values["high"],
        count=values["count"],
        level=values["level"],
        commodity_code=values["commodity_code"],
        origin_country=values["origin_country"],
        window_days=values["window_days"],
        comparables=tuple(values["comparables"]),
    )


@dataclass(frozen=True, kw_only=True)
class Recorded(ABC):
    """What is on record of a declaration, or is to be recorded: one event, or one decision of a run.

    ``event_id``: unique for ever. ``actor``: user id or key id. ``decision_id``: the decision that it changes or
    follows. ``personal``: field to value, kept apart and erasable; None where erased. ``sequence``: its place in its
    chain, 0 until it is recorded; ``recorded_at``: the moment, ISO 8601 without a zone, "" until then. ``is_read``:
    False of an earlier version of which only these fields were asked for.
    """

    event_id: str
    declaration_id: str
    declaration_version: int | None = None
    office: str | None = None
    lane: str | None = None
    decision_id: str | None = None
    actor: str = ""
    personal: Mapping[str, str | None] = field(default_factory=dict)
    sequence: int = field(default=0, compare=False)
    recorded_at: str = field(default="", compare=False)
    is_read: bool = field(default=True, compare=False)

    @property
    @abstractmethod
    def kind(self) -> EventKind:
        """The kind of event that it is recorded as."""

    @property
    def day(self) -> str:
        """The day in which a lane was given a place, YYYY-MM-DD: that of its moment. The chain's day is a later one
        when another event was recorded after midnight before it."""
        return self.recorded_at[:10]

    @abstractmethod
    def payload(self) -> JsonObject:
        """All that is not a column of the event, as JSON values."""


class Content(TypedDict):
    """A declaration as it was sent, nothing personal: the schema's fields that have a value, by name."""

    header: JsonObject
    items: Sequence[JsonObject]


class ItemConversion(TypedDict):
    """From which declared amount an item's customs value was made. ``rate_on``: the rate's day, YYYY-MM-DD."""

    item_number: int
    declared_amount: float | None
    declared_currency: str
    rate: float
    rate_on: str


class ConversionValues(TypedDict):
    """How the amounts of a declaration were converted. ``currency``: that of the values. ``rates_digest``: SHA-256 of
    the table of rates."""

    currency: str
    rates_digest: str
    items: Sequence[ItemConversion]


class CommonFields(TypedDict):
    """The fields of `Recorded` that every kind of record reads alike."""

    event_id: str
    declaration_id: str
    actor: str
    personal: Mapping[str, str | None]
    sequence: int
    recorded_at: str
    is_read: bool


def common(row: EventRow) -> CommonFields:
    """The fields of `Recorded` in the row of an event, by name, without those that some kinds need: each reads these as
    what the record of events lets it be (`storage.record.events`)."""
    return {
        "event_id": row["event_id"],
        "declaration_id": row["declaration_id"],
        "actor": row["actor"],
        "personal": row.get("personal", {}),
        "sequence": row["sequence"],
        "recorded_at": row["recorded_at"],
        "is_read": row.get("payload") is not None,
    }


def payload_of(row: EventRow) -> JsonObject:
    """The payload in the row of an event; empty where it was not asked for."""
    return row.get("payload") or {}
