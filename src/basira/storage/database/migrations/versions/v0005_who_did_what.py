"""Format 5: who did what, and what was done, found without reading the whole record."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the indexes."""
    op.create_index("ix_event_actor_sequence", "event", ["actor", "sequence"])
    op.create_index("ix_event_kind_sequence", "event", ["kind", "sequence"])
    op.execute("UPDATE operations_format SET format = 5")
