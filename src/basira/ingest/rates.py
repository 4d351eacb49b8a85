"""A table of dated exchange rates, by which amounts of other currencies become those of the history.

Enters: a CSV file with the columns currency, date and rate. Leaves: a `RateTable`, or a MappingError with the line at
fault. Never here: a rate of a later day than the one asked for; a rate that is interpolated, inverted or guessed.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import NamedTuple

from basira.schema.codes import currency_codes
from basira.schema.days import date_of, day_of
from basira.schema.errors import MappingError, Phrase
from basira.schema.expected import phrase_of

COLUMNS = ("currency", "date", "rate")
HIGHEST_RATE = 1e7
_MOST_BYTES = 64 << 20
_NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,20})?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_HINT = "The table is CSV in UTF-8 with the columns currency (ISO 4217), date (YYYY-MM-DD) and rate (with a point)."


class Rate(NamedTuple):
    """``value``: units of the history's currency for one of the declared currency. ``day``: of the rate, as a number of
    days since 1970."""

    value: float
    day: int


class Amounts(NamedTuple):
    """Of a row of a source: its number, the currency that it was declared in, the day of its declaration."""

    number: int
    currency: str
    day: int | None


@dataclass(frozen=True)
class RateTable:
    """Rates to ``currency``. A rate holds from its day until the next one of its currency, and ``most_days`` at most.

    ``text``: the file as it was read, ``digest`` its SHA-256: both are kept with a store, so that a conversion can be
    repeated. ``days``, ``values``: of each currency, in order of day.
    """

    currency: str
    most_days: int
    text: str = field(repr=False)
    digest: str
    days: Mapping[str, tuple[int, ...]] = field(repr=False)
    values: Mapping[str, tuple[float, ...]] = field(repr=False)

    def find(self, currency: str, day: int) -> Rate | None:
        """The rate in force on a day: the last one before it or of it, unless it is older than ``most_days``."""
        known = self.days.get(currency, ())
        place = bisect_right(known, day) - 1
        if place < 0 or day - known[place] > self.most_days:
            return None
        return Rate(self.values[currency][place], known[place])

    def find_all(self, rows: Sequence[Amounts]) -> list[Rate | None]:
        """The same of many rows; none where the day is not known."""
        pairs = [(row.currency, row.day) for row in rows]
        found = {pair: None if pair[1] is None else self.find(pair[0], pair[1]) for pair in set(pairs)}
        return [found[pair] for pair in pairs]

    @property
    def expected(self) -> str:
        """What a declaration in another currency needs."""
        return f"a rate to {self.currency} of the declaration's day, or of at most {self.most_days} days before it"

    def nearest(self, currency: str, day: int) -> str:
        """What the table has where `find` finds nothing."""
        known = self.days.get(currency, ())
        place = bisect_right(known, day) - 1
        if not known:
            return f"no rate of {currency}"
        if place < 0:
            return f"the first rate of {currency} of {date_of(known[0])}"
        return f"the last rate of {currency} before it of {date_of(known[place])}"


@dataclass(frozen=True)
class RecordedRates:
    """Rates by which rows were converted before, by number of row: others stay as they are."""

    currency: str
    rates: Mapping[int, Rate]

    def find_all(self, rows: Sequence[Amounts]) -> list[Rate | None]:
        """As `RateTable.find_all`."""
        return [self.rates.get(row.number) for row in rows]


Rates = RateTable | RecordedRates


def read_rates(path: Path, *, currency: str, most_days: int) -> RateTable:
    """Read a table of rates to ``currency``. Raises MappingError."""
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= _MOST_BYTES else b""
        text = content.decode("utf-8")
    except OSError as error:
        raise MappingError(
            "Expected the table of rates at {path!r}, which [rates] names, found: {error}.",
            hint="Correct `file` in [rates]; it is looked for beside the mapping.",
            path=str(path),
            error=error.strerror or error,
        ) from None
    except UnicodeDecodeError:
        raise MappingError(
            "Expected UTF-8 in the table of rates {file}.",
            hint=_HINT,
            file=path.name,
        ) from None
    if size > _MOST_BYTES:
        raise MappingError(
            "Expected at most {most_bytes} MB of rates in {file}, found {size:,} bytes.",
            hint="Leave out years that no declaration is of.",
            most_bytes=_MOST_BYTES >> 20,
            file=path.name,
            size=size,
        )
    return parse_rates(text, name=path.name, currency=currency, most_days=most_days)


def parse_rates(text: str, *, name: str, currency: str, most_days: int) -> RateTable:
    """The same of a file's text. ``name``: of the file, for messages."""
    plain = text.removeprefix("\ufeff")
    first = plain.split("\n", 1)[0]
    lines = csv.reader(io.StringIO(plain), delimiter=";" if first.count(";") > first.count(",") else ",")
    header = [cell.strip().lower() for cell in next(lines, [])]
    if sorted(header) != sorted(COLUMNS):
        raise MappingError(
            "Expected the columns {columns} in the table of rates {name}, found {header}.",
            hint=_HINT,
            columns=", ".join(COLUMNS),
            name=name,
            header=", ".join(header) or Phrase("nothing"),
        )
    found: dict[str, dict[int, float]] = {}
    try:
        for cells in lines:
            if any(cell.strip() for cell in cells):
                _add(found, dict(zip(header, (cell.strip() for cell in cells), strict=True)))
    except (ValueError, csv.Error) as error:
        raise MappingError(
            "Expected a currency, a date and a rate in line {line} of the table of rates {name}, found: {error}.",
            hint=_HINT,
            line=lines.line_num,
            name=name,
            error=phrase_of(error) if isinstance(error, ValueError) else error,
        ) from None
    ordered = {code: sorted(rates.items()) for code, rates in found.items()}
    return RateTable(
        currency,
        most_days,
        text,
        hashlib.sha256(text.encode()).hexdigest(),
        {code: tuple(day for day, _ in rates) for code, rates in ordered.items()},
        {code: tuple(value for _, value in rates) for code, rates in ordered.items()},
    )


def _add(found: dict[str, dict[int, float]], row: Mapping[str, str]) -> None:
    """One line. Raises ValueError, saying what it holds."""
    code = row["currency"].upper()
    if code not in currency_codes():
        raise ValueError(Phrase("{currency!r}, which is no currency of ISO 4217", currency=row["currency"]))
    if not _NUMBER.fullmatch(row["rate"]) or not 0 < float(row["rate"]) <= HIGHEST_RATE:
        raise ValueError(
            Phrase(
                "{rate!r}, which is no number above 0 and up to {highest_rate:,.0f}",
                rate=row["rate"],
                highest_rate=HIGHEST_RATE,
            )
        )
    if not _DAY.fullmatch(row["date"]):
        raise ValueError(Phrase("{date!r}, which is no date written YYYY-MM-DD", date=row["date"]))
    day, value = day_of(date.fromisoformat(row["date"])), float(row["rate"])
    if found.setdefault(code, {}).setdefault(day, value) != value:
        raise ValueError(
            Phrase("a second rate of {code} for {date}, {rate}", code=code, date=row["date"], rate=row["rate"])
        )
