"""Declarations that the service rejected: kept as they were sent, until they come corrected.

Enters: a body with its faults, in words of codes. Leaves: the same, with whether it came since. Never here: a decision;
a body that is repaired.

A body may name persons, so this table is no part of the hashed record: rows are erased with other personal values.
Whether one is resolved is not written down but looked up: a registration or an amendment of its declaration came since.
So the path of the declarations that are taken has nothing to do here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NotRequired, TypedDict, cast

import sqlalchemy as sa

from basira.schema.errors import NotFoundError
from basira.storage.database.connection import moment_text
from basira.storage.database.tables import EVENT, REFUSED_BODY
from basira.storage.naming import names
from basira.storage.record.erasure import Erasable

State = Literal["open", "resolved", "all"]

ERASED = "refused_body.erased"
ERASED_TOGETHER = 50  # in one audit event and transaction: a body may have a megabyte


class Fault(TypedDict):
    """One thing wrong with a body. ``item``: None for the declaration itself. ``code``: the quarantine's, stable."""

    item: int | None
    field: str | None
    code: str
    expected: str


class RejectedRow(TypedDict):
    """A body that is kept. Moments are ISO 8601 without a zone. ``times``: how often it was sent. ``resolved_at``: when
    its declaration was taken after all. ``body``: the JSON text, None when it was too long to be kept; absent in
    lists."""

    quarantine_id: str
    client: str
    declaration_id: str | None
    first_at: str
    last_at: str
    times: int
    faults: list[Fault]
    size_bytes: int
    body: NotRequired[str | None]
    resolved_at: str | None


@dataclass(frozen=True)
class NewRejected:
    """One to keep. ``quarantine_id``: of its content and client, so that the same again is one row. ``body``: the JSON
    text, None when it is too long to be kept."""

    quarantine_id: str
    client: str
    declaration_id: str | None
    faults: Sequence[Fault]
    size_bytes: int
    body: str | None


@dataclass(frozen=True)
class Kept:
    """How many bodies are kept, and the bytes of them and their faults."""

    count: int
    size_bytes: int

    def __add__(self, other: Kept) -> Kept:
        return Kept(self.count + other.count, self.size_bytes + other.size_bytes)


def count_again(connection: sa.Connection, body: NewRejected, *, now: datetime) -> bool:
    """Of a body that is kept already, count it and write down when it came last; whether it is."""
    values = {"of_body": body.quarantine_id, "last_at": moment_text(now), "faults": _faults_text(body)}
    return connection.execute(_COUNT_AGAIN, values).rowcount > 0


# Built once: SQLAlchemy takes longer to put it together than a database to run it, and a batch has hundreds.
_COUNT_AGAIN = (
    REFUSED_BODY.update()
    .where(REFUSED_BODY.c.quarantine_id == sa.bindparam("of_body"))
    .values(last_at=sa.bindparam("last_at"), times=REFUSED_BODY.c.times + 1, faults=sa.bindparam("faults"))
)


def keep_body(connection: sa.Connection, body: NewRejected, *, now: datetime) -> Kept:
    """Keep one that is not kept; what it takes."""
    moment, faults = moment_text(now), _faults_text(body)
    row = {
        "quarantine_id": body.quarantine_id,
        "client": body.client,
        "declaration_id": body.declaration_id,
        "first_at": moment,
        "last_at": moment,
        "times": 1,
        "faults": faults,
        "size_bytes": body.size_bytes,
        "body": body.body,
    }
    connection.execute(REFUSED_BODY.insert(), row)
    return Kept(1, len(faults) + len(body.body or ""))


def _faults_text(body: NewRejected) -> str:
    return json.dumps(list(body.faults))  # in ASCII, as bodies: a fault may name a field as it was sent


_SIZE = sa.func.length(REFUSED_BODY.c.faults) + sa.case(
    (REFUSED_BODY.c.body.is_not(None), REFUSED_BODY.c.size_bytes), else_=0
)
_SUMS = (sa.func.count(), sa.func.coalesce(sa.func.sum(_SIZE), 0))


def kept_of_day(connection: sa.Connection, client: str, *, now: datetime) -> Kept:
    """What is kept of one client that came first on the day of ``now``."""
    day = moment_text(now)[:10]
    # The latest is never before the first, and has an index.
    query = sa.select(*_SUMS).where(
        REFUSED_BODY.c.last_at >= day, REFUSED_BODY.c.first_at >= day, REFUSED_BODY.c.client == client
    )
    count, size = connection.execute(query).one()
    return Kept(int(count), int(size))


