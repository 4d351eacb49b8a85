"""Answers kept under idempotency keys: the same request under the same key gets the same answer for a day.

Enters: a caller, a request, its key; an answer. Leaves: the stored answer. Never here: an answer to another body.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from basira.storage.database.connection import Database
from basira.storage.online.office_state import (
    Answer,
    GivenAnswer,
    KeyedAnswer,
    find_answer,
    find_answers,
    purge_answers,
    save_answer,
)

ANSWERS_KEPT = timedelta(days=1)


@dataclass(frozen=True)
class Asked:
    """The caller, and the idempotency key of the request, when there is one. ``digest``: SHA-256 of the request's body.

    ``offices``: those whose declarations the caller may send; None: every one. ``language``: of the sentences in the
    answer.
    """

    actor: str
    route: str = ""
    key: str | None = None
    digest: str = ""
    offices: frozenset[str] | None = None
    language: str = "fr"


def given_answer(database: Database, asked: Asked, *, now: datetime) -> Answer | None:
    """The answer stored under the key; None without a key, or when the key is new. Raises UsageError when the key came
    with another body."""
    if not asked.key:
        return None
    with database.read() as connection:
        return find_answer(
            connection, asked.key, client=asked.actor, route=asked.route, request_digest=asked.digest, now=now
        )


def given_answers(
    connection: sa.Connection, several: Iterable[Asked], *, now: datetime
) -> Mapping[tuple[str, str, str], GivenAnswer]:
    """The answers stored under the keys of several requests, by client, route and key."""
    keys: dict[tuple[str, str], list[str]] = {}
    for asked in several:
        if asked.key:
            keys.setdefault((asked.actor, asked.route), []).append(asked.key)
    return {
        (client, route, key): answer
        for (client, route), of_route in keys.items()
        for key, answer in find_answers(connection, of_route, client=client, route=route, now=now).items()
    }


def keyed_answer(asked: Asked, text: str) -> KeyedAnswer | None:
    """An answer to store under the key of its request; None without a key."""
    return KeyedAnswer(asked.actor, asked.route, asked.key, asked.digest, Answer(200, text)) if asked.key else None


def store_answer(connection: sa.Connection, asked: Asked, answer: Answer, *, now: datetime) -> None:
    """Store an answer under its key for a day, in the caller's transaction."""
    save_answer(
        connection,
        KeyedAnswer(asked.actor, asked.route, asked.key or "", asked.digest, answer),
        now=now,
        expires_at=now + ANSWERS_KEPT,
    )


def purge_expired(database: Database, *, now: datetime) -> int:
    """Remove the answers that expired; return their count. Call it regularly."""
    with database.write() as connection:
        return purge_answers(connection, now=now)
