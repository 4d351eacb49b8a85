"""The quarantine: listed, taken out to be corrected, sent again.

Enters: a store, and corrected rows. Leaves: lists, a CSV file or a workbook, reports. Never here: a refused row
forgotten: it leaves the quarantine only when it is accepted, or found to be known already; an identifier changed by a
correction that nobody confirmed.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import polars as pl
import pyarrow.parquet as pq

from basira.ingest.mapping.columns import mapped_columns, without_absent
from basira.ingest.mapping.model import Mapping, SourceFormat, parse_mapping
from basira.ingest.mapping.numbering import numbering_mapping
from basira.ingest.rates import parse_rates
from basira.ingest.readers.bounds import CORRECTIONS_BYTES, check_columns_count
from basira.ingest.readers.source import AS_FOUND, SourceBatch, open_source
from basira.render.shown import shown
from basira.render.spreadsheet import cell
from basira.render.writing import write_whole
from basira.schema.errors import NotFoundError, Phrase, SourceError, UsageError, join_phrases
from basira.storage.history.manifest import SourceEntry
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
_SHEET = "quarantine"
# Of a workbook, by its format; a longer text would be dropped by its writer.
_WORKBOOK_ROWS, _CELL_CHARACTERS = 1_048_576, 32_767
_IDENTIFIERS = ("declaration_id", "item_number")
_MOST_NAMED = 20


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
    """What became of the rows sent again, source by source. ``left``: rows still in quarantine.

    ``new_identifiers``: corrections that made another declaration or item of a row.
    """

    files: tuple[FileReport, ...]
    left: int
    snapshot: int
    new_identifiers: tuple[IdentifierChange, ...] = ()


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
    """Write refused rows to a file, to be corrected in a spreadsheet and sent again: a workbook when ``out`` ends in
    .xlsx, else CSV (UTF-8 with mark, ';').

    Every cell of the workbook is text and stays text when it is typed over, so that a spreadsheet damages no code, date
    or long number. The reason stands in the first columns, the source row, left as it is, in the others. Returns the
    number of rows.

    Raises UsageError when the rows don't fit into a workbook.
    """
    rows = list_quarantine(history, code=code, file_name=file_name)
    names = dict.fromkeys(name for row in rows for name in row.text)
    for source in {row.source for row in rows}:  # columns that every refused row left empty can be filled in too
        names.update(dict.fromkeys(mapped_columns(_origin(history, source, None)[1])))
    reasons = [[r.quarantine_id, r.code, r.field, r.value, r.expected, r.file_name] for r in rows]
    texts = [[row.text.get(name, "") for name in names] for row in rows]
    header = [*EXPORT_COLUMNS, *names]
    if out.suffix.lower() == ".xlsx":
        shown_reasons = [["" if value is None else shown(value) for value in reason] for reason in reasons]
        content = _workbook([header, *(r + t for r, t in zip(shown_reasons, texts, strict=True))], out)
    else:
        made = io.StringIO(newline="")
        writer = csv.writer(made, delimiter=";")
        writer.writerow(header)
        writer.writerows([cell(v) for v in reason] + text for reason, text in zip(reasons, texts, strict=True))
        content = made.getvalue().encode("utf-8-sig")
    write_whole(out, content)
    return len(rows)


def _workbook(lines: Sequence[Sequence[str]], out: Path) -> bytes:
    """Lines of text cells as a workbook, the first one frozen."""
    import xlsxwriter

    longest = max((len(text) for line in lines for text in line), default=0)
    if len(lines) > _WORKBOOK_ROWS or longest > _CELL_CHARACTERS:
        raise UsageError(
            "Expected at most {workbook_rows:,} lines and {cell_characters:,} characters a cell for the workbook "
            "{file}, found {lines_count:,} and {longest:,}.",
            hint="Export to a name ending in .csv, or in parts by --code and --file.",
            workbook_rows=_WORKBOOK_ROWS,
            cell_characters=_CELL_CHARACTERS,
            file=out.name,
            lines_count=len(lines),
            longest=longest,
        )
    made = io.BytesIO()
    book = xlsxwriter.Workbook(made, {"in_memory": True})
    text_format, bold = book.add_format({"num_format": "@"}), book.add_format({"num_format": "@", "bold": True})
    sheet = book.add_worksheet(_SHEET)
    # Of whole columns: what a person types into an empty cell is text too.
    sheet.set_column(0, max(0, len(lines[0]) - 1), 18, text_format)
    for number, line in enumerate(lines):
        for place, text in enumerate(line):
            if text:
                sheet.write_string(number, place, text, bold if number == 0 else text_format)
    sheet.freeze_panes(1, 1)
    book.close()
    return made.getvalue()


def read_corrections(path: Path, *, decimal: Literal[".", ","] = ".") -> dict[str, dict[str, str]]:
    """Corrected rows by quarantine id, from a file that `export_quarantine` wrote. Raises SourceError.

    ``decimal``: of figures that a person made numbers of in the workbook, which has no text of its own for them.
    """
    _require_bounded(path)
    rows = _workbook_rows(path, decimal) if _is_workbook(path) else _csv_rows(path)
    corrections: dict[str, dict[str, str]] = {}
    for row in rows:
        if name := row.get("quarantine_id"):
            own = {column: text for column, text in row.items() if column and column not in EXPORT_COLUMNS}
            corrections[name] = {column: text for column, text in own.items() if isinstance(text, str)}
    if not corrections:
        raise SourceError(
            "Expected a column quarantine_id in {file}, found none.",
            hint="Start from 'basira quarantine export'; keep its columns.",
            file=path.name,
        )
    return corrections


def _require_bounded(path: Path) -> None:
    if not path.is_file():
        raise SourceError(
            "Expected corrected rows at {path!r}, found nothing.",
            hint="Check the path.",
            path=str(path),
        )
    if path.stat().st_size > CORRECTIONS_BYTES:
        raise SourceError(
            "Expected at most {corrections_bytes} MB of corrected rows in {file}, found more.",
            hint="Export and correct them in parts: 'basira quarantine export --code ... --file ...'.",
            corrections_bytes=CORRECTIONS_BYTES >> 20,
            file=path.name,
        )


def _is_workbook(path: Path) -> bool:
    with path.open("rb") as file:
        return path.suffix.lower() in (".xlsx", ".xlsm") or file.read(4) == b"PK\x03\x04"


def _workbook_rows(path: Path, decimal: Literal[".", ","]) -> list[dict[str, str | None]]:
    """The sheet's rows, through the reader of all workbooks; an emptied cell is empty text, as in CSV."""
    source = open_source(path, SourceFormat(format="xlsx", sheet=_SHEET, decimal=decimal))
    return [
        {name: text or "" for name, text in row.items()} for batch in source.batches() for row in batch.frame.to_dicts()
    ]


