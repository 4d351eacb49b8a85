"""What was deleted, gone from the database's files too, while others read and write.

Enters: a database from which rows were deleted. Leaves: files without them; or what is left to do, and why. Never here:
a deletion; a lock for longer than a moment, but in `compact`, which is asked for by name.

SQLite overwrites what is deleted (`secure_delete`), but in a new copy of the page, in the log beside the file: the log
itself keeps every earlier copy until it is put into the file and cut off. A service that runs does not cut it off.
PostgreSQL leaves deleted rows where they are until VACUUM frees their room, and their bytes until something else is
written there; its own log (WAL), an archive of it and a standby keep what was written for as long as the server's
settings say, which nothing here can change.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing

import sqlalchemy as sa

from basira.schema.errors import StoreError
from basira.storage.accounts.tables import APP_USER, LOGIN_ATTEMPT, USER_SESSION
from basira.storage.database.connection import Database, database_errors, file_of
from basira.storage.database.tables import IDEMPOTENCY_KEY, PERSONAL_VALUE, REFUSED_BODY

# Whatever is erased with a person.
ERASABLE: tuple[sa.Table, ...] = (
    PERSONAL_VALUE,
    REFUSED_BODY,
    IDEMPOTENCY_KEY,
    APP_USER,
    LOGIN_ATTEMPT,
    USER_SESSION,
)
_WAIT_SECONDS = 30.0
# Of one try: while it waits for readers, every writer waits.
_TRY_MILLISECONDS = 100
_PAUSE_SECONDS = 0.2
_MAY_VACUUM = sa.text("SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = CAST(:name AS regclass)")


def free_deleted(
    database: Database, *, wait_seconds: float = _WAIT_SECONDS, pause: Callable[[float], None] = time.sleep
) -> tuple[str, ...]:
    """Take what was deleted out of the files; what is left to do, in sentences, none when nothing is.

    ``wait_seconds``: how long it tries, on SQLite, to find a moment in which no reader uses an earlier state.
    """
    if database.is_sqlite:
        return _cut_log(database, wait_seconds, pause)
    of_others = [table.name for table in ERASABLE if not _vacuum(database, table)]
    advice = (
        "PostgreSQL keeps the bytes of what was deleted until they are written over: `basira db compact`, as the owner "
        "of the tables and in a quiet hour, writes the tables anew. Its log (WAL), archives of it and standbys keep "
        "what was written before: let them end with the retention of backups.",
    )
    if of_others:
        return (f"As the owner of the tables, run: VACUUM {', '.join(of_others)};", *advice)
    return advice


def compact(database: Database) -> tuple[str, ...]:
    """Write the tables anew, so that their files hold current rows only; as `free_deleted`. Writers wait
    meanwhile: a second for some ten megabytes.

    Raises StoreError when this user may not, or the disk has no room for the copy.
    """
    if not database.is_sqlite:
        for table in ERASABLE:
            if not _vacuum(database, table, "FULL"):
                raise StoreError(
                    "Expected the owner of the table {table}, found another user.",
                    hint="Give --database the URL of the owner, who also runs `basira db upgrade`.",
                    table=table.name,
                )
        with database_errors(), database.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("CHECKPOINT")
        return ()
    with database_errors(), closing(database.engine.raw_connection()) as raw:
        raw.cursor().execute("VACUUM")
    return _cut_log(database, _WAIT_SECONDS, time.sleep)


def _cut_log(database: Database, wait_seconds: float, pause: Callable[[float], None]) -> tuple[str, ...]:
    if file_of(database.engine) is None:
        return ()
    end = time.monotonic() + wait_seconds
    while True:
        if not _is_busy(database):
            return ()
        if time.monotonic() >= end:
            return (
                "The log beside the database (-wal) keeps it: for "
                f"{wait_seconds:g} s another process read an earlier state (a proof, a backup, an export). When that "
                "is over, run `basira db compact`, or this command again.",
            )
        pause(_PAUSE_SECONDS)


def _is_busy(database: Database) -> bool:
    with database_errors(), closing(database.engine.raw_connection()) as raw:
        cursor = raw.cursor()
        (before,) = cursor.execute("PRAGMA busy_timeout").fetchone()
        cursor.execute(f"PRAGMA busy_timeout = {_TRY_MILLISECONDS}")
        try:
            return bool(cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0])
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {int(before)}")


def _vacuum(database: Database, table: sa.Table, how: str = "") -> bool:
    """Whether this user may do it to a table; then it is done."""
    with database_errors(), database.engine.connect() as connection:
        bare = connection.execution_options(isolation_level="AUTOCOMMIT")
        if not bare.execute(_MAY_VACUUM, {"name": table.name}).scalar():
            return False  # PostgreSQL would skip it with a mere warning
        bare.exec_driver_sql(f"VACUUM {how} {table.name}")
    return True


def log_files(database: Database) -> Sequence[str]:
    """The files of a SQLite database; none of another, and of one in memory."""
    path = file_of(database.engine)
    return [] if path is None else [f"{path}{ending}" for ending in ("", "-wal", "-shm")]
