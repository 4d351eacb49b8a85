"""Numbers as each language writes them, and the unknown."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import pytest
from babel.numbers import format_decimal

from basira.render import numbers
from basira.render.languages import LANGUAGES, direction, isolate, locale_of


@pytest.mark.parametrize(
    ("value", "language", "text"),
    [
        (12.4, "fr", "12,40"),
        (12.4, "en", "12.40"),
        (1234567.0, "fr", "1\u202f234\u202f567"),
        (0.0123456, "en", "0.0123"),
        (1234567.0, "ar", "1.234.567"),
        (0.0, "fr", "0"),
        (-3.5, "en", "-3.50"),
    ],
)
def test_number(value: float, language: str, text: str) -> None:
    assert numbers.format_number(value, language=language) == text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_number_is_written_as_the_library_of_locales_writes_it(language: str) -> None:
    rng = np.random.default_rng(5)
    drawn = [float(x) for x in np.concatenate([rng.lognormal(4, 9, 600), rng.integers(0, 10**7, 300) / 8])]
    for value in [*drawn, 0.5, 1.5, 2.5, 999.995, 1e22, 1e-7, 5e-324, 12345678901234567890]:
        for digits in (0, 1, 2, 4):
            pattern = "#,##0" + ("." + "0" * digits if digits else "")
            said = format_decimal(value, format=pattern, locale=locale_of(language))
            assert numbers.format_number(value, language=language, digits=digits) == said


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_unknown_is_a_dash_everywhere(value: float | None) -> None:
    assert numbers.format_number(value, language="fr") == numbers.UNKNOWN
    assert numbers.format_money(value, "MAD", language="fr") == numbers.UNKNOWN
    assert numbers.format_percent(value, language="fr") == numbers.UNKNOWN
    assert numbers.format_quantity(value, "kg", language="fr") == numbers.UNKNOWN


@pytest.mark.parametrize(("language", "text"), [("fr", "62\u00a0%"), ("en", "62%"), ("ar", "62%")])
def test_percent(language: str, text: str) -> None:
    assert numbers.format_percent(0.62, language=language).replace("\u200e", "") == text


def test_percent_with_decimals() -> None:
    assert numbers.format_percent(0.12345, language="fr", digits=2) == "12,34\u00a0%"


def test_money_keeps_number_and_currency_on_one_line() -> None:
    assert numbers.format_money(12.4, "MAD", language="fr") == "12,40\u00a0MAD"
    assert numbers.format_unit_value(12.4, "MAD", "kg", language="fr") == "12,40\u00a0MAD/kg"


def test_whole_quantities_have_no_decimals() -> None:
    assert numbers.format_quantity(108.0, "kg", language="en") == "108\u00a0kg"
    assert numbers.format_quantity(0.5, None, language="en") == "0.500"


def test_dates() -> None:
    assert numbers.format_date(date(2021, 1, 4), language="fr") == "4 janv. 2021"
    assert numbers.format_date("2021-01-04T10:00:00", language="en") == "Jan 4, 2021"
    assert numbers.format_date("next week", language="en") == "next week"
    assert numbers.format_date(None, language="en") == numbers.UNKNOWN


def test_country_names() -> None:
    assert [numbers.country_name("CN", language=x) for x in ("fr", "en", "ar")] == ["Chine", "China", "الصين"]
    assert numbers.country_name("Q9", language="fr") == "Q9"


def test_only_arabic_reads_from_the_right_and_isolates() -> None:
    assert [direction(x) for x in ("fr", "en", "ar")] == ["ltr", "ltr", "rtl"]
    assert isolate("8517", "ar") == "\u20688517\u2069"
    assert isolate("8517", "fr") == "8517"
