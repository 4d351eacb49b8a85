"""Taking a declaration, handing it over, having what nobody has given to the officers of an office.

Enters: a number or an office, a form. Leaves: the declaration's page or the queue, with what was done or why not. Never
here: who may take what (`basira.serving.officers`).
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from basira.api.http.dependencies import DECLARATION_PATH, InService, Now, Number
from basira.api.http.problems import ProblemException
from basira.serving.admissible import folded_office
from basira.serving.officers import HandOver, Unchanged, distribute, hand_over, take
from basira.web.access import Visitor, send
from basira.web.calls import Call
from basira.web.errors import PageRoute
from basira.web.forms import Form, own_path, read_seen
from basira.web.hands import asker_of
from basira.web.routes.declaration import Sent, Shown, declaration_page, find_shown
from basira.web.routes.queue import declaration_address

router = APIRouter(route_class=PageRoute)
Giver = Annotated[Visitor, Depends(send("hands:give"))]


@router.post(f"{DECLARATION_PATH}/take")
def post_take(
    request: Request,
    visitor: Annotated[Visitor, Depends(send("hands:take"))],
    declaration_id: Number,
    _form: Form,
    service: InService,
    now: Now,
) -> Response:
    """Take the declaration; to its page. Where another officer was first, the page says who, and since when."""
    answer = take(service, declaration_id, by=asker_of(visitor), now=now)
    if isinstance(answer, Unchanged):
        return _unchanged(Call(request, visitor, service, now), declaration_id, answer, Sent())
    return RedirectResponse(f"{declaration_address(declaration_id)}?done=taken", 303)


@router.post(f"{DECLARATION_PATH}/hand-over")
def post_hand_over(
    request: Request, visitor: Giver, declaration_id: Number, form: Form, service: InService, now: Now
) -> Response:
    """Hand the declaration over, or give it back to the queue, with a motive."""
    find_shown(service, declaration_id, visitor)  # what cannot be seen is not found, whatever the form says
    wanted = HandOver(form.get("to", ""), form.get("motive", ""), read_seen(form))
    answer = hand_over(service, declaration_id, wanted, by=asker_of(visitor), now=now)
    if isinstance(answer, Unchanged):
        return _unchanged(Call(request, visitor, service, now), declaration_id, answer, Sent(form))
    return RedirectResponse(f"{declaration_address(declaration_id)}?done=handed_over", 303)


@router.post("/queue/distribute")
def post_distribute(visitor: Giver, form: Form, service: InService, now: Now) -> Response:
    """Give what waits and nobody has, as the policy says; back to the queue."""
    office = folded_office(form.get("office", ""))
    if not office:
        raise ProblemException(422, "invalid", "Expected an office, found none.")
    if not visitor.principal.sees_office(office):
        raise ProblemException(403, "forbidden", "Expected an office that you may see, found another.")
    answer = distribute(service, office, by=asker_of(visitor), now=now)
    back = own_path(form.get("next", ""), "/queue")
    joint = "&" if "?" in back else "?"
    done = "no_officer" if isinstance(answer, Unchanged) else "distributed"
    return RedirectResponse(f"{back}{joint}done={done}", 303)


def _unchanged(call: Call, declaration_id: str, answer: Unchanged, sent: Sent) -> Response:
    """The page of the declaration, with why nothing was changed."""
    obstacle = answer.obstacle
    faults = {"motive": "fault.motive"} if obstacle == "motive" else {}
    shown = Shown(
        hands=Sent(sent.fields, faults, f"fault.hands.{obstacle}"),
        status=422 if obstacle in ("motive", "no_officer", "same_officer") else 409,
    )
    found = find_shown(call.service, declaration_id, call.visitor)
    return declaration_page(call, declaration_id, found, shown)
