"""The tables of risk profiles: versions and the steps of their lives; lists, their changes and entries. All of them are
append-only, but for the values of entries, which can be erased.

Enters: nothing. Leaves: SQLAlchemy tables of the same metadata as the operational record. Never here: the state of a
rule now, which is that of its last step; a person's identifier in a table that only grows.
"""

from __future__ import annotations

import sqlalchemy as sa

from basira.storage.database.tables import METADATA

RISK_RULE = sa.Table(
    "risk_rule",
    METADATA,
    sa.Column("rule_id", sa.String(80), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    # Canonical JSON: a digest of it is the digest of the rule.
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("author", sa.String(200), nullable=False),
    sa.Column("created_at", sa.String(40), nullable=False),
)

RISK_RULE_STEP = sa.Table(
    "risk_rule_step",
    METADATA,
    sa.Column("rule_id", sa.String(80), primary_key=True),
    # From 1, over all versions of the rule: of two editors at once, the second finds its number taken.
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("actor", sa.String(200), nullable=False),
    sa.Column("taken_at", sa.String(40), nullable=False),
    sa.Column("motive", sa.Text),
    # Canonical JSON of what the step rests on, such as a back-test.
    sa.Column("detail", sa.Text),
)

RISK_LIST = sa.Table(
    "risk_list",
    METADATA,
    sa.Column("list_name", sa.String(80), primary_key=True),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("matching", sa.String(20), nullable=False),
    sa.Column("least_closeness", sa.Double, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("owner", sa.Text, nullable=False),
)

RISK_LIST_CHANGE = sa.Table(
    "risk_list_change",
    METADATA,
    sa.Column("list_name", sa.String(80), primary_key=True),
    # From 1: of two editors at once, the second finds its number taken. A list as of a change is a list for ever.
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("action", sa.String(20), nullable=False),
    sa.Column("actor", sa.String(200), nullable=False),
    sa.Column("taken_at", sa.String(40), nullable=False),
    sa.Column("entry_count", sa.Integer, nullable=False),
    # Of the rows that the change appended; the audit, which is chained, has it too.
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("motive", sa.Text),
)

RISK_LIST_ENTRY = sa.Table(
    "risk_list_entry",
    METADATA,
    sa.Column("list_name", sa.String(80), primary_key=True),
    sa.Column("entry", sa.Integer, primary_key=True, autoincrement=False),
    # The change that added it.
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("starts_on", sa.String(10), nullable=False),
    sa.Column("ends_on", sa.String(10)),
    # HMAC-SHA-256 of its content under a salt, which stands beside the content and is erased with it.
    sa.Column("digest", sa.String(64), nullable=False, unique=True),
)

# Another last day of an entry, as of a change.
RISK_LIST_END = sa.Table(
    "risk_list_end",
    METADATA,
    sa.Column("list_name", sa.String(80), primary_key=True),
    sa.Column("entry", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("ends_on", sa.String(10), nullable=False),
)

RISK_LIST_VALUE = sa.Table(
    "risk_list_value",
    METADATA,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("salt", sa.String(64), nullable=False),
    # JSON: value, source, reason, owner. Each of them may name a person.
    sa.Column("content", sa.Text, nullable=False),
    # From which retention counts: the last day of the entry as it was added, or 9999-12-31.
    sa.Column("day", sa.String(10), nullable=False, index=True),
)

RISK_REGISTER = sa.Table(
    "risk_register",
    METADATA,
    sa.Column("risk_id", sa.String(80), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    # Canonical JSON.
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("actor", sa.String(200), nullable=False),
    sa.Column("taken_at", sa.String(40), nullable=False),
    sa.Column("motive", sa.Text),
)
