"""What the service keeps between two requests: the state of online selection, and answers already given.

Enters: a state and the sequence it was read at; an answer and the key it was asked under. Leaves: the same, or the
report that another writer was quicker. Never here: what a state means (`selection` knows), a clock.

Both are written in the transaction of the decision they belong to: all of it is recorded, or nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from basira.schema.errors import UsageError
from basira.storage.database.connection import lock_chains, moment_text
from basira.storage.database.pipeline import OneByOne, Outcome, Statement
from basira.storage.database.tables import IDEMPOTENCY_KEY, SELECTION_STATE
from basira.storage.naming import names
from basira.storage.record.audit_log import AuditEvent, append_audit

ANSWERS_ERASED = "answers.erased"

_FIND_STATE = sa.select(SELECTION_STATE.c.sequence, SELECTION_STATE.c.state).where(
    SELECTION_STATE.c.office == sa.bindparam("office"), SELECTION_STATE.c.day == sa.bindparam("day")
)
_SAVE_STATE = (
    SELECTION_STATE.update()
    .where(
        SELECTION_STATE.c.office == sa.bindparam("of_office"),
        SELECTION_STATE.c.day == sa.bindparam("of_day"),
        SELECTION_STATE.c.sequence == sa.bindparam("expected"),
    )
    .values({name: sa.bindparam(name) for name in ("sequence", "state", "updated_at")})
)
_LOCK_STATE = _FIND_STATE.with_for_update()
_FIND_DAYS = sa.select(SELECTION_STATE.c.day, SELECTION_STATE.c.sequence, SELECTION_STATE.c.state).where(
    SELECTION_STATE.c.office == sa.bindparam("office"),
    SELECTION_STATE.c.day >= sa.bindparam("first"),
    SELECTION_STATE.c.day < sa.bindparam("end"),
)
_INSERT_STATE = SELECTION_STATE.insert()
_FIND_ANSWERS = sa.select(IDEMPOTENCY_KEY).where(
    IDEMPOTENCY_KEY.c.client == sa.bindparam("client"),
    IDEMPOTENCY_KEY.c.route == sa.bindparam("route"),
    IDEMPOTENCY_KEY.c.key.in_(sa.bindparam("keys", expanding=True)),
)
_FIND_ANSWER = sa.select(IDEMPOTENCY_KEY).where(
    *(IDEMPOTENCY_KEY.c[name] == sa.bindparam(name) for name in ("client", "route", "key"))
)
_INSERT_ANSWER = IDEMPOTENCY_KEY.insert()
_OF_KEY = [IDEMPOTENCY_KEY.c[name] for name in ("client", "route", "key")]
_HAS_EXPIRED = IDEMPOTENCY_KEY.c.expires_at <= sa.bindparam("moment")
_FREE_KEY = IDEMPOTENCY_KEY.delete().where(*(c == sa.bindparam(f"of_{c.name}") for c in _OF_KEY), _HAS_EXPIRED)
# So few that no writer waits long for the lock of a SQLite file.
_PURGED_AT_ONCE = 2_000
_PURGE = IDEMPOTENCY_KEY.delete().where(
    sa.tuple_(*_OF_KEY).in_(sa.select(*_OF_KEY).where(_HAS_EXPIRED).limit(_PURGED_AT_ONCE))
)


@dataclass(frozen=True)
class StoredState:
    """The selection state of an office and day: its text, and how many times it was written."""

    sequence: int
    state: str


@dataclass(frozen=True)
class NewState:
    """A state to write. ``expected_sequence``: of the one that it was made from, 0 when there was none."""

    office: str
    day: str
    state: str
    expected_sequence: int


@dataclass(frozen=True)
class KeyedAnswer:
    """An answer to keep under an idempotency key, of one client and route."""

    client: str
    route: str
    key: str
    request_digest: str
    answer: Answer


@dataclass(frozen=True)
class NewAnswers:
    """Answers to keep until ``expires_at``. ``has_expired``: some of their keys may have an answer that expired."""

    answers: Sequence[KeyedAnswer]
    expires_at: datetime
    has_expired: bool = False


@dataclass(frozen=True)
class Answer:
    """An answer given under an idempotency key: HTTP status and body."""

    status: int
    response: str


def find_state(connection: sa.Connection, office: str, day: str, *, is_locked: bool = False) -> StoredState | None:
    """The state of an office and day; None when nothing arrived yet.

    ``is_locked``: in a transaction that writes; no other transaction then writes this state before it ends. Every
    writer locks states before it appends (which locks the chains): so two writers never wait for each other.
    """
    query = _LOCK_STATE if is_locked else _FIND_STATE
    row = connection.execute(query, {"office": office, "day": day}).first()
    return StoredState(row.sequence, row.state) if row else None


def find_states(connection: sa.Connection, office: str, *, first: str, end: str) -> dict[str, StoredState]:
    """The office's states by day, from the day ``first`` to the one before ``end``."""
    rows = connection.execute(_FIND_DAYS, {"office": office, "first": first, "end": end})
    return {row.day: StoredState(row.sequence, row.state) for row in rows}


def state_statements(states: Sequence[NewState], *, now: datetime) -> list[Statement]:
    """What writes the states of several offices, each at most once: see `are_saved`.

    Every writer writes in order of office and day: so two transactions never wait for each other.
    """
    moment = moment_text(now)
    found = []
    for one in sorted(states, key=lambda one: (one.office, one.day)):
        values = {"sequence": one.expected_sequence + 1, "state": one.state, "updated_at": moment}
        if one.expected_sequence:
            place = {"of_office": one.office, "of_day": one.day, "expected": one.expected_sequence}
            found.append(Statement(_SAVE_STATE, [{**place, **values}]))
        else:
            found.append(Statement(_INSERT_STATE, [{"office": one.office, "day": one.day, **values}]))
    return found


