"""What is recorded of a decision, of a targeting run or of the service, and of the run itself.

Enters: assessments and selections; recorded rows. Leaves: records, and the rows and events that the database keeps.
Never here: the database, a clock.

Rows are those of `schema.rows`, without what the store makes itself. A test holds them and its tables together.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import cast

from basira.decisions.judged import JudgedValues
from basira.decisions.recorded import (
    ConversionValues,
    ItemValues,
    Recorded,
    common,
    item_assessment,
    item_values,
    payload_of,
)
from basira.schema.canonical import canonical_json
from basira.schema.detail import Detail, detail_text, read_detail
from basira.schema.json_values import JsonObject
from basira.schema.records import Basis, Candidate, EventKind, Examines, ItemAssessment, Selection
from basira.schema.rows import DecisionRow, EventRow, RunRow
from basira.schema.stake import StakeScale

# Of decisions recorded before each named its own.
CURRENCY_BEFORE = "MAD"


@dataclass(frozen=True)
class TargetingRun:
    """One run of targeting: everything that is needed to make it again.

    ``as_of``: nothing known later was used. ``snapshot``: version of the history. ``policy_text``: the whole policy
    in canonical form, ``policy_digest`` its SHA-256. ``inputs_digest``: of what was assessed; ``source_digest``: of the
    file that the declarations came from, "" when they came from the store. ``options``: the rest of the command.
    The hashes and the sequence are "" and 0 until the run is recorded.
    """

    run_id: str
    created_at: datetime
    day: date
    as_of: datetime
    snapshot: int
    model_version: str
    policy_digest: str
    policy_text: str
    seed: int
    software_version: str
    options: JsonObject
    inputs_digest: str
    source_digest: str
    candidate_count: int
    sequence: int = 0
    decision_count: int = 0
    previous_hash: str = ""
    opening_hash: str = ""
    closing_hash: str = ""

    def row(self) -> RunRow:
        """The run as a row to record."""
        return {
            "run_id": self.run_id,
            "created_at": self.created_at.isoformat(),
            "day": self.day.isoformat(),
            "as_of": self.as_of.isoformat(),
            "snapshot": self.snapshot,
            "model_version": self.model_version,
            "policy_digest": self.policy_digest,
            "policy_text": self.policy_text,
            "seed": self.seed,
            "software_version": self.software_version,
            "options": canonical_json(self.options),
            "inputs_digest": self.inputs_digest,
            "source_digest": self.source_digest,
            "candidate_count": self.candidate_count,
        }

    @classmethod
    def from_row(cls, row: RunRow) -> TargetingRun:
        """The run of a recorded row."""
        return cls(
            run_id=row["run_id"],
            created_at=datetime.fromisoformat(row["created_at"]),
            day=date.fromisoformat(row["day"]),
            as_of=datetime.fromisoformat(row["as_of"]),
            snapshot=row["snapshot"],
            model_version=row["model_version"],
            policy_digest=row["policy_digest"],
            policy_text=row["policy_text"],
            seed=row["seed"],
            software_version=row["software_version"],
            options=json.loads(row["options"]),
            inputs_digest=row["inputs_digest"],
            source_digest=row["source_digest"],
            candidate_count=row["candidate_count"],
            sequence=row.get("sequence", 0),
            decision_count=row.get("decision_count", 0),
            previous_hash=row.get("previous_hash", ""),
            opening_hash=row.get("opening_hash", ""),
            closing_hash=row.get("closing_hash", ""),
        )


@dataclass(frozen=True, kw_only=True)
class Decision(Recorded):
    """The decision on one declaration, with what it rests on: of a run of targeting or of the service.

    ``items``: the assessment of each item as it was then; of a run they are none when the model gave no answer.
    ``detail``: the text that was recorded, see `detail_fields`. ``previous_hash``, ``entry_hash``: "" until it is
    recorded. ``rules``: what analysts' rules said that hit, or of which it was unknown.

    Of a run: ``run_id``; ``rank`` in its lane; ``inputs_digest``, of the declaration's features.

    Of the service: ``inspects``, whether the lane has an inspection by the policy of then, and ``examines``, of
    what; ``fallback``, why there is
    no score; ``ground``, why the mandatory list asks for it, by language; ``chosen``, the control that this version
    would have been under if it had not kept a more intensive lane; ``currency``; ``conversion``, from which declared
    amounts its values were made, None where from none; ``decided_at``, ISO 8601; ``is_simulated``; ``versions``: of
    software, model, profiles and policy; ``order``, where the balanced order ranked it: the exponent and the typical
    amount that weighed its stake. None in one of these: not recorded then.
    """

    declaration_version: int
    office: str
    lane: str
    basis: Basis
    detail: str
    inclusion_probability: float
    fraud_probability: float | None
    expected_revenue: float | None
    items: Sequence[ItemValues]
    run_id: str = ""
    rank: int | None = None
    inputs_digest: str = ""
    inspects: bool | None = None
    examines: Examines | None = None
    fallback: str | None = None
    ground: Mapping[str, str] | None = None
    chosen: Mapping[str, str] | None = None
    currency: str = CURRENCY_BEFORE
    conversion: ConversionValues | None = None
    decided_at: str | None = None
    is_simulated: bool | None = None
    versions: Mapping[str, str | None] = field(default_factory=dict)
    order: Mapping[str, float] | None = None
    rules: Sequence[JudgedValues] = ()
    previous_hash: str = field(default="", compare=False)
    entry_hash: str = field(default="", compare=False)

    @property
    def kind(self) -> EventKind:
        """A decision."""
        return "decision"

    @property
    def detail_fields(self) -> Detail:
        """What the selection says beside its basis, of a record of whatever version."""
        return read_detail(self.detail)

    @property
    def assessments(self) -> tuple[ItemAssessment, ...]:
        """The items as assessments."""
        return tuple(item_assessment(item) for item in self.items)

    @property
    def stake_scale(self) -> StakeScale | None:
        """By which its stake was weighed; None where another order ranked it, or it had no score."""
        return None if self.order is None else StakeScale(self.order["typical_amount"], self.order["exponent"])

    @property
    def moment(self) -> datetime:
        """When the service decided. Raises TypeError for a decision of a run: the run has the moment."""
        return datetime.fromisoformat(self.decided_at)  # type: ignore[arg-type]

    def row(self) -> DecisionRow:
        """A decision of a run as a row to record."""
        return {
            "decision_id": run_decision_id(self.run_id, self.declaration_id, self.declaration_version),
            "run_id": self.run_id,
            "declaration_id": self.declaration_id,
            "declaration_version": self.declaration_version,
            "office": self.office,
            "lane": self.lane,
            "basis": self.basis,
            "detail": self.detail,
            "inclusion_probability": float(self.inclusion_probability),
            "rank": self.rank,
            "fraud_probability": None if self.fraud_probability is None else float(self.fraud_probability),
            "expected_revenue": None if self.expected_revenue is None else float(self.expected_revenue),
            "assessment": canonical_json({"items": self.items, "rules": self.rules} if self.rules else self.items),
            "inputs_digest": self.inputs_digest,
        }

    @classmethod
    def from_row(cls, row: DecisionRow) -> Decision:
        """The decision of a run's recorded row."""
        assessment = json.loads(row["assessment"])
        has_rules = isinstance(assessment, dict)
        return cls(
            event_id=row["decision_id"],
            run_id=row["run_id"],
            sequence=row.get("position", 0),
            declaration_id=row["declaration_id"],
            declaration_version=row["declaration_version"],
            office=row["office"],
            lane=row["lane"],
            basis=row["basis"],
            detail=row["detail"],
            inclusion_probability=row["inclusion_probability"],
            rank=row["rank"],
            fraud_probability=row["fraud_probability"],
            expected_revenue=row["expected_revenue"],
            items=assessment["items"] if has_rules else assessment,
            rules=assessment["rules"] if has_rules else (),
            inputs_digest=row["inputs_digest"],
            previous_hash=row.get("previous_hash", ""),
            entry_hash=row.get("entry_hash", ""),
        )

    def payload(self) -> JsonObject:
        """A decision of the service as JSON values."""
        values: JsonObject = {
            "basis": self.basis,
            "detail": self.detail,
            "inclusion_probability": float(self.inclusion_probability),
            "inspects": self.inspects,
            "fallback": self.fallback,
            "fraud_probability": self.fraud_probability,
            "expected_revenue": self.expected_revenue,
            "currency": self.currency,
            "items": self.items,
            "decided_at": self.decided_at,
            "is_simulated": self.is_simulated,
            "versions": self.versions,
        }
        if self.examines is not None:
            values["examines"] = self.examines
        if self.conversion is not None:
            values["conversion"] = self.conversion
        if self.ground is not None:
            values["ground"] = self.ground
        if self.chosen is not None:
            values["chosen"] = self.chosen
        if self.order is not None:
            values["order"] = self.order
        if self.rules:
            values["rules"] = self.rules
        return values

    @classmethod
    def from_event(cls, row: EventRow) -> Decision:
        """The decision of an event of the service, whichever version of Basira wrote it."""
        recorded = payload_of(row)
        return cls(
            **common(row),
            declaration_version=cast("int", row["declaration_version"]),
            office=cast("str", row["office"]),
            lane=cast("str", row["lane"]),
            decision_id=row["decision_id"],
            basis=recorded.get("basis", "none"),
            detail=recorded.get("detail", ""),
            inclusion_probability=recorded.get("inclusion_probability", 0.0),
            fraud_probability=recorded.get("fraud_probability"),
            expected_revenue=recorded.get("expected_revenue"),
            items=recorded.get("items", ()),
            inspects=recorded.get("inspects"),
            examines=recorded.get("examines"),
            fallback=recorded.get("fallback"),
            ground=recorded.get("ground"),
            chosen=recorded.get("chosen"),
            currency=recorded.get("currency", CURRENCY_BEFORE),
            conversion=recorded.get("conversion"),
            decided_at=recorded.get("decided_at"),
            is_simulated=recorded.get("is_simulated"),
            versions=recorded.get("versions", {}),
            order=recorded.get("order"),
            rules=recorded.get("rules", ()),
            entry_hash=row.get("entry_hash", ""),
            previous_hash=row.get("previous_hash", ""),
        )


def run_decision_id(run_id: str, declaration_id: str, version: int) -> str:
    """Identifier of a run's decision: the run, the declaration and its version."""
    return f"{run_id}/{declaration_id}/{version}"


def decide(
    run_id: str,
    selection: Selection,
    *,
    candidate: Candidate,
    items: Sequence[ItemAssessment],
    inputs_digest: str,
    rules: Sequence[JudgedValues] = (),
) -> Decision:
    """The record of a run's selection: what was decided on a candidate, the assessments that it rests on, and what
    analysts' rules said."""
    return Decision(
        event_id=run_decision_id(run_id, selection.declaration_id, selection.declaration_version),
        run_id=run_id,
        declaration_id=selection.declaration_id,
        declaration_version=selection.declaration_version,
        office=selection.office,
        lane=selection.lane,
        basis=selection.basis,
        detail=detail_text(selection),
        inclusion_probability=selection.inclusion_probability,
        rank=selection.rank,
        fraud_probability=candidate.fraud_probability,
        expected_revenue=candidate.expected_revenue,
        items=[item_values(item) for item in items],
        inputs_digest=inputs_digest,
        rules=rules,
    )
