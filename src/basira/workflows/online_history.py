"""The online record into the history: declarations and results that the service took, as if a file of them had come.

Enters: a store, the operational database. Leaves: ordinary commits of the history, of what is new since the last time.
Never here: a row that a file would not have made; a decision; the name of an inspecting officer, which nothing in the
history needs; a value or a text that was erased.

How far it went stands in the history itself, in the name of each commit's source: a commit and its mark are one thing,
so a run that is cut off and one that is repeated change nothing twice.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from basira.ingest.columns import without_absent
from basira.ingest.mapping import Mapping as SourceMapping
from basira.ingest.mapping import load_mapping
from basira.ingest.source import SourceBatch, batch_of_records
from basira.schema.fields import EXTRA_PREFIX
from basira.storage.history import DEFAULT_WAIT_SECONDS, History
from basira.storage.operations_database import Database
from basira.storage.operations_events import EventKind, find_range, record_identity
from basira.workflows.intake import FileReport, Intake, OnProgress, take_in

Row = Mapping[str, Any]
Part = Literal["declarations", "results"]

# A declaration has at most so many items, so that event and item make the number of a row.
_ITEMS = 1_000
_LEFT_OUT = frozenset({"inspector_id"})
_KINDS: Mapping[Part, tuple[EventKind, ...]] = {
    "declarations": ("registration", "amendment"), "results": ("outcome",),
}  # fmt: skip
_MAPPINGS: Mapping[Part, str] = {"declarations": "basira", "results": "basira-outcomes"}
_MARK = re.compile(r"online record (\w+), (declarations|results), events (\d+) to (\d+)")


@dataclass(frozen=True)
class Synced:
    """``reports``: one for each part that had something new. ``events``: the record's last event. ``snapshot``: after
    it."""

    reports: tuple[FileReport, ...]
    events: int
    snapshot: int


def sync_history(
    history: History, database: Database, *, now: datetime, progress: OnProgress | None = None,
    wait_seconds: float = DEFAULT_WAIT_SECONDS,
) -> Synced:  # fmt: skip
    """Take in every declaration, amendment and result that the service recorded since the last time.

    A declaration has the version, and a result the known date, that were recorded. One that a file brought already is
    known; one that contradicts a file goes to quarantine, like the row of a second file. A cancelled declaration is
    history too: it was declared. ``now``: written on every row as the moment of its taking in.

    Raises StoreError, MappingError.
    """
    with database.read() as connection:
        identity, last = record_identity(connection)
    reports = []
    for part in ("declarations", "results"):
        with history.writing(wait_seconds=wait_seconds) as draft:
            after = _mark(history, identity, part)
            reader = _Reader(database, part, after=after, until=last)
            columns = reader.columns()
            if not columns:
                continue
            mapping = _mapping(part, columns)
            name = f"online record {identity[:12]}, {part}, events {after + 1} to {last}"
            intake = Intake(
                file_name=name, digest=hashlib.sha256(f"{identity} {name}".encode()).hexdigest(), mapping=mapping,
                reading=without_absent(mapping, columns), batches=reader.batches, bytes_total=0, received_at=now,
                action="ingest" if part == "declarations" else "feedback",
                is_simulated=history.snapshot().is_simulated,
            )  # fmt: skip
            reports.append(take_in(history, draft, intake, progress))
    return Synced(tuple(reports), last, history.current_number())


def _mark(history: History, identity: str, part: Part) -> int:
    """The last event that the history has of this record."""
    found = (_MARK.fullmatch(entry.file_name) for entry in history.sources())
    return max(
        (int(mark[4]) for mark in found if mark and mark[1] == identity[:12] and mark[2] == part),
        default=0,
    )


def _mapping(part: Part, columns: tuple[str, ...]) -> SourceMapping:
    mapping = load_mapping(_MAPPINGS[part])
    extras = {name.removeprefix(EXTRA_PREFIX): name for name in columns if name.startswith(EXTRA_PREFIX)}
    return mapping.model_copy(update={"extra": extras}) if mapping.has_items and extras else mapping


class _Reader:
    """Events as rows of text, some at a time; the same however often it is read."""

    def __init__(self, database: Database, part: Part, *, after: int, until: int) -> None:
        self._database, self._part, self._after, self._until = database, part, after, until
        self._columns: tuple[str, ...] = ()

    def columns(self) -> tuple[str, ...]:
        """Every column that some row fills, in order of appearance; none without rows."""
        names = dict.fromkeys(name for event in self._events() for row in _rows(event, self._part) for name in row)
        self._columns = tuple(names)
        return self._columns

    def batches(self) -> Iterator[SourceBatch]:
        """The rows, numbered by event and item."""
        records: list[dict[str, str | None]] = []
        numbers: list[int] = []
        for event in self._events():
            for place, row in enumerate(_rows(event, self._part)):
                records.append(row)
                numbers.append(int(event["sequence"]) * _ITEMS + place)
            if len(records) >= 10_000:
                yield batch_of_records(records, numbers, [], 0, self._columns)
                records, numbers = [], []
        if records:
            yield batch_of_records(records, numbers, [], 0, self._columns)

    def _events(self) -> Iterator[Row]:
        after = self._after
        while True:
            with self._database.read() as connection:
                events = find_range(connection, _KINDS[self._part], after=after, until=self._until)
            if not events:
                return
            yield from events
            after = int(events[-1]["sequence"])


def _rows(event: Row, part: Part) -> list[dict[str, str | None]]:
    payload, personal = event["payload"], event["personal"]
    common = {name: value for name, value in personal.items() if value is not None and name not in _LEFT_OUT}
    common["declaration_id"] = event["declaration_id"]
    if part == "results":
        return [_texts({**payload, **common})]
    content = payload["content"]
    common["declaration_version"] = event["declaration_version"]
    return [_texts({**content["header"], **item, **common}) for item in content["items"]]


def _texts(values: Row) -> dict[str, str | None]:
    """Values as a file of JSON lines gives them to the readers of rows."""
    return {
        name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()
        if value is not None
    }  # fmt: skip
