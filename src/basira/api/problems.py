"""Every error as an RFC 9457 problem: one table.

Enters: errors of the family, refused bodies, HTTP errors. Leaves: `application/problem+json`. Never here: a stack
trace, a driver's words, a personal value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from basira.api.logs import REQUEST_ID
from basira.schema.errors import (
    BasiraError,
    MappingError,
    ModelError,
    NotFoundError,
    PolicyError,
    ReplayError,
    ScenarioError,
    SourceError,
    StoreError,
    UsageError,
)
from basira.workflows.serve_body import Refused

# The whole family; a test keeps it complete. A fault of the service's own parts is 503: sent again later, it may go.
STATUS: Mapping[type[BasiraError], int] = {
    BasiraError: 500,
    UsageError: 400,
    SourceError: 400,
    MappingError: 400,
    StoreError: 503,
    PolicyError: 503,
    ModelError: 503,
    NotFoundError: 404,
    ReplayError: 409,
    ScenarioError: 400,
}
# Of every status that a problem has here; the OpenAPI document says the same.
TITLES: Mapping[int, str] = {
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    409: "Conflict", 413: "Content Too Large", 422: "Unprocessable Content", 428: "Precondition Required",
    429: "Too Many Requests", 500: "Internal Server Error", 503: "Service Unavailable",
}  # fmt: skip
# Their messages name paths, tables and drivers: for the log of the one who runs the service, not for a client.
_INTERNAL = frozenset(kind for kind, status in STATUS.items() if status >= 500)
_UNAVAILABLE = "The service can't record a decision now. Nothing was recorded; send the request again."


def problem(
    status: int, code: str, detail: str, *, hint: str = "", headers: Mapping[str, str] | None = None, **more: Any
) -> JSONResponse:
    """One problem. ``code``: stable, for programs; ``hint``: what to do."""
    body: dict[str, Any] = {
        "type": f"urn:basira:problem:{code}", "title": TITLES.get(status, "Error"), "status": status, "code": code,
        "detail": detail,
    }  # fmt: skip
    if hint:
        body["hint"] = hint
    if request_id := REQUEST_ID.get():
        body["request_id"] = request_id
    return JSONResponse(body | more, status, headers=dict(headers or {}), media_type="application/problem+json")


class ProblemException(HTTPException):
    """An HTTP error with a code, a detail and perhaps a hint of its own."""

    def __init__(
        self, status: int, code: str, detail: str, *, hint: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, detail, headers)
        self.code, self.hint = code, hint


def refusal_content(refused: Refused) -> dict[str, Any]:
    """A refused body, as the members of a problem."""
    return {
        "status": 409 if refused.is_conflict else 422,
        "code": "conflict" if refused.is_conflict else "invalid",
        "detail": "Expected a body that the schema allows, found the faults in errors.",
        "hint": "Correct them; the codes are those of the quarantine.",
        "declaration_id": refused.declaration_id,
        "errors": [asdict(fault) for fault in refused.faults],
    }


def refusal(refused: Refused) -> JSONResponse:
    """The problem of a refused body."""
    return problem(**refusal_content(refused))


def add_problem_handlers(app: FastAPI) -> None:
    """Let every error of an application leave as a problem."""

    @app.exception_handler(BasiraError)
    def _family(request: Request, error: BasiraError) -> JSONResponse:
        status = STATUS[type(error)]
        if type(error) in _INTERNAL:
            request.app.state.metrics.unavailable(error)
            return problem(status, error.code, _UNAVAILABLE, headers={"Retry-After": "1"})
        return problem(status, error.code, error.message, hint=error.hint)

    @app.exception_handler(RequestValidationError)
    def _request(_request: Request, error: RequestValidationError) -> JSONResponse:
        faults = [{"field": ".".join(map(str, fault["loc"])), "code": fault["type"]} for fault in error.errors()]
        return problem(422, "invalid", "Expected the request that the OpenAPI document describes.", errors=faults)

    @app.exception_handler(HTTPException)
    def _http(_request: Request, error: HTTPException) -> JSONResponse:
        if isinstance(error, ProblemException):
            return problem(error.status_code, error.code, error.detail, hint=error.hint, headers=error.headers)
        title = TITLES.get(error.status_code, "Error")
        code = title.lower().replace(" ", "_")
        return problem(error.status_code, code, f"{title}.", headers=error.headers)

    @app.exception_handler(Exception)
    def _fault(_request: Request, _error: Exception) -> JSONResponse:
        return problem(500, "internal", "A fault of the service. Nothing was recorded.")
