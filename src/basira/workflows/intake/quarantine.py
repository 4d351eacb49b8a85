"""The quarantine: listed, taken out to be corrected, sent again.

Enters: a store, and corrected rows. Leaves: lists, a CSV file, reports. Never here: a refused row
forgotten: it leaves the quarantine only when it is accepted, or found to be known already.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from basira.ingest.mapping.columns import mapped_columns, without_absent
from basira.ingest.mapping.model import Mapping, parse_mapping
from basira.ingest.mapping.numbering import numbering_mapping
from basira.ingest.readers.bounds import CORRECTIONS_BYTES, check_columns_count
from basira.ingest.readers.source import AS_FOUND, SourceBatch
from basira.render.spreadsheet import cell
from basira.render.writing import write_whole
from basira.schema.errors import NotFoundError, SourceError
from basira.storage.history.store import DEFAULT_WAIT_SECONDS, History
from basira.workflows.intake.take_in import FileReport, Intake, OnProgress, take_in

# Columns of an exported file that are Basira's; all others are the source's own, to be corrected.
EXPORT_COLUMNS = (
    "quarantine_id",
    "quarantine_code",
    "quarantine_field",
    "quarantine_value",
    "quarantine_expected",
    "quarantine_file",
)


@dataclass(frozen=True)
class QuarantinedRow:
    """One refused row. ``text``: the source row, column name to text."""

    quarantine_id: str
    table: str
    file_name: str
    field: str | None
    code: str
    value: str | None
    expected: str
    text: dict[str, str]
    source: str
    source_row: int
    received_at: datetime


@dataclass(frozen=True)
class RetryReport:
    """What became of the rows sent again, source by source. ``left``: rows still in quarantine."""

    files: tuple[FileReport, ...]
    left: int
    snapshot: int


def list_quarantine(
    history: History, *, code: str | None = None, file_name: str | None = None, limit: int | None = None
) -> list[QuarantinedRow]:
    """Refused rows, in the order of their files and rows, of one reason or file when asked."""
    rows: list[QuarantinedRow] = []
    for row in _rows(history):
        if (code is None or row.code == code) and (file_name is None or row.file_name == file_name):
            rows.append(row)
            if limit is not None and len(rows) >= limit:
                break
    return rows


def count_quarantine(history: History) -> dict[tuple[str, str], int]:
    """Number of refused rows by (file name, code)."""
    counts: dict[tuple[str, str], int] = {}
    for path in history.snapshot().files("quarantine"):
        table = pq.read_table(path, columns=["file_name", "code"])
        for name, code in zip(table.column(0).to_pylist(), table.column(1).to_pylist(), strict=True):
            counts[name, code] = counts.get((name, code), 0) + 1
    return dict(sorted(counts.items()))


def _rows(history: History) -> Iterator[QuarantinedRow]:
    for path in history.snapshot().files("quarantine"):
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=10_000):
                for row in batch.to_pylist():
                    text = json.loads(row.pop("row_json"))
                    yield QuarantinedRow(**row, text=text)


def export_quarantine(history: History, out: Path, *, code: str | None = None, file_name: str | None = None) -> int:
    """Write refused rows to a CSV file (UTF-8 with mark, ';'), to be corrected in a spreadsheet and sent again.

    The reason stands in the first columns, the source row, left as it is, in the others. Returns the number of rows.
    """
    rows = list_quarantine(history, code=code, file_name=file_name)
    names = dict.fromkeys(name for row in rows for name in row.text)
    for source in {row.source for row in rows}:  # columns that every refused row left empty can be filled in too
        names.update(dict.fromkeys(mapped_columns(_origin(history, source, None)[1])))
    made = io.StringIO(newline="")
    writer = csv.writer(made, delimiter=";")
    writer.writerow([*EXPORT_COLUMNS, *names])
    for row in rows:
        reason = [row.quarantine_id, row.code, row.field, row.value, row.expected, row.file_name]
        writer.writerow([cell(value) for value in reason] + [row.text.get(name, "") for name in names])
    write_whole(out, made.getvalue().encode("utf-8-sig"))
    return len(rows)


def read_corrections(path: Path) -> dict[str, dict[str, str]]:
    """Corrected rows by quarantine id, from a file that `export_quarantine` wrote. Raises SourceError."""
    corrections: dict[str, dict[str, str]] = {}
    try:
        if path.stat().st_size > CORRECTIONS_BYTES:
            raise SourceError(
                f"Expected at most {CORRECTIONS_BYTES >> 20} MB of corrected rows in {path.name}, found more.",
                hint="Export and correct them in parts: 'basira quarantine export --code ... --file ...'.",
            )
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            file.seek(0)
            rows = csv.DictReader(file, delimiter=";" if first.count(";") >= first.count(",") else ",")
            names = rows.fieldnames or ()
            check_columns_count(path, len(names))
            for row in rows if "quarantine_id" in names else ():
                corrections[row["quarantine_id"]] = {
                    name: text
                    for name, text in row.items()
                    if name not in EXPORT_COLUMNS and isinstance(text, str) and name
                }
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(
            f"Expected the corrected CSV file {path.name} in UTF-8 ({error}).",
            hint="Save it as 'CSV UTF-8' from the spreadsheet program.",
        ) from None
    if not corrections:
        raise SourceError(
            f"Expected a column quarantine_id in {path.name}, found none.",
            hint="Start from 'basira quarantine export'; keep its columns.",
        )
    return corrections


def retry_quarantine(
    history: History,
    *,
    received_at: datetime,
    corrections: Path | None = None,
    mapping: Mapping | None = None,
    ids: Sequence[str] | None = None,
    progress: OnProgress | None = None,
    wait_seconds: float = DEFAULT_WAIT_SECONDS,
) -> RetryReport:
    """Judge quarantined rows anew: as they are, or corrected.

    ``corrections``: a file of `export_quarantine` with corrected cells; only its rows are sent. ``mapping``:
    a better mapping than the one the rows were read by (kept in the store). ``ids``: only these. A row that
    is accepted, or identical to one the store has, leaves the quarantine; the others stay. One commit for
    each source that has something new.

    Raises NotFoundError (unknown id), SourceError, MappingError, StoreError.
    """
    changed = read_corrections(corrections) if corrections else {}
    rows = {row.quarantine_id: row for row in _rows(history)}
    wanted = list(changed) if corrections else list(rows if ids is None else ids)
    unknown = [name for name in wanted if name not in rows]
    if unknown:
        raise NotFoundError(
            f"Expected rows of the quarantine, found no row {', '.join(unknown[:5])} ({len(unknown)} in all).",
            hint="See 'basira quarantine list'; a row that was accepted meanwhile is no longer there.",
        )
    reports = []
    groups: dict[str, list[QuarantinedRow]] = {}
    for name in wanted:
        groups.setdefault(rows[name].source, []).append(rows[name])
    for source, members in groups.items():
        texts = {row.source_row: {**row.text, **changed.get(row.quarantine_id, {})} for row in members}
        texts = {number: text for number, text in texts.items() if set(text) != {AS_FOUND}}
        if not texts:  # rows that never had columns stay as they are until someone corrects them
            continue
        digest, used = _origin(history, source, mapping)
        with history.writing(wait_seconds=wait_seconds) as draft:
            intake = _intake_of(texts, used, digest=digest, file_name=members[0].file_name, received_at=received_at)
            reports.append(take_in(history, draft, intake, progress))
    snapshot = history.snapshot()
    return RetryReport(tuple(reports), snapshot.rows("quarantine"), snapshot.number)


def _origin(history: History, source: str, mapping: Mapping | None) -> tuple[str, Mapping]:
    """The full digest of a source, and the mapping it was last read by unless another is given."""
    for entry in reversed(history.sources()):
        if entry.digest.startswith(source):
            text_digest = entry.mapping_digest
            return entry.digest, mapping or parse_mapping(
                history.mapping_text(text_digest), name=entry.mapping_name, is_kept=True
            )
    raise NotFoundError(
        f"Expected the source {source} among those of the store, found none.", hint="The manifest is incomplete."
    )


def _intake_of(
    texts: dict[int, dict[str, str]], mapping: Mapping, *, digest: str, file_name: str, received_at: datetime
) -> Intake:
    numbers = sorted(texts)
    names = dict.fromkeys(name for number in numbers for name in texts[number])
    columns = {name: pl.Series(name, [texts[n].get(name) for n in numbers], dtype=pl.String) for name in names}
    batch = SourceBatch(pl.DataFrame(columns), pl.Series("row", numbers, dtype=pl.Int64), (), 0)
    reading = without_absent(numbering_mapping(mapping), names)
    return Intake(
        file_name, digest, mapping, reading, lambda: iter((batch,)), 0, received_at, "retry", frozenset(numbers)
    )
