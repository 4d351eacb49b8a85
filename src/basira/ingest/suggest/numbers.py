"""How a column writes numbers, judged from all its values together.

Enters: distinct texts, each with its rows. Leaves: the marks before decimals and between thousands, the currency beside
the amounts, and what stays open. Never here: the column's name; a choice between two readings that both fit.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from basira.ingest.parse.numbers import HOME, NumberStyle, currency_marks, plain_sign, strip_currency

_SPACES = NumberStyle().group
# All ways of writing, the plain ones first: mark before the decimals, mark between thousands.
_STYLES = ((".", ""), (",", ""), (".", ","), (",", "."), (".", "'"), (",", "'"))
_MARKED = r"[^0-9.,'\u2019+\-%()eE\s]"
_LIKELY = ("USD", "GBP", "JPY", "INR", "XOF")

Style = tuple[str, str]


@dataclass(frozen=True)
class NumberGuess:
    """How a column writes numbers. ``decimal``/``thousands`` None: it gives no evidence.

    ``other``: a second way of writing that fits every value too, and gives others. ``contrary``: texts that only
    another way of writing can read. ``currencies``: what the marks beside the amounts may mean, one when they agree,
    none without marks. ``mixed``: the marks that name different currencies. ``note``: what decided beside the contents.
    ``unmarked``: amounts without a mark where others have that of a foreign currency. ``by_marks``: how other columns
    write decimals alone decided between two ways of writing.
    """

    decimal: str | None
    thousands: str | None
    has_percent_sign: bool
    other: Style | None = None
    contrary: tuple[str, ...] = ()
    currencies: tuple[str, ...] = ()
    mixed: tuple[str, ...] = ()
    note: str = ""
    unmarked: tuple[str, ...] = ()
    by_marks: bool = False

    @property
    def style(self) -> Style:
        return self.decimal or ".", self.thousands or ""

    @property
    def is_evidence(self) -> bool:
        """Whether the file's other columns can be read by it."""
        return self.decimal is not None and self.other is None and not self.contrary

    def decide(self, decimal: str, note: str, *, by_marks: bool) -> NumberGuess:
        """The guess with that one of its two ways of writing that has this decimal mark."""
        chosen = next(style for style in (self.style, self.other) if style and style[0] == decimal)
        return replace(self, decimal=chosen[0], thousands=chosen[1] or None, other=None, note=note, by_marks=by_marks)


def plain_numbers(words: pl.Series) -> tuple[pl.Series, Counter[str]]:
    """Texts without percent, currency and parentheses, and how often each mark of a currency was there."""
    found: Counter[str] = Counter()
    text = words.str.replace(rf"{_SPACES}*%$", "")
    marked = text.filter(text.str.contains(_MARKED).fill_null(False) & text.str.contains("[0-9]").fill_null(False))
    if len(marked):
        marks = currency_marks()
        listed = "|".join(re.escape(mark) for mark in sorted(marks, key=lambda mark: (-len(mark), mark)))
        for side in (rf"(?i)^[(+-]?{_SPACES}*({listed})", rf"(?i)({listed}){_SPACES}*[)+-]?$"):
            found.update(marked.str.extract(side, 1).str.to_lowercase().drop_nulls().to_list())
        if found:
            text = strip_currency(text, found)
    return plain_sign(text), found


def fits_style(text: pl.Series, style: Style) -> pl.Series:
    """Which texts are a number in one way of writing; grouped figures don't begin with a zero."""
    decimal, thousands = style
    written = NumberStyle(decimal, thousands)
    pattern = rf"^[+-]?(?:[0-9]+|[1-9][0-9]{{0,2}}(?:{written.group}[0-9]{{3}})+"
    if thousands == ",":
        pattern += "|[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3}"
    return text.str.contains(pattern + rf")(?:{re.escape(decimal)}[0-9]+)?(?:[eE][+-]?[0-9]+)?$").fill_null(False)


