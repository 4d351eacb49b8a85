"""The FastAPI application, made of a service, a way to recognise keys and a clock.

Enters: these three. Leaves: an ASGI application. Never here: a path, an environment, a clock of its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from fastapi import FastAPI

import basira
from basira.api.auth.authenticate import Recognise, access_of, by_session
from basira.api.auth.key_cache import Remembered
from basira.api.auth.oidc import Provider
from basira.api.auth.settings import AccessSettings
from basira.api.http.body_reader import Reader
from basira.api.http.connection import COUNT_ENDED
from basira.api.http.dependencies import PREFIX
from basira.api.http.host_and_address import Entrance
from basira.api.http.large_worker import LOOK_SECONDS, LargeWorker
from basira.api.http.metrics import Metrics
from basira.api.http.problems import add_problem_handlers
from basira.api.http.request_log import MOST_BYTES, Surroundings
from basira.api.http.rule_desk import RuleDesk
from basira.api.openapi.answers import PROBLEM_SCHEMA
from basira.api.routes import audit as routes_audit
from basira.api.routes import changes as routes_changes
from basira.api.routes import declarations as routes_declarations
from basira.api.routes import figures as routes_figures
from basira.api.routes import large as routes_large
from basira.api.routes import lists as routes_lists
from basira.api.routes import oidc as oidc_routes
from basira.api.routes import quarantine as routes_quarantine
from basira.api.routes import queue as routes_queue
from basira.api.routes import risks as routes_risks
from basira.api.routes import rule_tests as routes_rule_tests
from basira.api.routes import rules as routes_rules
from basira.api.routes import session as session_routes
from basira.api.routes.router import router
from basira.schema.errors import BasiraError
from basira.schema.json_values import JsonObject
from basira.serving.decide.idempotency import purge_expired
from basira.serving.decide.precedence import Precedence, no_pause
from basira.serving.decide.worker import DECIDE_SECONDS, Decider
from basira.serving.service import Service, with_live_model
from basira.serving.trial import Trials
from basira.serving.views.rejected import USUAL_QUOTA, Quarantine, Quota

REFRESH_SECONDS = 10.0
MODEL_SECONDS = 60.0
# Interval of the check that the database can be written; it also takes back what a stopped process holds.
_WRITABLE_SECONDS = 1.0
# To check new profiles takes a second per gigabyte or so. While a worker starts, the others answer, or the client
# waits; not for longer than a proxy does.
FIRST_LOOK_SECONDS = 10.0

_LOG = logging.getLogger("basira.service")


class _Application(FastAPI):
    def openapi(self) -> JsonObject:
        """The document, with the schema of problems that its answers name."""
        if self.openapi_schema is None:
            schemas = super().openapi().setdefault("components", {}).setdefault("schemas", {})
            schemas["Problem"] = PROBLEM_SCHEMA
        return super().openapi()


async def _attempt(what: str, step: Callable[[], Awaitable[None]]) -> None:
    """Run a step that is repeated later; log any error."""
    try:
        await step()
    except (asyncio.CancelledError, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a library's panic is no Exception
        _LOG.error("refresh_failed", extra={"fields": {"what": what, "error": type(error).__name__}})


def _fault_of(service: Service) -> BasiraError | None:
    """Why nothing can be recorded now; None when it can."""
    try:
        service.require_writable()
    except BasiraError as error:
        return error
    return None


async def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@dataclass(frozen=True)
class Limits:
    """What a request may take. ``most_bytes``: of its body. ``decide_seconds``: after which a declaration is decided
    without a score (see `Decider`). ``quota``: of rejected bodies that are kept."""

    most_bytes: int = MOST_BYTES
    decide_seconds: float = DECIDE_SECONDS
    quota: Quota = USUAL_QUOTA


USUAL_LIMITS = Limits()


def make_application(
    service: Service,
    *,
    recognise: Recognise,
    clock: Callable[[], datetime],
    settings: AccessSettings | None = None,
    limits: Limits = USUAL_LIMITS,
    large_socket: str = "",
) -> FastAPI:
    """The application. ``clock``: local time without a zone. It looks for profiles before it answers, for newer ones
    every ten seconds, for a newer model every minute. ``large_socket``: where the large worker listens; "": large
    requests are decided here."""
    settings = settings or AccessSettings()
    desk = session_routes.login_desk()
    openid_desk = oidc_routes.openid_desk()
    remembered = Remembered(recognise)
    app = _decider_of(service, clock, limits, large_socket, closing=(openid_desk, desk, remembered))
    app.state.recognise, app.state.trials, app.state.remembered = recognise, Trials(), remembered
    sessions = by_session(service.database, clock, idle=settings.session_idle)
    app.state.access = access = access_of(settings, keys=recognise, sessions=sessions)
    app.state.password_desk, app.state.openid_desk = desk, openid_desk
    app.state.oidc = settings.oidc and Provider(settings.oidc, f"{settings.origin}{oidc_routes.CALLBACK}")
    app.include_router(router)
    for part in (
        routes_declarations,
        routes_changes,
        routes_queue,
        routes_quarantine,
        routes_audit,
        routes_figures,
        routes_rules,
        routes_rule_tests,
        routes_lists,
        routes_risks,
    ):
        app.include_router(part.router)
    app.include_router(session_routes.router)
    app.include_router(oidc_routes.router)
    app.add_middleware(Entrance, settings=settings, addresses=access.address_rate)
    metrics: Metrics = app.state.metrics
    app.add_middleware(
        Surroundings, metrics=metrics, most_bytes=limits.most_bytes, is_secure=not settings.is_development
    )
    return app


def make_large_application(
    service: Service, *, clock: Callable[[], datetime], limits: Limits = USUAL_LIMITS
) -> FastAPI:
    """The application of a large worker: for a socket that only the service's own workers can reach."""
    app = _decider_of(service, clock, limits)
    app.include_router(routes_large.router)
    app.include_router(routes_rule_tests.large_router)
    app.add_middleware(routes_large.Passed)
    return app


