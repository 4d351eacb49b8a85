"""Where the table of a file is: titles, headers, totals, notes, sheets, folders and zips."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from typer.testing import CliRunner

from basira.cli.program import app
from basira.ingest.mapping.model import Mapping, parse_mapping
from basira.schema.errors import MappingError, SourceError
from basira.storage.history.store import History
from basira.workflows.intake.files import named_files
from basira.workflows.intake.ingest import ingest_files
from basira.workflows.intake.mapping import check_mapping, propose_mapping, with_place
from basira.workflows.intake.take_in import FileReport
from tests.support.ingest_world import PLAIN_MAPPING, RECEIVED, rows_text

NAMES = ["Numéro déclaration", "Date", "Bureau", "Code SH", "Pays origine", "Valeur en douane"]
Lines = list[list[Any]]


def data(first: int, count: int) -> Lines:
    numbers = range(first, first + count)
    return [[f"D{n}", f"2024-01-{n % 27 + 1:02d}", "302", "870321", "CN", f"{n * 10}.5"] for n in numbers]


def sheet(book: Any, name: str, lines: Lines, *, hidden: bool = False) -> Any:
    page = book.add_worksheet(name)
    for at, line in enumerate(lines):
        page.write_row(at, 0, line)
    if hidden:
        page.hide()
    return page


def workbook(path: Path, sheets: dict[str, Lines], hidden: tuple[str, ...] = ()) -> Path:
    with xlsxwriter.Workbook(str(path)) as book:
        for name, lines in sheets.items():
            page = sheet(book, name, lines, hidden=name in hidden)
            if name not in hidden:
                page.activate()
                page.set_first_sheet()
    return path


def take(store: History, path: Path, mapping: Mapping) -> FileReport:
    [report] = ingest_files(store, [path], mapping, received_at=RECEIVED).files
    assert report.lines == report.rows + report.not_data
    assert report.rows == report.accepted + report.already_known + report.quarantined
    return report


def read_as_proposed(store: History, path: Path) -> FileReport:
    suggestion, text, _ = propose_mapping(path)
    assert not suggestion.missing
    return take(store, path, parse_mapping(text, name="m"))


TITLES: Lines = [["Extraction du système"], [], ["Période : 2024"]]
TAIL: Lines = [
    ["Sous-total du bureau 302", "", "", "", "", "1234.5"],
    ["TOTAL", "", "", "", "", "1234.5"],
    ["Source : extraction du mois"],
    ["24 lignes"],
    ["* provisoire"],
]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_titles_totals_and_notes_are_no_rows(kind: str, tmp_path: Path, store: History) -> None:
    lines = [*TITLES, NAMES, *data(1, 12), [], *data(13, 12), *TAIL]
    path = tmp_path / f"a.{kind}"
    if kind == "csv":
        path.write_text("\n".join(";".join(map(str, line)) for line in lines) + "\n", encoding="utf-8")
    else:
        workbook(path, {"s": lines})
    report = read_as_proposed(store, path)
    assert (report.rows, report.accepted) == (24, 24)
    assert report.not_data_kinds == {"blank": 2, "header": 1, "note": 3, "title": 2, "total": 2}


def test_commas_in_quotes_do_not_hide_the_header(tmp_path: Path, store: History) -> None:
    lines = [[*NAMES, "Désignation"], *([*line, '"GOODS, PACKED, NEW"'] for line in data(1, 24))]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(",".join(line) for line in lines), encoding="utf-8")
    assert read_as_proposed(store, path).accepted == 24


def test_names_of_columns_over_several_lines(tmp_path: Path, store: History) -> None:
    path = tmp_path / "a.csv"
    names = [f'"{name}"'.replace(" ", "\n") for name in NAMES]
    lines = [*TITLES, names, *data(1, 24)]
    path.write_text("\n".join(";".join(line) for line in lines) + "\n", encoding="utf-8")
    suggestion, _, _ = propose_mapping(path)
    assert {"Numéro\ndéclaration", "Code\nSH"} <= {entry.column for entry in suggestion.fields}
    report = read_as_proposed(store, path)
    assert (report.accepted, report.not_data_kinds["header"]) == (24, 6)


def test_one_empty_cell_more_in_each_row(tmp_path: Path, store: History) -> None:
    path = tmp_path / "a.csv"
    text = "\n".join([";".join(NAMES), *(";".join(line) + ";" for line in data(1, 24))])
    path.write_text(text + "\n" + ";".join(data(25, 1)[0]) + "\n", encoding="utf-8")
    assert read_as_proposed(store, path).accepted == 25


def test_a_group_header_gives_its_name_where_names_stand_twice(tmp_path: Path) -> None:
    lines = [["", "", "", "", "", "Déclaré", "", "Reconnu", ""], [*NAMES[:5], "Valeur", "Poids", "Valeur", "Poids"]]
    lines += [[*line, "7", line[5], "7"] for line in data(1, 24)]
    suggestion, _, _ = propose_mapping(workbook(tmp_path / "a.xlsx", {"s": lines}))
    assert suggestion.source["header_rows"] == 2
    columns = {*suggestion.unmapped, *suggestion.extra.values(), *(entry.column for entry in suggestion.fields)}
    assert {"Déclaré Valeur", "Reconnu Valeur", "Déclaré Poids", "Reconnu Poids"} <= columns


def test_a_hidden_sheet_is_named_and_not_read(tmp_path: Path, store: History) -> None:
    path = workbook(tmp_path / "a.xlsx", {"param": [["k", "v"]], "D": [NAMES, *data(1, 24)]}, hidden=("param",))
    report = read_as_proposed(store, path)
    assert report.accepted == 24
    assert "'param' (hidden)" in str(report.note)


def test_sheets_of_one_header_are_asked_about_and_read_together(tmp_path: Path, store: History) -> None:
    path = workbook(tmp_path / "a.xlsx", {"S1": [NAMES, *data(1, 12)], "S2": [NAMES, *data(13, 12)]})
    suggestion, text, _ = propose_mapping(path)
    [doubt] = suggestion.doubts
    assert (doubt.subject, "'S2'" in doubt.question) == ("file", True)
    with pytest.raises(MappingError, match="doubt"):
        take(store, path, parse_mapping(text, name="m"))
    decided = parse_mapping(text[: text.index("[doubts]")], name="m")
    assert take(store, path, with_place(decided, header_row=None, sheets=["*"])).accepted == 24
    unsaid = decided.model_copy(update={"source": decided.source.model_copy(update={"sheet": ""})})
    with pytest.raises(MappingError, match="'S1', 'S2'"):
        take(store, path, unsaid)


def test_merged_texts_are_filled_down_and_merged_amounts_rejected(tmp_path: Path, store: History) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        page = sheet(book, "s", [NAMES, *data(1, 6)])
        page.merge_range(1, 2, 3, 2, "309")
        page.merge_range(4, 5, 5, 5, 88.5)
    _, text, _ = propose_mapping(path)
    report = take(store, path, parse_mapping(text, name="m"))
    assert (report.accepted, report.reasons) == (4, {"merged_cells": 2})


def test_a_cell_over_two_columns_costs_its_row(tmp_path: Path, store: History) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        page = sheet(book, "s", [[*NAMES, "Poids net"], *([*line, "7"] for line in data(1, 24))])
        page.merge_range(3, 5, 3, 6, 88.5)
    report = read_as_proposed(store, path)
    assert (report.accepted, report.reasons) == (23, {"merged_cells": 1})


def test_columns_that_are_merged_of_two_are_read(tmp_path: Path, store: History) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        page = book.add_worksheet("s")
        for at, line in enumerate([NAMES, *data(1, 24)]):
            for place, cell in enumerate(line):
                page.merge_range(at, 2 * place, at, 2 * place + 1, cell)
    assert read_as_proposed(store, path).accepted == 24


def test_a_summary_before_the_data_is_not_the_table(tmp_path: Path, store: History) -> None:
    summary: Lines = [["Pays origine", "Nombre"], ["CN", "24"], ["Total", "24"]]
    path = workbook(tmp_path / "a.xlsx", {"Synthèse": summary, "Données": [NAMES, *data(1, 24)]})
    report = read_as_proposed(store, path)
    assert report.accepted == 24
    assert "'Synthèse'" in str(report.note)


def test_sheets_with_the_columns_in_another_order_are_read_together(tmp_path: Path, store: History) -> None:
    turned = [line[::-1] for line in (NAMES, *data(13, 12))]
    path = workbook(tmp_path / "a.xlsx", {"S1": [NAMES, *data(1, 12)], "S2": turned})
    _, text, _ = propose_mapping(path)
    decided = parse_mapping(text[: text.index("[doubts]")], name="m")
    assert take(store, path, with_place(decided, header_row=None, sheets=["*"])).accepted == 24


def test_a_sheet_with_most_of_the_columns_is_asked_about(tmp_path: Path) -> None:
    other = [*NAMES[:5], "Montant"]
    path = workbook(tmp_path / "a.xlsx", {"S1": [NAMES, *data(1, 12)], "S2": [other, *data(13, 12)]})
    suggestion, _, _ = propose_mapping(path)
    [doubt] = suggestion.doubts
    assert "'S2'" in doubt.text()


def test_a_formula_that_was_never_computed_is_no_empty_cell(tmp_path: Path, store: History) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        page = sheet(book, "s", [NAMES, *data(1, 24)])
        page.write_formula(4, 5, "=1+1", None, "")
    report = read_as_proposed(store, path)
    assert (report.accepted, report.reasons) == (23, {"spreadsheet_error": 1})


def test_a_zip_a_folder_and_a_pattern_name_their_files_in_order(tmp_path: Path, store: History, plain: Mapping) -> None:
    folder = tmp_path / "months"
    folder.mkdir()
    for month in (2, 1):
        (folder / f"m{month}.csv").write_text(rows_text(f"D{month},2024-01-02,10,1,851713,CN,1,1"), encoding="utf-8")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("2024/.DS_Store", "x")
        archive.writestr("../../m3.csv", rows_text("D3,2024-01-02,10,1,851713,CN,1,1"))
    with named_files([folder, tmp_path / "a.zip", folder / "m*.csv"]) as files:
        assert [path.name for path in files] == ["m1.csv", "m2.csv", "m3.csv", "m1.csv", "m2.csv"]
        report = ingest_files(store, files, plain, received_at=RECEIVED)
    assert [one.accepted for one in report.files] == [1, 1, 1, 0, 0]
    assert not (tmp_path.parent.parent / "m3.csv").exists()


@pytest.mark.parametrize("name", ["notes.pdf", "run.sh"])
def test_other_files_of_a_folder_or_zip_are_named(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("x", encoding="utf-8")
    with pytest.raises(SourceError, match=name), named_files([tmp_path]):
        pass
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(name, "x")
    with pytest.raises(SourceError, match=name), named_files([tmp_path / "a.zip"]):
        pass


def test_the_lines_without_data_are_listed_and_the_header_row_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("Title\n" + rows_text("D1,2024-01-02,10,1,851713,CN,1,1", "TOTAL,,,,,,,1"), encoding="utf-8")
    (tmp_path / "m.toml").write_text(PLAIN_MAPPING, encoding="utf-8")
    place = ["--mapping", str(tmp_path / "m.toml"), "--header-row", "2", "--json"]
    done = CliRunner().invoke(app, ["mapping", "check", str(path), *place])
    checked = json.loads(done.stdout)
    listed = [(entry["kind"], entry["line"]) for entry in checked["not_data"]]
    assert listed == [("title", 1), ("header", 2), ("total", 4)]
    done = CliRunner().invoke(app, ["ingest", str(path), "--store", str(tmp_path / "s"), *place])
    [report] = json.loads(done.stdout)["files"]
    assert (report["rows"], report["lines"], report["not_data"]) == (1, 4, 3)


def test_header_row_zero_finds_it(tmp_path: Path, plain: Mapping) -> None:
    path = tmp_path / "a.csv"
    path.write_text("Title\n\n" + rows_text("D1,2024-01-02,10,1,851713,CN,1,1"), encoding="utf-8")
    assert check_mapping(path, with_place(plain, header_row=0, sheets=())).accepted == 1
