"""Format 2: events, audit and their chain heads; personal values; online state; users and access."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from basira.storage.database.migrations.triggers import append_only, only_onwards

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables of format 2, and the heads of the runs recorded so far."""
    _record()
    _online()
    _access()
    dialect = op.get_bind().dialect.name
    sequence = "sequence = NEW.sequence"
    statements = [
        *append_only(dialect, "event", (sequence, "event_id = NEW.event_id")),
        *append_only(dialect, "audit_event", (sequence,)),
        *only_onwards(dialect, "chain_head", ("stream = NEW.stream AND day = NEW.day",)),
    ]
    for statement in statements:
        op.execute(statement)
    # The last run recorded on each day closes that day.
    op.execute(
        "INSERT INTO chain_head (stream, day, sequence, head_hash) "
        "SELECT 'targeting', substr(r.created_at, 1, 10), r.sequence, r.closing_hash FROM targeting_run r "
        "WHERE r.sequence = (SELECT max(s.sequence) FROM targeting_run s "
        "WHERE substr(s.created_at, 1, 10) = substr(r.created_at, 1, 10))"
    )
    op.execute("UPDATE operations_format SET format = 2")


def _chain_columns(*columns: sa.Column[Any]) -> list[sa.Column[Any]]:
    return [
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("day", sa.String(10), nullable=False, index=True),
        sa.Column("recorded_at", sa.String(40), nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        *columns,
        sa.Column("previous_hash", sa.String(64), nullable=False),
        sa.Column("entry_hash", sa.String(64), nullable=False),
    ]


def _record() -> None:
    op.create_table(
        "event",
        *_chain_columns(
            sa.Column("event_id", sa.String(200), nullable=False, unique=True),
            sa.Column("kind", sa.String(40), nullable=False),
            sa.Column("declaration_id", sa.String(200), nullable=False, index=True),
            sa.Column("declaration_version", sa.Integer),
            sa.Column("office", sa.String(80)),
            sa.Column("lane", sa.String(80)),
            sa.Column("decision_id", sa.String(400)),
            sa.Column("payload", sa.Text, nullable=False),
        ),
    )
    op.create_index("ix_event_office_day_lane", "event", ["office", "day", "lane"])
    op.create_table(
        "audit_event",
        *_chain_columns(
            sa.Column("action", sa.String(80), nullable=False),
            sa.Column("subject", sa.String(400), nullable=False, index=True),
            sa.Column("before", sa.Text),
            sa.Column("after", sa.Text),
            sa.Column("motive", sa.Text),
        ),
    )
    op.create_table(
        "chain_head",
        sa.Column("stream", sa.String(40), primary_key=True),
        sa.Column("day", sa.String(10), primary_key=True),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("head_hash", sa.String(64), nullable=False),
    )
    op.create_table(
        "personal_value",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("salt", sa.String(64), nullable=False),
        sa.Column("field", sa.String(80), nullable=False),
        sa.Column("value", sa.Text, nullable=False, index=True),
        sa.Column("day", sa.String(10), nullable=False, index=True),
    )


def _online() -> None:
    op.create_table(
        "selection_state",
        sa.Column("office", sa.String(80), primary_key=True),
        sa.Column("day", sa.String(10), primary_key=True),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("updated_at", sa.String(40), nullable=False),
    )
    op.create_table(
        "idempotency_key",
        sa.Column("client", sa.String(200), primary_key=True),
        sa.Column("route", sa.String(200), primary_key=True),
        sa.Column("key", sa.String(200), primary_key=True),
        sa.Column("request_digest", sa.String(64), nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("response", sa.Text, nullable=False),
        sa.Column("created_at", sa.String(40), nullable=False),
        sa.Column("expires_at", sa.String(40), nullable=False, index=True),
    )


def _access() -> None:
    op.create_table(
        "app_user",
        sa.Column("user_id", sa.String(40), primary_key=True),
        sa.Column("login", sa.String(200), unique=True),
        sa.Column("display_name", sa.String(200)),
        sa.Column("password_hash", sa.Text),
        sa.Column("oidc_subject", sa.String(400), unique=True),
        sa.Column("is_active", sa.Boolean, nullable=False),
        sa.Column("must_change_password", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.String(40), nullable=False),
        sa.Column("password_changed_at", sa.String(40)),
    )
    op.create_table(
        "user_role",
        sa.Column("user_id", sa.String(40), sa.ForeignKey("app_user.user_id"), primary_key=True),
        sa.Column("role", sa.String(40), primary_key=True),
        sa.Column("office", sa.String(80), primary_key=True),
    )
    op.create_table(
        "api_key",
        sa.Column("key_id", sa.String(40), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("secret_digest", sa.String(64), nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("created_at", sa.String(40), nullable=False),
        sa.Column("created_by", sa.String(200), nullable=False),
        sa.Column("expires_at", sa.String(40), nullable=False),
        sa.Column("revoked_at", sa.String(40)),
        sa.Column("replaced_by", sa.String(40)),
        sa.Column("last_used_at", sa.String(40)),
    )
    op.create_table(
        "user_session",
        sa.Column("token_digest", sa.String(64), primary_key=True),
        sa.Column("user_id", sa.String(40), sa.ForeignKey("app_user.user_id"), nullable=False, index=True),
        sa.Column("created_at", sa.String(40), nullable=False),
        sa.Column("last_seen_at", sa.String(40), nullable=False),
        sa.Column("expires_at", sa.String(40), nullable=False, index=True),
        sa.Column("revoked_at", sa.String(40)),
    )
    op.create_table(
        "login_attempt",
        sa.Column(
            "attempt_id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True
        ),
        sa.Column("login_digest", sa.String(64), nullable=False),
        sa.Column("address", sa.String(80), nullable=False),
        sa.Column("attempted_at", sa.String(40), nullable=False),
        sa.Column("is_success", sa.Boolean, nullable=False),
    )
    op.create_index("ix_login_attempt_login", "login_attempt", ["login_digest", "attempted_at"])
    op.create_index("ix_login_attempt_address", "login_attempt", ["address", "attempted_at"])
