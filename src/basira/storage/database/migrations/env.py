"""How Alembic runs the revisions: on the connection that `migrations.run` hands it, in that transaction."""

from __future__ import annotations

from alembic import context


def run() -> None:
    """Run what the command asked for; all of it, or nothing."""
    context.configure(connection=context.config.attributes["connection"])
    with context.begin_transaction():
        context.run_migrations()


# Alembic loads this file under this name; any other import gets the function and runs nothing.
if __name__ == "env_py":
    run()
