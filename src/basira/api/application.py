"""The FastAPI application, made of a service, a way to recognise keys and a clock.

Enters: these three. Leaves: an ASGI application. Never here: a path, an environment, a clock of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any

from fastapi import FastAPI

import basira
from basira.api import (
    oidc_routes,
    routes_audit,
    routes_changes,
    routes_declarations,
    routes_quarantine,
    routes_queue,
    session_routes,
)
from basira.api.access import Recognise, access_of, by_session
from basira.api.access_settings import AccessSettings
from basira.api.asking import PREFIX
from basira.api.entrance import Entrance
from basira.api.examples_answers import PROBLEM_SCHEMA
from basira.api.metrics import Metrics
from basira.api.middleware import MOST_BYTES, Surroundings
from basira.api.oidc import Provider
from basira.api.problems import add_problem_handlers
from basira.api.reading import Reader
from basira.api.remembered import Remembered
from basira.api.routes import router
from basira.workflows.serve_context import Service, with_newest_model
from basira.workflows.serve_decider import DECIDE_SECONDS, Decider

_REFRESH_SECONDS = 10.0
_MODEL_SECONDS = 60.0


class _Application(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """The document, with the schema of problems that its answers name."""
        if self.openapi_schema is None:
            schemas = super().openapi().setdefault("components", {}).setdefault("schemas", {})
            schemas["Problem"] = PROBLEM_SCHEMA
        return super().openapi()


def make_application(
    service: Service, *, recognise: Recognise, clock: Callable[[], datetime], most_bytes: int = MOST_BYTES,
    settings: AccessSettings | None = None, decide_seconds: float = DECIDE_SECONDS,
) -> FastAPI:  # fmt: skip
    """The application. ``clock``: local time without a zone. It looks for newer profiles every ten seconds, for a newer
    model every minute. ``decide_seconds``: see `Decider`.
    """
    settings = settings or AccessSettings()
    desk = session_routes.PasswordDesk()

    async def refresh() -> None:
        while True:
            with suppress(OSError):
                await asyncio.to_thread(service.refresh_profiles)
                metrics.profiles(age_days=service.profile_age_days(clock().date()), alarm=service.profiles.alarm)
            await asyncio.sleep(_REFRESH_SECONDS)

    async def renew() -> None:
        while True:
            await asyncio.sleep(_MODEL_SECONDS)
            # Read beside the requests, then taken whole: a group is decided by one model.
            with suppress(OSError):
                app.state.service = await asyncio.to_thread(with_newest_model, app.state.service, today=clock().date())

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(refresh()), asyncio.create_task(renew())]
        yield
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        # What waits is decided and answered first.
        await asyncio.to_thread(decider.close)
        reader.close()
        desk.close()
        service.close()

    metrics = Metrics()
    app = _Application(
        title="Basira", version=basira.__version__, summary="One declaration in, a lane and its reasons out.",
        openapi_url=f"{PREFIX}/openapi.json", docs_url=None, redoc_url=None, lifespan=lifespan,
    )  # fmt: skip
    app.state.service, app.state.recognise, app.state.clock, app.state.metrics = service, recognise, clock, metrics
    app.state.decider = decider = Decider(lambda: app.state.service, clock, seconds=decide_seconds)
    app.state.reader = reader = Reader()
    app.state.remembered = Remembered(recognise)
    sessions = by_session(service.database, clock, idle=settings.session_idle)
    app.state.access = access = access_of(settings, keys=recognise, sessions=sessions)
    app.state.password_desk = desk
    app.state.oidc = settings.oidc and Provider(settings.oidc, f"{settings.origin}{oidc_routes.CALLBACK}")
    add_problem_handlers(app)
    app.include_router(router)
    for part in (routes_declarations, routes_changes, routes_queue, routes_quarantine, routes_audit):
        app.include_router(part.router)
    app.include_router(session_routes.router)
    app.include_router(oidc_routes.router)
    app.add_middleware(Entrance, settings=settings, addresses=access.address_rate)
    app.add_middleware(Surroundings, metrics=metrics, most_bytes=most_bytes, is_secure=not settings.is_development)
    return app
