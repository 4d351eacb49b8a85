"""The routes of the audit trail: who did what and when, for auditors, as JSON in pages or as CSV.

Enters: requests of a recognised principal. Leaves: the pages of `workflows.records.activity`. Never here: a change.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import JSONResponse, StreamingResponse

from basira.api.auth.authenticate import needs
from basira.api.http.dependencies import KNOWN_QUERY, PREFIX, InService, IsCsv, Limit, Now
from basira.api.openapi.answers import answers_of
from basira.schema.records import EventKind
from basira.serving.admissible import folded_office
from basira.storage.database.connection import Database
from basira.workflows.records.activity import Of, Wanted, trail_csv, trail_page

router = APIRouter(prefix=PREFIX)


@dataclass(frozen=True)
class _Asked:
    """The parameters of both routes, and the format of the answer."""

    is_csv: IsCsv
    actor: Annotated[
        str | None, Query(min_length=1, max_length=200, description="Who did it: an id, a login or a key's name.")
    ] = None
    from_day: Annotated[date | None, Query(alias="from", description="The first day.")] = None
    to_day: Annotated[date | None, Query(alias="to", description="The last day.")] = None
    limit: Limit = 100
    cursor: Annotated[int | None, Query(ge=1, lt=2**63, description="`next_cursor` of the page before.")] = None


AskedOfTrail = Annotated[_Asked, Depends()]


@router.get(
    "/audit",
    summary="Changes of access",
    responses=answers_of("audit", 401, 403, 422, also={"text/csv": {"type": "string"}}),
    dependencies=[Depends(needs("audit:read")), KNOWN_QUERY],
)
def get_audit(
    service: InService,
    now: Now,
    asked: AskedOfTrail,
    action: Annotated[str | None, Query(max_length=80, description="Such as `user.roles_changed`.")] = None,
    subject: Annotated[str | None, Query(max_length=400, description="Such as `user/u-...` or `key/...`.")] = None,
) -> Response:
    """Who changed users, roles, keys and sessions, who was locked out, what was erased: the latest first, with what was
    before and after. `names`: the login or key's name behind an id, where it is still known."""
    wanted = Wanted(asked.actor, action, subject, None, asked.from_day, asked.to_day)
    return _answer(service.database, "access", wanted, asked, now.date())


@router.get(
    "/deeds",
    summary="What was done to declarations",
    responses=answers_of("deeds", 401, 403, 422, also={"text/csv": {"type": "string"}}),
    dependencies=[Depends(needs("deeds:read")), KNOWN_QUERY],
)
def get_deeds(
    service: InService,
    now: Now,
    asked: AskedOfTrail,
    kind: Annotated[EventKind | None, Query(description="Only these.")] = None,
    declaration: Annotated[str | None, Query(max_length=200, description="A declaration's number.")] = None,
    office: Annotated[str | None, Query(max_length=80)] = None,
) -> Response:
    """Registrations, decisions, re-selections, cancellations and results: the latest first, with who, what was before
    and after, and why. What was declared and found is at the declaration."""
    place = office and folded_office(office)
    wanted = Wanted(asked.actor, kind, declaration, place, asked.from_day, asked.to_day)
    return _answer(service.database, "declarations", wanted, asked, now.date())


def _answer(database: Database, of: Of, wanted: Wanted, asked: _Asked, day: date) -> Response:
    if not asked.is_csv:
        return JSONResponse(trail_page(database, of, wanted, before=asked.cursor, limit=asked.limit))
    named = {"Content-Disposition": f'attachment; filename="{of}-{day.isoformat()}.csv"'}
    return StreamingResponse(trail_csv(database, of, wanted), headers=named, media_type="text/csv; charset=utf-8")
