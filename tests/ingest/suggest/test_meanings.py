"""What columns mean: what an inspection wrote is left out, what can't be read is reported, kinds, currencies."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from basira.ingest.mapping.model import Mapping, parse_mapping
from basira.ingest.suggest.propose import suggest_mapping
from basira.schema.errors import MappingError
from basira.storage.history.store import History
from basira.workflows.intake.ingest import ingest_files
from basira.workflows.intake.mapping import propose_mapping
from tests.support.ingest_world import RECEIVED

Query = Callable[[str], list[tuple[Any, ...]]]

HEADER = ["Numéro déclaration", "Date", "Code SH", "Pays origine", "Importateur"]


def write(path: Path, columns: dict[str, list[str]], rows: int = 60) -> Path:
    """``columns``: header to the values that its cells take in turn."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow([*HEADER, *columns])
        for n in range(rows):
            own = [values[n % len(values)] for values in columns.values()]
            writer.writerow(
                [f"D{n}", f"2024-03-{n % 27 + 1:02d}", f"{87032100 + n % 7}", ("CN", "FR")[n % 2], f"I{n % 9}", *own]
            )
    return path


@pytest.mark.parametrize(
    ("header", "values"),
    [
        ("Clearance_Status", ["Clear", "Low Risk", "Critical"]),
        ("Statut", ["A", "B"]),
        ("الحالة", ["أ", "ب"]),
        ("Estado", ["x", "y"]),
        ("Niveau de risque", ["1", "2", "3"]),
        ("Risk_Level", ["1", "2"]),
        ("Décision", ["12", "13"]),
        ("Observations", ["vu", "lu"]),
        ("ملاحظات", ["a", "b"]),
        ("Muayene türü", ["a", "b"]),
        ("Code 7", ["Mainlevée", "Bloqué", "Visite"]),
        ("Champ 12", ["vert", "rouge", "orange"]),
        ("F9", ["أحمر", "أخضر"]),
    ],
)
def test_what_is_written_in_or_after_a_control_is_left_out_and_reported(
    header: str, values: list[str], tmp_path: Path
) -> None:
    suggestion, text, _ = propose_mapping(write(tmp_path / "a.csv", {header: values, "Marque": ["P", "Q", "R"]}))
    assert suggestion.extra == {"marque": "Marque"}
    assert suggestion.left_out[header]
    assert f'# "{header}": {suggestion.left_out[header]}' in text


def test_a_column_of_results_that_is_declared_as_well_is_rejected() -> None:
    fields = '[fields]\ndeclaration_id = "a"\ndeclared_at = "b"\ncommodity_code = "c"\n'
    result = '[outcome]\nis_irregular = { column = "status", values = { Critical = true, Clear = false } }\n'
    for declared in ('[extra]\nstatus = "status"\n', 'preference = "status"\n'):
        text = "version = 1\n" + fields + (result + declared if "[extra]" in declared else declared + result)
        with pytest.raises(MappingError, match="read one column, 'status'"):
            parse_mapping(text, name="both")
    assert parse_mapping(f"version = 1\n{fields}{result}", name="one").outcome


