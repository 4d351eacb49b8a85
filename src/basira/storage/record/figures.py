"""What became of the declarations of a period, counted in the database.

Enters: days, an office. Leaves: counts by all that figures are grouped by; moments; results of the random control.
Never here: a rate, an interval; a declaration's number.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from basira.schema.days import text_after
from basira.storage.database.tables import DAY_COUNT, DECLARATION_STATUS

OFFICER, RANDOM = "officer", "random"
_TRUTHS = {"irregular": True, "compliant": False, "": None}


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
        # None stands before the calendar's first.
        first = max(1, self.first.toordinal() - self.day_count)
        last = max(1, self.first.toordinal() - 1)
        return Period(date.fromordinal(first), date.fromordinal(last), self.office)


@dataclass(frozen=True)
class StatusCount:
    """How many declarations are alike. ``day``: on which the lane was given (YYYY-MM-DD). ``source``: why, a basis or
    "officer". ``result_source``: the same of the lane in which the last result came; None without one.
    ``is_irregular``: of the results; None without. ``count``: of the declarations, at least 1."""

    office: str
    day: str
    lane: str
    source: str
    inspects: bool
    is_inspected: bool
    result_source: str | None
    is_irregular: bool | None
    count: int


@dataclass(frozen=True)
class FoundRevenue:
    """What results found, in their currency. ``office``: of the lane in force; ``result_source``: see `StatusCount`."""

    office: str
    result_source: str | None
    amount: float


def count_statuses(connection: sa.Connection, period: Period) -> list[StatusCount]:
    """The declarations of a period, without the cancelled ones. Costs its days, not its declarations."""
    of = DAY_COUNT.c
    query = sa.select(DAY_COUNT).where(
        of.day >= period.first.isoformat(), of.day <= period.last.isoformat(), of.declarations > 0
    )
    if period.office is not None:
        query = query.where(of.office == period.office)
    return [
        StatusCount(
            row.office,
            row.day,
            row.lane,
            row.source,
            row.inspects,
            row.is_inspected,
            row.result_source or None,
            _TRUTHS[row.result],
            row.declarations,
        )
        for row in connection.execute(query)
    ]


def count_waiting(connection: sa.Connection) -> dict[str, int]:
    """How many declarations wait for an inspection, of whichever day, by office; an office in which none waits is
    absent."""
    place = DECLARATION_STATUS.c
    query = (
        sa.select(place.office, sa.func.count().label("count_of"))
        .where(place.inspects.is_(sa.true()), place.is_inspected.is_(sa.false()), place.is_cancelled.is_(sa.false()))
        .group_by(place.office)
    )
    return {row.office: row.count_of for row in connection.execute(query)}


def sum_revenue(connection: sa.Connection, period: Period) -> list[FoundRevenue]:
    """What was found in a period's declarations, by office and source; none where no result states an amount."""
    place = DECLARATION_STATUS.c
    query = (
        sa.select(place.office, place.result_source, sa.func.sum(place.found_revenue))
        .where(*_within(period), place.found_revenue.is_not(None))
        .group_by(place.office, place.result_source)
    )
    return [FoundRevenue(office, source, float(amount)) for office, source, amount in connection.execute(query)]


def find_result_moments(connection: sa.Connection, period: Period) -> list[tuple[str, str, str]]:
    """Of each declaration that was inspected in the lane in force: its office, when the lane was given, when the first
    result came."""
    place = DECLARATION_STATUS.c
    query = sa.select(place.office, place.given_at, place.inspected_at)
    found = connection.execute(query.where(*_within(period), place.inspected_at.is_not(None)))
    return [(office, given, came) for office, given, came in found]


def find_random_results(connection: sa.Connection, period: Period) -> list[tuple[float, bool]]:
    """Of each declaration that was drawn at random and has a result: the probability that it would be drawn, and
    whether it is irregular. A lane that an officer gave later takes it out of the sample."""
    place = DECLARATION_STATUS.c
    query = sa.select(place.inclusion_probability, place.is_irregular).where(
        *_within(period),
        place.basis == RANDOM,
        place.is_reselected.is_(sa.false()),
        place.inclusion_probability > 0,
        place.is_irregular.is_not(None),
    )
    return [(float(chance), truth) for chance, truth in connection.execute(query)]


def _within(period: Period) -> tuple[sa.ColumnElement[bool], ...]:
    place = DECLARATION_STATUS.c
    after = text_after(period.last)
    of_days = (place.given_at >= period.first.isoformat(), place.given_at < after, place.is_cancelled.is_(sa.false()))
    return of_days if period.office is None else (*of_days, place.office == period.office)
