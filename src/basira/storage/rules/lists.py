"""Lists that rules name: their changes and entries appended, read back as of a change; the values of entries erased.

Enters: a connection inside a transaction, what is new, who acts, when. Leaves: rows as records; each change audited in
its own transaction. Never here: a value of an entry in a table that only grows, or in the audit; which entries are in
force (`basira.rules.lists`).

Value, source, reason and owner of an entry stand apart, beside the salt of their digest, and are erased together. What
is left says that there was an entry, from when to when, and who added it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from basira.schema.canonical import canonical_values
from basira.schema.errors import NotFoundError, UsageError
from basira.storage.database.connection import lock_chains, moment_text
from basira.storage.database.tables import AUDIT_EVENT
from basira.storage.naming import names
from basira.storage.record.audit_log import AuditEvent, append_audit
from basira.storage.record.chain import is_storable
from basira.storage.record.erasure import Erasable
from basira.storage.rules.tables import RISK_LIST, RISK_LIST_CHANGE, RISK_LIST_END, RISK_LIST_ENTRY, RISK_LIST_VALUE

ERASED = "list.erased"  # action of the audit events that name the digests of erased entries
ERASED_TOGETHER = 500
_NO_END = "9999-12-31"
_SALT_BYTES = 32


@dataclass(frozen=True)
class StoredList:
    """A list. ``last``: number of its last change."""

    name: str
    kind: str
    matching: str
    least_closeness: float
    title: str
    owner: str
    last: int


@dataclass(frozen=True)
class EntryContent:
    """What is erased together."""

    value: str
    source: str
    reason: str
    owner: str


@dataclass(frozen=True)
class NewEntry:
    """An entry to append. Days as YYYY-MM-DD; ``ends_on`` None: no end."""

    content: EntryContent
    starts_on: str
    ends_on: str | None


@dataclass(frozen=True)
class StoredEntry:
    """An entry. ``number``: of the change that added it. ``added_until``: its last day as it was added; ``ends_on``: as
    the last change has it. ``content``: None when it was erased."""

    entry: int
    number: int
    starts_on: str
    added_until: str | None
    ends_on: str | None
    content: EntryContent | None


@dataclass(frozen=True)
class StoredChange:
    """One change of a list."""

    number: int
    action: str
    actor: str
    taken_at: str
    entry_count: int
    motive: str | None


@dataclass(frozen=True)
class Act:
    """Who changes a list, when and why. ``expected``: the last change that the writer saw; None: whatever it is."""

    actor: str
    now: datetime
    motive: str | None = None
    expected: int | None = None


def make_list(connection: sa.Connection, made: StoredList, act: Act) -> StoredList:
    """Append a new list, with its first change. Raises UsageError when there is one of its name."""
    lock_chains(connection)
    if find_list(connection, made.name) is not None:
        raise UsageError(
            "Expected a new list, found one named {made!r}.",
            hint="Choose another name.",
            made=made.name,
        )
    row = {
        "list_name": made.name,
        "kind": made.kind,
        "matching": made.matching,
        "least_closeness": made.least_closeness,
        "title": made.title,
        "owner": made.owner,
    }
    _require_storable(made.title, made.owner)
    connection.execute(RISK_LIST.insert(), row)
    _append_change(connection, made.name, 0, "made", act, [canonical_values(row)], 0)
    return get_list(connection, made.name)


def add_entries(connection: sa.Connection, name: str, entries: Sequence[NewEntry], act: Act) -> StoredList:
    """Append entries as one change. Raises UsageError when another change was made meanwhile: nothing is changed."""
    lock_chains(connection)
    last = _require_last(connection, name, act.expected)
    first = 1 + (connection.execute(_LARGEST_ENTRY, {"of": name}).scalar_one() or 0)
    rows, values = [], []
    for place, entry in enumerate(entries):
        content = canonical_values(vars(entry.content))
        _require_storable(content)
        salt = secrets.token_bytes(_SALT_BYTES)
        digest = _digest(content, salt)
        rows.append(
            {
                "list_name": name,
                "entry": first + place,
                "number": last + 1,
                "starts_on": entry.starts_on,
                "ends_on": entry.ends_on,
                "digest": digest,
            }
        )
        values.append({"digest": digest, "salt": salt.hex(), "content": content, "day": entry.ends_on or _NO_END})
    if rows:
        connection.execute(RISK_LIST_ENTRY.insert(), rows)
        connection.execute(RISK_LIST_VALUE.insert(), values)
    _append_change(connection, name, last, "added", act, [canonical_values(row) for row in rows], len(rows))
    return get_list(connection, name)


def end_entry(connection: sa.Connection, name: str, entry: int, ends_on: str, act: Act) -> StoredList:
    """Give an entry another last day, as one change. Raises NotFoundError for an entry that the list does not have."""
    lock_chains(connection)
    last = _require_last(connection, name, act.expected)
    if not connection.execute(_ENTRY, {"of": name, "entry": entry}).first():
        raise NotFoundError(
            "Expected the entry {entry} of the list {name!r}, found none.",
            hint="`basira lists show` numbers them.",
            entry=entry,
            name=name,
        )
    row = {"list_name": name, "entry": entry, "number": last + 1, "ends_on": ends_on}
    connection.execute(RISK_LIST_END.insert(), row)
    _append_change(connection, name, last, "ended", act, [canonical_values(row)], 1)
    return get_list(connection, name)


def find_list(connection: sa.Connection, name: str) -> StoredList | None:
    """A list, or None."""
    row = connection.execute(_LISTS.where(RISK_LIST.c.list_name == name)).mappings().first()
    return None if row is None else StoredList(**row)


def get_list(connection: sa.Connection, name: str) -> StoredList:
    """A list. Raises NotFoundError."""
    found = find_list(connection, name)
    if found is None:
        raise NotFoundError(
            "Expected the list {name!r}, found none.",
            hint="`basira lists list` shows the lists.",
            name=name,
        )
    return found


def list_lists(connection: sa.Connection) -> list[StoredList]:
    """Every list, in the order of names."""
    return [StoredList(**row) for row in connection.execute(_LISTS.order_by(RISK_LIST.c.list_name)).mappings()]


def list_changes(connection: sa.Connection, name: str) -> list[StoredChange]:
    """The changes of a list, in their order."""
    query = sa.select(RISK_LIST_CHANGE).where(RISK_LIST_CHANGE.c.list_name == name).order_by(RISK_LIST_CHANGE.c.number)
    return [
        StoredChange(row.number, row.action, row.actor, row.taken_at, row.entry_count, row.motive)
        for row in connection.execute(query)
    ]


def count_changes(connection: sa.Connection) -> int:
    """How many changes of lists there are: another number, and a list was changed."""
    return int(connection.execute(sa.select(sa.func.count()).select_from(RISK_LIST_CHANGE)).scalar_one())


def last_change_by(connection: sa.Connection, name: str, moment: str) -> int:
    """The number of the last change of a list until a moment (ISO); 0 when it was not there yet."""
    query = sa.select(sa.func.max(RISK_LIST_CHANGE.c.number)).where(
        RISK_LIST_CHANGE.c.list_name == name, RISK_LIST_CHANGE.c.taken_at <= moment
    )
    return int(connection.execute(query).scalar_one() or 0)


def list_entries(connection: sa.Connection, name: str, *, as_of: int | None = None) -> list[StoredEntry]:
    """The entries of a list in their order, as of a change, the last by default; with those whose days are over."""
    until = 2**31 - 1 if as_of is None else as_of
    ends = {entry: ends_on for entry, number, ends_on in list_ends(connection, name) if number <= until}
    query = (
        sa.select(RISK_LIST_ENTRY, RISK_LIST_VALUE.c.content)
        .join(RISK_LIST_VALUE, RISK_LIST_VALUE.c.digest == RISK_LIST_ENTRY.c.digest, isouter=True)
        .where(RISK_LIST_ENTRY.c.list_name == name, RISK_LIST_ENTRY.c.number <= until)
        .order_by(RISK_LIST_ENTRY.c.entry)
    )
    return [
        StoredEntry(
            row.entry,
            row.number,
            row.starts_on,
            row.ends_on,
            ends.get(row.entry, row.ends_on),
            None if row.content is None else EntryContent(**json.loads(row.content)),
        )
        for row in connection.execute(query)
    ]


def list_ends(connection: sa.Connection, name: str) -> list[tuple[int, int, str]]:
    """The other last days that entries of a list were given, in the order of changes: entry, change, day."""
    query = sa.select(RISK_LIST_END).where(RISK_LIST_END.c.list_name == name).order_by(RISK_LIST_END.c.number)
    return [(row.entry, row.number, row.ends_on) for row in connection.execute(query)]


def entries_naming(value: str) -> Erasable:
    """The contents of entries that name a person or firm, in any of their parts, to `erase`."""
    return _erasable(names(RISK_LIST_VALUE.c.content, value))


def entries_before(day: str) -> Erasable:
    """The contents of entries whose last day, as they were added, is before a day (YYYY-MM-DD), to `erase`."""
    return _erasable(RISK_LIST_VALUE.c.day < day)


def prove_lists(connection: sa.Connection) -> list[str]:
    """What is wrong with the lists, in sentences: a row or a content that is not the one that the audit has, whose own
    chain is proved elsewhere (`record.verify`)."""
    audited = _read_audit(connection)
    chained = {
        (str(one["list"]), one["number"]): one["digest"]
        for action in ("list.made", "list.added", "list.ended")
        for one in audited.get(action, ())
    }
    rows = _rows_of_changes(connection)
    faults = []
    for row in connection.execute(sa.select(RISK_LIST_CHANGE)).all():
        key = (row.list_name, row.number)
        if _digest_of(rows.pop(key, [])) != row.digest or chained.pop(key, None) != row.digest:
            faults.append(f"change {row.number} of the list {row.list_name} is not the one that the audit has")
    faults += [f"change {number} of the list {name} is gone" for name, number in chained]
    faults += [f"the list {name} has rows of no change, {number}" for name, number in rows]
    return [*faults, *_verify_contents(connection, audited.get(ERASED, ()))]


def _read_audit(connection: sa.Connection) -> dict[str, list[Mapping[str, object]]]:
    """What the audit's events on lists say, by action; an altered one, whose hash shows it, is left out."""
    found: dict[str, list[Mapping[str, object]]] = {}
    query = sa.select(AUDIT_EVENT.c.action, AUDIT_EVENT.c.after).where(AUDIT_EVENT.c.action.startswith("list."))
    for row in connection.execute(query):
        try:
            after = json.loads(row.after)
        except (TypeError, ValueError):
            continue
        if isinstance(after, dict) and ({"list", "number", "digest"} <= after.keys() or row.action == ERASED):
            found.setdefault(row.action, []).append(after)
    return found


