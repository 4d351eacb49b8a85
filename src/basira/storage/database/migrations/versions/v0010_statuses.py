"""Format 10: where each declaration is now, found without reading the record."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from basira.storage.database.migrations.statuses import (
    RESULT_COLUMNS,
    STATUS_COLUMNS,
    expected_results,
    expected_statuses,
    status_triggers,
)

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, fill them from the events, and have every new event keep them."""
    op.create_table(
        "declaration_status",
        sa.Column("declaration_id", sa.String(200), primary_key=True),
        sa.Column("office", sa.String(80), nullable=False),
        sa.Column("lane", sa.String(80), nullable=False),
        sa.Column("event_id", sa.String(200), nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("given_at", sa.String(40), nullable=False),
        sa.Column("basis", sa.String(40), nullable=False),
        sa.Column("is_reselected", sa.Boolean, nullable=False),
        sa.Column("inclusion_probability", sa.Double),
        sa.Column("inspects", sa.Boolean, nullable=False),
        sa.Column("is_inspected", sa.Boolean, nullable=False),
        sa.Column("is_cancelled", sa.Boolean, nullable=False),
        sa.Column("expected_revenue", sa.Double),
        sa.Column("inspected_at", sa.String(40)),
        sa.Column("is_irregular", sa.Boolean),
        sa.Column("found_revenue", sa.Double),
        sa.Column("result_source", sa.String(40)),
    )
    op.create_table(
        "item_result",
        sa.Column("declaration_id", sa.String(200), primary_key=True),
        sa.Column("item_number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("is_inspected", sa.Boolean, nullable=False),
        sa.Column("is_irregular", sa.Boolean),
        sa.Column("found_revenue", sa.Double),
    )
    connection = op.get_bind()
    dialect = connection.dialect.name
    schema = "" if dialect == "sqlite" else _schema()
    of_results, of_statuses = ", ".join(RESULT_COLUMNS), ", ".join(STATUS_COLUMNS)
    connection.exec_driver_sql(f"INSERT INTO item_result ({of_results}) {expected_results(dialect, schema)}")
    connection.exec_driver_sql(f"INSERT INTO declaration_status ({of_statuses}) {expected_statuses(dialect, schema)}")
    op.create_index(
        "ix_declaration_status_queue",
        "declaration_status",
        ["office", "inspects", "is_inspected", "is_cancelled", "lane"],
    )
    op.create_index("ix_declaration_status_given_at", "declaration_status", ["given_at", "office"])
    op.create_index("ix_declaration_status_sequence", "declaration_status", ["sequence"])
    for statement in status_triggers(dialect, schema):
        connection.exec_driver_sql(statement)
    op.execute("UPDATE operations_format SET format = 10")


def _schema() -> str:
    return str(op.get_bind().exec_driver_sql("SELECT current_schema()").scalar_one())
