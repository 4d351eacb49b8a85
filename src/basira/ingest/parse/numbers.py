"""Numbers written by people and by spreadsheets.

Enters: trimmed text, and how it is written. Leaves: floats, integers, rates, and faults. Never here: a
guess between a decimal and a thousands mark.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import cast

import polars as pl

from basira.ingest.rows.faults import Fault
from basira.schema.codes import currency_codes
from basira.schema.fields import Field

# Of files alone: who sends a message has no mapping.
PERCENT_HINT = "; in percent? say percent = true"
_SPACES = "[ \u00a0\u2000-\u200a\u202f\u205f\u3000]"
# Of a column whose every cell names its own currency.
EACH = "each"
# A dirham is Morocco's where a mark may mean several.
HOME = "MAD"
_APOSTROPHES = "['\u2019]"

# What is written before or behind an amount for a currency, beside its code of ISO 4217, in small letters.
_MARKS: dict[str, tuple[str, ...]] = {
    "$": ("USD", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN", "CLP", "COP", "ARS"),
    "us$": ("USD",),
    "€": ("EUR",),
    "euro": ("EUR",),
    "euros": ("EUR",),
    "£": ("GBP", "EGP", "LBP"),
    "¥": ("JPY", "CNY"),
    "₹": ("INR",),
    "rs": ("INR", "PKR", "LKR", "NPR"),
    "rs.": ("INR", "PKR", "LKR", "NPR"),
    "r$": ("BRL",),
    "dh": ("MAD", "AED"),
    "dhs": ("MAD", "AED"),
    "د.م.": ("MAD",),
    "درهم": ("MAD", "AED"),
    "₺": ("TRY",),
    "tl": ("TRY",),
    "₩": ("KRW",),
    "₽": ("RUB",),
    "₦": ("NGN",),
    "cfa": ("XOF", "XAF"),
    "fcfa": ("XOF", "XAF"),
    "zł": ("PLN",),
    "kr": ("SEK", "NOK", "DKK", "ISK"),
}


@cache
def currency_marks() -> dict[str, frozenset[str]]:
    """Each way to write a currency beside an amount, in small letters, to the codes that it may mean.

    >>> sorted(currency_marks()["€"]), sorted(currency_marks()["usd"]), sorted(currency_marks()["¥"])
    (['EUR'], ['USD'], ['CNY', 'JPY'])
    """
    return {code.lower(): frozenset({code}) for code in currency_codes()} | {
        mark: frozenset(codes) for mark, codes in _MARKS.items()
    }


@dataclass(frozen=True)
class NumberStyle:
    """``thousands`` empty: spaces between groups of three are understood, points and commas are not.

    ``currency``: the code of ISO 4217 whose marks may be beside a number, `EACH`: those of any; "" allows none.
    Always understood, because they can't be read otherwise: a sign behind, and parentheses for a number below zero.
    """

    decimal: str = "."
    thousands: str = ""
    percent: bool = False
    scale: float = 1.0
    currency: str = ""

    def pattern(self) -> str:
        """A regular expression of one number in this style, without sign for percent."""
        whole = rf"[0-9]+|[0-9]{{1,3}}(?:{self.group}[0-9]{{3}})+"
        if self.thousands == ",":
            # Lakhs and crores: 12,34,567.
            whole += r"|[0-9]{1,2}(?:,[0-9]{2})+,[0-9]{3}"
        return rf"^[+-]?(?:{whole})?(?:{re.escape(self.decimal)}[0-9]*)?(?:[eE][+-]?[0-9]+)?$"

    @property
    def group(self) -> str:
        """A regular expression of what is between thousands."""
        if self.thousands == "'":
            return _APOSTROPHES
        return _SPACES if self.thousands in {"", " "} else re.escape(self.thousands)


def strip_currency(raw: pl.Series, marks: Iterable[str]) -> pl.Series:
    """Numbers without the marks of a currency before or behind them, and without the spaces between."""
    listed = "|".join(re.escape(mark) for mark in sorted(marks, key=lambda mark: (-len(mark), mark)))
    front = raw.str.replace(rf"(?i)^([(+-]?){_SPACES}*(?:{listed}){_SPACES}*", "$1")
    return front.str.replace(rf"(?i){_SPACES}*(?:{listed}){_SPACES}*([)+-]?)$", "$1")


def cell_currencies(raw: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The currency that each amount names before or behind itself, null where it names none; and a mask of those that
    name one by a mark of several, or two.

    >>> cell_currencies(pl.Series(["USD 1,000.00", "500 €", "300 dh", "20"]))[0].to_list()
    ['USD', 'EUR', 'MAD', None]
    >>> cell_currencies(pl.Series(["$5", "USD 5 €"]))[1].to_list()
    [True, True]
    """
    small = raw.str.to_lowercase()
    front = small.str.extract(rf"^[(+-]?{_SPACES}*([^0-9\s(+,-][^0-9\s(+-]*?){_SPACES}*[(+-]?[0-9.,]", 1)
    behind = small.str.extract(rf"[0-9.,]{_SPACES}*([^0-9\s)+.,-][^0-9\s)+-]*?){_SPACES}*[)+-]?$", 1)
    meanings = {
        mark: HOME if HOME in codes else next(iter(codes)) if len(codes) == 1 else ""
        for mark, codes in currency_marks().items()
    }
    one, other = (side.replace_strict(meanings, default=None, return_dtype=pl.String) for side in (front, behind))
    named = one.fill_null(other)
    unclear = ((named == "") | (one != other).fill_null(False)).fill_null(False)
    return named.set(unclear, None), unclear


