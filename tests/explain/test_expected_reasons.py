"""Reasons on expected prices, traders' habits, usual duties and an importer's unusual codes."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from basira.explain.reasons import CIRCUMSTANCES
from basira.explain.strongest import with_kinds_of
from basira.explain.words import say, say_reference, say_verify
from basira.schema.records import Reason
from tests.support.one_item import REFERENCE, explained, said

EXPECTED = {
    "customs_value_amount": 1240.0,
    "net_mass_kg": 100.0,
    "quantity": 50.0,
    "expected_value_per_kg": math.log(21),
    "expected_value_per_kg_deviation": 0.2,
    "expected_value_per_kg_code_count": 214,
    "expected_value_per_kg_origin_count": 34,
    "expected_value_per_kg_supplier_count": 5,
}


def words(reason: Reason | None, language: str = "fr") -> str:
    assert reason is not None
    text = say(reason, language=language, currency="MAD", strict=True)
    return text.replace("\u00a0", " ").replace("\u202f", " ").replace("\u2068", "").replace("\u2069", "")


def test_a_price_beside_what_its_code_origin_and_supplier_lead_to_expect():
    reason = said("value_per_kg", **EXPECTED)
    assert reason is not None
    assert (reason.code, reason.figures["basis"], reason.figures["count"]) == (
        "value_per_kg_low",
        "code_origin_supplier",
        34,
    )
    assert words(reason) == (
        "Valeur unitaire 12,40 MAD/kg, 41 % sous la valeur attendue (21,00 pour ce code, cette origine et ce"
        " fournisseur), d’après 34 importations (12 mois)"
    )
    assert words(reason, "en").startswith(
        "Unit value 12.40 MAD/kg, 41% below the expected value (21.00 for this code, origin"
    )


@pytest.mark.parametrize(
    ("changes", "basis", "count", "origin"),
    [
        ({"expected_value_per_kg_origin_count": 2}, "code_supplier", 214, None),
        ({"expected_value_per_kg_supplier_count": 2}, "code_origin", 34, "CN"),
        ({"expected_value_per_kg_origin_count": 2, "expected_value_per_kg_supplier_count": 0}, "code", 214, None),
        ({"origin_country": None}, "code_supplier", 214, None),
    ],
)
def test_an_expected_price_names_only_what_it_rests_on(changes, basis, count, origin):
    found = explained("value_per_kg", **EXPECTED | changes)
    figures = found.reasons[0].figures
    assert (figures["basis"], figures["count"], figures["origin_country"]) == (basis, count, origin)
    [reference] = found.references
    assert (reference.level, reference.count, reference.origin_country) == (f"expected_{basis}", count, origin)


def test_a_code_with_few_prices_keeps_the_median_of_its_comparables():
    reason = said("value_per_kg", **EXPECTED | REFERENCE | {"expected_value_per_kg_code_count": 9})
    assert reason is not None
    assert reason.figures["median"] == pytest.approx(10, rel=1e-3)


def test_a_price_near_the_expected_one_is_no_reason():
    assert said("value_per_kg", **EXPECTED | {"customs_value_amount": 2000.0}) is None


def test_the_interval_to_verify_is_of_the_price_and_unit_of_the_reason():
    per_unit = {
        name.replace("_kg", "_unit"): figure for name, figure in EXPECTED.items() if name.startswith("expected")
    }
    per_unit |= {"expected_value_per_unit": math.log(60), "expected_value_per_unit_origin_count": 21}
    for family, unit, middle in (("value_per_kg", "kg", 21), ("value_per_unit", "U", 60)):
        found = explained(family, **EXPECTED | per_unit)
        first = found.references[0]
        assert (found.reasons[0].figures["unit"], first.unit) == (unit, unit)
        assert found.reasons[0].figures["expected"] == pytest.approx(first.median) == pytest.approx(middle)
        assert (
            first.median / first.low
            == pytest.approx(first.high / first.median)
            == pytest.approx(math.exp(0.2 * 0.6745))
        )
        assert found.reasons[0].figures["count"] == first.count
        for language in ("fr", "en", "ar"):
            told = say_verify("value", language=language, currency="MAD", reference=first, strict=True)
            assert str(first.count) in told
            assert say_reference(first, language=language, currency="MAD", strict=True)


def test_a_habit_of_low_prices_is_said_by_its_mean_and_not_by_the_shrunk_figure_of_the_model():
    # Six items at e to the -.3 of the usual price: shrunk by three of nothing, the model reads -.2.
    reason = said(
        "price_habit_exporter", exporter_prices=6, exporter_low_prices=4, exporter_price_habit=-0.3 * 6 / (6 + 3)
    )
    assert reason is not None
    assert reason.figures["gap"] == pytest.approx(math.exp(-0.3) - 1)
    assert words(reason) == (
        "Ce fournisseur : 6 importations en moyenne 26 % sous la valeur habituelle, dont 4 à un quart au moins dessous"
    )
    assert said("price_habit_exporter", exporter_prices=2, exporter_low_prices=2, exporter_price_habit=-0.3) is None
    assert said("price_habit_exporter", exporter_prices=90, exporter_low_prices=2, exporter_price_habit=-0.05) is None


def test_a_code_with_a_lower_duty_than_those_around_it():
    usual = {"code_usual_duty": 0.025, "heading_usual_duty": 0.1, "chapter_usual_duty": 0.175}
    reason = said("usual_duty", **usual, importer_usual_duty=0.03)
    assert reason is not None
    assert (reason.code, reason.figures["usual_rate"]) == ("usual_duty_chapter", 0.175)
    assert words(reason).startswith("Droit de ce code : 2,5 % en moyenne, contre 18 % pour l’ensemble de son chapitre")
    assert said("usual_duty", **usual | {"code_usual_duty": 0.17}) is None
    assert said("usual_duty", **usual | {"code_usual_duty": None}) is None


def test_a_code_that_an_importer_seldom_declares():
    reason = said("code_of_importer", importer_id="I", importer_items=214, importer_code_items=1)
    assert words(reason) == ("Code inhabituel pour cet importateur : 1 sous SH 8517.13, sur 214 importations")
    assert said("code_of_importer", importer_id="I", importer_items=19, importer_code_items=0) is None
    assert said("code_of_importer", importer_id="I", importer_items=214, importer_code_items=100) is None
    assert said("code_of_importer", importer_items=214, importer_code_items=1) is None


# A supplier who always declares at 4 MAD/kg is expected to: comparables lie between 8 and 13.
HIDING = REFERENCE | {
    "expected_value_per_kg": math.log(4.2),
    "expected_value_per_kg_deviation": 0.2,
    "expected_value_per_kg_code_count": 214,
    "expected_value_per_kg_origin_count": 34,
    "expected_value_per_kg_supplier_count": 40,
}


def test_a_supplier_s_own_low_prices_do_not_hide_what_comparables_show():
    found = explained("value_per_kg", **HIDING)
    (reason,), (reference,) = found.reasons, found.references
    assert (reason.code, reason.figures["median"], reason.figures["count"]) == (
        "value_per_kg_low",
        pytest.approx(10, rel=1e-3),
        214,
    )
    # The interval on the page is of the same comparables.
    assert reference.level == "code_origin"
    assert (reference.declared, reference.low) == (reason.figures["value"], pytest.approx(8, rel=1e-3))
    # As a run of an earlier version recorded it.
    earlier = explained("value_per_kg", version=CIRCUMSTANCES, **HIDING)
    assert earlier.reasons == ()
    assert earlier.references[0].level.startswith("expected_")


@pytest.mark.parametrize(
    "changes",
    [
        # The expected price shows it itself.
        {"expected_value_per_kg": math.log(9)},
        # Too few comparables, none out of their interval, and one that is hardly out of it.
        {"value_per_kg_reference_count": 4},
        {"value_per_kg_reference_low": REFERENCE["value_per_kg_reference_low"] - 2000},
        {"customs_value_amount": 900.0, "expected_value_per_kg": math.log(9), "value_per_kg_reference_low": 2250},
    ],
)
def test_an_expected_price_that_hides_nothing_stays(changes):
    assert explained("value_per_kg", **HIDING | changes).references[0].level.startswith("expected_")


def test_what_the_strongest_reasons_speak_for_is_verified_after_the_most_probable_kind():
    kinds = {"classification": 1.0}
    now = explained("value_per_kg", kinds=kinds, **HIDING)
    then = explained("value_per_kg", kinds=kinds, version=CIRCUMSTANCES, **HIDING)
    assert now.verify[: len(then.verify)] == then.verify
    assert "value" in now.verify
    reason = now.reasons[0]
    assert with_kinds_of([reason], ("origin",), now.references) == ("origin", "value")
    # Three in all; nothing for a price that the kind which comes first does not explain, or for one that is usual.
    assert with_kinds_of([reason], ("origin", "documents", "quantity"), ()) == ("origin", "documents", "quantity")
    assert with_kinds_of([replace(reason, code="value_per_kg_high")], ("value",), ()) == ("value",)
    usual = replace(reason, figures={**reason.figures, "gap": -0.05})
    assert with_kinds_of([usual], ("origin",), ()) == ("origin",)
    assert with_kinds_of([replace(reason, code="mass_ratio")], ("value",), ()) == ("value", "quantity")
