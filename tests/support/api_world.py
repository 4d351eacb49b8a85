"""A small simulated world with its store, model and profiles, and a service on it, for the tests of the API."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from fastapi.testclient import TestClient

from basira.api.application import Limits, make_application
from basira.api.auth.authenticate import by_key
from basira.schema.fields import DECLARATION_FIELDS, ITEM_FIELDS
from basira.schema.shipped import shipped
from basira.serving.service import Service
from basira.storage.accounts.api_keys import create_key
from basira.storage.record.runs import Operations
from basira.storage.record.verify import verify

# The world is that of the workflows' own tests.
from tests.support.workflow_world import AS_OF, ENGINE, NOW, QUICK, merged, store_of

__all__ = ["AS_OF", "ENGINE", "NOW", "QUICK", "merged", "store_of"]

TODAY = AS_OF + timedelta(days=1)
EVERYTHING = (
    "declarations:write",
    "declarations:read",
    "outcomes:write",
    "reselections:write",
    "reselections:lower",
    "cancellations:write",
    "queue:read",
    "quarantine:read",
    "audit:read",
    "deeds:read",
    "metrics:read",
    "rules:write",
    "rules:read",
    "lists:write",
    "lists:read",
    "risks:write",
    "risks:read",
    "figures:read",
)
# The versions are left to Basira.
_HEADER = [f.name for f in DECLARATION_FIELDS if f.name != "declaration_version"]
_ITEM = [f.name for f in ITEM_FIELDS]


def write_policy(folder: Path) -> Path:
    """The example policy with slots for offices of a handful of declarations a day."""
    text = (shipped("policies") / "example" / "policy.toml").read_text(encoding="utf-8")
    text = text.replace("yellow = { share = 0.10, minimum = 1 }", "yellow = { count = 2 }")
    text = text.replace("red = { share = 0.05, minimum = 1 }", "red = { count = 1 }")
    folder.mkdir(parents=True)
    (folder / "policy.toml").write_text(f"{text}\n[online]\nnew_office_count = 4\n", encoding="utf-8")
    return folder


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(TODAY.year, TODAY.month, TODAY.day, hour, minute)


def bodies(frame: pl.DataFrame, day: date) -> list[dict[str, Any]]:
    """The declarations of a day, first version, as the API takes them."""
    frame = frame.filter(pl.col("declared_at").dt.date() == day)
    if "declaration_version" in frame.columns:
        frame = frame.filter(pl.col("declaration_version").fill_null(1) == 1)
    found: dict[str, dict[str, Any]] = {}
    for row in frame.sort("declared_at", "declaration_id", maintain_order=True).to_dicts():
        values = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}
        body = found.setdefault(
            row["declaration_id"],
            {**{n: values[n] for n in _HEADER if n in values and values[n] is not None}, "items": []},
        )
        body["items"].append({n: values[n] for n in _ITEM if values.get(n) is not None})
    return list(found.values())


def is_whole(service: Service) -> bool:
    """Whether nothing in its record was changed."""
    # As text the URL of PostgreSQL hides its password; these have none.
    with Operations(service.database.place, create=False) as operations:
        return verify(operations).is_whole


@dataclass
class Desk:
    """A client with a key that may do everything, and a clock that the test turns."""

    client: TestClient
    service: Service
    clock: list[datetime]

    def post(self, body: object, **headers: str) -> Any:
        return self.client.post("/api/v1/declarations", json=body, headers=headers)

    def get(self, path: str, **query: str) -> Any:
        return self.client.get(f"/api/v1/{path}", params=query)

    def key(self, *scopes: str) -> str:
        """A new key's token."""
        with self.service.database.write() as connection:
            return create_key(
                connection,
                "test",
                scopes=scopes,
                actor="test",
                now=self.clock[0],
                expires_at=self.clock[0] + timedelta(days=9),
            ).token


LIMITS = tuple(one.name for one in fields(Limits))


def desk_of(service: Service, **options: Any) -> Desk:
    clock = [at(9)]
    recognise = options.pop("recognise", None) or by_key(service.database, lambda: clock[0])
    # A busy machine is no reason for the fallback where a test wants a score; tests of the limit give their own.
    named = {"decide_seconds": 60.0} | {name: options.pop(name) for name in LIMITS if name in options}
    app = make_application(service, recognise=recognise, clock=lambda: clock[0], limits=Limits(**named), **options)
    desk = Desk(TestClient(app, raise_server_exceptions=False), service, clock)
    desk.client.headers["X-API-Key"] = desk.key(*EVERYTHING)
    return desk