def test_cells_that_do_not_fit_the_field_that_the_header_names_stay_with_it_in_doubt(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", {"Valeur en douane": ["12,50 zlotys environ", "à voir", "100,5", "n.c."]})
    suggestion, text, _ = propose_mapping(path)
    [doubt] = [one for one in suggestion.doubts if one.subject == "customs_value_amount"]
    assert "customs_value_amount" in {entry.field for entry in suggestion.fields}
    assert suggestion.extra == {}
    assert doubt.count >= 45
    assert (doubt.examples[0][0], doubt.of) == (1, 60)
    with pytest.raises(MappingError, match="without open doubts"):
        ingest_files(History.create(tmp_path / "s"), [path], parse_mapping(text, name="m"), received_at=RECEIVED)


def test_an_empty_column_of_a_field_is_reported(tmp_path: Path) -> None:
    suggestion = suggest_mapping(write(tmp_path / "a.csv", {"Poids net": [""]}))
    [entry] = [one for one in suggestion.fields if one.field == "net_mass_kg"]
    assert entry.notes == ("the column is empty in the sample",)


def test_own_columns_have_the_name_of_their_header(tmp_path: Path) -> None:
    suggestion = suggest_mapping(write(tmp_path / "a.csv", {"اللون التجاري": ["1x", "2y"], "Marka Adı": ["p", "q"]}))
    assert suggestion.extra == {"lwn_tjary": "اللون التجاري", "marka_adi": "Marka Adı"}


@pytest.mark.parametrize(
    ("header", "cell", "currency"),
    [
        ("CIF_USD", "1000.5", "USD"),
        ("Valeur_€", "1000.5", "EUR"),
        ("Valeur (KRW)", "1000", "KRW"),
        ("Valeur en douane", "1000.5 €", "EUR"),
        ("Valeur en douane", "USD 1000.5", "USD"),
        ("Valeur DH", "1000.5", "MAD"),
        ("VACID", "1000.5", "USD"),
    ],
)
def test_the_currency_of_values_is_what_the_file_says(header: str, cell: str, currency: str, tmp_path: Path) -> None:
    suggestion, text, _ = propose_mapping(write(tmp_path / "a.csv", {header: [cell, cell.replace("1", "2")]}))
    assert suggestion.constants == {"value_currency": currency}
    assert "Not in the file" not in text


@pytest.mark.parametrize(
    "columns",
    [
        {"Valeur ($)": ["1000.5", "7.5"]},
        {"Valeur en douane": ["1000.5 €", "7.5 USD"]},
        {"Valeur en douane": ["1000.5", "7.5"], "Devise": ["USD", "EUR"]},
    ],
)
def test_a_currency_that_may_be_two_is_in_doubt(columns: dict[str, list[str]], tmp_path: Path) -> None:
    suggestion = suggest_mapping(write(tmp_path / "a.csv", columns))
    assert {"value_currency", "customs_value_amount"} & {doubt.subject for doubt in suggestion.doubts}


def test_a_no_in_preference_claims_nothing(tmp_path: Path, store: History, query: Query) -> None:
    path = write(tmp_path / "a.csv", {"Préférence": ["O", "N"]}, rows=40)
    _, text, _ = propose_mapping(path)
    ingest_files(store, [path], parse_mapping(text, name="m"), received_at=RECEIVED)
    assert query("SELECT preference, count(*) FROM items GROUP BY ALL ORDER BY 1") == [("O", 20), (None, 20)]


def test_a_value_that_is_no_country_and_occurs_often_is_offered(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", {"Pays de provenance": ["FR", "CN", "DE", "US", "EUR-LEX"]})
    [entry] = [one for one in suggest_mapping(path).fields if one.field == "dispatch_country"]
    assert any('accept = ["EUR-LEX"]' in note and "12 rows" in note for note in entry.notes)


def test_one_column_of_natures_gives_the_kinds(tmp_path: Path, store: History, query: Query) -> None:
    natures = ["Valeur", "espèce", "Origine + quantité", "RAS", ""]
    path = write(tmp_path / "a.csv", {"Nature": natures, "Contentieux": ["O", "O", "O", "N", ""]}, rows=50)
    suggestion, text, _ = propose_mapping(path)
    assert suggestion.kinds is not None
    assert "\nkinds = { column = " in text
    report = ingest_files(store, [path], parse_mapping(text, name="m"), received_at=RECEIVED)
    assert report.quarantined == 0
    assert query(
        "SELECT is_irregular, is_irregular_value, is_irregular_classification, is_irregular_origin,"
        " is_irregular_quantity, count(*) FROM outcomes GROUP BY ALL ORDER BY ALL"
    ) == [
        (False, False, False, False, False, 10),
        (True, False, False, True, True, 10),
        (True, False, True, False, False, 10),
        (True, True, False, False, False, 10),
    ]


def test_a_nature_that_the_mapping_does_not_know_is_rejected(tmp_path: Path, store: History, query: Query) -> None:
    path = write(tmp_path / "a.csv", {"Nature": ["valeur", "poésie"]}, rows=4)
    mapping = parse_mapping(
        "version = 1\n[source]\nseparator = ';'\n[fields]\ndeclaration_id = 'Numéro déclaration'\n"
        "declared_at = 'Date'\ncommodity_code = 'Code SH'\n"
        "[outcome]\nkinds = { column = 'Nature', values = { valeur = 'value' } }\n",
        name="m",
    )
    assert Mapping.model_validate(parse_mapping(mapping.canonical_text(), name="m")) == mapping
    report = ingest_files(store, [path], mapping, received_at=RECEIVED)
    assert (report.accepted, report.quarantined) == (2, 2)
    assert query("SELECT DISTINCT code, value FROM quarantine") == [("unknown_kind", "poésie")]


def test_a_single_administrative_document_starts_from_the_shipped_mapping(tmp_path: Path) -> None:
    path = tmp_path / "sad.xml"
    item = (
        "<Item><Tarification><HScode><Commodity_code>87032100</Commodity_code></HScode></Tarification>"
        "<Goods_description><Country_of_origin_code>FR</Country_of_origin_code></Goods_description>"
        "<Valuation_item><Total_CIF_itm>1000.5</Total_CIF_itm></Valuation_item></Item>"
    )
    path.write_text(
        "<ASYCUDA><Identification><Office_segment><Customs_clearance_office_code>309</Customs_clearance_office_code>"
        "</Office_segment><Registration><Number>12</Number><Date>25/03/2024</Date></Registration></Identification>"
        f"{item}{item}</ASYCUDA>",
        encoding="utf-8",
    )
    suggestion, text, check = propose_mapping(path)
    assert {"declaration_id", "declared_at", "office", "commodity_code", "origin_country", "customs_value_amount"} <= {
        entry.field for entry in suggestion.fields
    }
    assert 'columns = ["Identification/Office_segment/Customs_clearance_office_code"' in text
    assert check is not None
    assert (check.accepted, check.quarantined) == (2, 0)


@pytest.mark.parametrize("header", ["Nb visites", "Nombre de visites", "Number of inspections", "عدد الزيارات"])
@pytest.mark.parametrize("most", [2, 5])
def test_a_count_of_visits_is_no_flag(header: str, most: int, tmp_path: Path) -> None:
    rows = [f"D{n};{n % 28 + 1:02d}/01/2024;851713;{1000 + n};{n % most}" for n in range(24)]
    path = tmp_path / "a.csv"
    path.write_text("\n".join([f"N° DUM;Date;Code SH;Valeur;{header}", *rows]) + "\n", encoding="utf-8")
    assert not [entry for entry in suggest_mapping(path).fields if entry.field.startswith("is_")]


def test_the_lane_of_the_old_system_is_no_attribute(tmp_path: Path) -> None:
    rows = [f"D{n};{n % 28 + 1:02d}/01/2024;851713;{1000 + n};{'ABC'[n % 3]}" for n in range(24)]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(["N° DUM;Date;Code SH;Valeur;Cote", *rows]) + "\n", encoding="utf-8")
    assert "Cote" not in suggest_mapping(path).extra.values()
