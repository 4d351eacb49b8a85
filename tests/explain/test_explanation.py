"""The explanation: what holds of every one, and who is shown what."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from basira.explain.explanation import Case, Surroundings, explain
from basira.explain.sentences import say_chance, say_explanation, say_share
from basira.explain.strongest import strongest_reasons
from basira.render.languages import LANGUAGES
from basira.schema.records import ItemAssessment, Reason, Reference
from tests.support.explained_cases import PHYSICAL, faults_of, make_case

REFERENCE = Reference("value_per_kg", "kg", 12.4, 28.1, 32.6, 36.4, 214, "code_origin", "851713", "CN", 365, ("A1/1",))
LOW = Reason("value_per_kg_low", {"value": 12.4, "unit": "kg", "median": 32.6, "gap": -0.62, "count": 214}, (), 0.9)
ITEM = ItemAssessment(1, 0.12, 50_000.0, 6_000.0, {}, (LOW,), ("value", "origin"), (REFERENCE,))
CASE = Case(
    basis="model", currency="MAD", fraud_probability=0.12, expected_revenue=6_000.0, items=(ITEM,),
    examines="goods", around=Surroundings(0.02, 90_000.0),
)  # fmt: skip


def plain(text: str) -> str:
    return text.replace("\u00a0", " ").replace("\u202f", " ").replace("\u2068", "").replace("\u2069", "")


def why(case: Case, reader: str = "unit", language: str = "fr") -> str:
    explanation = explain(case, reader=reader)  # type: ignore[arg-type]  # a literal, given as text
    return plain(say_explanation(explanation, language=language, strict=True).why)


def told(*reasons: Reason, verify: tuple[str, ...] = ("value", "origin", "quantity")) -> list[str]:
    item = replace(ITEM, reasons=reasons, verify=verify)
    return [reason.code for reason in strongest_reasons(item)]


def history(rate: float, irregular: int = 6, *, code: str = "history_importer") -> Reason:
    figures = {"irregular": irregular, "inspected": 41, "rate": rate, "usual_rate": 0.034, "window_months": None}
    return Reason(code, figures, (), 0.5)


def test_nothing_contradicts_itself_in_two_thousand_explanations() -> None:
    rng = np.random.default_rng(16)
    found = [fault for _ in range(1000) for fault in faults_of(make_case(rng))]
    assert found == []


def test_the_property_sees_a_reason_that_contradicts_its_interval() -> None:
    from tests.support import explained_cases

    inside = replace(REFERENCE, declared=30.0)
    explanation = explain(CASE, reader="unit")
    item = explanation.items[0]
    wrong = replace(
        explanation, items=(replace(item, verify=(replace(item.verify[0], reference=inside), item.verify[1])),)
    )
    assert list(explained_cases._speaks(LOW, wrong, 1)) == [
        "a low price inside its interval",
        "reason and verification differ in what was declared",
    ]


def test_why_gives_the_probability_beside_its_average() -> None:
    assert why(CASE) == "Probabilité d’irrégularité : 12 %, six fois la moyenne."


def test_a_large_amount_says_so_only_among_the_largest_quarter() -> None:
    modest = replace(CASE, around=Surroundings(0.12, 40_000.0))
    assert why(modest).startswith("Montant en jeu dans le quart le plus élevé du jour : 50 000 MAD")
    assert why(replace(modest, around=Surroundings(0.12, 60_000.0))).startswith("Retenue par l’ordre du modèle")


def test_a_random_control_has_no_reason_and_says_so() -> None:
    explanation = explain(replace(CASE, basis="random"), reader="unit")
    assert not explanation.has_reasons
    assert explanation.items[0].reasons == ()
    assert why(replace(CASE, basis="random")) == "Tirée au sort : il n’y a rien à en déduire sur cette déclaration."


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_inspector_can_not_tell_a_random_control(language: str) -> None:
    said = [
        say_explanation(explain(replace(CASE, basis=basis), reader="inspector"), language=language)
        for basis in ("model", "random")
    ]
    assert said[0] == said[1]
    assert said[0].stakes == said[0].chance == ""
    assert said[0].items[0].reasons


def test_a_rule_gives_its_ground() -> None:
    assert why(replace(CASE, basis="mandatory", ground="Armes.")) == "Contrôle obligatoire : Armes."
    assert why(replace(CASE, is_officers=True)) == "Choisie par un agent."


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["value", "classification", "origin", "quantity", "prohibited", "documents"])
def test_a_documentary_lane_asks_for_papers(kind: str, language: str) -> None:
    case = replace(CASE, examines="documents", items=(replace(ITEM, verify=(kind,), references=()),))
    (item,) = say_explanation(explain(case, reader="inspector"), language=language, strict=True).items
    assert not [word for word in PHYSICAL[language] if word in item.verify[0]]


def test_verification_stands_beside_the_interval_and_says_what_it_is_worth() -> None:
    (item,) = say_explanation(explain(CASE, reader="unit"), language="fr", strict=True).items
    assert plain(item.verify[0]) == (
        "Valeur : relever la marque, le modèle et l’état, puis les comparer à la facture – déclaré 12,40 MAD/kg, "
        "attendu de 28,10 à 36,40 MAD/kg (214 importations comparables) – 50 000 MAD en jeu"
    )
    assert "MAD de droits" not in item.verify[1]


def test_reason_and_verification_speak_of_one_measure() -> None:
    by_unit = replace(REFERENCE, measure="value_per_unit", unit="U", declared=900.0)
    case = replace(CASE, items=(replace(ITEM, references=(by_unit, REFERENCE)),))
    reference = explain(case, reader="unit").items[0].verify[0].reference
    assert reference is not None
    assert reference.measure == "value_per_kg"


def test_an_item_without_a_reason_stands_last_and_says_so() -> None:
    silent = replace(ITEM, item_number=2, expected_revenue=9_000.0, reasons=())
    explanation = explain(replace(CASE, items=(ITEM, silent)), reader="unit")
    assert [item.item_number for item in explanation.items] == [1, 2]
    assert say_explanation(explanation, language="fr").no_reason == "Pas d’indicateur isolé à signaler."


def test_a_lift_that_is_none_is_not_told() -> None:
    assert told(history(0.040)) == []
    assert told(history(0.10)) == ["history_importer"]
    assert told(history(0.10, irregular=1)) == []  # 1 of 41 is below the usual rate, whatever the smoothed one


def test_newness_is_told_once_of_the_trader_before_the_pair() -> None:
    def new(who: str, days: int | None = 1) -> Reason:
        return Reason(f"new_{who}", {"days": days, "count": 1}, (), 0.5)

    assert told(new("importer_code"), new("exporter"), new("importer")) == ["new_importer"]
    assert told(new("importer_code", days=180)) == []  # the days stop there: it may have been seen for years


def test_a_price_is_told_once() -> None:
    by_unit = Reason("value_per_unit_low", {**LOW.figures, "unit": "U"}, (), 0.4)
    assert told(LOW, by_unit) == ["value_per_kg_low"]


def test_what_speaks_against_the_first_verification_is_not_told() -> None:
    high = Reason("value_per_unit_high", {**LOW.figures, "gap": 0.8}, (), 0.7)
    assert told(high) == []
    assert told(high, verify=("quantity", "value")) == ["value_per_unit_high"]
    paid_more = Reason("duty_rate_high", {"rate": 0.5, "usual_rate": 0.2, "count": 90}, (), 0.7)
    assert told(paid_more, verify=("classification",)) == []


def test_a_low_price_inside_its_interval_is_not_told() -> None:
    item = replace(ITEM, references=(replace(REFERENCE, low=10.0),))
    assert strongest_reasons(item) == ()


def test_no_preference_is_no_reason() -> None:
    def claim(code: str, **figures: float) -> Reason:
        return Reason("preference_claimed", {"preference": code, "origin_country": "CN", **figures}, (), 0.5)

    assert told(claim("N")) == []
    assert told(claim("UE")) == ["preference_claimed"]
    assert told(claim("UE", usual_share=0.9, count=50)) == []


def test_the_same_reason_is_told_of_one_item_only() -> None:
    two = replace(ITEM, item_number=2, reasons=(history(0.2),), expected_revenue=1.0)
    one = replace(ITEM, reasons=(history(0.2),))
    items = explain(replace(CASE, items=(one, two)), reader="unit").items
    assert [len(item.reasons) for item in items] == [1, 0]


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "moins de 1 %"), (0.0049, "moins de 1 %"), (0.005, "1 %"), (0.12, "12 %"), (0.997, "plus de 99 %")],
)
def test_a_probability_is_never_none_nor_certain(share: float, text: str) -> None:
    assert plain(say_share(share, language="fr", strict=True)) == text


@pytest.mark.parametrize(
    ("probability", "text"),
    [
        (0.02, "2 %, au-dessous de la moyenne"),
        (0.05, "5 %, proche de la moyenne"),
        (0.08, "8 %, au-dessus de la moyenne"),
        (0.10, "10 %, deux fois la moyenne"),
        (0.60, "60 %, 12 fois la moyenne"),
    ],
)
def test_a_probability_is_compared_with_its_average(probability: float, text: str) -> None:
    assert plain(say_chance(probability, 0.05, language="fr", strict=True)) == text


def habit(gap: float, *, code: str = "price_habit_exporter", count: int = 18) -> Reason:
    return Reason(code, {"gap": gap, "count": count, "low_count": 0, "window_months": None}, (), 0.6)


def test_prices_above_the_usual_ones_speak_for_the_trader_and_are_not_shown() -> None:
    assert told(habit(0.28)) == []
    assert told(habit(-0.28)) == ["price_habit_exporter"]
    # Nor where no value is verified.
    assert told(habit(-0.28), verify=("origin",)) == []


def test_a_habit_of_prices_is_shown_once() -> None:
    assert told(habit(-0.3), habit(-0.28, code="price_habit_importer_exporter")) == ["price_habit_exporter"]


def test_a_lower_usual_duty_is_shown_where_the_code_is_verified() -> None:
    figures = {"rate": 0.1, "usual_rate": 0.3, "commodity_code": "1", "window_months": 12}
    lower = Reason("usual_duty_heading", figures, (), 0.6)
    assert told(lower, verify=("classification",)) == ["usual_duty_heading"]
    assert told(lower, verify=("origin",)) == []


def test_an_expected_price_may_rest_on_few_of_its_origin() -> None:
    few = {"value": 12.4, "unit": "kg", "gap": -0.62, "count": 4}
    assert told(replace(LOW, figures={**few, "expected": 32.6, "basis": "code_origin"})) == ["value_per_kg_low"]
    assert told(replace(LOW, figures={**few, "median": 32.6})) == []


def of_unit(reason: Reason | None = None, **changes: object) -> ItemAssessment:
    """Another item of the same goods, which has its interval by unit first, and by kilogram."""
    by_unit = replace(REFERENCE, measure="value_per_unit", unit="U", declared=90.0, low=200.0, median=220.0, high=240.0)
    references = (by_unit, replace(REFERENCE, declared=20.0))
    item = replace(ITEM, item_number=2, expected_revenue=100.0, references=references)
    return replace(item, reasons=() if reason is None else (reason,), **changes)  # type: ignore[arg-type]  # fields


def intervals_of(*items: ItemAssessment) -> list[Reference | None]:
    explanation = explain(replace(CASE, items=items), reader="unit")
    return [item.verify[0].reference for item in explanation.items]


def measures_beside(*items: ItemAssessment) -> list[str | None]:
    return [None if one is None else one.measure for one in intervals_of(*items)]


def test_the_same_goods_stand_beside_intervals_of_one_measure() -> None:
    assert measures_beside(ITEM, of_unit()) == ["value_per_kg", "value_per_kg"]
    other = replace(of_unit(), references=tuple(replace(r, commodity_code="0802") for r in of_unit().references))
    assert measures_beside(ITEM, other) == ["value_per_kg", "value_per_unit"]


def test_a_price_of_the_same_goods_is_a_reason_in_the_same_measure() -> None:
    code = {"commodity_code": "851713"}
    first = replace(ITEM, reasons=(replace(LOW, figures={**LOW.figures, **code}),))
    by_unit = Reason(
        "value_per_unit_low", {**LOW.figures, **code, "value": 90.0, "unit": "U", "median": 220.0}, (), 0.9
    )
    by_mass = replace(LOW, figures={**LOW.figures, **code, "value": 20.0}, contribution=0.1)
    both = replace(of_unit(), reasons=(by_unit, by_mass))
    explanation = explain(replace(CASE, items=(first, both)), reader="unit")
    assert [item.reasons[0].code for item in explanation.items] == ["value_per_kg_low", "value_per_kg_low"]
    assert measures_beside(first, both) == ["value_per_kg", "value_per_kg"]
    # A reason that is known in the other measure alone is shown, and no second interval beside it.
    assert measures_beside(first, replace(of_unit(), reasons=(by_unit,))) == ["value_per_kg", None]


def test_the_same_goods_stand_beside_one_interval() -> None:
    other = replace(ITEM, item_number=2, references=(replace(REFERENCE, declared=20.0, low=25.0, high=30.0),))
    assert intervals_of(ITEM, other) == [REFERENCE, None]
    abroad = replace(other, references=(replace(other.references[0], origin_country="VN"),))
    assert intervals_of(ITEM, abroad) == [REFERENCE, abroad.references[0]]


def codes_of(*items: ItemAssessment) -> list[list[str]]:
    explanation = explain(replace(CASE, items=items), reader="unit")
    return [[reason.code for reason in item.reasons] for item in explanation.items]


def test_one_usual_price_of_the_same_goods_is_shown() -> None:
    figures = {**LOW.figures, "commodity_code": "851713"}
    expected = replace(LOW, figures={**figures, "median": None, "expected": 75.3, "basis": "code"})
    among = replace(LOW, figures={**figures, "value": 20.0, "median": 180.0})
    first, second = replace(ITEM, reasons=(expected,)), replace(of_unit(), reasons=(among,))
    assert codes_of(first, second) == [["value_per_kg_low"], []]
    alike = replace(second, reasons=(replace(expected, figures={**expected.figures, "value": 20.0}),))
    assert codes_of(first, alike) == [["value_per_kg_low"], ["value_per_kg_low"]]


def test_a_trader_is_new_once_and_not_again_in_its_pairs() -> None:
    new, pair, other = (
        Reason(f"new_{who}", {"days": 1, "count": 1}, (), 0.5)
        for who in ("importer", "importer_exporter", "exporter_code")
    )
    assert codes_of(replace(ITEM, reasons=(new,)), replace(of_unit(), reasons=(pair,))) == [["new_importer"], []]
    assert codes_of(replace(ITEM, reasons=(new,)), replace(of_unit(), reasons=(other,)))[1] == ["new_exporter_code"]


def test_the_same_sentence_is_not_said_twice() -> None:
    first, second = (
        Reason("duty_rate_low", {"rate": rate, "usual_rate": 0.68, "count": 86}, (), 0.5) for rate in (0.201, 0.199)
    )
    verify = ("classification",)
    items = replace(ITEM, reasons=(first,), verify=verify), replace(of_unit(), reasons=(second,), verify=verify)
    assert codes_of(*items) == [["duty_rate_low"], []]
    unusual = Reason("code_unusual_for_importer", {"seen": 0, "count": 310, "commodity_code": "851713"}, (), 0.5)
    never = Reason("new_importer_code", {"days": None, "count": 0}, (), 0.4)
    assert codes_of(replace(ITEM, reasons=(unusual, never))) == [["code_unusual_for_importer"]]
