"""What pages of the past share: their period, their place beside the requests, lines of charts.

Enters: an address, a request, facts. Leaves: days, a page that was made in its turn, bars. Never here: which facts a
page shows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Protocol, TypeVar

from fastapi import Depends, Query, Request

from basira.api.http.dependencies import Now
from basira.api.http.executors import Desk
from basira.api.http.problems import ProblemException
from basira.render.numbers import format_month, format_number
from basira.schema.errors import UsageError
from basira.serving.views.past import days_until
from basira.web.bars import Bar
from basira.web.forms import read_day
from basira.workflows.explore.facts import Days

# Each takes two cores for a part of a second, and up to 768 MB.
AT_ONCE = 2
MOST_WAITING = 12
_MILLION = 1e6
_Done = TypeVar("_Done")


def make_desk() -> Desk:
    """Where pages of the past are made, for one worker."""
    return Desk("past", AT_ONCE, MOST_WAITING, busy=_busy)


async def in_turn(request: Request, work: Callable[[], _Done]) -> _Done:
    """Do this work beside the requests. Raises 503 while as many wait as may."""
    desk: Desk = request.app.state.past_desk
    return await desk.run(work)


def _days(
    now: Now,
    first: Annotated[str, Query(alias="from", max_length=10)] = "",
    last: Annotated[str, Query(alias="to", max_length=10)] = "",
) -> Days:
    try:
        return days_until(now.date(), read_day(first, "from"), read_day(last, "to"))
    except UsageError as error:
        raise ProblemException(422, "invalid", error.message) from None


InDays = Annotated[Days, Depends(_days)]


def days_in_address(days: Days) -> dict[str, str]:
    """The period as an address has it."""
    return {"from": days.first.isoformat(), "to": days.last.isoformat()}


def bars_of(labels: Sequence[str], values: Sequence[float], texts: Sequence[str]) -> list[Bar]:
    """Bars of amounts or counts, the largest one full."""
    most = max(values, default=0.0)
    return [
        Bar(label, value / most if most else 0.0, text=text)
        for label, value, text in zip(labels, values, texts, strict=True)
    ]


class _Month(Protocol):
    """A month (YYYY-MM), and what was declared in it: an amount."""

    @property
    def name(self) -> str | None: ...
    @property
    def value(self) -> float: ...


def bars_of_months(months: Sequence[_Month], language: str) -> list[Bar]:
    """Bars of what was declared in each month, in millions with a digit behind the mark."""
    return bars_of(
        [format_month(one.name or "", language=language) for one in months],
        [one.value for one in months],
        [format_number(one.value / _MILLION, language=language, digits=1) for one in months],
    )


def _busy() -> ProblemException:
    return ProblemException(
        503,
        "busy",
        "Expected fewer pages of the past at once, found as many as may wait.",
        hint="Ask again in some seconds.",
        headers={"Retry-After": "5"},
    )
