"""Personal values kept apart from what is hashed, so that they can be erased and the chain still holds (law 09-08).

Enters: fields with personal values (an importer, a declarant, an inspector); the free texts of a declaration, in which
any person may be named. Leaves: for each, a digest that is hashed with the payload; the value back, while it is kept.
Never here: a digest from which a guessed value can be checked.

All free texts of a declaration are one value, a JSON text (docs/decisions/0016-texts-and-history-erased.md).

The digest is HMAC-SHA-256(salt, field and value), with 32 random bytes of salt for each event. Identifiers of firms and
persons can be listed, so a plain hash of one is as good as the identifier: an attacker tries the whole list. The
salt is kept beside the value and erased with it. What is left in the chain is then a random-looking number that can't
be linked, neither to the person nor to another event of the same person.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

import sqlalchemy as sa

from basira.schema.errors import StoreError
from basira.storage.database.pipeline import Statement
from basira.storage.database.tables import PERSONAL_VALUE
from basira.storage.naming import names
from basira.storage.record.chain import is_storable
from basira.storage.record.erasure import Erasable

ERASED = "personal.erased"  # action of the audit events that say which digests were erased on purpose
PERSONAL_KEY = "personal"  # where a payload keeps the digests, field to digest

_SALT_BYTES = 32
_INSERT = PERSONAL_VALUE.insert()
ERASED_TOGETHER = 500  # digests in one audit event and transaction


def sealed_values(
    personal: Sequence[Mapping[str, str]], *, day: str
) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """For each event field to digest, for the hashed payload; and the rows that `values_statement` keeps apart.

    ``day``: from which retention counts, YYYY-MM-DD.
    """
    sealed, rows = [], []
    for values in personal:
        salt = secrets.token_bytes(_SALT_BYTES) if values else b""
        digests = {}
        for name, value in values.items():
            if not isinstance(value, str) or not is_storable(value):
                raise StoreError(
                    "Expected a text in the personal field {name}, found something else.",
                    hint="Nothing was recorded; correct it, or leave the field out when it has no value.",
                    name=name,
                )
            digests[name] = personal_digest(name, value, salt)
            rows.append({"digest": digests[name], "salt": salt.hex(), "field": name, "value": value, "day": day})
        sealed.append(digests)
    return sealed, rows


def values_statement(rows: Sequence[Mapping[str, str]]) -> Statement:
    """What keeps the personal values apart, in the transaction of the events that they belong to."""
    return Statement(_INSERT, rows)


def personal_digest(field: str, value: str, salt: bytes) -> str:
    """The digest of one value of one field under a salt."""
    # A field's name has no line break, so no other field and value give the same text.
    return hmac.new(salt, f"{field}\n{value}".encode(), hashlib.sha256).hexdigest()


def unseal(connection: sa.Connection, digests: Mapping[str, str]) -> dict[str, str | None]:
    """The personal values behind the digests; None where they were erased."""
    if not digests:
        return {}
    query = sa.select(PERSONAL_VALUE.c.digest, PERSONAL_VALUE.c.value).where(
        PERSONAL_VALUE.c.digest.in_(list(digests.values()))
    )
    known = {row.digest: row.value for row in connection.execute(query)}
    return {field: known.get(digest) for field, digest in digests.items()}


def values_of_person(value: str) -> Erasable:
    """Every personal value that names a person or firm, whatever its field, to `erase`; of free texts all those of the
    declaration. The audit never names it."""
    return _erasable(names(PERSONAL_VALUE.c.value, value))


def values_before(day: str) -> Erasable:
    """Every personal value recorded before a day (YYYY-MM-DD), to `erase` when the time of retention is over."""
    return _erasable(PERSONAL_VALUE.c.day < day)


def _erasable(which: sa.ColumnElement[bool]) -> Erasable:
    return Erasable(PERSONAL_VALUE.c.digest, PERSONAL_VALUE.c.day, which, ERASED, "digests", ERASED_TOGETHER)


def batches(values: Sequence[str], size: int) -> Iterator[list[str]]:
    """The values in lists of at most ``size``."""
    for start in range(0, len(values), size):
        yield list(values[start : start + size])


def erased_digests(after: object) -> list[str]:
    """The digests that an audit event of the action ERASED names. ``after``: its column, as it is stored."""
    try:
        return [str(digest) for digest in json.loads(cast("str", after))["digests"]]
    except (KeyError, TypeError, ValueError):  # it was altered: its hash shows it
        return []
