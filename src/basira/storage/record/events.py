"""What happens to a declaration online: registered, decided, amended, inspected, re-selected, cancelled.

Enters: events, in the order they happen. Leaves: the same, appended to one chain and never changed; a declaration's
history; an office's queue. Never here: the meaning of a payload beyond what its kind must say; a personal value in a
payload (they go to `record.personal`).

An event does not undo another: a cancellation, a re-selection or a corrected result is a later event.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal, NamedTuple, TypedDict, cast, get_args

import sqlalchemy as sa

from basira.schema.canonical import canonical_values
from basira.schema.days import text_after
from basira.schema.errors import StoreError
from basira.schema.json_values import JsonObject
from basira.schema.records import EventKind
from basira.schema.rows import EventRow
from basira.storage.database.connection import moment_text
from basira.storage.database.pipeline import OneByOne, Outcome, Statement
from basira.storage.database.tables import DECLARATION_STATUS, EVENT, TEXTS
from basira.storage.record.chain import LinkedRow, append
from basira.storage.record.officers import is_in_hand
from basira.storage.record.personal import PERSONAL_KEY, batches, sealed_values, unseal, values_statement

# What an event of the kind can't do without: columns, then entries of the payload.
_NEEDED: Mapping[EventKind, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "registration": (("declaration_version",), ()),
    "amendment": (("declaration_version",), ()),
    "decision": (("declaration_version", "office", "lane"), ("basis", "inclusion_probability")),
    "outcome": ((), ("known_at",)),
    "reselection": (("office", "lane", "decision_id"), ("motive",)),
    "cancellation": ((), ("motive",)),
}
_AT_A_TIME = 500  # below every database's limit of parameters
EVENT_KINDS: tuple[EventKind, ...] = get_args(EventKind)


Hands = Literal["", "mine", "free", "others", "mine_or_free"]


@dataclass(frozen=True)
class QueueFilter:
    """Which of an office's queue of a day (YYYY-MM-DD; None: of every day), that of the moment in which a lane was
    given. ``lane``: only those in it. ``inspects``: only those whose lane inspects, or whose does not.
    ``is_inspected``: only those with a result of an inspection after the lane was given, or without one. None: all.
    ``hands``: only those in the hands of ``officer``, of nobody, of others, or of one of the first two; "": all."""

    office: str
    day: str | None
    lane: str | None = None
    inspects: bool | None = None
    is_inspected: bool | None = None
    hands: Hands = ""
    officer: str = ""


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """What puts a declaration in its place in a queue. ``event_id``, ``sequence``, ``lane``: of the event that gave the
    lane. ``expected_revenue``: of the decision that it is, or that it changed; None where there is no score."""

    event_id: str
    sequence: int
    lane: str
    expected_revenue: float | None


@dataclass(frozen=True)
class Event:
    """One event to append.

    ``event_id``: the caller's, unique for ever; the id of the decision when the kind is "decision". ``actor``: user id
    or key id. ``payload``: JSON values, nothing personal. ``personal``: field to value, kept apart and erasable.
    ``texts``: entries of the payload that are kept apart and erasable too, all together: objects and lists of the
    payload's own shape, with what is missing there.
    ``decision_id``: the decision that it changes or follows.
    """

    event_id: str
    kind: EventKind
    declaration_id: str
    actor: str
    payload: JsonObject = field(default_factory=dict)
    personal: Mapping[str, str] = field(default_factory=dict)
    declaration_version: int | None = None
    office: str | None = None
    lane: str | None = None
    decision_id: str | None = None
    texts: JsonObject = field(default_factory=dict)


class NewEventRow(TypedDict):
    """An event as it is appended. ``payload``: canonical JSON, with the digests of the personal values."""

    event_id: str
    kind: EventKind
    declaration_id: str
    declaration_version: int | None
    office: str | None
    lane: str | None
    decision_id: str | None
    actor: str
    payload: str


class EventRows(NamedTuple):
    """``rows``: to append, of events. ``values``: their personal values, to keep apart."""

    rows: list[NewEventRow]
    values: list[dict[str, str]]


def append_event(connection: sa.Connection, event: Event, *, now: datetime) -> LinkedRow:
    """Append an event in the caller's transaction; the row as recorded. See `append_events`."""
    return append_events(connection, [event], now=now)[0]


