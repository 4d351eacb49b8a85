"""A mapping with an open doubt takes nothing in; who decides it goes on."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from basira.ingest.mapping.model import parse_mapping
from basira.ingest.suggest.doubts import Doubt
from basira.ingest.suggest.propose import suggest_mapping
from basira.ingest.suggest.toml import suggestion_toml
from basira.schema.errors import MappingError
from basira.storage.history.store import History
from basira.workflows.intake.ingest import ingest_files

DOUBT = Doubt(
    "customs_value_amount",
    "Every value has three decimals: they may be thousands.",
    2,
    2,
    ((1, '1."000"'),),
    ('thousands = "." and decimal = ",": 1.000 is one thousand',),
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.csv"
    path.write_text("N° DUM;Date;Code SH;Valeur\nD1;25/01/2024;851713;1.000\nD2;26/01/2024;851713;2.500\n")
    return path


def test_a_doubt_stands_in_the_mapping_with_its_choices_and_stops_the_intake(file: Path, tmp_path: Path) -> None:
    text = suggestion_toml(replace(suggest_mapping(file), doubts=(DOUBT,)))
    assert "# thousands = " in text
    mapping = parse_mapping(text, name="m")
    assert mapping.doubts == {"customs_value_amount": DOUBT.text()}
    history = History.create(tmp_path / "store")
    with pytest.raises(MappingError, match="three decimals"):
        ingest_files(history, [file], mapping, received_at=datetime(2026, 1, 1))
    assert history.current_number() == 0


def test_without_its_line_the_mapping_is_used(file: Path, tmp_path: Path) -> None:
    mapping = parse_mapping(suggestion_toml(suggest_mapping(file)), name="m").model_copy(update={"doubts": {}})
    report = ingest_files(History.create(tmp_path / "store"), [file], mapping, received_at=datetime(2026, 1, 1))
    assert report.accepted == 2