def as_floats(text: pl.Series, style: Style) -> pl.Series:
    """The values of plain texts in one way of writing; null where one doesn't fit."""
    decimal, thousands = style
    bare = text.str.replace_all(NumberStyle(decimal, thousands).group, "").str.replace(decimal, ".", literal=True)
    return bare.cast(pl.Float64, strict=False).set(~fits_style(text, style), None)


def guess_numbers(
    words: Sequence[str], weights: Sequence[int] | None = None, *, separator: str
) -> tuple[NumberGuess, pl.Series]:
    """How the words are written, and which of them are numbers. ``weights``: rows of each word.

    Every way of writing is tried on every word. The one that reads most wins. When two ways read every word, but to
    different values, the whole column decides: a column with grouped thousands has no 4500 without a mark, and a column
    whose zeros are cut has no 1.250 beside 3. If neither holds, both ways stay possible. ``separator`` "": a
    workbook or the like, whose cells may be numbers beside text.

    >>> guess, _ = guess_numbers(["1 234,5", "12,25"], separator=";"); guess.decimal
    ','
    >>> guess, _ = guess_numbers(["1.234,50", "7"], separator=";"); guess.decimal, guess.thousands
    (',', '.')
    >>> guess, _ = guess_numbers(["1.000", "2.234"], separator=";"); guess.style, guess.other
    (('.', ''), (',', '.'))
    >>> guess, _ = guess_numbers(["1,00,000", "$7"], separator=";"); guess.style, guess.currencies[0]
    (('.', ','), 'USD')
    """
    raw = pl.Series("word", list(words), dtype=pl.String)
    rows = pl.Series("rows", list(weights or [1] * len(raw)), dtype=pl.Int64)
    text, marks = plain_numbers(raw)
    percent = bool(raw.str.ends_with("%").any())
    fitting = {style: fits_style(text, style) for style in _STYLES}
    numeric = pl.Series([False]).new_from_index(0, len(raw))
    for mask in fitting.values():
        numeric = numeric | mask
    currencies, mixed = _currencies(marks)
    telling = numeric & text.str.contains(r"[.,'\u2019]").fill_null(False)
    if not telling.any():
        unmarked = _unmarked(raw, text, numeric) if currencies and HOME not in currencies else ()
        return NumberGuess(None, None, percent, currencies=currencies, mixed=mixed, unmarked=unmarked), numeric
    counts = {style: int(rows.filter(mask).sum() or 0) for style, mask in fitting.items()}
    most = max(counts.values())
    classes = _distinct_readings(text, [style for style in _STYLES if counts[style] == most])
    if len(classes) > 1:
        consistent = [style for style in classes if not _is_contradicted(text.filter(numeric), style)]
        classes = consistent or classes
    best = classes[0]
    read = text.filter(fitting[best])
    contrary = raw.filter(numeric & ~fitting[best])
    if not len(contrary) and (not separator or _has_three_decimals(text, best)):
        contrary = raw.filter(fitting[best] & _looks_typed(text, best))
    if not len(contrary):
        contrary = raw.filter(_break_fixed_decimals(text, rows, best))
    decimal, thousands = _visible_marks(read, best)
    return (
        NumberGuess(
            decimal,
            thousands,
            percent,
            classes[1] if len(classes) > 1 else None,
            tuple(contrary.to_list()),
            currencies,
            mixed,
            unmarked=_unmarked(raw, text, numeric) if currencies and HOME not in currencies else (),
        ),
        numeric,
    )


def _distinct_readings(text: pl.Series, styles: list[Style]) -> list[Style]:
    """One style for each set of values that they give."""
    kept: list[tuple[Style, pl.Series]] = []
    for style in styles:
        values = as_floats(text, style)
        if not any(values.equals(others, null_equal=True) for _, others in kept):
            kept.append((style, values))
    return [style for style, _ in kept]


