"""The queue of an office, as an inspector works through it.

Enters: an office, a day or every day, filters. Leaves: a page of rows, the same as CSV, the next declaration that
waits. Never here: an office that the person may not see; an order that shows an inspector what the model expects.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal, cast
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import RedirectResponse, Response, StreamingResponse

from basira.api.http.dependencies import InService, KnownQuery, Now
from basira.api.http.problems import ProblemException
from basira.schema.text import fold_identifier
from basira.serving.admissible import folded_office
from basira.serving.service import Service
from basira.serving.status import StatusName
from basira.serving.views.declared import Declared, latest_declared
from basira.serving.views.names import names_beside, names_in
from basira.serving.views.queue import Queue, check_queue, queue_csv
from basira.serving.views.queue_lines import QueueLine, queue_lines
from basira.storage.register import Register
from basira.web.access import Visitor, visit
from basira.web.errors import PageRoute
from basira.web.forms import read_day
from basira.web.lanes import Lanes, lanes_on
from basira.web.render import page

router = APIRouter(route_class=PageRoute)
PAGE_ROWS = 50
EVERY_DAY = "all"
Which = Literal["waiting", "inspected", "released", "all"]
Reader = Annotated[Visitor, Depends(visit("queue:read"))]


@dataclass(frozen=True)
class Filters:
    """What the address of a queue says. ``day``: None: every day."""

    office: str
    day: date | None
    lane: str | None
    status: StatusName | None

    def address(self, path: str, **more: str) -> str:
        """An address with these filters."""
        values = {
            "office": self.office,
            "day": self.day.isoformat() if self.day else EVERY_DAY,
            "lane": self.lane or "",
            "status": self.status or "all",
            **more,
        }
        return f"{path}?{urlencode({name: value for name, value in values.items() if value})}"


def _filters(
    visitor: Reader,
    service: InService,
    now: Now,
    office: Annotated[str, Query(max_length=100)] = "",
    day: Annotated[str, Query(max_length=10)] = EVERY_DAY,
    lane: Annotated[str, Query(max_length=100)] = "",
    status: Which = "waiting",
) -> Filters:
    """The filters of a request; the first of the person's offices by default. Raises 403 for an office that the person
    may not see, 422 for one, a lane or a day that there is none of."""
    office = folded_office(office) or next(iter(offices_of(visitor, service, now.date())), "")
    if office and not visitor.principal.sees_office(office):
        raise ProblemException(403, "forbidden", "Expected an office that you may see, found another.")
    on = None if day == EVERY_DAY else read_day(day, "day")
    if office and check_queue(service, office, on or now.date(), lane=lane or None) is not None:
        raise ProblemException(422, "invalid", "Expected an office and a lane of the policy, found others.")
    return Filters(office, on, lane or None, None if status == "all" else cast("StatusName", status))


InFilters = Annotated[Filters, Depends(_filters)]


def offices_of(visitor: Visitor, service: Service, today: date) -> tuple[str, ...]:
    """The offices to choose from: the person's own, or those of the policy. Empty where the policy lists none."""
    if visitor.own_offices is not None:
        return visitor.own_offices
    policy = lanes_on(service, today, visitor.language).policy
    return policy.offices if policy else ()


@router.get("/queue")
def get_queue(
    request: Request,
    visitor: Reader,
    filters: InFilters,
    _known: KnownQuery,
    service: InService,
    now: Now,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """The queue: by default all that still waits, of whichever day."""
    lanes = lanes_on(service, filters.day or now.date(), visitor.language)
    shown = queue_lines(service, _queue(filters, visitor), limit=PAGE_ROWS, cursor=cursor, today=now.date())
    declared = latest_declared(service.database, [line.declaration_id for line in shown.lines])
    register = names_in(service)
    next_page = filters.address("/queue", cursor=shown.next_cursor) if shown.next_cursor else ""
    return page(
        request,
        "queue.html",
        visitor=visitor,
        filters=filters,
        offices=offices_of(visitor, service, now.date()),
        lanes=list(lanes.known.values()),
        office_names=register.offices,
        rows=[_row(line, declared.get(line.declaration_id), lanes, register) for line in shown.lines],
        total=shown.total,
        next_page=next_page,
        first_page=filters.address("/queue") if cursor else "",
        csv=filters.address("/queue.csv"),
        today=now.date().isoformat(),
    )


@router.get("/queue.csv")
def get_queue_csv(visitor: Reader, filters: InFilters, _known: KnownQuery, service: InService, now: Now) -> Response:
    """The whole queue for a spreadsheet, as the API writes it, in the person's language."""
    named = {"Content-Disposition": f'attachment; filename="queue-{now.date().isoformat()}.csv"'}
    text = queue_csv(service, _queue(filters, visitor), today=now.date())
    return StreamingResponse(text, headers=named, media_type="text/csv; charset=utf-8")


@router.get("/queue/next")
def get_next(visitor: Reader, filters: InFilters, _known: KnownQuery, service: InService, now: Now) -> Response:
    """The first declaration that waits; the queue when none does."""
    shown = queue_lines(service, _queue(filters, visitor), limit=1, today=now.date())
    if not shown.lines:
        return RedirectResponse(filters.address("/queue"), 303)
    return RedirectResponse(declaration_address(shown.lines[0].declaration_id), 303)


@router.get("/search", dependencies=[Depends(visit("declarations:read"))])
def get_search(number: Annotated[str, Query(max_length=200)] = "") -> Response:
    """The declaration of a number, in whichever form it was typed; the page says when there is none to see."""
    folded = fold_identifier(number) or number.strip()
    return RedirectResponse(declaration_address(folded) if folded else "/queue", 303)


def declaration_address(declaration_id: str) -> str:
    """The address of a declaration's page."""
    return f"/declarations/{quote(declaration_id, safe='/')}"


def _queue(filters: Filters, visitor: Visitor) -> Queue:
    return Queue(filters.office, filters.day, filters.lane, filters.status, visitor.language, visitor.hides_secrets)


def _row(line: QueueLine, declared: Declared | None, lanes: Lanes, register: Register) -> dict[str, Any]:
    """A row as the page shows it: the line, the goods, the operator."""
    items = declared.items if declared else ()
    names = names_beside(declared.operators, register) if declared else {}
    return {
        "line": line,
        "address": declaration_address(line.declaration_id),
        "lane": lanes.of(line.lane),
        "goods": items[0].get("description") or "" if items else "",
        "code": items[0].get("commodity_code", "") if items else "",
        "more_items": max(0, len(items) - 1),
        "operator": declared.operators.get("importer_id") if declared else None,
        "operator_name": names.get("importer_id", ""),
    }
