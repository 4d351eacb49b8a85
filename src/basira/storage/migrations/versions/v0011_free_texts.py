"""Format 6: the free texts of a declaration stand with its personal values, so the index of values leaves them out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index anew, over values that are no texts."""
    is_no_text = sa.text("field != 'texts'")
    op.drop_index("ix_personal_value_value", "personal_value")
    op.create_index(
        "ix_personal_value_value", "personal_value", ["value"], sqlite_where=is_no_text, postgresql_where=is_no_text
    )
    op.execute("UPDATE operations_format SET format = 6")