def _is_contradicted(text: pl.Series, style: Style) -> bool:
    """Whether some text is not what a writer of this style would write, beside the others."""
    decimal, thousands = style
    if thousands and text.str.contains(rf"^[+-]?[0-9]{{4,}}(?:{re.escape(decimal)}|$)").any():
        return True
    tails = text.str.extract(rf"{re.escape(decimal)}([0-9]+)$", 1)
    cut = text.str.contains("^[+-]?[0-9]+$")
    return bool(cut.any() and tails.str.ends_with("0").any() and (tails.drop_nulls().str.len_bytes() == 3).all())


def _has_three_decimals(text: pl.Series, style: Style) -> bool:
    """Every number with decimals has three: 771,340 beside 1,686.090 may have them too, behind the other mark."""
    tails = text.str.extract(rf"{re.escape(style[0])}([0-9]+)$", 1).drop_nulls()
    return bool(len(tails) and (tails.str.len_bytes() == 3).all())


def _looks_typed(text: pl.Series, style: Style) -> pl.Series:
    """Texts whose one mark may be the one before decimals: no decimals behind another mark, where the others have some,
    and three figures behind their own. In a workbook they may be numbers beside numbers written as text."""
    decimal, thousands = style
    nothing = pl.Series([False]).new_from_index(0, len(text))
    if thousands not in {".", ","}:
        return nothing
    with_decimals = text.str.contains(rf"{re.escape(decimal)}[0-9]+$")
    one_mark = text.str.contains(rf"^[+-]?[0-9]{{1,3}}{re.escape(thousands)}[0-9]{{3}}$")
    return one_mark.fill_null(False) if with_decimals.any() else nothing


def _break_fixed_decimals(text: pl.Series, rows: pl.Series, style: Style) -> pl.Series:
    """Texts with three figures behind the mark, where all others have two, also those that end with a zero: 24.631 may
    be thousands beside 1234.50."""
    tails = text.str.extract(rf"{re.escape(style[0])}([0-9]+)$", 1)
    two = (tails.str.len_bytes() == 2).fill_null(False)
    three = text.str.contains(rf"^[+-]?[1-9][0-9]{{0,2}}{re.escape(style[0])}[0-9]{{3}}$").fill_null(False)
    others = tails.is_not_null() & ~two & ~three
    is_fixed = tails.filter(two).str.ends_with("0").any() and not others.any()
    if is_fixed and int(rows.filter(two).sum() or 0) > int(rows.filter(three).sum() or 0):
        return three
    return pl.Series([False]).new_from_index(0, len(text))


def _unmarked(raw: pl.Series, text: pl.Series, numeric: pl.Series) -> tuple[str, ...]:
    """Amounts without the mark of a currency. A zero has none to name."""
    is_bare = ~raw.str.contains(_MARKED).fill_null(False) & text.str.contains("[1-9]").fill_null(False)
    return tuple(raw.filter(numeric & is_bare).to_list())


def _visible_marks(text: pl.Series, style: Style) -> tuple[str | None, str | None]:
    """The marks of the style that texts show; grouped by a point or a comma, the other one is before decimals."""
    decimal, thousands = style
    groups = bool(thousands) and bool(text.str.contains(NumberStyle(decimal, thousands).group).any())
    if text.str.contains(decimal, literal=True).any() or (groups and thousands != "'"):
        return decimal, thousands if groups else None
    return None, thousands if groups else None


def _currencies(marks: Counter[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What all marks may mean, and the marks when nothing fits all of them. A dirham is Morocco's."""
    if not marks:
        return (), ()
    meanings = [currency_marks()[mark] for mark in marks]
    common = frozenset.intersection(*meanings)
    if not common:
        return (), tuple(sorted(marks))
    if HOME in common:
        return (HOME,), ()
    return tuple(sorted(common, key=lambda code: (code not in _LIKELY, code))), ()
