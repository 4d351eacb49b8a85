"""Columns that were filled in after a control, by their names; rates of which some have the sign for percent."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from basira.ingest.suggest.fit import fit
from basira.ingest.suggest.profile import profile_column
from basira.ingest.suggest.propose import suggest_mapping
from basira.ingest.suggest.results import why_telling


@pytest.mark.parametrize(
    "name",
    [
        *("ECOR", "N° PV", "DCT", "Valeur admise", "Valeur retenue", "Espèce reconnue", "Suite réservée", "Target"),
        *("Droits éludés", "Écart de poids", "Adjusted value", "Valor ajustado", "Cote", "Nb visites"),
    ],
)
def test_what_an_officer_wrote_is_never_declared(name: str) -> None:
    assert why_telling(name, pl.Series(["a", "b"] * 20), None)


@pytest.mark.parametrize("name", ["Valeur déclarée", "Régime", "Marque", "Mode de transport", "Colis"])
def test_what_is_declared_stays(name: str) -> None:
    assert why_telling(name, pl.Series(["a", "b"] * 20), None) == ""


def test_rates_with_and_without_the_sign_for_percent_are_asked_about(tmp_path: Path) -> None:
    """17,5 beside 2,5 % was read as 1,750 %."""
    lines = [f"D{n};2024-03-{n:02d};8703219000;{'17,5' if n % 2 else '2,5 %'}" for n in range(1, 25)]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(["Numéro déclaration;Date;Code SH;Taux DI", *lines]), encoding="utf-8")
    (doubt,) = suggest_mapping(path).doubts
    assert (doubt.subject, doubt.count, doubt.of) == ("duty_rate", 12, 24)


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        *(("Pass", "Fail"), ("OK", "KO"), ("مطابق", "غير مطابق"), ("سليم", "مخالف"), ("Cumple", "No cumple")),
        *(("Conforme", "No conforme"), ("Conforme", "Não conforme"), ("Compliant", "Not compliant")),
        *(("Uygun", "Uygun değil"), ("No irregularity", "Irregularity"), ("No fraud", "Fraud")),
    ],
)
def test_words_of_results_in_every_language(good: str, bad: str) -> None:
    found = fit("is_irregular", profile_column(pl.Series([good, bad] * 20), separator=";"))
    assert (found.share, found.options["values"]) == (1.0, {good: False, bad: True})
