"""A suggested mapping reads its file as it is: French and English headers, whatever way of writing."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from basira.ingest.mapping.model import load_mapping, parse_mapping
from basira.ingest.suggest.headers import name_score
from basira.ingest.suggest.vocabulary import VOCABULARY
from basira.schema.errors import SourceError
from basira.storage.history.store import History
from basira.workflows.intake.feedback import record_feedback
from basira.workflows.intake.ingest import ingest_files
from basira.workflows.intake.mapping import check_mapping, propose_mapping
from tests.support.ingest_world import RECEIVED
from tests.support.tree import KCS

Query = Callable[[str], list[tuple[Any, ...]]]
TRAIN = KCS / "train.csv"


@pytest.mark.parametrize(
    ("field", "headers"),
    [
        (
            "declaration_id",
            "N° DUM|Numéro de la déclaration|Num. déclaration|ID_DECLARATION|Declaration ID|sgd.id|Réf. DUM",
        ),
        ("declared_at", "Date d'enregistrement|Date de la déclaration|DATE_DECL|Date|sgd.date|RegistrationDate"),
        ("office", "Bureau|CodeBureau|Bureau de douane|Office ID|office.id"),
        ("procedure", "Régime|Code régime|Process Type|Procédure"),
        ("declarant_id", "Déclarant|Identifiant du déclarant|Declarant ID|BrokerID"),
        ("importer_id", "Importateur|ICE|IMPORTATEUR_ICE|Importer ID|Consignee TIN|importer.id"),
        ("exporter_id", "Fournisseur|Vendeur|Exp.|Seller ID|Exportateur"),
        ("commodity_code", "Code SH|Nomenclature|Position tarifaire|HS6 Code|HS_Code|tariffCode|Code SH6"),
        ("origin_country", "Pays d'origine|Origine|pays_orig|Country of Origin|Code pays origine"),
        ("dispatch_country", "Pays de provenance|PaysProvenance|Pays de départ|Country of Departure"),
        ("net_mass_kg", "Masse nette|Poids net (kg)|poids_net_kg|netWeightKg|Net Mass|Masse nette en kg"),
        ("gross_mass_kg", "Masse brute|PoidsBrut|gross.weight"),
        ("quantity", "Qté|Quantité|Qty"),
        ("customs_value_amount", "Valeur en douane|Val. douane (DH)|Valeur déclarée (MAD)|Item Price|cif.value"),
        ("duty_rate", "Taux DI|Taux du droit d'importation|Tax Rate|Taux d'imposition|Droit de douane (%)|Tx DI"),
        ("duty_amount", "Montant DI|Droits d'importation"),
        ("is_irregular", "Fraude|Irrégularité|Résultat|Résultat du contrôle|Fraud|illicit|Indicateur de fraude"),
        ("severity", "Critical Fraud|Fraude critique|Gravité de la fraude"),
        ("additional_revenue_amount", "Droits redressés|Montant redressé|revenue"),
        ("known_at", "Date du résultat|Date PV"),
        ("item_number", "N° article|Article|ITEM_NO"),
        ("payment_mode", "Mode de paiement|Payment Type"),
        ("transport_mode", "Mode de transport|Mode of Transport"),
    ],
)
def test_headers_name_their_field_best(field: str, headers: str) -> None:
    for header in headers.split("|"):
        scores = {name: name_score(header, name) for name in VOCABULARY}
        assert max(scores, key=lambda name: scores[name]) == field, (header, scores)
        assert scores[field] >= 0.55


@pytest.mark.parametrize(
    ("field", "headers"),
    [
        ("declaration_id", "رقم البيان الجمركي|N° Aceptación|Tescil Numarası|Bill of Entry No|Entry Summary No|Nº DI"),
        ("declared_at", "تاريخ إيداع التصريح|Fecha Aceptacion DIN|Data de Registo|Tescil Tarihi|Bill of Entry Date"),
        ("office", "مكتب الجمارك|Aduana de ingreso|URF de Despacho|Gümrük Müdürlüğü|Port of Entry|Station"),
        ("commodity_code", "رمز البند التعريفي|Subpartida NANDINA|Código NCM|G.T.İ.P.|CTH|HTSUS|RITC Code"),
        (
            "importer_id",
            "اسم المستورد|RUT Importador|CNPJ do Importador|İthalatçı|IEC|Importer of Record|Consignee PIN",
        ),
        ("exporter_id", "المورد|Proveedor|Fornecedor|Gönderici"),
        ("origin_country", "بلد المنشإ|País Origen|País de origem|Menşe Ülkesi|PA_ORIG|PAISGEN"),
        ("dispatch_country", "بلد التصدير|País de procedencia|País de aquisição|Çıkış Ülkesi"),
        ("net_mass_kg", "الوزن الصافي (كلغ)|Peso Neto (Kg.)|Peso líquido (kg)|Net Ağırlık|KG_LIQUIDO|PNK"),
        ("gross_mass_kg", "الوزن الإجمالي|Peso bruto|Brüt Ağırlık (kg)"),
        ("customs_value_amount", "القيمة (درهم)|Valor CIF (US$)|Valor aduaneiro|CIF Kıymet|Entered Value|CIF_USD"),
        ("quantity", "الكمية|Cantidad|Quantidade|Miktar"),
        ("is_irregular", "نتيجة المعاينة|Resultado del aforo|Resultado da inspeção|Muayene sonucu"),
    ],
)
def test_headers_of_other_languages_and_systems_name_their_field_best(field: str, headers: str) -> None:
    for header in headers.split("|"):
        scores = {name: name_score(header, name) for name in VOCABULARY}
        assert max(scores, key=lambda name: scores[name]) == field, (header, scores)
        assert scores[field] >= 0.6, (header, scores[field])


def test_an_arabic_file_is_read_by_its_headers(tmp_path: Path, store: History, query: Query) -> None:
    header = [
        "رقم التصريح",
        "تاريخ التسجيل",
        "المكتب",
        "البند التعريفي",
        "بلد المنشأ",
        "المستورد",
        "القيمة",
        "الوزن الصافي",
    ]
    rows = [
        [
            f"A{n}",
            f"2024-03-{n % 27 + 1:02d}",
            "309",
            f"{(87032100, 61091000)[n % 2] + n}",
            ("CN", "FR")[n % 2],
            f"IMP{n % 4}",
            1000 + n * 7.25,
            10 + n * 0.5,
        ]
        for n in range(40)
    ]
    suggestion = suggested(write_csv(tmp_path / "ar.csv", [header, *rows], encoding="utf-8"), store)
    assert {entry.field: entry.column for entry in suggestion.fields} == dict(
        zip(
            (
                "declaration_id",
                "declared_at",
                "office",
                "commodity_code",
                "origin_country",
                "importer_id",
                "customs_value_amount",
                "net_mass_kg",
            ),
            header,
            strict=True,
        )
    )
    assert query("SELECT customs_value_amount, origin_country FROM items WHERE declaration_id = 'A3'") == [
        (1021.75, "FR")
    ]


@pytest.mark.parametrize("header", ["Coursier", "Courier ID", "Import Use", "Type de taxe", "Observations", "xyz"])
def test_other_headers_name_no_field(header: str) -> None:
    assert max(name_score(header, name) for name in VOCABULARY) < 0.55


def french(number: float) -> str:
    return f"{number:,.2f}".replace(",", " ").replace(".", ",")


def write_csv(path: Path, rows: Iterable[list[Any]], *, separator: str = ";", encoding: str = "cp1252") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=separator).writerows(rows)
    return path


def french_declarations() -> list[list[Any]]:
    header = [
        "N° DUM",
        "N° article",
        "Bureau",
        "Régime",
        "Date d'enregistrement",
        "ICE",
        "Déclarant",
        "Fournisseur",
        "Nomenclature",
        "Pays d'origine",
        "Pays de provenance",
        "Poids net (kg)",
        "Valeur en douane",
        "Taux DI",
        "Résultat du contrôle",
        "Droits redressés",
        "Date du résultat",
        "Circuit",
    ]
    rows: list[list[Any]] = [header]
    for number in range(120):
        day = date(2023, 1, 1) + timedelta(days=number)
        inspected = number % 3 == 0
        rows.append(
            [
                f"300{number // 2:07d}",
                number % 2 + 1,
                "309",
                "010",
                (date(2023, 1, 1) + timedelta(days=number // 2 * 2)).strftime("%d/%m/%Y 10:30"),
                "000123456789012",
                "T5",
                "Société Générale",
                ["0101210000", "8517130000"][number % 2],
                ["Chine", "États-Unis"][number % 2],
                "FR",
                french(1000.5 + number),
                french(1_234_567.5 + number),
                ["2,5", "40"][number % 2],
                ["Conforme", "Fraude"][number % 2] if inspected else "",
                "150,5" if inspected and number % 2 else "",
                (day + timedelta(days=5)).strftime("%d/%m/%Y") if inspected else "",
                "vert",
            ]
        )
    return rows


def suggested(path: Path, store: History) -> Any:
    suggestion, text, check = propose_mapping(path)
    assert check is not None
    assert check.quarantined == 0
    report = ingest_files(store, [path], parse_mapping(text, name="suggested"), received_at=RECEIVED)
    assert report.quarantined == 0
    return suggestion


def test_a_french_extraction_is_read_as_it_is(tmp_path: Path, store: History, query: Query) -> None:
    path = write_csv(tmp_path / "dum.csv", french_declarations())
    suggestion = suggested(path, store)
    assert suggestion.source["decimal"] == ","
    assert query("SELECT count(*), count(DISTINCT declaration_id), max(duty_rate), min(commodity_code) FROM items") == [
        (120, 60, 0.4, "0101210000")
    ]
    assert query(
        "SELECT net_mass_kg, customs_value_amount, origin_country, strftime(declared_at, '%Y-%m-%d %H:%M') "
        "FROM items WHERE source_row = 28"
    ) == [(1027.5, 1234594.5, "US", "2023-01-27 10:30")]
    assert query("SELECT count(*), sum(is_irregular::INT), sum(additional_revenue_amount) FROM outcomes") == [
        (40, 20, 3010.0)
    ]


def test_titles_above_the_header_are_found(tmp_path: Path, store: History) -> None:
    path = write_csv(tmp_path / "dum.csv", [["Extraction du 01/02/2024"], *french_declarations()])
    assert suggested(path, store).source["header_row"] == 2


def test_an_english_file_with_months_first_and_thousands_commas(tmp_path: Path, store: History, query: Query) -> None:
    rows: list[list[Any]] = [
        ["EntryNumber", "RegistrationDate", "HSCode", "CountryOfOrigin", "NetWeight", "CIFValue", "DutyRate", "IsFraud"]
    ]
    for number in range(60):
        day = date(2023, 1, 1) + timedelta(days=number)
        rows.append(
            [
                f"E{number}",
                day.strftime("%m/%d/%Y"),
                ["1012100", "85171300"][number % 2],
                "CHN",
                f"{1000.5 + number:,.1f}",
                f"{1_000_000.25 + number:,.2f}",
                "2.5%",
                "YN"[number % 2],
            ]
        )
    path = write_csv(tmp_path / "b.txt", rows, separator="\t", encoding="utf-16")
    suggested(path, store)
    assert query(
        "SELECT min(commodity_code), max(declared_at)::DATE::VARCHAR, min(net_mass_kg), max(duty_rate) FROM items"
    ) == [("01012100", "2023-03-01", 1000.5, 0.025)]


SIMULATOR = [
    "sgd.id",
    "sgd.date",
    "importer.id",
    "declarant.id",
    "country",
    "office.id",
    "tariff.code",
    "quantity",
    "gross.weight",
    "fob.value",
    "cif.value",
    "total.taxes",
    "illicit",
    "revenue",
]


def test_the_simulators_columns_are_known(tmp_path: Path, store: History, query: Query) -> None:
    rows: list[list[Any]] = [SIMULATOR]
    for number in range(90):
        day = date(2013, 1, 1) + timedelta(days=number)
        rows.append(
            [
                f"SGD{number}",
                day.strftime("%y-%m-%d"),
                "IMP1",
                "DEC2",
                f"CNTRY{number % 9}",
                "OFFICE3",
                8703241128,
                1,
                10,
                100,
                120,
                12,
                number % 2,
                0,
            ]
        )
    path = write_csv(tmp_path / "s.csv", rows, separator=",")
    suggested(path, store)
    assert query("SELECT max(declared_at)::DATE::VARCHAR, min(origin_country) FROM items") == [("2013-03-31", "CNTRY0")]
    assert check_mapping(path, load_mapping("simulator")).accepted == 90


def test_results_alone_give_a_mapping_for_feedback(tmp_path: Path, store: History, query: Query) -> None:
    ingest_files(
        store,
        [write_csv(tmp_path / "dum.csv", french_declarations())],
        parse_mapping(propose_mapping(tmp_path / "dum.csv")[1], name="m"),
        received_at=RECEIVED,
    )
    rows = [["Réf. DUM", "Article", "Date PV", "Conforme (O/N)", "Montant redressé"]]
    rows += [[f"300{n:07d}", "1", f"{n + 1:02d}-12-2023", "ON"[n % 2], "99,5" if n % 2 else ""] for n in range(30)]
    path = write_csv(tmp_path / "pv.csv", rows)
    suggestion, text, check = propose_mapping(path)
    assert suggestion.is_results_only
    assert check is not None
    assert (check.accepted, check.irregular) == (30, 15)
    report = record_feedback(store, [path], parse_mapping(text, name="m"), received_at=RECEIVED)
    assert report.accepted == 30
    assert query("SELECT is_irregular FROM outcomes WHERE declaration_id = '3000000001' ORDER BY known_at LIMIT 1") == [
        (True,)
    ]


def test_a_workbook_with_error_cells(tmp_path: Path, store: History, query: Query) -> None:
    book = xlsxwriter.Workbook(str(tmp_path / "a.xlsx"))
    sheet = book.add_worksheet()
    dates = book.add_format({"num_format": "dd/mm/yyyy"})
    sheet.write_row(
        0, 0, ["N° DUM", "Date d'enregistrement", "Code SH", "Pays d'origine", "Masse nette", "Taux DI (%)", "Fraude"]
    )
    for number in range(1, 60):
        sheet.write_row(
            number, 0, [f"D{number}", "", 851713 if number % 2 else 71080, "CN", number + 0.5, 17.5, number % 2]
        )
        sheet.write_datetime(number, 1, RECEIVED, dates)
    sheet.write_formula(7, 4, "=NA()", None, "#N/A")
    book.close()
    _, text, check = propose_mapping(tmp_path / "a.xlsx")
    assert check is not None
    assert check.reasons == {"spreadsheet_error": 1}
    ingest_files(store, [tmp_path / "a.xlsx"], parse_mapping(text, name="m"), received_at=RECEIVED)
    assert query("SELECT count(*), min(commodity_code), max(duty_rate), max(net_mass_kg) FROM items") == [
        (58, "071080", 0.175, 59.5)
    ]


def test_dates_without_a_day_over_twelve_are_in_doubt(tmp_path: Path) -> None:
    rows = [["N° DUM", "Date", "Code SH"], *([f"D{n}", f"0{n % 9 + 1}/02/2024", "851713"] for n in range(30))]
    suggestion, text, _ = propose_mapping(write_csv(tmp_path / "a.csv", rows))
    (doubt,) = suggestion.doubts
    assert (doubt.subject, doubt.count, doubt.of) == ("declared_at", 30, 30)
    assert 'formats = ["%m/%d/%Y"]: 03/04/2024 is 4 March' in text
    assert suggestion.fields[1].confidence < 0.9


def test_tonnes_in_the_header_become_kilograms(tmp_path: Path, store: History, query: Query) -> None:
    rows = [
        ["N° DUM", "Date", "Code SH", "Poids net (tonnes)"],
        *([f"D{n}", "25/02/2024", "851713", "1,5"] for n in range(30)),
    ]
    suggested(write_csv(tmp_path / "a.csv", rows), store)
    assert query("SELECT max(net_mass_kg) FROM items") == [(1500.0,)]


def test_a_missing_required_field_is_reported_and_left_open_in_the_text(tmp_path: Path) -> None:
    rows = [["Alpha", "Date", "Code SH"], *([f"D{n}", "25/02/2024", "851713"] for n in range(30))]
    suggestion, text, check = propose_mapping(write_csv(tmp_path / "a.csv", rows))
    assert suggestion.missing == ("declaration_id",)
    assert check is None
    assert "# declaration_id" in text


def test_a_column_that_tells_the_result_is_never_kept_as_a_declared_one(tmp_path: Path) -> None:
    header = ["N° DUM", "Date", "Code SH", "Fraude", "Suite donnée", "Observation infraction", "Type d'import"]
    rows = [
        [f"D{n}", "25/02/2024", "851713", n % 3 == 0, "AB"[n % 3 == 0], "xy"[n % 2], "pq"[n % 2]] for n in range(90)
    ]
    suggestion, text, _ = propose_mapping(write_csv(tmp_path / "a.csv", [header, *rows]))
    assert list(suggestion.extra.values()) == ["Type d'import"]
    assert "'Suite donnée' was left out" in text


def test_an_empty_file_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"")
    with pytest.raises(SourceError, match="empty"):
        propose_mapping(tmp_path / "a.csv")


FRENCH_KCS = (
    "N° déclaration|Date d'enregistrement|Bureau|Type de procédure|Type d'importation|Usage de l'importation|"
    "Mode de paiement|Mode de transport|Déclarant|Importateur|Fournisseur|Coursier|Code SH|"
    "Pays de provenance|Pays d'origine|Taux DI (%)|Type de taxe|Indicateur du pays d'origine|"
    "Masse nette (kg)|Valeur en douane|Fraude|Fraude critique"
)


def test_kcs_rewritten_in_french_is_read_as_kcs(tmp_path: Path, store: History, query: Query) -> None:
    if not TRAIN.exists():
        pytest.skip("the KCS dataset is absent")
    with TRAIN.open(encoding="utf-8") as file:
        lines = [row for number, row in enumerate(csv.reader(file)) if number == 0 or number % 5 == 1]
    rows: list[list[str]] = [FRENCH_KCS.split("|")]
    for number, line in enumerate(lines[1:]):
        row = list(line)
        row[1] = date.fromisoformat(row[1]).strftime("%d/%m/%Y")
        row[12] = str(int(row[12]))
        for place in (15, 18, 19):
            row[place] = row[place].replace(".", ",")
        if number in {10, 500}:
            row[18] = "#N/A"
        if number == 900:
            row[19] = "#NOM?"
        rows.append(row)
    path = write_csv(tmp_path / "kcs_fr.csv", rows)
    _, text, check = propose_mapping(path)
    assert check is not None
    assert check.reasons == {"spreadsheet_error": 3}
    french_store = History.create(tmp_path / "french")
    report = ingest_files(french_store, [path], parse_mapping(text, name="fr"), received_at=RECEIVED)
    assert (report.rows, report.quarantined) == (len(rows) - 1, 3)
    english = tmp_path / "kcs.csv"
    write_csv(english, lines, separator=",", encoding="utf-8")
    ingest_files(store, [english], load_mapping("kcs"), received_at=RECEIVED)
    from basira.engines.duckdb import open_duckdb
    from basira.storage.history.store import register

    fields = (
        "declaration_id, declared_at, office, procedure, importer_id, declarant_id, exporter_id, commodity_code, "
        "origin_country, dispatch_country, net_mass_kg, customs_value_amount, duty_rate, "
        "transport_mode, payment_mode"
    )
    results = "declaration_id, known_at, is_irregular, severity"
    with open_duckdb(reads=french_store.snapshot().all_files()) as con:
        register(con, french_store.snapshot())
        french_rows = con.fetch_rows(f"SELECT {fields} FROM items ORDER BY 1")
        french_results = con.fetch_rows(f"SELECT {results} FROM outcomes ORDER BY 1")
    kept = tuple(row[0] for row in french_rows)
    assert french_rows == [r for r in query(f"SELECT {fields} FROM items ORDER BY 1") if r[0] in set(kept)]
    assert french_results == [r for r in query(f"SELECT {results} FROM outcomes ORDER BY 1") if r[0] in set(kept)]


def test_kcs_itself_gets_the_fields_of_its_shipped_mapping() -> None:
    if not TRAIN.exists():
        pytest.skip("the KCS dataset is absent")
    shipped, proposed = load_mapping("kcs"), parse_mapping(propose_mapping(TRAIN)[1], name="p")
    assert {k: v.names for k, v in proposed.fields.items()} == {k: v.names for k, v in shipped.fields.items()}
    assert proposed.fields == shipped.fields
    assert set(proposed.extra.values()) == set(shipped.extra.values())
