"""The routes under /api/v1.

Enters: requests of a recognised principal. Leaves: the answers of `serving.decide.batch` and `serving.results`. Never
here: a decision; an office that the principal may not see.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Response
from fastapi.responses import JSONResponse

from basira.api.auth.authenticate import hides_secrets, limit_by_address, needs
from basira.api.http.dependencies import (
    DECLARATION_PATH,
    PREFIX,
    InLargeWorker,
    InMetrics,
    InService,
    InTrials,
    Key,
    Now,
    Number,
    asked_of,
    stored_response,
)
from basira.api.http.metrics import CONTENT_TYPE
from basira.api.http.problems import problem, rejection_response
from basira.api.openapi.answers import answers_of
from basira.api.openapi.examples import OUTCOME, body_of, outcome_schema
from basira.schema.access import Principal
from basira.schema.detail import NO_STATE
from basira.schema.errors import BasiraError
from basira.serving.message import Rejected
from basira.serving.results import record_outcome
from basira.serving.views.declaration import declaration_history
from basira.serving.views.declared import find_operators
from basira.serving.views.names import names_in

router = APIRouter(prefix=PREFIX)


# Before the route without an ending: a number may have slashes.
@router.get(
    f"{DECLARATION_PATH}/operators",
    summary="Who imports, declares and exports",
    responses=answers_of("operators", 401, 403, 404, 422),
)
def get_operators(
    principal: Annotated[Principal, Depends(needs("declarations:read"))],
    declaration_id: Number,
    service: InService,
) -> Response:
    """The identifiers of the latest version, which are personal values: null where erased, absent where none was
    declared; and the names that the administration's register gives them. No other answer has them. A declaration
    of an office that the caller may not see is not found."""
    return JSONResponse(
        find_operators(service.database, declaration_id, sees=principal.sees_office, register=names_in(service))
    )


@router.get(
    DECLARATION_PATH,
    summary="A declaration, and everything that happened to it",
    responses=answers_of("declaration", 401, 403, 404, 422),
)
def get_declaration(
    principal: Annotated[Principal, Depends(needs("declarations:read"))],
    declaration_id: Number,
    service: InService,
) -> Response:
    """The status now (`standing`), and the history in order: registration, amendments, decisions, re-selections,
    cancellation, results, each with who and when. A declaration of an office that the caller may not see is not found.

    `ETag` names the lane in force, for `If-Match` of a re-selection.
    """
    found = declaration_history(
        service.database,
        declaration_id,
        language=service.language,
        sees=principal.sees_office,
        is_secret_hidden=hides_secrets(principal),
    )
    return JSONResponse(found, headers={"ETag": f'"{found["standing"]["given_by"]}"'})


@router.post(
    f"{DECLARATION_PATH}/outcome",
    summary="Take an inspection result in",
    openapi_extra=body_of(outcome_schema(), result=OUTCOME),
    responses=answers_of("outcome", 401, 403, 404, 409, 415, 422),
)
def post_outcome(
    principal: Annotated[Principal, Depends(needs("outcomes:write"))],
    declaration_id: Number,
    body: Annotated[Any, Body()],
    service: InService,
    now: Now,
    key: Key = None,
) -> Response:
    """Record what an inspection found. The same again changes nothing; a corrected one has a later `known_at`.

    A cancelled declaration takes results too: a cancellation does not undo a finding. Persons sign with their own id:
    `inspector_id` is the caller's, and need not be sent.
    """
    asked = asked_of(principal, "POST outcome", key, body, declaration_id=declaration_id)
    if (given := stored_response(service, asked, now=now)) is not None:
        return given
    found = record_outcome(
        body,
        declaration_id,
        service,
        now=now,
        asked=asked,
        sees=principal.sees_office,
        signs_as=principal.id if principal.kind == "user" else None,
    )
    return rejection_response(found) if isinstance(found, Rejected) else JSONResponse(found)


@router.get("/health", summary="Alive", responses=answers_of("health"), dependencies=[Depends(limit_by_address)])
def get_health() -> dict[str, str]:
    """The process answers."""
    return {"status": "alive"}


@router.get("/ready", summary="Able to decide", responses=answers_of("ready"), dependencies=[Depends(limit_by_address)])
def get_ready(service: InService, metrics: InMetrics, trials: InTrials, large: InLargeWorker, now: Now) -> Response:
    """503 when no decision can be recorded, no policy is in force, or a trial declaration can't be decided.
    `degraded`: the fallback answers, and why; `large_worker`: large requests get 503.

    The trial is made once for each model, profiles and policy, on an empty record in memory.
    """
    try:
        with service.database.reserved.read() as connection:
            connection.exec_driver_sql("SELECT 1")
        service.for_decisions().require_writable()
        service.policy(now.date())
    except BasiraError as error:
        return problem(503, error.code, "The service can't decide now.", headers={"Retry-After": "1"})
    trial = trials.of(service, now=now)
    if trial.fault:  # in words for the operator: the log and `serve --check` have them
        return problem(503, "trial", "The service can't decide a trial declaration.", headers={"Retry-After": "10"})
    degraded = [] if service.model is not None else ["no_model"]
    age = service.profile_age_days(now.date())
    if age is None:
        degraded.append("no_profiles")
    elif age > service.most_profile_days:
        degraded.append("profiles_too_old")
    if service.profiles.alarm and age is not None:
        degraded.append("profiles_not_the_newest")
    if metrics.lacks_state(now.date().isoformat()):
        degraded.append(NO_STATE)
    if large is not None and large.is_away:
        degraded.append("large_worker")
    if trial.fallback is not None and trial.fallback not in degraded:
        degraded.append(trial.fallback)
    return JSONResponse({"status": "degraded" if degraded else "ready", "degraded": degraded, "profile_age_days": age})


@router.get(
    "/metrics",
    summary="Figures for Prometheus",
    response_class=Response,
    responses=answers_of(None, 401, 403, also={"text/plain": {"type": "string"}}),
)
def get_metrics(
    _principal: Annotated[Principal, Depends(needs("metrics:read"))], service: InService, metrics: InMetrics, now: Now
) -> Response:
    """Of all workers of this service."""
    metrics.profiles(age_days=service.profile_age_days(now.date()), alarm=service.profiles.alarm)
    return Response(metrics.text(), media_type=CONTENT_TYPE)
