"""How much a file may take of the machine: every bound of the readers, with its reason.

Enters: sizes. Leaves: bounds, or a SourceError. Never here: a bound that an ordinary file of declarations comes near:
each was set at several times what the largest of them take (benchmarks/attacks/file_bombs.py measures the others).
"""

from __future__ import annotations

from pathlib import Path

from basira.schema.errors import SourceError

# A spreadsheet program writes at most 16,384; declarations have some 40 columns, the widest extracts a few hundred.
MOST_COLUMNS = 2_000
# The longest descriptions have some thousand characters. Longer rows are no declarations, and fill the memory of every
# step after this one.
LONGEST_ROW_BYTES = 1 << 20
# `suggest` looks at so much text of a file, and corrections of quarantined rows are read as a whole.
SAMPLE_BYTES, CORRECTIONS_BYTES = 400 << 20, 64 << 20
# What is handed on at a time. A row that is rejected becomes a dictionary of its columns, some 100 bytes a cell.
PIECE_ROWS, PIECE_CELLS, PIECE_BYTES = 100_000, 2_000_000, 16 << 20

# Text that comes out of a packed file. Declarations give 5 to 20 bytes for each that is stored; gzip and a workbook's
# zip can give 1,032, Parquet millions.
UNPACKED_FLOOR_BYTES, UNPACKED_RATIO = 512 << 20, 100
# Of a workbook: a sheet has a part of its own, and three or four more. Of a Parquet file: its row groups.
MOST_PARTS = 10_000

# The process that reads. Its libraries take 0.2 GB. A workbook is read as a whole: 20 bytes for each byte of the file.
MEMORY_FLOOR_BYTES, MEMORY_RATIO, MEMORY_CAP_BYTES = 1 << 30, 40, 4 << 30
# 100,000 rows take 1 to 5 seconds, a megabyte of a workbook 0.3.
SECONDS_FLOOR, SECONDS_PER_MB, SECONDS_CAP = 60, 5, 4 * 3600


def memory_bytes(file_bytes: int) -> int:
    """How much memory the process that reads a file of this size may take."""
    return min(MEMORY_FLOOR_BYTES + MEMORY_RATIO * file_bytes, MEMORY_CAP_BYTES)


def seconds(file_bytes: int) -> int:
    """How many seconds of a processor the process that reads a file of this size may take."""
    return min(SECONDS_FLOOR + SECONDS_PER_MB * (file_bytes >> 20), SECONDS_CAP)


def unpacked_bytes(file_bytes: int) -> int:
    """How many bytes may come out of a packed file of this size."""
    return max(UNPACKED_FLOOR_BYTES, UNPACKED_RATIO * file_bytes)


def piece_rows(columns: int) -> int:
    """How many rows of so many columns are handed on at a time."""
    return max(1, min(PIECE_ROWS, PIECE_CELLS // max(columns, 1)))


def check_unpacked(path: Path, file_bytes: int, unpacked: int) -> None:
    """Raises SourceError when more comes out of a file than of any file of declarations."""
    if unpacked > unpacked_bytes(file_bytes):
        raise SourceError(
            "Expected at most {file_bytes:,} MB of text in {file} ({file_bytes_2:,} bytes on disk), found more: a "
            "small file that unpacks to a huge one. Nothing of it was stored.",
            hint="Check where the file comes from; a file that is right goes in as plain CSV, in several parts.",
            file_bytes=unpacked_bytes(file_bytes) >> 20,
            file=path.name,
            file_bytes_2=file_bytes,
        )


def too_long(path: Path) -> SourceError:
    """The error of a file with a row beyond `LONGEST_ROW_BYTES`."""
    return SourceError(
        "Expected every row of {file} to be shorter than {longest_row_bytes:,} KB, found a longer one.",
        hint="Most often a quote is opened and never closed, or the file holds one object instead of one a line.",
        file=path.name,
        longest_row_bytes=LONGEST_ROW_BYTES >> 10,
    )


def check_columns_count(path: Path, columns: int) -> None:
    """Raises SourceError when there are more columns than in any file of declarations."""
    if columns > MOST_COLUMNS:
        raise SourceError(
            "Expected at most {most_columns:,} columns in {file}, found {columns:,}.",
            hint="Check the separator and where the file comes from; export the columns that the mapping names.",
            most_columns=MOST_COLUMNS,
            file=path.name,
            columns=columns,
        )
