"""The tables of the operational record: decisions, events, audit, personal values, online state.

Enters: nothing. Leaves: SQLAlchemy tables, as `migrations` makes them at the newest revision (a test compares).
Never here: rows, connections, the triggers that keep tables append-only (those are made by the migrations).

Types are the portable ones: moments and JSON are text, so that what is hashed is what is stored; floats are
doubles, which SQLite and PostgreSQL both give back bit for bit.
"""

from __future__ import annotations

import sqlalchemy as sa

# These two move together, with a new file in migrations/versions.
FORMAT = 12
REVISION = "0012"

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
    # The place in the chain of runs. Unique: of two runs recorded at once, one is rejected and tries again.
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


def _chain_table(name: str, *columns: sa.Column[object]) -> sa.Table:
    """An append-only table whose rows follow one another by hash (`record.chain.append`)."""
    return sa.Table(
        name,
        METADATA,
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        # The day of the chain: that of `recorded_at`, or the day of the row before when that is later.
        sa.Column("day", sa.String(10), nullable=False),
        # What is looked for by day is looked for by this moment: a row says it itself, and its hash holds it.
        sa.Column("recorded_at", sa.String(40), nullable=False, index=True),
        sa.Column("actor", sa.String(200), nullable=False),
        *columns,
        sa.Column("previous_hash", sa.String(64), nullable=False),
        sa.Column("entry_hash", sa.String(64), nullable=False),
    )


EVENT = _chain_table(
    "event",
    sa.Column("event_id", sa.String(200), nullable=False, unique=True),
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("declaration_id", sa.String(200), nullable=False, index=True),
    sa.Column("declaration_version", sa.Integer),
    sa.Column("office", sa.String(80)),
    sa.Column("lane", sa.String(80)),
    # The decision that the event speaks of: an event_id of kind "decision", or a decision_id of the table `decision`.
    sa.Column("decision_id", sa.String(400)),
    # Canonical JSON, without personal values (see PERSONAL_VALUE).
    sa.Column("payload", sa.Text, nullable=False),
)
sa.Index("ix_event_office_recorded_at", EVENT.c.office, EVENT.c.recorded_at, EVENT.c.lane)
# What auditors ask for; a rare one would otherwise be looked for in everything.
sa.Index("ix_event_actor_sequence", EVENT.c.actor, EVENT.c.sequence)
sa.Index("ix_event_kind_sequence", EVENT.c.kind, EVENT.c.sequence)

