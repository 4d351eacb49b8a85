"""What is recorded of a targeting run, and of each decision in it.

Enters: assessments and selections. Leaves: records, and the rows that the decision record keeps. Never here: the
database, a clock.

Rows are mappings from column to text or number; the columns are those of the tables in
`storage.database.tables`, without what the store makes itself. A test holds the two together.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from basira.decisions.canonical import canonical_json
from basira.schema.detail import Detail, detail_text, read_detail
from basira.schema.records import Basis, Candidate, ItemAssessment, Reason, Reference, Selection

Row = dict[str, Any]


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
    options: Mapping[str, Any]
    inputs_digest: str
    source_digest: str
    candidate_count: int
    sequence: int = 0
    decision_count: int = 0
    previous_hash: str = ""
    opening_hash: str = ""
    closing_hash: str = ""

    def row(self) -> Row:
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
    def from_row(cls, row: Mapping[str, Any]) -> TargetingRun:
        """The run of a recorded row."""
        return cls(
            **{
                **row,
                "created_at": datetime.fromisoformat(row["created_at"]),
                "day": date.fromisoformat(row["day"]),
                "as_of": datetime.fromisoformat(row["as_of"]),
                "options": json.loads(row["options"]),
            }
        )


@dataclass(frozen=True)
class DecisionRecord:
    """The decision on one declaration, with what it rests on.

    ``items``: the assessment of each item as it was then; empty when the model gave no answer. ``inputs_digest``: of
    the declaration's features. ``detail``: the text that was recorded, see `detail_fields`. The position and the hashes
    are 0 and "" until it is recorded.
    """

    run_id: str
    declaration_id: str
    declaration_version: int
    office: str
    lane: str
    basis: Basis
    detail: str
    inclusion_probability: float
    rank: int | None
    fraud_probability: float | None
    expected_revenue: float | None
    items: tuple[ItemAssessment, ...]
    inputs_digest: str
    position: int = field(default=0, compare=False)
    previous_hash: str = field(default="", compare=False)
    entry_hash: str = field(default="", compare=False)

    @property
    def decision_id(self) -> str:
        """Identifier: the run, the declaration and its version."""
        return f"{self.run_id}/{self.declaration_id}/{self.declaration_version}"

    @property
    def detail_fields(self) -> Detail:
        """What the selection says beside its basis, of a record of whatever version."""
        return read_detail(self.detail)

    def row(self) -> Row:
        """The decision as a row to record."""
        return {
            "decision_id": self.decision_id,
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
            "assessment": canonical_json(self.items),
            "inputs_digest": self.inputs_digest,
        }

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> DecisionRecord:
        """The decision of a recorded row."""
        values = {name: value for name, value in row.items() if name not in ("decision_id", "assessment")}
        return cls(**values, items=tuple(_item(item) for item in json.loads(row["assessment"])))


def decide(
    run_id: str, selection: Selection, *, candidate: Candidate, items: Sequence[ItemAssessment], inputs_digest: str
) -> DecisionRecord:
    """The record of a selection: what was decided on a candidate, and the assessments that it rests on."""
    return DecisionRecord(
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
        items=tuple(items),
        inputs_digest=inputs_digest,
    )


def _item(item: Mapping[str, Any]) -> ItemAssessment:
    return ItemAssessment(
        **{
            **item,
            "reasons": tuple(Reason(**{**r, "features": tuple(r["features"])}) for r in item["reasons"]),
            "references": tuple(Reference(**{**r, "comparables": tuple(r["comparables"])}) for r in item["references"]),
            "verify": tuple(item["verify"]),
        }
    )
