"""The proof: every hash made again from what is stored, against itself, its heads, and heads kept elsewhere.

Enters: a database; heads exported earlier. Leaves: every fault found. Never here: a repair.

What is found by what:
- a changed, removed, inserted or moved row: its hash, or the link of the next one;
- the last rows cut off: `chain_head`, in the database itself;
- a head changed, removed or added: the rows of its day, the last of which it must name;
- a row on another day than the one of its moment or of the row before it: the days in order;
- a row later than the database's clock: the clock (`record.clock`);
- the last rows cut off and the heads rewritten to match, or the whole chain made anew: the exported heads alone;
- a declaration in another officer's hands than its audit events say: `record.officers`;
- a personal value changed: its digest; one deleted without an erasure in the audit: its absence.
"""

from __future__ import annotations

import hashlib
import heapq
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from itertools import islice
from operator import itemgetter
from typing import Literal, NotRequired, cast

import sqlalchemy as sa

from basira.schema.canonical import canonical_values
from basira.schema.errors import StoreError, UsageError
from basira.storage.database.connection import Database
from basira.storage.database.migrations.day_counts import day_count_faults
from basira.storage.database.migrations.statuses import status_faults
from basira.storage.database.tables import CHAIN_HEAD, EVENT, PERSONAL_VALUE, TARGETING_RUN
from basira.storage.record.chain import CHAINED, GENESIS, Head, LinkedRow, Stream, chained_hash, is_storable
from basira.storage.record.clock import find_ahead
from basira.storage.record.documents import document_faults
from basira.storage.record.officers import officer_faults
from basira.storage.record.personal import ERASED, PERSONAL_KEY, batches, erased_digests, personal_digest
from basira.storage.record.runs import ChainReport, Operations
from basira.storage.record.verify_erasures import ErasedDigests, key_of

HEADS_FORMAT = 2
_AT_A_TIME: Mapping[str, int] = {"event": 500, "audit": 100}  # rows; an erasure names some hundred digests in one
_DIGESTS_AT_A_TIME = 500  # below every database's limit of parameters
MOST_FAULTS = 100  # of one stream; a chain cut in two has one in every row


class _Row(LinkedRow):
    """A row of either stream, with the columns that the proof looks at: of events ``payload``, of the audit the
    others."""

    payload: NotRequired[str]
    action: NotRequired[str]
    after: NotRequired[str | None]


@dataclass(frozen=True)
class Verified:
    """What `verify` found. ``erased``: personal values erased on purpose, as the audit says."""

    runs: int
    decisions: int
    events: int
    audit_events: int
    personal_values: int
    erased: int
    heads: tuple[Head, ...]
    heads_compared: int
    faults: tuple[str, ...]

    @property
    def is_whole(self) -> bool:
        """True when everything is as it must be."""
        return not self.faults

    def require_whole(self) -> None:
        """Raise StoreError, with the first fault, unless everything is whole."""
        if self.faults:
            raise StoreError(
                "Expected an unbroken record, found {count} fault(s); first, {faults}.",
                hint="Keep the database as it is, and compare it with the last backup that verifies.",
                count=len(self.faults),
                faults=self.faults[0],
            )


def verify(operations: Operations, *, kept: Sequence[Head] = ()) -> Verified:
    """Prove the whole record. ``kept``: heads exported earlier; each must still be a link of its chain."""
    report: ChainReport = operations.verify_chain()
    database: Database = operations.database
    with database.read() as connection, ErasedDigests() as erased:
        faults = list(report.faults)
        heads = export_heads(connection)
        personal = _Personal(connection, erased)
        audited, audit_ends, found = _verify_stream(connection, "audit", personal.look_at_audit)
        faults.extend(found)
        events, event_ends, found = _verify_stream(connection, "event", personal.look_at_events)
        faults.extend(found)
        faults.extend(personal.list_faults())
        ends = [*_run_ends(connection), *event_ends, *audit_ends]
        faults.extend(_verify_heads(connection, heads, "the head kept in the database"))
        faults.extend(_verify_days(heads, ends))
        faults.extend(_verify_tails(connection, heads))
        faults.extend(_verify_heads(connection, kept, "the head exported"))
        faults.extend(_verify_clock(connection))
        if not faults:  # of events that were changed nothing follows
            faults.extend(_verify_statuses(connection))
            faults.extend(islice(officer_faults(connection), MOST_FAULTS))
            faults.extend(islice(document_faults(connection), MOST_FAULTS))
    return Verified(
        runs=report.runs,
        decisions=report.decisions,
        events=events,
        audit_events=audited,
        personal_values=personal.kept,
        erased=personal.erased,
        heads=tuple(heads),
        heads_compared=len(kept),
        faults=tuple(faults),
    )


