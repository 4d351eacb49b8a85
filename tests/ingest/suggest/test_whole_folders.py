"""A zip, a folder or a pattern in the place of a file: one suggestion, tried on each."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from basira.ingest.mapping.model import parse_mapping
from basira.schema.errors import MappingError
from basira.workflows.intake.mapping import check_files, propose_mapping
from tests.support.ingest_command import app

HEADER = "Numéro déclaration;Date;Code SH;Valeur en douane"


def month(number: int, header: str = HEADER) -> str:
    rows = [f"D{number}{day};{day:02d}/{number:02d}/2024;87032190{day:02d};{day},50" for day in range(10, 28)]
    return "\r\n".join([header, *rows]) + "\r\n"


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    path = tmp_path / "months.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("m2.csv", month(2))
        archive.writestr("m1.csv", month(1))
    return path


def test_a_zip_has_the_mapping_of_its_first_file(packed: Path) -> None:
    suggestion, text, check = propose_mapping(packed)
    assert {entry.field for entry in suggestion.fields} == {
        "declaration_id",
        "declared_at",
        "commodity_code",
        "customs_value_amount",
    }
    assert suggestion.notes[0].startswith("Looked at: 'm1.csv', the first of 2 files")
    assert check is not None
    assert (check.file_name, check.accepted) == ("m1.csv", 18)
    assert [one.accepted for one in check_files(packed, parse_mapping(text, name="m"))] == [18, 18]


def test_a_file_of_other_columns_in_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "m1.csv").write_text(month(1), encoding="utf-8")
    (tmp_path / "m2.csv").write_text(month(2, HEADER.replace("Code SH", "Nomenclature")), encoding="utf-8")
    with pytest.raises(MappingError, match=r"m2\.csv"):
        propose_mapping(tmp_path)


def test_the_commands_take_a_zip(packed: Path, tmp_path: Path) -> None:
    mapping = tmp_path / "m.toml"
    proposed = CliRunner().invoke(app, ["mapping", "suggest", str(packed), "--out", str(mapping)])
    assert (proposed.exit_code, mapping.exists()) == (0, True), proposed.output
    tried = CliRunner().invoke(app, ["mapping", "check", str(packed), "--mapping", str(mapping), "-l", "en"])
    assert "m1.csv: 18 rows, 18 to be taken" in tried.output
    assert "m2.csv: 18 rows, 18 to be taken" in tried.output
