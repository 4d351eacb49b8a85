"""A stray quote swallows nothing: every line of a CSV file is a row, rejected with its line, or listed as no data."""

from __future__ import annotations

import csv
import io
import random
from pathlib import Path

import pytest

from basira.ingest.mapping.model import Mapping, SourceFormat, parse_mapping
from basira.ingest.readers import csv as read_csv
from basira.ingest.readers.source import SourceBatch, open_source
from basira.ingest.rows import account
from basira.schema.errors import SourceError
from basira.storage.history.store import History
from basira.workflows.intake.ingest import ingest_files
from basira.workflows.intake.take_in import FileReport
from tests.support.ingest_world import HEADER, PLAIN_MAPPING, RECEIVED, rows_text, tree

WORDED = PLAIN_MAPPING + 'description = "words"\n'


def row(number: int, words: str = "TILES") -> str:
    return f"D{number},2024-01-02,10,1,851713,CN,{number},{number},{words}"


def take(store: History, path: Path, *lines: str) -> FileReport:
    path.write_text(rows_text(*lines, header=HEADER + ",words"), encoding="utf-8")
    [report] = ingest_files(store, [path], parse_mapping(WORDED, name="m"), received_at=RECEIVED).files
    assert report.lines == len(path.read_text(encoding="utf-8").splitlines())
    assert report.rows == report.accepted + report.already_known + report.quarantined
    assert report.lines == report.rows + report.not_data
    return report


def ids(store: History) -> set[str]:
    import polars as pl

    files = store.snapshot().files("items")
    return set(pl.read_parquet(list(files), columns=["declaration_id"])["declaration_id"]) if files else set()


def test_a_quote_that_never_closes_costs_its_own_row(tmp_path: Path, store: History) -> None:
    lines = [row(n, '"TILES' if n == 4 else "TILES") for n in range(1, 301)]
    report = take(store, tmp_path / "a.csv", *lines)
    assert (report.accepted, report.reasons) == (299, {"bad_quotes": 1})
    assert ids(store) == {f"D{n}" for n in range(1, 301)} - {"D4"}


def test_two_quotes_far_apart_cost_their_two_rows(tmp_path: Path, store: History) -> None:
    lines = [row(n, {10: '"TILES', 150: 'TILES"'}.get(n, "TILES")) for n in range(1, 301)]
    report = take(store, tmp_path / "a.csv", *lines)
    assert report.accepted == 298
    assert ids(store) == {f"D{n}" for n in range(1, 301)} - {"D10", "D150"}


def test_a_cell_that_holds_one_whole_row_is_rejected_with_it(tmp_path: Path, store: History) -> None:
    report = take(store, tmp_path / "a.csv", row(1, '"TILES'), row(2, 'TILES"'), row(3))
    assert (report.accepted, report.reasons) == (1, {"bad_quotes": 2})


def test_descriptions_of_several_lines_stay_whole(tmp_path: Path, store: History) -> None:
    report = take(store, tmp_path / "a.csv", row(1, '"TILES,\n""red"",\n\nlarge"'), row(2), row(3, '"a, b"'))
    assert (report.accepted, report.not_data_kinds) == (3, {"continued": 3, "header": 1})


def test_inches_words_and_formulas_are_no_stray_quotes(tmp_path: Path, store: History) -> None:
    report = take(store, tmp_path / "a.csv", row(1, 'TV 24" LED'), row(2, 'BRAND "XL" RED'), row(3, '="007"'))
    assert report.accepted == 3


def test_the_rejected_row_says_its_line_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('a,b\n\n1,x\n2,"y\n3,z\n', encoding="utf-8")
    [broken] = [entry for batch in open_source(path, SourceFormat()).batches() for entry in batch.broken]
    assert (broken.row, broken.code) == (2, "bad_quotes")
    assert "line 4" in broken.expected


def test_lines_that_are_not_accounted_for_store_nothing(
    tmp_path: Path, store: History, plain: Mapping, monkeypatch: pytest.MonkeyPatch
) -> None:
    class OneShort(account.LineAccount):
        def add(self, batch: SourceBatch, rows: int) -> None:
            super().add(batch, rows - 1 if batch.lines else rows)
            self.kinds["blank"] = 0

    monkeypatch.setattr("basira.workflows.intake.take_in.LineAccount", OneShort)
    path = tmp_path / "a.csv"
    path.write_text(rows_text("D1,2024-01-02,10,1,851713,CN,12.5,1000"), encoding="utf-8")
    before = tree(store.root)
    with pytest.raises(SourceError, match="each of the 2 lines"):
        ingest_files(store, [path], plain, received_at=RECEIVED)
    assert tree(store.root) == before


