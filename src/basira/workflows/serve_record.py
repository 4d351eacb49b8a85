"""What is asked of the record beside a decision: results taken in, a declaration's decisions, an office's queue.

Enters: a service, a declaration's number or an office and day. Leaves: JSON values. Never here: a declaration's
personal values; a result that replaces another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from basira.schema.errors import NotFoundError
from basira.storage.operations_events import Event, append_event, find_events, find_queue
from basira.workflows.serve import Asked, event_id
from basira.workflows.serve_body import PERSONAL, FieldFault, Refused, json_values, read_outcome
from basira.workflows.serve_context import Service
from basira.workflows.serve_words import decision_body

Row = Mapping[str, Any]
Sees = Callable[[str], bool]


def declaration_decisions(
    service: Service, declaration_id: str, *, sees: Sees, is_secret_hidden: bool = False
) -> dict[str, Any]:
    """A declaration with its decisions and results, in order. ``sees``: whether the asker may see an office.

    Raises NotFoundError when there is none, or when it belongs to an office that the asker may not see: the answer does
    not tell which.
    """
    known = _known(service, declaration_id, sees=sees)
    return {
        "declaration_id": declaration_id,
        "decisions": [
            decision_body(event, language=service.language, is_secret_hidden=is_secret_hidden)
            for event in known
            if event["kind"] == "decision"
        ],
        "outcomes": [_outcome_body(event) for event in known if event["kind"] == "outcome"],
    }


def record_outcome(
    body: object, declaration_id: str, service: Service, *, now: datetime, asked: Asked, sees: Sees
) -> dict[str, Any] | Refused:
    """Take one inspection result in. The same result again changes nothing; another one with the same item and
    ``known_at`` is a conflict. Raises NotFoundError for a declaration that was never decided."""
    row = read_outcome(body, declaration_id, received_at=now)
    if isinstance(row, Refused):
        return row
    known = _known(service, declaration_id, sees=sees)
    values = json_values(row, [name for name in row if name not in PERSONAL])
    named = event_id("outcome", declaration_id, row.get("item_number"), row["known_at"].isoformat())
    for event in known:
        if event["event_id"] == named:
            if event["payload"] == values:
                return _outcome_body(event)
            fault = FieldFault(None, "known_at", "result_conflict", "a later known_at for a corrected result")
            return Refused((fault,), declaration_id, is_conflict=True)
    last = [event for event in known if event["kind"] == "decision"][-1]
    made = Event(
        event_id=named, kind="outcome", declaration_id=declaration_id, actor=asked.actor, payload=values,
        personal={name: row[name] for name in row if name in PERSONAL}, declaration_version=last["declaration_version"],
        office=last["office"], decision_id=last["event_id"],
    )  # fmt: skip
    with service.database.write() as connection:
        stored = append_event(connection, made, now=now)
    return _outcome_body({**stored, "payload": values})


def queue(
    service: Service, office: str, day: date, *, lane: str | None = None, is_secret_hidden: bool = False
) -> list[dict[str, Any]]:
    """An office's decisions of a day that still hold, the most intensive lane first, then by revenue."""
    with service.database.read() as connection:
        rows = find_queue(connection, office, day.isoformat(), lane=lane)
    intensity = service.policy(day).intensity
    rows.sort(
        key=lambda row: (
            -intensity.get(row["lane"], 0), -(row["payload"].get("expected_revenue") or 0.0), row["sequence"]
        )
    )  # fmt: skip
    return [decision_body(row, language=service.language, is_secret_hidden=is_secret_hidden) for row in rows]


def _known(service: Service, declaration_id: str, *, sees: Sees) -> Sequence[Row]:
    with service.database.read() as connection:
        known = find_events(connection, declaration_id)
    offices = [event["office"] for event in known if event["lane"] is not None]
    if not offices or not sees(offices[-1]):
        raise NotFoundError(
            "Expected a declaration decided online, found none of this number.",
            hint="Check the number; one that was targeted in a batch is shown by `basira explain`.",
        )
    return known


def _outcome_body(event: Row) -> dict[str, Any]:
    return {
        "outcome_id": event["event_id"],
        "declaration_id": event["declaration_id"],
        "decision_id": event["decision_id"],
        "result": dict(event["payload"]),
    }
