"""The parts that pages are made of, each once, for those who make another page.

Enters: a person who is logged in. Leaves: a page of samples. Never here: a fact of a declaration.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from basira.api.http.dependencies import InService, KnownQuery, Now
from basira.web.access import Visitor, visit_as_person
from basira.web.bars import Bar
from basira.web.errors import PageRoute
from basira.web.lanes import MOST_INTENSIVE, Lane, lanes_on
from basira.web.render import page

router = APIRouter(route_class=PageRoute)
_BARS = (Bar("AGADIR", 0.62, 0.48, 0.74), Bar("CASA-PORT", 0.91, 0.85, 0.95), Bar("TNG-MED", None))


@router.get("/components")
def get_components(
    request: Request,
    visitor: Annotated[Visitor, Depends(visit_as_person)],
    _known: KnownQuery,
    service: InService,
    now: Now,
) -> Response:
    """Each part once, under its name in the templates and the style sheet."""
    known = lanes_on(service, now.date(), visitor.language).known.values()
    levels = {lane.level: lane for lane in known}
    lanes = [levels.get(level) or Lane(str(level), f"{level}", level) for level in range(MOST_INTENSIVE + 1)]
    return page(request, "components.html", visitor=visitor, lanes=lanes, bars=_BARS)
