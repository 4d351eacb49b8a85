"""Numbers, money, shares, dates and masses as each language writes them.

Enters: a figure and a language. Leaves: text; a dash where the figure is not known. Never here: rounding
that changes a decision: this is for eyes only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache

from basira.render.languages import locale_of

UNKNOWN = "–"
_NBSP = "\u00a0"  # between a number and its unit: never broken over two lines


def format_number(value: float | None, *, language: str, digits: int | None = None) -> str:
    """A number with grouped thousands.

    ``digits``: decimals; None chooses them by size: none from 1,000, two from 1, three significant below.

    >>> format_number(12.4, language="fr"), format_number(1234567.8, language="en"), format_number(None, language="fr")
    ('12,40', '1,234,568', '–')
    """
    if value is None or not math.isfinite(value):
        return UNKNOWN
    places = _places(value) if digits is None else digits
    if value > 0:
        # As babel writes it, a tenfold faster: a test holds the two together. Signs of minus differ by language.
        return format(Decimal(str(value)), f",.{places}f").translate(_marks(language))
    from babel.numbers import format_decimal

    return format_decimal(value, format="#,##0" + ("." + "0" * places if places else ""), locale=locale_of(language))


@cache
def _marks(language: str) -> Mapping[int, str]:
    """The marks between thousands and before decimals, for those that Python writes."""
    from babel.numbers import get_decimal_symbol, get_group_symbol

    locale = locale_of(language)
    return {ord(","): get_group_symbol(locale), ord("."): get_decimal_symbol(locale)}


def format_count(value: float | None, *, language: str) -> str:
    """A count: no decimals.

    >>> format_count(1295, language="en")
    '1,295'
    """
    return format_number(value, language=language, digits=0)


def format_money(amount: float | None, currency: str, *, language: str, digits: int | None = None) -> str:
    """An amount and its ISO 4217 code, as customs papers write it.

    >>> format_money(1250000, "MAD", language="en")
    '1,250,000\\xa0MAD'
    """
    text = format_number(amount, language=language, digits=digits)
    return text if text == UNKNOWN else f"{text}{_NBSP}{currency}"


def format_rate(rate: float, *, language: str) -> str:
    """An exchange rate with all of its figures.

    >>> format_rate(9.8735, language="en"), format_rate(0.00041, language="fr")
    ('9.8735', '0,00041')
    """
    from babel.numbers import format_decimal

    return format_decimal(rate, format="#,##0.###############", locale=locale_of(language))


def format_unit_value(value: float | None, currency: str, unit: str, *, language: str) -> str:
    """Money per unit.

    >>> format_unit_value(12.4, "MAD", "kg", language="fr")
    '12,40\\xa0MAD/kg'
    """
    text = format_money(value, currency, language=language)
    return text if text == UNKNOWN else f"{text}/{unit}"


def format_quantity(value: float | None, unit: str | None, *, language: str) -> str:
    """A measure and its unit.

    >>> format_quantity(11352, "kg", language="en")
    '11,352\\xa0kg'
    """
    text = format_number(value, language=language, digits=None if value is None or value % 1 else 0)
    return text if text == UNKNOWN or not unit else f"{text}{_NBSP}{unit}"


def format_percent(share: float | None, *, language: str, digits: int = 0) -> str:
    """A share (0 to 1) in percent.

    >>> format_percent(0.62, language="fr"), format_percent(0.025, language="en", digits=1)
    ('62\\xa0%', '2.5%')
    """
    if share is None or not math.isfinite(share):
        return UNKNOWN
    from babel.numbers import format_percent as babel_percent

    locale = locale_of(language)
    pattern = locale.percent_formats[None].pattern
    return babel_percent(share, format=_with_decimals(pattern, digits) if digits else pattern, locale=locale)


def format_date(day: date | datetime | str | None, *, language: str) -> str:
    """A day in the language's medium form; ISO text is read; text that is no date is returned as it is.

    >>> format_date("2021-01-04", language="en")
    'Jan 4, 2021'
    """
    if day is None:
        return UNKNOWN
    if isinstance(day, str):
        try:
            day = datetime.fromisoformat(day)
        except ValueError:
            return str(day)
    from babel.dates import format_date as babel_date

    on = day.date() if isinstance(day, datetime) else day
    # Marks of direction between the digits are not needed there, and a page shows invisible signs as their codes.
    return babel_date(on, format="medium", locale=locale_of(language)).replace("\u200f", "")


def format_month(month: str, *, language: str) -> str:
    """A month, YYYY-MM, by its name.

    >>> format_month("2026-11", language="en")
    'Nov 2026'
    """
    from babel.dates import format_date as in_words

    return str(in_words(date.fromisoformat(f"{month}-01"), "MMM yyyy", locale=locale_of(language)))


def country_name(code: str | None, *, language: str) -> str:
    """The country's name, or the code itself when CLDR has no name for it.

    >>> country_name("CN", language="fr"), country_name(None, language="fr")
    ('Chine', '–')
    """
    if not code:
        return UNKNOWN
    return str(locale_of(language).territories.get(code, code))


def _places(value: float) -> int:
    size = abs(value)
    if size >= 1000 or size == 0:
        return 0
    return 2 if size >= 1 else min(8, 2 - math.floor(math.log10(size)))


def _with_decimals(pattern: str, digits: int) -> str:
    """The locale's percent pattern with ``digits`` decimals after its last integer digit."""
    place = pattern.rindex("0") + 1
    return pattern[:place] + "." + "0" * digits + pattern[place:]
