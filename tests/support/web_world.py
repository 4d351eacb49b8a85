"""The service with its pages behind a real port, and people who open them in a browser."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

import pytest
import uvicorn
from fastapi.testclient import TestClient

from basira.api.auth.settings import AccessSettings
from basira.serving.service import Service
from basira.web.application import add_pages
from basira.web.assets import missing_assets
from tests.support.access_world import House


@dataclass
class Running:
    """A house whose pages are served at ``address``."""

    house: House
    address: str


def require_assets() -> None:
    """Skip the test where `make assets` could not bring the files of the pages; fail where CI is set."""
    if not (missing := missing_assets()):
        return
    words = f"The pages lack {', '.join(missing)}: run `make assets` (Debian: apt-get install npm)."
    if os.environ.get("CI", "").lower() in {"1", "true"}:
        pytest.fail(words)
    pytest.skip(words)


def house_with_pages(service: Service, **options: Any) -> House:
    """The application with its pages, for clients without a browser."""
    require_assets()
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


@dataclass
class Decided:
    """A house in which the declarations of a day are decided. ``waiting``: a number of a waiting declaration with
    reasons, and its office. ``released``: one whose lane does not inspect, and its office. ``all``: their answers."""

    house: House
    waiting: tuple[str, str]
    released: tuple[str, str]
    all: list[dict[str, Any]]

    @property
    def page(self) -> str:
        """The address of the waiting declaration's page."""
        return f"/declarations/{self.waiting[0]}"


def decide_all(house: House, arrivals: list[dict[str, Any]]) -> Decided:
    """Have every declaration decided, as the clearance system does."""
    system = house.system("declarations:write")
    answers = [system.post("/api/v1/declarations", json=body) for body in arrivals]
    assert {answer.status_code for answer in answers} == {200}
    all_of_them = [answer.json() for answer in answers]
    asked = [one for one in all_of_them if one["inspects"] and any(item["verify"] for item in one["items"])]
    free = [one for one in all_of_them if not one["inspects"]]
    return Decided(
        house,
        (asked[0]["declaration_id"], asked[0]["office"]),
        (free[0]["declaration_id"], free[0]["office"]),
        all_of_them,
    )


class Inputs(HTMLParser):
    """The fields of the forms of a page, by the form's action: what a browser would send unchanged."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: dict[str, dict[str, str]] = {}
        self.choices: dict[str, list[str]] = {}
        self._fields: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "form":
            self._fields = self.forms.setdefault(values.get("action") or "", {})
        if tag != "input" or not values.get("name"):
            return
        name, value = values["name"] or "", values.get("value") or ""
        if values.get("type") in ("radio", "checkbox"):
            self.choices.setdefault(name, []).append(value)
            if "checked" in values:
                self._fields[name] = value
        else:
            self._fields[name] = value


def form_of(client: TestClient, page: str, action: str) -> dict[str, str]:
    """The fields of a form of a page."""
    answer = client.get(page)
    assert answer.status_code == 200, answer.text
    return Inputs(answer.text).forms[action]


def answers_for(client: TestClient, page: str, *, line: str, conclusion: str) -> dict[str, str]:
    """The result form of a page, answered in every line."""
    text = client.get(page).text
    inputs = Inputs(text)
    fields = inputs.forms[f"{page}/result"]
    for name in inputs.choices:
        if name.startswith("line-"):
            fields[name] = line
        elif name.startswith("item-"):
            fields[name] = conclusion
        elif name == "rest":
            fields[name] = "uninspected"
    return fields