def plain_sign(raw: pl.Series) -> pl.Series:
    """Numbers with their sign in front, as "(12.50)" and "12.50-" are written too."""
    if not raw.str.contains(r"[)+-]$").any():
        return raw
    front = raw.str.replace(rf"^\({_SPACES}*([0-9.,'\u2019][^()+-]*?){_SPACES}*\)$", "-$1")
    return front.str.replace(rf"^([0-9.,][^()+-]*?){_SPACES}*([+-])$", "$2$1")


def parse_floats(raw: pl.Series, style: NumberStyle) -> tuple[pl.Series, pl.Series]:
    """Floats, and a mask of the texts that are not numbers. Nulls stay null and are no fault."""
    if style.decimal == "." and not style.thousands:
        direct = raw.cast(pl.Float64, strict=False)
        if direct.null_count() == raw.null_count():
            return direct, pl.Series([False]).new_from_index(0, len(raw))
    else:
        direct = pl.Series([None], dtype=pl.Float64).new_from_index(0, len(raw))
    text = raw
    if style.currency:
        marks = [mark for mark, codes in currency_marks().items() if style.currency in (EACH, *codes)]
        text = strip_currency(raw, marks)
    text = plain_sign(text)
    fits = text.str.contains(style.pattern())
    plain = text.str.replace_all(style.group, "").str.replace(style.decimal, ".", literal=True)
    careful = plain.cast(pl.Float64, strict=False).set(~fits.fill_null(False), None)
    values = direct.fill_null(careful)
    return values, raw.is_not_null() & values.is_null()


def parse_number(field: Field, raw: pl.Series, style: NumberStyle) -> tuple[pl.Series, list[Fault]]:
    """Values of an amount, measure, rate or integer field, in the schema's unit and range.

    A text ending in % is a percentage, whatever the mapping says. The range is checked after scaling.
    """
    text, percent = raw, None
    if field.type == "rate":
        percent = raw.str.ends_with("%").fill_null(False)
        if percent.any():
            text = raw.str.strip_suffix("%").str.strip_chars()
    found, bad = parse_floats(text, style)
    values = found if style.scale == 1.0 else found * style.scale
    if field.type == "rate" and percent is not None:
        if style.percent:
            values = _hundredth(values)
        elif percent.any():
            values = _hundredth(values).zip_with(percent, values)
    values, faults = _without_lost_figures(field, raw, values)
    if bad.any():
        unclear = _fit_other_marks(raw, bad, style)
        if unclear.any():
            values = values.set(unclear, None)
            expected = f"{_style_text(field, style)}, as the column's other numbers are not; this one may be thousands"
            faults.append(Fault(field.name, "bad_number", expected, unclear, raw))
    if bad.any() or not _are_inside(field, values):
        faults += [
            Fault(field.name, "bad_number", _style_text(field, style), bad, raw),
            Fault(field.name, "not_finite", "a finite number", ~found.is_finite().fill_null(True), raw),
        ]
        negative = (values < 0).fill_null(False)
        if field.lowest is not None and field.lowest >= 0:
            faults.append(Fault(field.name, "negative", "zero or more", negative, raw))
        faults.append(Fault(field.name, "out_of_range", _range_text(field), _outside(field, values) & ~negative, raw))
    if field.type == "integer":
        fractional = ((values != values.round(0)) & values.is_finite()).fill_null(False)
        faults.append(Fault(field.name, "bad_integer", "a whole number", fractional, raw))
        inside = values.is_finite() & (values.abs() < 2**31)
        values = values.set(~inside.fill_null(True), None).cast(pl.Int32, strict=False)
    return values, [fault for fault in faults if fault.mask.any()]


