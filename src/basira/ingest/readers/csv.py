"""CSV, of any separator and encoding, streamed.

Enters: a path. Leaves: batches of text. Never here: the whole file in memory: a block of 8 MB at a
time, whatever the file's size.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.csv as pc

from basira.ingest.mapping.model import SourceFormat
from basira.ingest.readers import bounds
from basira.ingest.readers.encoding import detect_encoding, is_text_encoding, marked_encoding, open_bytes
from basira.ingest.readers.source import BrokenRow, Source, SourceBatch, distinct_names
from basira.schema.errors import MappingError, SourceError

BLOCK_BYTES = 8 << 20
_LONG_LINE = 100_000  # a longer line says nothing of the separator, and the csv module refuses it
SEPARATORS = ";,\t|"
_SHOWN = 500  # characters of a broken row kept for the person who corrects it... the row itself is in the file


def open_csv(path: Path, options: SourceFormat) -> Source:
    """Open a CSV file, packed with gzip or not.

    Raises SourceError (encoding, no header, no row, a row longer than 8 MB, more than `bounds` allow), MappingError
    (unknown codec).
    """
    encoding = detect_encoding(path) if options.encoding == "auto" else marked_encoding(path) or options.encoding
    if not is_text_encoding(encoding):
        raise MappingError(
            f"Expected an encoding Python knows, found {encoding!r}.",
            hint="Common ones: utf-8, cp1252, utf-16, cp1256. Or 'auto'.",
        )
    head = read_head(path, encoding)
    lines = split_lines(head)
    if len(lines) < options.header_row:
        raise SourceError(
            f"Expected a header on line {options.header_row} of {path.name}, found {len(lines)} line(s).",
            hint="Correct header_row in the mapping, or export the file again.",
        )
    separator = sniff_separator(lines[options.header_row - 1 :]) if options.separator == "auto" else options.separator
    text = "\n".join(lines[options.header_row - 1 :])
    try:
        header = next(iter(csv.reader(io.StringIO(text), delimiter=separator)), [])
    except csv.Error as error:
        raise SourceError(
            f"Expected a header in {path.name}, found a line that can't be split ({error}).",
            hint="Check separator, encoding and header_row in [source] of the mapping.",
        ) from None
    bounds.check_columns_count(path, len(header))
    columns = distinct_names(header)

    def batches() -> Iterator[SourceBatch]:
        return _batches(path, encoding, separator, options.header_row, header, columns)

    return Source(path, "csv", columns, False, path.stat().st_size, batches)


def read_head(path: Path, encoding: str) -> str:
    """The first 256 KB of a CSV file as text, without a byte-order mark. Raises SourceError."""
    try:
        with open_bytes(path) as raw, io.TextIOWrapper(raw, encoding=encoding, newline="") as text:
            head = text.read(1 << 18)
    except UnicodeError as error:
        raise _wrong_encoding(path, encoding, str(error)) from None
    except (OSError, EOFError) as error:
        raise SourceError(f"Expected a readable file, {path.name} breaks ({error}).", hint="Copy it again.") from None
    return head.removeprefix("\ufeff")


def _wrong_encoding(path: Path, encoding: str, detail: str) -> SourceError:
    return SourceError(
        f"Expected {path.name} to be text in {encoding}, found bytes that are not ({detail}).",
        hint="Set encoding in [source] of the mapping: 'auto', 'cp1252' (Excel in French), 'utf-8', 'utf-16'.",
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
    short = [line for line in lines[:50] if len(line) < _LONG_LINE]
    for candidate in SEPARATORS:
        rows = [row for row in csv.reader(short, delimiter=candidate) if row]
        if not rows or len(rows[0]) < 2:
            continue
        agreeing = sum(len(row) == len(rows[0]) for row in rows) / len(rows)
        if (rank := (round(agreeing, 1), len(rows[0]))) > best_rank:
            best, best_rank = candidate, rank
    return best


def _batches(
    path: Path, encoding: str, separator: str, header_row: int, header: list[str], columns: tuple[str, ...]
) -> Iterator[SourceBatch]:
    broken: list[BrokenRow] = []

    def refuse(row: pc.InvalidRow) -> str:
        # `number` counts the header as 1, and lines with content only.
        found = f"{row.actual_columns} columns"
        broken.append(
            BrokenRow(
                row.number - 1, "column_count", f"{row.expected_columns} columns, found {found}", row.text[:_SHOWN]
            )
        )
        return "skip"

    with pa.OSFile(str(path), "rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        stream = pa.CompressedInputStream(file, "gzip") if packed else file
        position = unpacked = 0  # rows handed on so far, broken ones included; bytes read
        most = bounds.piece_rows(len(columns))
        try:
            reader = pc.open_csv(
                stream,
                read_options=pc.ReadOptions(
                    use_threads=False,  # with threads, pyarrow gives no row numbers
                    block_size=BLOCK_BYTES,
                    encoding="utf8" if encoding in {"utf-8", "utf-8-sig"} else encoding,
                    skip_rows=header_row - 1,
                ),
                parse_options=pc.ParseOptions(delimiter=separator, newlines_in_values=True, invalid_row_handler=refuse),
                convert_options=pc.ConvertOptions(
                    column_types={name: pa.string() for name in header}, strings_can_be_null=False
                ),
            )
            for record_batch in reader:
                taken, position = _numbers(record_batch.num_rows, position, [entry.row for entry in broken])
                ready = tuple(entry for entry in broken if entry.row <= position)
                del broken[: len(ready)]
                frame = pl.from_arrow(record_batch.rename_columns(list(columns)))
                unpacked += record_batch.nbytes
                if record_batch.nbytes > bounds.LONGEST_ROW_BYTES * record_batch.num_rows:
                    raise bounds.too_long(path)
                if packed:
                    bounds.check_unpacked(path, path.stat().st_size, unpacked)
                # A block of short rows is cut: each row that is rejected takes some hundred bytes a cell.
                last = max(len(taken) - 1, 0) // most * most
                for start in range(0, last + 1, most):
                    yield SourceBatch(
                        frame.slice(start, most),  # type: ignore[arg-type]  # a frame, from a batch
                        taken.slice(start, most),
                        ready if start == last else (),
                        file.tell(),
                    )
        except UnicodeError as error:
            raise _wrong_encoding(path, encoding, str(error)) from None
        except pa.ArrowInvalid as error:
            raise _explain(path, encoding, str(error)) from None
        except OSError as error:
            raise SourceError(
                f"Expected to read {path.name} to its end, found: {error}.", hint="Copy or export the file again."
            ) from None
        if broken:
            empty = pl.DataFrame({name: pl.Series(name, [], dtype=pl.String) for name in columns})
            yield SourceBatch(empty, pl.Series("row", [], dtype=pl.Int64), tuple(broken), file.tell())


def _numbers(count: int, position: int, broken_rows: list[int]) -> tuple[pl.Series, int]:
    """Source row numbers of the next ``count`` good rows after ``position``, stepping over broken ones."""
    skipped = np.array(sorted(row for row in broken_rows if row > position), dtype=np.int64)
    numbers = np.arange(position + 1, position + 1 + count, dtype=np.int64)
    # The k-th broken row (from 0) pushes every good row whose plain number would be >= row - k.
    if len(skipped):
        numbers += np.searchsorted(skipped - np.arange(len(skipped)), numbers, side="right")
    last = int(numbers[-1]) if count else position
    return pl.Series("row", numbers), last


def _explain(path: Path, encoding: str, detail: str) -> SourceError:
    if "straddling" in detail:
        return SourceError(
            f"Expected every row of {path.name} to be shorter than {BLOCK_BYTES >> 20} MB, found a longer one.",
            hint="Most often a quote is opened and never closed; find the row and close it.",
        )
    if "UTF8" in detail or "UTF-8" in detail:
        return _wrong_encoding(path, encoding, "invalid UTF-8")
    if "Empty CSV" in detail:
        return SourceError(f"Expected rows in {path.name}, found none.", hint="Export the file again.")
    return SourceError(f"Expected a CSV file, {path.name} can't be read: {detail}.", hint="Export the file again.")
