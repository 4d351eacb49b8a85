"""The service with its pages behind a real port, and people who open them in a browser."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn

from basira.api.auth.settings import AccessSettings
from basira.serving.service import Service
from basira.web.application import add_pages
from tests.support.access_world import House


@dataclass
class Running:
    """A house whose pages are served at ``address``."""

    house: House
    address: str


def house_with_pages(service: Service, **options: Any) -> House:
    """The application with its pages, for clients without a browser."""
    house = House(service, **options)
    add_pages(house.app)
    return house


@contextmanager
def serve(service: Service) -> Iterator[Running]:
    """Serve the pages on a free port of this machine until the block ends."""
    house = house_with_pages(service, settings=AccessSettings(is_development=True))
    config = uvicorn.Config(house.app, host="127.0.0.1", port=0, log_level="error", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
        assert thread.is_alive(), "the server ended before it served"
    (listening,) = server.servers[0].sockets
    try:
        yield Running(house, f"http://127.0.0.1:{listening.getsockname()[1]}")
    finally:
        server.should_exit = True
        thread.join(10)
