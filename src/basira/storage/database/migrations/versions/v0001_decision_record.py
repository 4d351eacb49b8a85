"""Format 1: targeting runs and their decisions, append-only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from basira.storage.database.migrations.triggers import append_only

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables of format 1."""
    op.create_table("operations_format", sa.Column("format", sa.Integer, primary_key=True, autoincrement=False))
    op.create_table(
        "targeting_run",
        sa.Column("run_id", sa.String(200), primary_key=True),
        sa.Column("sequence", sa.BigInteger, nullable=False, unique=True),
        sa.Column("created_at", sa.String(40), nullable=False),
        sa.Column("day", sa.String(10), nullable=False, index=True),
        sa.Column("as_of", sa.String(40), nullable=False),
        sa.Column("snapshot", sa.BigInteger, nullable=False),
        sa.Column("model_version", sa.Text, nullable=False),
        sa.Column("policy_digest", sa.String(64), nullable=False),
        sa.Column("policy_text", sa.Text, nullable=False),
        sa.Column("seed", sa.BigInteger, nullable=False),
        sa.Column("software_version", sa.String(80), nullable=False),
        sa.Column("options", sa.Text, nullable=False),
        sa.Column("inputs_digest", sa.String(64), nullable=False),
        sa.Column("source_digest", sa.String(64), nullable=False),
        sa.Column("candidate_count", sa.BigInteger, nullable=False),
        sa.Column("decision_count", sa.BigInteger, nullable=False),
        sa.Column("previous_hash", sa.String(64), nullable=False),
        sa.Column("opening_hash", sa.String(64), nullable=False),
        sa.Column("closing_hash", sa.String(64), nullable=False),
    )
    op.create_table(
        "decision",
        sa.Column("decision_id", sa.String(400), primary_key=True),
        sa.Column(
            "run_id",
            sa.String(200),
            sa.ForeignKey("targeting_run.run_id", deferrable=True, initially="DEFERRED"),
            nullable=False,
        ),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("declaration_id", sa.String(200), nullable=False, index=True),
        sa.Column("declaration_version", sa.Integer, nullable=False),
        sa.Column("office", sa.String(80), nullable=False),
        sa.Column("lane", sa.String(80), nullable=False),
        sa.Column("basis", sa.String(20), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("inclusion_probability", sa.Double, nullable=False),
        sa.Column("rank", sa.BigInteger),
        sa.Column("fraud_probability", sa.Double),
        sa.Column("expected_revenue", sa.Double),
        sa.Column("assessment", sa.Text, nullable=False),
        sa.Column("inputs_digest", sa.String(64), nullable=False),
        sa.Column("previous_hash", sa.String(64), nullable=False),
        sa.Column("entry_hash", sa.String(64), nullable=False),
        sa.UniqueConstraint("run_id", "position"),
    )
    dialect = op.get_bind().dialect.name
    run_keys = ("run_id = NEW.run_id", "sequence = NEW.sequence")
    decision_keys = ("decision_id = NEW.decision_id", "run_id = NEW.run_id AND position = NEW.position")
    for table, keys in (("targeting_run", run_keys), ("decision", decision_keys)):
        for statement in append_only(dialect, table, keys):
            op.execute(statement)
    op.execute("INSERT INTO operations_format (format) VALUES (1)")
