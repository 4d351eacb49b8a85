"""The operational database, brought to the newest revision on request.

Enters: a database that is empty, or of an earlier format. Leaves: one of this version's format, or the one there was.
Never here: a silent upgrade; a step back (restore the backup made before).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from basira.schema.errors import StoreError
from basira.storage.database.connection import (
    SILENT_UPGRADE_SECONDS,
    database_errors,
    engine_of,
    format_of,
    lock_chains,
    prepare_file,
)
from basira.storage.database.migrations.run import run_migrations
from basira.storage.database.tables import FORMAT, REVISION


@dataclass(frozen=True)
class Upgraded:
    """What `upgrade` did: the formats before (None: empty) and after, and the revision now in force."""

    before: int | None
    after: int
    revision: str


def upgrade(place: str | Path) -> Upgraded:
    """Bring a database to this version's format, in one transaction; an empty or absent one is made.

    Raises StoreError when it is of a later format, holds other tables, or a step fails: it is then as it was.
    """
    engine = engine_of(place, create=True)
    try:
        prepare_file(engine)
        with database_errors(), engine.connect() as connection:
            writing = connection.execution_options(basira_writes=True)
            with writing.begin():
                if engine.dialect.name == "postgresql":
                    writing.exec_driver_sql(
                        f"SET LOCAL idle_in_transaction_session_timeout = '{SILENT_UPGRADE_SECONDS}s'"
                    )
                lock_chains(writing)  # two upgrades at once: the second finds the work done
                before = format_of(writing)
                if before is not None and before > FORMAT:
                    raise StoreError(
                        "Expected a decision record of format {format} or earlier, found format {before}.",
                        hint="Use the version of Basira that wrote it, or a newer one.",
                        format=FORMAT,
                        before=before,
                    )
                run_migrations(writing, before)
    finally:
        engine.dispose()
    return Upgraded(before, FORMAT, REVISION)
