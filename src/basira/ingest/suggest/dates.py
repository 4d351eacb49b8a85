"""How a column writes dates, judged from all its values together.

Enters: distinct texts. Leaves: the format, and how sure it is. Never here: one value judged alone: 03/04
says nothing, but 25/12 further down does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from basira.ingest.parse.dates import EXCEL

_NUMERIC = re.compile(r"^(\d{1,4})([/.\-])(\d{1,2})\2(\d{1,4})(?:[ T](\d{1,2}:\d{2})(:\d{2})?(\.\d+)?)?$")
_COMPACT = re.compile(r"^(19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])$")
_NAMED = re.compile(r"^\d{1,2}([ \-/])[A-Za-z]{3}\1(\d{4}|\d{2})$")
_EXCEL_DAYS = re.compile(r"^(3[2-9]|4\d|5[0-4])\d{3}(\.\d+)?$")  # 1987 to 2049
_ENOUGH = 0.8


@dataclass(frozen=True)
class DateGuess:
    """``share`` of the values are dates in one of ``formats``. ``is_sure``: False when day and month may be swapped."""

    formats: tuple[str, ...]
    share: float
    is_sure: bool

    @property
    def day_first(self) -> bool:
        return any(form.startswith("%d") for form in self.formats)


def guess_dates(words: list[str]) -> DateGuess | None:
    """The format of a column of dates; None when it holds none.

    Day before month: when a first part is over 12 anywhere. Month before day: when a second part is. When
    neither is, day first, not sure. With two-digit years on both ends ("13-01-02"), the part that takes
    fewest values is the year.

    >>> guess_dates(["03/04/2021", "25/12/2021"])
    DateGuess(formats=('%d/%m/%Y',), share=1.0, is_sure=True)
    >>> guess_dates(["13-01-02", "13-01-28", "13-02-17"]).formats
    ('%y-%m-%d',)
    """
    if not words:
        return None
    matches = [match for word in words if (match := _NUMERIC.match(word))]
    if len(matches) / len(words) >= _ENOUGH:
        order, sure = _order(matches)
        forms = dict.fromkeys(_form(match, order) for match in matches)
        return DateGuess(tuple(forms), len(matches) / len(words), sure)
    for pattern, form in ((_COMPACT, "%Y%m%d"), (_EXCEL_DAYS, EXCEL)):
        found = sum(bool(pattern.match(word)) for word in words)
        if found / len(words) >= 0.98:
            return DateGuess((form,), found / len(words), pattern is _COMPACT)
    named = [match for word in words if (match := _NAMED.match(word))]
    if len(named) / len(words) >= _ENOUGH:
        forms = dict.fromkeys(f"%d{match[1]}%b{match[1]}{'%Y' if len(match[2]) == 4 else '%y'}" for match in named)
        return DateGuess(tuple(forms), len(named) / len(words), True)
    return None


def _order(matches: list[re.Match[str]]) -> tuple[str, bool]:
    """The order of day, month and year: "ymd", "dmy" or "mdy"."""
    first = [int(match[1]) for match in matches]
    second = [int(match[3]) for match in matches]
    third = [int(match[4]) for match in matches]
    if any(len(match[1]) == 4 for match in matches):
        return "ymd", True
    four_digits = any(len(match[4]) == 4 for match in matches)
    if not four_digits:
        if max(first) > 31:
            return "ymd", True
        if max(third) <= 31 and len(set(first)) < len(set(third)) and max(second) <= 12:
            return "ymd", max(third) > 12
    if max(first) > 12:
        return "dmy", True
    if max(second) > 12:
        return "mdy", True
    return "dmy", False


def _form(match: re.Match[str], order: str) -> str:
    mark = match[2]
    last_year = "%Y" if len(match[4]) == 4 else "%y"
    days = {
        "ymd": f"{'%Y' if len(match[1]) == 4 else '%y'}{mark}%m{mark}%d",
        "dmy": f"%d{mark}%m{mark}{last_year}",
        "mdy": f"%m{mark}%d{mark}{last_year}",
    }[order]
    if match[5] is None:
        return days
    clock = "%H:%M" + (":%S" if match[6] else "") + ("%.f" if match[7] else "")
    return f"{days}{'T' if 'T' in match[0] else ' '}{clock}"
