"""Names of a register: read, kept apart, shown on the list, erased."""

from __future__ import annotations

import json
import stat
from dataclasses import replace

import pytest

from basira.explain.inspection_list.page import inspection_page
from basira.explain.inspection_list.rows import list_rows
from basira.ingest.register import read_names
from basira.render.languages import LANGUAGES
from basira.schema.errors import SourceError, StoreError
from basira.storage.register import FILE, Register, erase_entries_naming, read_register, write_register
from tests.support.simulated_list import inspection_list


def read(text, *, is_office=False):
    return read_names(text, is_office=is_office, file_name="register.csv")


@pytest.mark.parametrize(
    "text",
    [
        "identifier;name\nA1;ATLAS SARL\n",
        "\ufeffICE,Raison sociale\nA1,ATLAS  SARL\n",
        "x\tNOM\tcode\nz\tATLAS SARL\tA1\n",
        "المعرف;الاسم\nA1;ATLAS SARL\n",
        'identifier;name\nA1;"ATLAS SARL"\n\n',
    ],
)
def test_two_columns_are_read_by_their_headings(text):
    assert (read(text).names, read(text).rejected) == ({"A1": "ATLAS SARL"}, ())


def test_an_identifier_is_the_one_that_intake_writes():
    assert read("identifier;name\nSIM\u2010\u0661;X Y\n").names == {"SIM-1": "X Y"}
    assert read("code;name\ncasa;Casablanca\n", is_office=True).names == {"CASA": "Casablanca"}


def test_lines_that_can_not_be_taken_are_named_with_their_reason():
    found = read(f"identifier;name\n;X Y\nA1;\nA2;{'x' * 201}\nA3;b;c\nA4;one\nA4;other\nA4;one\nA5;same\nA5;same\n")
    assert found.names == {"A5": "same"}
    assert [(one.line, one.code) for one in found.rejected] == [
        (2, "no_identifier"), (3, "no_name"), (4, "too_long"), (5, "other_cells"), (6, "two_names"), (7, "two_names"),
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "a;b\n1;2\n", "identifier\nA1\n", "identifier;name;nom\nA1;x;y\n"])
def test_a_file_without_its_two_headings_is_rejected(text):
    with pytest.raises(SourceError):
        read(text)


def test_the_file_is_its_owner_s_alone_and_an_erasure_takes_out_who_is_named(tmp_path):
    write_register(tmp_path, Register({"A1": "ATLAS SARL", "A10": "ALAMI", "B": "FRERES ALAMI"}, {"O": "Office"}))
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) & 0o077 == 0
    assert erase_entries_naming(tmp_path, "ALAMI") == 2
    assert erase_entries_naming(tmp_path, "A1") == 1
    assert read_register(tmp_path) == Register({}, {"O": "Office"})
    assert "ALAMI" not in (tmp_path / FILE).read_text(encoding="utf-8")
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize("text", ["", "[]", '{"operators": 1, "offices": {}}', '{"operators": {}}'])
def test_a_spoilt_file_is_reported(tmp_path, text):
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    with pytest.raises(StoreError):
        read_register(tmp_path)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("reader", ["unit", "inspector"])
def test_names_stand_beside_identifiers_and_are_escaped(language, reader):
    plain = inspection_list()
    importer, office = plain.lines[0].header["importer_id"], plain.lines[0].office
    named = replace(plain, operator_names={importer: "ATLAS <b>"}, office_names={office: "Port"})
    page = inspection_page(named, language=language, reader=reader, strict=True)
    assert f"<bdi>ATLAS &lt;b&gt;</bdi> (<bdi>{importer}</bdi>)" in page
    assert f"Port ({office})" in page
    rows = list_rows(named, language=language, reader=reader)
    assert rows[0]["importer_name"] == "ATLAS <b>"
    assert rows[0]["importer_id"] == importer
    assert "ATLAS" not in json.dumps([row["importer_name"] for row in list_rows(plain, language=language)])
