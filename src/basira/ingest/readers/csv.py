"""CSV, of any separator and encoding, streamed.

Enters: a path. Leaves: batches of text, and the lines that are no rows. Never here: the whole file in memory: a block
of 8 MB at a time, whatever the file's size; a line that is neither a row nor listed.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.csv as pc

from basira.ingest.mapping.model import SourceFormat
from basira.ingest.readers import bounds
from basira.ingest.readers.encoding import detect_encoding, is_text_encoding, marked_encoding, open_bytes
from basira.ingest.readers.lines import (
    BLANK,
    CONTINUED,
    NOT_UTF_8,
    REJECTED,
    ROW,
    UTF_8,
    Block,
    LineFault,
    LineReader,
    LineTooLongError,
)
from basira.ingest.readers.source import BrokenRow, Source, SourceBatch, distinct_names
from basira.ingest.readers.table import (
    LINES_SEEN,
    HeaderPlace,
    NotData,
    find_header,
    is_marked_note,
    is_note,
    is_total,
    join_header,
    merge_lines,
    set_aside,
)
from basira.schema.errors import MappingError, Phrase, SourceError

BLOCK_BYTES = 8 << 20
_LONG_LINE = 100_000  # a longer line shows nothing of the separator, and the csv module rejects it
SEPARATORS = ";,\t|"
_SHOWN = 500  # characters of a broken row kept for the person who corrects it... the row itself is in the file
# Names of columns have a few line breaks; a header of more lines is a quote that nothing closes.
_MOST_HEADER_LINES = 20
# Runs of blank lines of a block that are listed one by one; those after them as one.
_MOST_RUNS = 1_000
_NOTHING = " \t\r\n\x00\x1a"  # DOS ended its files with a Control-Z
_BEYOND = "(beyond)"  # one cell more than the header names, when rows end with a separator


def open_csv(path: Path, options: SourceFormat) -> Source:
    """Open a CSV file, packed with gzip or not.

    Raises SourceError (encoding, no header, no row, a row longer than `bounds` allow), MappingError (unknown codec).
    """
    encoding = detect_encoding(path) if options.encoding == "auto" else marked_encoding(path) or options.encoding
    if not is_text_encoding(encoding):
        raise MappingError(
            "Expected an encoding Python knows, found {encoding!r}.",
            hint="Common ones: utf-8, cp1252, utf-16, cp1256. Or 'auto'.",
            encoding=encoding,
        )
    lines = split_lines(read_head(path, encoding))
    above = max(options.header_row - 1, 0)
    if len(lines) <= above:
        raise SourceError(
            "Expected a header on line {header_row} of {file}, found {count} line(s).",
            hint="Correct header_row in the mapping, or export the file again.",
            header_row=options.header_row,
            file=path.name,
            count=len(lines),
        )
    separator = sniff_separator(lines[above:]) if options.separator == "auto" else options.separator
    place = HeaderPlace(options.header_row, options.header_rows)
    if options.header_row == 0:
        place = find_header(_first_rows([line for line in lines[:LINES_SEEN] if len(line) < _LONG_LINE], separator))
    reader = csv.reader(io.StringIO("\n".join(lines[place.row - 1 :])), delimiter=separator)
    try:
        header = join_header([next(reader, []) for _ in range(place.rows)])
    except csv.Error as error:
        raise SourceError(
            "Expected a header in {file}, found a line that can't be split ({error}).",
            hint="Check separator, encoding and header_row in [source] of the mapping.",
            file=path.name,
            error=error,
        ) from None
    if encoding in UTF_8 and any("\ufffd" in name for name in header):
        raise _wrong_encoding(path, encoding, Phrase("in the header, line {line}", line=place.row))
    if reader.line_num > _MOST_HEADER_LINES:
        raise SourceError(
            "Expected every quote of the header of {file} (line {row}) to be closed, found one that is not after "
            "{most_header_lines} lines.",
            hint="Correct the quote in the file, or header_row in the mapping.",
            file=path.name,
            row=place.row,
            most_header_lines=_MOST_HEADER_LINES,
        )
    bounds.check_columns_count(path, len(header))
    first_row = place.row - 1 + reader.line_num
    table = _Table(
        path,
        encoding,
        separator,
        header,
        distinct_names(header),
        place,
        first_row,
        lines[:first_row],
        _ends_with_separator(lines[first_row:], separator, len(header)),
    )
    return Source(path, "csv", table.columns, False, path.stat().st_size, table.batches, header=place)


def read_head(path: Path, encoding: str) -> str:
    """The first 256 KB of a CSV file as text, without a byte-order mark. Raises SourceError."""
    try:
        # A row that is not UTF-8 is rejected alone; a header that is not shows that the file is of another encoding.
        errors = "replace" if encoding in UTF_8 else "strict"
        with open_bytes(path) as raw, io.TextIOWrapper(raw, encoding=encoding, errors=errors, newline="") as text:
            head = text.read(1 << 18)
    except UnicodeError as error:
        raise _wrong_encoding(path, encoding, str(error)) from None
    except (OSError, EOFError) as error:
        raise SourceError(
            "Expected a readable file, {file} breaks ({error}).",
            hint="Copy it again.",
            file=path.name,
            error=error,
        ) from None
    return head.removeprefix("\ufeff")


def _wrong_encoding(path: Path, encoding: str, detail: str | Phrase) -> SourceError:
    return SourceError(
        "Expected {file} to be text in {encoding}, found bytes that are not ({detail}).",
        hint="Set encoding in [source] of the mapping: 'auto', 'cp1252' (Excel in French), 'utf-8', 'utf-16'.",
        file=path.name,
        encoding=encoding,
        detail=detail,
    )


def split_lines(text: str) -> list[str]:
    """Lines as CSV has them; `str.splitlines` would also cut at form feeds and at U+0085."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def sniff_separator(lines: list[str]) -> str:
    """The separator of a CSV file: the one that splits its first lines most evenly.

    >>> sniff_separator(["a;b,c;d", "1;2,5;3"])
    ';'
    """
    best, best_rank = ",", (0.0, 0)
    short = [line for line in lines[:LINES_SEEN] if line.strip() and len(line) < _LONG_LINE]
    for candidate in SEPARATORS:
        widths = Counter(len(_split(line, candidate)) for line in short)
        usual = max(widths, key=lambda width: (widths[width], width), default=1)
        if usual > 1 and (rank := (round(widths[usual] / len(short), 1), usual)) > best_rank:
            best, best_rank = candidate, rank
    return best


