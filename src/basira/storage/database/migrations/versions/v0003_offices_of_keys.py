"""Format 3: keys bound to offices; logins under way at an OpenID provider."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and the table; keys made before see every office, as they did."""
    op.add_column("api_key", sa.Column("offices", sa.Text))
    op.create_table(
        "oidc_login",
        sa.Column("state_digest", sa.String(64), primary_key=True),
        sa.Column("browser_digest", sa.String(64), nullable=False),
        sa.Column("next_path", sa.String(400), nullable=False),
        sa.Column("expires_at", sa.String(40), nullable=False, index=True),
    )
    op.execute("UPDATE operations_format SET format = 3")
