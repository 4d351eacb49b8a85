"""Numbers written by people and by spreadsheets.

Enters: trimmed text, and how it is written. Leaves: floats, integers, rates, and faults. Never here: a
guess between a decimal and a thousands mark.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

from basira.ingest.rows.faults import Fault
from basira.schema.fields import Field

# Of files alone: who sends a message has no mapping.
PERCENT_HINT = "; in percent? say percent = true"
_SPACES = "[ \u00a0\u202f\u2009]"


@dataclass(frozen=True)
class NumberStyle:
    """``thousands`` empty: spaces between groups of three are understood, points and commas are not."""

    decimal: str = "."
    thousands: str = ""
    percent: bool = False
    scale: float = 1.0

    def pattern(self) -> str:
        """A regular expression of one number in this style, without sign for percent."""
        group = re.escape(self.thousands) if self.thousands not in {"", " "} else _SPACES
        whole = rf"[0-9]+|[0-9]{{1,3}}(?:{group}[0-9]{{3}})+"
        return rf"^[+-]?(?:{whole})?(?:{re.escape(self.decimal)}[0-9]*)?(?:[eE][+-]?[0-9]+)?$"


def parse_floats(raw: pl.Series, style: NumberStyle) -> tuple[pl.Series, pl.Series]:
    """Floats, and a mask of the texts that are none. Nulls stay null and are no fault."""
    if style.decimal == "." and not style.thousands:
        direct = raw.cast(pl.Float64, strict=False)
        if direct.null_count() == raw.null_count():
            return direct, pl.Series([False]).new_from_index(0, len(raw))
    else:
        direct = pl.Series([None], dtype=pl.Float64).new_from_index(0, len(raw))
    fits = raw.str.contains(style.pattern())
    marks = rf"[{re.escape(style.thousands)}]" if style.thousands not in {"", " "} else _SPACES
    plain = raw.str.replace_all(marks, "").str.replace(style.decimal, ".", literal=True)
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
    values, bad = parse_floats(text, style)
    faults = [Fault(field.name, "bad_number", _style_text(field, style), bad, raw)]
    finite = values.is_finite().fill_null(True)
    if not finite.all():
        faults.append(Fault(field.name, "not_finite", "a finite number", ~finite, raw))
    if style.scale != 1.0:
        values = values * style.scale
    if field.type == "rate" and percent is not None:
        if style.percent:
            values = _hundredth(values)
        elif percent.any():
            values = _hundredth(values).zip_with(percent, values)
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


def _hundredth(values: pl.Series) -> pl.Series:
    """Divided by 100. By a column of hundreds: Polars turns a division by a scalar into times 0.01, which is
    off by one bit (17.5 becomes 0.17500000000000002)."""
    return values / pl.Series([100.0]).new_from_index(0, len(values))


def _outside(field: Field, values: pl.Series) -> pl.Series:
    low = float("-inf") if field.lowest is None else field.lowest
    high = float("inf") if field.highest is None else field.highest
    return ((values < low) | (values > high)).fill_null(False) & values.is_finite().fill_null(False)


def _style_text(field: Field, style: NumberStyle) -> str:
    kind = "a whole number" if field.type == "integer" else "a number"
    grouping = f", {style.thousands!r} between thousands" if style.thousands else ""
    return f"{kind} with {style.decimal!r} before the decimals{grouping}"


def _range_text(field: Field) -> str:
    low = "" if field.lowest is None else f"{field.lowest:,g}"
    high = "" if field.highest is None else f"{field.highest:,.0f}"
    if field.type == "rate":
        return f"a share from {low} to {high} (0.2 is 20 %){PERCENT_HINT}"
    return f"a value from {low} to {high}{', in ' + field.unit if field.unit else ''}"
