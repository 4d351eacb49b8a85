"""A declaration's whole history, as it is shown: every event in order, with who and when.

Enters: a service, a declaration's number, what the asker may see. Leaves: JSON values. Never here: a personal value
of the declaration; a declaration of an office that the asker may not see.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from basira.schema.errors import NotFoundError
from basira.serving.service import Service
from basira.serving.status import Standing, standing_of
from basira.serving.views.decision import decision_body, item_bodies
from basira.storage.record.events import find_events, find_office

Row = Mapping[str, Any]
Sees = Callable[[str], bool]


def declaration_history(
    service: Service, declaration_id: str, *, sees: Sees, is_secret_hidden: bool = False
) -> dict[str, Any]:
    """A declaration: what holds, its decisions, its results, and everything in order. ``sees``: whether the asker may
    see an office.

    Raises NotFoundError when there is none, or when it belongs to an office that the asker may not see: the answer does
    not tell which.
    """
    known, standing = known_declaration(service, declaration_id, sees=sees)
    decisions = {
        event["event_id"]: decision_body(event, language=service.language, is_secret_hidden=is_secret_hidden)
        for event in known
        if event["kind"] == "decision"
    }
    return {
        "declaration_id": declaration_id,
        "standing": standing_body(standing),
        "decisions": list(decisions.values()),
        "outcomes": [outcome_body(event) for event in known if event["kind"] == "outcome"],
        "history": [_step(event, decisions, service.language, is_secret_hidden=is_secret_hidden) for event in known],
    }


def known_declaration(service: Service, declaration_id: str, *, sees: Sees) -> tuple[list[Row], Standing]:
    """The events of a declaration and what holds of it. Raises NotFoundError, as `declaration_history`."""
    with service.database.read() as connection:
        known = seen_events(connection, declaration_id, sees=sees)
    return known, required_standing(known, sees=sees)


def seen_events(connection: sa.Connection, declaration_id: str, *, sees: Sees) -> list[Row]:
    """The events of a declaration. Raises NotFoundError, as `declaration_history`, and then nothing of it was read but
    its office: what the asker may not see takes no longer than what does not exist."""
    office = find_office(connection, declaration_id)
    if office is None or not sees(office):
        raise _not_found()
    return list(find_events(connection, declaration_id))


def required_standing(known: Sequence[Row], *, sees: Sees) -> Standing:
    """What holds of a declaration whose events these are. Raises NotFoundError, as `declaration_history`."""
    standing = standing_of(known)
    if standing is None or not sees(standing.office):
        raise _not_found()
    return standing


def _not_found() -> NotFoundError:
    return NotFoundError(
        "Expected a declaration decided online, found none of this number.",
        hint="Check the number; one that was targeted in a batch is shown by `basira explain`.",
    )


def standing_body(standing: Standing) -> dict[str, Any]:
    """What holds of a declaration. ``given_by``: the id to name when the lane is to be changed. ``since``, ``by``: of
    what made it stand so: its cancellation, else what gave the lane."""
    given = standing.given
    last = standing.cancellation or given
    return {
        "given_by": given["event_id"],
        "decision_id": standing.decision["event_id"],
        "declaration_version": standing.decision["declaration_version"],
        "office": standing.office,
        "lane": standing.lane,
        "inspects": given["payload"].get("inspects"),
        "status": standing.status,
        "is_reselected": given["kind"] == "reselection",
        "since": last["recorded_at"],
        "by": last["actor"],
    }


def outcome_body(event: Row) -> dict[str, Any]:
    """An inspection result as it is answered."""
    return {
        "outcome_id": event["event_id"],
        "declaration_id": event["declaration_id"],
        "decision_id": event["decision_id"],
        "result": dict(event["payload"]),
    }


def change_body(event: Row) -> dict[str, Any]:
    """A re-selection or a cancellation as it is answered. ``note``: null where there is none, or it was erased."""
    payload = event["payload"]
    return {
        f"{event['kind']}_id": event["event_id"],
        "declaration_id": event["declaration_id"],
        "decision_id": event["decision_id"],
        "office": event["office"],
        "before": payload.get("before"),
        "after": payload.get("after"),
        "motive": payload["motive"],
        "note": event["personal"].get("note"),
        "at": event["recorded_at"],
        "by": event["actor"],
    }


def late_items(event: Row, *, language: str, currency: str, is_secret_hidden: bool) -> list[dict[str, Any]] | None:
    """The items of a re-selection, with the reasons that its decision was recorded without; None where it has none."""
    items = event["payload"].get("items") if event["kind"] == "reselection" else None
    if items is None:
        return None
    return item_bodies(items, language=language, currency=currency, is_secret_hidden=is_secret_hidden)


def _step(
    event: Row, decisions: Mapping[str, Mapping[str, Any]], language: str, *, is_secret_hidden: bool
) -> dict[str, Any]:
    step: dict[str, Any] = {
        "event_id": event["event_id"], "kind": event["kind"], "at": event["recorded_at"], "by": event["actor"],
        "declaration_version": event["declaration_version"],
    }  # fmt: skip
    kind = event["kind"]
    if kind in ("registration", "amendment"):
        return step | {"content": event["payload"].get("content"), "is_text_erased": event["is_text_erased"]}
    if kind == "decision":
        shown = decisions[event["event_id"]]
        return step | {name: shown[name] for name in ("office", "lane", "inspects", "basis", "basis_text", "fallback")}
    if kind == "outcome":
        return step | {"decision_id": event["decision_id"], "result": dict(event["payload"])}
    decision = decisions.get(event["decision_id"], {})
    items = late_items(
        event, language=language, currency=decision.get("currency", "MAD"), is_secret_hidden=is_secret_hidden
    )
    change = {name: value for name, value in change_body(event).items() if name in _CHANGE}
    return step | change | ({} if items is None else {"items": items})


_CHANGE = ("decision_id", "office", "before", "after", "motive", "note")
