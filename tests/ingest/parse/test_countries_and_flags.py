"""Countries by any of their names, and yes and no in six languages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from basira.ingest.mapping.model import parse_mapping
from basira.ingest.parse.countries import country_of
from basira.ingest.parse.country_names import country_keys, gather
from basira.storage.history.store import History
from basira.workflows.intake.ingest import ingest_files
from tests.support.ingest_world import RECEIVED

Query = Callable[[str], list[tuple[Any, ...]]]

MAPPING = """
version = 1
[source]
format = "csv"
separator = ";"
[fields]
declaration_id = "id"
declared_at = "on"
commodity_code = "code"
origin_country = "origin"
is_oea = "oea"
"""


def take_in(store: History, path: Path, rows: list[tuple[str, str]]) -> Any:
    lines = [f"D{n};2024-03-01;870321;{origin};{oea}" for n, (origin, oea) in enumerate(rows)]
    path.write_text("\n".join(["id;on;code;origin;oea", *lines]), encoding="utf-8")
    return ingest_files(store, [path], parse_mapping(MAPPING, name="m"), received_at=RECEIVED)


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("KR", "KOREA, REPUBLIC OF|Republic of Korea|Korea, Rep.|CORÉE, RÉPUBLIQUE DE|كوريا الجنوبية|Güney Kore|ROK"),
        ("CI", "CÔTE D'IVOIRE|COTE DIVOIRE|Ivory Coast|ساحل العاج|Costa de Marfil|Costa do Marfim"),
        ("IR", "IRAN, ISLAMIC REPUBLIC OF|Iran (Islamic Republic of)|Iran, Islamic Rep.|إيران"),
        ("TW", "TAIWAN, PROVINCE OF CHINA|Taiwan"),
        ("CN", "China|PR China|People's Republic of China|الصين|Çin|中国|Китай"),
        ("US", "USA|U.S.A.|EE.UU.|EUA|ABD|United States of America|الولايات المتحدة|Estados Unidos"),
        ("GB", "UK|United Kingdom|Great Britain|Royaume-Uni|Reino Unido|Birleşik Krallık"),
        ("AE", "UAE|EAU|United Arab Emirates|الإمارات العربية المتحدة"),
        ("SA", "KSA|السعودية|Arabie saoudite"),
        ("CD", "RDC|DRC|CONGO, THE DEMOCRATIC REPUBLIC OF THE|Congo, Dem. Rep.|Zaïre"),
        ("TR", "TURKEY|Türkiye|Turquie|تركيا"),
        ("MM", "Burma|Birmanie|Myanmar"),
        ("DE", "Deutschland|Allemagne|Almanya|ألمانيا|Alemania|Alemanha"),
    ],
)
def test_a_country_is_known_by_its_names(code: str, names: str) -> None:
    assert {name: country_of(name) for name in names.split("|")} == dict.fromkeys(names.split("|"), code)


@pytest.mark.parametrize("text", ["Congo", "Korea", "Ruritania", "Europe", "Divers", "Inconnu", "EU", "Yugoslavia", ""])
def test_what_is_no_country_or_is_two_is_none(text: str) -> None:
    assert country_of(text) is None


def test_a_name_is_taken_in_and_what_is_no_name_is_rejected_with_its_reason(
    tmp_path: Path, store: History, query: Query
) -> None:
    report = take_in(
        store, tmp_path / "a.csv", [("KOREA, REPUBLIC OF", "1"), ("فرنسا", "0"), ("Congo", "1"), ("URSS", "1")]
    )
    assert query("SELECT origin_country FROM items ORDER BY source_row") == [("KR",), ("FR",)]
    assert report.quarantined == 2
    assert query("SELECT code, value, expected FROM quarantine ORDER BY source_row") == [
        ("unknown_country", "Congo", "a country of ISO 3166-1"),
        (
            "unknown_country",
            "URSS",
            "a country of ISO 3166-1: The USSR was one until 1991-12-26 and has several successors",
        ),
    ]


def test_the_table_of_names_holds_what_the_libraries_say_today() -> None:
    kept = country_keys()
    gathered = {key: code for code, keys in gather().items() for key in keys}
    assert {key: code for key, code in gathered.items() if kept.get(key) != code} == {}


@pytest.mark.parametrize(
    "pair", ["O/N", "oui/non", "نعم/لا", "1/0", "S/N", "Sí/No", "Sim/Não", "E/H", "EVET/HAYIR", "Y/N"]
)
def test_yes_and_no_in_six_languages_are_flags(pair: str, tmp_path: Path, store: History, query: Query) -> None:
    yes, no = pair.split("/")
    report = take_in(store, tmp_path / "a.csv", [("FR", yes), ("FR", no), ("FR", "")])
    assert report.quarantined == 0
    assert query("SELECT is_oea FROM items ORDER BY source_row") == [(True,), (False,), (None,)]
