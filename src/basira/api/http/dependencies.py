"""What every route takes from a request: the service, the moment, the idempotency key.

Enters: a request. Leaves: the arguments of a route. Never here: a check of the caller (see `basira.api.auth`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Annotated, Literal

from fastapi import Depends, Header, Path, Query, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.convertors import Convertor, register_url_convertor

from basira.api.http.large_worker import LargeWorker
from basira.api.http.metrics import Metrics
from basira.schema.access import Principal
from basira.schema.text import fold_identifier
from basira.serving.decide.idempotency import Asked, given_answer
from basira.serving.record import is_recorded
from basira.serving.service import Service
from basira.serving.trial import Trials

PREFIX = "/api/v1"
_LONGEST_NAME = 60

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="The same request under the same key gets the same answer for a day, and is carried out once.",
    ),
]
Limit = Annotated[int, Query(ge=1, le=1_000, description="Rows of a page.")]


class _NumberConvertor(Convertor[str]):
    """A declaration's number in an address: any text, for customs numbers have slashes. What follows it (`/outcome`)
    is the last part of the address, so routes with an ending come before the one without."""

    regex = r"[\s\S]+"

    def convert(self, value: str) -> str:
        """The number."""
        return value

    def to_string(self, value: str) -> str:
        """The same in an address."""
        return value


register_url_convertor("number", _NumberConvertor())
# The beginning of every address of one declaration.
DECLARATION_PATH = "/declarations/{declaration_id:number}"


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


async def _number(
    request: Request,
    declaration_id: Annotated[str, Path(min_length=1, max_length=200, description="The declaration's number.")],
) -> str:
    """The number in the form that declarations have, from any digits, dashes or spaces. A number that was recorded
    before this form existed is found as it was recorded."""
    folded = fold_identifier(declaration_id)
    if folded in ("", declaration_id) or await run_in_threadpool(_is_recorded, request, declaration_id):
        return declaration_id
    return folded


def _is_recorded(request: Request, declaration_id: str) -> bool:
    return is_recorded(_service(request).database, declaration_id)


def _now(request: Request) -> datetime:
    clock: Callable[[], datetime] = request.app.state.clock
    return clock()


def _metrics(request: Request) -> Metrics:
    metrics: Metrics = request.app.state.metrics
    return metrics


def _trials(request: Request) -> Trials:
    trials: Trials = request.app.state.trials
    return trials


def _large_worker(request: Request) -> LargeWorker | None:
    large: LargeWorker | None = request.app.state.large_worker
    return large


def _is_csv(
    format: Annotated[Literal["json", "csv"] | None, Query(description="csv: all of it, for a spreadsheet.")] = None,
    accept: Annotated[str, Header()] = "",
) -> bool:
    return format == "csv" or (format is None and accept.partition(";")[0].strip() == "text/csv")


def _known_query(request: Request) -> None:
    """A parameter that a list does not have is a misspelt one: ignored, it would show everything."""
    route: APIRoute = request.scope["route"]
    known = sorted(set(_query_names(route.dependant)))
    unknown = [name for name in dict.fromkeys(request.query_params) if name not in known]
    if unknown:
        raise RequestValidationError(
            [
                {
                    "loc": ("query", name[:_LONGEST_NAME]),
                    "type": "unknown_parameter",
                    "msg": "",
                    "input": request.query_params[name],
                    "ctx": {"expected": ", ".join(known)},
                }
                for name in unknown
            ]
        )


def _query_names(dependant: Dependant) -> Iterator[str]:
    """The names of the query that it takes, and those that what it depends on takes."""
    yield from (parameter.alias for parameter in dependant.query_params)
    for other in dependant.dependencies:
        yield from _query_names(other)


Number = Annotated[str, Depends(_number)]
InService = Annotated[Service, Depends(_service)]
Now = Annotated[datetime, Depends(_now)]
InMetrics = Annotated[Metrics, Depends(_metrics)]
# None where large requests are decided by this process.
InLargeWorker = Annotated[LargeWorker | None, Depends(_large_worker)]
InTrials = Annotated[Trials, Depends(_trials)]
# Whether CSV is asked for: by the query or, where that says nothing, by the header.
IsCsv = Annotated[bool, Depends(_is_csv)]
# For lists, after the check of the caller: only known parameters.
KNOWN_QUERY = Depends(_known_query)
KnownQuery = Annotated[None, KNOWN_QUERY]


def asked_of(
    principal: Principal, route: str, key: str | None, body: object, *, declaration_id: str = "", language: str = "fr"
) -> Asked:
    """The caller, the request, and its key. ``declaration_id``: where the address has it, a part of the request.
    ``language``: of the sentences in the answer."""
    if isinstance(body, bytes):  # how the framework gives on what does not call itself JSON
        raise RequestValidationError([{"loc": ("body", "content-type"), "type": "json_type", "msg": "", "input": None}])
    content = [declaration_id, body] if declaration_id else body
    return Asked(principal.id, route, key, _digest(content), principal.offices, language)


def _digest(content: object) -> str:
    """SHA-256 of the content as JSON; of a list it is written one element after the other, so that other threads get
    their turn in between."""
    if not isinstance(content, list):
        return hashlib.sha256(_text(content).encode()).hexdigest()
    made = hashlib.sha256(b"[")
    for number, one in enumerate(content):
        made.update(f"{',' if number else ''}{_text(one)}".encode())
    made.update(b"]")
    return made.hexdigest()


def _text(content: object) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"))


def stored_response(service: Service, asked: Asked, *, now: datetime) -> Response | None:
    """The response stored under the idempotency key; None without a key, or when the key is new."""
    given = given_answer(service.database, asked, now=now)
    return None if given is None else Response(given.response, given.status, media_type="application/json")
