"""Days as integers, the only clock of the features.

Enters: timestamps (naive, the administration's local time) and dates. Leaves: the number of days
since 1970-01-01, the integer on which every window is counted. Never here: the current time.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

from basira.schema.errors import UsageError

EPOCH = date(1970, 1, 1)
# As French and Arabic forms write a day; ASCII digits, four of them for the year.
_DAY_FIRST = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})")


def day_of(moment: date | datetime) -> int:
    """Days since 1970-01-01 of a date or of a timestamp's date.

    >>> day_of(date(1970, 1, 2)), day_of(datetime(2021, 1, 1, 23, 59))
    (1, 18628)
    """
    on = moment.date() if isinstance(moment, datetime) else moment
    return (on - EPOCH).days


def date_of(day: int) -> date:
    """The date of a day number.

    >>> date_of(18628).isoformat()
    '2021-01-01'
    """
    return EPOCH + timedelta(days=day)


def text_after(day: date) -> str:
    """What every moment of a day, as ISO text, stands before and none of a later day does.

    >>> text_after(date(2026, 2, 28)), text_after(date.max)
    ('2026-03-01', '9999-12-32')
    """
    # The calendar has no day after its last, and a person may ask for that one.
    return "9999-12-32" if day == date.max else (day + timedelta(days=1)).isoformat()


def parse_day(text: str, *, name: str) -> date:
    """Read a date given by a person, the year first or, with slashes, the day first; ``name``: the option it came from.

    >>> parse_day("2021-01-04", name="--day").isoformat(), parse_day("04/01/2021", name="--day").isoformat()
    ('2021-01-04', '2021-01-04')
    >>> parse_day("01/22/2021", name="--day")
    Traceback (most recent call last):
    ...
    basira.schema.errors.UsageError: --day: expected a date as YYYY-MM-DD or DD/MM/YYYY, found '01/22/2021'.
    """
    written = _DAY_FIRST.fullmatch(text)
    try:
        if written is not None:
            return date(int(written[3]), int(written[2]), int(written[1]))
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(
            "{name}: expected a date as YYYY-MM-DD or DD/MM/YYYY, found {text!r}.",
            hint="For example 2021-01-04 or 04/01/2021, the fourth of January.",
            name=name,
            text=text,
        ) from None


def parse_exact_day(text: str, *, name: str) -> date:
    """Read a date with the year first alone: for what can't be undone, 01/03/2026 is in doubt; ``name``: its option.

    >>> parse_exact_day("01/03/2026", name="--before")
    Traceback (most recent call last):
    ...
    basira.schema.errors.UsageError: --before: expected a date as YYYY-MM-DD, found '01/03/2026'.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(
            "{name}: expected a date as YYYY-MM-DD, found {text!r}.",
            hint="What is done here can't be undone, so the day is written with the year first: 2026-03-01.",
            name=name,
            text=text,
        ) from None


def check_day(value: object, *, name: str) -> date:
    """A day that a program gave; ``name`` is the argument it came from. A moment is no day: whose midnight?

    Raises UsageError for anything but a `datetime.date`.

    >>> check_day("2021-01-04", name="as_of")
    Traceback (most recent call last):
    ...
    basira.schema.errors.UsageError: as_of: expected a datetime.date, found str: '2021-01-04'.
    """
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise UsageError(
        "{name}: expected a datetime.date, found {name_2}: {value!r}.",
        hint="For example datetime.date(2021, 1, 4); date.fromisoformat reads a text, .date() ends a datetime.",
        name=name,
        name_2=type(value).__name__,
        value=value,
    )