def _verify_statuses(connection: sa.Connection) -> list[str]:
    """Whether the queue and the figures of a period show what the events say."""
    faults = [
        f"the status of declaration {found}: expected what its events say, found {what}"
        for what, query in status_faults(connection.dialect.name).items()
        if (found := connection.exec_driver_sql(query).scalar()) is not None
    ]
    return faults or [
        f"the counts of {found}: expected those of its declarations, found others"
        for query in day_count_faults()
        if (found := connection.exec_driver_sql(query).scalar()) is not None
    ]


def _verify_stream(
    connection: sa.Connection, stream: Literal["event", "audit"], look_at: Callable[[Sequence[_Row]], None]
) -> tuple[int, list[Head], list[str]]:
    """Walk a stream from its beginning, some rows at a time; how many there are, the last one of each day, and what is
    wrong with them."""
    table = CHAINED[stream]
    faults: list[str] = []
    ends: dict[str, Head] = {}
    previous, expected, day, count = GENESIS, 1, "", 0
    for rows in _parts(connection, table, _AT_A_TIME[stream]):
        for row in rows:
            where = f"{stream} {row['sequence']}"
            row_hash = chained_hash(table, row, row["previous_hash"])
            if row["sequence"] != expected:
                faults.append(f"{stream}s {expected} to {row['sequence'] - 1} are missing")
            elif row["previous_hash"] != previous:
                faults.append(f"{where} does not follow the one before it")
            elif row["entry_hash"] != row_hash:
                faults.append(f"{where} was changed")
            elif row["day"] != (own := max(day, str(row["recorded_at"])[:10])):
                faults.append(f"{where} is recorded on {row['day']}, expected {own}")
            ends[str(row["day"])] = Head(stream, str(row["day"]), row["sequence"], row["entry_hash"])
            # A fault is reported once: later rows are compared with the day found here.
            day = max(day, str(row["day"])) if row["entry_hash"] == row_hash else day
            previous, expected = row["entry_hash"], row["sequence"] + 1
        count += len(rows)
        look_at(rows)
    return count, list(ends.values()), faults[:MOST_FAULTS]


def _parts(connection: sa.Connection, table: sa.Table, size: int) -> Iterator[list[_Row]]:
    """The rows of a stream in order, so many at a time: a record of years does not fit in memory."""
    last = -(2**62)
    query = sa.select(table).where(table.c.sequence > sa.bindparam("last")).order_by(table.c.sequence).limit(size)
    while rows := [cast("_Row", dict(row)) for row in connection.execute(query, {"last": last}).mappings()]:
        yield rows
        last = rows[-1]["sequence"]


