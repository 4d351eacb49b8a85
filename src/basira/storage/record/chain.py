"""The hash chains of the operational record.

Enters: rows as they are stored. Leaves: their hashes; rows appended after the head of their stream. Never here: what a
row means.

A chain runs through everything in its stream: each row adds its own content to the hash before it (in the stream of
targeting, a run opens with a hash of its header and of the run before, and its last decision closes it). So a changed,
removed, added or moved row anywhere makes every later hash wrong. `chain_head` keeps the last hash of each day and
stream, for the proof. Nothing is found by a head: a chain ends at its last row, and events are found by their own
moments. So a forged head moves nothing. Who can rewrite the whole database can rewrite the heads too: keep them
elsewhere as well (`record.verify.export_heads`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias, TypedDict, cast

import sqlalchemy as sa

from basira.schema.errors import Phrase, StoreError
from basira.storage.database.connection import TAKE_CHAIN_LOCK, moment_text
from basira.storage.database.pipeline import OneByOne, Outcome, Sender, Statement
from basira.storage.database.tables import AUDIT_EVENT, CHAIN_HEAD, DECISION, EVENT, TARGETING_RUN

GENESIS = "0" * 64

# A row of whichever table, by column.
Row: TypeAlias = Mapping[str, object]

Stream = Literal["targeting", "event", "audit"]
Appended = Literal["event", "audit"]
CHAINED: Mapping[Appended, sa.Table] = {"event": EVENT, "audit": AUDIT_EVENT}

# What `append` works out itself: a caller's row has all the other columns and no more.
COLUMNS_MADE = frozenset({"sequence", "day", "recorded_at", "previous_hash", "entry_hash"})

_MOST_SECONDS_AHEAD = 300

_NOT_IN_OPENING = frozenset({"previous_hash", "opening_hash", "closing_hash", "decision_count"})
_NOT_IN_ENTRY = frozenset({"previous_hash", "entry_hash"})


@dataclass(frozen=True)
class Head:
    """The end of a stream on a day (or now): the sequence and the hash of its last row."""

    stream: Stream
    day: str
    sequence: int
    head_hash: str


class LinkedRow(TypedDict):
    """A row of a chained table: what the chain gave it, beside the table's own columns. ``day``: YYYY-MM-DD;
    ``recorded_at``: ISO 8601 without a zone."""

    sequence: int
    day: str
    recorded_at: str
    previous_hash: str
    entry_hash: str


def opening_hash(run: Row, previous: str) -> str:
    """Hash with which a run begins: its header, after the closing hash of the run before."""
    return _hash(previous, {c.name: run[c.name] for c in TARGETING_RUN.columns if c.name not in _NOT_IN_OPENING})


def entry_hash(decision: Row, previous: str) -> str:
    """Hash of one decision, after the hash before it."""
    return _hash(previous, {name: decision[name] for name in _ENTRY_COLUMNS})


def chained_hash(table: sa.Table, row: Row, previous: str) -> str:
    """Hash of one row of a chained table, after the hash before it."""
    return _hash(previous, {c.name: row[c.name] for c in table.columns if c.name not in _NOT_IN_ENTRY})


def append(connection: sa.Connection, stream: Appended, rows: Sequence[Row], *, now: datetime) -> list[LinkedRow]:
    """Append rows to a stream, in the caller's transaction; the rows as recorded.

    Raises StoreError when a column is missing, unknown or not of its type, or the clock is ahead (see `read_end`):
    nothing is then appended.
    """
    sender = OneByOne(connection)
    last = read_end(sender.send(*end_statements(sender, stream)), now=now)
    appended = link(stream, rows, last, now=now)
    sender.send_last(*append_statements(stream, appended, last))
    return appended


def end_statements(sender: Sender, stream: Appended) -> tuple[Statement, ...]:
    """Be the only one to append until the transaction ends, then ask where the stream ends: see `read_end`.

    On SQLite its write lock does the first already.
    """
    ask = Statement(_ENDS[stream], [{}])
    return (Statement(_LOCK_AND_CLOCK, [{}]), ask) if sender.database == "postgresql" else (ask,)


def read_end(outcomes: Sequence[Outcome], *, now: datetime) -> Head | None:
    """Where the stream ends, of what became of `end_statements`: its last row; None when it is empty.

    Raises StoreError when ``now`` is some minutes ahead of the database server's clock: the event would be in the
    queue of another day, and days never go back. (The last event is no measure: a quiet office's may be days old. A
    SQLite file is written by its own machine, and there is no second clock.) Raises it too when the head of the last
    row's day does not name that row: rows were cut off or the head was changed, and what is appended would hide it.
    """
    if len(outcomes) > 1:
        _require_clock(now, server=outcomes[0].rows[0][1])
    for stream, day, sequence, entry, head_sequence, head_hash in outcomes[-1].rows:
        if (sequence, entry) != (head_sequence, head_hash):
            raise StoreError(
                "Expected the head of {stream} {day} to name the last row, {sequence}, found {found}.",
                hint="Nothing was recorded. Prove the record with `basira audit verify`, and compare it with the last "
                "backup that verifies (docs/reference/operations-database.md).",
                stream=stream,
                day=day,
                sequence=sequence,
                found=Phrase("none")
                if head_sequence is None
                else Phrase("it names {number}, or another hash", number=head_sequence),
            )
        return Head(stream, day, sequence, entry)
    return None


def link(stream: Appended, rows: Sequence[Row], last: Head | None, *, now: datetime) -> list[LinkedRow]:
    """Rows with their places in the chain, after ``last``. Raises as `append`."""
    table = CHAINED[stream]
    recorded_at = moment_text(now)
    # Days never go back: a worker whose clock is a second behind after midnight stays on the new day.
    day = max(recorded_at[:10], last.day) if last else recorded_at[:10]
    sequence, previous = (last.sequence, last.head_hash) if last else (0, GENESIS)
    appended: list[LinkedRow] = []
    for row in rows:
        try:
            made = as_stored(table, row, COLUMNS_MADE)
        except (ValueError, TypeError) as error:
            raise StoreError(
                "Expected a row of {table}, found {error}.",
                hint="Nothing was recorded; correct the row.",
                table=table.name,
                error=error,
            ) from None
        sequence += 1
        made |= {"sequence": sequence, "day": day, "recorded_at": recorded_at, "previous_hash": previous}
        made["entry_hash"] = previous = chained_hash(table, made, previous)
        appended.append(cast("LinkedRow", made))
    return appended


def _require_clock(now: datetime, *, server: float) -> None:
    ahead = now.timestamp() - server  # one without a zone is local time: a wrong zone is no wrong clock
    if ahead > _MOST_SECONDS_AHEAD:
        raise StoreError(
            "Expected a clock at most {most_seconds_ahead} minutes ahead of the database server's, found one "
            "ahead by {ahead:,.0f} seconds.",
            hint="Nothing was recorded. Set the clock of this machine, or of the server, by NTP.",
            most_seconds_ahead=_MOST_SECONDS_AHEAD // 60,
            ahead=ahead,
        )


def append_statements(stream: Appended, appended: Sequence[LinkedRow], last: Head | None) -> tuple[Statement, ...]:
    """What writes down `linked` rows, and that the stream now ends with them."""
    if not appended:
        return ()
    end = appended[-1]
    head = Head(stream, end["day"], end["sequence"], end["entry_hash"])
    is_new = last is None or last.day != end["day"]
    return (
        Statement(_INSERTS[stream], appended),
        Statement(_NEW_HEAD, [asdict(head)]) if is_new else Statement(_MOVE_HEAD, [_head_values(head)]),
    )


def move_head(connection: sa.Connection, head: Head) -> None:
    """Write down that a stream now ends at ``head``."""
    if connection.execute(_MOVE_HEAD, _head_values(head)).rowcount == 0:
        connection.execute(_NEW_HEAD, asdict(head))


def _head_values(head: Head) -> Row:
    return {"of_stream": head.stream, "of_day": head.day, "sequence": head.sequence, "head_hash": head.head_hash}


# Built once: SQLAlchemy takes longer to put a statement together than SQLite to run it.
_INSERTS = {stream: table.insert() for stream, table in CHAINED.items()}
# The server's clock comes back with the lock: no statement, no round trip of its own.
_LOCK_AND_CLOCK = TAKE_CHAIN_LOCK.add_columns(sa.cast(sa.extract("epoch", sa.func.clock_timestamp()), sa.Double))


def _end(stream: Appended, table: sa.Table) -> sa.Select[Any]:
    """The last row of a stream, and the head of its day; the row first, so that one head alone is looked up."""
    row = table.c
    last = sa.select(row.day, row.sequence, row.entry_hash).order_by(row.sequence.desc()).limit(1).subquery()
    head, name = CHAIN_HEAD.c, sa.literal_column(f"'{stream}'", sa.String)
    of_its_day = sa.and_(head.stream == name, head.day == last.c.day)
    found = sa.select(name, last.c.day, last.c.sequence, last.c.entry_hash, head.sequence, head.head_hash)
    return found.select_from(last.outerjoin(CHAIN_HEAD, of_its_day))


_ENDS = {stream: _end(stream, table) for stream, table in CHAINED.items()}
_NEW_HEAD = CHAIN_HEAD.insert()
_MOVE_HEAD = (
    CHAIN_HEAD.update()
    .where(CHAIN_HEAD.c.stream == sa.bindparam("of_stream"), CHAIN_HEAD.c.day == sa.bindparam("of_day"))
    .values(sequence=sa.bindparam("sequence"), head_hash=sa.bindparam("head_hash"))
)
_ENTRY_COLUMNS = tuple(c.name for c in DECISION.columns if c.name not in _NOT_IN_ENTRY)


def _hash(previous: str, content: Row) -> str:
    # Total, unlike `schema.canonical`: a database that was tampered with may hold NaN or bytes where `as_stored` lets
    # none in, and the proof must say so instead of stopping.
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=repr)
    return hashlib.sha256(f"{previous}\n{text}".encode()).hexdigest()


def as_stored(table: sa.Table, row: Row, made: frozenset[str]) -> dict[str, object]:
    """A caller's row with exactly the types the database gives back, so that it hashes the same then.

    Raises ValueError that says what is missing, unknown or not of the column's type.
    """
    wanted = {column.name for column in table.columns} - made
    if row.keys() != wanted:
        missing, unknown = sorted(wanted - row.keys()), sorted(row.keys() - wanted)
        raise ValueError(f"missing {', '.join(missing) or 'nothing'}, unknown {', '.join(unknown) or 'nothing'}")
    return {column.name: _convert(column, row[column.name]) for column in table.columns if column.name in wanted}


def _convert(column: sa.Column[Any], value: Any) -> Any:
    if value is None:
        if column.nullable:
            return None
        raise ValueError(f"nothing in {column.name}")
    if isinstance(column.type, sa.Double):
        number = float(value)
        if number - number != 0:  # infinite or not a number
            raise ValueError(f"{number} in {column.name}")
        return number + 0.0  # -0.0 would come back as 0.0 from some engines
    if isinstance(column.type, sa.Integer):
        if isinstance(value, bool) or int(value) != value:
            raise ValueError(f"{value!r} in {column.name}, a whole number")
        return int(value)
    if not isinstance(value, str) or not is_storable(value):
        raise ValueError(f"{value!r} in {column.name}, a text")
    limit = column.type.length if isinstance(column.type, sa.String) else None
    if limit is not None and len(value) > limit:  # PostgreSQL would reject it, SQLite would not
        raise ValueError(f"{len(value)} characters in {column.name}, {limit} at most")
    return value


def is_storable(text: str) -> bool:
    """Whether every database takes a text: no NUL, no half of a surrogate pair (JSON can carry both).

    >>> is_storable("Casablanca-Port"), is_storable("a\\x00b"), is_storable("\\ud800")
    (True, False, False)
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in text
