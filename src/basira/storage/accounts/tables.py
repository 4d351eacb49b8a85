"""The tables of access: users, their roles, keys of systems, sessions, attempts to log in.

Enters: nothing. Leaves: SQLAlchemy tables of the same metadata as the operational record. Never here: a password, a
key or a session token in clear: of each, only what recognises it is kept.
"""

from __future__ import annotations

import sqlalchemy as sa

from basira.storage.database.tables import METADATA

APP_USER = sa.Table(
    "app_user",
    METADATA,
    # Opaque, and what audit and events name: the login and the name can be erased, this never.
    sa.Column("user_id", sa.String(40), primary_key=True),
    sa.Column("login", sa.String(200), unique=True),
    sa.Column("display_name", sa.String(200)),
    sa.Column("password_hash", sa.Text),  # argon2id; null: no password, enters by OpenID Connect
    sa.Column("oidc_subject", sa.String(400), unique=True),
    sa.Column("is_active", sa.Boolean, nullable=False),
    sa.Column("must_change_password", sa.Boolean, nullable=False),
    sa.Column("created_at", sa.String(40), nullable=False),
    sa.Column("password_changed_at", sa.String(40)),
)

USER_ROLE = sa.Table(
    "user_role",
    METADATA,
    sa.Column("user_id", sa.String(40), sa.ForeignKey("app_user.user_id"), primary_key=True),
    sa.Column("role", sa.String(40), primary_key=True),
    sa.Column("office", sa.String(80), primary_key=True),  # "" for a role that is not bound to an office
)

API_KEY = sa.Table(
    "api_key",
    METADATA,
    sa.Column("key_id", sa.String(40), primary_key=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("secret_digest", sa.String(64), nullable=False),
    sa.Column("scopes", sa.Text, nullable=False),  # JSON list
    sa.Column("created_at", sa.String(40), nullable=False),
    sa.Column("created_by", sa.String(200), nullable=False),
    sa.Column("expires_at", sa.String(40), nullable=False),
    sa.Column("revoked_at", sa.String(40)),
    sa.Column("replaced_by", sa.String(40)),
    sa.Column("last_used_at", sa.String(40)),
    sa.Column("offices", sa.Text),  # JSON list; null: every office
)

USER_SESSION = sa.Table(
    "user_session",
    METADATA,
    sa.Column("token_digest", sa.String(64), primary_key=True),
    sa.Column("user_id", sa.String(40), sa.ForeignKey("app_user.user_id"), nullable=False, index=True),
    sa.Column("created_at", sa.String(40), nullable=False),
    sa.Column("last_seen_at", sa.String(40), nullable=False),
    sa.Column("expires_at", sa.String(40), nullable=False, index=True),
    sa.Column("revoked_at", sa.String(40)),
)

LOGIN_ATTEMPT = sa.Table(
    "login_attempt",
    METADATA,
    sa.Column("attempt_id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    # SHA-256 of the login as typed: people type passwords into the wrong box.
    sa.Column("login_digest", sa.String(64), nullable=False),
    sa.Column("address", sa.String(80), nullable=False),
    sa.Column("attempted_at", sa.String(40), nullable=False),
    sa.Column("is_success", sa.Boolean, nullable=False),
)
sa.Index("ix_login_attempt_login", LOGIN_ATTEMPT.c.login_digest, LOGIN_ATTEMPT.c.attempted_at)
sa.Index("ix_login_attempt_address", LOGIN_ATTEMPT.c.address, LOGIN_ATTEMPT.c.attempted_at)

# A login begun here and not yet come back from the OpenID provider. Its nonce and verifier are derived from the
# browser's cookie, so that nothing here is worth stealing.
OIDC_LOGIN = sa.Table(
    "oidc_login",
    METADATA,
    sa.Column("state_digest", sa.String(64), primary_key=True),
    sa.Column("browser_digest", sa.String(64), nullable=False),
    sa.Column("next_path", sa.String(400), nullable=False),
    sa.Column("expires_at", sa.String(40), nullable=False, index=True),
)