class _Personal:
    """The personal values, looked at beside the events that hold their digests; the audit's erasures first."""

    def __init__(self, connection: sa.Connection, erased: ErasedDigests) -> None:
        self._connection, self._erased = connection, erased
        self._standing: set[str] = set()  # although the audit says that they were erased: most often none
        self._faults: list[str] = []
        self.kept = self.erased = 0

    def look_at_audit(self, rows: Sequence[_Row]) -> None:
        """Put the digests aside that some audit events name as erased, and look which of them are still kept."""
        query = sa.select(PERSONAL_VALUE.c.digest)
        for row in rows:
            digests = erased_digests(row["after"]) if row["action"] == ERASED else []
            self._erased.add(digests)
            for batch in batches(_storable(digests), _DIGESTS_AT_A_TIME):
                if len(self._standing) < MOST_FAULTS:
                    self._standing.update(
                        self._connection.execute(query.where(PERSONAL_VALUE.c.digest.in_(batch))).scalars()
                    )

    def look_at_events(self, events: Sequence[_Row]) -> None:
        """Compare the digests of some events with what is kept, and with what is there although it was erased."""
        texts = map(itemgetter("sequence", "payload"), events)
        sealed = {digest: (sequence, name) for sequence, text in texts for name, digest in _digests(text)}
        query = sa.select(PERSONAL_VALUE)
        kept: dict[str, bool] = {}
        for batch in batches(_storable(sealed), _DIGESTS_AT_A_TIME):
            found = self._connection.execute(query.where(PERSONAL_VALUE.c.digest.in_(batch))).mappings()
            kept |= {row["digest"]: _is_own(row) for row in found}
        for digest, (sequence, name) in sealed.items():
            if digest not in kept:
                self._erased.ask(digest, sequence)
            elif digest in self._standing:
                self.erased += 1
                self._say(f"the personal value of event {sequence}, {name} is there, although it was erased")
            elif not kept[digest]:
                self._say(f"the personal value of event {sequence}, {name} was changed")
        self.kept += len(kept)

    def _say(self, fault: str) -> None:
        if len(self._faults) < MOST_FAULTS:
            self._faults.append(fault)

    def list_faults(self) -> list[str]:
        """What was wrong, and how many values belong to no event."""
        first = heapq.nsmallest(MOST_FAULTS, self._erased.find_missing())
        for sequence, name in sorted((sequence, self._field(sequence, key)) for sequence, key in first):
            self._say(f"the personal value of event {sequence}, {name} is gone, and no erasure says so")
        self.erased += self._erased.found
        count = self._connection.execute(sa.select(sa.func.count()).select_from(PERSONAL_VALUE)).scalar_one()
        stray = [f"{count - self.kept} personal values belong to no event"] if count != self.kept else []
        return [*self._faults, *stray]

    def _field(self, sequence: int, key: bytes) -> str:
        payload = self._connection.execute(sa.select(EVENT.c.payload).where(EVENT.c.sequence == sequence)).scalar_one()
        return next(name for name, digest in _digests(payload) if key_of(digest) == key)


def _storable(digests: Iterable[str]) -> list[str]:
    """Those that a database can be asked for: an altered payload may hold any text."""
    return [digest for digest in digests if is_storable(digest)]


def _digests(payload: str) -> Iterator[tuple[str, str]]:
    """Field and digest of the personal values of a payload."""
    if f'"{PERSONAL_KEY}":' not in str(payload):
        return
    try:
        opened = json.loads(payload)
    except ValueError:  # it was altered: its hash shows it
        return
    found = opened.get(PERSONAL_KEY) if isinstance(opened, dict) else None
    if isinstance(found, dict):
        yield from ((name, str(digest)) for name, digest in found.items())


def _link(connection: sa.Connection, head: Head) -> tuple[str, str] | None:
    """The day and the hash of the row that a head names, as they are now."""
    if head.stream == "targeting":
        run = TARGETING_RUN.c
        query = sa.select(sa.func.substr(run.created_at, 1, 10), run.closing_hash).where(run.sequence == head.sequence)
    elif head.stream in CHAINED:
        row = CHAINED[head.stream].c
        query = sa.select(row.day, row.entry_hash).where(row.sequence == head.sequence)
    else:
        return None
    found = connection.execute(query).first()
    return None if found is None else (str(found[0]), str(found[1]))


def _verify_heads(connection: sa.Connection, heads: Iterable[Head], which: str) -> Iterator[str]:
    for head in heads:
        found = _link(connection, head)
        if found is None:
            yield f"{head.stream} {head.sequence} of {head.day} is gone: {which} names it"
        elif found[1] != head.head_hash:
            yield f"{head.stream} {head.sequence} of {head.day} is another one than {which} names"
        elif found[0] != head.day:
            yield f"{head.stream} {head.sequence} is recorded on {found[0]}: {which} names it for {head.day}"


def _verify_days(heads: Sequence[Head], ends: Sequence[Head]) -> Iterator[str]:
    """Each day's head names its last row; each day has one, and no other one has."""
    last = {(end.stream, end.day): end.sequence for end in ends}
    kept = {(head.stream, head.day): head.sequence for head in heads}
    for stream, day in kept.keys() - last.keys():
        yield f"the head of {stream} {day} is one of a day without a row"
    for (stream, day), sequence in last.items():
        named = kept.get((stream, day))
        if named is None:
            yield f"the head of {stream} {day} is missing"
        elif named != sequence:
            yield f"the head of {stream} {day} names {named}, and the last of the day is {sequence}"