# Where each declaration is now: what its events say, kept in step by triggers on them (`migrations.statuses`), so that
# an office's queue and the figures of a period need not read the record. Nothing writes them by itself, and the proof
# compares them with the events.
DECLARATION_STATUS = sa.Table(
    "declaration_status",
    METADATA,
    sa.Column("declaration_id", sa.String(200), primary_key=True),
    # Of the event that gave the lane in force.
    sa.Column("office", sa.String(80), nullable=False),
    sa.Column("lane", sa.String(80), nullable=False),
    sa.Column("event_id", sa.String(200), nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("given_at", sa.String(40), nullable=False),
    sa.Column("basis", sa.String(40), nullable=False),
    sa.Column("is_reselected", sa.Boolean, nullable=False),
    sa.Column("inclusion_probability", sa.Double),
    sa.Column("inspects", sa.Boolean, nullable=False),
    # Whether a result of an inspection came after the lane was given, and when the first one did.
    sa.Column("is_inspected", sa.Boolean, nullable=False),
    sa.Column("is_cancelled", sa.Boolean, nullable=False),
    sa.Column("expected_revenue", sa.Double),
    sa.Column("inspected_at", sa.String(40)),
    # Of the last result of each item, whichever lane it came in: an importer who amends what was found has a new lane.
    sa.Column("is_irregular", sa.Boolean),
    sa.Column("found_revenue", sa.Double),
    # Why the lane was given in which the last result came: a basis, or "officer" for a re-selection.
    sa.Column("result_source", sa.String(40)),
    sa.Index("ix_declaration_status_queue", "office", "inspects", "is_inspected", "is_cancelled", "lane"),
    sa.Index("ix_declaration_status_given_at", "given_at", "office"),
    sa.Index("ix_declaration_status_sequence", "sequence"),
)
# For the figures of a period: of what few declarations have, and is needed one by one.
for _name, _column, _beside in (
    ("moments", "inspected_at", ("given_at", "office", "is_cancelled")),
    ("revenue", "found_revenue", ("given_at", "office", "is_cancelled", "result_source")),
    (
        "random",
        "is_irregular",
        ("basis", "is_reselected", "given_at", "office", "is_cancelled", "inclusion_probability"),
    ),
):
    sa.Index(
        f"ix_declaration_status_{_name}",
        *(DECLARATION_STATUS.c[one] for one in (*_beside, _column)),
        sqlite_where=DECLARATION_STATUS.c[_column].is_not(None),
        postgresql_where=DECLARATION_STATUS.c[_column].is_not(None),
    )

# How many declarations of a day are alike, by all that figures are grouped by; a cancelled one counts no more. Kept in
# step with DECLARATION_STATUS by triggers on it (`migrations.day_counts`); the proof compares them.
DAY_COUNT = sa.Table(
    "day_count",
    METADATA,
    sa.Column("day", sa.String(10), primary_key=True),
    sa.Column("office", sa.String(80), primary_key=True),
    sa.Column("lane", sa.String(80), primary_key=True),
    # A basis, or "officer".
    sa.Column("source", sa.String(40), primary_key=True),
    sa.Column("inspects", sa.Boolean, primary_key=True),
    sa.Column("is_inspected", sa.Boolean, primary_key=True),
    # "" without a result.
    sa.Column("result_source", sa.String(40), primary_key=True),
    # "irregular", "compliant" or "".
    sa.Column("result", sa.String(10), primary_key=True),
    sa.Column("declarations", sa.BigInteger, nullable=False),
)

ITEM_RESULT = sa.Table(
    "item_result",
    METADATA,
    sa.Column("declaration_id", sa.String(200), primary_key=True),
    # 0: a result of the whole declaration.
    sa.Column("item_number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("is_inspected", sa.Boolean, nullable=False),
    sa.Column("is_irregular", sa.Boolean),
    sa.Column("found_revenue", sa.Double),
)

# Which officer has a declaration in hand now: the last of its audit events that gave or took it (`record.officers`). A
# row outlives the wait: who examined it is known by it.
DECLARATION_OFFICER = sa.Table(
    "declaration_officer",
    METADATA,
    sa.Column("declaration_id", sa.String(200), primary_key=True),
    # That gave the declaration its lane then: an amendment elsewhere frees it.
    sa.Column("office", sa.String(80), nullable=False),
    # A user id; null: given back.
    sa.Column("officer", sa.String(40)),
    sa.Column("since", sa.String(40), nullable=False),
    # Of the audit event that says so.
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Index("ix_declaration_officer_officer", "officer", "office"),
)

# A document attached to a declaration's result. Its bytes are a file of the store; its digest is in the audit chain.
DOCUMENT = sa.Table(
    "document",
    METADATA,
    sa.Column("document_id", sa.String(40), primary_key=True),
    sa.Column("declaration_id", sa.String(200), nullable=False, index=True),
    # As its sender called it: it may name a person, so the chain does not have it.
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    # SHA-256 of the bytes.
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("attached_by", sa.String(40), nullable=False),
    sa.Column("attached_at", sa.String(40), nullable=False),
    # Of the audit event that says so.
    sa.Column("sequence", sa.BigInteger, nullable=False, unique=True),
)

AUDIT_EVENT = _chain_table(
    "audit_event",
    sa.Column("action", sa.String(80), nullable=False),
    sa.Column("subject", sa.String(400), nullable=False, index=True),
    sa.Column("before", sa.Text),
    sa.Column("after", sa.Text),
    sa.Column("motive", sa.Text),
)

CHAIN_HEAD = sa.Table(
    "chain_head",
    METADATA,
    # "targeting" (runs with their decisions), "event" or "audit".
    sa.Column("stream", sa.String(40), primary_key=True),
    sa.Column("day", sa.String(10), primary_key=True),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("head_hash", sa.String(64), nullable=False),
)

PERSONAL_VALUE = sa.Table(
    "personal_value",
    METADATA,
    # HMAC-SHA-256 of field and value under the salt: what the hashed payload holds in place of the value.
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("salt", sa.String(64), nullable=False),
    # A field of the schema, or TEXTS: then the value is the JSON of all the free texts of a declaration.
    sa.Column("field", sa.String(80), nullable=False),
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("day", sa.String(10), nullable=False, index=True),
)
# No index of values. An erasure reads the whole table anyway, because it searches texts; and the pages of an index that
# is sorted by values keep pieces of them after they are deleted (SQLite's secure_delete does not reach these).
TEXTS = "texts"

SELECTION_STATE = sa.Table(
    "selection_state",
    METADATA,
    sa.Column("office", sa.String(80), primary_key=True),
    sa.Column("day", sa.String(10), primary_key=True),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("updated_at", sa.String(40), nullable=False),
)

IDEMPOTENCY_KEY = sa.Table(
    "idempotency_key",
    METADATA,
    # Whose key: two systems may draw the same one.
    sa.Column("client", sa.String(200), primary_key=True),
    sa.Column("route", sa.String(200), primary_key=True),
    sa.Column("key", sa.String(200), primary_key=True),
    sa.Column("request_digest", sa.String(64), nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("response", sa.Text, nullable=False),
    sa.Column("created_at", sa.String(40), nullable=False),
    sa.Column("expires_at", sa.String(40), nullable=False, index=True),
)

REFUSED_BODY = sa.Table(
    "refused_body",
    METADATA,
    sa.Column("quarantine_id", sa.String(40), primary_key=True),
    sa.Column("client", sa.String(200), nullable=False),
    sa.Column("declaration_id", sa.String(200), index=True),
    sa.Column("first_at", sa.String(40), nullable=False),
    sa.Column("last_at", sa.String(40), nullable=False, index=True),
    sa.Column("times", sa.BigInteger, nullable=False),
    # JSON list of codes, fields and what was expected; nothing of the values.
    sa.Column("faults", sa.Text, nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    # As it was sent, JSON in ASCII; null when it was too long. It may name persons.
    sa.Column("body", sa.Text),
)
