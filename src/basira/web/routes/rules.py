"""Rules of analysts as pages: the list, one rule with its versions and steps, the form with its live check.

Enters: what the address or a form says. Leaves: pages of the answers that the API gives; a version or a step on record.
Never here: who may take a step (`rules.lifecycle`); an entry of a list.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Literal, get_args

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import RedirectResponse, Response

from basira.api.http.dependencies import InService, KnownQuery, Now
from basira.api.http.problems import ProblemException
from basira.rules.lifecycle import AUTHORS, STATES, State, Status, Step, open_steps, roles_over, takes_motive
from basira.rules.model import KINDS
from basira.schema.errors import NotFoundError, RuleError
from basira.schema.json_values import JsonObject
from basira.serving.rules import add_rule, check_rule, said_in, step_rule
from basira.serving.service import Service
from basira.serving.views.rules import RuleHistoryBody, RuleVersionBody, list_body, rule_body
from basira.web.access import Visitor, send, visit
from basira.web.errors import PageRoute
from basira.web.forms import Fields, Form
from basira.web.lanes import Lane, Lanes, lanes_on
from basira.web.people import names_of_people
from basira.web.render import page
from basira.web.rule_form import empty_fields, fields_of, rule_of

router = APIRouter(route_class=PageRoute)
STATUSES: tuple[Status, ...] = get_args(Status)
# A rule that ends within so many days is marked: a new version takes two persons and a test.
SOON_DAYS = 14
# What a step may lack that another person has.
_FORBIDDEN = ("no_right", "same_person", "other_office")
RuleId = Annotated[str, Path(min_length=1, max_length=60)]
Reader = Annotated[Visitor, Depends(visit("rules:read"))]
Writer = Annotated[Visitor, Depends(send("rules:write"))]
_OF_RULE = "/rules/{rule_id}"


@dataclass(frozen=True)
class Fault:
    """What is wrong and what to do, in the person's language, and the status of the answer."""

    detail: str
    hint: str
    status: int


@dataclass(frozen=True)
class _Asked:
    """Which version is shown, beside which other one; None: the newest, and the one before it."""

    version: int | None = None
    against: int | None = None
    done: str = ""
    fault: Fault | None = None
    fields: Fields = field(default_factory=dict)


@router.get("/rules")
def get_rules(
    request: Request,
    visitor: Reader,
    _known: KnownQuery,
    service: InService,
    now: Now,
    status: Status | Literal[""] = "",
) -> Response:
    """Of each rule the version that acts today, or else the newest, with what became of it; the others are one click
    away."""
    shown = _one_of_each(list_body(service.database, on=now.date())["rules"])
    lanes = lanes_on(service, now.date(), visitor.language)
    return page(
        request,
        "rules.html",
        visitor=visitor,
        rows=[_row(one, lanes, now.date()) for one in shown if status in ("", one["status"])],
        statuses=STATUSES,
        asked=status,
        is_any=bool(shown),
        may_write=_may_write(visitor),
    )


def _one_of_each(versions: Sequence[RuleVersionBody]) -> list[RuleVersionBody]:
    chosen: dict[str, RuleVersionBody] = {}
    for one in versions:
        before = chosen.get(one["rule_id"])
        if before is None or before["status"] not in ("live", "shadow") or one["status"] in ("live", "shadow"):
            chosen[one["rule_id"]] = one
    return list(chosen.values())


@dataclass(frozen=True)
class _Row:
    """A version on a page. ``lane``: that it wants, None for none; ``days_left``: until it expires, below 0 after;
    ``tested``: see `_test_of`."""

    version: RuleVersionBody
    rule: JsonObject
    lane: Lane | None
    days_left: int
    is_soon: bool
    tested: JsonObject | None


def _row(one: RuleVersionBody, lanes: Lanes, today: date) -> _Row:
    rule = one["rule"]
    lane = rule["effect"].get("lane")
    left = (date.fromisoformat(rule["expires_on"]) - today).days
    is_soon = 0 <= left <= SOON_DAYS and one["status"] not in ("retired", "replaced")
    return _Row(one, rule, lanes.of(lane) if lane else None, left, is_soon, _test_of(one))


