"""Dates and times, as sources write them.

Enters: trimmed text, and the formats the mapping names. Leaves: naive local timestamps, and faults.
Never here: a guess between day-first and month-first.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time

import polars as pl

from basira.ingest.rows.faults import Fault
from basira.schema.fields import Field

# Year first can't be misread, so it is always understood.
ISO_FORMATS = (
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y/%m/%d",
    "%Y/%m/%d %H:%M:%S",
    "%Y%m%d",
)
_CLOCKS = ("", " %H:%M:%S", " %H:%M")
DAY_FIRST_FORMATS = tuple(
    f"%d{mark}%m{mark}{year}{clock}" for year in ("%Y", "%y") for clock in _CLOCKS for mark in "/.-"
)
# A workbook's day number (1 = 1900-01-01, with the false 29 February 1900), when a column lost its date format.
EXCEL = "excel"
_EXCEL_EPOCH = datetime(1899, 12, 30)


def parse_timestamps(
    field: Field, raw: pl.Series, *, formats: tuple[str, ...], day_first: bool, earliest: date, latest: date
) -> tuple[pl.Series, list[Fault]]:
    """Timestamps of a field. Formats are tried in the mapping's order, then day-first ones, then ISO."""
    named = formats + (DAY_FIRST_FORMATS if day_first else ())
    values = pl.Series(raw.name, [None], dtype=pl.Datetime("us")).new_from_index(0, len(raw))
    for form in dict.fromkeys(named + ISO_FORMATS):
        if values.null_count() == raw.null_count():
            break
        rest = raw.set(values.is_not_null(), None)
        values = values.fill_null(_parse(rest, form))
    bad = raw.is_not_null() & values.is_null()
    outside = ~values.is_between(datetime.combine(earliest, time.min), datetime.combine(latest, time.max)).fill_null(
        True
    )
    faults = [
        Fault(field.name, "bad_date", _in_words((named or ISO_FORMATS)[:3]), bad, raw),
        Fault(field.name, "date_out_of_range", f"a date from {earliest} to {latest}", outside, raw),
    ]
    return values, [fault for fault in faults if fault.mask.any()]


_SIGNS = {"%Y": "YYYY", "%y": "YY", "%m": "MM", "%d": "DD", "%H": "hh", "%M": "mm", "%S": "ss", "%.f": ".ffffff"}
_SIGN = re.compile(r"%\.f|%[a-zA-Z]")
_SHOWN = datetime(2026, 3, 31, 9, 14)


def _in_words(formats: tuple[str, ...]) -> str:
    """The formats as people write them, and the first one's look.

    >>> _in_words(("%d/%m/%Y", "%Y-%m-%d %H:%M"))
    'a date written DD/MM/YYYY or YYYY-MM-DD hh:mm, such as 31/03/2026'
    """
    written = [
        "as a workbook's day number" if form == EXCEL else _SIGN.sub(lambda sign: _SIGNS.get(sign[0], sign[0]), form)
        for form in formats
    ]
    dated = [form for form in formats if form != EXCEL]
    example = f", such as {_SHOWN.strftime(dated[0].replace('%.f', '.%f'))}" if dated else ""
    return "a date written " + " or ".join(written) + example


def _parse(raw: pl.Series, form: str) -> pl.Series:
    if form == EXCEL:
        days = raw.cast(pl.Float64, strict=False)
        days = days.set(~days.is_between(1, 100_000).fill_null(False), None)
        return (
            pl.Series([_EXCEL_EPOCH]).new_from_index(0, len(raw)) + (days * 86_400_000_000).cast(pl.Duration("us"))
        ).cast(pl.Datetime("us"))
    if "%Y" in form:
        # %Y also takes "21" for the year 21: four digits are required.
        digits = raw.str.contains("^[0-9]{4}" if form.startswith("%Y") else "[0-9]{4}")
        raw = raw.set(~digits.fill_null(False), None)
    if raw.null_count() == len(raw):
        return pl.Series(raw.name, [None], dtype=pl.Datetime("us")).new_from_index(0, len(raw))
    if "%H" in form:
        return raw.str.to_datetime(form, time_unit="us", strict=False)
    return raw.str.to_date(form, strict=False).cast(pl.Datetime("us"))
