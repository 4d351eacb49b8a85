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


HEAD = "N° DUM;Date;Code SH;Valeur;Poids net"


def write(path: Path, values: list[str], masses: list[str]) -> Path:
    rows = [
        f"D{n};{n % 28 + 1:02d}/01/2024;851713;{value};{mass}"
        for n, (value, mass) in enumerate(zip(values, masses, strict=True))
    ]
    path.write_text("\n".join([HEAD, *rows]) + "\n", encoding="utf-8")
    return path


def doubts_of(path: Path) -> dict[str, str]:
    return {doubt.subject: doubt.text() for doubt in suggest_mapping(path).doubts}


def test_three_decimals_of_a_mass_are_no_thousands_because_amounts_have_some(tmp_path: Path) -> None:
    values = [f"{1234.5 + 1017.25 * n:,.2f}" for n in range(24)]
    masses = [f"{12.75 + 31.5 * n:.3f}".replace(".", ",") for n in range(24)]
    assert "three figures" in doubts_of(write(tmp_path / "a.csv", values, masses))["net_mass_kg"]
    # Masses under a thousand without a mark, or with one decimal, leave nothing open.
    assert not doubts_of(write(tmp_path / "b.csv", values, [*masses[:23], "999,5"]))


def test_amounts_of_three_decimals_are_thousands_perhaps(tmp_path: Path) -> None:
    values = [f"{n + 1}.{137 + 31 * n:03d}" for n in range(24)]
    masses = [f"{12.5 + 3.1 * n:.1f}" for n in range(24)]
    assert "three decimals" in doubts_of(write(tmp_path / "a.csv", values, masses))["customs_value_amount"]
    # As thousands they are what amounts are.
    commas = [mass.replace(".", ",") for mass in masses]
    path = write(tmp_path / "b.csv", values, commas)
    assert not doubts_of(path)


def test_a_few_amounts_with_three_figures_beside_two_decimals_are_in_doubt(tmp_path: Path) -> None:
    values = [f"{1234.5 + 1017.25 * n:.2f}" for n in range(23)]
    masses = [f"{12.75 + 31.5 * n:.2f}" for n in range(24)]
    told = doubts_of(write(tmp_path / "a.csv", [*values, "24.631"], masses))["customs_value_amount"]
    assert "(1 of 24 rows; row 24: '24.631')" in told
    # Where decimals are cut as they come, three are one length of many.
    cut = [f"{1234.5 + 1017.255 * n:g}" for n in range(23)]
    assert not doubts_of(write(tmp_path / "b.csv", [*cut, "24.631"], masses))


def test_a_currency_beside_some_amounts_says_nothing_of_the_others(tmp_path: Path) -> None:
    values = [f"{1234 + 1017 * n},50" for n in range(24)]
    masses = [f"{12 + 31 * n},5" for n in range(24)]
    some = [f"{value} €" if n % 8 == 0 else value for n, value in enumerate(values)]
    told = doubts_of(write(tmp_path / "a.csv", some, masses))["customs_value_amount"]
    assert told.startswith("Only some amounts have the mark of a currency (EUR). (21 of 24 rows")
    assert not doubts_of(write(tmp_path / "b.csv", [f"{value} €" for value in values], masses))
    # A zero names none, and dirhams are those of the others too.
    assert not doubts_of(write(tmp_path / "c.csv", [*(f"{value} €" for value in values[1:]), "0,00"], masses))
    dirhams = [f"{value} DH" if n % 8 == 0 else value for n, value in enumerate(values)]
    assert not doubts_of(write(tmp_path / "d.csv", dirhams, masses))
