"""Every kind of file gives the same rows; every broken one a clear error and an untouched store."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from basira.ingest.mapping.model import Mapping, SourceFormat, load_mapping, parse_mapping
from basira.ingest.readers import csv as read_csv
from basira.ingest.readers.source import open_source
from basira.schema.errors import BasiraError, MappingError, SourceError
from basira.schema.shipped import shipped
from basira.storage.history.store import History
from basira.workflows.intake.ingest import ingest_files
from tests.support.ingest_world import HEADER, PLAIN_MAPPING, RECEIVED, ROW, rows_text, tree

Query = Callable[[str], list[tuple[Any, ...]]]

ITEM = "SELECT declaration_id, declared_at, office, commodity_code, net_mass_kg, customs_value_amount FROM items"
EXPECTED = [("D1", datetime(2024, 1, 2), "10", "851713", 12.5, 1000.0)]
ACCENTED = PLAIN_MAPPING.replace('office = "office"', 'office = "Bureau dédouanement"')


def ingest(store: History, path: Path, mapping: Mapping) -> None:
    ingest_files(store, [path], mapping, received_at=RECEIVED)


@pytest.mark.parametrize(
    ("encoding", "separator"),
    [
        ("utf-8", ","),
        ("utf-8", "|"),
        ("utf-8-sig", ";"),
        ("cp1252", ";"),
        ("utf-16", "\t"),
        ("utf-16-le", ","),
        ("utf-32", ";"),
    ],
)
def test_csv_of_any_encoding_and_separator(
    encoding: str, separator: str, tmp_path: Path, store: History, query: Query
) -> None:
    text = rows_text(ROW, header=HEADER.replace("office", "Bureau dédouanement")).replace(",", separator)
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode(encoding))
    ingest(store, path, parse_mapping(ACCENTED, name="m"))
    assert query(ITEM) == EXPECTED


def test_an_accent_far_down_the_file_decides_its_encoding(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"id,name\n" + b"1,a\n" * 600_000 + "2,é\n".encode("cp1252"))
    source = open_source(path, SourceFormat())
    last = list(source.batches())[-1].frame["name"][-1]
    assert last == "é"


def test_a_wrong_encoding_in_the_mapping_is_reported(tmp_path: Path, store: History) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(rows_text(ROW.replace("10", "é")).encode("cp1252"))
    with pytest.raises(SourceError, match="utf-8"):
        ingest(store, path, parse_mapping(PLAIN_MAPPING + "\n[source]\nencoding = 'utf-8'\n", name="m"))
    with pytest.raises(MappingError, match="klingon"):
        ingest(store, path, parse_mapping(PLAIN_MAPPING + "\n[source]\nencoding = 'klingon'\n", name="m"))


def test_quoted_separators_newlines_and_quotes_stay_in_their_cell(tmp_path: Path, store: History, query: Query) -> None:
    path = tmp_path / "a.csv"
    path.write_text(rows_text('D1,2024-01-02,"a ""b"", c\nd",1,851713,CN,12.5,1000'), encoding="utf-8")
    ingest(store, path, parse_mapping(PLAIN_MAPPING, name="m"))
    # An office is a code: a line end in it is a space.
    assert query("SELECT office FROM items") == [('A "B", C D',)]


def test_ragged_rows_keep_the_numbers_of_the_others_right(tmp_path: Path, store: History, query: Query) -> None:
    good = [f"D{i},2024-01-02,10,1,851713,CN,1,1" for i in range(1, 9)]
    good[1], good[2], good[6] = "D2,x", "D3,x", "D7,1,2,3,4,5,6,7,8,9,10"
    path = tmp_path / "a.csv"
    path.write_text(rows_text(*good[:4], "", *good[4:]), encoding="utf-8")
    ingest(store, path, parse_mapping(PLAIN_MAPPING, name="m"))
    assert query("SELECT declaration_id, source_row FROM items ORDER BY 2") == [
        ("D1", 1),
        ("D4", 4),
        ("D5", 5),
        ("D6", 6),
        ("D8", 8),
    ]
    assert query("SELECT source_row, code FROM quarantine ORDER BY 1") == [(n, "column_count") for n in (2, 3, 7)]


def test_row_numbers_hold_across_many_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_csv, "BLOCK_BYTES", 1 << 12)
    lines = ["ragged,x,y" if number % 97 == 0 else f"{number},x" for number in range(1, 5001)]
    path = tmp_path / "a.csv"
    path.write_text("n,v\n" + "\n".join(lines) + "\n", encoding="utf-8")
    batches = list(open_source(path, SourceFormat(separator=",")).batches())
    assert len(batches) > 5
    for batch in batches:
        assert batch.frame["n"].to_list() == [str(row) for row in batch.rows]
    assert sorted(b.row for batch in batches for b in batch.broken) == list(range(97, 5001, 97))


def test_a_row_longer_than_any_is_rejected_with_its_likely_cause(
    tmp_path: Path, store: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_csv, "BLOCK_BYTES", 1 << 16)
    path = tmp_path / "a.csv"
    path.write_text(rows_text(ROW, ROW.replace("10", '"' + "x" * 3_000_000)), encoding="utf-8")
    before = tree(store.root)
    with pytest.raises(SourceError, match="longer") as caught:
        ingest(store, path, parse_mapping(PLAIN_MAPPING, name="m"))
    assert "quote" in caught.value.hint
    assert tree(store.root) == before


def test_gzip_is_unpacked_and_a_cut_one_rejected(tmp_path: Path, store: History, query: Query) -> None:
    path = tmp_path / "a.csv.gz"
    packed = gzip.compress(rows_text(*(f"D{i},2024-01-02,10,1,851713,CN,{i},1" for i in range(2000))).encode())
    path.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(SourceError):
        ingest(store, path, parse_mapping(PLAIN_MAPPING, name="m"))
    path.write_bytes(packed)
    ingest(store, path, parse_mapping(PLAIN_MAPPING, name="m"))
    assert query("SELECT count(*) FROM items") == [(2000,)]


def test_titles_above_the_header_are_stepped_over(tmp_path: Path, store: History, query: Query) -> None:
    path = tmp_path / "a.csv"
    path.write_text("Extraction BADR\n2024\n" + rows_text(ROW), encoding="utf-8")
    ingest(store, path, parse_mapping(PLAIN_MAPPING + "\n[source]\nheader_row = 3\n", name="m"))
    assert query(ITEM) == EXPECTED


@pytest.mark.parametrize("decimal", [".", ","])
def test_typed_parquet_is_read_whatever_the_mappings_decimal(
    decimal: str, tmp_path: Path, store: History, query: Query
) -> None:
    table = pa.table(
        {
            "id": ["D1"],
            "date": pa.array([datetime(2024, 1, 2)], pa.timestamp("us")),
            "office": pa.array(["10"]).dictionary_encode(),
            "item": pa.array([1], pa.int32()),
            "code": pa.array([851713], pa.int64()),
            "origin": ["CN"],
            "mass": [12.5],
            "value": pa.array([1000], pa.decimal128(10, 2)),
            "nested": [[1, 2]],
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    text = PLAIN_MAPPING + f"\n[source]\ndecimal = '{decimal}'\nday_first = true\n"
    ingest(store, tmp_path / "a.parquet", parse_mapping(text, name="m"))
    assert query(ITEM) == EXPECTED


def workbook(path: Path, rows: list[list[Any]], *, title_rows: int = 0) -> None:
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet("Déclarations")
    book.add_worksheet("Notes")
    dates = book.add_format({"num_format": "dd/mm/yyyy"})
    for column, name in enumerate(HEADER.split(",")):
        sheet.write(title_rows, column, name)
    for number, row in enumerate(rows, start=title_rows + 1):
        for column, value in enumerate(row):
            if isinstance(value, date):
                sheet.write_datetime(number, column, datetime(value.year, value.month, value.day), dates)
            elif isinstance(value, str) and value.startswith("#"):
                sheet.write_formula(number, column, "=NA()", None, value)
            else:
                sheet.write(number, column, value)
    book.close()


def test_a_workbook_gives_numbers_and_dates_and_its_error_cells(tmp_path: Path, store: History, query: Query) -> None:
    day = date(2024, 1, 2)
    workbook(
        tmp_path / "a.xlsx",
        [
            ["D1", day, 10, 1, 851713, "CN", 12.5, 1000],
            ["D2", day, 10, 1, 851713, "CN", "#N/A", 1],
            ["D3", day, "#REF!", 1, 851713, "CN", 1, 1],
        ],
    )
    ingest(store, tmp_path / "a.xlsx", parse_mapping(PLAIN_MAPPING + "\n[source]\ndecimal = ','\n", name="m"))
    assert query(ITEM) == EXPECTED
    assert query("SELECT source_row, field, code, value FROM quarantine ORDER BY 1") == [
        (2, "net_mass_kg", "spreadsheet_error", "#N/A"),
        (3, "office", "spreadsheet_error", "#REF!"),
    ]


def test_a_workbook_with_titles_above_its_header(tmp_path: Path, store: History, query: Query) -> None:
    workbook(
        tmp_path / "a.xlsx",
        [
            ["D1", date(2024, 1, 2), 10, 1, 851713, "CN", 12.5, 1000],
            ["D2", date(2024, 1, 2), 10, 1, 851713, "CN", "#NUM!", 1],
        ],
        title_rows=2,
    )
    ingest(store, tmp_path / "a.xlsx", parse_mapping(PLAIN_MAPPING + "\n[source]\nheader_row = 3\n", name="m"))
    assert query(ITEM) == EXPECTED
    assert query("SELECT source_row, code FROM quarantine") == [(2, "spreadsheet_error")]


def test_a_missing_sheet_is_named_with_those_there_are(tmp_path: Path, store: History) -> None:
    workbook(tmp_path / "a.xlsx", [])
    with pytest.raises(MappingError, match="Déclarations"):
        ingest(store, tmp_path / "a.xlsx", parse_mapping(PLAIN_MAPPING + "\n[source]\nsheet = 'X'\n", name="m"))


def test_json_lines_with_nested_objects_and_a_broken_line(tmp_path: Path, store: History, query: Query) -> None:
    record = {"id": "D1", "date": "2024-01-02", "where": {"office": 10}, "code": "851713", "mass": 12.5, "value": 1000}
    lines = [json.dumps(record), "{broken", json.dumps({**record, "id": "D2", "item": 3, "origin": "MA"})]
    (tmp_path / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    text = PLAIN_MAPPING.replace('office = "office"', 'office = "where.office"')
    ingest(store, tmp_path / "a.jsonl", parse_mapping(text, name="m"))
    assert query(ITEM + " WHERE declaration_id = 'D1'") == EXPECTED
    assert query("SELECT item_number, origin_country FROM items ORDER BY 1") == [(1, None), (3, "MA")]
    assert query("SELECT source_row, code FROM quarantine") == [(2, "bad_json")]


SAD = """<ASYCUDA id="1"><Identification><Office_segment>
<Customs_clearance_office_code>CASA1</Customs_clearance_office_code></Office_segment><Registration><Serial_number>C</Serial_number><Number>{number}</Number><Date>2/5/24</Date></Registration>
<Manifest_reference_number><null/></Manifest_reference_number></Identification>
<Traders><Consignee><Consignee_code>ICE1</Consignee_code></Consignee></Traders>
<Declarant><Declarant_code>DEC9</Declarant_code></Declarant>
<Item><Packages><Number_of_packages>3</Number_of_packages></Packages>
<Tarification><HScode><Commodity_code>85171300</Commodity_code><Precision_1>00</Precision_1><Precision_2><null/></Precision_2>
</HScode></Tarification><Goods_description><Country_of_origin_code>CN</Country_of_origin_code></Goods_description>
<Taxation><Item_taxes_amount>600</Item_taxes_amount><Taxation_line/><Taxation_line><Duty_tax_code>DI</Duty_tax_code>
<Duty_tax_amount>100</Duty_tax_amount></Taxation_line><Taxation_line><Duty_tax_code>TVA</Duty_tax_code>
<Duty_tax_amount>500</Duty_tax_amount></Taxation_line></Taxation>
<Valuation_item><Total_CIF_itm>2500.75</Total_CIF_itm></Valuation_item></Item>
<Item><Tarification><HScode><Commodity_code>01012100</Commodity_code></HScode></Tarification></Item></ASYCUDA>"""


def test_a_sad_gives_one_row_an_item_with_the_header_repeated(tmp_path: Path, store: History, query: Query) -> None:
    body = "<Declarations>" + SAD.format(number=7) + SAD.format(number=8) + "</Declarations>"
    (tmp_path / "a.xml").write_text(body, encoding="utf-8")
    text = (shipped("mappings") / "asycuda-sad.toml").read_text(encoding="utf-8")
    text = text.replace("# duty_amount", "duty_amount")
    ingest(store, tmp_path / "a.xml", parse_mapping(text, name="m"))
    columns = "declaration_id, item_number, declared_at, importer_id, commodity_code, duty_amount, total_tax_amount"
    assert query(f"SELECT {columns}, customs_value_amount FROM items ORDER BY 1, 2 LIMIT 2") == [
        ("CASA1-2/5/24-C-7", 1, datetime(2024, 5, 2), "ICE1", "8517130000", 100.0, 600.0, 2500.75),
        ("CASA1-2/5/24-C-7", 2, datetime(2024, 5, 2), "ICE1", "01012100", None, None, None),
    ]
    assert query("SELECT count(*) FROM items") == [(4,)]


BOMB = """<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "aaaaaaaaaa"><!ENTITY c "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">]><ASYCUDA><Item><x>&d;</x></Item></ASYCUDA>"""
EXTERNAL = '<!DOCTYPE b [<!ENTITY a SYSTEM "file:///etc/passwd">]><ASYCUDA><Item><x>&a;</x></Item></ASYCUDA>'


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"", "empty file"),
        ("a.csv", b"id,date,office,item,code,origin,mass,value\n", "nothing else"),
        ("a.parquet", b"PAR1" + b"\x00" * 500, "truncated or damaged"),
        ("a.parquet", b"", "empty file"),
        ("a.xlsx", b"PK\x03\x04 cut", "XLSX"),
        ("a.xlsx", b"\xd0\xcf\x11\xe0 old or encrypted", "another kind"),
        ("a.jsonl", b"[1, 2]\n", "JSON object"),
        ("a.xml", BOMB.encode(), "entities"),
        ("a.xml", EXTERNAL.encode(), "entities"),
        ("a.xml", b"<ASYCUDA><Item>", "well-formed"),
        ("a.xml", b"<html><body/></html>", "no <ASYCUDA>"),
        ("a.xml", b"<ASYCUDA>" + b"<a>" * 100 + b"</a>" * 100 + b"</ASYCUDA>", "depth"),
    ],
)
def test_a_file_that_cannot_be_read_is_rejected_and_the_store_untouched(
    name: str, content: bytes, said: str, tmp_path: Path, store: History, plain: Mapping
) -> None:
    (tmp_path / name).write_bytes(content)
    before = tree(store.root)
    with pytest.raises(SourceError) as caught:
        ingest(store, tmp_path / name, plain)
    assert said in caught.value.message
    assert caught.value.hint
    assert tree(store.root) == before


def test_a_parquet_cut_in_the_middle_is_rejected_and_the_store_untouched(
    tmp_path: Path, store: History, plain: Mapping
) -> None:
    names = HEADER.split(",")
    values = ROW.split(",")
    pq.write_table(pa.table({n: [v] * 50_000 for n, v in zip(names, values, strict=True)}), tmp_path / "a.parquet")
    whole = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(whole[: len(whole) // 2])
    before = tree(store.root)
    with pytest.raises(SourceError, match="truncated"):
        ingest(store, tmp_path / "a.parquet", plain)
    assert tree(store.root) == before


def test_a_missing_column_is_reported_with_the_closest_before_anything_is_written(
    tmp_path: Path, store: History, plain: Mapping
) -> None:
    (tmp_path / "a.csv").write_text(rows_text(ROW, header=HEADER.replace("mass", "masse")), encoding="utf-8")
    before = tree(store.root)
    with pytest.raises(MappingError) as caught:
        ingest(store, tmp_path / "a.csv", plain)
    assert "'mass' (for [fields] net_mass_kg; closest: 'masse')" in caught.value.message
    assert tree(store.root) == before


def test_a_wrong_separator_is_guessed_from_the_one_column(tmp_path: Path, store: History) -> None:
    (tmp_path / "a.csv").write_text(rows_text(ROW), encoding="utf-8")
    with pytest.raises(MappingError) as caught:
        ingest(store, tmp_path / "a.csv", parse_mapping(PLAIN_MAPPING + "\n[source]\nseparator = ';'\n", name="m"))
    assert "separator" in caught.value.hint


def test_an_absent_file_or_a_folder_is_reported(tmp_path: Path, store: History, plain: Mapping) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(BasiraError, match="Expected a file"):
            ingest(store, path, plain)


def test_the_identity_mapping_takes_what_columns_there_are(tmp_path: Path, store: History, query: Query) -> None:
    (tmp_path / "a.csv").write_text("declaration_id,declared_at,commodity_code\nA,2024-01-01,8517\n", encoding="utf-8")
    ingest(store, tmp_path / "a.csv", load_mapping("basira"))
    assert query("SELECT declaration_id, declaration_version, office FROM items") == [("A", 1, None)]
    (tmp_path / "b.csv").write_text("declaration_id,declared_at\nA,2024-01-01\n", encoding="utf-8")
    with pytest.raises(MappingError, match="commodity_code"):
        ingest(store, tmp_path / "b.csv", load_mapping("basira"))
