"""The record proved, copied and put back, together with the history that it rests on; personal data erased.

Enters: a store, or a database by its URL; heads kept elsewhere; a backup. Leaves: what is whole and what is not,
copies, erasures. Never here: a repair, a silent upgrade.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

import sqlalchemy as sa

import basira
from basira.schema.errors import StoreError, UsageError
from basira.storage.database.backup import Backup, HistoryState, back_up, read_backup, restore
from basira.storage.database.freed import compact, free_deleted
from basira.storage.database.tables import FORMAT, TARGETING_RUN
from basira.storage.database.upgrade import Upgraded, upgrade
from basira.storage.documents import is_whole
from basira.storage.history.files import digest_file
from basira.storage.history.store import History
from basira.storage.naming import pattern_of, require_value
from basira.storage.online.office_state import count_answers_naming, erase_answers
from basira.storage.online.rejected import bodies_before, bodies_naming
from basira.storage.record.audit_log import require_motive
from basira.storage.record.chain import Head
from basira.storage.record.clock import Ahead, explain_ahead
from basira.storage.record.documents import list_digests
from basira.storage.record.erasure import count_erasable
from basira.storage.record.erasure import erase as erase_parts
from basira.storage.record.personal import values_before, values_of_person
from basira.storage.record.runs import Operations
from basira.storage.record.verify import Verified, export_heads, verify
from basira.storage.rules.lists import entries_before, entries_naming, prove_lists
from basira.storage.rules.prove import prove_rules

_ERASED = "values and rejected declarations"


@dataclass(frozen=True)
class Record:
    """Where the record is. ``place``: path or URL of the database. ``history``: None when it is not on this machine."""

    place: str | Path
    history: History | None


@dataclass(frozen=True)
class Restored:
    """What was restored. ``verified``: the proof of it; None when its format must be upgraded first."""

    backup: Backup
    verified: Verified | None


def prove(record: Record, *, kept: Sequence[Head] = ()) -> Verified:
    """Prove every chain, and that each recorded run still has the snapshot of the history it was made on."""
    with Operations(record.place, create=False) as operations:
        verified = verify(operations, kept=kept)
        missing = _missing_snapshots(operations, record.history)
        with operations.database.read() as connection:
            profiles = [*prove_rules(connection), *prove_lists(connection)]
            damaged = [] if record.history is None else _damaged_documents(connection, record.history.root)
    return replace(verified, faults=(*verified.faults, *profiles, *missing, *damaged))


def heads_of(record: Record) -> list[Head]:
    """The head of every chain now. Raises StoreError when nothing is recorded, and nothing is in the history."""
    with Operations(record.place, create=False) as operations, operations.database.read() as connection:
        heads = export_heads(connection)
    if not heads and (record.history is None or record.history.current_number() == 0):
        raise StoreError(
            "Expected a record with a row or more, found none: there is no head to write down.",
            hint="Name the record with --store or --database; a new one has heads after its first row.",
        )
    return heads


def explain_clock(record: Record, *, actor: str, motive: str, now: datetime) -> list[Ahead]:
    """Explain, audited, that the rows which are later than the database's clock come from a clock that was ahead."""
    with Operations(record.place, create=False) as operations, operations.database.write() as connection:
        return explain_ahead(connection, actor=actor, motive=motive, now=now)


def upgrade_record(record: Record) -> Upgraded:
    """Bring the database to this version's format; an absent one is made."""
    return upgrade(record.place)


def back_up_record(record: Record, folder: Path, *, now: datetime) -> Backup:
    """Copy the database into an empty folder, and write down which snapshot of the history goes with it."""
    return back_up(
        record.place,
        folder,
        now=now,
        software_version=basira.__version__,
        history=lambda: HistoryState() if record.history is None else _state(record.history),
    )


def restore_record(folder: Path, record: Record) -> Restored:
    """Put a backup where there is nothing, and prove it against the heads that the backup wrote down.

    Raises StoreError before anything is written when the history here does not reach the snapshot of the backup.
    """
    wanted = read_backup(folder)
    if record.history is not None and wanted.snapshot is not None:
        _require_history(record.history, wanted)
    backup = restore(folder, record.place)
    return Restored(backup, prove(record, kept=backup.heads) if backup.database_format == FORMAT else None)


@dataclass(frozen=True)
class Erased:
    """``count``: personal values, texts of declarations, rejected declarations and stored answers. ``left``: what
    remains to be done until they are gone from the database's files too, in sentences."""

    count: int
    left: tuple[str, ...] = ()


