"""The register of risks as pages: the register, one risk with its versions, a new one, a change, a review.

Enters: forms. Leaves: pages, files; versions on record by `workflows.rules.register`, each with its event in the audit.
Never here: a version that takes the place of another: all stay.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import RedirectResponse, Response

from basira.api.http.dependencies import InService, KnownQuery, Now
from basira.api.http.problems import ProblemException
from basira.render.workbook import Cell
from basira.rules.register import HIGHEST, TREATMENTS, Review, Risk, Treatment
from basira.schema.errors import Phrase, RuleError
from basira.serving.rules import said_in
from basira.serving.service import Service
from basira.web.access import Visitor, send, visit
from basira.web.calls import Call
from basira.web.errors import PageRoute
from basira.web.forms import Fields, Form, read_day, read_seen
from basira.web.people import names_of_people
from basira.web.render import page, words_of
from basira.web.routes.lists import Said
from basira.web.tables import Ending, Table, as_file
from basira.workflows.rules.register import RiskShown, review_entry, show_entry, show_register, write_entry

router = APIRouter(route_class=PageRoute)
PATH = "/risks"
Reader = Annotated[Visitor, Depends(visit("risks:read"))]
Writer = Annotated[Visitor, Depends(send("risks:write"))]
RiskId = Annotated[str, Path(min_length=1, max_length=60)]
_OF_RISK = f"{PATH}/{{risk_id}}"
REVIEW_DAYS = 180
_DONE = ("recorded", "reviewed")


@router.get(PATH)
def get_risks(request: Request, visitor: Reader, _known: KnownQuery, service: InService, now: Now) -> Response:
    """Every risk in its last version: those whose review is overdue first, then the gravest."""
    shown = _register(service, now.date())
    return page(request, "risks.html", visitor=visitor, shown=shown, may_write=visitor.may("risks:write"))


@router.get(f"{PATH}.csv")
def get_risks_csv(visitor: Reader, _known: KnownQuery, service: InService, now: Now) -> Response:
    """The register for a spreadsheet."""
    return _file(visitor, service, now, "csv")


@router.get(f"{PATH}.xlsx")
def get_risks_xlsx(visitor: Reader, _known: KnownQuery, service: InService, now: Now) -> Response:
    """The register as a workbook."""
    return _file(visitor, service, now, "xlsx")


def _register(service: Service, today: date) -> list[RiskShown]:
    with service.database.read() as connection:
        return show_register(connection, on=today)


def _file(visitor: Visitor, service: Service, now: datetime, ending: Ending) -> Response:
    words = words_of(visitor.language)
    columns = ("id", "title", "level", "likelihood", "consequence", "owner", "office", "treatment", "plan", "rules")
    header = [words.say(f"risk.column.{name}") for name in (*columns, "review", "state")]

    def cells(one: RiskShown) -> list[Cell]:
        risk = one.risk
        level, treatment = words.say(f"risk.level.{risk.level}"), words.say(f"risk.treatment.{risk.treatment}")
        first: list[Cell] = [risk.risk_id, risk.title, level, risk.likelihood, risk.consequence, risk.owner]
        second: list[Cell] = [risk.office, treatment, risk.plan, ", ".join(risk.rules), risk.review_on.isoformat()]
        return [*first, *second, words.say(f"risk.state.{'overdue' if one.is_overdue else risk.state}")]

    rows = [cells(one) for one in _register(service, now.date())]
    table = Table("risks", words.say("risks.title"), header, rows)
    return as_file(table, ending, today=now.date(), language=visitor.language)


@router.get(f"{PATH}/new", dependencies=[Depends(visit("risks:write"))])
def get_new(request: Request, visitor: Reader, _known: KnownQuery, now: Now) -> Response:
    """The form of a new risk."""
    fields = {
        "likelihood": "3",
        "consequence": "3",
        "treatment": "reduce",
        "review_on": (now.date() + timedelta(days=REVIEW_DAYS)).isoformat(),
        "seen": "0",
    }
    return _form(request, visitor, fields, None)


@router.post(f"{PATH}/new")
def post_risk(request: Request, visitor: Writer, form: Form, service: InService, now: Now) -> Response:
    """Record a version: the first one of a new risk, or the next one after the version that was seen."""
    seen = read_seen(form)
    motive = form.get("motive", "").strip() or None
    try:
        risk = _risk_of(form)
        login = visitor.user.login or ""
        write_entry(service.database, risk, login=login, now=now, expected=seen, motive=motive)
    except RuleError as error:
        return _form(request, visitor, form, _fault(error, visitor))
    return RedirectResponse(f"{PATH}/{risk.risk_id}?done=recorded", 303)


@router.get(_OF_RISK)
def get_risk(
    request: Request,
    visitor: Reader,
    risk_id: RiskId,
    _known: KnownQuery,
    service: InService,
    now: Now,
    done: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """One risk: what it is now, its versions, the form of a review."""
    return _risk(Call(request, visitor, service, now), risk_id, done=done)


@router.get(f"{_OF_RISK}/change", dependencies=[Depends(visit("risks:write"))])
def get_change(
    request: Request, visitor: Reader, risk_id: RiskId, _known: KnownQuery, service: InService, now: Now
) -> Response:
    """The form of the next version, filled in with the last one."""
    with service.database.read() as connection:
        last = show_entry(connection, risk_id, on=now.date())[-1]
    return _form(request, visitor, _fields(last), None)


@router.post(f"{_OF_RISK}/review")
def post_review(
    request: Request, visitor: Writer, risk_id: RiskId, form: Form, service: InService, now: Now
) -> Response:
    """Record that the risk was looked at: what it is now, why, and when next."""
    seen = read_seen(form)
    try:
        review = Review(
            next_on=_day(form.get("review_on", "")),
            motive=form.get("motive", ""),
            likelihood=_level(form.get("likelihood", "")),
            consequence=_level(form.get("consequence", "")),
            is_closed=form.get("is_closed") == "yes",
        )
        login = visitor.user.login or ""
        review_entry(service.database, risk_id, review, login=login, now=now, expected=seen)
    except RuleError as error:
        return _risk(Call(request, visitor, service, now), risk_id, fault=_fault(error, visitor), fields=form)
    return RedirectResponse(f"{PATH}/{risk_id}?done=reviewed", 303)


def _fault(error: RuleError, visitor: Visitor) -> Said:
    """What is wrong with the form. Of a version that is no longer the last the page says what to do."""
    if error.reason != "risk_changed":
        return Said(*said_in(error, visitor.language))
    words = words_of(visitor.language)
    return Said(words.say("risk.fault.changed"), words.say("risk.fault.changed.hint"))


def _day(text: str) -> date:
    found = read_day(text, "review_on")
    if found is None:
        raise ProblemException(422, "invalid", "Expected a day in review_on, found none.", hint="Fill it in.")
    return found


def _level(text: str) -> int:
    if text not in {str(one) for one in range(1, HIGHEST + 1)}:
        raise ProblemException(
            422, "invalid", Phrase("Expected a level of 1 to {highest}, found another text.", highest=HIGHEST)
        )
    return int(text)


def _risk_of(form: Fields) -> Risk:
    treatments: dict[str, Treatment] = {one: one for one in TREATMENTS}
    if form.get("treatment") not in treatments:
        raise ProblemException(422, "invalid", "Expected a treatment, found another text.")
    return Risk(
        risk_id=form.get("risk_id", "").strip(),
        title=form.get("title", ""),
        owner=form.get("owner", ""),
        likelihood=_level(form.get("likelihood", "")),
        consequence=_level(form.get("consequence", "")),
        treatment=treatments[form["treatment"]],
        plan=form.get("plan", ""),
        review_on=_day(form.get("review_on", "")),
        office=form.get("office", ""),
        rules=tuple(part for part in re.split(r"[,;\s]+", form.get("rules", "")) if part),
    )


def _fields(one: RiskShown) -> Fields:
    risk = one.risk
    return {
        "risk_id": risk.risk_id,
        "title": risk.title,
        "owner": risk.owner,
        "likelihood": str(risk.likelihood),
        "consequence": str(risk.consequence),
        "treatment": risk.treatment,
        "plan": risk.plan,
        "review_on": risk.review_on.isoformat(),
        "office": risk.office,
        "rules": ", ".join(risk.rules),
        "seen": str(one.stored.version),
    }


def _form(request: Request, visitor: Visitor, fields: Fields, fault: Said | None) -> Response:
    return page(
        request,
        "risk_form.html",
        visitor=visitor,
        status=422 if fault else 200,
        fields=fields,
        fault=fault,
        treatments=TREATMENTS,
        highest=HIGHEST,
        may_write=visitor.may("risks:write"),
    )


def _risk(
    call: Call,
    risk_id: str,
    *,
    done: str = "",
    fault: Said | None = None,
    fields: Fields | None = None,
) -> Response:
    with call.service.database.read() as connection:
        versions = show_entry(connection, risk_id, on=call.today)
    last = versions[-1]
    usual = {**_fields(last), "review_on": (call.today + timedelta(days=REVIEW_DAYS)).isoformat(), "motive": ""}
    return page(
        call.request,
        "risk.html",
        visitor=call.visitor,
        status=422 if fault else 200,
        one=last,
        versions=versions,
        names=names_of_people(call.service, [one.stored.actor for one in versions]),
        may_write=call.visitor.may("risks:write"),
        highest=HIGHEST,
        done=done if done in _DONE else "",
        fault=fault,
        fields=fields or usual,
    )
