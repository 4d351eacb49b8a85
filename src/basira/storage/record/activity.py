"""The trail of the record, read back: who did what and when, the latest first.

Enters: what to look for. Leaves: rows, JSON parsed; the names of ids. Never here: a personal value of a
declaration; a write.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from basira.storage.accounts.tables import API_KEY, APP_USER
from basira.storage.accounts.users import normalised_login
from basira.storage.database.tables import AUDIT_EVENT, EVENT
from basira.storage.record.personal import PERSONAL_KEY

Row = dict[str, Any]


def find_audit(
    connection: sa.Connection,
    *,
    subject: str | None = None,
    actors: Sequence[str] | None = None,
    action: str | None = None,
    from_day: str | None = None,
    to_day: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[Row]:
    """Audit events (changes of access, erasures), the latest first, ``before`` and ``after`` as mappings.

    ``actors``: ids, any of them. Days are YYYY-MM-DD, both included. ``before``: only those of a lower sequence.
    """
    table = AUDIT_EVENT
    exactly = [(table.c.subject, subject), (table.c.action, action)]
    return [
        {**row, **{name: None if row[name] is None else json.loads(row[name]) for name in ("before", "after")}}
        for row in _find(connection, table, exactly, actors, (from_day, to_day), before, limit)
    ]


def find_activity(
    connection: sa.Connection,
    *,
    declaration_id: str | None = None,
    actors: Sequence[str] | None = None,
    kind: str | None = None,
    office: str | None = None,
    from_day: str | None = None,
    to_day: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[Row]:
    """Events of declarations, whichever, the latest first, ``payload`` as a mapping without personal values.

    The rest as `find_audit`.
    """
    table = EVENT
    exactly = [(table.c.declaration_id, declaration_id), (table.c.kind, kind), (table.c.office, office)]
    rows = _find(connection, table, exactly, actors, (from_day, to_day), before, limit)
    return [{**row, "payload": _without_personal(row.payload)} for row in rows]


def _without_personal(text: str) -> object:
    payload = json.loads(text)
    payload.pop(PERSONAL_KEY, None)
    return payload


def _find(
    connection: sa.Connection,
    table: sa.Table,
    exactly: Sequence[tuple[sa.Column[Any], str | None]],
    actors: Sequence[str] | None,
    days: tuple[str | None, str | None],
    before: int | None,
    limit: int,
) -> list[sa.RowMapping]:
    query = sa.select(table).order_by(table.c.sequence.desc()).limit(limit)
    for column, value in exactly:
        if value is not None:
            query = query.where(column == value)
    if actors is not None:
        query = query.where(table.c.actor.in_(actors))
    # By each row's own moment: the chain's day may be a later one.
    if days[0] is not None:
        query = query.where(table.c.recorded_at >= days[0])
    if days[1] is not None:
        query = query.where(table.c.recorded_at < (date.fromisoformat(days[1]) + timedelta(days=1)).isoformat())
    if before is not None:
        query = query.where(table.c.sequence < before)
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
