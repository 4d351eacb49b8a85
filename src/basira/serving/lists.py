"""Lists that rules name as the service changes them: made, filled, entries ended; operators for whom a rule sleeps.

Enters: a database, a person, JSON bodies, the moment. Leaves: the list after the change, which is audited. Never here:
who may write a list and what an entry must be (`workflows.rules.lists`); a change without a person: a key writes none.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from basira.rules.faults import rule_fault
from basira.rules.lists.model import CLOSE_ENOUGH, LIST_KINDS, Ending, Entry, ListHeader, Matching
from basira.schema.access import Principal
from basira.schema.errors import UsageError
from basira.schema.json_values import JsonObject
from basira.serving.bodies import find_login, read_day, read_number, read_object, read_text, read_whole
from basira.serving.views.lists import ListBody, list_body_of
from basira.storage.database.connection import Database
from basira.workflows.rules.lists import add_to_list, create_list, end_in_list, snooze

# Of one change, in a body of 64 KiB. More are imported as a table, by `basira lists import`.
MOST_ENTRIES_OF_CHANGE = 200
_ENTRY_NAMES = frozenset({"value", "starts_on", "ends_on", "source", "reason", "owner"})
_MATCHINGS: tuple[Matching, ...] = ("exact", "name")


def make_list_of(body: object, database: Database, *, by: Principal, now: datetime) -> ListBody:
    """Make an empty list: ``name``, ``kind``, ``title``, ``owner``, perhaps ``matching`` and ``least_closeness``.

    Raises RuleError, UsageError.
    """
    values = read_object(body, {"name", "kind", "title", "owner", "matching", "least_closeness"})
    matching = read_text(values, "matching") or "exact"
    if matching not in _MATCHINGS:
        raise rule_fault("one_of", place="matching", expected=", ".join(_MATCHINGS), found=matching)
    kind = read_text(values, "kind")
    if kind not in LIST_KINDS:
        raise rule_fault("one_of", place="kind", expected=", ".join(LIST_KINDS), found=kind or "-")
    header = ListHeader(
        read_text(values, "name"),
        kind,
        read_text(values, "title"),
        read_text(values, "owner"),
        matching,
        read_number(values, "least_closeness", CLOSE_ENOUGH),
    )
    made = create_list(database, header, login=find_login(database, by), now=now)
    return list_body_of(database, made.name)


def add_entries_to(body: object, name: str, database: Database, *, by: Principal, now: datetime) -> ListBody:
    """Add entries (``entries``) as one change: all of them, or none; perhaps a ``motive``, and ``seen``, the number of
    the last change that the person saw. An entry without ``starts_on`` begins today.

    Raises RuleError, UsageError, NotFoundError.
    """
    values = read_object(body, {"entries", "motive", "seen"})
    given = values.get("entries")
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_ENTRIES_OF_CHANGE:
        raise UsageError(
            f"Expected 1 to {MOST_ENTRIES_OF_CHANGE} entries, found another number or no list.",
            hint="Send {'entries': [...]}; `basira lists import` takes more of a table.",
        )
    entries = [_entry_of(one, now.date()) for one in given]
    motive, seen = read_text(values, "motive").strip() or None, read_whole(values, "seen")
    login = find_login(database, by)
    add_to_list(database, name, entries, login=login, now=now, motive=motive, expected=seen)
    return list_body_of(database, name)


def end_entry_of(body: object, name: str, entry: int, database: Database, *, by: Principal, now: datetime) -> ListBody:
    """Give an entry an earlier last day: ``motive``, perhaps ``ends_on`` (yesterday by default: it holds no more) and
    ``seen``. Raises RuleError, UsageError, NotFoundError."""
    values = read_object(body, {"motive", "ends_on", "seen"})
    ends_on = read_day(values, "ends_on") or now.date() - timedelta(days=1)
    ending = Ending(entry, ends_on, read_text(values, "motive"))
    seen = read_whole(values, "seen")
    end_in_list(database, name, ending, login=find_login(database, by), now=now, expected=seen)
    return list_body_of(database, name)


def put_to_sleep(body: object, rule_id: str, database: Database, *, by: Principal, now: datetime) -> ListBody:
    """Put a rule to sleep for an operator: ``value``, ``source``, ``reason``, ``ends_on`` within 180 days, perhaps
    ``starts_on``. Raises RuleError, UsageError, NotFoundError."""
    entry = _entry_of(read_object(body, _ENTRY_NAMES), now.date())
    made = snooze(database, rule_id, entry, login=find_login(database, by), now=now)
    return list_body_of(database, made.name)


def read_match(body: object, today: date) -> tuple[str, date]:
    """What is looked for on a list: ``value``, perhaps ``on``, the day; today by default. Raises UsageError."""
    values = read_object(body, {"value", "on"})
    value = read_text(values, "value")
    if not value.strip():
        raise UsageError("Expected a value to look for, found none.", hint="Send {'value': ...}.")
    return value, read_day(values, "on") or today


def _entry_of(given: object, today: date) -> Entry:
    values: JsonObject = read_object(given, _ENTRY_NAMES)
    texts = {name: read_text(values, name) for name in ("value", "source", "reason", "owner")}
    return Entry(
        texts["value"],
        read_day(values, "starts_on") or today,
        read_day(values, "ends_on"),
        texts["source"],
        texts["reason"],
        texts["owner"],
    )
