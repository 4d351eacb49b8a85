"""Rows of the operational record, as the store gives them and as records are read from them.

Enters: nothing. Leaves: the columns of each row, by name and type. Never here: the database; a value's meaning.

Moments are ISO 8601 without a zone, days YYYY-MM-DD. The columns are those of `storage.database.tables`; a test holds
the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NotRequired, TypedDict

from basira.schema.json_values import JsonObject
from basira.schema.records import Basis, EventKind


class EventRow(TypedDict):
    """An event of the service, its payload opened.

    ``day``: of the chain; the event's own is that of ``recorded_at``. ``payload``: without personal values, with the
    free texts that are kept; None of an earlier version of which only the columns were asked for. ``personal``: field
    to value, None where it was erased. ``is_text_erased``: the payload lacks the texts that it had. What is not
    required was not asked for where it is absent.
    """

    sequence: int
    day: str
    event_id: str
    recorded_at: str
    kind: EventKind
    declaration_id: str
    declaration_version: int | None
    office: str | None
    lane: str | None
    decision_id: str | None
    actor: str
    payload: JsonObject | None
    personal: NotRequired[Mapping[str, str | None]]
    is_text_erased: NotRequired[bool]
    previous_hash: NotRequired[str]
    entry_hash: NotRequired[str]


class AuditRow(TypedDict):
    """An event of the audit, ``before`` and ``after`` opened: the fields that changed, None where there were none."""

    sequence: int
    day: str
    recorded_at: str
    action: str
    subject: str
    actor: str
    before: JsonObject | None
    after: JsonObject | None
    motive: str | None
    previous_hash: str
    entry_hash: str


class RunRow(TypedDict):
    """A run of targeting. ``policy_text``, ``options``: canonical JSON. What is not required is absent until the run is
    recorded: the store makes it."""

    run_id: str
    sequence: NotRequired[int]
    created_at: str
    day: str
    as_of: str
    snapshot: int
    model_version: str
    policy_digest: str
    policy_text: str
    seed: int
    software_version: str
    options: str
    inputs_digest: str
    source_digest: str
    candidate_count: int
    decision_count: NotRequired[int]
    previous_hash: NotRequired[str]
    opening_hash: NotRequired[str]
    closing_hash: NotRequired[str]


class DecisionRow(TypedDict):
    """A decision of a run. ``position``: in the run, from 1. ``assessment``: canonical JSON, one object an item;
    where analysts' rules said something, an object of ``items`` and ``rules``. What is not required is absent until it
    is recorded."""

    decision_id: str
    run_id: str
    position: NotRequired[int]
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
    assessment: str
    inputs_digest: str
    previous_hash: NotRequired[str]
    entry_hash: NotRequired[str]
