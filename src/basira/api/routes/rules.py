"""The routes of risk profiles: the rules that analysts write, and the steps of their lives.

Enters: requests of a recognised principal. Leaves: the answers of `serving.rules`. Never here: who may take a step
(`rules.lifecycle` asks for the role, and for a second person).
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Path, Query, Response
from fastapi.responses import JSONResponse

from basira.api.auth.authenticate import needs
from basira.api.http.dependencies import KNOWN_QUERY, PREFIX, InService, KnownQuery, Now
from basira.api.http.rule_problems import rule_problems
from basira.api.openapi.answers import answers_of
from basira.api.openapi.examples import RULE, RULE_STEP, body_of
from basira.rules.lifecycle import Status
from basira.schema.access import Principal
from basira.schema.errors import NotFoundError
from basira.serving.rules import add_rule, check_rule, step_rule
from basira.serving.views.rules import list_body, rule_body

router = APIRouter(prefix=PREFIX)
RuleId = Annotated[str, Path(min_length=1, max_length=60)]
_RULE = "/rules/{rule_id}"


@router.get(
    "/rules",
    summary="Risk profiles",
    responses=answers_of("rules", 401, 403, 422),
    dependencies=[Depends(needs("rules:read")), KNOWN_QUERY],
)
def get_rules(
    service: InService,
    now: Now,
    status: Annotated[Status | None, Query(description="Only versions that are this today.")] = None,
) -> Response:
    """Every version of every rule with what it is today, its condition in three languages and the steps of its life."""
    return JSONResponse(list_body(service.database, on=now.date(), status=status))


@router.get(
    _RULE,
    summary="A risk profile in all its versions",
    responses=answers_of("rule", 401, 403, 404, 422),
    dependencies=[Depends(needs("rules:read")), KNOWN_QUERY],
)
def get_rule(rule_id: RuleId, service: InService, now: Now) -> Response:
    """All versions of one rule. `last_step` is the `seen` of a step that is taken next."""
    found = rule_body(service.database, rule_id, on=now.date())
    if found is None:
        raise NotFoundError(f"Expected the rule {rule_id!r}, found none.", hint="GET /rules shows the rules.")
    return JSONResponse(found)


@router.post(
    "/rules/check",
    summary="Check a rule, or the text of a condition",
    openapi_extra=body_of({"type": "object"}, rule=RULE, text={"text": RULE["text"]}),
    responses=answers_of("rule_check", 401, 403, 415, 422),
)
def post_check(
    _principal: Annotated[Principal, Depends(needs("rules:write"))],
    body: Annotated[Any, Body()],
    service: InService,
    _known: KnownQuery,
    now: Now,
) -> Response:
    """The condition in its one form and in three languages. A fault says the place, the cause, and the nearest right
    word. Nothing is recorded."""
    with rule_problems(service.language):
        return JSONResponse(check_rule(body, service.database, service.policy(now.date())))


@router.post(
    "/rules",
    summary="Record a version of a rule as a draft",
    openapi_extra=body_of({"type": "object"}, rule=RULE),
    responses=answers_of("rule_version", 401, 403, 415, 422),
)
def post_rule(
    principal: Annotated[Principal, Depends(needs("rules:write"))],
    body: Annotated[Any, Body()],
    service: InService,
    _known: KnownQuery,
    now: Now,
) -> Response:
    """The first version of a new rule, or the next one of a rule that is. An analyst or a data scientist writes."""
    with rule_problems(service.language):
        made = add_rule(body, service.database, service.policy(now.date()), by=principal, now=now)
    return JSONResponse(made)


@router.post(
    f"{_RULE}/steps",
    summary="Take a step of a rule's life",
    openapi_extra=body_of({"type": "object"}, step=RULE_STEP),
    responses=answers_of("rule_version", 401, 403, 404, 415, 422),
)
def post_step(
    rule_id: RuleId,
    principal: Annotated[Principal, Depends(needs("rules:write"))],
    body: Annotated[Any, Body()],
    service: InService,
    _known: KnownQuery,
    now: Now,
) -> Response:
    """Submitted (after a back-test that passes the policy's gate), approved by a second person who is a manager,
    shadow, live, retired; `draft` sends a submission back. `seen` names the last step that the person saw."""
    with rule_problems(service.language):
        return JSONResponse(step_rule(body, rule_id, service.database, by=principal, now=now))
