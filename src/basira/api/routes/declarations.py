"""POST /declarations: the one route that has to be quick.

Enters: a declaration, or up to 1,000, of a recognised principal. Leaves: what `serving.decide.batch` decides. Never
here: a decision; a wait on the event loop, or work on it that grows with the number of declarations.

FastAPI describes the route, but does not read its arguments: for a body that is validated elsewhere, that would cost as
much as the decision itself. The body is parsed once, after its sender is recognised; a large one beside the event loop
(`Reader`), or in a process of its own (`LargeWorker`).
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from sqlalchemy.exc import IntegrityError
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from basira.api.auth.authenticate import authorize, needs
from basira.api.auth.key_cache import Remembered
from basira.api.http.body_reader import Reader, TooLargeError
from basira.api.http.dependencies import PREFIX, Key, asked_of
from basira.api.http.large_worker import LargeWorker, is_large, is_long
from basira.api.http.metrics import Metrics
from basira.api.http.problems import STATUS, Rejection, problem, rejection_content
from basira.api.openapi.answers import answers_of
from basira.api.openapi.examples import DECLARATION, body_of, declaration_schema
from basira.schema.access import Principal
from basira.schema.errors import BasiraError, Phrase, StoreError
from basira.serving.decide.idempotency import Asked, given_answer, store_answer
from basira.serving.decide.precedence import Precedence
from basira.serving.decide.result import Ask, Decided, Failed, Replayed, Result
from basira.serving.decide.worker import MOST_ITEMS_PLAIN, MOST_ITEMS_TOGETHER, BusyError, Decider, items_of
from basira.serving.message import Rejected
from basira.serving.service import Service
from basira.serving.views.rejected import NotKept, Quarantine
from basira.storage.online.office_state import Answer

MOST_DECLARATIONS = 1_000
# Of a large batch: a transaction each, so that single declarations get their turn in between. Of large declarations it
# is fewer (`MOST_ITEMS_TOGETHER`).
TOGETHER = 50
_ROUTE = "POST /declarations"
_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_JSON = re.compile(r"application/(?:[\w.!#$&^-]+\+)?json\s*(?:;.*)?", re.IGNORECASE)
_LOG = logging.getLogger("basira.service")
# For a rejected body that the sender must keep.
_NOT_KEPT: Mapping[NotKept, str] = {
    "quota": "Keep it yourself: the quarantine took what it takes of this key today.",
    "total": "Keep it yourself: the quarantine is full.",
    "failed": "Keep it yourself: the quarantine could not take it.",
}
_BUSY = "More declarations wait than can be decided now. Nothing was recorded; send the request again."


class Quick(APIRoute):
    """What FastAPI does for the signature below, by hand."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler of one request."""

        async def handle(request: Request) -> Response:
            principal = await _principal(request)
            key = request.headers.get("idempotency-key")
            if key is not None and not _KEY.fullmatch(key):
                raise _invalid("header", "Idempotency-Key", "string_pattern_mismatch")
            return await decide_body(request, principal, key)

        return handle


async def decide_body(request: Request, principal: Principal, key: str | None) -> Response:
    """Answer a request of a recognised principal; the large worker, where there is one, answers a large request."""
    reader: Reader = request.app.state.reader
    large: LargeWorker | None = request.app.state.large_worker
    try:
        with reader.holding(await _size(request)):
            raw = await request.body()
            if large is not None and is_long(raw):
                return await large.ask(request, raw, principal)
            body = await _parse_body(request)
            if large is not None and is_large(body):
                return await large.ask(request, raw, principal)
            return await post_declarations(request, body, principal, key)
    except ClientDisconnect:
        return problem(400, "bad_request", "The body did not come to its end.")
    except TooLargeError as error:
        return problem(413, "too_large", str(error), hint="Send less at once: fewer declarations, or items.")
    except BusyError:
        return problem(503, "busy", _BUSY, headers={"Retry-After": "1"})


async def _principal(request: Request) -> Principal:
    remembered: Remembered = request.app.state.remembered
    token = request.headers.get("x-api-key")
    known = remembered.fresh(token) if token else None
    if known is not None:
        # Looked up once: before a second look-up it may expire, and this is the event loop.
        return authorize(request, "declarations:write", keys=lambda _: known)
    return await remembered.beside(partial(authorize, request, "declarations:write", keys=remembered))