class Closable(Protocol):
    """What ends with the application."""

    def close(self) -> None:
        """End it."""
        ...


def _decider_of(
    service: Service,
    clock: Callable[[], datetime],
    limits: Limits,
    large_socket: str = "",
    *,
    closing: Sequence[Closable] = (),
) -> FastAPI:
    """An application that decides, without a route. ``closing``: what else ends with it."""

    async def look() -> None:
        await asyncio.to_thread(service.refresh_profiles)
        metrics.profiles(age_days=service.profile_age_days(clock().date()), alarm=service.profiles.alarm)

    async def refresh(looked: asyncio.Event) -> None:
        while True:
            await _attempt("profiles", look)
            looked.set()
            await asyncio.sleep(REFRESH_SECONDS)

    async def watch() -> None:
        is_writable = True
        while True:
            fault = await asyncio.to_thread(_fault_of, service)
            if fault is not None and is_writable:
                fields = {"code": fault.code, "cause": type(fault.__cause__ or fault).__name__}
                _LOG.error("not_writable", extra={"fields": fields})
            is_writable = fault is None
            await asyncio.sleep(_WRITABLE_SECONDS)

    async def take() -> None:
        # Read beside the requests, then taken whole: a group is decided by one model.
        app.state.service = await asyncio.to_thread(with_live_model, app.state.service, now=clock())

    async def forget() -> None:
        await asyncio.to_thread(purge_expired, service.database, now=clock())

    async def renew() -> None:
        while True:
            await asyncio.sleep(MODEL_SECONDS)
            await _attempt("model", take)
            await _attempt("keys", forget)

    async def look_at(large: LargeWorker) -> None:
        while True:
            await _attempt("large_worker", large.look)
            await asyncio.sleep(LOOK_SECONDS)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[Mapping[str, object]]:
        async with AsyncExitStack() as ending:  # from the last to the first, each also when an earlier one fails
            for one in (service, *closing, reader, rule_desk):
                ending.callback(one.close)
            # What waits is decided and answered first.
            for decider in deciders:
                ending.push_async_callback(asyncio.to_thread, decider.close)
            looked = asyncio.Event()
            tasks = [asyncio.create_task(one) for one in (refresh(looked), renew(), watch())]
            if large_socket:
                app.state.large_worker = large = LargeWorker(large_socket, note=metrics.large_worker)
                ending.push_async_callback(large.close)
                tasks.append(asyncio.create_task(look_at(large)))
            ending.push_async_callback(_cancel, tasks)
            try:
                await asyncio.wait_for(looked.wait(), FIRST_LOOK_SECONDS)
            except TimeoutError:
                _LOG.warning("profiles_late")
            yield {COUNT_ENDED: metrics.count_ended_connection}

    metrics = Metrics()
    app = _Application(
        title="Basira",
        version=basira.__version__,
        summary="One declaration in, a lane and its reasons out.",
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.service, app.state.clock, app.state.metrics, app.state.large_worker = service, clock, metrics, None
    # Two, like two workers: requests of one never wait for requests of the other.
    app.state.precedence = precedence = Precedence()
    app.state.decider, app.state.large_decider = deciders = tuple(
        Decider(lambda: app.state.service.for_decisions(), clock, seconds=limits.decide_seconds, pause=pause)
        for pause in (no_pause, precedence.pause)
    )
    app.state.rule_desk = rule_desk = RuleDesk()
    app.state.reader = reader = Reader(pause=precedence.pause)
    app.state.quarantine = Quarantine(limits.quota)
    add_problem_handlers(app)
    return app
