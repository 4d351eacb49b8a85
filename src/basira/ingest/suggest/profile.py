"""What a column holds, seen from a sample: the evidence of `mapping suggest`.

Enters: a column of text. Leaves: a frozen profile. Never here: the column's name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from basira.ingest.parse.codes import SPREADSHEET_ERROR
from basira.ingest.parse.countries import country_of
from basira.ingest.parse.flags import FLAG_WORDS
from basira.ingest.parse.text import without_apostrophe, without_formula
from basira.ingest.suggest.codes import CodeGuess, guess_codes
from basira.ingest.suggest.dates import DateGuess, guess_dates
from basira.ingest.suggest.doubts import MOST_EXAMPLES
from basira.ingest.suggest.numbers import NumberGuess, as_floats, guess_numbers, plain_numbers
from basira.schema.codes import currency_codes
from basira.schema.text import fold_figure

_WORDS = 50_000  # distinct values looked at one by one, taken evenly from the most to the least frequent


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
    codes: CodeGuess
    flag_share: float
    longest: int
    common: tuple[str, ...]  # the most frequent values, at most 60
    words: tuple[str, ...]  # distinct values, at most 2,000, the most frequent first
    column: pl.Series = field(repr=False, compare=False)  # all values, trimmed
    numbers_of_rows: pl.Series | None = field(default=None, repr=False, compare=False)

    @property
    def unique_share(self) -> float:
        return self.distinct / self.filled if self.filled else 0.0

    @property
    def commodity_share(self) -> float:
        return self.codes.share

    @property
    def code_lengths(self) -> dict[int, int]:
        return self.codes.lengths

    def rows_with(self, words: Sequence[str]) -> tuple[int, tuple[tuple[int, str], ...]]:
        """How many rows hold one of the texts, and the first of them: number in the file, and cell."""
        places = self.column.is_in(list(words)).fill_null(False).arg_true()
        shown = places.head(MOST_EXAMPLES)
        numbers = shown + 1 if self.numbers_of_rows is None else self.numbers_of_rows.gather(shown)
        return len(places), tuple(zip(numbers.to_list(), self.column.gather(shown).to_list(), strict=True))

    def one_of_each(self, words: Sequence[str]) -> tuple[tuple[int, str], ...]:
        """The first row of each text, at most `MOST_EXAMPLES`, in their order."""
        return tuple(sorted({self.rows_with([word])[1][0] for word in words[:MOST_EXAMPLES]}))


def _ascii_figures(column: pl.Series) -> pl.Series:
    """The column as intake reads dates and numbers of other digits."""
    others = column.filter(column.str.contains(r"[^\x00-\x7f]").fill_null(False)).unique().to_list()
    return column.replace({text: fold_figure(text) for text in others}) if others else column


def profile_column(column: pl.Series, *, separator: str, rows: pl.Series | None = None) -> Profile:
    """Look at a column. ``separator``: of the file, "" when it has none. ``rows``: the number of each row in the file,
    counted from 1 when not given."""
    trimmed = _ascii_figures(without_apostrophe(without_formula(column.str.strip_chars())))
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

    guess, numeric = guess_numbers(words, weights, separator=separator)
    known = as_floats(plain_numbers(distinct.filter(numeric))[0], guess.style).drop_nulls()
    codes = guess_codes(words, weights)
    upper = distinct.str.to_uppercase()
    is_country = pl.Series([len(words) <= 2000 and country_of(word) is not None for word in words], dtype=pl.Boolean)
    return Profile(
        rows=len(column),
        filled=count,
        distinct=distinct_count,
        errors=errors,
        number_share=share(numeric),
        numbers=guess,
        lowest=known.to_numpy().min().item() if len(known) else None,
        highest=known.to_numpy().max().item() if len(known) else None,
        integer_share=share(distinct.str.contains(r"^\d+(\.0+)?$")),
        dates=guess_dates(words, weights),
        country_share=share(is_country),
        currency_share=share(upper.is_in([*currency_codes()])),
        codes=codes,
        flag_share=share(distinct.str.to_lowercase().is_in(list(FLAG_WORDS))),
        longest=max((len(word) for word in words), default=0),
        common=tuple(words[:60]),
        words=tuple(words[:2000]),
        column=trimmed,
        numbers_of_rows=rows,
    )
