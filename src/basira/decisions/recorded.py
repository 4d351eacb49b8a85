"""The fields of every record of a declaration, and an assessed item as a record holds it.

Enters: an assessment; a row of the record. Leaves: the fields that all records share; JSON values of items, and the
assessments back. Never here: the database; a value that a record lacks.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypedDict

from basira.schema.records import EventKind, Figure, ItemAssessment, Reason, Reference

# A row as the database gives it: by column.
Row: TypeAlias = Mapping[str, Any]
# JSON values by name, as an event holds them.
Payload: TypeAlias = Mapping[str, Any]


class ReasonValues(TypedDict):
    """A `Reason` as JSON values."""

    code: str
    figures: Mapping[str, Figure]
    features: Sequence[str]
    contribution: float


class ItemValues(TypedDict):
    """An `ItemAssessment` as JSON values. ``references``: each the fields of a `Reference`."""

    item_number: int
    fraud_probability: float
    revenue_if_fraud: float
    expected_revenue: float
    kind_probabilities: Mapping[str, float]
    reasons: Sequence[ReasonValues]
    verify: Sequence[str]
    references: Sequence[Mapping[str, Any]]


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
    references = (Reference(**{**one, "comparables": tuple(one["comparables"])}) for one in item["references"])
    return ItemAssessment(
        item_number=item["item_number"],
        fraud_probability=item["fraud_probability"],
        revenue_if_fraud=item["revenue_if_fraud"],
        expected_revenue=item["expected_revenue"],
        kind_probabilities=item["kind_probabilities"],
        reasons=tuple(reasons),
        verify=tuple(item["verify"]),
        references=tuple(references),
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
    def payload(self) -> Payload:
        """All that is not a column of the event, as JSON values."""


def common(row: Row) -> dict[str, Any]:
    """The fields of `Recorded` in the row of an event, by name."""
    values = {name: row[name] for name in _COMMON}
    return values | {"personal": row.get("personal", {}), "is_read": row.get("payload") is not None}


def payload_of(row: Row) -> Payload:
    """The payload in the row of an event; empty where it was not asked for."""
    return row.get("payload") or {}


_COMMON = (
    "event_id",
    "declaration_id",
    "declaration_version",
    "office",
    "lane",
    "decision_id",
    "actor",
    "sequence",
    "recorded_at",
)