def _test_of(one: RuleVersionBody) -> JsonObject | None:
    """What the last back-test of a version found; None without one, and of one that was recorded without figures."""
    details = [step["detail"] for step in one["steps"] if step["state"] == "tested" and step["detail"]]
    return details[-1] if details and {"inspected", "findings", "rate"} <= details[-1].keys() else None


@router.get("/rules/new", dependencies=[Depends(visit("rules:write"))])
def get_form(
    request: Request,
    visitor: Reader,
    _known: KnownQuery,
    service: InService,
    now: Now,
    of: Annotated[str, Query(max_length=60)] = "",
) -> Response:
    """The form of a new rule; ``of``: of the next version of that one."""
    fields = empty_fields(now.date())
    if of:
        fields = fields_of(_find(service, of, now.date())["versions"][-1], visitor.language)
    return _form(request, visitor, service, fields, now.date(), of=of)


@router.post("/rules/new")
def post_form(request: Request, visitor: Writer, form: Form, service: InService, now: Now) -> Response:
    """Record the version as a draft; back to the form with the fault where it can't be."""
    body = {"rule": rule_of(form), "text": form.get("text", ""), "motive": form.get("motive", "").strip()}
    try:
        made = add_rule(body, service.database, service.policy(now.date()), by=visitor.principal, now=now)
    except RuleError as error:
        fault = _fault(error, visitor.language)
        return _form(request, visitor, service, form, now.date(), of=form.get("of", ""), fault=fault)
    return RedirectResponse(f"{_address(made['rule_id'])}?version={made['version']}&done=draft", 303)


@router.post("/rules/check")
def post_check(request: Request, visitor: Writer, form: Form, service: InService, now: Now) -> Response:
    """The condition as it was understood, or its fault: a part of the form's page. Nothing is recorded."""
    text = form.get("text", "")
    if not text.strip():
        return page(request, "rule_check.html", visitor=visitor, checked=None, fault=None)
    try:
        checked = check_rule({"text": text}, service.database, service.policy(now.date()))
    except RuleError as error:
        return page(request, "rule_check.html", visitor=visitor, checked=None, fault=_fault(error, visitor.language))
    return page(request, "rule_check.html", visitor=visitor, checked=checked["text"][visitor.language], fault=None)


