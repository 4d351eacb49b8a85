"""The routes of the lists that rules name: read in pages, made, filled, entries ended; snoozes.

Enters: requests of a recognised principal. Leaves: the answers of `serving.views.lists`. Never here: a value of an
entry in an address, which logs keep; what an entry must be (`workflows.rules.lists`).
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Path, Query, Response
from fastapi.responses import JSONResponse

from basira.api.auth.authenticate import needs
from basira.api.http.dependencies import KNOWN_QUERY, PREFIX, InService, KnownQuery, Limit, Now
from basira.api.http.rule_problems import rule_problems
from basira.api.openapi.answers import answers_of
from basira.api.openapi.examples import LIST, LIST_END, LIST_ENTRIES, LIST_MATCH, SNOOZE, body_of
from basira.schema.access import Principal
from basira.serving.lists import add_entries_to, end_entry_of, make_list_of, put_to_sleep, read_match
from basira.serving.views.lists import list_content_body, list_history_body, list_match_body, lists_body

router = APIRouter(prefix=PREFIX)
ListName = Annotated[str, Path(min_length=1, max_length=80, description="Name of the list; `snooze:RULE` of snoozes.")]
Number = Annotated[int, Path(ge=1, le=2**31 - 1, description="Number of the entry in its list.")]
Writer = Annotated[Principal, Depends(needs("lists:write"))]
_LIST = "/lists/{name}"


@router.get(
    "/lists",
    summary="Lists that rules name",
    responses=answers_of("lists", 401, 403, 422),
    dependencies=[Depends(needs("lists:read")), KNOWN_QUERY],
)
def get_lists(service: InService) -> Response:
    """Every list with the number of its entries; those of snoozes too."""
    return JSONResponse(lists_body(service.database))


@router.get(
    _LIST,
    summary="A list with its entries",
    responses=answers_of("list_content", 401, 403, 404, 422),
    dependencies=[Depends(needs("lists:read")), KNOWN_QUERY],
)
def get_list(
    name: ListName,
    service: InService,
    on: Annotated[date | None, Query(description="Only entries in force on this day.")] = None,
    limit: Limit = 100,
    cursor: Annotated[int, Query(ge=0, lt=2**31, description="`next_cursor` of the page before.")] = 0,
) -> Response:
    """Entries in their order, those that are over too; of one whose content was erased, only its days are left."""
    return JSONResponse(list_content_body(service.database, name, on=on, after=cursor, limit=limit))


@router.get(
    f"{_LIST}/history",
    summary="The changes of a list",
    responses=answers_of("list_history", 401, 403, 404, 422),
    dependencies=[Depends(needs("lists:read")), KNOWN_QUERY],
)
def get_list_history(name: ListName, service: InService) -> Response:
    """Who changed it, when, why, and how many entries."""
    return JSONResponse(list_history_body(service.database, name))


@router.post(
    f"{_LIST}/match",
    summary="Whether a value is on a list",
    openapi_extra=body_of({"type": "object"}, value=LIST_MATCH),
    responses=answers_of("list_match", 401, 403, 404, 415, 422),
    dependencies=[Depends(needs("lists:read"))],
)
def post_match(
    name: ListName, body: Annotated[Any, Body()], service: InService, _known: KnownQuery, now: Now
) -> Response:
    """Which entry it is, or is near, on a day, and how close. Nothing is recorded."""
    value, on = read_match(body, now.date())
    return JSONResponse(list_match_body(service.database, name, value, on=on))


@router.post(
    "/lists",
    summary="Make an empty list",
    openapi_extra=body_of({"type": "object"}, list=LIST),
    responses=answers_of("list", 401, 403, 409, 415, 422),
)
def post_list(
    principal: Writer, body: Annotated[Any, Body()], service: InService, _known: KnownQuery, now: Now
) -> Response:
    """`kind`: operators, products, origins, addresses, containers; `matching`: exact, or name, by which a close name is
    on the list too, from `least_closeness` (0.7 to 1) on."""
    with rule_problems(service.language):
        return JSONResponse(make_list_of(body, service.database, by=principal, now=now))


@router.post(
    f"{_LIST}/entries",
    summary="Add entries to a list",
    openapi_extra=body_of({"type": "object"}, entries=LIST_ENTRIES),
    responses=answers_of("list", 401, 403, 404, 409, 415, 422),
)
def post_entries(
    name: ListName,
    principal: Writer,
    body: Annotated[Any, Body()],
    service: InService,
    _known: KnownQuery,
    now: Now,
) -> Response:
    """All of them as one change, or none. `seen` names the last change that the person saw: another one meanwhile is
    409. `motive` is kept for good and names no person; `reason`, `source` and `owner` can be erased with the entry."""
    with rule_problems(service.language):
        return JSONResponse(add_entries_to(body, name, service.database, by=principal, now=now))


@router.post(
    f"{_LIST}/entries/{{entry}}/end",
    summary="Give an entry an earlier end",
    openapi_extra=body_of({"type": "object"}, end=LIST_END),
    responses=answers_of("list", 401, 403, 404, 409, 415, 422),
)
def post_end(
    name: ListName,
    entry: Number,
    principal: Writer,
    body: Annotated[Any, Body()],
    service: InService,
    _known: KnownQuery,
    now: Now,
) -> Response:
    """By default it holds no more from today on. What it did until then stays on record; `snooze:RULE` is ended so
    too."""
    with rule_problems(service.language):
        return JSONResponse(end_entry_of(body, name, entry, service.database, by=principal, now=now))


@router.post(
    "/rules/{rule_id}/snoozes",
    summary="Put a rule to sleep for an operator",
    openapi_extra=body_of({"type": "object"}, snooze=SNOOZE),
    responses=answers_of("list", 401, 403, 404, 415, 422),
)
def post_snooze(
    rule_id: Annotated[str, Path(min_length=1, max_length=60)],
    principal: Writer,
    body: Annotated[Any, Body()],
    service: InService,
    _known: KnownQuery,
    now: Now,
) -> Response:
    """Within 180 days, and never a mandatory rule. A hit stays a hit, recorded as one that did not act."""
    with rule_problems(service.language):
        return JSONResponse(put_to_sleep(body, rule_id, service.database, by=principal, now=now))