def append_events(connection: sa.Connection, events: Sequence[Event], *, now: datetime) -> list[LinkedRow]:
    """Append events in the caller's transaction, in this order; the rows as recorded.

    Raises StoreError when one lacks what its kind needs, or its id is recorded already: nothing is then recorded.
    """
    rows, values = event_rows(events, now=now)
    appended = append(connection, "event", rows, now=now)
    OneByOne(connection).send_last(values_statement(values))
    return appended


def event_rows(events: Sequence[Event], *, now: datetime) -> EventRows:
    """Events as they are recorded. Raises StoreError when one lacks what its kind needs."""
    for event in events:
        _check(event)
    sealed, values = sealed_values([_apart(event) for event in events], day=moment_text(now)[:10])
    return EventRows([_row(event, digests) for event, digests in zip(events, sealed, strict=True)], values)


def _apart(event: Event) -> Mapping[str, str]:
    return {**event.personal, TEXTS: canonical_values(event.texts)} if event.texts else event.personal


def _row(event: Event, digests: Mapping[str, str]) -> NewEventRow:
    try:
        payload = canonical_values({**event.payload, **({PERSONAL_KEY: digests} if digests else {})})
    except (TypeError, ValueError) as error:
        raise StoreError(
            "Expected JSON values in an event of kind {kind}, found: {error}.",
            hint="Nothing was recorded; correct the payload.",
            kind=event.kind,
            error=error,
        ) from None
    return {
        "event_id": event.event_id,
        "kind": event.kind,
        "declaration_id": event.declaration_id,
        "declaration_version": event.declaration_version,
        "office": event.office,
        "lane": event.lane,
        "decision_id": event.decision_id,
        "actor": event.actor,
        "payload": payload,
    }


def _check(event: Event) -> None:
    if event.kind not in _NEEDED:
        raise StoreError(
            "Expected an event of kind {event_kinds}, found {kind!r}.",
            hint="Correct the kind.",
            event_kinds=", ".join(EVENT_KINDS),
            kind=event.kind,
        )
    columns, entries = _NEEDED[event.kind]
    missing = [name for name in columns if getattr(event, name) is None]
    missing += [name for name in entries if event.payload.get(name) in (None, "")]
    if isinstance(motive := event.payload.get("motive"), str) and not motive.strip():
        missing.append("motive")
    if missing:
        raise StoreError(
            "Expected {missing} in an event of kind {kind}, found nothing.",
            hint="Nothing was recorded; give it.",
            missing=", ".join(sorted(set(missing))),
            kind=event.kind,
        )
    if PERSONAL_KEY in event.payload:
        raise StoreError(
            "Expected no entry {personal_key!r} in the payload, found one.",
            hint="Give personal values apart from the payload.",
            personal_key=PERSONAL_KEY,
        )


def find_events(connection: sa.Connection, declaration_id: str, *, kind: EventKind | None = None) -> list[EventRow]:
    """What happened to a declaration, in order; of one kind when it is given.

    ``payload`` is a mapping, with the event's texts; ``personal`` holds the personal values, None where erased;
    ``is_text_erased``: the payload lacks the texts that it had.
    """
    query = sa.select(EVENT).where(EVENT.c.declaration_id == declaration_id).order_by(EVENT.c.sequence)
    return _read_rows(connection, query if kind is None else query.where(EVENT.c.kind == kind))


def find_office(connection: sa.Connection, declaration_id: str) -> str | None:
    """The office that last gave a declaration a lane; None when none did. As quick for one as for none."""
    rows = connection.execute(_OFFICES_OF, {"name": declaration_id}).all()
    return max(rows)[1] if rows else None


def find_events_of_many(connection: sa.Connection, declaration_ids: Sequence[str]) -> dict[str, list[EventRow]]:
    """What happened to each of several declarations (a few hundred at most), in order; as `find_events`."""
    found: dict[str, list[EventRow]] = {name: [] for name in declaration_ids}
    if len(found) == 1:  # quicker: SQLAlchemy takes as long for a list as the database for the answer
        (outcome,) = OneByOne(connection).send(Statement(_OF_ONE, [{"name": name} for name in found]))
        rows = _with_content(connection, [dict(zip(_COLUMNS, row, strict=True)) for row in outcome.rows])
    else:
        rows = _read_rows(connection, _OF_MANY, {"names": list(found)})
    for row in rows:
        found[row["declaration_id"]].append(row)
    return found


