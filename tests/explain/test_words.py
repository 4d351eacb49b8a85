"""Reasons in words: every code in every language, with its figure and its comparison, without a verdict."""

from __future__ import annotations

import pytest

from basira.explain.words import (
    REASON_CODES,
    VERIFY_KINDS,
    catalog_of,
    field_word,
    say,
    say_basis,
    say_reference,
    say_verify,
)
from basira.render.languages import LANGUAGES
from basira.schema.errors import NotFoundError, UsageError
from basira.schema.fields import DECLARATION_FIELDS, ITEM_FIELDS
from basira.schema.records import Figure, Reason, Reference

COMPARED: dict[str, Figure] = {
    "value": 12.4,
    "unit": "kg",
    "median": 32.6,
    "gap": -0.62,
    "count": 214,
    "commodity_code": "851713",
    "origin_country": "CN",
    "window_months": 12,
}
HISTORY: dict[str, Figure] = {
    "irregular": 6,
    "inspected": 41,
    "rate": 0.123,
    "usual_rate": 0.041,
    "window_months": None,
    "commodity_code": "851713",
}
# The figures that each reason carries, by the beginning of its code.
FIGURES: dict[str, dict[str, Figure]] = {
    "value_per_": COMPARED,
    "kg_per_unit_": {**COMPARED, "unit": "U"},
    "duty_rate_": {"rate": 0.025, "usual_rate": 0.4, "count": 33, "commodity_code": "851713", "window_months": 12},
    "origin_differs": {"origin_country": "CN", "dispatch_country": "AE"},
    "price_habit_": {"gap": -0.22, "count": 34, "low_count": 12, "window_months": None},
    "usual_duty_": {"rate": 0.025, "usual_rate": 0.175, "commodity_code": "851713", "window_months": 12},
    "code_unusual": {"seen": 1, "count": 214, "commodity_code": "851713", "window_months": None},
    "description_unusual": {"seen": 12, "count": 412, "commodity_code": "851713", "window_months": None},
    "origin_unusual": {
        "origin_country": "CN", "commodity_code": "851713", "seen": 3, "count": 812, "window_months": 12,
    },
    "preference": {"preference": "FCN1", "origin_country": "CN"},
    "history_": HISTORY,
    "new_": {"days": 3, "count": 2},
    "repeat": {"repeats": 5, "inspected": 4, "irregular": 4, "commodity_code": "851713", "net_mass_kg": 108.0},
    "volume": {"count_30d": 42, "usual_30d": 6.5},
    "round": {"value": 100000.0},
    "below": {"value": 995.0, "threshold": 1000.0},
    "mass_ratio": {"ratio": 0.42},
    "tax": {"declared": 1000.0, "expected": 2500.0},
    "small_": {"value_amount": 120.0, "median": 5400.0, "count": 99, "commodity_code": "851713"},
    "large_": {"value_amount": 120000.0, "median": 5400.0, "count": 99, "commodity_code": "851713"},
    "high_duty_": {"rate": 0.4, "usual_rate": 0.175, "commodity_code": "851713", "window_months": 12},
    "low_duty_": {"rate": 0.025, "usual_rate": 0.175, "commodity_code": "851713", "window_months": 12},
    "activity_": {"count_365d": 24, "count_30d": 9, "usual_30d": 2.0, "days": 4},
    "never_inspected_": {"count": 64, "window_months": None},
    "usual_price_low": {
        "value": 12.4, "unit": "kg", "expected": 32.6, "gap": -0.62, "count": 9, "commodity_code": "8517",
        "window_months": 12,
    },
    "invoice_differs": {"value": 1000.0, "invoiced": 1250.0},
    "declared_profile": {"field": "transport_mode", "value": "40"},
    "other_profile": {"feature": "importer_gap_days", "value": 3.25},
}  # fmt: skip
# Words that would claim a cause, an intention or a fault.
VERDICTS = {
    "fr": ("fraud", "coupable", "faute", "parce que", "à cause"),
    "en": ("fraud", "guilty", "because", "caused by", "suspect"),
    "ar": ("احتيال", "غش", "بسبب", "مذنب"),
}
REFERENCE = Reference(
    "value_per_kg", "kg", 12.4, 28.1, 32.6, 36.4, 214, "code_origin", "851713", "CN", 365, ("A1/1", "B2/3")
)


def figures_of(code: str) -> dict[str, Figure]:
    return next(f for beginning, f in FIGURES.items() if code.startswith(beginning))


def plain(text: str) -> str:
    return text.replace("\u00a0", " ").replace("\u202f", " ").replace("\u2068", "").replace("\u2069", "")


def said(code: str, language: str = "fr", *, contribution: float = 0.5, **changes: Figure) -> str:
    figures = {**figures_of(code), **changes}
    return plain(say(Reason(code, figures, (), contribution), language=language, currency="MAD", strict=True))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", REASON_CODES)
def test_every_reason_has_a_sentence_with_a_figure_and_no_verdict(code: str, language: str) -> None:
    sentence = said(code, language)
    assert "{" not in sentence
    assert code not in sentence
    assert "–" not in sentence.split(" – ")[0]  # no unknown among figures that were all given
    names_countries = code == "origin_differs_from_dispatch"
    assert names_countries or any(c.isdigit() for c in sentence)
    assert not [w for w in VERDICTS[language] if w in sentence.lower()]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", REASON_CODES)
def test_absent_figures_show_as_a_dash_and_never_raise(code: str, language: str) -> None:
    assert say(Reason(code, {}, (), 0.5), language=language, currency="MAD")