async def _size(request: Request) -> int:
    """How many bytes the body has, before it is read; of one that comes in pieces, after it was."""
    length = request.headers.get("content-length", "")
    return int(length) if length.isdecimal() else len(await request.body())


async def _parse_body(request: Request) -> Any:
    raw = await request.body()
    if not _JSON.fullmatch(request.headers.get("content-type", "").strip()):
        raise _invalid("body", "content-type", "json_type")
    reader: Reader = request.app.state.reader
    try:
        return await reader.parse(raw)
    except ValueError:
        raise _invalid("body", "0", "json_invalid") from None


def _invalid(place: str, name: str, code: str) -> RequestValidationError:
    return RequestValidationError([{"loc": (place, name), "type": code, "msg": "", "input": None}])


router = APIRouter(prefix=PREFIX, route_class=Quick)
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
    responses=answers_of("decision", 401, 403, 409, 415, 422),
)
async def post_declarations(
    request: Request,
    body: Annotated[Any, Body()],
    principal: Annotated[Principal, Depends(needs("declarations:write"))],
    key: Key = None,
) -> Response:
    """Give each declaration its lane at once, with reasons where the lane inspects.

    Sent again unchanged, it gets the recorded decision. Changed, it is an amendment, and decided again; it never gets a
    less intensive lane. In a batch each declaration is decided by itself: `results` holds a decision or a problem for
    each.
    """
    metrics: Metrics = request.app.state.metrics
    language = request.app.state.service.language
    asked = Asked(principal.id, offices=principal.offices, language=language)
    if key:
        reader: Reader = request.app.state.reader
        size = len(await request.body())  # read before, and kept by the request
        asked = await reader.beside(partial(asked_of, principal, _ROUTE, key, body, language=language), size=size)
    if isinstance(body, list):
        return await _batch(body, asked, request, metrics)
    (result,) = await _decide([body], asked, request)
    match result:
        case Decided(body=decision, text=text):
            metrics.count_decision(decision)
            return _json(text)
        case Replayed(text=text, status=status):
            return _json(text, status)
        case Failed(error=error):
            raise error
        case Rejected():
            (not_kept,) = await run_in_threadpool(_quarantine, request, [(body, result)], asked)
            # A thousand items may have a fault each: to write them down takes time that is not the event loop's.
            return await run_in_threadpool(lambda: problem(**_rejection(result, not_kept)))


async def _decide(bodies: Sequence[object], asked: Asked, request: Request) -> list[Result]:
    state = request.app.state
    reader: Reader = state.reader
    plain, large = state.decider, state.large_decider
    is_large = sum(items_of(body) for body in bodies) > MOST_ITEMS_PLAIN
    decider: Decider = large if is_large else plain
    metrics: Metrics = state.metrics
    try:
        read = await reader.read(bodies, received_at=state.clock())
        asks = [Ask(body, asked, read=one) for body, one in zip(bodies, read, strict=True)]
        if is_large:
            return await decider.decide(asks)
        precedence: Precedence = state.precedence
        with precedence.plain():
            return await decider.decide(asks)
    finally:
        metrics.waiting(plain.waiting_count + large.waiting_count)


