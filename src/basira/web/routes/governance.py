"""What the system may decide and who oversees it, on one page that may be printed.

Enters: a visitor. Leaves: a page of eight parts. Never here: a fact that is not read off the policy, the record, the
code or the last night.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from basira import __version__
from basira.api.http.dependencies import InService, KnownQuery, Now
from basira.serving.governance import read_governance
from basira.web.access import Visitor, visit
from basira.web.errors import PageRoute
from basira.web.lanes import lanes_on
from basira.web.render import page

router = APIRouter(route_class=PageRoute)
Reader = Annotated[Visitor, Depends(visit("figures:read"))]
# In the order of the page.
PARTS = ("decides", "oversight", "data", "errors", "appeals", "retention", "models", "changes")


@router.get("/governance")
def get_governance(request: Request, visitor: Reader, _known: KnownQuery, service: InService, now: Now) -> Response:
    """The page, as of today."""
    found = read_governance(service, today=now.date())
    kept = next((one for one in request.app.state.settings_shown if one.name == "BASIRA_QUARANTINE_DAYS"), None)
    return page(
        request,
        "governance.html",
        visitor=visitor,
        found=found,
        parts=PARTS,
        lanes=lanes_on(service, now.date(), visitor.language),
        quarantine_days=None if kept is None or not kept.value.isdecimal() else int(kept.value),
        software=__version__,
    )
