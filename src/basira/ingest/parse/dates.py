"""Dates and times, as sources write them.

Enters: trimmed text, and the formats the mapping names. Leaves: naive local timestamps, and faults.
Never here: a guess between day-first and month-first.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time

import polars as pl

from basira.ingest.parse.months import in_english
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
ZONED_FORMATS = tuple(f"%Y-%m-%d{mark}%H:%M{seconds}%z" for mark in "T " for seconds in (":%S", ":%S%.f", ""))
_CLOCKS = ("", " %H:%M:%S", " %H:%M")
DAY_FIRST_FORMATS = tuple(
    f"%d{mark}%m{mark}{year}{clock}" for year in ("%Y", "%y") for clock in _CLOCKS for mark in "/.-"
)
# A workbook's day number (1 = 1900-01-01, with the false 29 February 1900), when a column lost its date format.
EXCEL = "excel"
_WORDED = re.compile("%[bBp]")
_COMPACT = re.compile("(?:%[Yymd]){3}")
_EXCEL_EPOCH = datetime(1899, 12, 30)


def parse_timestamps(
    field: Field,
    raw: pl.Series,
    *,
    formats: tuple[str, ...],
    day_first: bool,
    earliest: date,
    latest: date,
    zone: str = "Africa/Casablanca",
) -> tuple[pl.Series, list[Fault]]:
    """Timestamps of a field, in the local time of ``zone``: what a moment with Z or an offset becomes.

    Formats given by the mapping are the only ones tried, in its order, then day-first ones if it says so; without any
    format, day-first ones and those of ISO 8601.
    """
    named = formats + (DAY_FIRST_FORMATS if day_first else ())
    values = pl.Series(raw.name, [None], dtype=pl.Datetime("us")).new_from_index(0, len(raw))
    for form in dict.fromkeys(named if formats else named + ISO_FORMATS + ZONED_FORMATS):
        if values.null_count() == raw.null_count():
            break
        rest = raw.set(values.is_not_null(), None)
        values = values.fill_null(_parse(rest, form, zone))
    bad = raw.is_not_null() & values.is_null()
    outside = ~values.is_between(datetime.combine(earliest, time.min), datetime.combine(latest, time.max)).fill_null(
        True
    )
    faults = [
        Fault(field.name, "bad_date", _in_words((named or ISO_FORMATS)[:3]), bad, raw),
        Fault(field.name, "date_out_of_range", f"a date from {earliest} to {latest}", outside, raw),
    ]
    return values, [fault for fault in faults if fault.mask.any()]


_SIGNS = {
    "%Y": "YYYY",
    "%y": "YY",
    "%m": "MM",
    "%d": "DD",
    "%H": "hh",
    "%M": "mm",
    "%S": "ss",
    "%.f": ".ffffff",
    "%b": "MONTH",
    "%B": "MONTH",
    "%I": "hh",
    "%p": "AM",
    "%z": "+hh:mm",
}
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


def _parse(raw: pl.Series, form: str, zone: str) -> pl.Series:
    if form == EXCEL:
        days = raw.cast(pl.Float64, strict=False)
        days = days.set(~days.is_between(1, 100_000).fill_null(False), None)
        return (
            pl.Series([_EXCEL_EPOCH]).new_from_index(0, len(raw)) + (days * 86_400_000_000).cast(pl.Duration("us"))
        ).cast(pl.Datetime("us"))
    if _WORDED.search(form):
        # A date has few distinct texts: each is put into English once.
        texts = raw.drop_nulls().unique().to_list()
        raw = raw.replace(texts, pl.Series([in_english(text) for text in texts], dtype=pl.String))
    if _COMPACT.fullmatch(form):
        raw = _whole_compact(raw, form)
    elif "%Y" in form:
        # %Y also takes "21" for the year 21: four digits are required.
        digits = raw.str.contains("^[0-9]{4}" if form.startswith("%Y") else "[0-9]{4}")
        raw = raw.set(~digits.fill_null(False), None)
    if raw.null_count() == len(raw):
        return pl.Series(raw.name, [None], dtype=pl.Datetime("us")).new_from_index(0, len(raw))
    if "%z" in form:
        whole = raw.str.replace("[zZ]$", "+00:00")
        moments = whole.str.to_datetime(form, time_unit="us", time_zone="UTC", strict=False)
        return moments.dt.convert_time_zone(zone).dt.replace_time_zone(None)
    if "%H" in form or "%I" in form:
        return raw.str.to_datetime(form, time_unit="us", strict=False)
    return raw.str.to_date(form, strict=False).cast(pl.Datetime("us"))


def _whole_compact(raw: pl.Series, form: str) -> pl.Series:
    """Texts of digits alone that are as long as the format; one digit short, the first is a zero that was lost.

    A year of four digits, first, loses none: such a text is no date.
    """
    size = 8 if "%Y" in form else 6
    length = raw.str.len_bytes()
    digits = raw.str.contains("^[0-9]+$") & (length == size)
    if not form.startswith("%Y"):
        short = (raw.str.contains("^[0-9]+$") & (length == size - 1)).fill_null(False)
        raw, digits = ("0" + raw).zip_with(short, raw), digits | short
    return raw.set(~digits.fill_null(False), None)
