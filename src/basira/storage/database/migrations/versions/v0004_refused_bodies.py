"""Format 4: declarations that the service refused, kept until they come corrected."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "refused_body",
        sa.Column("quarantine_id", sa.String(40), primary_key=True),
        sa.Column("client", sa.String(200), nullable=False),
        sa.Column("declaration_id", sa.String(200), index=True),
        sa.Column("first_at", sa.String(40), nullable=False),
        sa.Column("last_at", sa.String(40), nullable=False, index=True),
        sa.Column("times", sa.BigInteger, nullable=False),
        sa.Column("faults", sa.Text, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("body", sa.Text),
    )
    op.execute("UPDATE operations_format SET format = 4")
