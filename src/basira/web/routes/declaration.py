"""A declaration's page: what was declared, why it is inspected, what happened to it, its result, another lane.

Enters: a number; the form of a result or of a re-selection. Leaves: the page; a recorded result or re-selection. Never
here: a declaration of an office that the person may not see; what an inspector is not shown; a result recorded twice.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from basira.api.auth.permissions import granting
from basira.api.http.dependencies import DECLARATION_PATH, InService, Now, Number, asked_of, stored_response
from basira.schema.access import Principal
from basira.selection.reselection import lanes_to_give
from basira.serving.changes.change import LONGEST_MOTIVE, SHORTEST_MOTIVE, NotAllowed, Requester, reselect
from basira.serving.message import Rejected
from basira.serving.results import SentResults, record_outcomes
from basira.serving.service import Service
from basira.serving.views.answers import DecisionBody, DeclarationBody, ItemBody, StatusBody
from basira.serving.views.declaration import declaration_history
from basira.serving.views.declared import latest_declared
from basira.serving.views.names import names_beside, names_in
from basira.web.access import Visitor, send, visit
from basira.web.errors import PageRoute
from basira.web.forms import Form
from basira.web.lanes import Lane, Lanes, lanes_on
from basira.web.people import names_of_people
from basira.web.render import page
from basira.web.result_form import FOUND_CODES, FOUND_NUMBERS, ResultForm, make_form, read_form, write_form
from basira.web.routes.queue import declaration_address

router = APIRouter(route_class=PageRoute)
_KEY = "idempotency_key"
# Fields of the forms that are not what the person typed.
_OWN = frozenset({_KEY, "csrf_token"})


@dataclass(frozen=True)
class _Sent:
    """A form that comes back with its page. ``fields``: as they were typed. ``faults``: the message of each field that
    is wrong. ``message``: of the whole form."""

    fields: Mapping[str, str] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)
    message: str = ""


_NOTHING = _Sent()


@dataclass(frozen=True)
class _Shown:
    """How the page comes back. ``result``, ``reselection``: forms that were sent and not taken. ``done``: what was."""

    result: _Sent = _NOTHING
    reselection: _Sent = _NOTHING
    status: int = 200
    done: str = ""


@router.post(f"{DECLARATION_PATH}/result")
def post_result(
    request: Request,
    visitor: Annotated[Visitor, Depends(send("outcomes:write"))],
    declaration_id: Number,
    form: Form,
    service: InService,
    now: Now,
) -> Response:
    """Record the results that the form states, all or none; then back to the page. What is wrong is shown at its field,
    with everything that was typed. The same form again changes nothing."""
    typed = {name: value for name, value in form.items() if name not in _OWN}
    key = form.get(_KEY) or None
    asked = asked_of(visitor.principal, "POST result form", key, typed, declaration_id=declaration_id)
    done = RedirectResponse(f"{declaration_address(declaration_id)}?done=result", 303)
    if stored_response(service, asked, now=now) is not None:
        return done
    found = _find(service, declaration_id, visitor)
    read = read_form(_form_of(found), typed, lane=found["standing"]["lane"], known_at=now)
    if read.faults:
        sent = _Sent(typed, read.faults, "fault.form")
        return _page(request, visitor, declaration_id, service, found, _Shown(result=sent, status=422))
    answer = record_outcomes(
        SentResults(read.results, form.get("seen", "")),
        declaration_id,
        service,
        now=now,
        asked=asked,
        sees=visitor.principal.sees_office,
        signs_as=visitor.principal.id,
    )
    if isinstance(answer, Rejected):
        # The second of two clicks, when the first one was recorded between the look for its answer and this one.
        if answer.is_conflict and stored_response(service, asked, now=now) is not None:
            return done
        message = "fault.changed_meanwhile" if answer.is_conflict else "fault.form"
        sent = _Sent(typed, _result_faults(answer), message)
        status = 409 if answer.is_conflict else 422
        found = _find(service, declaration_id, visitor)
        return _page(request, visitor, declaration_id, service, found, _Shown(result=sent, status=status))
    return done


@router.post(f"{DECLARATION_PATH}/reselection")
def post_reselection(
    request: Request,
    visitor: Annotated[Visitor, Depends(send("reselections:write"))],
    declaration_id: Number,
    form: Form,
    service: InService,
    now: Now,
) -> Response:
    """Give the declaration another lane, with the motive, as the API does; then back to the page."""
    typed = {name: form.get(name, "").strip() for name in ("lane", "motive", "note", "given_by")}
    body = {name: value for name, value in typed.items() if value}
    asked = asked_of(
        visitor.principal, "POST reselection form", form.get(_KEY) or None, body, declaration_id=declaration_id
    )
    done = RedirectResponse(f"{declaration_address(declaration_id)}?done=reselection", 303)
    if stored_response(service, asked, now=now) is not None:
        return done
    by = Requester(asked, visitor.principal.sees_office, _may_lower(visitor.everything))
    answer = reselect(body, declaration_id, service, now=now, by=by)
    if isinstance(answer, Rejected | NotAllowed):
        if stored_response(service, asked, now=now) is not None:
            return done
        sent = replace(_why(answer), fields=typed)
        status = 403 if isinstance(answer, NotAllowed) else 409 if answer.is_conflict else 422
        found = _find(service, declaration_id, visitor)
        return _page(request, visitor, declaration_id, service, found, _Shown(reselection=sent, status=status))
    return done


@router.get(DECLARATION_PATH)
def get_declaration(
    request: Request,
    visitor: Annotated[Visitor, Depends(visit("declarations:read"))],
    declaration_id: Number,
    service: InService,
    done: str = "",
) -> Response:
    """The page of a declaration. One of an office that the person may not see is not found, as an unknown one."""
    found = _find(service, declaration_id, visitor)
    done = done if done in ("result", "reselection") else ""
    return _page(request, visitor, declaration_id, service, found, _Shown(done=done))


def _find(service: Service, declaration_id: str, visitor: Visitor) -> DeclarationBody:
    return declaration_history(
        service.database,
        declaration_id,
        language=visitor.language,
        sees=visitor.principal.sees_office,
        is_secret_hidden=visitor.hides_secrets,
    )


def _decision(found: DeclarationBody) -> DecisionBody:
    """The decision in force, or the one that a re-selection changed."""
    named = found["standing"]["decision_id"]
    return next(one for one in found["decisions"] if one["decision_id"] == named)


def _items(found: DeclarationBody) -> Sequence[ItemBody]:
    """The items with their reasons; those of a re-selection where the decision was recorded without."""
    given_by = found["standing"]["given_by"]
    given = next(step for step in found["history"] if step["event_id"] == given_by)
    return given.get("items") or _decision(found)["items"]


def _form_of(found: DeclarationBody) -> ResultForm:
    return make_form(_items(found))


def _page(
    request: Request,
    visitor: Visitor,
    declaration_id: str,
    service: Service,
    found: DeclarationBody,
    shown: _Shown,
) -> Response:
    result, reselection = shown.result, shown.reselection
    standing, decision = found["standing"], _decision(found)
    now = request.app.state.clock()
    lanes = lanes_on(service, now.date(), visitor.language)
    form = _form_of(found)
    results = [one["result"] for one in found["outcomes"]]
    typed = result.fields or write_form(form, results)
    declared = latest_declared(service.database, [declaration_id]).get(declaration_id)
    register = names_in(service)
    names = names_of_people(service, {step["by"] for step in found["history"]})
    return page(
        request,
        "declaration.html",
        visitor=visitor,
        status=shown.status,
        declaration_id=declaration_id,
        address=declaration_address(declaration_id),
        standing=standing,
        decision=decision,
        lane=lanes.of(standing["lane"]),
        lanes=lanes,
        declared=declared,
        operator_names=names_beside(declared.operators, register) if declared else {},
        office_name=register.offices.get(standing["office"], ""),
        items=_items(found),
        explanation=found["explanation"],
        history=found["history"],
        names=names,
        results=results,
        form=form,
        fields=typed,
        faults=result.faults,
        result_message=result.message,
        found_numbers=FOUND_NUMBERS,
        found_codes=FOUND_CODES,
        may_record=visitor.may("outcomes:write") and standing["status"] != "cancelled",
        lanes_to_give=_lanes_to_give(lanes, standing, visitor),
        reselection=reselection,
        motive_bounds=(SHORTEST_MOTIVE, LONGEST_MOTIVE),
        seen=found["history"][-1]["event_id"],
        key=secrets.token_urlsafe(16),
        done=shown.done,
    )


def _lanes_to_give(lanes: Lanes, standing: StatusBody, visitor: Visitor) -> list[Lane]:
    """The lanes that the person may give in place of the one in force; those that are less intensive only where the
    role may lower. Whether a control was drawn at random is not considered: the list would reveal it."""
    if lanes.policy is None or not visitor.may("reselections:write") or standing["status"] == "cancelled":
        return []
    intensity, office = lanes.policy.intensity, standing["office"]
    least = 0 if _may_lower(visitor.everything)(office) else intensity.get(standing["lane"], 0)
    names = lanes_to_give(lanes.policy)
    return [lanes.of(name) for name in names if name != standing["lane"] and intensity[name] >= least]


def _may_lower(principal: Principal) -> Callable[[str], bool]:
    """Whether the person may give a less intensive lane at an office."""
    narrowed = replace(principal, grants=granting(principal.grants, "reselections:lower"))
    return lambda office: bool(narrowed.grants) and narrowed.sees_office(office)


def _result_faults(rejected: Rejected) -> dict[str, str]:
    """The faults of results at the fields of the form: at a found value, else at the item's conclusion."""
    if rejected.is_conflict:
        return {}
    faults = {}
    for fault in rejected.faults:
        is_found = fault.field in FOUND_NUMBERS or fault.field in FOUND_CODES
        name = f"found-{fault.item}-{fault.field}" if is_found else f"item-{fault.item}"
        faults[name] = "fault.code" if fault.field in FOUND_CODES else "fault.value"
    return faults


def _why(answer: Rejected | NotAllowed) -> _Sent:
    """Why a re-selection is not made, as messages."""
    if isinstance(answer, NotAllowed):
        return _Sent(message="fault.seen_required" if answer.code == "seen_required" else "fault.lowering_not_allowed")
    codes = {fault.code for fault in answer.faults}
    for code in ("changed_meanwhile", "same_lane", "cancelled"):
        if code in codes:
            return _Sent(message=f"fault.{code}")
    faults = {
        fault.field: f"fault.{fault.field}" for fault in answer.faults if fault.field in ("lane", "motive", "note")
    }
    return _Sent(faults=faults, message="fault.form")
