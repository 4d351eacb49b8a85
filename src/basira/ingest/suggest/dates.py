"""How a column writes dates, judged from all its values together.

Enters: distinct texts, each with its rows. Leaves: the formats, and what they leave open. Never here: one value judged
alone: 03/04 says nothing, but 25/12 further down does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from basira.ingest.parse.dates import EXCEL
from basira.ingest.parse.months import in_english

_CLOCK = (
    r"(?:(, |[ T])(\d{1,2}:\d{2})(:\d{2})?(\.\d+)?(?:( ?)(?:[AaPp]\. ?[Mm]\.|[AaPp][Mm]|[صم]))?(Z|[+-]\d\d:?\d\d)?)?$"
)
_NUMERIC = re.compile(r"^(\d{1,4})([/.\- ])(\d{1,2})\2(\d{1,4})" + _CLOCK)
_COMPACT = re.compile(r"^\d{7,8}$")
_MAYBE_NAMED = re.compile(r"^(?:\d{1,2}\D{1,24}\d{2}|[^\W\d]{3,12}\.? \d{1,2},? \d{4})")
_MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_NAMED = re.compile(rf"^\d{{1,2}}([ \-/.]?){_MONTH}([ \-/.]?)(\d{{4}}|\d{{2}})" + _CLOCK)
_MONTH_NAMED = re.compile(rf"^{_MONTH} \d{{1,2}} \d{{4}}" + _CLOCK)
_EXCEL_DAYS = re.compile(r"^(3[2-9]|4\d|5[0-4])\d{3}(\.\d+)?$")  # 1987 to 2049
_EXCEL_EPOCH = date(1899, 12, 30)
_ENOUGH = 0.8
# Years of two digits that a file spans at most: more, and the part is a day.
_YEARS = 12
# Cells of a workbook that could all be swapped by chance alone are fewer.
_MANY = 5
_NAMES = {"dmy": "day first", "mdy": "month first", "ymd": "year first", "ydm": "year, day, month"}


@dataclass(frozen=True)
class DateGuess:
    """``share`` of the values are dates in one of ``formats``.

    ``order``: of day, month and year where figures alone say it. ``orders``: all that fit, when contents leave it open.
    ``question``: what stays in doubt, "" when nothing does; ``contrary``: the texts that it is about. ``note``: what
    decided beside the contents.
    """

    formats: tuple[str, ...]
    share: float
    order: str = ""
    orders: tuple[str, ...] = ()
    question: str = ""
    contrary: tuple[str, ...] = ()
    note: str = ""
    _matches: tuple[tuple[str, ...], ...] = ()

    @property
    def is_sure(self) -> bool:
        return not self.question

    @property
    def day_first(self) -> bool:
        return any(form.startswith("%d") for form in self.formats)

    def decide(self, order: str, note: str) -> DateGuess:
        """The guess with one of its ``orders``, for a reason outside its contents."""
        forms = self.formats_of(order)
        return replace(self, formats=forms, order=order, orders=(), question="", contrary=(), note=note)

    def formats_of(self, order: str) -> tuple[str, ...]:
        """The formats, if figures are in ``order``."""
        made = [_form_of(parts, order) for parts in self._matches]
        return tuple(dict.fromkeys([*made, *(form for form in self.formats if form not in self._own)]))

    @property
    def _own(self) -> set[str]:
        return {_form_of(parts, self.order) for parts in self._matches}


def guess_dates(words: Sequence[str], weights: Sequence[int] | None = None) -> DateGuess | None:
    """The format of a column of dates; None when it holds none. ``weights``: rows of each word, one when not given.

    The order of day, month and year is the one that fits every value, when one alone does. When values of one column
    are possible in one order only, and others in another one only, or every value fits two orders, it is in doubt. Two
    figures for the year: the part that stays within 12 years is the year.

    >>> guess_dates(["03/04/2021", "25/12/2021"]).formats
    ('%d/%m/%Y',)
    >>> guess_dates(["03/04/2021", "12/11/2021"]).orders
    ('dmy', 'mdy')
    >>> guess_dates(["13-01-02", "13-01-28", "13-02-17"]).formats
    ('%y-%m-%d',)
    """
    weight = dict(zip(words, weights or [1] * len(words), strict=True))
    total = sum(weight.values())
    if not total:
        return None
    numeric: dict[str, re.Match[str]] = {}
    named: dict[str, str] = {}
    compact: list[str] = []
    days: list[str] = []
    for word in words:
        if match := _NUMERIC.match(word):
            numeric[word] = match
        elif _COMPACT.match(word):
            compact.append(word)
        elif _EXCEL_DAYS.match(word):
            days.append(word)
        elif _MAYBE_NAMED.match(word) and (form := _named_form(word)):
            named[word] = form
    rows = {
        kind: sum(weight[word] for word in found)
        for kind, found in (("text", [*numeric, *named]), ("compact", compact), ("days", days))
    }
    if rows["compact"] / total >= 0.98:
        return _compact_guess(compact, weight, total)
    if rows["days"] / total >= 0.98:
        return DateGuess((EXCEL,), rows["days"] / total)
    taken_days = days if rows["text"] and (rows["text"] + rows["days"]) / total >= 0.98 else []
    taken = rows["text"] + (rows["days"] if taken_days else 0)
    if taken / total < _ENOUGH:
        return None
    guess = _numeric_guess(numeric, weight, taken / total)
    forms = dict.fromkeys([*guess.formats, *named.values(), *([EXCEL] if taken_days else [])])
    guess = replace(guess, formats=tuple(forms))
    return _doubt_swaps(guess, numeric, taken_days)


def _numeric_guess(numeric: dict[str, re.Match[str]], weight: dict[str, int], share: float) -> DateGuess:
    """The order of dates in figures. Those with the year of four digits in front are judged apart."""
    first = {word: m for word, m in numeric.items() if len(m[1]) == 4}
    others = {word: m for word, m in numeric.items() if len(m[1]) < 4}
    year_first, front = _settle(first, ("ymd", "ydm"), weight)
    allowed = ("dmy", "mdy") if any(len(m[4]) == 4 for m in others.values()) else ("dmy", "mdy", "ymd")
    rest, back = _settle(others, allowed, weight)
    forms: list[str] = []
    for order, group in ((year_first[0], first), (rest[0], others)):
        forms += dict.fromkeys(_form_of(_parts(m), order) for m in group.values())
    shapes = tuple(dict.fromkeys(_parts(m) for m in others.values()))
    guess = DateGuess(tuple(dict.fromkeys(forms)), share, rest[0] if others else "", _matches=shapes)
    if back or front:
        contrary, kept = (back, rest[0]) if back else (front, year_first[0])
        return replace(
            guess,
            contrary=contrary,
            question=f"Some dates are possible in another order only than the rest, which are {_NAMES[kept]}: two "
            "sources, or a spreadsheet that swapped day and month.",
        )
    if len(rest) > 1 and others:
        return replace(
            guess,
            orders=rest,
            contrary=tuple(others),
            question="No date tells day from month: every one fits both orders.",
        )
    return guess


def _settle(
    group: dict[str, re.Match[str]], orders: tuple[str, ...], weight: dict[str, int]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The orders that fit most rows, the likeliest first, and the texts that fit another one only.

    Year first with four digits is an order of its own right: nothing needs to prove it.
    """
    if not group:
        return orders[:1], ()
    fitting = {order: {word for word, m in group.items() if _fits(m, order)} for order in orders}
    spans = {order: _year_span(group, order) for order in orders}
    # A year of four figures shows its place: a date that stands for "never" (31/12/9999) says nothing of the others.
    is_short = all(len(m[1]) < 4 and len(m[4]) < 4 for m in group.values())
    if is_short and any(span <= _YEARS for span in spans.values()):
        orders = tuple(order for order in orders if spans[order] <= _YEARS)
    rows = {order: sum(weight[word] for word in fitting[order]) for order in orders}
    most = max(rows.values())
    best = tuple(order for order in orders if rows[order] == most)
    if best[0] == "ymd" and len(best) > 1 and all(len(m[1]) == 4 for m in group.values()):
        best = best[:1]
    missed = [word for word in group if word not in fitting[best[0]] and any(word in fitting[o] for o in orders)]
    return best, tuple(missed)