def _without_lost_figures(field: Field, raw: pl.Series, values: pl.Series) -> tuple[pl.Series, list[Fault]]:
    """Numbers without those that a spreadsheet shortened: 2,08E+04 is any from 20750 to 20850. Programs that keep all
    figures write a small e."""
    if not raw.str.contains("E+", literal=True).any():
        return values, []
    parts = raw.str.extract_groups(r"^[+-]?([0-9]+(?:[.,][0-9]+)?)E\+([0-9]{1,3})$").struct
    figures, exponent = (parts.field(name) for name in parts.fields)
    figures = figures.str.replace_all(r"[.,]|^0+", "").str.len_bytes()
    is_lost = (figures <= exponent.cast(pl.Int32)).fill_null(False)
    if not is_lost.any():
        return values, []
    expected = "a number with all its figures, not in scientific notation"
    return values.set(is_lost, None), [Fault(field.name, "scientific_notation", expected, is_lost, raw)]


def _fit_other_marks(raw: pl.Series, bad: pl.Series, style: NumberStyle) -> pl.Series:
    """Which numbers fit the file's other way of writing as well, where more cells prove that one than this.

    A mapping made for 1.234,50 reads 1,234 as a number below two. Beside cells such as 1,234.50, which it can't read,
    that is a thousand.
    """
    point, comma = (re.escape(mark) for mark in (style.decimal, "," if style.decimal == "." else "."))
    other = bad & raw.str.contains(rf"^[+-]?[0-9]{{1,3}}(?:[{point}\s']?[0-9]{{3}})*{comma}[0-9]+$").fill_null(False)
    marks = f"[{point}{comma}]" if style.thousands in {".", ","} else point
    unclear = ~bad & raw.str.contains(rf"^[+-]?[0-9]{{1,3}}{marks}[0-9]{{3}}$").fill_null(False)
    proving = ~bad & raw.str.contains(rf"{point}(?:[0-9]{{1,2}}|[0-9]{{4,}})$").fill_null(False)
    is_other = other.sum() >= max(2, proving.sum() + 1, unclear.sum() / 10)
    return unclear if is_other else pl.Series([False]).new_from_index(0, len(raw))


def _hundredth(values: pl.Series) -> pl.Series:
    """Divided by 100. By a column of hundreds: Polars turns a division by a scalar into times 0.01, which is
    off by one bit (17.5 becomes 0.17500000000000002)."""
    return values / pl.Series([100.0]).new_from_index(0, len(values))


def _are_inside(field: Field, values: pl.Series) -> bool:
    """Whether all values are finite and in the field's range. Three figures of the column say so: of a small file each
    mask costs more than they do."""
    low, high = cast(float | None, values.min()), cast(float | None, values.max())
    if low is None or high is None:
        return not values.is_nan().any()
    return (
        math.isfinite(values.sum())  # neither of them tells of values that are not numbers
        and (field.lowest is None or low >= field.lowest)
        and (field.highest is None or high <= field.highest)
    )


def _outside(field: Field, values: pl.Series) -> pl.Series:
    low = float("-inf") if field.lowest is None else field.lowest
    high = float("inf") if field.highest is None else field.highest
    return ((values < low) | (values > high)).fill_null(False) & values.is_finite().fill_null(False)


def _style_text(field: Field, style: NumberStyle) -> str:
    kind = "a whole number" if field.type == "integer" else "a number"
    grouping = f", {style.thousands!r} between thousands" if style.thousands else ""
    currency = f", in {style.currency}" if style.currency not in ("", EACH) else ""
    return f"{kind} with {style.decimal!r} before the decimals{grouping}{currency}"


def _range_text(field: Field) -> str:
    low = "" if field.lowest is None else f"{field.lowest:,g}"
    high = "" if field.highest is None else f"{field.highest:,.0f}"
    if field.type == "rate":
        return f"a share from {low} to {high} (0.2 is 20 %){PERCENT_HINT}"
    return f"a value from {low} to {high}{', in ' + field.unit if field.unit else ''}"
