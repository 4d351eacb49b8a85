"""Format 9: lists that rules name, their changes and entries, and the register of risks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from basira.storage.database.migrations.triggers import append_only

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables: all of them only grow, but the values of entries, which can be erased."""
    op.create_table(
        "risk_list",
        sa.Column("list_name", sa.String(80), primary_key=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("matching", sa.String(20), nullable=False),
        sa.Column("least_closeness", sa.Double, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
    )
    op.create_table(
        "risk_list_change",
        sa.Column("list_name", sa.String(80), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("action", sa.String(20), nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("taken_at", sa.String(40), nullable=False),
        sa.Column("entry_count", sa.Integer, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("motive", sa.Text),
    )
    op.create_table(
        "risk_list_entry",
        sa.Column("list_name", sa.String(80), primary_key=True),
        sa.Column("entry", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("starts_on", sa.String(10), nullable=False),
        sa.Column("ends_on", sa.String(10)),
        sa.Column("digest", sa.String(64), nullable=False, unique=True),
    )
    op.create_table(
        "risk_list_end",
        sa.Column("list_name", sa.String(80), primary_key=True),
        sa.Column("entry", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("ends_on", sa.String(10), nullable=False),
    )
    op.create_table(
        "risk_list_value",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("salt", sa.String(64), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
    )
    op.create_index("ix_risk_list_value_day", "risk_list_value", ["day"])
    op.create_table(
        "risk_register",
        sa.Column("risk_id", sa.String(80), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("taken_at", sa.String(40), nullable=False),
        sa.Column("motive", sa.Text),
    )
    dialect = op.get_bind().dialect.name
    keys = {
        "risk_list": ("list_name = NEW.list_name",),
        "risk_list_change": ("list_name = NEW.list_name AND number = NEW.number",),
        "risk_list_entry": ("list_name = NEW.list_name AND entry = NEW.entry", "digest = NEW.digest"),
        "risk_list_end": ("list_name = NEW.list_name AND entry = NEW.entry AND number = NEW.number",),
        "risk_register": ("risk_id = NEW.risk_id AND version = NEW.version",),
    }
    for table, unique in keys.items():
        for statement in append_only(dialect, table, unique):
            op.execute(statement)
    op.execute("UPDATE operations_format SET format = 9")