def find_latest_of_many(connection: sa.Connection, versions: Mapping[str, int | None]) -> dict[str, list[EventRow]]:
    """What happened to each of several declarations (a few hundred at most), in order, as `find_events`, without the
    hashes. ``versions``: of each one to look at, beside its latest; None: no other one.

    ``payload`` is None of the registrations, amendments and decisions of all other versions: a declaration may have any
    number of them, of a thousand items each, and to amend it must not take longer every time.
    """
    found: dict[str, list[EventRow]] = {name: [] for name in versions}
    if len(found) == 1:  # see `find_events_of_many`
        values = [{"name": name, "version": version} for name, version in versions.items()]
        (outcome,) = OneByOne(connection).send(Statement(_LATEST_OF_ONE, values))
        rows = outcome.rows
    else:
        asked = [version for version in versions.values() if version is not None]
        rows = connection.execute(_LATEST_OF_MANY, {"names": list(found), "versions": asked}).all()
    for row in _with_content(connection, [dict(zip(_LATEST_COLUMNS, row, strict=True)) for row in rows]):
        found[row["declaration_id"]].append(row)
    return found


def count_statements(declaration_ids: Iterable[str]) -> list[Statement]:
    """What asks how many events each declaration has: see `have_as_many`."""
    return [Statement(_COUNT_OF, [{"name": name}]) for name in declaration_ids]


def have_as_many(outcomes: Sequence[Outcome], counts: Iterable[int]) -> bool:
    """Whether nothing came to any of them since they had so many, of what became of `count_statements`."""
    return all(outcome.rows[0][0] == count for outcome, count in zip(outcomes, counts, strict=True))


def find_day(connection: sa.Connection, office: str, day: str) -> list[EventRow]:
    """Every event of an office that gave a lane in this day, in order, whether it holds or not."""
    query = sa.select(EVENT).where(EVENT.c.office == office, *_within_day(day), EVENT.c.lane.is_not(None))
    return _read_rows(connection, query.order_by(EVENT.c.sequence))


def find_decisions_between(connection: sa.Connection, first: str, end: str) -> list[EventRow]:
    """Every decision of the service from a day to the one before another (YYYY-MM-DD), in order."""
    of_days = (EVENT.c.recorded_at >= first, EVENT.c.recorded_at < end)
    query = sa.select(EVENT).where(EVENT.c.kind == "decision", *of_days).order_by(EVENT.c.sequence)
    return _read_rows(connection, query)


def find_office_day(connection: sa.Connection, office: str, day: str) -> list[EventRow]:
    """Every event of an office in this day, in order: decisions, re-selections, cancellations, results."""
    query = sa.select(EVENT).where(EVENT.c.office == office, *_within_day(day))
    return _read_rows(connection, query.order_by(EVENT.c.sequence))


def _within_day(day: str) -> tuple[sa.ColumnElement[bool], ...]:
    """By the moment of the events, which each row says and its hash holds. The chain's day is a later one when another
    event was recorded after midnight before it, or once with a clock that was ahead."""
    after = text_after(date.fromisoformat(day))
    return EVENT.c.recorded_at >= day, EVENT.c.recorded_at < after


def find_range(
    connection: sa.Connection, kinds: Sequence[EventKind], *, after: int, until: int, limit: int = 2_000
) -> list[EventRow]:
    """Events of some kinds with a sequence after one and up to another, in order, so many at a time."""
    query = (
        sa.select(EVENT)
        .where(EVENT.c.sequence > after, EVENT.c.sequence <= until, EVENT.c.kind.in_(kinds))
        .order_by(EVENT.c.sequence)
        .limit(limit)
    )
    return _read_rows(connection, query)


def record_identity(connection: sa.Connection) -> tuple[str, int]:
    """What identifies this record of events (the hash of its first event), and its last sequence; ("", 0) when nothing
    is recorded."""
    first = connection.execute(sa.select(EVENT.c.entry_hash).order_by(EVENT.c.sequence).limit(1)).scalar()
    last = connection.execute(sa.select(sa.func.max(EVENT.c.sequence))).scalar()
    return str(first or ""), int(last or 0)


def find_by_ids(connection: sa.Connection, event_ids: Sequence[str]) -> dict[str, EventRow]:
    """Events by their ids; those that are not recorded are left out."""
    rows: list[EventRow] = []
    for batch in batches(list(dict.fromkeys(event_ids)), _AT_A_TIME):
        rows += _read_rows(connection, sa.select(EVENT).where(EVENT.c.event_id.in_(batch)))
    return {row["event_id"]: row for row in rows}


