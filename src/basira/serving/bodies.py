"""Bodies of changes that a person makes, as JSON objects, and the login of that person.

Enters: JSON values, a principal. Leaves: values of the kind that is expected, or UsageError. Never here: what a value
means.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from basira.schema.access import Principal
from basira.schema.days import parse_exact_day
from basira.schema.errors import UsageError
from basira.schema.json_values import JsonObject
from basira.storage.accounts.users import get_user
from basira.storage.database.connection import Database

_LONGEST_DAY = 20  # of what an error shows


def find_login(database: Database, by: Principal) -> str:
    """The login of a person. Raises UsageError for a key, and for an account that was erased meanwhile."""
    if by.kind != "user":
        raise UsageError("Expected a person who is logged in, found a key.", hint="Log in: a change has an author.")
    with database.read() as connection:
        login = get_user(connection, by.id).login
    if login is None:  # erased since the session began
        raise UsageError("Expected an account in use, found one that was erased.", hint="Log in with another one.")
    return login


def read_object(body: object, names: Collection[str]) -> JsonObject:
    """A JSON object of these names, each of which may be absent. Raises UsageError for another value or name."""
    if not isinstance(body, dict) or body.keys() - set(names):
        raise UsageError(
            f"Expected a JSON object with {', '.join(sorted(names))}, found another.", hint="Correct the body."
        )
    return body


def read_text(values: JsonObject, name: str) -> str:
    """A text; "" where it is absent or null. Raises UsageError."""
    found = values.get(name)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise UsageError(f"Expected a text in {name}, found {_kind_of(found)}.", hint="Correct the body.")
    return found


def read_number(values: JsonObject, name: str, default: float) -> float:
    """A number; ``default`` where it is absent or null. Raises UsageError."""
    found = values.get(name)
    if found is None:
        return default
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise UsageError(f"Expected a number in {name}, found {_kind_of(found)}.", hint="Correct the body.")
    return float(found)


def read_whole(values: JsonObject, name: str, *, least: int = 1, most: int = 2**31 - 1) -> int | None:
    """A whole number from ``least`` to ``most``; None where it is absent or null. Raises UsageError."""
    found = values.get(name)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int) or not least <= found <= most:
        raise UsageError(
            f"Expected a whole number from {least} to {most} in {name}, found {_kind_of(found)}.",
            hint="Correct the body.",
        )
    return found


def read_flag(values: JsonObject, name: str) -> bool:
    """True or false; false where it is absent or null. Raises UsageError."""
    found = values.get(name)
    if found is not None and not isinstance(found, bool):
        raise UsageError(f"Expected true or false in {name}, found {_kind_of(found)}.", hint="Correct the body.")
    return bool(found)


def read_day(values: JsonObject, name: str) -> date | None:
    """A day (YYYY-MM-DD); None where it is absent or null. Raises UsageError."""
    text = read_text(values, name)
    return parse_exact_day(text[:_LONGEST_DAY], name=name) if text else None


def require_day(values: JsonObject, name: str) -> date:
    """A day (YYYY-MM-DD). Raises UsageError where it is absent too."""
    found = read_day(values, name)
    if found is None:
        raise UsageError(f"Expected a day in {name}, found none.", hint="Give it as YYYY-MM-DD.")
    return found


def _kind_of(value: object) -> str:
    """What a value is, never the value: it may be long, or name a person."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "another number" if abs(value) > 2**53 else str(value)
    return {bool: "true or false", str: "a text", list: "a list", dict: "an object"}.get(type(value), "null")
