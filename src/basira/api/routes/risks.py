"""The routes of the register of risks: read, written, reviewed.

Enters: requests of a recognised principal. Leaves: the answers of `serving.views.risks`. Never here: what a risk must
be (`rules.register`).
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Path, Query, Response
from fastapi.responses import JSONResponse

from basira.api.auth.authenticate import needs
from basira.api.http.dependencies import KNOWN_QUERY, PREFIX, InService, KnownQuery, Now
from basira.api.http.rule_problems import rule_problems
from basira.api.openapi.answers import answers_of
from basira.api.openapi.examples import RISK, RISK_REVIEW, body_of
from basira.schema.access import Principal
from basira.serving.admissible import folded_office
from basira.serving.risks import review_risk_of, write_risk_of
from basira.serving.views.risks import risk_history_body, risks_body

router = APIRouter(prefix=PREFIX)
RiskId = Annotated[str, Path(min_length=1, max_length=60)]
Writer = Annotated[Principal, Depends(needs("risks:write"))]
_RISK = "/risks/{risk_id}"


@router.get(
    "/risks",
    summary="The register of risks",
    responses=answers_of("risks", 401, 403, 422),
    dependencies=[Depends(needs("risks:read")), KNOWN_QUERY],
)
def get_risks(
    service: InService,
    now: Now,
    office: Annotated[str | None, Query(max_length=80, description="Only the local risks of this one.")] = None,
) -> Response:
    """Every risk as it is now: overdue reviews first, then the gravest. `level` is likelihood times consequence on a
    matrix of five by five."""
    place = office and folded_office(office)
    return JSONResponse(risks_body(service.database, on=now.date(), office=place or None))


@router.get(
    _RISK,
    summary="A risk in all its versions",
    responses=answers_of("risk_history", 401, 403, 404, 422),
    dependencies=[Depends(needs("risks:read")), KNOWN_QUERY],
)
def get_risk(risk_id: RiskId, service: InService, now: Now) -> Response:
    """`last_version` is the `seen` of the version that is written next."""
    return JSONResponse(risk_history_body(service.database, risk_id, on=now.date()))


@router.post(
    "/risks",
    summary="Write a version of a risk",
    openapi_extra=body_of({"type": "object"}, risk=RISK),
    responses=answers_of("risk", 401, 403, 409, 415, 422),
)
def post_risk(
    principal: Writer, body: Annotated[Any, Body()], service: InService, _known: KnownQuery, now: Now
) -> Response:
    """A new risk, or the next version of one: `seen` names the last version that the person saw; another one meanwhile
    is 409. `office` makes it local; `rules` name rules on record."""
    with rule_problems(service.language):
        return JSONResponse(write_risk_of(body, service.database, by=principal, now=now))


@router.post(
    f"{_RISK}/reviews",
    summary="Record that a risk was reviewed",
    openapi_extra=body_of({"type": "object"}, review=RISK_REVIEW),
    responses=answers_of("risk", 401, 403, 404, 409, 415, 422),
)
def post_review(
    risk_id: RiskId,
    principal: Writer,
    body: Annotated[Any, Body()],
    service: InService,
    _known: KnownQuery,
    now: Now,
) -> Response:
    """What it is now, why, and when it is looked at again; `is_closed`: it is a risk no more."""
    with rule_problems(service.language):
        return JSONResponse(review_risk_of(body, risk_id, service.database, by=principal, now=now))
