"""Bytes that are no text in the file's encoding, ends of files, and words under the last row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from basira.ingest.mapping.model import SourceFormat
from basira.ingest.readers.csv import open_csv
from basira.ingest.readers.encoding import detect_encoding
from basira.ingest.readers.source import SourceBatch
from basira.schema.errors import SourceError

HEADER = "Numéro;Désignation"
ROWS = tuple(f"D{n};Thé à la menthe {n}" for n in range(1, 9))


def write(path: Path, *lines: bytes | str, end: bytes = b"") -> Path:
    made = [line if isinstance(line, bytes) else line.encode() for line in lines]
    path.write_bytes(b"\r\n".join(made) + b"\r\n" + end)
    return path


def read(path: Path, encoding: str = "auto") -> SourceBatch:
    (batch,) = open_csv(path, SourceFormat(header_row=1, encoding=encoding)).batches()
    return batch


def kinds(batch: SourceBatch) -> list[tuple[str, int]]:
    return [(entry.kind, entry.line) for entry in batch.not_data]


@pytest.mark.parametrize(
    "damaged", [b"D99;Th\xe9", b"D99;\xff\xfe;3;4", "D99;Thé".encode() + b"\xe9", b'D99;"Th\xe9\r\nvert"']
)
@pytest.mark.parametrize("place", [0, 4, 8])
@pytest.mark.parametrize("encoding", ["auto", "utf-8"])
def test_a_row_that_is_not_utf8_is_rejected_and_the_others_are_read(
    damaged: bytes, place: int, encoding: str, tmp_path: Path
) -> None:
    """Read in Windows-1252 for the one row's sake, all names would have had two letters for one."""
    lines: Sequence[bytes | str] = [HEADER, *ROWS[:place], damaged, *ROWS[place:]]
    batch = read(write(tmp_path / "a.csv", *lines), encoding)
    assert batch.frame["Désignation"].to_list() == [row.split(";")[1] for row in ROWS]
    ((row, code, expected),) = [(one.row, one.code, one.expected) for one in batch.broken]
    assert (row, code) == (place + 1, "bad_character")
    assert f"line{'s' if b'vert' in damaged else ''} {place + 2}" in expected
    assert batch.rows.to_list() == [n for n in range(1, 10) if n != place + 1]


def test_two_damaged_rows_before_all_others_are_rejected_too(tmp_path: Path) -> None:
    batch = read(write(tmp_path / "a.csv", HEADER, b"D98;\xe9", b"D99;\xe9", *ROWS))
    assert (len(batch.frame), len(batch.broken)) == (8, 2)


def test_a_file_of_another_encoding_is_no_damaged_utf8(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("\r\n".join([HEADER, *ROWS]).encode("cp1252"))
    assert detect_encoding(path) == "cp1252"
    with pytest.raises(SourceError, match="in the header, line 1"):
        read(path, "utf-8")
    path.write_bytes("\r\n".join(["Number;Text", *ROWS]).encode("cp1252"))
    with pytest.raises(SourceError, match="in 8 lines, and 0 that are"):
        read(path, "utf-8")


def test_the_control_z_that_ends_a_file_of_dos_is_no_row(tmp_path: Path) -> None:
    batch = read(write(tmp_path / "a.csv", HEADER, *ROWS, end=b"\x1a"))
    assert (len(batch.frame), batch.broken) == (8, ())
    assert ("blank", 10) in kinds(batch)


@pytest.mark.parametrize("text", ["source de lumière", "extra-fort, en boîte", "note de musique", "(occasion)", "date"])
def test_words_that_go_on_with_the_last_cell_are_no_note(text: str, tmp_path: Path) -> None:
    """The last row's description was cut, and its end set aside as a note."""
    batch = read(write(tmp_path / "a.csv", HEADER, *ROWS, text))
    assert batch.rows.to_list() == list(range(1, 8))
    assert (batch.broken[0].row, batch.broken[0].code) == (8, "column_count")


@pytest.mark.parametrize("text", ["Source : BADR", "Édité le 03/04/2024", "Fin du fichier", "* provisoire", "8 lignes"])
def test_a_note_right_under_the_last_row_stays_one(text: str, tmp_path: Path) -> None:
    batch = read(write(tmp_path / "a.csv", HEADER, *ROWS, text))
    assert (len(batch.frame), batch.broken) == (8, ())
    assert ("note", 10) in kinds(batch)
