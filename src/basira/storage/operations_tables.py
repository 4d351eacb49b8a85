"""The tables of the decision record, and what keeps them append-only.

Enters: nothing. Leaves: SQLAlchemy tables, and the statements that make a database refuse to change them.
Never here: rows, connections.

Types are the portable ones: moments and JSON are text, so that what is hashed is what is stored; floats are
doubles, which SQLite and PostgreSQL both give back bit for bit.
"""

from __future__ import annotations

import sqlalchemy as sa

FORMAT = 1

METADATA = sa.MetaData()

OPERATIONS_FORMAT = sa.Table(
    "operations_format",
    METADATA,
    sa.Column("format", sa.Integer, primary_key=True, autoincrement=False),
)

TARGETING_RUN = sa.Table(
    "targeting_run",
    METADATA,
    sa.Column("run_id", sa.String(200), primary_key=True),
    # The place in the chain of runs. Unique: of two runs recorded at once, one is refused and tries again.
    sa.Column("sequence", sa.BigInteger, nullable=False, unique=True),
    sa.Column("created_at", sa.String(40), nullable=False),
    sa.Column("day", sa.String(10), nullable=False, index=True),
    sa.Column("as_of", sa.String(40), nullable=False),
    sa.Column("snapshot", sa.BigInteger, nullable=False),
    sa.Column("model_version", sa.Text, nullable=False),
    sa.Column("policy_digest", sa.String(64), nullable=False),
    sa.Column("policy_text", sa.Text, nullable=False),
    sa.Column("seed", sa.BigInteger, nullable=False),
    sa.Column("software_version", sa.String(80), nullable=False),
    sa.Column("options", sa.Text, nullable=False),
    sa.Column("inputs_digest", sa.String(64), nullable=False),
    sa.Column("source_digest", sa.String(64), nullable=False),
    sa.Column("candidate_count", sa.BigInteger, nullable=False),
    sa.Column("decision_count", sa.BigInteger, nullable=False),
    sa.Column("previous_hash", sa.String(64), nullable=False),
    sa.Column("opening_hash", sa.String(64), nullable=False),
    sa.Column("closing_hash", sa.String(64), nullable=False),
)

DECISION = sa.Table(
    "decision",
    METADATA,
    sa.Column("decision_id", sa.String(400), primary_key=True),
    sa.Column(
        "run_id",
        sa.String(200),
        # Deferred: the decisions go in first, and their run last, when its closing hash is known.
        sa.ForeignKey("targeting_run.run_id", deferrable=True, initially="DEFERRED"),
        nullable=False,
    ),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("declaration_id", sa.String(200), nullable=False, index=True),
    sa.Column("declaration_version", sa.Integer, nullable=False),
    sa.Column("office", sa.String(80), nullable=False),
    sa.Column("lane", sa.String(80), nullable=False),
    sa.Column("basis", sa.String(20), nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("inclusion_probability", sa.Double, nullable=False),
    sa.Column("rank", sa.BigInteger),
    sa.Column("fraud_probability", sa.Double),
    sa.Column("expected_revenue", sa.Double),
    sa.Column("assessment", sa.Text, nullable=False),
    sa.Column("inputs_digest", sa.String(64), nullable=False),
    sa.Column("previous_hash", sa.String(64), nullable=False),
    sa.Column("entry_hash", sa.String(64), nullable=False),
    sa.UniqueConstraint("run_id", "position"),
)

# What the operations store works out itself: a caller's row has all the other columns and no more.
RUN_COLUMNS_MADE = frozenset({"sequence", "decision_count", "previous_hash", "opening_hash", "closing_hash"})
DECISION_COLUMNS_MADE = frozenset({"position", "previous_hash", "entry_hash"})

_APPEND_ONLY = (TARGETING_RUN, DECISION)
_REFUSAL = "basira: {table} is append-only"


def append_only_statements(dialect: str) -> list[str]:
    """The statements, in the dialect's own SQL, that make UPDATE and DELETE fail; each may be run again."""
    if dialect == "sqlite":
        return [statement for table in _APPEND_ONLY for statement in _sqlite(table)]
    return [_POSTGRESQL_FUNCTION, *(statement for table in _APPEND_ONLY for statement in _postgresql(table.name))]


def _sqlite(table: sa.Table) -> list[str]:
    name = table.name
    refusal = f"SELECT RAISE(ABORT, '{_REFUSAL.format(table=name)}')"
    changes = [
        f"CREATE TRIGGER IF NOT EXISTS {name}_no_{verb.lower()} BEFORE {verb} ON {name} BEGIN {refusal}; END"
        for verb in ("UPDATE", "DELETE")
    ]
    # INSERT OR REPLACE deletes the old row without firing the trigger on DELETE, so it is met at its own door.
    keys = {
        "targeting_run": ("run_id = NEW.run_id", "sequence = NEW.sequence"),
        "decision": ("decision_id = NEW.decision_id", "run_id = NEW.run_id AND position = NEW.position"),
    }[name]
    exists = " OR ".join(f"EXISTS (SELECT 1 FROM {name} WHERE {key})" for key in keys)  # noqa: S608 - our own names
    return [
        *changes,
        f"CREATE TRIGGER IF NOT EXISTS {name}_no_replace BEFORE INSERT ON {name} WHEN {exists} BEGIN {refusal}; END",
    ]


_POSTGRESQL_FUNCTION = """
CREATE OR REPLACE FUNCTION basira_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'basira: % is append-only', TG_TABLE_NAME;
END $$
"""


def _postgresql(name: str) -> list[str]:
    return [
        f"CREATE OR REPLACE TRIGGER {name}_no_change BEFORE UPDATE OR DELETE ON {name} "
        "FOR EACH ROW EXECUTE FUNCTION basira_refuse_change()",
        f"CREATE OR REPLACE TRIGGER {name}_no_truncate BEFORE TRUNCATE ON {name} "
        "FOR EACH STATEMENT EXECUTE FUNCTION basira_refuse_change()",
    ]
