"""The routes by which a rule is put to the past: tried, and back-tested.

Enters: requests of a recognised principal; in the large worker, what a worker passed on. Leaves: the answers of
`serving.rule_tests`. Never here: a computation on the event loop, or in a worker that has a large worker beside it.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Path, Request, Response
from fastapi.responses import JSONResponse

from basira.api.auth.authenticate import may, needs
from basira.api.http.dependencies import PREFIX, InLargeWorker, KnownQuery
from basira.api.http.large_worker import RULE_TESTS, LargeWorker, principal_of
from basira.api.http.rule_desk import RuleDesk
from basira.api.http.rule_problems import rule_problems
from basira.api.openapi.answers import answers_of
from basira.api.openapi.examples import RULE_BACKTEST, RULE_TRY, body_of
from basira.schema.access import Principal
from basira.serving.rule_tests import Caller, back_test_recorded, try_on_period
from basira.serving.service import Service

router = APIRouter(prefix=PREFIX)
large_router = APIRouter()
Kind = Literal["try", "backtest"]
Writer = Annotated[Principal, Depends(needs("rules:write"))]


@router.post(
    "/rules/try",
    summary="Try a condition on declarations of a period",
    openapi_extra=body_of({"type": "object"}, text=RULE_TRY),
    responses=answers_of("rule_try", 401, 403, 415, 422),
)
async def post_try(
    request: Request, principal: Writer, body: Annotated[Any, Body()], large: InLargeWorker, _known: KnownQuery
) -> Response:
    """What it says of the first declarations that it hits, or of `declaration_id`, and why: each condition with the
    value read. Nothing is recorded. Up to 366 days and 45 seconds, one at a time for a person (429). Values that may
    name a person take `declarations:read` too."""
    return await _answer(request, "try", "", body, principal, large)


@router.post(
    "/rules/{rule_id}/backtests",
    summary="Back-test a rule on declarations of a period",
    openapi_extra=body_of({"type": "object"}, period=RULE_BACKTEST),
    responses=answers_of("rule_backtest", 401, 403, 404, 415, 422),
)
async def post_backtest(
    rule_id: Annotated[str, Path(min_length=1, max_length=60)],
    request: Request,
    principal: Writer,
    body: Annotated[Any, Body()],
    large: InLargeWorker,
    _known: KnownQuery,
) -> Response:
    """Hits by office and day, the hit rate corrected by the recorded inclusion probabilities (null: unknown), value
    beside the model and the other live rules, findings missed and needless hits by little, what the policy's gate asks.
    `is_recorded`: it is the step `tested`, which a submission needs. Bounds as of a try."""
    return await _answer(request, "backtest", rule_id, body, principal, large)


@large_router.post(RULE_TESTS)
async def post_passed(request: Request) -> Response:
    """Answer what a worker passed on."""
    asked = json.loads(await request.body())
    offices = asked["of_offices"]
    caller = Caller(
        principal_of(request.headers), asked["hides_persons"], None if offices is None else frozenset(offices)
    )
    return await _work(request, asked["kind"], asked["rule_id"], asked["body"], caller)


async def _answer(
    request: Request, kind: Kind, rule_id: str, body: object, principal: Principal, large: LargeWorker | None
) -> Response:
    caller = Caller(principal, not may(principal, "declarations:read"), principal.own_offices)
    if large is None:
        return await _work(request, kind, rule_id, body, caller)
    asked = {
        "kind": kind,
        "rule_id": rule_id,
        "body": body,
        "hides_persons": caller.hides_persons,
        "of_offices": None if caller.offices is None else sorted(caller.offices),
    }
    return await large.test_rule(json.dumps(asked).encode(), principal)


async def _work(request: Request, kind: Kind, rule_id: str, body: object, caller: Caller) -> Response:
    state = request.app.state
    desk: RuleDesk = state.rule_desk
    service: Service = state.service
    now = state.clock()

    def work() -> Response:
        with rule_problems(service.language):
            if kind == "try":
                return JSONResponse(try_on_period(body, service, by=caller, now=now))
            return JSONResponse(back_test_recorded(body, rule_id, service, by=caller, now=now))

    return await desk.run(caller.principal.id, work)
