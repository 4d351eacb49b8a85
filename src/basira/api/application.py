"""The FastAPI application, made of a service, a way to recognise keys and a clock.

Enters: these three. Leaves: an ASGI application. Never here: a path, an environment, a clock of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime

from fastapi import FastAPI

import basira
from basira.api.access import Recognise
from basira.api.metrics import Metrics
from basira.api.middleware import MOST_BYTES, Surroundings
from basira.api.problems import add_problem_handlers
from basira.api.routes import PREFIX, router
from basira.workflows.serve_context import Service

_REFRESH_SECONDS = 10.0


def make_application(
    service: Service, *, recognise: Recognise, clock: Callable[[], datetime], most_bytes: int = MOST_BYTES
) -> FastAPI:
    """The application. ``clock``: local time without a zone. It looks for newer profiles every ten seconds."""

    async def refresh() -> None:
        while True:
            with suppress(OSError):
                await asyncio.to_thread(service.profiles.refresh)
            await asyncio.sleep(_REFRESH_SECONDS)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        task = asyncio.create_task(refresh())
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        service.close()

    metrics = Metrics()
    app = FastAPI(
        title="Basira", version=basira.__version__, summary="One declaration in, a lane and its reasons out.",
        openapi_url=f"{PREFIX}/openapi.json", docs_url=None, redoc_url=None, lifespan=lifespan,
    )  # fmt: skip
    app.state.service, app.state.recognise, app.state.clock, app.state.metrics = service, recognise, clock, metrics
    add_problem_handlers(app)
    app.include_router(router)
    app.add_middleware(Surroundings, metrics=metrics, most_bytes=most_bytes)
    return app