def are_saved(outcomes: Sequence[Outcome]) -> bool:
    """Whether all states were still at the sequences that the new ones were made from; ``outcomes``: of
    `state_statements`. If not, roll the transaction back. (Of two first arrivals of an office at once, the database
    rejects one.)"""
    return all(one.changed == 1 for one in outcomes)


def save_state(
    connection: sa.Connection, office: str, day: str, *, state: str, expected_sequence: int, now: datetime
) -> bool:
    """Write a state if it is still the one that was read; False when another worker wrote it meanwhile.

    ``expected_sequence``: of the state that the new one was made from, 0 when there was none. On False the transaction
    is to be rolled back, the state read again, and the declaration decided again.
    """
    statements = state_statements([NewState(office, day, state, expected_sequence)], now=now)
    try:
        with connection.begin_nested():  # of two first arrivals at once, one is rejected and the other goes on
            return are_saved(OneByOne(connection).send(*statements))
    except IntegrityError:
        return False


def find_answer(
    connection: sa.Connection, key: str, *, client: str, route: str, request_digest: str, now: datetime
) -> Answer | None:
    """The answer given under a key, to be given again; None when the key is new, or has expired.

    Raises UsageError when the key came with another request.
    """
    row = connection.execute(_FIND_ANSWER, {"client": client, "route": route, "key": key}).first()
    if row is None:
        return None
    is_expired = row.expires_at <= moment_text(now)
    found = GivenAnswer(row.request_digest, Answer(row.status, row.response), is_expired)
    return found.to(request_digest, key=key)


@dataclass(frozen=True)
class GivenAnswer:
    """An answer as it is kept. ``is_expired``: it holds no more, and makes room for the next one under its key."""

    request_digest: str
    answer: Answer
    is_expired: bool

    def to(self, request_digest: str, *, key: str) -> Answer | None:
        """The answer to a request, None when it has expired; UsageError when it was given to another one."""
        if self.is_expired:
            return None
        if self.request_digest != request_digest:
            raise UsageError(
                "Expected the request first sent under the idempotency key {key!r}, found another one.",
                hint="Take a new key for a new request.",
                key=key,
            )
        return self.answer


def find_answers(
    connection: sa.Connection, keys: Sequence[str], *, client: str, route: str, now: datetime
) -> dict[str, GivenAnswer]:
    """What was answered under several keys of a client. Nothing is removed."""
    rows = connection.execute(_FIND_ANSWERS, {"client": client, "route": route, "keys": list(keys)})
    moment = moment_text(now)
    return {
        row.key: GivenAnswer(row.request_digest, Answer(row.status, row.response), row.expires_at <= moment)
        for row in rows
    }


def save_answer(connection: sa.Connection, kept: KeyedAnswer, *, now: datetime, expires_at: datetime) -> None:
    """Keep an answer under its key, in the transaction of what it answers; one that has expired makes room for it.

    Raises StoreError, from the `write` block around it, when the key was used meanwhile: nothing is recorded twice.
    """
    OneByOne(connection).send(*answers_statements(NewAnswers([kept], expires_at, has_expired=True), now=now))


def answers_statements(new: NewAnswers, *, now: datetime) -> list[Statement]:
    """What keeps several answers; fails as `save_answer`."""
    made, until = moment_text(now), moment_text(new.expires_at)
    rows = [
        {
            "client": one.client,
            "route": one.route,
            "key": one.key,
            "request_digest": one.request_digest,
            "status": one.answer.status,
            "response": one.answer.response,
            "created_at": made,
            "expires_at": until,
        }
        for one in new.answers
    ]
    keep = Statement(_INSERT_ANSWER, rows)
    if not new.has_expired:
        return [keep]
    keys = [{"of_client": one.client, "of_route": one.route, "of_key": one.key, "moment": made} for one in new.answers]
    return [Statement(_FREE_KEY, keys), keep]


def count_answers_naming(connection: sa.Connection, value: str) -> int:
    """How many answers `erase_answers` would remove."""
    query = sa.select(sa.func.count()).select_from(IDEMPOTENCY_KEY).where(_names_value(value))
    return int(connection.execute(query).scalar_one())


def erase_answers(connection: sa.Connection, value: str, *, actor: str, motive: str, now: datetime) -> int:
    """Remove, audited, the answers that name a value (the note of a re-selection, a number that is a name); how many.

    What comes again under such a key is decided by the record: the same content has the same decision.
    """
    lock_chains(connection)
    removed = connection.execute(IDEMPOTENCY_KEY.delete().where(_names_value(value))).rowcount
    if removed:
        append_audit(
            connection,
            AuditEvent(
                ANSWERS_ERASED, subject=IDEMPOTENCY_KEY.name, actor=actor, after={"count": removed}, motive=motive
            ),
            now=now,
        )
    return removed


def _names_value(value: str) -> sa.ColumnElement[bool]:
    return sa.or_(*(names(IDEMPOTENCY_KEY.c[column], value) for column in ("key", "response")))


def purge_answers(connection: sa.Connection, *, now: datetime) -> int:
    """Remove answers that have expired, some thousand at a time; how many."""
    (removed,) = OneByOne(connection).send(Statement(_PURGE, [{"moment": moment_text(now)}]))
    return removed.changed
