"""Whether anything can be recorded now: the lock to be had, the disk with room, the server answering.

Enters: a database. Leaves: nothing, or StoreError that says why not, within some seconds. Never here: a look for each
that asks: those that come together share one, and what was well a second ago is well.

A look takes the lock that every append takes, with a short limit of its own. It writes, too, when the last write failed
or none went well for a while, and then as much as a decision does: on a full disk a few bytes often still find room.

PostgreSQL ends a session that is silent inside a transaction, but not one that is stopped in the middle of statements
sent together: to the server it is at work (before 17 no limit of time counts then). Who finds the lock taken looks for
such a session and ends it. A SQLite file has no server: only the process that holds its lock can release it.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from basira.schema.errors import StoreError
from basira.storage.database.connection import (
    CHAIN_LOCK,
    SILENT_SECONDS,
    Database,
    Fate,
    database_errors,
    lock_chains,
    moment_text,
)
from basira.storage.database.tables import IDEMPOTENCY_KEY, SELECTION_STATE

# A look that went well holds for so long. One that did not is never kept: a worker that is well again says so at once.
_GOOD_SECONDS = 1.0
# For the lock, and for each statement of a look.
_LOCK_MILLISECONDS = 1_000
# Who comes while another one looks waits for its end, so long at most: a server that does not answer at all.
_LOOK_SECONDS = 4.0
# After so long without any write that went well, one is tried.
_PROVEN_SECONDS = 10.0
# Characters that a decision writes at most, in most cases; and those of a try while all is well.
_LARGE, _SMALL = 64 << 10, 64

_SILENT = sa.text(
    f"""
    SELECT pg_terminate_backend(who.pid)
    FROM pg_stat_activity AS who
    WHERE who.datname = current_database() AND who.usename = current_user AND who.pid <> pg_backend_pid()
      AND who.xact_start IS NOT NULL AND who.wait_event = 'ClientRead'
      AND who.state_change < clock_timestamp() - make_interval(secs => {SILENT_SECONDS})
      AND EXISTS (
        SELECT FROM pg_locks AS held
        WHERE held.pid = who.pid AND held.granted AND (
          (held.locktype = 'advisory' AND held.classid = 0 AND held.objid = {CHAIN_LOCK} AND held.objsubid = 1)
          OR (held.relation = '{SELECTION_STATE.name}'::regclass AND held.mode = 'RowExclusiveLock')))
    """
)


def require_writable(database: Database) -> None:
    """Raises StoreError when nothing can be recorded now: no lock within a second, a full disk, no server."""
    fate, asked_at = database.fate, time.monotonic()
    if _is_good(fate, asked_at - _GOOD_SECONDS):
        return
    if not fate.looking.acquire(timeout=_LOOK_SECONDS):
        raise StoreError(
            "Expected the decision record to answer within {look_seconds:g} seconds, found that it does not.",
            hint="Look whether the database's server or disk hangs.",
            look_seconds=_LOOK_SECONDS,
        )
    try:
        if fate.looked_at < asked_at:
            _look(database)
        seen = fate.seen
    finally:
        fate.looking.release()
    if seen is not None:  # an error raised for several gathers all their tracebacks
        raise StoreError(seen.message_phrase, hint=seen.hint_phrase) from seen.__cause__


def _is_good(fate: Fate, since: float) -> bool:
    return fate.fault is None and fate.seen is None and fate.looked_at >= since


def _look(database: Database) -> None:
    fate = database.fate
    is_due = fate.fault is not None or time.monotonic() - fate.written_at >= _PROVEN_SECONDS
    size = 0 if not is_due else _LARGE if fate.fault is not None else _SMALL
    try:
        with database_errors(), _quick(database.reserved) as connection:
            _try(connection, size)
    except StoreError as error:
        fate.seen = error
        _end_silent(database.reserved)
    else:
        fate.seen = None
        if is_due:
            fate.fault, fate.written_at = None, time.monotonic()
    fate.looked_at = time.monotonic()


def _try(connection: sa.Connection, size: int) -> None:
    """Be the only one to append for a moment; with a ``size``, write so many characters and remove them."""
    moment, table = moment_text(datetime.min), IDEMPOTENCY_KEY
    row = {
        "client": "basira",
        "route": "try",
        "key": secrets.token_hex(16),
        "request_digest": "",
        "status": 0,
        # Of chance: what can be compressed takes no room.
        "response": secrets.token_hex(size // 2),
        "created_at": moment,
        "expires_at": moment,
    }
    with _limit_waits(connection):
        lock_chains(connection)
        if size:
            connection.execute(table.insert(), row)
    if size:  # in a transaction of its own: what is removed in the same one is never written
        with _limit_waits(connection):
            connection.execute(table.delete().where(table.c.client == "basira", table.c.key == row["key"]))


@contextmanager
def _limit_waits(connection: sa.Connection) -> Iterator[None]:
    with connection.begin():
        if connection.dialect.name == "postgresql":
            for name in ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"):
                connection.exec_driver_sql(f"SET LOCAL {name} = {_LOCK_MILLISECONDS}")
        yield


@contextmanager
def _quick(database: Database) -> Iterator[sa.Connection]:
    """A connection that writes; on SQLite one that waits for the lock a second at most while the block runs."""
    with database.engine.connect() as connection:
        writing = connection.execution_options(basira_writes=True)
        if not database.is_sqlite:
            yield writing
            return
        driver: Any = writing.connection.driver_connection
        (patience,) = driver.execute("PRAGMA busy_timeout").fetchone()
        driver.execute(f"PRAGMA busy_timeout = {int(min(patience, _LOCK_MILLISECONDS))}")
        try:
            yield writing
        finally:
            driver.execute(f"PRAGMA busy_timeout = {int(patience)}")


def _end_silent(database: Database) -> None:
    """End sessions of this user of the database that hold what an append takes and have sent nothing for too long."""
    if not database.is_sqlite:
        with suppress(StoreError), database.glance() as connection:
            connection.execute(_SILENT)