def _year_span(group: dict[str, re.Match[str]], order: str) -> int:
    years = [int(_by_order(m, order)["y"]) for m in group.values() if _fits(m, order)]
    return max(years) - min(years) if years else 10_000


def _by_order(match: re.Match[str], order: str) -> dict[str, str]:
    return dict(zip(order, (match[1], match[3], match[4]), strict=True))


def _fits(match: re.Match[str], order: str) -> bool:
    part = _by_order(match, order)
    return len(part["y"]) in {2, 4} and len(part["d"]) <= 2 and 1 <= int(part["m"]) <= 12 and 1 <= int(part["d"]) <= 31


def _doubt_swaps(guess: DateGuess, numeric: dict[str, re.Match[str]], days: list[str]) -> DateGuess:
    """In doubt, when a spreadsheet made dates of the cells whose day could be a month, and left the others text.

    What it made are cells of dates, read year first, or day numbers. Their days are all up to 12, because it took them
    for months; the others have a part above 12 each.
    """
    if not guess.is_sure and not guess.orders:
        return guess
    made = {word: int(m[4]) for word, m in numeric.items() if len(m[1]) == 4}
    made |= {word: (_EXCEL_EPOCH + timedelta(days=int(float(word)))).day for word in days}
    left = [m for m in numeric.values() if len(m[1]) < 4]
    if not made or max(made.values()) > 12:
        return guess
    if not left:
        return _doubt_scattered(guess, numeric)
    telling = sum(max(int(m[1]), int(m[3])) > 12 for m in left)
    if telling < len(left) and len(made) < _MANY:
        return guess
    return replace(
        guess,
        orders=(),
        contrary=tuple(made),
        question="The order was swapped by a spreadsheet, it seems: cells that are dates have days up to 12 only, "
        "cells that are text have days above. Export the column again as text, from the source.",
    )


