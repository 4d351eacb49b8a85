"""Take the online record into the history: the service's declarations and results, as if a file of them had come.

Enters: a store, the operational database. Leaves: ordinary commits of the history, of what is new since the last time.
Never here: a row that a file would not have made; a decision; the name of an inspecting officer, which nothing in the
history needs; a value or a text that was erased.

The history itself holds the progress, in the name of each commit's source: a commit and its mark are one thing, so an
interrupted or repeated run changes nothing twice.

A declaration that an earlier version took with names of its own that no column may have goes to the quarantine, whole:
the record keeps it for ever, so the night must come past it, once.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from basira.decisions.events import AnyRecord, Outcome, Registration, read_records
from basira.ingest.mapping.columns import without_absent
from basira.ingest.mapping.model import Mapping as SourceMapping
from basira.ingest.mapping.model import load_mapping
from basira.ingest.rates import Rate, Rates, RecordedRates
from basira.ingest.readers.source import BrokenRow, SourceBatch, batch_of_records
from basira.schema.fields import EXTRA_PREFIX
from basira.schema.names import MOST_OF_A_SOURCE, MOST_OF_A_STORE, RULE, invalid_own_names
from basira.schema.records import EventKind
from basira.serving.currency import recorded_rates
from basira.storage.database.connection import Database
from basira.storage.history.store import DEFAULT_WAIT_SECONDS, History, own_names
from basira.storage.record.events import find_range, record_identity
from basira.workflows.intake.take_in import FileReport, Intake, OnProgress, take_in

Part = Literal["declarations", "results"]

# A declaration has at most so many items, so that event and item make the number of a row.
_ITEMS = 1_000
_LEFT_OUT = frozenset({"inspector_id"})
# Of one event, reported names at fault, and characters of each.
_MOST_SHOWN, _LONGEST_SHOWN = 3, 60
_KINDS: Mapping[Part, tuple[EventKind, ...]] = {
    "declarations": ("registration", "amendment"),
    "results": ("outcome",),
}
_MAPPINGS: Mapping[Part, str] = {"declarations": "basira", "results": "basira-outcomes"}
_MARK = re.compile(r"online record (\w+), (declarations|results), events (\d+) to (\d+)")


@dataclass(frozen=True)
class SetAside:
    """A recorded declaration or amendment that the history can't take. ``event``: its sequence in the record.
    ``names``: those at fault, some of them, as JSON texts (they are the sender's); empty: there are too many."""

    event: int
    reason: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Synced:
    """``reports``: one for each part that had something new. ``events``: the record's last event. ``snapshot``: after
    it. ``set_aside``: declarations of this run that are in quarantine for their names, in order."""

    reports: tuple[FileReport, ...]
    events: int
    snapshot: int
    set_aside: tuple[SetAside, ...] = ()


def sync_history(
    history: History,
    database: Database,
    *,
    now: datetime,
    progress: OnProgress | None = None,
    wait_seconds: float = DEFAULT_WAIT_SECONDS,
) -> Synced:
    """Take in every declaration, amendment and result that the service recorded since the last time.

    A declaration has the version, and a result the known date, that were recorded. A declaration that a file brought
    already is known; one that contradicts a file goes to quarantine, like the row of a second file; so does one whose
    own names the rule does not allow. A cancelled declaration is history too: it was declared. ``now``: written on
    every row as the moment of its taking in.

    Raises StoreError, MappingError.
    """
    with database.read() as connection:
        identity, last = record_identity(connection)
    reports = []
    set_aside: tuple[SetAside, ...] = ()
    for part in ("declarations", "results"):
        with history.writing(wait_seconds=wait_seconds) as draft:
            after = _mark(history, identity, part)
            reader = _Reader(database, part, own_names(history.snapshot()), after=after, until=last)
            columns = reader.columns()
            if not columns:
                continue
            set_aside += tuple(reader.set_aside.values())
            mapping = _mapping(part, columns)
            name = f"online record {identity[:12]}, {part}, events {after + 1} to {last}"
            intake = Intake(
                file_name=name,
                digest=hashlib.sha256(f"{identity} {name}".encode()).hexdigest(),
                mapping=mapping,
                reading=without_absent(mapping, columns),
                batches=reader.batches,
                bytes_total=0,
                received_at=now,
                action="ingest" if part == "declarations" else "feedback",
                is_simulated=history.snapshot().is_simulated,
                is_recorded=True,
                rates=reader.rates,
            )
            reports.append(take_in(history, draft, intake, progress))
    return Synced(tuple(reports), last, history.current_number(), set_aside)


def _mark(history: History, identity: str, part: Part) -> int:
    """The last event that the history has of this record."""
    found = (_MARK.fullmatch(entry.file_name) for entry in history.sources())
    return max(
        (int(mark[4]) for mark in found if mark and mark[1] == identity[:12] and mark[2] == part),
        default=0,
    )


def _mapping(part: Part, columns: tuple[str, ...]) -> SourceMapping:
    mapping = load_mapping(_MAPPINGS[part]).as_recorded()
    extras = {name.removeprefix(EXTRA_PREFIX): name for name in columns if name.startswith(EXTRA_PREFIX)}
    return mapping.model_copy(update={"extra": extras}) if mapping.has_items and extras else mapping


class _Reader:
    """Events as rows of text, some at a time; the same however often it is read."""

    def __init__(self, database: Database, part: Part, own: frozenset[str], *, after: int, until: int) -> None:
        """``own``: the names of sources' own fields that the history has."""
        self._database, self._part, self._after, self._until = database, part, after, until
        self._own = set(own)
        self._columns: tuple[str, ...] = ()
        # By event.
        self.set_aside: dict[int, SetAside] = {}
        # Of the rows of the last batch that was given, by number.
        self._rates: dict[int, Rate] = {}
        self._currencies: dict[str, None] = {}

    @property
    def rates(self) -> Rates | None:
        """The recorded rates of each batch, once it was read; None where nothing was converted. With several target
        currencies, which is unlikely: the last one, and the other rows are judged as a file of that currency is."""
        return RecordedRates(list(self._currencies)[-1], self._rates) if self._currencies else None

    def columns(self) -> tuple[str, ...]:
        """Every column that some row fills, in order of appearance; none without rows. Also finds the events to set
        aside."""
        names: dict[str, None] = {}
        for event in self._events():
            found = dict.fromkeys(name for row in _rows(event) for name in row)
            if isinstance(event, Registration) and (currency := recorded_rates(event.conversion)[0]):
                self._currencies = {**self._currencies, currency: None}
            own = [name for name in found if name.startswith(EXTRA_PREFIX)]
            fault = self._fault(event.sequence, own) if own else None
            if fault is None:
                self._own.update(own)
                names |= found
            else:
                self.set_aside[fault.event] = fault
                names |= dict.fromkeys(name for name in found if not name.startswith(EXTRA_PREFIX))
        self._columns = tuple(names)
        return self._columns

    def _fault(self, event: int, own: Sequence[str]) -> SetAside | None:
        if invalid := invalid_own_names(own):
            return SetAside(event, f"names that no field may have; expected {RULE}", _shorten(invalid))
        if len(own) > MOST_OF_A_SOURCE:
            return SetAside(event, f"{len(own)} names of its own; expected {RULE}", ())
        new = [name for name in own if name not in self._own]
        if new and len(self._own) + len(new) > MOST_OF_A_STORE:
            reason = f"new names for a store that has {len(self._own)}; expected at most {MOST_OF_A_STORE}"
            return SetAside(event, reason, _shorten(new))
        return None

    def batches(self) -> Iterator[SourceBatch]:
        """The rows, numbered by event and item."""
        records: list[dict[str, str | None]] = []
        numbers: list[int] = []
        broken: list[BrokenRow] = []
        for event in self._events():
            sequence = event.sequence
            fault = self.set_aside.get(sequence)
            conversion = event.conversion if isinstance(event, Registration) else None
            currency, rates = recorded_rates(conversion) if self._currencies else ("", {})
            if self._currencies and currency != list(self._currencies)[-1]:
                rates = {}
            for place, row in enumerate(_rows(event)):
                number = sequence * _ITEMS + place
                if rate := rates.get(int(row.get("item_number") or 0)):
                    self._rates[number] = rate
                if fault is None:
                    records.append(row)
                    numbers.append(number)
                else:
                    found = f"event {sequence}: {', '.join(fault.names) or 'too many names'}"
                    broken.append(BrokenRow(number, "bad_name", fault.reason, found, row))
            if len(records) + len(broken) >= 10_000:
                yield batch_of_records(records, numbers, broken, 0, self._columns)
                records, numbers, broken = [], [], []
                self._rates.clear()
        if records or broken:
            yield batch_of_records(records, numbers, broken, 0, self._columns)

    def _events(self) -> Iterator[AnyRecord]:
        after = self._after
        while True:
            with self._database.read() as connection:
                events = read_records(find_range(connection, _KINDS[self._part], after=after, until=self._until))
            if not events:
                return
            yield from events
            after = events[-1].sequence


def _shorten(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(json.dumps(name[:_LONGEST_SHOWN]) for name in names[:_MOST_SHOWN])


def _rows(record: AnyRecord) -> list[dict[str, str | None]]:
    """The rows of a result, or of a version of a declaration; none of any other record."""
    kept = {name: value for name, value in record.personal.items() if value is not None and name not in _LEFT_OUT}
    kept["declaration_id"] = record.declaration_id
    if isinstance(record, Outcome):
        return [_texts({**record.result, **kept})]
    if not isinstance(record, Registration) or record.content is None:
        return []
    own = {**kept, "declaration_version": record.declaration_version}
    return [_texts({**record.content["header"], **item, **own}) for item in record.content["items"]]


def _texts(values: Mapping[str, object]) -> dict[str, str | None]:
    """Values as a file of JSON lines gives them to the readers of rows."""
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in values.items()
        if value is not None
    }
