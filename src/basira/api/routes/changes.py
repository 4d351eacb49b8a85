"""The routes that change what was decided: re-selection by an officer, cancellation.

Enters: requests of a recognised principal, with a motive. Leaves: the answer of `serving.changes.change`. Never here: a
rule of what may be changed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Header, Response
from fastapi.responses import JSONResponse

from basira.api.auth.authenticate import may, needs
from basira.api.auth.permissions import granting
from basira.api.http.dependencies import (
    DECLARATION_PATH,
    PREFIX,
    InService,
    Key,
    Now,
    Number,
    asked_of,
    stored_response,
)
from basira.api.http.problems import problem, rejection_response
from basira.api.openapi.answers import (
    CANCELLATION,
    CANCELLATION_SCHEMA,
    RESELECTION,
    RESELECTION_SCHEMA,
    answers_of,
)
from basira.api.openapi.examples import body_of
from basira.schema.access import Principal
from basira.serving.changes.change import NotAllowed, Requester, cancel, reselect
from basira.serving.message import Rejected
from basira.serving.views.answers import ChangeAnswer

router = APIRouter(prefix=PREFIX)
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        max_length=300,
        description="The `ETag` of the declaration as it was seen; or `given_by` in the body.",
    ),
]
_SEEN = "`given_by` is that of the declaration's own `standing`: with this one the answer is 409."
# For a change that may not be made: its status, and what to do.
_NOT_ALLOWED = {
    "seen_required": (428, "GET the declaration: its ETag, or given_by of its standing, names the lane that you saw."),
    "lowering_not_allowed": (403, "Leave the lane, or give a more intensive one."),
}
_ASK_OTHERS = "Give a more intensive lane, or ask an officer whose role may lower."


@router.post(
    f"{DECLARATION_PATH}/reselection",
    summary="Give a declaration another lane",
    openapi_extra=body_of(RESELECTION_SCHEMA, about=_SEEN, reselection=RESELECTION),
    responses=answers_of("reselection", 401, 403, 404, 409, 415, 422, 428),
)
def post_reselection(
    principal: Annotated[Principal, Depends(needs("reselections:write"))],
    declaration_id: Number,
    body: Annotated[Any, Body()],
    service: InService,
    now: Now,
    key: Key = None,
    seen: IfMatch = None,
) -> Response:
    """An officer's lane in place of the one in force, with the motive. Undo it by another re-selection.

    It names the lane that was seen (`If-Match`, or `given_by`), so that two officers don't overwrite one another: 409
    when it changed meanwhile. A less intensive lane needs the right to lower.
    """
    asked = asked_of(principal, "POST reselection", key, body, declaration_id=declaration_id)
    if (given := stored_response(service, asked, now=now)) is not None:
        return given
    by = Requester(asked, principal.sees_office, _may_lower(principal), _event(seen))
    return _answer(reselect(body, declaration_id, service, now=now, by=by))


@router.post(
    f"{DECLARATION_PATH}/cancellation",
    summary="Cancel a declaration",
    openapi_extra=body_of(CANCELLATION_SCHEMA, cancellation=CANCELLATION),
    responses=answers_of("cancellation", 401, 403, 404, 409, 415, 422, 428),
)
def post_cancellation(
    principal: Annotated[Principal, Depends(needs("cancellations:write"))],
    declaration_id: Number,
    body: Annotated[Any, Body()],
    service: InService,
    now: Now,
    key: Key = None,
    seen: IfMatch = None,
) -> Response:
    """The declaration leaves the queue for good, and its slot is free again unless it was inspected. Later amendments
    get 409; results are still recorded. The same again changes nothing."""
    asked = asked_of(principal, "POST cancellation", key, body, declaration_id=declaration_id)
    if (given := stored_response(service, asked, now=now)) is not None:
        return given
    by = Requester(asked, principal.sees_office, seen=_event(seen))
    return _answer(cancel(body, declaration_id, service, now=now, by=by))


def _may_lower(principal: Principal) -> Callable[[str], bool]:
    """Whether the caller may give a less intensive lane at an office."""
    narrowed = replace(principal, grants=granting(principal.grants, "reselections:lower"))
    return lambda office: may(principal, "reselections:lower") and narrowed.sees_office(office)


def _event(etag: str | None) -> str | None:
    return None if etag is None else etag.removeprefix("W/").strip().strip('"')


def _answer(found: ChangeAnswer | Rejected | NotAllowed) -> Response:
    if isinstance(found, Rejected):
        return rejection_response(found)
    if isinstance(found, NotAllowed):
        status, hint = _NOT_ALLOWED[found.code]
        return problem(status, found.code, found.detail, hint=_ASK_OTHERS if found.is_open_to_others else hint)
    return JSONResponse(found, headers={"ETag": f'"{found["standing"]["given_by"]}"'})