def test_unit_value_in_the_words_of_the_specification() -> None:
    assert said("value_per_kg_low") == (
        "Valeur unitaire 12,40 MAD/kg, 62 % sous la médiane de 214 importations comparables "
        "(SH 8517.13, Chine, 12 mois)"
    )


def test_unit_value_in_english() -> None:
    assert said("value_per_unit_high", "en", unit="U", gap=0.45, count=1, origin_country=None) == (
        "Unit value 12.40 MAD/U, 45% above the median of 1 comparable import (HS 8517.13, 12 months)"
    )


def test_unit_value_in_arabic_isolates_its_codes() -> None:
    reason = Reason("value_per_kg_low", COMPARED, (), 0.5)
    sentence = say(reason, language="ar", currency="MAD", strict=True)
    assert "\u206812,40\u00a0MAD/kg\u2069" in sentence
    assert "الصين" in sentence


def test_far_above_the_median_is_written_in_times() -> None:
    assert ", 38 fois la médiane de" in said("value_per_kg_high", gap=37.0)


def test_no_gap_is_level() -> None:
    assert "au niveau de la médiane" in said("value_per_kg_high", gap=0.001)


def test_gap_is_worked_out_where_the_reason_gives_none() -> None:
    assert "98 % sous la médiane (5 400 MAD)" in said("small_consignment")


def test_whole_history_and_months() -> None:
    assert "(SH 8517.13)" in said("history_importer")
    assert "(SH 8517.13, 12 mois)" in said("history_importer", window_months=12)


def test_history_gives_counts_before_rates() -> None:
    assert said("history_importer").startswith("Cet importateur : 6 irrégularités constatées sur 41 contrôles")


def test_history_without_inspection_says_so() -> None:
    assert "aucun contrôle antérieur connu" in said("history_importer", inspected=0, irregular=0)


def test_never_seen_and_seen_lately() -> None:
    assert said("new_importer", days=None, count=0) == "Cet importateur : aucune déclaration antérieure connue"
    assert said("new_importer").endswith("première déclaration il y a 3 jours, 2 articles antérieurs")


def test_profile_says_the_way_it_moved_the_model() -> None:
    assert "plus souvent associé" in said("declared_profile")
    assert "moins souvent associé" in said("declared_profile", contribution=-0.5)


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("origin_country", "CN", "Pays d’origine : Chine"),
        ("commodity_code", "851713", "Code SH : 8517.13"),
        ("duty_rate", 0.08, "Taux de droit d’importation : 8,0 %"),
        ("is_oea", 1, "Opérateur économique agréé : oui"),
        ("customs_value_amount", 1200.0, "Valeur en douane : 1 200 MAD"),
        ("x_import_use", "21", "import use : 21"),
        ("package_count", 3.0, "Nombre de colis : 3"),
        ("preference", None, "Préférence demandée : –"),
    ],
)
def test_declared_value_is_written_as_its_field_is(field: str, value: Figure, text: str) -> None:
    assert said("declared_profile", field=field, value=value).startswith(text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_declared_field_has_a_word(language: str) -> None:
    for field in DECLARATION_FIELDS + ITEM_FIELDS:
        assert field_word(field.name, language=language, strict=True) != f"field.{field.name}"


def test_unknown_code_says_itself_to_an_officer_and_raises_in_a_test() -> None:
    reason = Reason("nothing_known", {}, (), 0.0)
    assert say(reason, language="fr", currency="MAD") == "nothing_known"
    with pytest.raises(NotFoundError, match="nothing_known"):
        say(reason, language="fr", currency="MAD", strict=True)


def test_unknown_language_is_rejected() -> None:
    with pytest.raises(UsageError, match="'es'"):
        say(Reason("round_value", {"value": 1.0}, (), 0.0), language="es", currency="MAD")


def test_verify_the_value_with_its_interval() -> None:
    assert plain(say_verify("value", language="fr", currency="MAD", reference=REFERENCE, strict=True)) == (
        "Vérifier la valeur : 214 importations comparables entre 28,10 et 36,40 MAD/kg "
        "(médiane 32,60, SH 8517.13, Chine, 12 mois)"
    )


def test_reference_of_another_measure_is_left_aside() -> None:
    assert say_verify("quantity", language="en", currency="MAD", reference=REFERENCE) == (
        "Verify the quantity: count and weigh"
    )


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", VERIFY_KINDS)
def test_every_kind_has_something_to_verify(kind: str, language: str) -> None:
    assert say_verify(kind, language=language, currency="MAD", strict=True)


def test_reference_line_gives_declared_beside_comparables() -> None:
    line = plain(say_reference(REFERENCE, language="en", currency="MAD", strict=True))
    assert line == (
        "Value per kg: declared 12.40 MAD/kg; comparables 28.10 – 36.40, median 32.60 "
        "(214 comparable imports, HS 8517.13, China, 12 months)"
    )


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("basis", ["mandatory", "random", "model", "fallback", "exempt", "none"])
def test_every_ground_has_a_word_and_a_sentence(basis: str, language: str) -> None:
    assert say_basis(basis, language=language, strict=True)
    assert say_basis(basis, language=language, detailed=True, strict=True).endswith(".")


def test_measures_of_references_have_words() -> None:
    for measure in ("value_per_kg", "value_per_unit", "kg_per_unit"):
        assert catalog_of("ar", strict=True).say(f"measure.{measure}")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_mandatory_control_says_why_the_list_asks_for_it(language: str) -> None:
    assert say_basis("mandatory", language=language, ground="GROUND.", strict=True).endswith(" – GROUND")
    assert say_basis("mandatory", language=language, detailed=True, ground="GROUND.", strict=True).endswith(" GROUND.")
    assert "GROUND" not in say_basis("model", language=language, ground="GROUND", strict=True)