@dataclass(frozen=True)
class Erasure:
    """What is to be erased, by whom and why: what names a person, or what was recorded before a day; one of the two."""

    actor: str
    motive: str
    person: str | None = None
    before: date | None = None


def erase(
    record: Record,
    asked: Erasure,
    *,
    now: Callable[[], datetime],
    is_preview: bool = False,
    progress: Callable[[int, int, str], None] = lambda _done, _total, _what: None,
) -> Erased:
    """Erase what names a person, or the personal values recorded before a day: values, texts of declarations, rejected
    declarations, entries of lists, answers kept for senders; then take them out of the database's files.
    ``is_preview``: count them, and erase nothing. ``progress``: how many of how many are erased.

    Others record meanwhile. Raises StoreError when the database fails: what was erased until then stays erased, and is
    audited; the same again goes on. Raises UsageError when the audit would name the person for ever.
    """
    actor, motive, person = asked.actor, asked.motive, asked.person
    if (person is None) == (asked.before is None):
        raise UsageError("Expected either a person or a day, found both or neither.", hint="Give one of the two.")
    require_motive(motive)
    if person is not None:
        person = require_unnamed(require_value(person), actor, motive)
        parts = (values_of_person(person), bodies_naming(person), entries_naming(person))
    else:
        day = str(asked.before)
        parts = (values_before(day), bodies_before(day), entries_before(day))
    done = 0

    def report(count: int) -> None:
        nonlocal done
        done += count
        progress(done, total, _ERASED)

    with Operations(record.place, create=False) as operations:
        database = operations.database
        with database.read() as connection:
            total = sum(count_erasable(connection, part) for part in parts)
            total += 0 if person is None else count_answers_naming(connection, person)
        if is_preview:
            return Erased(total)
        try:
            report(0)
            for part in parts:
                erase_parts(database, part, actor=actor, motive=motive, now=now, report=report)
            if person is not None:
                with database.write() as connection:
                    answers = erase_answers(connection, person, actor=actor, motive=motive, now=now())
                report(answers)
            left = free_deleted(database)
        except StoreError as error:
            if not done:
                raise
            raise StoreError(
                error.message_phrase,
                hint="{done:,} were erased before it and are audited. When this is put right, the same command goes on "
                "with the rest.",
                done=done,
            ) from error
    return Erased(done, left)


def compact_record(record: Record) -> tuple[str, ...]:
    """Write the tables of the database anew; what is left to do, in sentences. See `database.freed.compact`."""
    with Operations(record.place, create=False) as operations:
        return compact(operations.database)


def require_unnamed(person: str, actor: str, motive: str) -> str:
    """The person, whom neither who erases nor why may name: both are audited. Raises UsageError."""
    if any(pattern_of(person).search(text) for text in (actor, motive)):
        raise UsageError(
            "Expected a motive and a name of who erases that do not name the person, found the value in them.",
            hint="The audit keeps both for ever: give the number of the request instead.",
        )
    return person


def _state(history: History) -> HistoryState:
    number = history.current_number()
    path = _manifest(history, number)
    return HistoryState(number, digest_file(path) if path.is_file() else None)


def _manifest(history: History, number: int) -> Path:
    return history.root / "manifests" / f"{number:08d}.json"


def _require_history(history: History, backup: Backup) -> None:
    if backup.snapshot is None or backup.snapshot == 0:
        return
    if history.current_number() < backup.snapshot:
        raise StoreError(
            "Expected a history at snapshot {snapshot} or later, found {current_number}.",
            hint="Restore the history's folder first, from a copy made with the backup or after it.",
            snapshot=backup.snapshot,
            current_number=history.current_number(),
        )
    path = _manifest(history, backup.snapshot)
    if not path.is_file() or digest_file(path) != backup.manifest_digest:
        raise StoreError(
            "Expected snapshot {snapshot} of the history as the backup knows it, found another or none.",
            hint="This is another store, or its manifests were changed: restore the history of this backup.",
            snapshot=backup.snapshot,
        )


def _damaged_documents(connection: sa.Connection, store: Path) -> list[str]:
    return [
        f"the document {document_id}: its file is gone, or is another one than was attached"
        for document_id, digest in list_digests(connection)
        if not is_whole(store, digest)
    ]


def _missing_snapshots(operations: Operations, history: History | None) -> list[str]:
    if history is None:
        return []
    with operations.database.read() as connection:
        query = sa.select(TARGETING_RUN.c.snapshot).distinct().order_by(TARGETING_RUN.c.snapshot)
        named = connection.execute(query).scalars().all()
    last = history.current_number()
    return [
        f"the history has no snapshot {number}, on which runs were made"
        for number in named
        if number and (number > last or not _manifest(history, number).is_file())
    ]