async def _batch(bodies: Sequence[object], asked: Asked, request: Request, metrics: Metrics) -> Response:
    state = request.app.state
    if asked.key:
        reserved = state.service.for_decisions().database
        given = await run_in_threadpool(given_answer, reserved, asked, now=state.clock())
        if given is not None:
            return _json(given.response, given.status)
    if not 1 <= len(bodies) <= MOST_DECLARATIONS:
        found = Phrase(
            "Expected 1 to {most:,} declarations, found {found:,}.", most=MOST_DECLARATIONS, found=len(bodies)
        )
        hint = Phrase("Send it in lists of 1 to {most:,} declarations.", most=MOST_DECLARATIONS)
        return problem(422, "invalid", found, hint=hint)
    each = Asked(asked.actor, offices=asked.offices, language=asked.language)
    results: list[str] = []
    is_final = True
    for part in _parts(bodies):
        try:
            made = await _decide(part, each, request)
        except BusyError as error:
            made = [Failed(error)] * len(part)
        rejected = [(body, one) for body, one in zip(part, made, strict=True) if isinstance(one, Rejected)]
        not_kept = iter(await run_in_threadpool(_quarantine, request, rejected, asked) if rejected else ())
        for body, one in zip(part, made, strict=True):
            if isinstance(one, Decided):
                metrics.count_decision(one.body)
            results.append(_result(body, one, next(not_kept) if isinstance(one, Rejected) else None))
        faults = [one.error for one in made if isinstance(one, Failed) and _problem_of(one.error)[0] >= 500]
        is_final = is_final and not faults
        # A fault of the whole group is counted once.
        for fault in {id(one): one for one in faults if not isinstance(one, BusyError)}.values():
            metrics.unavailable(fault)
    text = f'{{"results":[{",".join(results)}]}}'
    if asked.key and is_final:
        # Every decision is recorded by now: should this last step fail, sending the batch again gives the same ones. So
        # it does where something failed that may pass, and then the key must lead to another try.
        kept = await run_in_threadpool(_store_answer, request, asked, Answer(200, text))
        return _json(kept.response, kept.status)
    return _json(text)


def _parts(bodies: Sequence[object]) -> Iterator[Sequence[object]]:
    """Those that are decided together, in order; a declaration of very many items is alone."""
    start = items = 0
    for end, body in enumerate(bodies):
        more = items_of(body)
        if end > start and (end - start == TOGETHER or items + more > MOST_ITEMS_TOGETHER):
            yield bodies[start:end]
            start, items = end, 0
        items += more
    yield bodies[start:]


def _store_answer(request: Request, asked: Asked, answer: Answer) -> Answer:
    """The answer that is stored under the key: this one, or that of the same batch sent at the same time."""
    service: Service = request.app.state.service
    database = service.for_decisions().database
    now = request.app.state.clock()
    try:
        with database.write() as connection:
            store_answer(connection, asked, answer, now=now)
    except StoreError as error:
        fault = error
        if isinstance(error.__cause__, IntegrityError):
            try:
                return given_answer(database, asked, now=now) or answer
            except StoreError as unread:
                fault = unread
        # All is decided and recorded: the answer is right, and the batch sent again gives the same decisions.
        cause = type(fault.__cause__ or fault).__name__
        _LOG.warning("answer_not_kept", extra={"fields": {"code": fault.code, "cause": cause}})
    return answer


def _quarantine(request: Request, rejected: Sequence[tuple[object, Rejected]], asked: Asked) -> list[NotKept | None]:
    state = request.app.state
    quarantine: Quarantine = state.quarantine
    not_kept = quarantine.keep(state.service.database, rejected, client=asked.actor, now=state.clock())
    for cause in filter(None, not_kept):
        state.metrics.count_not_kept(cause)
    return not_kept


def _rejection(found: Rejected, not_kept: NotKept | None) -> Rejection:
    content = rejection_content(found)
    if not_kept is None:
        return content
    return {**content, "is_kept": False, "hint": f"{content['hint']} {_NOT_KEPT[not_kept]}"}


def _result(body: object, result: Result, not_kept: NotKept | None) -> str:
    """One of a batch, as JSON."""
    match result:
        case Decided(text=text) | Replayed(text=text):
            return f'{{"decision":{text}}}'
        case Rejected():
            content: Mapping[str, object] = _rejection(result, not_kept)
        case Failed(error=error):
            named = body.get("declaration_id") if isinstance(body, dict) else None
            status, code = _problem_of(error)
            content = {"status": status, "code": code, "declaration_id": named}
    return json.dumps({"problem": content}, ensure_ascii=False, separators=(",", ":"))


def _problem_of(fault: Exception) -> tuple[int, str]:
    """Its status and code."""
    if isinstance(fault, BusyError):
        return 503, "busy"
    return (STATUS[type(fault)], fault.code) if isinstance(fault, BasiraError) else (500, "internal")


def _json(text: str, status: int = 200) -> Response:
    return Response(text.encode("utf-8", "replace"), status, media_type="application/json")
