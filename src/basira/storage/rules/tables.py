"""The tables of risk profiles: versions, and the steps of their lives. Both are append-only.

Enters: nothing. Leaves: SQLAlchemy tables of the same metadata as the operational record. Never here: the state of a
rule now, which is that of its last step; a person's identifier, which could then never be erased.
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
