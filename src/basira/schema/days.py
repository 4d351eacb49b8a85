"""Days as integers, the only clock of the features.

Enters: timestamps (naive, the administration's local time) and dates. Leaves: the number of days
since 1970-01-01, the integer on which every window is counted. Never here: the current time.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from basira.schema.errors import UsageError

EPOCH = date(1970, 1, 1)


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


def parse_day(text: str, *, name: str) -> date:
    """Read an ISO date given by a person; ``name`` is the option it came from.

    >>> parse_day("2021-01-04", name="--day").isoformat()
    '2021-01-04'
    >>> parse_day("04/01/2021", name="--day")
    Traceback (most recent call last):
    ...
    basira.schema.errors.UsageError: --day: expected a date as YYYY-MM-DD, found '04/01/2021'.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{name}: expected a date as YYYY-MM-DD, found {text!r}.",
            hint="Write the date with the year first, for example 2021-01-04.",
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
        f"{name}: expected a datetime.date, found {type(value).__name__}: {value!r}.",
        hint="For example datetime.date(2021, 1, 4); date.fromisoformat reads a text, .date() ends a datetime.",
    )
