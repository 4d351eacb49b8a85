"""The routes of the quarantine: rejected declarations, for the persons who correct them.

Enters: requests of a recognised principal. Leaves: the pages of `serving.views.rejected`. Never here: a repair.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from basira.api.auth.authenticate import needs
from basira.api.http.dependencies import PREFIX, InService, KnownQuery, Limit
from basira.api.openapi.answers import answers_of
from basira.schema.access import Principal
from basira.serving.views.rejected import rejected_declaration, rejected_page
from basira.storage.online.rejected import State

router = APIRouter(prefix=PREFIX)


def _ascii(content: Mapping[str, object]) -> Response:
    """JSON in ASCII: its content comes from any sender, and may be read at a terminal."""
    return Response(json.dumps(content), media_type="application/json")


@router.get("/quarantine", summary="Rejected declarations", responses=answers_of("quarantine", 401, 403, 422))
def get_quarantine(
    _principal: Annotated[Principal, Depends(needs("quarantine:read"))],
    _known: KnownQuery,
    service: InService,
    state: Annotated[State, Query(description="open: not taken since; resolved: taken since.")] = "open",
    code: Annotated[str | None, Query(max_length=60, description="Only with a fault of this code.")] = None,
    limit: Limit = 100,
    cursor: Annotated[str | None, Query(max_length=300, description="`next_cursor` of the page before.")] = None,
) -> Response:
    """The latest first, with their faults and without their content.

    One is resolved when its declaration is taken, corrected, under the same number.
    """
    return _ascii(rejected_page(service.database, state=state, code=code, limit=limit, cursor=cursor))


@router.get(
    "/quarantine/{quarantine_id}",
    summary="A rejected declaration",
    responses=answers_of("refused_body", 401, 403, 404, 422),
)
def get_refused(
    quarantine_id: Annotated[str, Path(min_length=1, max_length=40)],
    _principal: Annotated[Principal, Depends(needs("quarantine:read"))],
    service: InService,
) -> Response:
    """As it was sent, with its faults: correct it and send it to `/declarations`.

    Where it is not plain JSON, `body` is null, and `body_text` is its text, escaped in ASCII.
    """
    return _ascii(rejected_declaration(service.database, quarantine_id))