def _csv_rows(path: Path) -> list[dict[str, str | None]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            file.seek(0)
            rows = csv.DictReader(file, delimiter=";" if first.count(";") >= first.count(",") else ",")
            check_columns_count(path, len(rows.fieldnames or ()))
            return [dict(row) for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(
            "Expected the corrected CSV file {file} in UTF-8 ({error}).",
            hint="Save it as 'CSV UTF-8' from the spreadsheet program, or export a workbook (.xlsx).",
            file=path.name,
            error=error,
        ) from None


@dataclass(frozen=True)
class IdentifierChange:
    """A corrected row that would be another declaration or item than the one it was refused as."""

    quarantine_id: str
    file_name: str
    source_row: int
    field: str
    before: str
    after: str

    @property
    def phrase(self) -> Phrase:
        """For a person."""
        return Phrase(
            "{file}, row {row}: {field} {before!r} becomes {after!r}",
            file=self.file_name,
            row=self.source_row,
            field=self.field,
            before=self.before,
            after=self.after,
        )


def find_changed_identifiers(
    history: History, corrections: Path, *, mapping: Mapping | None = None
) -> tuple[IdentifierChange, ...]:
    """The corrections that change a declaration's number or an item's; filling in an absent one is no change.

    Raises NotFoundError, SourceError, MappingError.
    """
    return _changed_identifiers(_corrected(history, corrections, mapping))


@dataclass(frozen=True)
class _Correction:
    row: QuarantinedRow
    mapping: Mapping
    text: dict[str, str]


def _corrected(history: History, corrections: Path, mapping: Mapping | None) -> list[_Correction]:
    """Each corrected row with its text as corrected, in the order of the file."""
    read = {".": read_corrections(corrections)}
    rows = _chosen(history, list(read["."]))
    origins = {source: _origin(history, source, mapping)[1] for source in {row.source for row in rows}}
    found = []
    for row in rows:
        used = origins[row.source]
        decimal = used.source.decimal
        if decimal not in read:
            read[decimal] = read_corrections(corrections, decimal=decimal)
        found.append(_Correction(row, used, {**row.text, **read[decimal][row.quarantine_id]}))
    return found


def _changed_identifiers(corrected: Sequence[_Correction]) -> tuple[IdentifierChange, ...]:
    changes = []
    for entry in corrected:
        columns = {**entry.mapping.outcome, **entry.mapping.fields}
        for field in _IDENTIFIERS:
            names = columns[field].names if field in columns else ()
            before, after = (
                " ".join(text.get(name, "").strip() for name in names) for text in (entry.row.text, entry.text)
            )
            if before.strip() and before != after:
                row = entry.row
                changes.append(IdentifierChange(row.quarantine_id, row.file_name, row.source_row, field, before, after))
    return tuple(changes)


def _chosen(history: History, wanted: Sequence[str]) -> list[QuarantinedRow]:
    """These rows of the quarantine. Raises NotFoundError."""
    rows = {row.quarantine_id: row for row in _rows(history)}
    unknown = [name for name in wanted if name not in rows]
    if unknown:
        raise NotFoundError(
            "Expected rows of the quarantine, found no row {unknown} ({unknown_count} in all).",
            hint="See 'basira quarantine list'; a row that was accepted meanwhile is no longer there.",
            unknown=", ".join(unknown[:5]),
            unknown_count=len(unknown),
        )
    return [rows[name] for name in wanted]


@dataclass(frozen=True)
class Corrections:
    """A file of `export_quarantine` with corrected cells; only its rows are sent.

    ``allow_new_identifiers``: a correction may make another declaration or item of a row.
    """

    file: Path
    allow_new_identifiers: bool = False


def retry_quarantine(
    history: History,
    *,
    received_at: datetime,
    corrections: Corrections | None = None,
    mapping: Mapping | None = None,
    ids: Sequence[str] | None = None,
    progress: OnProgress | None = None,
    wait_seconds: float = DEFAULT_WAIT_SECONDS,
) -> RetryReport:
    """Judge quarantined rows anew: as they are, or corrected.

    ``mapping``: a better mapping than the one the rows were read by (kept in the store). ``ids``: only these. A row
    that is accepted, or identical to one the store has, leaves the quarantine; the others stay. One commit for
    each source that has something new.

    Raises NotFoundError (unknown id), UsageError (identifiers changed, and not allowed: nothing is stored),
    SourceError, MappingError, StoreError.
    """
    corrected = _corrected(history, corrections.file, mapping) if corrections else []
    changes = _changed_identifiers(corrected)
    if changes and not (corrections and corrections.allow_new_identifiers):
        raise _identifiers_changed(changes)
    changed = {entry.row.quarantine_id: entry.text for entry in corrected}
    if corrections:
        chosen = [entry.row for entry in corrected]
    else:
        chosen = list(_rows(history)) if ids is None else _chosen(history, ids)
    reports = []
    groups: dict[str, list[QuarantinedRow]] = {}
    for row in chosen:
        groups.setdefault(row.source, []).append(row)
    for source, members in groups.items():
        texts = {row.source_row: changed.get(row.quarantine_id, row.text) for row in members}
        texts = {number: text for number, text in texts.items() if set(text) != {AS_FOUND}}
        if not texts:  # rows that never had columns stay as they are until someone corrects them
            continue
        digest, used = _origin(history, source, mapping)
        with history.writing(wait_seconds=wait_seconds) as draft:
            intake = _intake_of(texts, used, digest=digest, file_name=members[0].file_name, received_at=received_at)
            reports.append(take_in(history, draft, intake, progress))
    snapshot = history.snapshot()
    return RetryReport(tuple(reports), snapshot.rows("quarantine"), snapshot.number, changes)


def _identifiers_changed(changes: Sequence[IdentifierChange]) -> UsageError:
    named = [change.phrase for change in changes[:_MOST_NAMED]]
    if len(changes) > _MOST_NAMED:
        named.append(Phrase("and {count:,} more", count=len(changes) - _MOST_NAMED))
    return UsageError(
        "Expected corrections that keep declaration and item numbers, found {changes_count:,} changed: "
        "{named}. Nothing was stored.",
        hint="Put the numbers back, or add --allow-new-identifiers where the new ones are right.",
        changes_count=len(changes),
        named=join_phrases(named, "; "),
    )


def _origin(history: History, source: str, mapping: Mapping | None) -> tuple[str, Mapping]:
    """The full digest of a source, and the mapping it was last read by unless another is given."""
    for entry in reversed(history.sources()):
        if entry.digest.startswith(source):
            return entry.digest, mapping or _kept_mapping(history, entry)
    raise NotFoundError(
        "Expected the source {source} among those of the store, found none.",
        hint="The manifest is incomplete.",
        source=source,
    )


def _kept_mapping(history: History, entry: SourceEntry) -> Mapping:
    """The mapping of a source, with the rates by which it was converted then."""
    kept = parse_mapping(history.mapping_text(entry.mapping_digest), name=entry.mapping_name, is_kept=True)
    if kept.rates is None:
        return kept
    text = history.rates_text(entry.rates_digest)
    return kept.with_rates(
        parse_rates(text, name=kept.rates.file, currency=kept.rates.currency, most_days=kept.rates.most_days)
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
        file_name,
        digest,
        mapping,
        reading,
        lambda: iter((batch,)),
        0,
        received_at,
        "retry",
        frozenset(numbers),
        rates=mapping.rate_table,
    )