def find_outcomes(connection: sa.Connection, declaration_ids: Sequence[str]) -> list[EventRow]:
    """The inspection results of some declarations, in order."""
    rows: list[EventRow] = []
    for batch in batches(list(dict.fromkeys(declaration_ids)), _AT_A_TIME):
        query = sa.select(EVENT).where(EVENT.c.declaration_id.in_(batch), EVENT.c.kind == "outcome")
        rows += _read_rows(connection, query)
    return sorted(rows, key=lambda row: int(row["sequence"]))


def find_queue_entries(
    connection: sa.Connection,
    which: QueueFilter,
    *,
    intensity: Mapping[str, int],
    after: tuple[float, float, float] | None = None,
    limit: int | None = None,
    by_revenue: bool = True,
) -> list[QueueEntry]:
    """Declarations whose lane was last given by an office on a day, and what orders them: no payload leaves the
    database. The lane of the highest ``intensity`` first (one that is not named has 0), then the highest revenue (none
    is 0), then the first. One that was given another lane later or elsewhere, or was cancelled, is not among them.

    ``after``: only what comes behind this place, as `queue_order` gives it. ``limit``: so many. ``by_revenue``: without
    it no revenue is read, and within a lane the first comes first.
    """
    place = DECLARATION_STATUS.c
    revenue = place.expected_revenue if by_revenue else sa.literal(0.0, sa.Float)
    known = [(place.lane == name, rank) for name, rank in intensity.items()]
    rank = sa.case(*known, else_=0) if known else sa.literal(0)
    worth, sequence = sa.func.coalesce(revenue, 0.0), place.sequence
    query = sa.select(place.event_id, sequence, place.lane, revenue).where(*_of_queue(which))
    if after is not None:
        of_rank, of_worth, of_sequence = after
        query = query.where(sa.tuple_(rank, worth, -sequence) < sa.tuple_(int(of_rank), of_worth, -int(of_sequence)))
    found = connection.execute(query.order_by(rank.desc(), worth.desc(), sequence).limit(limit))
    return [QueueEntry(*row) for row in found]


def queue_order(place: QueueEntry, intensity: Mapping[str, int]) -> tuple[float, float, float]:
    """The position of a slot in its queue: intensity of the lane, revenue, sequence."""
    return float(intensity.get(place.lane, 0)), float(place.expected_revenue or 0.0), float(place.sequence)


def count_queue(connection: sa.Connection, which: QueueFilter) -> int:
    """How many declarations `find_queue_entries` would give without a place to begin behind and without a limit."""
    query = sa.select(sa.func.count()).select_from(DECLARATION_STATUS).where(*_of_queue(which))
    return int(connection.execute(query).scalar_one())


def _of_queue(which: QueueFilter) -> list[sa.ColumnElement[bool]]:
    place = DECLARATION_STATUS.c
    conditions = [place.office == which.office, place.is_cancelled.is_(sa.false())]
    if which.day is not None:
        after = text_after(date.fromisoformat(which.day))
        conditions += [place.given_at >= which.day, place.given_at < after]
    if which.lane is not None:
        conditions.append(place.lane == which.lane)
    if which.inspects is not None:
        conditions.append(place.inspects.is_(sa.true() if which.inspects else sa.false()))
    if which.is_inspected is not None:
        conditions.append(place.is_inspected.is_(sa.true() if which.is_inspected else sa.false()))
    if which.hands == "mine":
        conditions.append(is_in_hand(which.officer))
    elif which.hands:
        is_held, is_own = is_in_hand(), is_in_hand(which.officer)
        free = sa.not_(is_held)
        others = sa.and_(is_held, sa.not_(is_own))
        conditions.append({"free": free, "others": others}.get(which.hands, sa.or_(free, is_own)))
    return conditions


