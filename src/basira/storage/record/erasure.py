"""Erasure in parts, of what the law forbids to keep: personal values, bodies of rejected declarations.

Enters: which rows of which table. Leaves: how many there are; the same erased, each part in a transaction of its own
with the audit event that names its rows. Never here: a lock held for longer than one part; an erasure that the audit
does not tell.

Every writer waits for the chains' lock. Held while a year of values is erased, it would stop the service for minutes.
So the rows are listed without it, and each part looks again which of its own are still there. An erasure that is cut
off leaves whole parts; the same call goes on with the rest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from basira.storage.database.connection import Database, lock_chains
from basira.storage.record.audit_log import AuditEvent, append_audit, require_motive

LISTED = 50_000  # keys in memory


@dataclass(frozen=True)
class Erasable:
    """Rows to erase. ``key``: the column that names each, and ``order`` an indexed one that they are listed by, both
    texts. ``which``: the condition. ``action``: of the audit events, which name the keys in the entry ``entry``.
    ``together``: rows in one part."""

    key: sa.Column[Any]
    order: sa.Column[Any]
    which: sa.ColumnElement[bool]
    action: str
    entry: str
    together: int


def count_erasable(connection: sa.Connection, what: Erasable) -> int:
    """How many rows `erase` would erase now."""
    query = sa.select(sa.func.count()).select_from(what.key.table).where(what.which)
    return int(connection.execute(query).scalar_one())


def erase(
    database: Database,
    what: Erasable,
    *,
    actor: str,
    motive: str,
    now: Callable[[], datetime],
    report: Callable[[int], None] = lambda _count: None,
    pause: Callable[[float], None] = time.sleep,
) -> int:
    """Erase what is there when it is called, part by part; how many. Raises UsageError without a motive.

    ``report`` is called with the rows of each part when it is committed. ``pause`` is called between two parts with the
    seconds that one took: SQLite's lock goes to the process that asks at the right moment, so others need as long.
    """
    require_motive(motive)
    count, took = 0, 0.0
    for keys in _parts(database, what):
        if took:
            pause(took)
        begun = time.monotonic()
        with database.write() as connection:
            erased = _erase_part(connection, what, keys)
            if erased:
                append_audit(
                    connection,
                    AuditEvent(
                        what.action, subject=what.key.table.name, actor=actor, after={what.entry: erased}, motive=motive
                    ),
                    now=now(),
                )
        took = time.monotonic() - begun
        count += len(erased)
        report(len(erased))
    return count


def _erase_part(connection: sa.Connection, what: Erasable, keys: Sequence[str]) -> list[str]:
    lock_chains(connection)  # before any row: two that erase never wait for each other crosswise
    stood = connection.execute(sa.select(what.key).where(what.key.in_(keys), what.which)).scalars().all()
    deleted = connection.execute(what.key.table.delete().where(what.key.in_(stood), what.which)).rowcount
    left: set[str] = set()
    if deleted != len(stood):  # a body that came again in this moment is not of those any more
        left = set(connection.execute(sa.select(what.key).where(what.key.in_(stood))).scalars())
    return sorted(set(stood) - left)


def _parts(database: Database, what: Erasable) -> Iterator[list[str]]:
    for keys in _pages(database, what):
        yield from (keys[start : start + what.together] for start in range(0, len(keys), what.together))


def _pages(database: Database, what: Erasable) -> Iterator[list[str]]:
    """The keys, some ten thousand at a time, each time read anew: a reading that stays open keeps PostgreSQL from
    forgetting what was deleted, and SQLite from ending its log."""
    place = {"order": "", "key": ""}
    query = (
        sa.select(what.order.label("place"), what.key.label("name"))
        .where(
            what.which,
            what.order >= sa.bindparam("order"),
            sa.or_(what.order > sa.bindparam("order"), what.key > sa.bindparam("key")),
        )
        .order_by(what.order, what.key)
        .limit(LISTED)
    )
    while True:
        with database.read() as connection:
            rows = connection.execute(query, place).all()
        yield [row.name for row in rows]
        if len(rows) < LISTED:
            return
        place = {"order": rows[-1].place, "key": rows[-1].name}
