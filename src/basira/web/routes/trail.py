"""Who did what, as an auditor looks it up: activity on declarations, changes of access, the heads of the chains, and a
decision made again.

Enters: filters, a declaration's number. Leaves: pages of the same answers as the API and the commands give. Never here:
a write; a personal value of a declaration.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, get_args
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response, StreamingResponse

from basira.api.http.dependencies import DECLARATION_PATH, InService, KnownQuery, Now, Number
from basira.api.http.problems import ProblemException
from basira.schema.records import EventKind
from basira.serving.admissible import folded_office
from basira.serving.replay import replay_online
from basira.serving.service import Service
from basira.serving.views.declaration import known_declaration
from basira.storage.record.verify import export_heads
from basira.web.access import Visitor, visit
from basira.web.errors import PageRoute
from basira.web.forms import read_day
from basira.web.lanes import lanes_on
from basira.web.render import page
from basira.web.routes.queue import declaration_address
from basira.workflows.records.activity import Of, TrailRow, Wanted, trail_csv, trail_page

router = APIRouter(route_class=PageRoute)
PAGE_ROWS = 50
HEADS_SHOWN = 90
KINDS: tuple[EventKind, ...] = get_args(EventKind)
OfActivity = Annotated[Visitor, Depends(visit("deeds:read"))]
OfChanges = Annotated[Visitor, Depends(visit("audit:read"))]
# A day made again takes seconds of a processor; a second one in the same process waits for the first.
_ONE_AT_A_TIME = threading.Lock()
_WAIT_SECONDS = 20.0


@dataclass(frozen=True)
class Asked:
    """What the address of a list says. ``of``: of which list. Texts are empty where nothing is asked."""

    by: str
    action: str
    subject: str
    office: str
    first: str
    last: str

    @property
    def wanted(self) -> Wanted:
        """The same for the database. Raises 422 for an invalid day."""
        return Wanted(
            self.by or None,
            self.action or None,
            self.subject or None,
            folded_office(self.office) or None,
            read_day(self.first, "from"),
            read_day(self.last, "to"),
        )

    def address(self, path: str, **more: str) -> str:
        """An address with these filters."""
        values = {
            "by": self.by,
            "action": self.action,
            "subject": self.subject,
            "office": self.office,
            "from": self.first,
            "to": self.last,
            **more,
        }
        return f"{path}?{urlencode({name: value for name, value in values.items() if value})}"


def _asked(
    by: Annotated[str, Query(max_length=200)] = "",
    action: Annotated[str, Query(max_length=80)] = "",
    subject: Annotated[str, Query(max_length=400)] = "",
    office: Annotated[str, Query(max_length=80)] = "",
    first: Annotated[str, Query(alias="from", max_length=10)] = "",
    last: Annotated[str, Query(alias="to", max_length=10)] = "",
) -> Asked:
    return Asked(by.strip(), action.strip(), subject.strip(), office.strip(), first, last)


InAsked = Annotated[Asked, Depends(_asked)]
Cursor = Annotated[int | None, Query(ge=1, lt=2**63)]


@router.get("/activity")
def get_activity(
    request: Request,
    visitor: OfActivity,
    asked: InAsked,
    _known: KnownQuery,
    service: InService,
    cursor: Cursor = None,
) -> Response:
    """What was done to declarations, the latest first."""
    return _list(request, visitor, service, "declarations", asked, cursor)


@router.get("/activity.csv")
def get_activity_csv(
    _visitor: OfActivity, asked: InAsked, _known: KnownQuery, service: InService, now: Now
) -> Response:
    """The whole list for a spreadsheet, as the API writes it."""
    return _csv(service, "declarations", asked, now.date())


@router.get("/changes")
def get_changes(
    request: Request, visitor: OfChanges, asked: InAsked, _known: KnownQuery, service: InService, cursor: Cursor = None
) -> Response:
    """Who changed users, roles, keys, sessions and policies, the latest first."""
    return _list(request, visitor, service, "access", asked, cursor)


@router.get("/changes.csv")
def get_changes_csv(_visitor: OfChanges, asked: InAsked, _known: KnownQuery, service: InService, now: Now) -> Response:
    """The whole list for a spreadsheet, as the API writes it."""
    return _csv(service, "access", asked, now.date())


@router.get("/chain")
def get_chain(request: Request, visitor: OfChanges, _known: KnownQuery, service: InService) -> Response:
    """The last hash of each stream and day, to compare with those that were kept elsewhere."""
    with service.database.read() as connection:
        heads = export_heads(connection)
    latest = sorted(heads, key=lambda one: (one.day, one.stream), reverse=True)[:HEADS_SHOWN]
    return page(request, "chain.html", visitor=visitor, heads=latest, total=len(heads))


@router.get(f"{DECLARATION_PATH}/replay")
def get_replay(request: Request, visitor: OfActivity, declaration_id: Number, service: InService) -> Response:
    """The decision in force made again from its record, and what differs. 503 while another day is made again."""
    _, status = known_declaration(service.database, declaration_id, sees=visitor.principal.sees_office)
    decision = status.decision
    if service.store is None:
        raise ProblemException(503, "unavailable", "Expected a store to replay from, found none.")
    if not _ONE_AT_A_TIME.acquire(timeout=_WAIT_SECONDS):
        raise ProblemException(503, "unavailable", "Expected room for a replay, found another under way.")
    try:
        made = replay_online(
            service, service.store, decision.office, date.fromisoformat(decision.day), declaration_id=declaration_id
        )
    finally:
        _ONE_AT_A_TIME.release()
    return page(
        request,
        "replay.html",
        visitor=visitor,
        declaration_id=declaration_id,
        address=declaration_address(declaration_id),
        decision=decision,
        lane=lanes_on(service, made.day, visitor.language).of(decision.lane),
        made=made,
        is_identical=made.fault() is None,
    )


def _list(request: Request, visitor: Visitor, service: Service, of: Of, asked: Asked, cursor: int | None) -> Response:
    path = "/activity" if of == "declarations" else "/changes"
    found = trail_page(service.database, of, asked.wanted, before=cursor, limit=PAGE_ROWS)
    names = found["names"]
    next_page = asked.address(path, cursor=str(found["next_cursor"])) if found["next_cursor"] else ""
    return page(
        request,
        "trail.html",
        visitor=visitor,
        of=of,
        path=path,
        asked=asked,
        rows=[_row(row, names, of) for row in found["rows"]],
        kinds=KINDS,
        next_page=next_page,
        first_page=asked.address(path) if cursor else "",
        csv=asked.address(f"{path}.csv"),
    )


def _row(row: TrailRow, names: Mapping[str, str], of: Of) -> dict[str, Any]:
    subject = row["subject"]
    return {
        **row,
        "who": names.get(row["by"]) or row["by"],
        "about": names.get(subject.rpartition("/")[2]) or subject,
        "address": declaration_address(subject) if of == "declarations" else "",
        "was": _facts(row["before"]),
        "is_now": _facts(row["after"]),
    }


def _facts(values: Mapping[str, object] | None) -> list[tuple[str, str]]:
    """Names and values as they are recorded; texts as they are, all else as JSON."""
    return [
        (name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        for name, value in (values or {}).items()
        if value is not None
    ]


def _csv(service: Service, of: Of, asked: Asked, today: date) -> Response:
    named = {"Content-Disposition": f'attachment; filename="{of}-{today.isoformat()}.csv"'}
    text = trail_csv(service.database, of, asked.wanted)
    return StreamingResponse(text, headers=named, media_type="text/csv; charset=utf-8")