def _split(line: str, separator: str) -> list[str]:
    """The cells of one line alone: a quote that it leaves open takes nothing of the next."""
    return next(csv.reader([line], delimiter=separator), [])


def _first_rows(lines: Sequence[str], separator: str) -> list[list[str]]:
    r"""The cells of each line. Those of a row of the usual width over several lines are at its first, as a header of
    names with line breaks has them.

    >>> _first_rows(['"Code', 'SH";Value', "1;2", "3;4"], ";")
    [['Code\nSH', 'Value'], [], ['1', '2'], ['3', '4']]
    """
    rows = [_split(line, separator) for line in lines]
    usual = Counter(map(len, rows)).most_common(1)[0][0] if rows else 0
    reader = csv.reader([f"{line}\n" for line in lines], delimiter=separator)
    at = 0
    with suppress(csv.Error):  # a quote that nothing closes, before very long lines
        for cells in reader:
            if 1 < reader.line_num - at <= _MOST_HEADER_LINES and len(cells) == usual:
                rows[at : reader.line_num] = [cells, *([] for _ in range(reader.line_num - at - 1))]
            at = reader.line_num
    return rows


def _ends_with_separator(lines: Sequence[str], separator: str, width: int) -> bool:
    """Most rows have one cell more than the header, an empty one."""
    rows = [_split(line, separator) for line in lines[:LINES_SEEN] if len(line) < _LONG_LINE]
    return 2 * sum(len(row) == width + 1 and not row[-1].strip() for row in rows) > len(rows)


