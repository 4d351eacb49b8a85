"""The past as pages show it: one operator, some goods, within bounds of time and memory.

Enters: a service, what to look at, days. Leaves: facts of the history, in which the service's own record is up to the
last time it was taken in (`serving.sync`). Never here: a declaration that the history does not hold yet; the right to
see it, which every caller checks first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from basira.schema.errors import UsageError
from basira.serving.service import Service
from basira.workflows.engine import EngineBounds
from basira.workflows.explore.facts import Days
from basira.workflows.explore.goods import GoodsFacts, describe_goods
from basira.workflows.explore.operator import OperatorFacts, Part, describe_operator
from basira.workflows.explore.search import FoundItems, ItemSearch, PageAsked, search_items

# A page that takes longer than this is of no use; the memory is beside that of the service.
BOUNDS = EngineBounds(memory="768MB", threads=2, seconds=20.0)
USUAL_DAYS = 365
MOST_DAYS = 3_660


@dataclass(frozen=True)
class Operator:
    """An operator as declarations name it, in one of three parts."""

    part: Part
    name: str


def days_until(today: date, first: date | None, last: date | None) -> Days:
    """The days that are asked for; the year up to ``today`` where they are not. Raises UsageError for a period that
    ends before it begins, or is longer than `MOST_DAYS`."""
    until = last or max(today, first or today)
    # No day stands before the calendar's first.
    begins = first or date.fromordinal(max(1, until.toordinal() - USUAL_DAYS + 1))
    if not timedelta(0) <= until - begins < timedelta(days=MOST_DAYS):
        raise UsageError(
            "Expected a period of 1 to {most_days} days, found {days}.",
            hint="Correct its first or its last day.",
            most_days=MOST_DAYS,
            days=(until - begins).days + 1,
        )
    return Days(begins, until, today)


def operator_facts(service: Service, operator: Operator, days: Days) -> OperatorFacts:
    """All that is known now of an operator's declarations of a period. Raises NotFoundError without a store, StoreError
    for a damaged one, UsageError when it takes longer than the bounds."""
    return describe_operator(service.history(), operator.part, operator.name, days, bounds=BOUNDS)


def goods_facts(service: Service, code: str, origin: str, days: Days) -> GoodsFacts:
    """The goods whose code begins with ``code``, of an origin; "" for whichever. Raises as `operator_facts`."""
    return describe_goods(service.history(), code, origin, days, bounds=BOUNDS)


def found_items(service: Service, wanted: ItemSearch, days: Days, asked: PageAsked) -> FoundItems:
    """A page of the items that meet everything that is wanted. Raises as `operator_facts`."""
    return search_items(service.history(), wanted, days, asked, bounds=BOUNDS)
