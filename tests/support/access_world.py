"""Browsers and people for the tests of access, on the service of the API's tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response

from basira.api.application import make_application
from basira.api.auth.authenticate import by_key
from basira.api.auth.cookies import NAME
from basira.api.auth.settings import AccessSettings
from basira.schema.access import Grant
from basira.serving.service import Service
from basira.storage.accounts.api_keys import create_key
from basira.storage.accounts.sessions import csrf_token, start_session
from basira.storage.accounts.users import NewUser, create_user, hash_password
from tests.support.api_world import at

ORIGIN = "https://basira.test"
PASSWORD = "eleven blue camels"  # noqa: S105 - of the tests
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
ADDRESS = "203.0.113.7"


@lru_cache(maxsize=1)
def hashed() -> str:
    return hash_password(PASSWORD, hasher=CHEAP)


@dataclass
class House:
    """The application, its clock, and browsers that open it."""

    service: Service
    settings: AccessSettings = field(default_factory=lambda: AccessSettings(origin=ORIGIN))
    clock: list[datetime] = field(default_factory=lambda: [at(9)])

    def __post_init__(self) -> None:
        recognise = by_key(self.service.database, lambda: self.clock[0])
        self.app: FastAPI = make_application(
            self.service, recognise=recognise, clock=lambda: self.clock[0], settings=self.settings
        )

    def browser(self, address: str = ADDRESS, **headers: str) -> TestClient:
        """A browser on a page of the service."""
        return TestClient(
            self.app,
            base_url=ORIGIN,
            headers={"Origin": ORIGIN, **headers},
            client=(address, 40000),
            raise_server_exceptions=False,
            follow_redirects=False,
        )

    def user(self, login: str, *grants: Grant, password: bool = True, **more: Any) -> str:
        """A new account; its user id. The password is `PASSWORD`."""
        with self.service.database.write() as connection:
            new = NewUser(
                login,
                display_name=login.title(),
                grants=grants,
                password_hash=hashed() if password else None,
                **{"must_change_password": False, **more},
            )
            return create_user(connection, new, actor="test", now=self.clock[0])

    def person(self, login: str, *grants: Grant, **more: Any) -> TestClient:
        """A browser with a session of a new account, and the CSRF token on every request."""
        user_id = self.user(login, *grants, **more)
        with self.service.database.write() as connection:
            token = start_session(connection, user_id, now=self.clock[0], lifetime=timedelta(hours=8))
        browser = self.browser()
        browser.cookies.set(NAME, token, domain="basira.test", path="/")
        browser.headers["X-CSRF-Token"] = csrf_token(token)
        return browser

    def system(self, *scopes: str, offices: list[str] | None = None) -> TestClient:
        """A client with a new key."""
        with self.service.database.write() as connection:
            token = create_key(
                connection,
                "test",
                scopes=scopes,
                actor="test",
                now=self.clock[0],
                offices=offices,
                expires_at=self.clock[0] + timedelta(days=9),
            ).token
        client = self.browser()
        del client.headers["Origin"]
        client.headers["X-API-Key"] = token
        return client

    def log_in(self, browser: TestClient, login: str, password: str = PASSWORD) -> Response:
        return browser.post("/api/v1/session", json={"login": login, "password": password})


def strings(value: Any) -> Iterator[str]:
    """Every name and text in a JSON value."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield str(name)
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    elif isinstance(value, str):
        yield value