@router.get(_OF_RULE)
def get_rule(
    request: Request,
    visitor: Reader,
    rule_id: RuleId,
    _known: KnownQuery,
    service: InService,
    now: Now,
    version: Annotated[int | None, Query(ge=1, lt=2**31)] = None,
    against: Annotated[int | None, Query(ge=1, lt=2**31)] = None,
    done: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """One rule: a version in words and as JSON, what differs from another one, the steps of its life."""
    return _rule(request, visitor, service, rule_id, now.date(), _Asked(version, against, done))


@router.post(f"{_OF_RULE}/steps")
def post_step(request: Request, visitor: Writer, rule_id: RuleId, form: Form, service: InService, now: Now) -> Response:
    """Take a step, with the motive; back to the page with the fault where it can't be taken."""
    version, seen = _whole(form.get("version", "")), _whole(form.get("seen", ""))
    if version is None or seen is None:  # without them a step of another person meanwhile would go unseen
        raise ProblemException(422, "invalid", "Expected the version and the last step that were shown, found none.")
    body = {"state": form.get("state"), "motive": form.get("motive", "").strip(), "version": version, "seen": seen}
    try:
        made = step_rule(body, rule_id, service.database, by=visitor.principal, now=now)
    except RuleError as error:
        fault = _fault(error, visitor.language)
        return _rule(request, visitor, service, rule_id, now.date(), _Asked(version, fault=fault, fields=form))
    return RedirectResponse(f"{_address(rule_id)}?version={made['version']}&done={form.get('state')}", 303)


def _whole(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None


def _find(service: Service, rule_id: str, today: date) -> RuleHistoryBody:
    found = rule_body(service.database, rule_id, on=today)
    if found is None:
        raise NotFoundError(
            "Expected the rule {rule_id!r}, found none.",
            hint="The page of rules shows them.",
            rule_id=rule_id,
        )
    return found


def _rule(request: Request, visitor: Visitor, service: Service, rule_id: str, today: date, asked: _Asked) -> Response:
    found = _find(service, rule_id, today)
    by_number = {one["version"]: one for one in found["versions"]}
    number = max(by_number) if asked.version is None else asked.version
    if number not in by_number or (asked.against is not None and asked.against not in by_number):
        raise NotFoundError("Expected a version of the rule, found none.", hint="Its page shows them.")
    before = [one for one in by_number if one < number]
    against = asked.against if asked.against is not None else max(before, default=None)
    shown = by_number[number]
    lanes = lanes_on(service, today, visitor.language)
    steps = sorted((step for one in found["versions"] for step in _steps(one)), key=lambda pair: pair[0])
    roles = roles_over(visitor.everything.grants, [one["rule"].get("offices", ()) for one in found["versions"]])
    can = open_steps([step for _, step in steps], number, actor=visitor.user.user_id, roles=roles)
    return page(
        request,
        "rule.html",
        visitor=visitor,
        status=asked.fault.status if asked.fault else 200,
        address=_address(rule_id),
        found=found,
        shown=shown,
        row=_row(shown, lanes, today),
        text=shown["text"][visitor.language],
        content=json.dumps(shown["rule"], ensure_ascii=False, indent=2),
        against=against,
        differences=[] if against is None else compared(by_number[against], shown, visitor.language),
        # A test is made where the history is: by the command.
        steps_to_take=[(state, takes_motive(state)) for state in can if state != "tested"],
        needs_test="tested" in can and shown["status"] == "draft",
        names=names_of_people(service, {step["by"] for one in found["versions"] for step in one["steps"]}),
        may_write=_may_write(visitor),
        done=asked.done if asked.done in STATUSES else "",
        fault=asked.fault,
        fields=asked.fields,
    )


def _steps(one: RuleVersionBody) -> list[tuple[int, Step]]:
    """The steps of a version with their numbers, as the room of rules knows them."""
    known: dict[str, State] = {state: state for state in STATES}
    return [(step["number"], Step(one["version"], known[step["state"]], step["by"])) for step in one["steps"]]


def compared(one: RuleVersionBody, other: RuleVersionBody, language: str) -> list[tuple[str, str, str]]:
    """What differs between two versions: the key, what stood in the one, what stands in the other. The condition is
    compared as text of a language."""
    rows = []
    for key in other["rule"]:
        before, after = (_value(version, key, language) for version in (one, other))
        if before != after:
            rows.append((key, before, after))
    return rows


def _value(version: RuleVersionBody, key: str, language: str) -> str:
    if key == "condition":
        return version["text"][language]
    value = version["rule"].get(key)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _form(
    request: Request,
    visitor: Visitor,
    service: Service,
    fields: Fields,
    today: date,
    *,
    of: str,
    fault: Fault | None = None,
) -> Response:
    lanes = lanes_on(service, today, visitor.language)
    return page(
        request,
        "rule_form.html",
        visitor=visitor,
        status=fault.status if fault else 200,
        fields=fields,
        of=of,
        lanes=[lanes.of(one.id) for one in lanes.policy.lanes if one.inspects] if lanes.policy else [],
        kinds=KINDS,
        fault=fault,
        may_write=_may_write(visitor),
    )


def _fault(error: RuleError, language: str) -> Fault:
    detail, hint = said_in(error, language)
    return Fault(detail, hint, 403 if error.reason in _FORBIDDEN else 422)


def _may_write(visitor: Visitor) -> bool:
    """Whether the person writes rules, of every office or of the own one: a manager approves what others write."""
    return any(grant.role in AUTHORS for grant in visitor.everything.grants)


def _address(rule_id: str) -> str:
    return f"/rules/{rule_id}"