def _doubt_scattered(guess: DateGuess, numeric: dict[str, re.Match[str]]) -> DateGuess:
    """In doubt, when no day is above 12 and with day and month swapped the dates are of few days instead of months: a
    file of the first days of March becomes one of the third of each month. A day that is always the first is one that
    was left out."""
    dates = {(int(m[1]), int(m[3]), int(m[4])) for m in numeric.values()}
    if len(dates) < _MANY or {day for _, _, day in dates} == {1} or "ymd" in guess.orders:
        return guess

    def span(*, swapped: bool) -> int:
        days = [date(y, d, m) if swapped else date(y, m, d) for y, m, d in dates if 1 <= m <= 12 and 1 <= d <= 12]
        return (max(days) - min(days)).days if days else 0

    if 3 * span(swapped=True) > span(swapped=False):
        return guess
    return replace(
        guess,
        orders=(),
        contrary=tuple(numeric),
        question="Day and month were swapped by a spreadsheet, it seems: no day is above 12, and the other way round "
        "the dates are of a few days. Export the column again as text, from the source.",
    )


def _compact_guess(words: list[str], weight: dict[str, int], total: int) -> DateGuess | None:
    """Dates of eight digits; of seven, when a spreadsheet took the zero of the day."""
    places = {
        "ymd": (slice(4, 6), slice(6, 8), slice(0, 4)),
        "dmy": (slice(2, 4), slice(0, 2), slice(4, 8)),
        "mdy": (slice(0, 2), slice(2, 4), slice(4, 8)),
    }

    def fits(word: str, order: str) -> bool:
        if len(word) == 7:
            if order == "ymd":
                return False
            word = f"0{word}"
        month, day, year = (int(word[place]) for place in places[order])
        return 1 <= month <= 12 and 1 <= day <= 31 and 1900 <= year <= 2099

    fitting = {order: {word for word in words if fits(word, order)} for order in places}
    rows = {order: sum(weight[word] for word in found) for order, found in fitting.items()}
    most = max(rows.values())
    if most / total < 0.9:
        return None
    best = [order for order in places if rows[order] == most]
    if "ymd" in best and len(best) > 1 and len(words) >= _MANY:
        best = ["ymd"]  # years of this century are read as day and month on some days of a year only
    form = {"ymd": "%Y%m%d", "dmy": "%d%m%Y", "mdy": "%m%d%Y"}
    missed = tuple(w for w in words if w not in fitting[best[0]] and any(w in found for found in fitting.values()))
    guess = DateGuess((form[best[0]],), most / total, best[0])
    if missed:
        return replace(guess, contrary=missed, question="Some dates are possible in another order only than the rest.")
    if len(best) > 1:
        return replace(
            guess,
            orders=tuple(best),
            contrary=tuple(words),
            question="No date tells day from month: every one fits both orders.",
            _matches=(("compact",),),
        )
    return guess


def _named_form(word: str) -> str | None:
    """The format of a date whose month is a word."""
    english = in_english(word)
    if match := _NAMED.match(english):
        return f"%d{match[1]}%b{match[2]}{'%Y' if len(match[3]) == 4 else '%y'}{_clock(match, 4)}"
    if match := _MONTH_NAMED.match(english):
        return f"%b %d %Y{_clock(match, 1)}"
    return None


def _parts(match: re.Match[str]) -> tuple[str, ...]:
    """What the form of a date in figures depends on, beside its order."""
    return (match[2], str(len(match[1])), str(len(match[4])), _clock(match, 5))


def _form_of(parts: tuple[str, ...], order: str) -> str:
    if parts[0] == "compact":
        return {"ymd": "%Y%m%d", "dmy": "%d%m%Y", "mdy": "%m%d%Y"}[order]
    mark, first, last, clock = parts
    year = "%Y" if (first if order[0] == "y" else last) == "4" else "%y"
    return mark.join({"d": "%d", "m": "%m", "y": year}[part] for part in order) + clock


def _clock(match: re.Match[str], at: int) -> str:
    if match[at] is None:
        return ""
    half = match[at + 4]
    hours = "%H" if half is None else "%I"
    clock = f"{match[at]}{hours}:%M" + (":%S" if match[at + 2] else "") + ("%.f" if match[at + 3] else "")
    return clock + ("" if half is None else f"{half}%p") + ("%z" if match[at + 5] else "")
