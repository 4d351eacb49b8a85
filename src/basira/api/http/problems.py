"""Every error as an RFC 9457 problem: one table.

Enters: errors of the family, rejected bodies, HTTP errors. Leaves: `application/problem+json`. Never here: a stack
trace, a driver's words, a personal value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, NotRequired, TypedDict

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from basira.api.http.answer_language import ASKED_LANGUAGE, answer_language
from basira.api.http.logs import REQUEST_ID
from basira.api.http.request_errors import detail_of, error_list, is_other_content
from basira.render.error_texts import say_phrase
from basira.schema.errors import (
    BasiraError,
    MappingError,
    ModelError,
    NotFoundError,
    Phrase,
    PolicyError,
    ReplayError,
    RuleError,
    ScenarioError,
    SourceError,
    StoreError,
    UsageError,
)
from basira.schema.json_values import JsonObject
from basira.serving.message import Rejected

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
    RuleError: 400,
}
# The title of every status of a problem; the OpenAPI document has the same titles.
TITLES: Mapping[int, str] = {
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict", 413: "Content Too Large", 415: "Unsupported Media Type", 422: "Unprocessable Content",
    428: "Precondition Required", 429: "Too Many Requests",
    431: "Request Header Fields Too Large", 500: "Internal Server Error", 503: "Service Unavailable",
}  # fmt: skip
# Their messages name paths, tables and drivers: for the operator's log, not for a client.
_INTERNAL = frozenset(kind for kind, status in STATUS.items() if status >= 500)
# For a rejection with a single reason outside the schema: what was expected and found, and what to do.
_REASONS: Mapping[str, tuple[str, str]] = {
    "changed_meanwhile": (
        "Expected given_by (or If-Match) to name what gave the lane in force, found another event: another user "
        "changed the declaration meanwhile.",
        "Look at the declaration again, and send the change with the given_by of its standing.",
    ),
    "same_lane": (
        "Expected another lane than the one in force, found the same.",
        "The declaration is in that lane already: do nothing.",
    ),
    "currency_conflict": (
        "Expected the values of a declaration in one currency, found several.",
        "Give all of its values and taxes in the administration's currency.",
    ),
    "other_currency": (
        "Expected values in the currency of the history with which they are compared, found another.",
        "Convert values and taxes to the currency that errors names, or set BASIRA_RATES and have them converted; "
        "without value_currency they are taken as MAD.",
    ),
    "no_rate": (
        "Expected a rate of the declaration's currency for its day, found none.",
        "Add the rate to the table that BASIRA_RATES names, and send the declaration again.",
    ),
    "version_conflict": (
        "Expected the content that is recorded under this declaration_version, found another.",
        "Send the amendment under the next version, or without declaration_version: it is then numbered here.",
    ),
    "cancelled": (
        "Expected a declaration that is not cancelled, found one that is.",
        "A cancellation is for good: register the goods under another number.",
    ),
    "result_conflict": (
        "Expected the result that is recorded for this item and known_at, found another.",
        "Send a corrected result with the later known_at at which it became known; both are kept.",
    ),
    "other_office": (
        "Expected a declaration of an office that the key is bound to, found another.",
        "Send it with a key of its office, or of every office.",
    ),
    "moved_office": (
        "Expected a declaration that no office but those of the key has had, found one that moved between offices.",
        "Send the amendment with a key of both offices, or of every office; this key amends it no more.",
    ),
    "other_inspector": (
        "Expected the result to be signed by its sender, found another inspector_id.",
        "Leave inspector_id out: a session signs with its own.",
    ),
    "unknown_office": (
        "Expected an office that the policy lists, found another.",
        "Correct the code; a new office belongs into `offices` of the policy.",
    ),
    "unknown_lane": (
        "Expected a lane of the policy, found another.",
        "Take one of those in expected.",
    ),
}  # fmt: skip
_NOT_THE_SCHEMA = (
    "Expected a body that the schema allows, found the faults in errors.",
    "Correct them; the codes are those of the quarantine.",
)
# HTTP errors without a message of their own.
_HTTP_WORDS: Mapping[int, tuple[str, str]] = {
    400: ("The request body is not valid JSON (UTF-8).", "Send JSON in UTF-8."),
    404: ("Expected an address of this service, found another.", "Every address is in /api/v1/openapi.json."),
    405: (
        "Expected a method that this address has, found another.",
        "The methods of every address are in /api/v1/openapi.json.",
    ),
}
_LONGEST_KIND = 100
_UNAVAILABLE = "The service can't record a decision now. Nothing was recorded; send the request again."
_UNREADABLE = "The service can't answer now. Send the request again."
_READING = frozenset({"GET", "HEAD"})


def problem(
    status: int,
    code: str,
    detail: str | Phrase,
    *,
    hint: str | Phrase = "",
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> JSONResponse:
    """One problem, in the language of the request. ``code``: stable, for programs; ``hint``: what to do."""
    language = answer_language()
    body: dict[str, object] = {
        "type": f"urn:basira:problem:{code}",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "code": code,
        "detail": say_phrase(as_phrase(detail), language),
    }
    if hint:
        body["hint"] = say_phrase(as_phrase(hint), language)
    if request_id := REQUEST_ID.get():
        body["request_id"] = request_id
    sent = {**(headers or {}), **({"Content-Language": language} if ASKED_LANGUAGE.get() else {})}
    return JSONResponse(body | more, status, headers=sent, media_type="application/problem+json")


def as_phrase(words: str | Phrase) -> Phrase:
    """Words as a phrase; a text is one without values."""
    return words if isinstance(words, Phrase) else Phrase(words)


class ProblemException(HTTPException):
    """An HTTP error with a code, a detail and perhaps a hint of its own. What names values is a phrase, so that it can
    be said in the reader's language."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str | Phrase,
        *,
        hint: str | Phrase = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, str(detail), headers)
        self.code, self.phrase, self.hint = code, as_phrase(detail), as_phrase(hint)