def _verify_contents(connection: sa.Connection, erasures: Sequence[Mapping[str, object]]) -> list[str]:
    erased = {str(digest) for one in erasures for digest in _texts(one.get("digests"))}
    kept = {
        row.digest: _digest(row.content, bytes.fromhex(row.salt)) == row.digest
        for row in connection.execute(sa.select(RISK_LIST_VALUE))
    }
    faults = []
    for row in connection.execute(sa.select(RISK_LIST_ENTRY)):
        which = f"entry {row.entry} of the list {row.list_name}"
        is_own = kept.pop(row.digest, None)
        if is_own is None and row.digest not in erased:
            faults.append(f"the content of {which} is gone, and no erasure says so")
        elif is_own is not None and row.digest in erased:
            faults.append(f"the content of {which} is there, although it was erased")
        elif is_own is False:
            faults.append(f"the content of {which} was changed")
    return [*faults, *([f"{len(kept)} contents belong to no entry"] if kept else [])]


def _texts(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()


def _rows_of_changes(connection: sa.Connection) -> dict[tuple[str, int], list[str]]:
    """The rows that each change appended, as they were hashed."""
    found: dict[tuple[str, int], list[str]] = {}
    for row in connection.execute(sa.select(RISK_LIST)).mappings():
        found[row["list_name"], 1] = [canonical_values(dict(row))]
    for table in (RISK_LIST_ENTRY, RISK_LIST_END):
        query = sa.select(table).order_by(table.c.list_name, table.c.entry)
        for row in connection.execute(query).mappings():
            found.setdefault((row["list_name"], row["number"]), []).append(canonical_values(dict(row)))
    return found


def _append_change(
    connection: sa.Connection, name: str, last: int, action: str, act: Act, rows: Sequence[str], count: int
) -> None:
    digest, number = _digest_of(rows), last + 1
    row = {
        "list_name": name,
        "number": number,
        "action": action,
        "actor": act.actor,
        "taken_at": moment_text(act.now),
        "entry_count": count,
        "digest": digest,
        "motive": act.motive,
    }
    connection.execute(RISK_LIST_CHANGE.insert(), row)
    after = {"list": name, "number": number, "entries": count, "digest": digest}
    event = AuditEvent(f"list.{action}", subject=f"list/{name}", actor=act.actor, after=after, motive=act.motive)
    append_audit(connection, event, now=act.now)


def _require_last(connection: sa.Connection, name: str, expected: int | None) -> int:
    last = get_list(connection, name).last
    if expected is not None and last != expected:
        raise UsageError(
            "Expected the change {expected} to be the last of the list {name!r}, found {last}: another user "
            "changed it meanwhile.",
            hint="Look at the list again with `basira lists show`, then repeat the change.",
            expected=expected,
            name=name,
            last=last,
        )
    return last


def _require_storable(*texts: str) -> None:
    if not all(is_storable(text) for text in texts):
        raise UsageError("Expected texts of storable characters, found others.", hint="Remove the character U+0000.")


def _digest(content: str, salt: bytes) -> str:
    return hmac.new(salt, content.encode(), hashlib.sha256).hexdigest()


def _digest_of(rows: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def _erasable(which: sa.ColumnElement[bool]) -> Erasable:
    return Erasable(RISK_LIST_VALUE.c.digest, RISK_LIST_VALUE.c.day, which, ERASED, "digests", ERASED_TOGETHER)


_LISTS = sa.select(
    RISK_LIST.c.list_name.label("name"),
    RISK_LIST.c.kind,
    RISK_LIST.c.matching,
    RISK_LIST.c.least_closeness,
    RISK_LIST.c.title,
    RISK_LIST.c.owner,
    sa.select(sa.func.max(RISK_LIST_CHANGE.c.number))
    .where(RISK_LIST_CHANGE.c.list_name == RISK_LIST.c.list_name)
    .scalar_subquery()
    .label("last"),
)
_LARGEST_ENTRY = sa.select(sa.func.max(RISK_LIST_ENTRY.c.entry)).where(
    RISK_LIST_ENTRY.c.list_name == sa.bindparam("of")
)
_ENTRY = sa.select(RISK_LIST_ENTRY.c.entry).where(
    RISK_LIST_ENTRY.c.list_name == sa.bindparam("of"), RISK_LIST_ENTRY.c.entry == sa.bindparam("entry")
)
