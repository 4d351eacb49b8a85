"""Small files made to take all the memory, or all the time: each is rejected clearly, and the store is as before.

The bounds are lowered here, so that each takes a second; benchmarks/attacks/file_bombs.py has the larger ones.
"""

from __future__ import annotations

import gzip
import json
import os
import signal
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from basira.ingest.mapping.model import Mapping, SourceFormat, parse_mapping
from basira.ingest.readers import bounds, starting
from basira.ingest.readers.source import open_source
from basira.ingest.suggest.propose import suggest_mapping
from basira.schema.errors import SourceError
from basira.storage.history import draft as history_draft
from basira.storage.history.store import History
from basira.workflows.intake.ingest import ingest_files
from basira.workflows.intake.mapping import check_mapping
from basira.workflows.intake.quarantine import read_corrections
from tests.support.ingest_world import HEADER, PLAIN_MAPPING, RECEIVED, ROW, rows_text, tree

Query = Callable[[str], list[tuple[Any, ...]]]

NAMES, VALUES = HEADER.split(","), ROW.split(",")
MB = 1 << 20
SHEET = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
RELATIONS = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{}</Relationships>'
BOOK = (
    '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
    f'xmlns:r="{OFFICE}"><sheets><sheet name="s" sheetId="1" r:id="r1"/></sheets></workbook>'
)


@pytest.fixture(autouse=True)
def _low_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MEMORY_FLOOR_BYTES", 400 * MB)
    monkeypatch.setattr(bounds, "MEMORY_RATIO", 0)
    monkeypatch.setattr(bounds, "UNPACKED_FLOOR_BYTES", 32 * MB)
    monkeypatch.setattr(bounds, "UNPACKED_RATIO", 10)


def workbook(path: Path, rows: str, *, strings: str = "", book: str = BOOK) -> None:
    """A workbook of one sheet, by hand: no library writes these."""
    related = f'<Relationship Id="r1" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
    if strings:
        related += f'<Relationship Id="s" Type="{OFFICE}/sharedStrings" Target="sharedStrings.xml"/>'
    root = f'<Relationship Id="r" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("_rels/.rels", RELATIONS.format(root))
        archive.writestr("xl/workbook.xml", book)
        archive.writestr("xl/_rels/workbook.xml.rels", RELATIONS.format(related))
        archive.writestr("xl/worksheets/sheet1.xml", f"{SHEET}{rows}</sheetData></worksheet>")
        if strings:
            archive.writestr("xl/sharedStrings.xml", f"<sst>{strings}</sst>")


