"""What is recorded of a declaration beside its decisions: registered, amended, inspected, re-selected, cancelled.

Enters: recorded rows; values of a new record. Leaves: one typed record for each event, and its payload. Never here: the
database; a rule of what may happen. A payload that is read and made again is the same, whichever version wrote it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, cast

from basira.decisions.recorded import Content, ConversionValues, ItemValues, Recorded, common, payload_of
from basira.decisions.records import Decision
from basira.schema.json_values import JsonObject
from basira.schema.records import Basis, EventKind
from basira.schema.rows import EventRow


@dataclass(frozen=True, kw_only=True)
class Registration(Recorded):
    """A version of a declaration as it was sent; the first one, or an amendment.

    ``content``: ``header`` and ``items``, with the free texts where they are read back. ``texts``: those of a new
    record, kept apart and erasable. ``is_text_erased``: the content lacks the texts that it had. ``conversion``: by
    which rates its amounts were converted; None where none were.
    """

    declaration_version: int
    content: Content | None
    conversion: ConversionValues | None = None
    is_amendment: bool = False
    texts: JsonObject = field(default_factory=dict, compare=False)
    is_text_erased: bool = False

    @property
    def kind(self) -> EventKind:
        """A registration or an amendment."""
        return "amendment" if self.is_amendment else "registration"

    @property
    def is_whole(self) -> bool:
        """Whether nothing of it was erased."""
        return not self.is_text_erased and None not in self.personal.values()

    def payload(self) -> JsonObject:
        """The content, and how its amounts were converted."""
        return {"content": self.content} | ({} if self.conversion is None else {"conversion": self.conversion})

    @classmethod
    def from_event(cls, row: EventRow) -> Registration:
        """The registration or amendment of an event."""
        return cls(
            **common(row),
            declaration_version=cast("int", row["declaration_version"]),
            office=row["office"],
            lane=row["lane"],
            decision_id=row["decision_id"],
            content=payload_of(row).get("content"),
            conversion=payload_of(row).get("conversion"),
            is_amendment=row["kind"] == "amendment",
            is_text_erased=row.get("is_text_erased", False),
        )


@dataclass(frozen=True, kw_only=True)
class Reselection(Recorded):
    """Another lane that an officer gave. ``before``: lane and event that gave it; ``after``: lane.

    ``basis``, ``inclusion_probability``, ``ground``: of the selection, which an officer does not change. ``items``:
    with the reasons that the decision was recorded without; None: it has them, or there are none.
    """

    office: str
    lane: str
    decision_id: str
    motive: str
    before: Mapping[str, str] | None = None
    after: Mapping[str, str] | None = None
    inspects: bool | None = None
    basis: Basis = "none"
    inclusion_probability: float = 0.0
    ground: Mapping[str, str] | None = None
    items: Sequence[ItemValues] | None = None

    @property
    def kind(self) -> EventKind:
        """A re-selection."""
        return "reselection"

    @property
    def detail(self) -> str:
        """Empty: the detail explains a selection's own choice, and an officer's has none."""
        return ""

    def payload(self) -> JsonObject:
        """Motive, lanes before and after, and what is kept of the selection."""
        values: JsonObject = {
            "motive": self.motive,
            "before": self.before,
            "after": self.after,
            "inspects": self.inspects,
            "basis": self.basis,
            "inclusion_probability": self.inclusion_probability,
        }
        if self.ground is not None:
            values["ground"] = self.ground
        if self.items:
            values["items"] = self.items
        return values

    @classmethod
    def from_event(cls, row: EventRow) -> Reselection:
        """The re-selection of an event."""
        recorded = payload_of(row)
        return cls(
            **common(row),
            declaration_version=row["declaration_version"],
            office=cast("str", row["office"]),
            lane=cast("str", row["lane"]),
            decision_id=cast("str", row["decision_id"]),
            motive=recorded.get("motive", ""),
            before=recorded.get("before"),
            after=recorded.get("after"),
            inspects=recorded.get("inspects"),
            basis=recorded.get("basis", "none"),
            inclusion_probability=recorded.get("inclusion_probability", 0.0),
            ground=recorded.get("ground"),
            items=recorded.get("items"),
        )


@dataclass(frozen=True, kw_only=True)
class Cancellation(Recorded):
    """The end of a declaration. ``before``: the lane that it had and the event that gave it."""

    motive: str
    before: Mapping[str, str] | None = None

    @property
    def kind(self) -> EventKind:
        """A cancellation."""
        return "cancellation"

    def payload(self) -> JsonObject:
        """Motive and lane before."""
        return {"motive": self.motive, "before": self.before}

    @classmethod
    def from_event(cls, row: EventRow) -> Cancellation:
        """The cancellation of an event."""
        recorded = payload_of(row)
        return cls(
            **common(row),
            declaration_version=row["declaration_version"],
            office=row["office"],
            lane=row["lane"],
            decision_id=row["decision_id"],
            motive=recorded.get("motive", ""),
            before=recorded.get("before"),
        )


@dataclass(frozen=True, kw_only=True)
class Outcome(Recorded):
    """The result of an inspection. ``result``: its fields by name, without personal values."""

    result: JsonObject

    @property
    def kind(self) -> EventKind:
        """An outcome."""
        return "outcome"

    @property
    def is_inspected(self) -> bool:
        """Whether it says that the declaration was inspected, as most results do by being there."""
        return self.result.get("is_inspected") is not False

    def payload(self) -> JsonObject:
        """The result."""
        return self.result

    @classmethod
    def from_event(cls, row: EventRow) -> Outcome:
        """The outcome of an event."""
        return cls(
            **common(row),
            declaration_version=row["declaration_version"],
            office=row["office"],
            lane=row["lane"],
            decision_id=row["decision_id"],
            result=payload_of(row),
        )


AnyRecord: TypeAlias = Registration | Decision | Reselection | Cancellation | Outcome
# What gives a lane.
Assignment: TypeAlias = Decision | Reselection
_CLASSES: Mapping[
    EventKind, type[Registration] | type[Decision] | type[Reselection] | type[Cancellation] | type[Outcome]
] = {
    "registration": Registration,
    "amendment": Registration,
    "decision": Decision,
    "reselection": Reselection,
    "cancellation": Cancellation,
    "outcome": Outcome,
}


def read_record(row: EventRow) -> AnyRecord:
    """The typed record of an event's row, as the record of events gives it."""
    return _CLASSES[row["kind"]].from_event(row)


def read_records(rows: Iterable[EventRow]) -> list[AnyRecord]:
    """The typed records of several rows, in their order."""
    return [read_record(row) for row in rows]
