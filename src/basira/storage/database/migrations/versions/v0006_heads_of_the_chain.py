"""Format 6: a head only where its chain goes on; events found by their own moments."""

from __future__ import annotations

from alembic import op

from basira.storage.database.migrations.triggers import only_as_the_end

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the trigger, and put the indexes by moment where those by the chain's day were."""
    for table in ("event", "audit_event"):
        op.drop_index(f"ix_{table}_day", table)
        op.create_index(f"ix_{table}_recorded_at", table, ["recorded_at"])
    op.drop_index("ix_event_office_day_lane", "event")
    op.create_index("ix_event_office_recorded_at", "event", ["office", "recorded_at", "lane"])
    dialect = op.get_bind().dialect.name
    for statement in only_as_the_end(dialect, "" if dialect == "sqlite" else _schema()):
        op.execute(statement)
    op.execute("UPDATE operations_format SET format = 6")


def _schema() -> str:
    return str(op.get_bind().exec_driver_sql("SELECT current_schema()").scalar_one())
