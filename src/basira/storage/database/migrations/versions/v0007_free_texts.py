"""Format 7: personal values without an index, in whose pages pieces of what was erased stood on."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Drop the index."""
    op.drop_index("ix_personal_value_value", "personal_value")
    op.execute("UPDATE operations_format SET format = 7")
