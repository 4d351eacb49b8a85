"""Format 8: risk profiles and the steps of their lives."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from basira.storage.database.migrations.triggers import append_only

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, which only grow."""
    op.create_table(
        "risk_rule",
        sa.Column("rule_id", sa.String(80), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("created_at", sa.String(40), nullable=False),
    )
    op.create_table(
        "risk_rule_step",
        sa.Column("rule_id", sa.String(80), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("taken_at", sa.String(40), nullable=False),
        sa.Column("motive", sa.Text),
        sa.Column("detail", sa.Text),
    )
    dialect = op.get_bind().dialect.name
    keys = {
        "risk_rule": "rule_id = NEW.rule_id AND version = NEW.version",
        "risk_rule_step": "rule_id = NEW.rule_id AND number = NEW.number",
    }
    for table, key in keys.items():
        for statement in append_only(dialect, table, (key,)):
            op.execute(statement)
    op.execute("UPDATE operations_format SET format = 8")