def kept_of_clients(connection: sa.Connection, *, now: datetime) -> dict[str, Kept]:
    """The same of every client that has some."""
    day = moment_text(now)[:10]
    query = sa.select(REFUSED_BODY.c.client, *_SUMS).where(
        REFUSED_BODY.c.last_at >= day, REFUSED_BODY.c.first_at >= day
    )
    rows = connection.execute(query.group_by(REFUSED_BODY.c.client).order_by(REFUSED_BODY.c.client))
    return {str(client): Kept(int(count), int(size)) for client, count, size in rows}


def kept_in_all(connection: sa.Connection) -> Kept:
    """What is kept of every client and day. It looks at every row."""
    count, size = connection.execute(sa.select(*_SUMS)).one()
    return Kept(int(count), int(size))


_COLUMNS = [column for column in REFUSED_BODY.columns if column.name != "body"]
# The first time that the declaration was taken after its last rejection; null while it was not.
_RESOLVED = (
    sa.select(sa.func.min(EVENT.c.recorded_at))
    .where(
        EVENT.c.declaration_id == REFUSED_BODY.c.declaration_id,
        EVENT.c.kind.in_(("registration", "amendment")),
        EVENT.c.recorded_at >= REFUSED_BODY.c.last_at,
    )
    .scalar_subquery()
)


def find_bodies(
    connection: sa.Connection,
    *,
    state: State = "open",
    code: str | None = None,
    limit: int = 100,
    after: tuple[str, str] | None = None,
) -> list[RejectedRow]:
    """Rejected bodies without their content, the latest first; those after ``after`` (last_at, quarantine_id).

    ``resolved_at``: when the declaration was taken after all. ``code``: only with a fault of this code.
    """
    query = sa.select(*_COLUMNS, _RESOLVED.label("resolved_at")).where(*_conditions(state, code))
    if after is not None:
        last_at, name = after
        later = sa.and_(REFUSED_BODY.c.last_at == last_at, REFUSED_BODY.c.quarantine_id > name)
        query = query.where(sa.or_(REFUSED_BODY.c.last_at < last_at, later))
    ordered = query.order_by(REFUSED_BODY.c.last_at.desc(), REFUSED_BODY.c.quarantine_id).limit(limit)
    return [_read_row(row) for row in connection.execute(ordered).mappings()]


def count_bodies(connection: sa.Connection, *, state: State = "open", code: str | None = None) -> int:
    """How many there are."""
    query = sa.select(sa.func.count()).select_from(REFUSED_BODY).where(*_conditions(state, code))
    return int(connection.execute(query).scalar_one())


def get_body(connection: sa.Connection, quarantine_id: str) -> RejectedRow:
    """One with its content; NotFoundError when there is none."""
    query = sa.select(REFUSED_BODY, _RESOLVED.label("resolved_at"))
    row = connection.execute(query.where(REFUSED_BODY.c.quarantine_id == quarantine_id)).mappings().first()
    if row is None:
        raise NotFoundError(
            "Expected a rejected declaration {quarantine_id!r}, found none.",
            hint="See 'basira quarantine list', or GET /api/v1/quarantine; one that was erased is gone.",
            quarantine_id=quarantine_id,
        )
    return _read_row(row)


def _conditions(state: State, code: str | None) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if state != "all":
        conditions.append(_RESOLVED.is_(None) if state == "open" else _RESOLVED.is_not(None))
    if code is not None:
        conditions.append(REFUSED_BODY.c.faults.contains(f'"code": {json.dumps(code)}', autoescape=True))
    return conditions


def _read_row(row: sa.RowMapping) -> RejectedRow:
    return cast("RejectedRow", {**row, "faults": json.loads(row["faults"])})


def bodies_naming(value: str) -> Erasable:
    """Every rejected body that names a value, in its content or, as a field that the schema lacks, in its faults, to
    `erase`."""
    columns = (REFUSED_BODY.c.body, REFUSED_BODY.c.faults, REFUSED_BODY.c.declaration_id)
    return _erasable(sa.or_(*(names(column, value) for column in columns)))


def bodies_before(day: str) -> Erasable:
    """The rejected bodies that came last before a day (YYYY-MM-DD), to `erase`."""
    return _erasable(REFUSED_BODY.c.last_at < day)


def _erasable(which: sa.ColumnElement[bool]) -> Erasable:
    key, order = REFUSED_BODY.c.quarantine_id, REFUSED_BODY.c.last_at
    return Erasable(key, order, which, ERASED, "quarantine_ids", ERASED_TOGETHER)
