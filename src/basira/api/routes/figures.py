"""The route of a period's figures: what became of the selected controls, as JSON.

Enters: requests of a recognised principal. Leaves: `serving.views.figures`. Never here: a figure of one person.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import JSONResponse

from basira.api.auth.authenticate import needs
from basira.api.http.dependencies import KNOWN_QUERY, PREFIX, InService, Now
from basira.api.http.problems import ProblemException
from basira.api.openapi.answers import answers_of
from basira.schema.errors import Phrase
from basira.serving.admissible import folded_office
from basira.serving.views.figures import make_report
from basira.storage.record.figures import Period

router = APIRouter(prefix=PREFIX)
DEFAULT_DAYS = 28
MOST_DAYS = 5 * 366


def period_of(first: date | None, last: date | None, office: str | None, *, today: date) -> Period:
    """The period that a request asks for: up to ``today`` and of four weeks where it names no days. Raises 422 for one
    that ends before it begins, or has more days than five years."""
    last = last or today
    try:
        first = first or last - timedelta(days=DEFAULT_DAYS - 1)
        found = Period(first, last, folded_office(office or "") or None)
        found.before()
    except OverflowError:
        raise ProblemException(422, "invalid", "Expected days of this era, found others.") from None
    if not 1 <= found.day_count <= MOST_DAYS:
        raise ProblemException(
            422, "invalid", Phrase("Expected a period of 1 to {most} days, found another.", most=MOST_DAYS)
        )
    return found


@router.get(
    "/figures",
    summary="What became of the selected controls",
    responses=answers_of("figures", 401, 403, 422),
    dependencies=[Depends(needs("figures:read")), KNOWN_QUERY],
)
def get_figures(
    service: InService,
    now: Now,
    first: Annotated[date | None, Query(alias="from", description="The first day; four weeks by default.")] = None,
    last: Annotated[date | None, Query(alias="to", description="The last day; today by default.")] = None,
    office: Annotated[str | None, Query(max_length=80, description="Only this one.")] = None,
) -> Response:
    """Of a period, and of the one of the same length before it: declarations, whether the selected controls were
    carried out, what they found, hours to the result; by office, source and lane. A share has `hits`, `of`, `rate` and
    its 95 % interval (`low`, `high`). `undetected`: the irregular share that the random control estimates."""
    report = make_report(service, period_of(first, last, office, today=now.date()))
    body = asdict(report)
    body["period"] = {
        "from": report.period.first.isoformat(),
        "to": report.period.last.isoformat(),
        "office": report.period.office,
    }
    return JSONResponse(body)
