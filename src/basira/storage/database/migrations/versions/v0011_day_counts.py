"""Format 11: the figures of a period, found without reading each declaration of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from basira.storage.database.migrations.day_counts import DAY_COUNT_COLUMNS, day_count_triggers, expected_day_counts

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# Of what few declarations have, and a period's figures need one by one: the column, and what is read beside it.
_INDEXES = {
    "ix_declaration_status_moments": ("inspected_at", ["given_at", "office", "is_cancelled", "inspected_at"]),
    "ix_declaration_status_revenue": (
        "found_revenue",
        ["given_at", "office", "is_cancelled", "result_source", "found_revenue"],
    ),
    "ix_declaration_status_random": (
        "is_irregular",
        ["basis", "is_reselected", "given_at", "office", "is_cancelled", "inclusion_probability", "is_irregular"],
    ),
}


def upgrade() -> None:
    """Make the table, fill it from the statuses, and have every change of a status keep it."""
    op.create_table(
        "day_count",
        sa.Column("day", sa.String(10), primary_key=True),
        sa.Column("office", sa.String(80), primary_key=True),
        sa.Column("lane", sa.String(80), primary_key=True),
        sa.Column("source", sa.String(40), primary_key=True),
        sa.Column("inspects", sa.Boolean, primary_key=True),
        sa.Column("is_inspected", sa.Boolean, primary_key=True),
        sa.Column("result_source", sa.String(40), primary_key=True),
        sa.Column("result", sa.String(10), primary_key=True),
        sa.Column("declarations", sa.BigInteger, nullable=False),
    )
    connection = op.get_bind()
    dialect = connection.dialect.name
    schema = "" if dialect == "sqlite" else _schema()
    connection.exec_driver_sql(f"INSERT INTO day_count ({', '.join(DAY_COUNT_COLUMNS)}) {expected_day_counts(schema)}")
    for name, (column, columns) in _INDEXES.items():
        has_one = sa.column(column).is_not(None)
        op.create_index(name, "declaration_status", columns, sqlite_where=has_one, postgresql_where=has_one)
    for statement in day_count_triggers(dialect, schema):
        connection.exec_driver_sql(statement)
    op.execute("UPDATE operations_format SET format = 11")


def _schema() -> str:
    return str(op.get_bind().exec_driver_sql("SELECT current_schema()").scalar_one())
