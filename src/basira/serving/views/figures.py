"""What a manager is shown of a period: were the selected controls carried out, what did they find, what does it cost.

Enters: a service, a period. Leaves: figures of the whole, of each office, source and lane, and of the period before.
Never here: a figure of one person; a rate without how many it is of.

A declaration counts once, in the period in which its lane in force was given, by the source of that lane: a basis of
selection, or "officer". A finding counts for the source of the lane in which its result came, so that what the importer
amends afterwards takes nothing from the control that found it. Cancelled declarations are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from statistics import quantiles

from basira.decisions.records import CURRENCY_BEFORE
from basira.evaluate.shares import Share, share_of, weighted_share
from basira.schema.errors import PolicyError
from basira.serving.service import Service
from basira.serving.trial import profiles_of
from basira.storage.record.figures import (
    OFFICER,
    RANDOM,
    FoundRevenue,
    Period,
    StatusCount,
    count_statuses,
    find_random_results,
    find_result_moments,
    sum_revenue,
)

# In this order; a source of another name comes behind.
SOURCES = ("mandatory", "rule", "model", "random", OFFICER, "fallback", "none", "exempt")
_HOUR = 3600.0


@dataclass(frozen=True)
class Hours:
    """Hours from the lane to the first result, of ``count`` inspected declarations: of half of them at most ``median``,
    of nine in ten at most ``late``. None where none was inspected."""

    count: int
    median: float | None
    late: float | None


@dataclass(frozen=True)
class Figures:
    """``declared``: declarations. ``selected``: of them in a lane that inspects. ``carried_out``: of the selected,
    those with a result after the lane was given. ``control``: of the declared, the same. ``hit``: of those with a
    result, the irregular ones. ``revenue``: found, in the currency of the results."""

    declared: int
    selected: Share
    carried_out: Share
    control: Share
    hit: Share
    revenue: float


@dataclass(frozen=True)
class LaneFigures:
    """``share``: of the period's declarations. ``capacity``: slots of the policy for it, over the days and offices;
    None where it needs none, or a day had no policy."""

    lane: str
    share: Share
    capacity: int | None

    @property
    def used(self) -> float | None:
        """Share of the capacity that was given away; above 1 where mandatory controls go beyond it."""
        return self.share.hits / self.capacity if self.capacity else None


@dataclass(frozen=True)
class Report:
    """The figures of a period. ``offices``, ``sources``: by name. ``undetected``: the irregular share among all that
    the draw could have taken, from its results. ``drawn``: how many were drawn, with or without a result.
    ``currency``: of the revenue, that of the profiles in force."""

    period: Period
    whole: Figures
    before: Figures
    offices: Mapping[str, Figures]
    sources: Mapping[str, Figures]
    lanes: Sequence[LaneFigures]
    hours: Hours
    hours_before: Hours
    undetected: Share
    drawn: int
    currency: str


def make_report(service: Service, period: Period) -> Report:
    """The figures of a period and of the one before it. Raises StoreError."""
    with service.database.read() as connection:
        counts = count_statuses(connection, period)
        revenue = sum_revenue(connection, period)
        before = count_statuses(connection, period.before())
        revenue_before = sum_revenue(connection, period.before())
        drawn = find_random_results(connection, period)
        moments = find_result_moments(connection, period)
        moments_before = find_result_moments(connection, period.before())
    by_office, by_source, by_result = (_groups(counts, key) for key in ("office", "source", "result_source"))
    money_by_office, money_by_source = _amounts(revenue, "office"), _amounts(revenue, "result_source")
    return Report(
        period=period,
        whole=_figures(counts, counts, _total(revenue)),
        before=_figures(before, before, _total(revenue_before)),
        offices={
            name: _figures(of_it, of_it, money_by_office.get(name, 0.0)) for name, of_it in sorted(by_office.items())
        },
        sources={
            name: _figures(by_source.get(name, ()), by_result.get(name, ()), money_by_source.get(name, 0.0))
            for name in _in_order({*by_source, *by_result})
        },
        lanes=_lanes(service, counts),
        hours=_hours(moments),
        hours_before=_hours(moments_before),
        undetected=weighted_share(drawn),
        drawn=_count(by_source.get(RANDOM, ())),
        currency=_currency(service),
    )


def _currency(service: Service) -> str:
    profiles = profiles_of(service)
    return profiles.currencies[0] if profiles is not None and profiles.currencies else CURRENCY_BEFORE


def _groups(counts: Iterable[StatusCount], key: str) -> dict[str, list[StatusCount]]:
    """The counts by the value of an attribute; those without one in no group."""
    found: dict[str, list[StatusCount]] = {}
    for one in counts:
        if (name := getattr(one, key)) is not None:
            found.setdefault(name, []).append(one)
    return found


def _amounts(revenue: Iterable[FoundRevenue], key: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for one in revenue:
        if (name := getattr(one, key)) is not None:
            found[name] = found.get(name, 0.0) + one.amount
    return found


def _total(revenue: Iterable[FoundRevenue]) -> float:
    return sum(one.amount for one in revenue)


def _in_order(sources: Iterable[str]) -> list[str]:
    return sorted(sources, key=lambda name: (SOURCES.index(name) if name in SOURCES else len(SOURCES), name))


def _figures(given: Sequence[StatusCount], found: Sequence[StatusCount], revenue: float) -> Figures:
    """``given``: whose lanes count; ``found``: whose results do, and so does their ``revenue``."""
    declared = _count(given)
    selected = _count(one for one in given if one.inspects)
    inspected = _count(one for one in given if one.inspects and one.is_inspected)
    return Figures(
        declared=declared,
        selected=share_of(selected, declared),
        carried_out=share_of(inspected, selected),
        control=share_of(inspected, declared),
        hit=share_of(
            _count(one for one in found if one.is_irregular),
            _count(one for one in found if one.is_irregular is not None),
        ),
        revenue=revenue,
    )


def _count(counts: Iterable[StatusCount]) -> int:
    return sum(one.count for one in counts)


def _lanes(service: Service, counts: Sequence[StatusCount]) -> list[LaneFigures]:
    """The most intensive lane first."""
    declared = _count(counts)
    by_day: dict[tuple[str, str], int] = {}
    by_lane: dict[str, int] = {}
    for one in counts:
        by_day[one.office, one.day] = by_day.get((one.office, one.day), 0) + one.count
        by_lane[one.lane] = by_lane.get(one.lane, 0) + one.count
    slots: dict[str, int | None] = dict.fromkeys(by_lane)
    intensity: dict[str, int] = {}
    try:
        policies = {day: service.policy(date.fromisoformat(day)) for _, day in by_day}
    except PolicyError:
        policies = {}
    for (office, day), total in by_day.items() if policies else ():
        policy = policies[day]
        intensity |= policy.intensity
        for lane in policy.lanes:
            if lane.inspects:
                capacity = policy.capacity_of(office, lane.id, day=date.fromisoformat(day), day_total=total)
                slots[lane.id] = (slots.get(lane.id) or 0) + capacity
    ordered = sorted(slots, key=lambda name: (-intensity.get(name, 0), name))
    return [LaneFigures(name, share_of(by_lane.get(name, 0), declared), slots[name]) for name in ordered]


def _hours(moments: Sequence[tuple[str, str, str]]) -> Hours:
    hours = [
        (datetime.fromisoformat(came) - datetime.fromisoformat(given)).total_seconds() / _HOUR
        for _, given, came in moments
    ]
    if not hours:
        return Hours(0, None, None)
    parts = quantiles(hours, n=10, method="inclusive") if len(hours) > 1 else [hours[0]] * 9
    return Hours(len(hours), parts[4], parts[8])
