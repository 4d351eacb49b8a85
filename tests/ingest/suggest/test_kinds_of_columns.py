"""What a column may be read as: sure, in doubt, or reported as something else; never wrong in silence."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from babel import Locale
from babel.localedata import locale_identifiers

from basira.ingest.mapping.columns import without_absent
from basira.ingest.mapping.model import load_mapping, parse_mapping
from basira.ingest.parse.countries import country_of
from basira.ingest.readers.source import open_source
from basira.ingest.rows.parse import parse_batch
from basira.ingest.suggest.propose import Suggestion, suggest_mapping
from basira.ingest.suggest.toml import suggestion_toml
from basira.schema.codes import country_codes
from basira.schema.errors import MappingError

HEADERS = ("N° DUM", "Date", "Code SH", "Valeur en douane", "Poids net", "Pays origine")
CODES = ("8703231940", "6907210000", "3004900000", "8517130000", "6109100020", "2204219000")


def write(path: Path, **columns: Sequence[str]) -> Path:
    """A file of 24 rows; ``columns``: header to values, taken in turn, beside or in the place of the usual ones."""
    rows = [
        {
            "N° DUM": f"D{n}",
            "Date": f"2024-03-{n + 1:02d}",
            "Code SH": CODES[n % 6],
            "Valeur en douane": f"{1000 + n * 12.5:.2f}",
            "Poids net": f"{10 + n / 4:.2f}",
            "Pays origine": "FR",
        }
        | {name: values[n % len(values)] for name, values in columns.items()}
        for n in range(24)
    ]
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.DictWriter(file, list(rows[0]), delimiter=";")
        lines.writeheader()
        lines.writerows(rows)
    return path


def suggested(path: Path, **columns: Sequence[str]) -> Suggestion:
    return suggest_mapping(write(path / "in.csv", **columns))


def read(path: Path, suggestion: Suggestion) -> Any:
    """The file's first rows by the suggested mapping, its doubts set aside."""
    mapping = parse_mapping(suggestion_toml(suggestion), name="m")
    source = open_source(path / "in.csv", mapping.source)
    return parse_batch(next(source.batches()), without_absent(mapping, source.columns))


def doubts_of(suggestion: Suggestion, field: str) -> list[str]:
    return [doubt.text() for doubt in suggestion.doubts if doubt.subject == field]


# Kind 2: codes.


@pytest.mark.parametrize("odd", ["870323194", "69072100001"])
def test_an_odd_length_that_few_codes_have_is_in_doubt(tmp_path: Path, odd: str) -> None:
    found = suggested(tmp_path, **{"Code SH": [*CODES, "8703231940", odd]})
    (said,) = doubts_of(found, "commodity_code")
    assert f"(3 of 24 rows; row 8: {odd!r}; row 16: {odd!r}; row 24: {odd!r})" in said
    assert f"Few codes have {len(odd)} digits" in said


def test_lengths_that_nomenclatures_have_stand_side_by_side(tmp_path: Path) -> None:
    found = suggested(tmp_path, **{"Code SH": ["8703", "870323", "87032319", "8703231940", "6907", "690721"]})
    assert found.doubts == ()


# Kind 5: what is written after the declaration.


@pytest.mark.parametrize(
    "header", ["Exam type", "Hold", "X-ray", "Aforador", "Inspecteur cotation", "Kanal", "Query", "OOC", "المفتش"]
)
def test_what_a_control_writes_is_left_out_with_a_reason(tmp_path: Path, header: str) -> None:
    found = suggested(tmp_path, **{header: ["A", "B", "C"]})
    assert header not in found.extra.values()
    assert header in found.left_out or any(entry.column == header for entry in found.fields)


# Kinds 6 and 8: what a header says of its numbers.


@pytest.mark.parametrize(
    ("header", "scale", "currency"),
    [
        ("Valeur (en milliers de DH)", 1e3, "MAD"),
        ("Valeur KDH", 1e3, "MAD"),
        ("Value (million USD)", 1e6, "USD"),
        ("Valor CIF (miles)", 1e3, "MAD"),
        ("Valeur en douane", 1.0, "MAD"),
    ],
)
def test_a_scale_in_the_header_is_applied_and_shown(tmp_path: Path, header: str, scale: float, currency: str) -> None:
    others = {"Valeur en douane": ["x"]} if header != "Valeur en douane" else {}
    columns = {**others, header: ["1000.00", "2500.50"]}
    path = write(tmp_path / "in.csv", **columns)
    text = path.read_text(encoding="utf-8").replace("Valeur en douane", "Note") if others else path.read_text("utf-8")
    path.write_text(text, encoding="utf-8")
    found = suggest_mapping(path)
    values = read(tmp_path, found).items["customs_value_amount"]
    assert values.to_list()[:2] == [1000.0 * scale, 2500.5 * scale]
    assert found.constants == {"value_currency": currency}


