"""The list as CSV, workbook, page and terminal: the same facts, text that stays text, nothing half-written."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook
from rich.console import Console

from basira.explain.inspection_list.files import files_by_office, write_csv, write_html, write_xlsx
from basira.explain.inspection_list.page import inspection_page
from basira.explain.inspection_list.rows import COLUMNS, columns_for, list_rows
from basira.explain.inspection_list.terminal import terminal_list
from basira.render.languages import LANGUAGES
from basira.schema.errors import StoreError
from basira.schema.records import Conversion
from tests.support.simulated_list import LANES, inspection_list, line

FORMULA = '=HYPERLINK("http://example.org";"x")'


def terminal(**options: object) -> str:
    console = Console(file=io.StringIO(), width=160, color_system=None)
    lines = options.pop("lines", ())
    for part in terminal_list(inspection_list(*lines), **{"language": "fr", "lane_names": LANES, **options}):  # type: ignore[arg-type, misc]  # options of the test
        console.print(part)
    output = console.file
    assert isinstance(output, io.StringIO)
    return output.getvalue()


def test_one_row_per_item_with_stable_columns(tmp_path: Path) -> None:
    path = write_csv(inspection_list(), tmp_path / "list.csv", language="fr", lane_names=LANES)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    assert list(rows[0]) == [c.name for c in COLUMNS]
    assert [(r["declaration_id"], r["item_number"]) for r in rows] == [
        ("2026/1", "1"),
        ("2026/1", "2"),
        ("2026/2", "1"),
        ("2026/2", "2"),
    ]
    assert rows[0]["lane"] == "rouge intégral"
    assert rows[0]["reason_1"] == "Valeur ronde : 100\u202f000\u00a0MAD"
    assert rows[0]["reference_median"] == "32,6"
    assert rows[1]["customs_value_amount"] == ""


def test_byte_order_mark_is_a_choice(tmp_path: Path) -> None:
    marked = write_csv(inspection_list(), tmp_path / "a.csv", language="fr").read_bytes()
    bare = write_csv(inspection_list(), tmp_path / "b.csv", language="fr", bom=False).read_bytes()
    assert marked == b"\xef\xbb\xbf" + bare


@pytest.mark.parametrize("text", [FORMULA, "+1", "-1", "@SUM(A1)", "\tx"])
def test_declared_text_never_begins_a_formula_in_csv(tmp_path: Path, text: str) -> None:
    path = write_csv(inspection_list(line("2026/1", description=text)), tmp_path / "list.csv", language="fr")
    with path.open(encoding="utf-8-sig", newline="") as file:
        assert next(csv.DictReader(file, delimiter=";"))["description"] == f"'{text}"


def test_english_csv_has_commas_between_cells_and_points_in_figures(tmp_path: Path) -> None:
    path = write_csv(inspection_list(), tmp_path / "list.csv", language="en")
    with path.open(encoding="utf-8-sig", newline="") as file:
        assert next(csv.DictReader(file))["customs_value_amount"] == "120000.5"


def test_workbook_holds_text_as_text_and_numbers_as_numbers(tmp_path: Path) -> None:
    path = write_xlsx(inspection_list(line("2026/1", description=FORMULA)), tmp_path / "list.xlsx", language="fr")
    book = CalamineWorkbook.from_path(path)
    assert book.sheet_names == ["Liste", "Capacité", "À propos", "codes"]
    rows = book.get_sheet_by_name("Liste").to_python()
    places = {c.name: i for i, c in enumerate(COLUMNS)}
    assert rows[0][places["description"]] == "description"
    assert rows[2][places["description"]] == FORMULA
    assert rows[2][places["customs_value_amount"]] == 120000.5
    assert rows[1][places["reason_2"]] == "Indicateur 2"
    assert b"<f>" not in path.read_bytes()


def test_workbook_is_the_same_each_time(tmp_path: Path) -> None:
    one = write_xlsx(inspection_list(), tmp_path / "a.xlsx", language="fr").read_bytes()
    assert one == write_xlsx(inspection_list(), tmp_path / "b.xlsx", language="fr").read_bytes()


def test_workbook_cuts_a_text_that_no_cell_holds(tmp_path: Path) -> None:
    path = write_xlsx(inspection_list(line("2026/1", description="x" * 40_000)), tmp_path / "l.xlsx", language="fr")
    row = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()[2]
    assert any(isinstance(v, str) and len(v) == 32_767 and v.endswith("…") for v in row)


def test_empty_list_makes_every_file(tmp_path: Path) -> None:
    from dataclasses import replace

    empty = replace(inspection_list(), lines=())
    assert list_rows(empty, language="fr") == []
    for write, name in ((write_csv, "a.csv"), (write_xlsx, "a.xlsx"), (write_html, "a.html")):
        assert write(empty, tmp_path / name, language="ar").stat().st_size > 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_page_is_complete_in_each_language(language: str) -> None:
    page = inspection_page(inspection_list(), language=language, lane_names=LANES, strict=True)
    assert page.count('class="card"') == 2
    assert page.count('class="part"') == 2  # 20 and 30 have lines, 40 has capacity only
    assert page.count('<th scope="row">') == 3
    assert "<svg" not in page
    assert 'class="simulated"' in page
    assert "A1/1" in page
    assert "Un avertissement." in page


def test_page_says_real_data_is_not_simulated() -> None:
    assert 'class="simulated"' not in inspection_page(inspection_list(is_simulated=False), language="fr")


def test_page_escapes_declared_text() -> None:
    page = inspection_page(inspection_list(line("<x>", description="<script>alert(1)</script>")), language="fr")
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_page_counts_items_that_have_nothing_to_say() -> None:
    page = inspection_page(inspection_list(line("2026/1")), language="fr")
    assert "1 autre article" in page
    assert "6109.10" not in page


def test_declaration_without_a_score_says_so() -> None:
    page = inspection_page(inspection_list(line("2026/1", basis="fallback", probability=None)), language="fr")
    assert "Le modèle n’a pas répondu" in page


def test_a_random_control_has_no_reasons_on_the_unit_s_page_and_looks_like_all_others_on_the_inspector_s() -> None:
    drawn, chosen = (inspection_list(line("2026/1", basis=basis)) for basis in ("random", "model"))
    assert "Tirée au sort" in inspection_page(drawn, language="fr")
    assert "<h4>Pourquoi</h4>" not in inspection_page(drawn, language="fr")
    pages = [inspection_page(one, language="fr", reader="inspector") for one in (drawn, chosen)]
    assert pages[0] == pages[1]
    assert "<h4>Pourquoi</h4>" in pages[0]


def test_an_inspector_s_files_withhold_what_the_model_expects(tmp_path: Path) -> None:
    rows = list_rows(inspection_list(), language="fr", reader="inspector")
    assert all(row["expected_revenue"] is None and row["basis"] is None for row in rows)
    names = {column.name for column in columns_for("inspector")}
    assert not names & {"basis", "fraud_probability", "expected_revenue", "inclusion_probability", "model_version"}
    page = inspection_page(inspection_list(), language="fr", reader="inspector")
    assert "63" not in page.partition("<main")[2].partition("Toutes les déclarations")[0]
    path = write_csv(inspection_list(), tmp_path / "list.csv", language="fr", reader="inspector")
    assert "34000" not in path.read_text(encoding="utf-8-sig")


def test_an_inspector_s_list_is_in_the_order_of_arrival() -> None:
    late = replace(line("2026/1", rank=1), declared_at="2026-03-04T11:00:00")
    early = replace(line("2026/2", rank=2), declared_at="2026-03-04T08:00:00")
    listed = inspection_list(late, early)
    assert [row["declaration_id"] for row in list_rows(listed, language="fr", reader="inspector")][::2] == [
        "2026/2",
        "2026/1",
    ]
    assert [row["declaration_id"] for row in list_rows(listed, language="fr")][::2] == ["2026/1", "2026/2"]


def test_every_office_has_a_file_of_its_own() -> None:
    listed = inspection_list(line("2026/1", "CASA/PORT"), line("2026/2", "CASA-PORT"))
    files = files_by_office(listed, Path("list.html"))
    assert {path.name: [one.declaration_id for one in part.lines] for path, part in files.items()} == {
        "list-CASA%2fPORT.html": ["2026/1"],
        "list-CASA-PORT.html": ["2026/2"],
    }


def test_an_office_s_name_never_leaves_its_string_in_the_style_sheet() -> None:
    page = inspection_page(inspection_list(line("2026/1", 'A"; } body { display: none; } </style>')), language="fr")
    style = page.partition("<style>")[2].partition("</style>")[0]
    assert "display: none; } \n" not in style
    assert 'A"' not in style
    assert page.count("</style>") == 1


def test_terminal_shows_reason_and_verification() -> None:
    shown = terminal()
    assert "Données simulées." in shown
    assert "Valeur ronde : 100\u202f000\u00a0MAD" in shown
    assert "→ Valeur" in shown or "Vérifier la valeur" in shown
    assert "rouge intégral 1/4" in shown


def test_terminal_counts_what_it_leaves_out() -> None:
    lines = [line(f"2026/{n}", rank=n) for n in range(1, 6)]
    shown = terminal(lines=lines, most=2)
    assert "2026/2" in shown
    assert "2026/3" not in shown
    assert "… +3" in shown


def test_terminal_runs_no_markup_and_no_escape_of_a_declarant() -> None:
    shown = terminal(lines=[line("2026/1", description="[red]x[/red] \x1b[2J")])
    assert "[red]x[/red]" in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize("language", LANGUAGES)
def test_terminal_speaks_each_language_without_isolates(language: str) -> None:
    assert "\u2068" not in terminal(language=language)


def test_folder_that_cannot_be_written_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(StoreError, match=r"list\.csv"):
        write_csv(inspection_list(), tmp_path / "taken" / "list.csv", language="fr")


def test_every_form_of_the_list_says_why_a_control_is_mandatory(tmp_path: Path) -> None:
    listed = inspection_list(line("2026/1", basis="mandatory", ground="Arms and ammunition"))
    assert list_rows(listed, language="en")[0]["basis"] == "Mandatory inspection – Arms and ammunition"
    assert "Mandatory inspection: Arms and ammunition." in inspection_page(listed, language="en", strict=True)
    out = io.StringIO()
    console = Console(file=out, width=100)
    for part in terminal_list(listed, language="en"):
        console.print(part)
    assert "Mandatory inspection: Arms and ammunition." in out.getvalue()


def test_a_converted_value_says_what_was_declared(tmp_path: Path) -> None:
    made = line("2026/1")
    converted = replace(made.items[0], conversion=Conversion(1000.0, "USD", 9.87, "2026-05-01"))
    listed = inspection_list(replace(made, items=(converted, made.items[1])))
    path = write_csv(listed, tmp_path / "list.csv", language="en")
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    said = "declared 1,000\u00a0USD × 9.87 of 2026-05-01"
    assert [row["conversion"] for row in rows] == [said, ""]
    assert said in inspection_page(listed, language="en")
    assert "déclaré 1\u202f000\u00a0USD × 9,87 du 2026-05-01" in terminal(lines=listed.lines)


def test_a_name_in_the_other_direction_leaves_its_identifier_in_its_place() -> None:
    from dataclasses import replace

    plain = inspection_list()
    importer = str(plain.lines[0].header["importer_id"])
    named = replace(plain, operator_names={importer: "شركة النور"}, office_names={"20": "ميناء طنجة"})
    page = inspection_page(named, language="fr", lane_names=LANES)
    assert f"<bdi>شركة النور</bdi> (<bdi>{importer}</bdi>)" in page
    assert '<bdi class="code">20</bdi></a> <bdi>ميناء طنجة</bdi></th>' in page


def test_a_french_page_breaks_no_line_before_a_double_sign() -> None:
    import re

    page = inspection_page(inspection_list(), language="fr", lane_names=LANES)
    text = re.sub(r"<style.*?</style>|<[^>]*>", "", page, flags=re.DOTALL)
    assert re.findall(r"\S [:;?!»]", text) == []


def test_a_cell_that_takes_a_number_or_a_day_asks_for_one(tmp_path: Path) -> None:
    import re
    import zipfile

    path = write_xlsx(inspection_list(), tmp_path / "list.xlsx", language="en", lane_names=LANES)
    with zipfile.ZipFile(path) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    asked = {found[1]: found[2] for found in re.finditer(r'<dataValidation type="(\w+)".*?error="([^"]*)"', sheet)}
    assert asked == {
        "list": "Choose from the list.",
        "decimal": "Write a number, 0 or more.",
        "date": "Write a date, from the year 2000 on.",
    }
