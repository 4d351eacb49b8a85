"""The trail of the record, read back: who did what and when, the latest first.

Enters: what to look for. Leaves: rows, JSON parsed; the names of ids. Never here: a personal value of a
declaration; a write.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import cast

import sqlalchemy as sa

from basira.schema.days import text_after
from basira.schema.json_values import JsonObject
from basira.schema.rows import AuditRow, EventRow
from basira.storage.accounts.tables import API_KEY, APP_USER
from basira.storage.accounts.users import normalised_login
from basira.storage.database.tables import AUDIT_EVENT, EVENT
from basira.storage.record.personal import PERSONAL_KEY


@dataclass(frozen=True)
class Part:
    """Which part of a trail, the latest first. ``actors``: ids, any of them; None: any actor. ``from_day``, ``to_day``:
    YYYY-MM-DD, both included, of each row's own moment. ``before``: only rows of a lower sequence. ``limit``: so
    many."""

    actors: Sequence[str] | None = None
    from_day: str | None = None
    to_day: str | None = None
    before: int | None = None
    limit: int = 100


WHOLE = Part()


def find_audit(
    connection: sa.Connection, part: Part = WHOLE, *, subject: str | None = None, action: str | None = None
) -> list[AuditRow]:
    """Audit events (changes of access, erasures), the latest first; those of a subject or an action when it is
    given."""
    rows = _find(connection, AUDIT_EVENT, part, {"subject": subject, "action": action})
    return [cast("AuditRow", {**row, "before": _open(row.before), "after": _open(row.after)}) for row in rows]


def find_activity(
    connection: sa.Connection,
    part: Part = WHOLE,
    *,
    declaration_id: str | None = None,
    kind: str | None = None,
    office: str | None = None,
) -> list[EventRow]:
    """Events of declarations, the latest first, without personal values; those of a declaration, a kind or an office
    when it is given."""
    rows = _find(connection, EVENT, part, {"declaration_id": declaration_id, "kind": kind, "office": office})
    return [cast("EventRow", {**row, "payload": _without_personal(row.payload)}) for row in rows]


def _open(text: str | None) -> object:
    return None if text is None else json.loads(text)


def _without_personal(text: str) -> JsonObject:
    payload: JsonObject = json.loads(text)
    payload.pop(PERSONAL_KEY, None)
    return payload


def _find(
    connection: sa.Connection, table: sa.Table, part: Part, exactly: Mapping[str, str | None]
) -> list[sa.RowMapping]:
    query = sa.select(table).order_by(table.c.sequence.desc()).limit(part.limit)
    for name, value in exactly.items():
        if value is not None:
            query = query.where(table.c[name] == value)
    if part.actors is not None:
        query = query.where(table.c.actor.in_(part.actors))
    # By each row's own moment: the chain's day may be a later one.
    if part.from_day is not None:
        query = query.where(table.c.recorded_at >= part.from_day)
    if part.to_day is not None:
        query = query.where(table.c.recorded_at < text_after(date.fromisoformat(part.to_day)))
    if part.before is not None:
        query = query.where(table.c.sequence < part.before)
    return list(connection.execute(query).mappings())


def names_of(connection: sa.Connection, ids: Iterable[str]) -> dict[str, str]:
    """The logins and the keys' names behind ids; who was erased and what was never an account are left out."""
    wanted = sorted(set(ids))
    users = sa.select(APP_USER.c.user_id, APP_USER.c.login).where(APP_USER.c.user_id.in_(wanted))
    keys = sa.select(API_KEY.c.key_id, API_KEY.c.name).where(API_KEY.c.key_id.in_(wanted))
    found = [*connection.execute(users), *connection.execute(keys)]
    return {str(one): str(name) for one, name in found if name is not None}


def ids_of(connection: sa.Connection, name: str) -> list[str]:
    """The ids that a name may mean: that id, the user of that login, the keys of that name."""
    user = sa.select(APP_USER.c.user_id).where(APP_USER.c.login == normalised_login(name))
    keys = sa.select(API_KEY.c.key_id).where(API_KEY.c.name == name)
    return [name, *connection.execute(user).scalars(), *connection.execute(keys).scalars()]