@pytest.mark.parametrize(
    ("header", "factor"),
    [("Poids net (g)", 0.001), ("Poids net (lbs)", 0.45359237), ("Poids net (tonnes)", 1000.0), ("Poids net kg", 1.0)],
)
def test_a_unit_in_the_header_becomes_kilogrammes(tmp_path: Path, header: str, factor: float) -> None:
    path = write(tmp_path / "in.csv", **{"Poids net": ["12.5", "40"]})
    path.write_text(path.read_text(encoding="utf-8").replace("Poids net", header), encoding="utf-8")
    found = suggest_mapping(path)
    assert read(tmp_path, found).items["net_mass_kg"].to_list()[:2] == [12.5 * factor, 40 * factor]


@pytest.mark.parametrize(
    ("cells", "codes"),
    [
        (("1 000 FCFA", "20 000 FCFA"), ("XAF", "XOF")),
        (("¥1000", "¥20,000"), ("CNY", "JPY")),
        (("1000 kr", "20000 kr"), ("DKK", "ISK", "NOK", "SEK")),
    ],
)
def test_a_mark_of_several_currencies_leaves_the_currency_of_the_values_open(
    tmp_path: Path, cells: tuple[str, ...], codes: tuple[str, ...]
) -> None:
    found = suggested(tmp_path, **{"Valeur en douane": cells})
    (doubt,) = [one for one in found.doubts if one.subject == "value_currency"]
    assert sorted(doubt.choices) == [f'[constants] value_currency = "{code}"' for code in codes]
    assert found.constants["value_currency"] in codes
    assert doubt.examples == ((1, cells[0]), (2, cells[1]))


def test_doubts_about_currencies_name_their_rows(tmp_path: Path) -> None:
    found = suggested(tmp_path, **{"Valeur en douane": [*["1000 MAD"] * 11, "1000 USD"]})
    (said,) = doubts_of(found, "customs_value_amount")
    assert doubts_of(found, "value_currency") == []
    assert said.endswith("(24 of 24 rows; row 1: '1000 MAD'; row 12: '1000 USD')")
    (devise,) = doubts_of(suggested(tmp_path, Devise=["USD", "EUR", "MAD"]), "value_currency")
    assert devise.endswith("(24 of 24 rows; row 1: 'USD'; row 2: 'EUR'; row 3: 'MAD')")


def test_a_mapping_that_reads_one_currency_and_says_another_is_rejected(tmp_path: Path) -> None:
    text = suggestion_toml(suggested(tmp_path, **{"Valeur en douane": ["1 000,50 €", "20 €"]}))
    assert parse_mapping(text, name="m").constants["value_currency"] == "EUR"
    with pytest.raises(MappingError, match="amounts of EUR, and value_currency is MAD"):
        parse_mapping(text.replace('value_currency = "EUR"', 'value_currency = "MAD"'), name="m")
    kept = parse_mapping(text.replace('value_currency = "EUR"', 'value_currency = "MAD"'), name="m", is_kept=True)
    assert kept.constants["value_currency"] == "MAD"


@pytest.mark.parametrize(
    ("columns", "named"),
    [
        ({"Valeur en douane": ["1 000,50 €", "20 €"]}, "EUR"),
        ({"Devise valeur": ["USD", "EUR", "MAD"]}, "EUR, USD"),
        ({"Devise": ["USD", "MAD"]}, "USD"),
    ],
)
def test_rates_are_proposed_where_other_currencies_are_named(
    tmp_path: Path, columns: dict[str, list[str]], named: str
) -> None:
    text = suggestion_toml(suggested(tmp_path, **columns))
    assert f"# Named: {named}. To have such amounts converted" in text
    assert "# [rates]" in text
    assert "[rates]" not in suggestion_toml(suggested(tmp_path))


