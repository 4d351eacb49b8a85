"""A person's value taken out of the history: its files written anew without it, the earlier ones removed.

Enters: a store, a value. Leaves: where it stands; a new snapshot without it; a list of the files that are gone. Never
here: a file changed in place; a row lost; the value, in the new files or in the list.

An identifier becomes `erased:` and a random number, the same in the whole history: what the history learns of an
importer stays right, and neither the number nor the files tell who it was. A free text that names the value is emptied.
A declaration keeps its number, which the clearance system needs and whose own register still names the person.

Earlier snapshots name files that held the value, so these go too: what rests on such a snapshot can't be made again. A
run that is cut off leaves the old snapshot or the new one, and perhaps old files: the same again removes them.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from basira.schema.fields import EXTRA_PREFIX, FIELDS
from basira.schema.json_values import JsonObject
from basira.storage.described import remove_features
from basira.storage.history.draft import Draft
from basira.storage.history.erased import note_erased
from basira.storage.history.files import storage_errors, sync_folder
from basira.storage.history.manifest import TABLE_NAMES, TableName
from basira.storage.history.store import DEFAULT_WAIT_SECONDS, History
from basira.storage.naming import arrow_pattern, forms, pattern_of

Progress = Callable[[int, int, str], None]

PSEUDONYM = "erased:"
_IDENTIFIERS = frozenset(field.name for field in FIELDS if field.personal)
_TEXTS = frozenset(f.name for f in FIELDS if f.type == "text" and not f.personal and f.name != "declaration_id")
_ROWS = 50_000


@dataclass(frozen=True)
class Holding:
    """A file of the history that names the value. ``path``: in the store. ``rows``: how many of its rows.
    ``is_current``: of the snapshot in force; else of earlier ones alone."""

    path: str
    rows: int
    is_current: bool


@dataclass(frozen=True)
class ErasedHistory:
    """What was done, or would be. ``rows``: of the snapshot in force. ``rewritten``: its files that were written anew.
    ``removed``: files that are gone, those among them. ``left``: rows that still name the value, in a declaration's
    number or a code. ``snapshot``: in force afterwards. ``register_entries``: of the register of names."""

    rows: int
    rewritten: int
    removed: int
    left: int
    snapshot: int
    register_entries: int = 0


def find_holding(
    history: History, value: str, *, progress: Progress = lambda _done, _total, _what: None
) -> list[Holding]:
    """Every Parquet file of the store that names the value, of whatever snapshot."""
    current = {entry.path for entries in history.manifest().tables.values() for entry in entries}
    paths = sorted((history.root / "data").rglob("*.parquet"))
    found = []
    for n, path in enumerate(paths):
        progress(n, len(paths), "reading")
        if rows := count_naming(path, value):
            name = path.relative_to(history.root).as_posix()
            found.append(Holding(name, rows, name in current))
    progress(len(paths), len(paths), "reading")
    return found


def count_naming(path: Path, value: str) -> int:
    """How many rows of a Parquet file name the value."""
    return sum(_count(batch, value) for batch in _texts_of(path))


def erase_from_history(
    history: History,
    value: str,
    *,
    now: datetime,
    audit: Callable[[ErasedHistory], None],
    progress: Progress = lambda _done, _total, _what: None,
    wait_seconds: float = DEFAULT_WAIT_SECONDS,
) -> ErasedHistory:
    """Take the value out of every file of every snapshot. ``audit``: writes it down, between the new snapshot and the
    removal of the first file.

    Raises StoreError when another process writes the store, or the disk is full: the history is then as it was.
    """
    pseudonym = PSEUDONYM + secrets.token_hex(8)
    with history.writing(wait_seconds=wait_seconds) as draft:
        holding = find_holding(history, value, progress=progress)
        tables = {entry.path: (name, entry) for name in TABLE_NAMES for entry in draft.base.tables[name]}
        gone = [one for one in holding if not one.is_current]
        rows = left = rewritten = 0
        current = [one for one in holding if one.is_current]
        for n, one in enumerate(current):
            progress(n, len(current), "writing")
            name, entry = tables[one.path]
            remaining = _rewrite(draft, name, one, value, pseudonym, tag=f"e{n}")
            left += remaining
            if remaining < one.rows:
                draft.drop(name, [entry])
                gone.append(one)
                rows, rewritten = rows + one.rows - remaining, rewritten + 1
        if rewritten:
            draft.commit(())
        done = ErasedHistory(rows, rewritten, len(gone), left, history.current_number())
        if gone:
            audit(done)
            _remove(history.root, [one.path for one in gone], now)
    return done


def _rewrite(draft: Draft, name: TableName, holding: Holding, value: str, pseudonym: str, *, tag: str) -> int:
    """Write a file anew; how many of its rows name the value all the same. When all do, the new file is not added."""
    with pq.ParquetFile(draft.root / holding.path) as file:
        schema = file.schema_arrow
        writer = draft.writer(name, schema, tag=tag)
        remaining = 0
        for batch in file.iter_batches(batch_size=_ROWS):
            without = _without(batch, value, pseudonym)
            remaining += _count(without, value)
            writer.write(without.cast(schema))
    files = writer.close()
    if remaining < holding.rows:
        draft.add(name, files)
    return remaining


def _without(batch: pa.RecordBatch, value: str, pseudonym: str) -> pa.RecordBatch:
    columns = []
    for field, column in zip(batch.schema, batch.columns, strict=True):
        if field.name == "row_json":
            columns.append(pa.array([_row_without(text, value, pseudonym) for text in column.to_pylist()], field.type))
        elif field.name in _IDENTIFIERS:
            columns.append(pc.if_else(_named(column, value), pa.scalar(pseudonym, field.type), column))
        elif field.name in _TEXTS or field.name.startswith(EXTRA_PREFIX) or field.name == "value":
            columns.append(pc.if_else(_named(column, value), pa.scalar(None, field.type), column))
        else:
            columns.append(column)
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def _row_without(text: str, value: str, pseudonym: str) -> str:
    """A row of the quarantine, as its source had it: a cell that is the value, or that names it."""
    named = pattern_of(value)
    if not named.search(text):
        return text
    cells: JsonObject = json.loads(text)
    cleaned = {
        name: (pseudonym if str(cell).strip() == value else "") if named.search(str(cell)) else cell
        for name, cell in cells.items()
    }
    return json.dumps(cleaned, ensure_ascii=False)


def _texts_of(path: Path) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(path) as file:
        texts = [field.name for field in file.schema_arrow if pa.types.is_string(field.type)]
        yield from file.iter_batches(batch_size=_ROWS, columns=texts)


def _count(batch: pa.RecordBatch, value: str) -> int:
    """How many rows name the value, in whatever column."""
    found = pa.array([False] * len(batch))
    for column in batch.columns:
        if pa.types.is_string(column.type):
            found = pc.or_(found, _named(column, value))
    return int(pc.sum(found).as_py() or 0)


def _named(column: pa.Array, value: str) -> pa.Array:
    found = pa.array([False] * len(column))
    for form in forms(value):
        # Most have it nowhere, and a plain search is many times quicker than the pattern.
        if pc.any(pc.match_substring(column, form)).as_py():
            found = pc.or_(found, pc.fill_null(pc.match_substring_regex(column, arrow_pattern(form)), False))
    return found


def _remove(root: Path, paths: list[str], now: datetime) -> None:
    with storage_errors(root):
        note_erased(root, paths, now=now)
        remove_features(root)
        for path in paths:
            (root / path).unlink(missing_ok=True)
            sync_folder((root / path).parent)