# Built once: SQLAlchemy takes longer to put a statement together than a database to run it.
_COLUMNS = tuple(column.name for column in EVENT.columns)
_OF_ONE = sa.select(EVENT).where(EVENT.c.declaration_id == sa.bindparam("name")).order_by(EVENT.c.sequence)
# Not the last sequence alone: PostgreSQL may read the whole table backwards for a maximum.
_OFFICES_OF = sa.select(EVENT.c.sequence, EVENT.c.office).where(
    EVENT.c.declaration_id == sa.bindparam("name"), EVENT.c.lane.is_not(None)
)
_COUNT_OF = sa.select(sa.func.count()).select_from(EVENT).where(EVENT.c.declaration_id == sa.bindparam("name"))
_OF_MANY = (
    sa.select(EVENT).where(EVENT.c.declaration_id.in_(sa.bindparam("names", expanding=True))).order_by(EVENT.c.sequence)
)
_OF_EVERY_VERSION = sa.and_(*(EVENT.c.kind != kind for kind in ("registration", "amendment", "decision")))
_LATEST_COLUMNS = tuple(name for name in _COLUMNS if name not in ("payload", "previous_hash", "entry_hash"))
_VERSION = EVENT.alias()


def _latest(latest: sa.ColumnElement[Any], is_asked: sa.ColumnElement[bool]) -> sa.Select[Any]:
    is_read = sa.or_(_OF_EVERY_VERSION, EVENT.c.declaration_version == latest, is_asked)
    columns = [EVENT.c[name] for name in _LATEST_COLUMNS]
    return sa.select(*columns, sa.case((is_read, EVENT.c.payload))).order_by(EVENT.c.sequence)


_LAST_VERSION = sa.func.max(_VERSION.c.declaration_version)
_LATEST_OF_ONE = _latest(
    sa.select(_LAST_VERSION).where(_VERSION.c.declaration_id == sa.bindparam("name")).scalar_subquery(),
    EVENT.c.declaration_version == sa.bindparam("version", type_=sa.Integer),
).where(EVENT.c.declaration_id == sa.bindparam("name"))
_NAMES: sa.BindParameter[str] = sa.bindparam("names", expanding=True)
_LAST_VERSIONS = (
    sa.select(_VERSION.c.declaration_id, _LAST_VERSION.label("version"))
    .where(_VERSION.c.declaration_id.in_(_NAMES))
    .group_by(_VERSION.c.declaration_id)
    .subquery()
)
# The names on both sides: from one of them PostgreSQL may read the whole table for the other.
_LATEST_OF_MANY = (
    _latest(_LAST_VERSIONS.c.version, EVENT.c.declaration_version.in_(sa.bindparam("versions", expanding=True)))
    .join(_LAST_VERSIONS, _LAST_VERSIONS.c.declaration_id == EVENT.c.declaration_id)
    .where(EVENT.c.declaration_id.in_(_NAMES))
)
_LATEST_COLUMNS += ("payload",)


def _read_rows(
    connection: sa.Connection, query: sa.Select[Any], values: Mapping[str, object] | None = None
) -> list[EventRow]:
    return _with_content(connection, [dict(row) for row in connection.execute(query, values or {}).mappings()])


def _with_content(connection: sa.Connection, rows: list[dict[str, object]]) -> list[EventRow]:
    """Rows as they are stored, their payloads opened."""
    payloads = [_open(cast("str | None", row.pop("payload"))) for row in rows]
    sealed: list[dict[str, str]] = [{} if one is None else one.pop(PERSONAL_KEY, {}) for one in payloads]
    known: dict[str, str | None] = {}
    for batch in batches([digest for digests in sealed for digest in digests.values()], _AT_A_TIME):
        known |= unseal(connection, {digest: digest for digest in batch})
    return [
        cast("EventRow", {**row, **_unseal(payload, {name: known[digest] for name, digest in digests.items()})})
        for row, payload, digests in zip(rows, payloads, sealed, strict=True)
    ]


def _open(text: str | None) -> JsonObject | None:
    payload: JsonObject | None = None if text is None else json.loads(text)
    return payload


class _Content(TypedDict):
    payload: JsonObject | None
    personal: Mapping[str, str | None]
    is_text_erased: bool


def _unseal(payload: JsonObject | None, apart: dict[str, str | None]) -> _Content:
    """The columns that take the place of a payload's text."""
    if TEXTS not in apart:
        return {"payload": payload, "personal": apart, "is_text_erased": False}
    texts = apart.pop(TEXTS)
    together = payload if texts is None else _together(payload, json.loads(texts))
    return {"payload": together, "personal": apart, "is_text_erased": texts is None}


def _together(one: Any, other: Any) -> Any:
    """Two JSON values of one shape as one: objects by name, lists by place."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {**one, **{name: _together(one[name], value) if name in one else value for name, value in other.items()}}
    if isinstance(one, list) and isinstance(other, list):
        return [_together(*pair) for pair in zip(one, other, strict=True)]
    return other