def cell(place: str, text: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


def cells(texts: list[str]) -> str:
    return "<row>" + "".join(cell("ABCDEFGH"[i] + "1", text) for i, text in enumerate(texts)) + "</row>"


GOOD = f'<row r="1">{"".join(cell(f"{c}1", n) for c, n in zip("ABCDEFGH", NAMES, strict=True))}</row>' + (
    f'<row r="2">{"".join(cell(f"{c}2", v) for c, v in zip("ABCDEFGH", VALUES, strict=True))}</row>'
)


def columns(rows: int, **others: pa.Array) -> pa.Table:
    plain = {name: repeated(value, rows) for name, value in zip(NAMES, VALUES, strict=True)}
    return pa.table({**plain, **others})


def repeated(value: str, rows: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(memoryview(bytes(rows)), pa.int8()), [value])


def a_string_in_every_cell(path: Path) -> None:
    places = "".join(f'<row r="{n}"><c r="A{n}" t="s"><v>0</v></c></row>' for n in range(3, 2000))
    workbook(path, GOOD + places, strings=f"<si><t>{'a' * MB}</t></si>")


def a_sheet_of_one_character(path: Path) -> None:
    workbook(path, GOOD + cells(["a" * (64 * MB)]))


def opposite_corners(path: Path) -> None:
    workbook(path, GOOD + f'<row r="1048576">{cell("XFD1048576", "x")}</row>')


def a_wide_row(path: Path) -> None:
    workbook(path, "<row>" + "<c><v>1</v></c>" * 20_000 + "</row>")


def entities_in_a_workbook(path: Path) -> None:
    workbook(path, GOOD, book='<!DOCTYPE b [<!ENTITY a "aa">]>' + BOOK)


def parts_without_end(path: Path) -> None:
    workbook(path, GOOD)
    with zipfile.ZipFile(path, "a") as archive:
        for number in range(bounds.MOST_PARTS):
            archive.writestr(str(number), "")


def one_value_for_every_row(path: Path) -> None:
    pq.write_table(columns(50_000, office=repeated("a" * 100_000, 50_000)), path, write_statistics=False)


def rows_without_end(path: Path) -> None:
    pq.write_table(pa.table({name: pa.nulls(10_000_000) for name in NAMES}), path, write_statistics=False)


def a_page_of_one_value(path: Path) -> None:
    value = pa.array(["a" * (24 * MB)])
    pq.write_table(columns(1, office=value), path, compression="zstd", use_dictionary=False, write_statistics=False)


def columns_without_end(path: Path) -> None:
    pq.write_table(columns(1, **{f"c{n}": pa.array([1]) for n in range(2500)}), path)


def row_groups_without_end(path: Path) -> None:
    pq.write_table(pa.table({"id": pa.nulls(10_001)}), path, row_group_size=1, write_statistics=False)


def lists_only(path: Path) -> None:
    pq.write_table(pa.table({"a": [[1]]}), path)


def a_packed_line(path: Path) -> None:
    path.write_bytes(gzip.compress(rows_text(ROW).encode() + b"\xe9" * (64 * MB), 1))


def packed_rows(path: Path) -> None:
    path.write_bytes(gzip.compress(rows_text(ROW).encode() + b",,,,,,,\n" * (8 * MB), 1))


def separators_without_end(path: Path) -> None:
    path.write_text(f"{HEADER}{',' * 100_000}\n{ROW}{',' * 100_000}\n")


def a_long_cell(path: Path) -> None:
    path.write_text(rows_text(ROW.replace(",10,", f",{'a' * (3 * MB)},")))


def names_without_end(path: Path) -> None:
    path.write_text("".join(json.dumps({f"n{n}_{i}": "1" for i in range(100)}) + "\n" for n in range(30)))


def packed_lines(path: Path) -> None:
    line = json.dumps({**dict(zip(NAMES, VALUES, strict=True)), "office": "a" * 900_000}).encode() + b"\n"
    path.write_bytes(gzip.compress(line * 60, 1))


def an_attribute_without_end(path: Path) -> None:
    path.write_bytes(gzip.compress(b'<ASYCUDA a="' + b"a" * (64 * MB) + b'"><Item><x>1</x></Item></ASYCUDA>', 1))


@pytest.mark.parametrize(
    ("suffix", "make", "said"),
    [
        (".xlsx", a_string_in_every_cell, "400 MB of memory"),
        (".xlsx", a_sheet_of_one_character, "at most 32 MB of text"),
        (".xlsx", opposite_corners, "400 MB of memory"),
        (".xlsx", a_wide_row, "at most 2,000 columns"),
        (".xlsx", entities_in_a_workbook, "damaged"),
        (".xlsx", parts_without_end, "at most 10,000 parts"),
        (".parquet", one_value_for_every_row, "400 MB of memory"),
        (".parquet", rows_without_end, "at most 32 MB of text"),
        (".parquet", a_page_of_one_value, "shorter than 1,024 KB"),
        (".parquet", columns_without_end, "at most 2,000 columns"),
        (".parquet", row_groups_without_end, "at most 10,000 row groups"),
        (".parquet", lists_only, "columns of values"),
        (".csv", a_packed_line, "shorter than 1,024 KB"),
        (".csv", packed_rows, "at most 32 MB of text"),
        (".csv", separators_without_end, "at most 2,000 columns"),
        (".csv", a_long_cell, "shorter than 1,024 KB"),
        (".jsonl", names_without_end, "at most 2,000 columns"),
        (".jsonl", packed_lines, "at most 32 MB of text"),
        (".xml", an_attribute_without_end, "shorter than 1,024 KB"),
    ],
)
def test_a_bomb_is_rejected_and_the_store_untouched(
    suffix: str,
    make: Callable[[Path], None],
    said: str,
    tmp_path: Path,
    store: History,
    plain: Mapping,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if "memory" not in said:  # another bound must end it, whatever the libraries take of memory on this machine
        monkeypatch.setattr(bounds, "MEMORY_FLOOR_BYTES", 1024 * MB)
    path = tmp_path / f"bomb{suffix}"
    make(path)
    assert path.stat().st_size < 4 * MB
    before = tree(store.root)
    with pytest.raises(SourceError) as caught:
        ingest_files(store, [path], plain, received_at=RECEIVED)
    assert said in caught.value.message
    assert path.name in caught.value.message
    assert caught.value.hint
    assert tree(store.root) == before


def test_a_file_that_is_read_for_ever_is_rejected(
    tmp_path: Path, store: History, plain: Mapping, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Text in a formula that looks like the beginning of error cells: each is looked for to the end."""
    monkeypatch.setattr(bounds, "SECONDS_FLOOR", 1)
    begun = '<c t="e" r="A1">' * 100_000
    workbook(tmp_path / "a.xlsx", GOOD + f'<row r="3"><c r="A3" t="e"><f><![CDATA[{begun}]]></f></c></row>')
    with pytest.raises(SourceError, match=r"at most 1 seconds of a processor"):
        ingest_files(store, [tmp_path / "a.xlsx"], plain, received_at=RECEIVED)


def test_suggest_and_check_read_within_the_same_bounds(tmp_path: Path, plain: Mapping) -> None:
    path = tmp_path / "a.parquet"
    one_value_for_every_row(path)
    with pytest.raises(SourceError, match="MB of memory"):
        suggest_mapping(path)
    with pytest.raises(SourceError, match="MB of memory"):
        check_mapping(path, plain)


def test_corrections_are_read_within_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("basira.workflows.intake.quarantine.CORRECTIONS_BYTES", MB)
    path = tmp_path / "a.csv"
    path.write_text("quarantine_id\n" + "a\n" * MB)
    with pytest.raises(SourceError, match="at most 1 MB"):
        read_corrections(path)
    path.write_text("quarantine_id" + ";" * 3000 + "\na\n")
    with pytest.raises(SourceError, match="at most 2,000 columns"):
        read_corrections(path)


def test_long_rows_are_written_before_they_fill_the_memory(
    tmp_path: Path, store: History, plain: Mapping, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_draft, "HELD_BYTES", MB)
    rows = [ROW.replace("D1", f"D{n}").replace(",10,", f",{'a' * 20_000},") for n in range(500)]
    (tmp_path / "a.csv").write_text(rows_text(*rows))
    monkeypatch.setattr(bounds, "PIECE_ROWS", 20)
    ingest_files(store, [tmp_path / "a.csv"], plain, received_at=RECEIVED)
    [path] = store.snapshot().files("items")
    assert pq.read_metadata(path).num_row_groups > 3
    assert query("SELECT count(DISTINCT declaration_id) FROM items") == [(500,)]


def test_a_half_of_a_character_is_a_broken_row(tmp_path: Path, store: History, plain: Mapping, query: Query) -> None:
    record = json.dumps(dict(zip(NAMES, VALUES, strict=True)))
    lines = [record, record.replace('"10"', '"\\ud800"'), record.replace('"mass"', '"\\udfff"')]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    ingest_files(store, [tmp_path / "a.jsonl"], plain, received_at=RECEIVED)
    assert query("SELECT source_row, code FROM quarantine ORDER BY 1") == [(2, "bad_json"), (3, "bad_json")]


def test_rows_come_in_pieces_with_the_numbers_and_faults_they_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "PIECE_ROWS", 70)
    monkeypatch.setattr(bounds, "PIECE_BYTES", 4000)
    lines = ["{broken" if n % 97 == 0 else json.dumps({"n": n, "text": "a" * (n % 300)}) for n in range(1, 1001)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    (tmp_path / "a.csv").write_text("n,text\n" + "\n".join(",,x" if n % 97 == 0 else f"{n},a" for n in range(1, 1001)))
    for name in ("a.jsonl", "a.csv"):
        batches = list(open_source(tmp_path / name, SourceFormat()).batches())
        assert len(batches) > 10
        assert [int(n) for batch in batches for n in batch.frame["n"]] == [n for n in range(1, 1001) if n % 97]
        assert [n for batch in batches for n in batch.rows] == [n for n in range(1, 1001) if n % 97]
        assert [broken.row for batch in batches for broken in batch.broken] == list(range(97, 1001, 97))


def test_several_files_are_read_in_their_turn_and_rejected_rows_found_again(
    tmp_path: Path, store: History, query: Query
) -> None:
    for number in range(3):
        table = pa.table({name: [value] * 3 for name, value in zip(NAMES, VALUES, strict=True)})
        table = table.set_column(0, "id", pa.array([f"D{number}", f"E{number}", f"D{number}"]))
        table = table.set_column(6, "mass", pa.array(["12.5", "1", "99"]))
        pq.write_table(table, tmp_path / f"{number}.parquet")
    mapping = parse_mapping(PLAIN_MAPPING, name="m")
    files = [tmp_path / f"{number}.parquet" for number in range(3)]
    ingest_files(store, files, mapping, received_at=RECEIVED)
    assert query("SELECT declaration_id FROM items ORDER BY 1") == [("E0",), ("E1",), ("E2",)]
    assert {json.loads(text)["mass"] for (text,) in query("SELECT row_json FROM quarantine")} == {"12.5", "99"}


def readers_of(process: int) -> set[str]:
    """The processes that read files now: what the one forked that this process started."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return set(children)


forks = pytest.mark.skipif(sys.platform != "linux", reason="each file has a fresh interpreter here")


@pytest.fixture
def server(tmp_path: Path) -> int:
    """The number of the process that forks for the files of this one."""
    write_lines(tmp_path / "first.jsonl")
    open_source(tmp_path / "first.jsonl", SourceFormat()).release()
    return starting._servers[0].number


def write_lines(path: Path) -> Path:
    path.write_text('{"id": "D1", "date": "2024-01-01"}\n')
    return path


@forks
def test_no_process_is_left_behind(tmp_path: Path, server: int) -> None:
    pq.write_table(columns(120_000), tmp_path / "a.parquet")
    assert readers_of(server) == set()
    source = open_source(tmp_path / "a.parquet", SourceFormat())
    assert len(readers_of(server)) == 1
    for _ in source.batches():
        break
    assert readers_of(server) == set()
    assert sum(len(batch.frame) for batch in source.batches()) == 120_000
    source = open_source(tmp_path / "a.parquet", SourceFormat())
    source.release()
    assert readers_of(server) == set()
    open_source(tmp_path / "a.parquet", SourceFormat())  # and never read
    assert readers_of(server) == set()


@forks
def test_each_file_has_a_process_of_its_own_and_a_bomb_takes_no_other(tmp_path: Path, server: int) -> None:
    pq.write_table(columns(120_000), tmp_path / "a.parquet")
    first = open_source(tmp_path / "a.parquet", SourceFormat())
    batches = first.batches()
    next(batches)
    [reader] = readers_of(server)
    second = open_source(write_lines(tmp_path / "b.jsonl"), SourceFormat())
    [other] = readers_of(server) - {reader}
    os.kill(int(reader), signal.SIGSEGV)
    with pytest.raises(SourceError, match="SIGSEGV ended it"):
        list(batches)
    assert readers_of(server) == {other}
    assert [len(batch.frame) for batch in second.batches()] == [1]


@forks
def test_the_process_that_forks_opens_no_file_and_takes_no_limit_of_a_file(tmp_path: Path, server: int) -> None:
    pq.write_table(columns(120_000), tmp_path / "a.parquet")
    source = open_source(tmp_path / "a.parquet", SourceFormat())
    [reader] = readers_of(server)
    limit = Path(f"/proc/{reader}/limits").read_text()
    assert f"{bounds.memory_bytes(source.size_bytes)}" in next(x for x in limit.splitlines() if "data size" in x)
    assert "unlimited" in next(x for x in Path(f"/proc/{server}/limits").read_text().splitlines() if "data size" in x)
    opened = {str(entry.readlink()) for entry in Path(f"/proc/{server}/fd").iterdir()}
    assert not any(name.startswith(str(tmp_path)) or "pipe" in name for name in opened)
    assert any("socket" in name for name in opened)
    # What reads a file can ask for nothing.
    assert not any("socket" in str(entry.readlink()) for entry in Path(f"/proc/{reader}/fd").iterdir())
    source.release()


@forks
def test_another_forks_when_the_one_that_did_was_killed(tmp_path: Path, server: int) -> None:
    waiting = open_source(write_lines(tmp_path / "a.jsonl"), SourceFormat())
    os.kill(server, signal.SIGKILL)
    source = open_source(write_lines(tmp_path / "b.jsonl"), SourceFormat())
    assert [len(batch.frame) for batch in source.batches()] == [1]
    assert starting._servers[0].number != server
    waiting.release()


def test_the_process_has_no_secret_and_no_module_of_the_files_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(
        f"import json, os\nopen({str(tmp_path / 'seen')!r}, 'w').write(json.dumps(dict(os.environ)))\n"
    )
    (tmp_path / "polars.py").write_text("raise SystemExit('read from the folder of the files')\n")
    pq.write_table(columns(3), tmp_path / "a.parquet")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "site"), "", os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("BASIRA_DATABASE", "postgresql://user:open-sesame@host/db")
    monkeypatch.setenv("PGPASSWORD", "open-sesame")
    batches = list(open_source(Path("a.parquet"), SourceFormat()).batches())
    assert [len(batch.frame) for batch in batches] == [3]
    assert "open-sesame" not in (tmp_path / "seen").read_text()


def test_an_ordinary_file_needs_a_part_of_what_it_may_take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An allocator that takes a gigabyte at once left too little for the libraries: a file of 60,000 rows failed."""
    monkeypatch.setattr(bounds, "MEMORY_FLOOR_BYTES", 1200 * MB)
    monkeypatch.setattr(bounds, "UNPACKED_FLOOR_BYTES", 512 * MB)
    texts = [f"a word {n % 997}" for n in range(60_000)]
    pq.write_table(pa.table({f"c{n}": texts for n in range(40)}), tmp_path / "a.parquet")
    assert sum(len(batch.frame) for batch in open_source(tmp_path / "a.parquet", SourceFormat()).batches()) == 60_000
