"""The report: complete in three languages, page and document and annex of the same figures, nothing unescaped."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from python_calamine import CalamineWorkbook

from basira.diagnose.findings import Column, Diagnosis, Finding, Interval, Part, Said, Scope, Table, Unjudged
from basira.diagnose.report.annex import annex_bytes
from basira.diagnose.report.document import docx_bytes
from basira.diagnose.report.html import html_bytes
from basira.diagnose.report.words import LOCALE, write_words
from basira.diagnose.report.write import write_report
from tests.support.diagnose_world import YEAR, diagnosis_of
from tests.support.tree import ROOT

SCOPE = Scope(*YEAR, 10, 20, 5, 1, "MAD", False, "basira diagnose --from 2023-01-01 --to 2023-12-31")


def tiny(value: str = "<b>A</b>") -> Diagnosis:
    columns = (Column("office", "code"), Column("items", "count"), Column("share", "share"))
    rows = tuple((f"{value}{n}", n, Interval(n / 20, 0.0, 1.0)) for n in range(20))
    table = Table("data.results", columns, rows, shown=3)
    values = {
        "office": Said(value, "code"),
        "blank": Said(3, "count"),
        "carried_out": Said(5, "count"),
        "share": Said(0.6, "share"),
    }
    finding = Finding("blank_results", "high", "data.results", values)
    return Diagnosis(SCOPE, (Part("data", (table,), (finding,), (Unjudged("inspectors", ("inspector_id",)),)),))


@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_every_word_is_there(tmp_path: Path, language: str) -> None:
    made = write_report(diagnosis_of("files"), tmp_path / "out", language=language, software="Basira", strict=True)
    names = [str(path.relative_to(tmp_path / "out")) for path in made]
    assert names[:3] == ["diagnosis.html", "diagnosis.docx", "annex.xlsx"]
    assert names[3:] == ["start/policy/policy.toml", "start/mapping.toml", "start/features.txt"]
    page = made[0].read_text(encoding="utf-8")
    assert f'dir="{"rtl" if language == "ar" else "ltr"}"' in page
    assert page.count("basira diagnose --store S --from 2023-01-01 --to 2023-12-31 --no-model --only ") >= 15


def test_every_message_of_the_code_is_in_the_catalogs() -> None:
    """Columns, tables, findings and words as the source names them; those put together are tried by the reports."""
    source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "src/basira/diagnose").rglob("*.py"))
    wanted = {f"column.{one}" for one in re.findall(r'Column\(\s*"([a-z_0-9]+)"', source)}
    for code in re.findall(r'\bTable\(\s*"([a-z_.]+)"', source):
        wanted |= {f"table.{code}", f"table.{code}.definition", f"table.{code}.denominator"}
    wanted |= {f"finding.{one}" for one in re.findall(r'Finding\(\s*"([a-z_]+)"', source)}
    wanted |= {f"unjudged.{one}" for one in re.findall(r'Unjudged\(\s*"([a-z_]+)"', source)}
    assert len(wanted) > 60
    for language in ("fr", "ar", "en"):
        with (LOCALE / f"{language}.po").open("rb") as file:
            known = {one.id for one in read_po(file, locale=language) if one.string}
        assert wanted - known == set(), language


def test_text_of_a_source_is_no_markup() -> None:
    page = html_bytes(write_words(tiny(), "en")).decode()
    assert "<b>A</b>" not in page
    assert "&lt;b&gt;A&lt;/b&gt;0" in page


def test_the_page_shows_the_first_rows_and_the_annex_all() -> None:
    page = html_bytes(write_words(tiny("A"), "en")).decode()
    assert "17 more rows are in the annex." in page
    book = CalamineWorkbook.from_filelike(io.BytesIO(annex_bytes(tiny("A"), language="en")))
    rows = book.get_sheet_by_name("1 data.results").to_python()
    assert rows[0] == ["Office", "Items", "Share", "Share – low", "Share – high"]
    assert len(rows) == 21
    assert rows[20] == ["A19", 19, 0.95, 0, 1]
    assert book.get_sheet_by_index(0).to_python()[1][-1].endswith("--only data.results")


def test_a_figure_has_its_interval_definition_denominator_and_command() -> None:
    words = write_words(tiny("A"), "en", strict=True)
    [table] = words.parts[0].tables
    assert table.rows[1][2] == "5.0%\n(0% – 100%)"
    assert table.definition
    assert table.denominator
    assert table.command == f"{SCOPE.command} --only data.results"


def test_the_document_holds_the_same_words_and_turns_arabic() -> None:
    for language in ("fr", "ar"):
        words = write_words(tiny("A"), language, strict=True)
        with zipfile.ZipFile(io.BytesIO(docx_bytes(words))) as archive:
            text = archive.read("word/document.xml").decode()
        assert words.summary[0].text in text
        assert words.parts[0].tables[0].title in text
        assert ("w:bidiVisual" in text) is (language == "ar")
        assert ("<w:bidi/>" in text) is (language == "ar")


def test_nothing_found_is_said() -> None:
    page = html_bytes(write_words(Diagnosis(SCOPE, (Part("data"),)), "fr")).decode()
    assert "Aucune anomalie" in page