class Rejection(TypedDict):
    """A rejected body, as the members of a problem. ``is_kept``: false where the quarantine did not keep it."""

    status: int
    code: str
    detail: str
    hint: str
    declaration_id: str | None
    errors: list[JsonObject]
    standing: NotRequired[Mapping[str, object]]
    is_kept: NotRequired[bool]


def rejection_content(rejected: Rejected) -> Rejection:
    """A rejected body, as the members of a problem."""
    codes = {fault.code for fault in rejected.faults}
    detail, hint = _REASONS.get(codes.pop() if len(codes) == 1 else "") or _NOT_THE_SCHEMA
    content: Rejection = {
        "status": 409 if rejected.is_conflict else 422,
        "code": "conflict" if rejected.is_conflict else "invalid",
        "detail": detail,
        "hint": hint,
        "declaration_id": rejected.declaration_id,
        "errors": [asdict(fault) for fault in rejected.faults],
    }
    return content if rejected.status is None else {**content, "standing": dict(rejected.status)}


def rejection_response(rejected: Rejected) -> JSONResponse:
    """The problem of a rejected body."""
    return problem(**rejection_content(rejected))


def add_problem_handlers(app: FastAPI) -> None:
    """Make every error of an application a problem."""

    @app.exception_handler(BasiraError)
    def _family(request: Request, error: BasiraError) -> JSONResponse:
        status = STATUS[type(error)]
        if type(error) in _INTERNAL:
            request.app.state.metrics.unavailable(error)
            detail = _UNREADABLE if request.method in _READING else _UNAVAILABLE
            return problem(status, error.code, detail, headers={"Retry-After": "1"})
        return problem(status, error.code, error.message_phrase, hint=error.hint_phrase)

    @app.exception_handler(RequestValidationError)
    def _request(request: Request, error: RequestValidationError) -> JSONResponse:
        faults = error.errors()
        if is_other_content(faults):
            kind = request.headers.get("content-type", "")[:_LONGEST_KIND]
            detail = (
                Phrase("Expected Content-Type: application/json, found {kind!r}.", kind=kind)
                if kind
                else Phrase("Expected Content-Type: application/json, found none.")
            )
            return problem(415, "unsupported_media_type", detail, hint="Send JSON, and name it so in Content-Type.")
        errors = error_list(faults, language=answer_language())
        return problem(422, "invalid", detail_of(errors), hint="Correct what errors names.", errors=errors)

    @app.exception_handler(HTTPException)
    def _http(_request: Request, error: HTTPException) -> JSONResponse:
        if isinstance(error, ProblemException):
            return problem(error.status_code, error.code, error.phrase, hint=error.hint, headers=error.headers)
        title = TITLES.get(error.status_code, "Error")
        code = title.lower().replace(" ", "_")
        detail, hint = _HTTP_WORDS.get(error.status_code, (f"{title}.", ""))
        return problem(error.status_code, code, detail, hint=hint, headers=error.headers)
