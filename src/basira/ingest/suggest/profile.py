"""What a column holds, seen from a sample: the evidence of `mapping suggest`.

Enters: a column of text. Leaves: a frozen profile. Never here: the column's name.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

import polars as pl

from basira.ingest.parse.codes import SPREADSHEET_ERROR
from basira.ingest.parse.countries import country_of
from basira.ingest.parse.flags import FLAG_WORDS
from basira.ingest.suggest.dates import DateGuess, guess_dates
from basira.schema.codes import currency_codes
from basira.schema.text import fold_figure

_SPACE = "[ \u00a0\u202f\u2009]"
_WORDS = 50_000  # distinct values looked at one by one, taken evenly from the most to the least frequent
_ANY_NUMBER = rf"^[+-]?\d+(?:(?:{_SPACE}|[.,'])\d+)*(?:[eE][+-]?\d+)?{_SPACE}?%?$"


@dataclass(frozen=True)
class NumberGuess:
    """How a column writes numbers. ``decimal``/``thousands`` None: it gives no evidence."""

    decimal: str | None
    thousands: str | None
    has_percent_sign: bool


@dataclass(frozen=True)
class Profile:
    """Shares are of the values that are neither empty nor a spreadsheet's error, 0 to 1."""

    rows: int
    filled: int
    distinct: int
    errors: int
    number_share: float
    numbers: NumberGuess
    lowest: float | None
    highest: float | None
    integer_share: float
    dates: DateGuess | None
    country_share: float
    currency_share: float
    commodity_share: float
    code_lengths: dict[int, int]
    flag_share: float
    longest: int
    common: tuple[str, ...]  # the most frequent values, at most 60
    words: tuple[str, ...]  # distinct values, at most 2,000, the most frequent first

    @property
    def unique_share(self) -> float:
        return self.distinct / self.filled if self.filled else 0.0


def _ascii_figures(column: pl.Series) -> pl.Series:
    """The column as intake reads dates and numbers of other digits."""
    others = column.filter(column.str.contains(r"[^\x00-\x7f]").fill_null(False)).unique().to_list()
    return column.replace({text: fold_figure(text) for text in others}) if others else column


def profile_column(column: pl.Series, *, separator: str) -> Profile:
    """Look at a column. ``separator``: of the file, "" when it has none; a ',' there makes decimal commas unlikely."""
    trimmed = _ascii_figures(column.str.strip_chars())
    filled = trimmed.filter((trimmed.is_not_null() & (trimmed != "")).fill_null(False))
    error = filled.str.contains(SPREADSHEET_ERROR)
    errors = int(error.sum() or 0)
    values = filled.filter(~error)
    count = len(values)
    # By number, then by text: equal counts must not make two suggestions for one file.
    counts = values.alias("word").value_counts(name="count").sort("count", "word", descending=[True, False])
    distinct_count = len(counts)
    counts = counts.gather_every(-(-distinct_count // _WORDS) or 1)
    words: list[str] = counts.to_series(0).to_list()
    distinct = pl.Series("v", words, dtype=pl.String)
    weights = counts.to_series(1).to_list()
    weighed = sum(weights)

    def share(mask: pl.Series) -> float:
        flags = mask.fill_null(False).to_list()
        return sum(w for w, hit in zip(weights, flags, strict=True) if hit) / weighed if weighed else 0.0

    numeric = distinct.str.contains(_ANY_NUMBER)
    guess = guess_numbers(distinct.filter(numeric).to_list(), separator=separator)
    parsed = [_to_float(word, guess) for word in distinct.filter(numeric).to_list()]
    known = [number for number in parsed if number is not None]
    codes = distinct.str.replace(r"^(\d{5,12})\.0+$", "$1").str.replace_all(r"[.\s-]", "")
    is_code = codes.str.contains(r"^\d{2,12}$")
    lengths: Counter[int] = Counter()
    for length, weight, hit in zip(codes.str.len_bytes().to_list(), weights, is_code.to_list(), strict=True):
        if hit:
            lengths[length] += weight
    upper = distinct.str.to_uppercase()
    is_country = pl.Series([len(words) <= 2000 and country_of(word) is not None for word in words], dtype=pl.Boolean)
    return Profile(
        rows=len(column),
        filled=count,
        distinct=distinct_count,
        errors=errors,
        number_share=share(numeric),
        numbers=guess,
        lowest=min(known, default=None),
        highest=max(known, default=None),
        integer_share=share(distinct.str.contains(r"^\d+(\.0+)?$")),
        dates=guess_dates(words),
        country_share=share(is_country),
        currency_share=share(upper.is_in([*currency_codes()])),
        commodity_share=share(is_code & codes.str.len_bytes().is_between(4, 12)),
        code_lengths=dict(lengths),
        flag_share=share(distinct.str.to_lowercase().is_in(list(FLAG_WORDS))),
        longest=max((len(word) for word in words), default=0),
        common=tuple(words[:60]),
        words=tuple(words[:2000]),
    )


def guess_numbers(words: list[str], *, separator: str) -> NumberGuess:
    """Which mark is before the decimals, and which between thousands.

    >>> guess_numbers(["1 234,5", "12,25"], separator=";").decimal
    ','
    >>> guess = guess_numbers(["1.234,50", "7"], separator=";"); guess.decimal, guess.thousands
    (',', '.')
    >>> guess_numbers(["372254.4"], separator=",").decimal
    '.'
    """
    as_decimal: Counter[str] = Counter()
    as_thousands: Counter[str] = Counter()
    unclear: Counter[str] = Counter()
    percent = False
    plain_thousands = False
    for raw in words:
        percent = percent or raw.endswith("%")
        word = re.sub(rf"{_SPACE}|%", "", raw).lstrip("+-")
        marks = [character for character in word if character in ".,'"]
        if not marks:
            plain_thousands = plain_thousands or (word.isdigit() and len(word) > 3)
            continue
        last = marks[-1]
        if len(set(marks)) > 1:
            as_decimal[last] += 1
            as_thousands[marks[0]] += 1
        elif len(marks) > 1:
            as_thousands[last] += 1
        else:
            head, tail = word.split(last)
            if last == "'":
                as_thousands[last] += 1
            elif len(tail) != 3 or head in {"", "0"} or len(head) > 3:
                as_decimal[last] += 1
            else:
                unclear[last] += 1
    decimal = max(as_decimal, key=lambda mark: as_decimal[mark], default=None)
    thousands = max(
        (mark for mark in as_thousands if mark != decimal), key=lambda mark: as_thousands[mark], default=None
    )
    for mark in unclear:
        if decimal is None and thousands != mark:
            # "1,234" and nothing else: thousands, unless large numbers stand there without any mark.
            if mark == "," and not plain_thousands and separator in {",", "\t", "|", ""}:
                thousands, decimal = ",", "."
            else:
                decimal = mark
        elif decimal is not None and mark != decimal:
            thousands = thousands or mark
    return NumberGuess(decimal, thousands, percent)


def _to_float(word: str, guess: NumberGuess) -> float | None:
    text = re.sub(rf"{_SPACE}|%", "", word)
    if guess.thousands:
        text = text.replace(guess.thousands, "")
    if guess.decimal == ",":
        text = text.replace(",", ".")
    try:
        return float(text)
    except ValueError:
        return None
