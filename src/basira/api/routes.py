"""The routes under /api/v1.

Enters: requests of a recognised principal. Leaves: what `workflows.serve` and `workflows.serve_record` say. Never here:
a decision; an office that the principal may not see.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Header, HTTPException, Path, Query, Request, Response
from fastapi.responses import JSONResponse

from basira.api.access import hides_secrets, needs
from basira.api.examples import DECLARATION, OUTCOME, body_of, declaration_schema, outcome_schema
from basira.api.metrics import CONTENT_TYPE, Metrics
from basira.api.problems import STATUS, problem, refusal, refusal_content
from basira.schema.errors import BasiraError
from basira.storage.access import Principal
from basira.storage.operations_online import Answer
from basira.workflows.serve import Asked, Decision, decide, given_answer, save_given
from basira.workflows.serve_body import Refused
from basira.workflows.serve_context import Service
from basira.workflows.serve_record import declaration_decisions, queue, record_outcome

MOST_DECLARATIONS = 1_000
PREFIX = "/api/v1"

router = APIRouter(prefix=PREFIX)
Key = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")]
Number = Annotated[str, Path(min_length=1, max_length=200, description="The declaration's number.")]


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def _now(request: Request) -> datetime:
    clock: Callable[[], datetime] = request.app.state.clock
    return clock()


def _metrics(request: Request) -> Metrics:
    metrics: Metrics = request.app.state.metrics
    return metrics


InService = Annotated[Service, Depends(_service)]
Now = Annotated[datetime, Depends(_now)]
InMetrics = Annotated[Metrics, Depends(_metrics)]


def _asked(principal: Principal, route: str, key: str | None, body: object) -> Asked:
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return Asked(principal.id, route, key, hashlib.sha256(text.encode()).hexdigest())


_one_or_many = {
    "oneOf": [
        declaration_schema(),
        {"type": "array", "minItems": 1, "maxItems": MOST_DECLARATIONS, "items": declaration_schema()},
    ]
}


@router.post(
    "/declarations",
    summary="Decide on a declaration, or on up to 1,000",
    openapi_extra=body_of(_one_or_many, one=DECLARATION, batch=[DECLARATION]),
)
def post_declarations(
    body: Annotated[Any, Body()],
    principal: Annotated[Principal, Depends(needs("declarations:write"))],
    service: InService,
    metrics: InMetrics,
    now: Now,
    key: Key = None,
) -> Response:
    """Give each declaration its lane at once, with reasons where somebody will inspect.

    Sent again unchanged, it gets the recorded decision. Changed, it is an amendment, and decided again; it never gets a
    less intensive lane. In a batch each declaration stands for itself: `results` holds a decision or a problem for
    each.
    """
    asked = _asked(principal, "POST /declarations", key, body)
    if (given := given_answer(service, asked, now=now)) is not None:
        return Response(given.response, given.status, media_type="application/json")
    if not isinstance(body, list):
        found = decide(body, service, now=now, asked=asked)
        if isinstance(found, Refused):
            return refusal(found)
        _count(metrics, found)
        return JSONResponse(found.body)
    if not 1 <= len(body) <= MOST_DECLARATIONS:
        return problem(422, "invalid", f"Expected 1 to {MOST_DECLARATIONS:,} declarations, found {len(body):,}.")
    answer = {"results": [_one(one, principal, service, metrics, now=now) for one in body]}
    if key:
        # Every decision is recorded by now: should this last step fail, sending the batch again gives the same ones.
        with service.database.write() as connection:
            save_given(connection, asked, Answer(200, json.dumps(answer, ensure_ascii=False)), now=now)
    return JSONResponse(answer)


def _one(body: object, principal: Principal, service: Service, metrics: Metrics, *, now: datetime) -> dict[str, Any]:
    try:
        found = decide(body, service, now=now, asked=Asked(principal.id))
    except BasiraError as error:
        named = body.get("declaration_id") if isinstance(body, dict) else None
        return {"problem": {"status": STATUS[type(error)], "code": error.code, "declaration_id": named}}
    if isinstance(found, Refused):
        return {"problem": refusal_content(found)}
    _count(metrics, found)
    return {"decision": found.body}


def _count(metrics: Metrics, found: Decision) -> None:
    if found.is_new:
        metrics.decided(found.body)


@router.get("/declarations/{declaration_id}", summary="A declaration's decisions and results")
def get_declaration(
    declaration_id: Number,
    principal: Annotated[Principal, Depends(needs("declarations:read"))],
    service: InService,
) -> dict[str, Any]:
    """Everything decided and found, in order. A declaration of an office that the asker may not see is not found."""
    return declaration_decisions(
        service, declaration_id, sees=principal.sees_office, is_secret_hidden=hides_secrets(principal)
    )


@router.post(
    "/declarations/{declaration_id}/outcome",
    summary="Take an inspection result in",
    openapi_extra=body_of(outcome_schema(), result=OUTCOME),
)
def post_outcome(
    declaration_id: Number,
    body: Annotated[Any, Body()],
    principal: Annotated[Principal, Depends(needs("outcomes:write"))],
    service: InService,
    now: Now,
) -> Response:
    """Record what an inspection found. The same again changes nothing; a corrected one has a later `known_at`."""
    asked = _asked(principal, "POST outcome", None, body)
    found = record_outcome(body, declaration_id, service, now=now, asked=asked, sees=principal.sees_office)
    return refusal(found) if isinstance(found, Refused) else JSONResponse(found)


@router.get("/queue", summary="An office's declarations of a day")
def get_queue(
    principal: Annotated[Principal, Depends(needs("queue:read"))],
    service: InService,
    now: Now,
    office: Annotated[str, Query(min_length=1, max_length=100)],
    day: Annotated[date | None, Query(description="Today by default.")] = None,
    lane: Annotated[str | None, Query(max_length=100)] = None,
) -> dict[str, Any]:
    """Those whose lane still holds, the most intensive lane first, then by expected revenue."""
    if not principal.sees_office(office):
        raise HTTPException(403)
    on = day or now.date()
    rows = queue(service, office, on, lane=lane, is_secret_hidden=hides_secrets(principal))
    return {"office": office, "day": on.isoformat(), "lane": lane, "decisions": rows}


@router.get("/health", summary="Alive")
def get_health() -> dict[str, str]:
    """The process answers."""
    return {"status": "alive"}


@router.get("/ready", summary="Able to decide")
def get_ready(service: InService, now: Now) -> Response:
    """503 when no decision can be recorded or no policy is in force. `degraded`: the fallback answers, and why."""
    try:
        with service.database.read() as connection:
            connection.exec_driver_sql("SELECT 1")
        service.policy(now.date())
    except BasiraError as error:
        return problem(503, error.code, "The service can't decide now.", headers={"Retry-After": "1"})
    degraded = [] if service.model is not None else ["no_model"]
    age = _age_days(service, now)
    if age is None:
        degraded.append("no_profiles")
    elif age > service.most_profile_days:
        degraded.append("profiles_too_old")
    if service.profiles.alarm and age is not None:
        degraded.append("profiles_not_the_newest")
    return JSONResponse({"status": "degraded" if degraded else "ready", "degraded": degraded, "profile_age_days": age})


@router.get("/metrics", summary="Figures for Prometheus", response_class=Response)
def get_metrics(
    _principal: Annotated[Principal, Depends(needs("metrics:read"))], service: InService, metrics: InMetrics, now: Now
) -> Response:
    """Of this worker process."""
    return Response(metrics.text(profile_age_days=_age_days(service, now)), media_type=CONTENT_TYPE)


def _age_days(service: Service, now: datetime) -> int | None:
    try:
        return service.profiles.profiles().age_days(now.date())
    except BasiraError:
        return None