@dataclass(frozen=True)
class _Table:
    """The table of one CSV file: its position, and its rows."""

    path: Path
    encoding: str
    separator: str
    header: list[str]
    columns: tuple[str, ...]
    place: HeaderPlace
    first_row: int
    above: Sequence[str]
    is_wider: bool

    def batches(self) -> Iterator[SourceBatch]:
        """The rows, a block at a time. Raises SourceError."""
        width = len(self.columns)
        above = self._not_rows()
        most = bounds.piece_rows(width)
        with pa.OSFile(str(self.path), "rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            stream = pa.CompressedInputStream(file, "gzip") if packed else file
            reader = LineReader(stream.read, self.encoding, self.separator, block_bytes=BLOCK_BYTES)
            position = unpacked = 0  # rows handed on so far, broken ones included; bytes read
            try:
                for block in reader.blocks(self.first_row, frozenset({width, width + self.is_wider})):
                    unpacked += len(block.data)
                    if packed:
                        bounds.check_unpacked(self.path, self.path.stat().st_size, unpacked)
                    if len(block.starts) > 1 and np.diff(block.starts).max() > bounds.LONGEST_ROW_BYTES:
                        raise LineTooLongError
                    batch, position = self._batch(block, position, above, file.tell(), reader)
                    above = ()
                    # A block of short rows is cut: each row that is rejected takes some hundred bytes a cell.
                    last = max(len(batch.rows) - 1, 0) // most * most
                    for start in range(0, last, most):
                        yield SourceBatch(
                            batch.frame.slice(start, most), batch.rows.slice(start, most), (), batch.bytes_read
                        )
                    yield SourceBatch(
                        batch.frame.slice(last),
                        batch.rows.slice(last),
                        batch.broken,
                        batch.bytes_read,
                        batch.not_data,
                        batch.lines,
                    )
            except LineTooLongError:
                raise bounds.too_long(self.path) from None
            except UnicodeError as error:
                raise _wrong_encoding(self.path, self.encoding, str(error)) from None
            except pa.ArrowInvalid as error:
                raise _explain(self.path, self.encoding, str(error)) from None
            except OSError as error:
                raise SourceError(
                    "Expected to read {file} to its end, found: {error}.",
                    hint="Copy or export the file again.",
                    file=self.path.name,
                    error=error,
                ) from None

    def _not_rows(self) -> tuple[NotData, ...]:
        """The lines up to the header."""
        return merge_lines(
            [
                NotData(
                    "header" if number >= self.place.row else "title" if text.strip() else "blank",
                    number,
                    1,
                    text[:_SHOWN],
                )
                for number, text in enumerate(self.above, start=1)
            ]
        )

    def _batch(
        self, block: Block, position: int, above: tuple[NotData, ...], bytes_read: int, reader: LineReader
    ) -> tuple[SourceBatch, int]:
        lines = np.flatnonzero(block.kinds == ROW)  # of the block, from 0
        numbers = position + np.cumsum((block.kinds == ROW) | (block.kinds == REJECTED), dtype=np.int64)
        frame, misfits = self._parse(block, len(lines))
        place = np.ones(len(lines), bool)
        place[[number for number, _ in misfits]] = False
        frame = frame.with_columns(pl.Series("(line)", lines[place]), pl.Series("(row)", numbers[lines[place]]))
        not_data, broken = [*above, *_runs(block)], []
        width = len(self.columns)
        found: list[list[object]] = []
        torn: set[int] = set()  # lines beside one that holds a piece of a cell
        end_of_rows = int(frame["(line)"][-1]) if len(frame) else -1
        for number, text in misfits:
            line = int(lines[number])
            row, physical = int(numbers[line]), block.first_line + line
            cells = next(csv.reader(io.StringIO(text, newline=""), delimiter=self.separator), [])
            is_blank = not any(cell.strip(_NOTHING) for cell in cells)
            kind = "blank" if is_blank else "total" if is_total(cells) else ""
            if kind:
                not_data.append(NotData(kind, physical, 1, text[:_SHOWN]))
            elif len(cells) >= width and not any(map(str.strip, cells[width:])):
                found.append([*cells[:width], line, row])
            else:
                if len(cells) == 1 < width:
                    is_text = is_note(cells)
                    is_end = block.is_last and line > end_of_rows
                    if not (is_text and is_end and not (line == end_of_rows + 1 and self._may_go_on(frame, text))):
                        torn |= {line - 1} if is_text else {line - 1, line + 1}
                broken.append(
                    BrokenRow(
                        row,
                        "column_count",
                        f"{width} columns, found {len(cells)} columns (line {physical:,})",
                        text[:_SHOWN],
                    )
                )
        if found:
            frame = pl.concat([frame, pl.DataFrame(found, schema=frame.schema, orient="row")]).sort("(line)")
        if torn:
            is_torn = pl.col("(line)").is_in(list(torn))
            broken += [
                BrokenRow(
                    int(row),
                    "column_count",
                    f"cells on one line, or in quotes; found a piece of one beside line {block.first_line + line:,}",
                    block.text(int(line), int(line))[:_SHOWN],
                )
                for line, row in frame.filter(is_torn).select("(line)", "(row)").rows()
            ]
            frame = frame.filter(~is_torn)
        where, rows = frame["(line)"], frame["(row)"]
        frame = frame.drop("(line)", "(row)")
        aside = set_aside(frame, self.header, is_last=block.is_last)
        not_data += [
            NotData(kind, block.first_line + int(where[at]), 1, block.text(int(where[at]), int(where[at]))[:_SHOWN])
            for at, kind in aside.items()
        ]
        if aside:
            keep = pl.Series(np.isin(np.arange(len(frame)), list(aside), invert=True))
            frame, rows = frame.filter(keep), rows.filter(keep)
        broken.sort(key=lambda entry: entry.row)
        if block.is_last:
            broken = self._without_notes(broken, block, numbers, rows, not_data)
        broken += [self._reject(block, fault, numbers) for fault in block.faults]
        broken.sort(key=lambda entry: entry.row)
        end = int(numbers[-1]) if len(numbers) else position
        counted = reader.counted if block.is_last else None
        return SourceBatch(frame, rows, tuple(broken), bytes_read, merge_lines(not_data), counted), end

    def _parse(self, block: Block, count: int) -> tuple[pl.DataFrame, list[tuple[int, str]]]:
        """The rows that have as many cells as most, and the others: their place among all, and their text."""
        columns = [*self.columns, *([_BEYOND] if self.is_wider else [])]
        misfits: list[tuple[int, str]] = []

        def keep(row: pc.InvalidRow) -> str:  # `number` counts from 1
            misfits.append((row.number - 1, row.text))
            return "skip"

        data = block.rows_data()
        if count:
            table = pc.read_csv(
                pa.py_buffer(data),
                # With threads, pyarrow gives no row numbers. One block: the rows are cut here, not by pyarrow.
                read_options=pc.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=columns),
                parse_options=pc.ParseOptions(
                    delimiter=self.separator, newlines_in_values=True, invalid_row_handler=keep
                ),
                convert_options=pc.ConvertOptions(
                    column_types=dict.fromkeys(columns, pa.string()), strings_can_be_null=False
                ),
            )
            frame = pl.DataFrame(pl.from_arrow(table))
        else:
            frame = pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
        if len(frame) + len(misfits) != count:
            raise SourceError(
                "Expected {count:,} rows from line {first_line:,} on of {file}, found {frame_count:,}. Nothing of "
                "it was stored.",
                hint="A row was cut otherwise than its lines: export the file again, without line breaks in its cells.",
                count=count,
                first_line=block.first_line,
                file=self.path.name,
                frame_count=len(frame) + len(misfits),
            )
        if self.is_wider:
            beyond = frame[_BEYOND]
            if (beyond != "").any():
                good = np.setdiff1d(np.arange(count), [number for number, _ in misfits])
                for at in pl.arg_where(beyond != "", eager=True):
                    text = self.separator.join(str(cell) for cell in frame.row(at))
                    misfits.append((int(good[at]), text))
                frame = frame.filter(pl.col(_BEYOND) == "")
                misfits.sort()
            frame = frame.drop(_BEYOND)
        return frame, misfits

    def _may_go_on(self, rows: pl.DataFrame, text: str) -> bool:
        """The text right under the last row may be the end of its last cell: words follow words there."""
        last = rows.select(self.columns[-1]).to_series()
        return (last[-1] is not None and any(map(str.isalpha, last[-1]))) and not is_marked_note(text)

    def _without_notes(
        self,
        broken: list[BrokenRow],
        block: Block,
        numbers: npt.NDArray[np.int64],
        rows: pl.Series,
        not_data: list[NotData],
    ) -> list[BrokenRow]:
        """The broken rows without the notes after the last row, which go to ``not_data``."""
        last = int(rows[-1]) if len(rows) else 0
        while broken and broken[-1].row > last and is_note(_split(broken[-1].text, self.separator)):
            entry = broken.pop()
            line = int(np.searchsorted(numbers, entry.row))
            not_data.append(NotData("note", block.first_line + line, 1, entry.text))
        return broken

    def _reject(self, block: Block, fault: LineFault, numbers: npt.NDArray[np.int64]) -> BrokenRow:
        start, end = block.first_line + fault.first, block.first_line + fault.last
        where = f"line {start:,}" if start == end else f"lines {start:,} to {end:,}"
        code = "bad_character" if fault.expected == NOT_UTF_8 else "bad_quotes"
        text = block.text(fault.first, fault.last)[:_SHOWN]
        return BrokenRow(int(numbers[fault.first]), code, f"{fault.expected} ({where} of the file)", text)


def _runs(block: Block) -> list[NotData]:
    """Blank lines, and further lines of a row, those that follow each other as one."""
    found = []
    for kind, name in ((BLANK, "blank"), (CONTINUED, "continued")):
        lines = np.flatnonzero(block.kinds == kind)
        if not len(lines):
            continue
        runs = np.split(lines, np.flatnonzero(np.diff(lines) > 1)[:_MOST_RUNS] + 1)
        for run in runs:
            text = block.text(int(run[0]), int(run[0]))[:_SHOWN]
            found.append(NotData(name, block.first_line + int(run[0]), len(run), text))
    return found


def _explain(path: Path, encoding: str, detail: str) -> SourceError:
    if "UTF8" in detail or "UTF-8" in detail:
        return _wrong_encoding(path, encoding, Phrase("invalid UTF-8"))
    return SourceError(
        "Expected a CSV file, {file} can't be read: {detail}.",
        hint="Export the file again.",
        file=path.name,
        detail=detail,
    )
