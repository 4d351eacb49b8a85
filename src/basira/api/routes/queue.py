"""The route of an office's queue, as JSON in pages or as CSV.

Enters: requests of a recognised principal. Leaves: the pages of `serving.views.queue`. Never here: an office that the
principal may not see.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse

from basira.api.auth.authenticate import hides_secrets, needs
from basira.api.http.dependencies import PREFIX, InService, IsCsv, KnownQuery, Limit, Now
from basira.api.http.problems import ProblemException, rejection_response
from basira.api.openapi.answers import answers_of
from basira.schema.access import Principal
from basira.serving.admissible import folded_office
from basira.serving.status import StatusName
from basira.serving.views.queue import Queue, check_queue, queue_csv, queue_page

router = APIRouter(prefix=PREFIX)


@dataclass(frozen=True)
class _Asked:
    """Which queue, which page of it, and the format of the answer."""

    is_csv: IsCsv
    office: Annotated[str, Query(min_length=1, max_length=100, description="In capitals or not.")]
    day: Annotated[date | None, Query(description="Today by default.")] = None
    lane: Annotated[str | None, Query(max_length=100, description="A lane of the day's policy.")] = None
    status: Annotated[StatusName | None, Query(description="Cancelled declarations are in no queue.")] = None
    limit: Limit = 100
    cursor: Annotated[str | None, Query(max_length=200, description="`next_cursor` of the page before.")] = None


@router.get(
    "/queue",
    summary="An office's declarations of a day",
    responses=answers_of("queue", 401, 403, 422, also={"text/csv": {"type": "string"}}),
)
def get_queue(
    principal: Annotated[Principal, Depends(needs("queue:read"))],
    _known: KnownQuery,
    service: InService,
    now: Now,
    asked: Annotated[_Asked, Depends()],
) -> Response:
    """Declarations whose lane is in force, the most intensive lane first, then by expected revenue.

    `status`: waiting, inspected (a result came), released (the lane does not inspect). With `format=csv`, or
    `Accept: text/csv`, the whole queue for a spreadsheet.
    """
    office = folded_office(asked.office)
    if not office:
        raise RequestValidationError([{"loc": ("query", "office"), "type": "missing", "msg": "", "input": None}])
    if not principal.sees_office(office):
        raise ProblemException(
            403, "forbidden", "Expected an office that you may see, found another.", hint="Ask for your own office."
        )
    on = asked.day or now.date()
    if (rejected := check_queue(service, office, on, lane=asked.lane)) is not None:
        return rejection_response(rejected)
    queue = Queue(office, on, asked.lane, asked.status, service.language, hides_secrets(principal))
    if asked.is_csv:
        named = {"Content-Disposition": f'attachment; filename="queue-{on.isoformat()}.csv"'}
        return StreamingResponse(queue_csv(service, queue), headers=named, media_type="text/csv; charset=utf-8")
    page = queue_page(service, queue, limit=asked.limit, cursor=asked.cursor)
    body = {
        "office": office,
        "day": on.isoformat(),
        "lane": asked.lane,
        "status": asked.status,
        "total": page.total,
        "decisions": list(page.rows),
        "next_cursor": page.next_cursor,
    }
    return JSONResponse(body)
