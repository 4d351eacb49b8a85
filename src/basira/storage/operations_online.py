"""What the service keeps between two requests: the state of online selection, and answers already given.

Enters: a state and the sequence it was read at; an answer and the key it was asked under. Leaves: the same, or the word
that somebody else was quicker. Never here: what a state means (`selection` knows), a clock.

Both are written in the transaction of the decision they belong to: all of it stands, or nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from basira.schema.errors import UsageError
from basira.storage.operations_database import moment_text
from basira.storage.operations_tables import IDEMPOTENCY_KEY, SELECTION_STATE

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
_FIND_ANSWER = sa.select(IDEMPOTENCY_KEY).where(
    *(IDEMPOTENCY_KEY.c[name] == sa.bindparam(name) for name in ("client", "route", "key"))
)
_INSERT_ANSWER = IDEMPOTENCY_KEY.insert()


@dataclass(frozen=True)
class StoredState:
    """The selection state of an office and day: its text, and how many times it was written."""

    sequence: int
    state: str


@dataclass(frozen=True)
class Answer:
    """An answer given under an idempotency key: HTTP status and body."""

    status: int
    response: str


def find_state(connection: sa.Connection, office: str, day: str) -> StoredState | None:
    """The state of an office and day; None when nothing arrived yet."""
    row = connection.execute(_FIND_STATE, {"office": office, "day": day}).first()
    return StoredState(row.sequence, row.state) if row else None


def save_state(
    connection: sa.Connection, office: str, day: str, *, state: str, expected_sequence: int, now: datetime
) -> bool:
    """Write a state if it is still the one that was read; False when another worker wrote it meanwhile.

    ``expected_sequence``: of the state that the new one was made from, 0 when there was none. On False the transaction
    is to be rolled back, the state read again, and the declaration decided again.
    """
    values = {"sequence": expected_sequence + 1, "state": state, "updated_at": moment_text(now)}
    if expected_sequence == 0:
        try:
            with connection.begin_nested():  # of two first arrivals at once, one is refused and the other goes on
                connection.execute(SELECTION_STATE.insert(), {"office": office, "day": day, **values})
        except IntegrityError:
            return False
        return True
    places = {"of_office": office, "of_day": day, "expected": expected_sequence}
    return connection.execute(_SAVE_STATE, {**values, **places}).rowcount == 1


def find_answer(
    connection: sa.Connection, key: str, *, client: str, route: str, request_digest: str, now: datetime
) -> Answer | None:
    """The answer given under a key, to be given again; None when the key is new, or has expired (it is then removed).

    Raises UsageError when the key came with another request.
    """
    row = connection.execute(_FIND_ANSWER, {"client": client, "route": route, "key": key}).first()
    if row is None:
        return None
    if row.expires_at <= moment_text(now):
        purge_answers(connection, now=now)
        return None
    if row.request_digest != request_digest:
        raise UsageError(
            f"Expected the request first sent under the idempotency key {key!r}, found another one.",
            hint="Take a new key for a new request.",
        )
    return Answer(row.status, row.response)


def save_answer(
    connection: sa.Connection, key: str, answer: Answer, *, client: str, route: str, request_digest: str,
    now: datetime, expires_at: datetime,
) -> None:  # fmt: skip
    """Keep an answer under its key, in the transaction of what it answers.

    Raises StoreError, from the `write` block around it, when the key was used meanwhile: nothing is recorded twice.
    """
    moment = moment_text(now)
    row = {
        "client": client,
        "route": route,
        "key": key,
        "request_digest": request_digest,
        "status": answer.status,
        "response": answer.response,
        "created_at": moment,
        "expires_at": moment_text(expires_at),
    }
    connection.execute(_INSERT_ANSWER, row)


def purge_answers(connection: sa.Connection, *, now: datetime) -> int:
    """Remove the answers whose key has expired; how many."""
    return connection.execute(IDEMPOTENCY_KEY.delete().where(IDEMPOTENCY_KEY.c.expires_at <= moment_text(now))).rowcount