def _run_ends(connection: sa.Connection) -> Iterator[Head]:
    """The last run of each day on which one was recorded."""
    table = TARGETING_RUN.c
    query = sa.select(table.created_at, table.sequence, table.closing_hash).order_by(table.sequence)
    ends = {row.created_at[:10]: row for row in connection.execute(query)}
    return (Head("targeting", day, row.sequence, row.closing_hash) for day, row in ends.items())


def _verify_clock(connection: sa.Connection) -> Iterator[str]:
    for one in find_ahead(connection):
        yield (
            f"{one.stream} {one.first} to {one.last}: {one.count} rows are later than the database's clock, up to "
            f"{one.latest}: a clock was ahead (`basira audit clock-error` says so), or they are forged"
        )


def _verify_tails(connection: sa.Connection, heads: Sequence[Head]) -> Iterator[str]:
    """A row after the last head of its stream was not appended by Basira."""
    last: dict[str, int] = {head.stream: head.sequence for head in sorted(heads, key=lambda h: h.sequence)}
    for stream, table in (("targeting", TARGETING_RUN), *CHAINED.items()):
        end = connection.execute(sa.select(sa.func.max(table.c.sequence))).scalar() or 0
        if end > last.get(stream, 0):
            yield f"{stream} {end} comes after the last head kept in the database ({last.get(stream, 0)})"


def _is_own(row: sa.RowMapping) -> bool:
    try:
        return personal_digest(row["field"], row["value"], bytes.fromhex(row["salt"])) == str(row["digest"])
    except (TypeError, ValueError):  # an invalid salt
        return False


def export_heads(connection: sa.Connection) -> list[Head]:
    """The last row of every stream and day, to keep where this database's administrators can't reach."""
    query = sa.select(CHAIN_HEAD).order_by(CHAIN_HEAD.c.stream, CHAIN_HEAD.c.day)
    return [Head(**row) for row in connection.execute(query).mappings()]


def heads_text(heads: Iterable[Head]) -> str:
    """Heads as the text of a file: a cut or edited one is no longer of its own SHA-256."""
    listed = [asdict(head) for head in heads]
    body = {"format": HEADS_FORMAT, "heads": listed, "sha256": _digest_of(listed)}
    return json.dumps(body, indent=1, ensure_ascii=False) + "\n"


def read_heads(text: str, *, where: str) -> list[Head]:
    """Heads from the text of a file, of this format or the one before it. Raises UsageError when it is empty, cut,
    edited or another file."""
    try:
        body = json.loads(text)
        if body["format"] not in (1, HEADS_FORMAT):
            raise ValueError(f"format {body['format']}")
        heads = [_read_head(**head) for head in body["heads"]]
        if not heads and not body.get("history"):  # of a store that decided nothing yet, the history's alone
            raise ValueError("no head at all")
        if len({(head.stream, head.day) for head in heads}) != len(heads):
            raise ValueError("two heads of one day")
        if body["format"] == HEADS_FORMAT and body["sha256"] != _digest_of(body["heads"]):
            raise ValueError("heads of another SHA-256 than the file names")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UsageError(
            "Expected chain heads of Basira in {where!r}, one at least and all as they were written, found "
            "something else ({error}).",
            hint="Give a file written by `basira audit heads`, from where it was carried to.",
            where=where,
            error=error,
        ) from None
    return heads


def _read_head(stream: Stream, day: str, sequence: int, head_hash: str) -> Head:
    """One head. Raises TypeError or ValueError when it is invalid."""
    if stream not in ("targeting", *CHAINED):
        raise ValueError(f"stream {stream!r}")
    if not isinstance(sequence, int) or sequence < 1:
        raise ValueError(f"sequence {sequence!r}")
    if len(head_hash) != len(GENESIS) or int(head_hash, 16) < 0:
        raise ValueError(f"hash {head_hash!r}")
    return Head(stream, date.fromisoformat(day).isoformat(), sequence, head_hash)


def _digest_of(listed: object) -> str:
    return hashlib.sha256(canonical_values(listed).encode()).hexdigest()
