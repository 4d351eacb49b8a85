"""The revisions that a database has not seen, run on it.

Enters: a connection in a transaction that holds the lock of the chains, the format found. Leaves: the newest revision's
tables. Never here: a connection opened, a lock taken, a format read.
"""

from __future__ import annotations

import threading

import sqlalchemy as sa

# Alembic keeps the connection it works on in module globals.
_ONE_AT_A_TIME = threading.Lock()


def run_migrations(connection: sa.Connection, found: int | None) -> None:
    """Run on this connection, in its transaction, every revision that it has not seen. ``found``: its format, None for
    an empty database."""
    from alembic import command
    from alembic.config import Config

    with _ONE_AT_A_TIME:
        config = Config()
        config.set_main_option("script_location", "basira.storage.database:migrations")
        config.attributes["connection"] = connection
        # Format 1 was made before there were revisions: it is the first of them.
        if found == 1 and not sa.inspect(connection).has_table("alembic_version"):
            command.stamp(config, "0001")
        command.upgrade(config, "head")