def test_amounts_that_each_name_their_currency_are_read_by_it(tmp_path: Path) -> None:
    cells = ["USD 1,000.00", "500.00 €", "300 dh", "20", "$5"]
    text = suggestion_toml(suggested(tmp_path, **{"Valeur en douane": cells})).partition("\n[doubts]\n")[0]
    decided = 'customs_value_amount = { column = "Valeur en douane", currency = "each" }'
    lines = [decided if line.startswith("customs_value_amount") else line for line in text.splitlines()]
    text = "\n".join(lines)
    mapping = parse_mapping(text, name="m")
    source = open_source(tmp_path / "in.csv", mapping.source)
    parsed = parse_batch(next(source.batches()), mapping)
    found = parsed.items.select("source_row", "customs_value_amount", "value_currency").rows()
    assert found[:4] == [(1, 1000.0, "USD"), (2, 500.0, "EUR"), (3, 300.0, "MAD"), (4, 20.0, "MAD")]
    first = parsed.refusals[0]
    assert (first.row, first.field, first.code, first.value) == (5, "customs_value_amount", "unknown_currency", "$5")
    twice = text.replace('value_currency = "MAD"', "").replace("[fields]", '[fields]\nvalue_currency = "Devise"')
    with pytest.raises(MappingError, match="expected one of the two"):
        parse_mapping(twice, name="m")


# Kind 9: countries.


def test_every_name_that_cldr_has_is_its_country_or_means_several() -> None:
    """Of 33,900 names those are unknown that mean several countries, or are another one's code."""
    names: dict[str, set[str]] = {}
    for language in locale_identifiers():
        for code, name in Locale.parse(language).territories.items():
            if code in country_codes():
                names.setdefault(name, set()).add(code)
    found = {name: country_of(name) for name in names}
    unknown = [name for name, code in found.items() if code is None]
    wrong = [name for name, code in found.items() if code is not None and code not in names[name]]
    assert wrong == ["Nga", "ma Lawi"]  # alpha-3 of Nigeria; Malawi in English, Latvia in a made language
    assert len(unknown) < 60


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Roménia", "RO"),
        ("Vietname", "VN"),
        ("Áo", "AT"),
        ("Bỉ", "BE"),
        ("盧旺達", "RW"),
        ("Kongo", None),
        # Initials keep each of their letters.
        ("U.A.E.", "AE"),
        ("U A E", "AE"),
        ("E.U.A.", "US"),
        ("R.D.C.", "CD"),
        ("LAO P.D.R.", "LA"),
        ("U.S.", "US"),
        # Of French Guiana in French, of Guyana elsewhere.
        ("Guyane", None),
        ("Guyane française", "GF"),
        # A code beside its name; where they disagree neither is taken.
        ("FR - France", "FR"),
        ("CN-Chine", "CN"),
        ("Suisse (CH)", "CH"),
        ("CN - France", None),
        ("RDA", "DE"),
    ],
)
def test_regional_and_short_names_and_initials_are_known(name: str, code: str | None) -> None:
    assert country_of(name) == code


# Kind 10: flags.


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        (["EUR1", "N", "AGADIR"], ["EUR1", None, "AGADIR"]),
        (["O", "N", "O"], ["O", None, "O"]),
        (["نعم", "لا", "نعم"], ["نعم", None, "نعم"]),
        (["A", "N", "S"], ["A", "N", "S"]),  # of one letter each, N may be an agreement
    ],
)
def test_a_word_for_no_is_no_preference(tmp_path: Path, values: list[str], kept: list[str | None]) -> None:
    found = suggested(tmp_path, Préférence=values)
    assert read(tmp_path, found).items["preference"].to_list()[:3] == kept


@pytest.mark.parametrize(
    ("values", "flags"),
    [
        (["AEO", "", "AEO-S"], [True, None, True]),
        (["X", "", ""], [True, None, None]),
        (["OEA", "NON OEA"], [True, False]),
        (["O", "N"], [True, False]),
    ],
)
def test_the_words_of_authorised_operators_are_flags(
    tmp_path: Path, values: list[str], flags: list[bool | None]
) -> None:
    found = suggested(tmp_path, OEA=values)
    assert doubts_of(found, "is_oea") == []
    assert read(tmp_path, found).items["is_oea"].to_list()[: len(flags)] == flags


def test_files_of_the_schemas_own_names_know_the_words_for_no(tmp_path: Path) -> None:
    words = ("N", "no", "NON", "0", "false", "لا", "não", "yok", "EUR1")
    lines = [f"D{n},2024-03-01,851713,{word}" for n, word in enumerate(words)]
    path = tmp_path / "in.csv"
    path.write_text("\n".join(["declaration_id,declared_at,commodity_code,preference", *lines]), encoding="utf-8")
    mapping = load_mapping("basira")
    source = open_source(path, mapping.source)
    parsed = parse_batch(next(source.batches()), without_absent(mapping, source.columns))
    assert parsed.items["preference"].to_list() == [*[None] * 8, "EUR1"]
