"""What became of the declarations of a period, counted in the database.

Enters: days, an office. Leaves: counts by all that figures are grouped by; moments; results of the random control.
Never here: a rate, an interval; a declaration's number.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from basira.storage.database.tables import DECLARATION_STATUS

OFFICER = "officer"


@dataclass(frozen=True)
class Period:
    """Declarations whose lane in force was given from the first day to the last. ``office``: only those of it."""

    first: date
    last: date
    office: str | None = None

    @property
    def day_count(self) -> int:
        """How many days it has."""
        return (self.last - self.first).days + 1

    def before(self) -> Period:
        """The period of the same length that ends the day before this one begins."""
        return Period(self.first - timedelta(days=self.day_count), self.first - timedelta(days=1), self.office)


@dataclass(frozen=True)
class StatusCount:
    """How many declarations are alike. ``day``: on which the lane was given (YYYY-MM-DD). ``source``: why, a basis or
    "officer". ``result_source``: the same of the lane in which the last result came; None without one.
    ``is_irregular``: of the results; None without. ``revenue``: found by them, in the currency of the results; None
    where none states any. ``count``: of the declarations."""

    office: str
    day: str
    lane: str
    source: str
    inspects: bool
    is_inspected: bool
    result_source: str | None
    is_irregular: bool | None
    count: int
    revenue: float | None


def count_statuses(connection: sa.Connection, period: Period) -> list[StatusCount]:
    """The declarations of a period, without the cancelled ones."""
    place = DECLARATION_STATUS.c
    groups = [
        place.office,
        sa.func.substr(place.given_at, 1, 10),
        place.lane,
        sa.case((place.is_reselected, OFFICER), else_=place.basis),
        place.inspects,
        place.is_inspected,
        place.result_source,
        place.is_irregular,
    ]
    query = sa.select(*groups, sa.func.count(), sa.func.sum(place.found_revenue)).where(*_within(period))
    rows: Iterable[Sequence[Any]] = connection.execute(query.group_by(*groups))
    return [StatusCount(*row) for row in rows]


def find_result_moments(connection: sa.Connection, period: Period) -> list[tuple[str, str, str]]:
    """Of each declaration that was inspected in the lane in force: its office, when the lane was given, when the first
    result came."""
    place = DECLARATION_STATUS.c
    query = sa.select(place.office, place.given_at, place.inspected_at)
    found = connection.execute(query.where(*_within(period), place.inspected_at.is_not(None)))
    return [(office, given, came) for office, given, came in found]


def find_random_results(connection: sa.Connection, period: Period) -> list[tuple[float, bool | None]]:
    """Of each declaration that was drawn at random: the probability that it would be, and whether it is irregular (None
    without a result). A lane that an officer gave later takes it out of the sample."""
    place = DECLARATION_STATUS.c
    query = sa.select(place.inclusion_probability, place.is_irregular).where(
        *_within(period), place.basis == "random", ~place.is_reselected, place.inclusion_probability > 0
    )
    return [(float(chance), truth) for chance, truth in connection.execute(query)]


def _within(period: Period) -> tuple[sa.ColumnElement[bool], ...]:
    place = DECLARATION_STATUS.c
    after = (period.last + timedelta(days=1)).isoformat()
    of_days = (place.given_at >= period.first.isoformat(), place.given_at < after, place.is_cancelled.is_(sa.false()))
    return of_days if period.office is None else (*of_days, place.office == period.office)
