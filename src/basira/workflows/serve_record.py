"""An inspection result taken into the record.

Enters: a service, a declaration's number, a result. Leaves: the result as recorded, or `Refused`. Never here: a result
that replaces another; a declaration's personal values.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError

from basira.schema.errors import StoreError
from basira.storage.operations_events import Event, append_event
from basira.storage.operations_online import Answer
from basira.workflows.serve import Asked, event_id, save_given
from basira.workflows.serve_body import PERSONAL, FieldFault, Refused, json_values, read_outcome
from basira.workflows.serve_context import Service
from basira.workflows.serve_history import known_declaration, outcome_body

Row = Mapping[str, Any]
Sees = Callable[[str], bool]


def record_outcome(
    body: object, declaration_id: str, service: Service, *, now: datetime, asked: Asked, sees: Sees
) -> dict[str, Any] | Refused:
    """Take one inspection result in. The same result again changes nothing; another one with the same item and
    ``known_at`` is a conflict. A cancelled declaration takes results too: what was found stays found.

    Raises NotFoundError for a declaration that was never decided, UsageError when an idempotency key came with another
    body.
    """
    row = read_outcome(body, declaration_id, received_at=now)
    if isinstance(row, Refused):
        return row
    try:
        return _recorded(row, declaration_id, service, now=now, asked=asked, sees=sees)
    except StoreError as error:
        if not isinstance(error.__cause__, IntegrityError):
            raise
    # The same result, or the key, was recorded meanwhile: it is found now.
    return _recorded(row, declaration_id, service, now=now, asked=asked, sees=sees)


def _recorded(
    row: dict[str, Any], declaration_id: str, service: Service, *, now: datetime, asked: Asked, sees: Sees
) -> dict[str, Any] | Refused:
    known, standing = known_declaration(service, declaration_id, sees=sees)
    values = json_values(row, [name for name in row if name not in PERSONAL])
    named = event_id("outcome", declaration_id, row.get("item_number"), row["known_at"].isoformat())
    for event in known:
        if event["event_id"] == named:
            if event["payload"] == values:
                return outcome_body(event)
            fault = FieldFault(None, "known_at", "result_conflict", "a later known_at for a corrected result")
            return Refused((fault,), declaration_id, is_conflict=True)
    last = standing.decision
    made = Event(
        event_id=named, kind="outcome", declaration_id=declaration_id, actor=asked.actor, payload=values,
        personal={name: row[name] for name in row if name in PERSONAL}, declaration_version=last["declaration_version"],
        office=standing.office, decision_id=last["event_id"],
    )  # fmt: skip
    with service.database.write() as connection:
        stored = append_event(connection, made, now=now)
        answer = outcome_body({**stored, "payload": values})
        if asked.key:
            save_given(connection, asked, Answer(200, json.dumps(answer, ensure_ascii=False)), now=now)
    return answer
