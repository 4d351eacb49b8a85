"""Format 12: which officer has a declaration in hand; documents attached to a result."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the two tables, empty: until now nobody had a declaration in hand, and none had a document."""
    op.create_table(
        "declaration_officer",
        sa.Column("declaration_id", sa.String(200), primary_key=True),
        sa.Column("office", sa.String(80), nullable=False),
        sa.Column("officer", sa.String(40)),
        sa.Column("since", sa.String(40), nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_declaration_officer_officer", "declaration_officer", ["officer", "office"])
    op.create_table(
        "document",
        sa.Column("document_id", sa.String(40), primary_key=True),
        sa.Column("declaration_id", sa.String(200), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("attached_by", sa.String(40), nullable=False),
        sa.Column("attached_at", sa.String(40), nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False, unique=True),
    )
    op.create_index("ix_document_declaration_id", "document", ["declaration_id"])
    op.execute("UPDATE operations_format SET format = 12")