DAMAGES = ("quote", "quote", "two quotes", "total", "blank", "empty cells", "cell more", "cell less", "newline")


def damage(rng: random.Random, lines: list[str]) -> None:
    """One damage, in place."""
    at = rng.randrange(len(lines))
    kind, line = rng.choice(DAMAGES), lines[at]
    if kind == "quote":
        place = rng.choice([0, len(line), *(n for n, c in enumerate(line) if c == ","), rng.randrange(len(line) + 1)])
        lines[at] = line[:place] + '"' + line[place:]
    elif kind == "two quotes":
        other = min(at + rng.choice((1, 3, 40)), len(lines) - 1)
        for number in (at, other):
            cut = lines[number].rfind(",") + 1
            lines[number] = lines[number][:cut] + '"' + lines[number][cut:]
    elif kind == "cell more":
        lines[at] += ","
    elif kind == "cell less":
        lines[at] = line.rpartition(",")[0]
    elif kind == "newline" and '"' not in line:
        lines[at] = line[:-3] + "\r\n" + line[-3:]
    elif kind in {"total", "blank", "empty cells"}:
        lines.insert(at, {"total": "TOTAL,,,,,,,12345,", "blank": "", "empty cells": "," * 8}[kind])


@pytest.mark.parametrize("seed", range(40))
def test_damaged_files_give_true_rows_only_and_every_line_is_accounted_for(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(seed)
    monkeypatch.setattr(read_csv, "BLOCK_BYTES", rng.choice((1 << 9, 1 << 12, 8 << 20)))
    words = ("TILES", '"RED, LARGE"', '"RED\nLARGE"', '"A ""B"" C"')
    true = {f"D{n}": (f"D{n}", "302", str(n * 7 + 1000), words[n % 4]) for n in range(200)}
    lines = [f"{a},{b},01/02/2024,851713,CN,{c},MA,{c},{d}" for a, b, c, d in true.values()]
    for _ in range(rng.randrange(1, 8)):
        damage(rng, lines)
    path = tmp_path / "a.csv"
    path.write_text("Extraction\nid,office,date,code,origin,mass,to,value,words\n" + "\n".join(lines), encoding="utf-8")
    said = [next(csv.reader(io.StringIO(word)))[0] for word in words]
    said[2] = "RED\nLARGE"
    taken, book = [], account.LineAccount("a.csv")
    for batch in open_source(path, SourceFormat(header_row=2)).batches():
        filled = batch.frame.filter(batch.frame["id"] != "")
        taken += filled.select("id", "office", "mass", "value", "words").rows()
        book.add(batch, len(filled) + len(batch.broken))
    book.check()
    assert book.lines is not None
    for found, office, mass, value, text in taken:
        number = int(found.removeprefix("D"))
        assert (found, office, mass, value) == (f"D{number}", "302", str(number * 7 + 1000), str(number * 7 + 1000))
        assert text.replace("\r", "") == said[number % 4]
    assert len(taken) > 100


def test_words_right_under_the_last_row_may_be_the_end_of_its_description(tmp_path: Path, store: History) -> None:
    header = "id,date,office,item,code,origin,mass,value,text"
    mapping = parse_mapping(PLAIN_MAPPING + 'description = "text"\n', name="m")
    rows = [f"D{n},2024-01-02,10,1,851713,CN,12.5,1000,motor car" for n in range(5)]

    def take(*after: str) -> FileReport:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.csv"
        path.write_text("\n".join([header, *rows, *after]) + "\n", encoding="utf-8")
        [report] = ingest_files(History.create(path.with_suffix("")), [path], mapping, received_at=RECEIVED).files
        assert report.lines == report.rows + report.not_data
        return report

    for tail in ("with four doors", "12 cylinders"):
        report = take(tail)
        assert (report.accepted, report.reasons) == (4, {"column_count": 1})
    for note in ("Source: BADR", "* provisional figures", "5 rows", "Généré le 3 mars"):
        report = take(note)
        assert (report.accepted, report.not_data_kinds["note"]) == (5, 1)
    assert take("", "with four doors").accepted == 5  # below a blank line nothing goes on
