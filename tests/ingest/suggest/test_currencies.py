"""What a file says of its currency beside its cells: scaled names, titles, notes, a row of units."""

from __future__ import annotations

from pathlib import Path

import pytest

from basira.ingest.mapping.model import parse_mapping
from basira.ingest.suggest.currencies import named_in_prose
from basira.ingest.suggest.propose import Suggestion, suggest_mapping
from basira.ingest.suggest.toml import suggestion_toml
from basira.workflows.intake.mapping import check_mapping

HEADER = "Numéro déclaration;Date;Code SH;Poids net;Valeur en douane"
ROWS = "".join(f"D{n};{n:02d}/03/2024;87032190{n:02d};{n},5;12{n},50\r\n" for n in range(1, 25))


def suggest(folder: Path, text: str) -> Suggestion:
    (folder / "a.csv").write_text(text, encoding="utf-8")
    return suggest_mapping(folder / "a.csv")


@pytest.mark.parametrize(
    ("name", "currency", "scale"),
    [
        ("Valeur en douane KUSD", "USD", 1e3),
        ("Valeur en K€", "EUR", 1e3),
        ("Valeur en douane (M$)", "USD", 1e6),
        ("Valeur en douane (KDH)", "MAD", 1e3),
    ],
)
def test_thousands_of_a_currency_are_its_thousands(name: str, currency: str, scale: float, tmp_path: Path) -> None:
    """KUSD was scaled, and its currency was not seen: a thousand dirhams for a thousand dollars."""
    found = suggest(tmp_path, f"{HEADER.replace('Valeur en douane', name)}\r\n{ROWS}")
    value = next(entry for entry in found.fields if entry.field == "customs_value_amount")
    assert (found.constants["value_currency"], value.options["scale"]) == (currency, scale)


@pytest.mark.parametrize(
    ("above", "below", "line", "code"),
    [
        ("Montants en euros\r\n\r\n", "", 1, "EUR"),
        ("Import values (USD), 2024\r\n\r\n", "", 1, "USD"),
        ("", "* valeurs exprimées en dollars US\r\n", 26, "USD"),
    ],
)
def test_a_currency_that_a_line_beside_the_table_names_is_asked_about(
    above: str, below: str, line: int, code: str, tmp_path: Path
) -> None:
    found = suggest(tmp_path, f"{above}{HEADER}\r\n{ROWS}{below}")
    (doubt,) = found.doubts
    assert (doubt.subject, doubt.examples[0][0]) == ("value_currency", line)
    assert doubt.choices == (f'[constants] value_currency = "{code}"', '[constants] value_currency = "MAD"')


@pytest.mark.parametrize(
    "text",
    ["Extraction BADR du 03/04/2024", "Les top 10 pen drives", "Valeurs en dirhams (MAD)", "في المغرب"],
)
def test_other_titles_name_none(text: str, tmp_path: Path) -> None:
    assert named_in_prose(text) <= {"MAD"}
    found = suggest(tmp_path, f"{text}\r\n\r\n{HEADER}\r\n{ROWS}")
    assert (found.doubts, found.constants) == ((), {"value_currency": "MAD"})


def test_a_row_of_units_under_the_names_belongs_to_them(tmp_path: Path) -> None:
    """It was a rejected row, and the file's euros and tonnes were dirhams and kilogrammes."""
    found = suggest(tmp_path, f"{HEADER}\r\n;;;T;EUR\r\n{ROWS}")
    options = {entry.field: (entry.column, entry.options) for entry in found.fields}
    assert options["net_mass_kg"] == ("Poids net (T)", {"scale": 1000.0})
    assert (options["customs_value_amount"][0], found.constants) == (
        "Valeur en douane (EUR)",
        {"value_currency": "EUR"},
    )
    check = check_mapping(tmp_path / "a.csv", parse_mapping(suggestion_toml(found), name="m"))
    assert (check.accepted, check.quarantined, check.not_data_kinds) == (24, 0, {"header": 2})
