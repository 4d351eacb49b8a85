"""Whether the time of an answer reveals that a declaration's number is another office's.

    .venv/bin/python benchmarks/attacks/other_office_timing.py [--rounds 200] [--items 300]

A service in this process on a free port of the loopback, on a store and a SQLite record of its own, without a model. An
unbound key registers two declarations of the office THERE, one of --items items and one of a single item. A key that is
bound to HERE then asks, in turns, for each of them and for an unknown number: every route that names a declaration,
and a declaration of THERE that it sends itself. Prints the median of each in milliseconds, and the quartiles.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import logging
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import uvicorn

from basira.api.application import make_application
from basira.api.auth.authenticate import by_key
from basira.api.auth.settings import AccessSettings, Rates
from basira.schema.shipped import shipped
from basira.serving.service import Service, ServiceSettings, open_service
from basira.storage.accounts.api_keys import create_key
from basira.storage.database.connection import Database
from basira.storage.history.store import History

Ask = tuple[str, str, Any]
SCOPES = ["declarations:write", "declarations:read", "outcomes:write", "reselections:write", "cancellations:write"]


def body_of(number: str, office: str, count: int) -> dict[str, Any]:
    """A declaration of so many items."""
    now = datetime.now().replace(microsecond=0)
    item = {"commodity_code": "8517130000", "origin_country": "CN", "customs_value_amount": 1000.0, "net_mass_kg": 10.0}
    return {
        "declaration_id": number,
        "declared_at": now.isoformat(),
        "office": office,
        "importer_id": "ICE-1",
        "declarant_id": "D-1",
        "items": [{**item, "item_number": n + 1} for n in range(count)],
    }


@contextlib.contextmanager
def served() -> Iterator[tuple[Service, int]]:
    """The service on a port of the loopback."""
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store"
        History.create(store)
        service = open_service(
            ServiceSettings(store, shipped("policies") / "example", language="en"), today=datetime.now().date()
        )
        application = make_application(
            service,
            recognise=by_key(service.database, datetime.now),
            clock=datetime.now,
            settings=AccessSettings(rates=Rates(0, 0, 0)),
        )
        server = uvicorn.Server(uvicorn.Config(application, host="127.0.0.1", port=0, log_level="critical"))
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            time.sleep(0.05)
        try:
            yield service, server.servers[0].sockets[0].getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()
            service.close()


def key_of(database: Database, offices: list[str] | None) -> str:
    """A new key's token."""
    now = datetime.now()
    with database.write() as connection:
        made = create_key(
            connection,
            "attack",
            scopes=SCOPES,
            actor="attack",
            now=now,
            expires_at=now + timedelta(days=1),
            offices=offices,
        )
    return made.token


def asked(connection: http.client.HTTPConnection, token: str, ask: Ask) -> tuple[int, float, bytes]:
    """The status, how long the answer took, and what it was."""
    method, path, content = ask
    begun = time.perf_counter()
    headers = {"X-API-Key": token, "Content-Type": "application/json"}
    connection.request(method, f"/api/v1{path}", None if content is None else json.dumps(content), headers)
    answer = connection.getresponse()
    body = answer.read()
    return answer.status, time.perf_counter() - begun, body


def main(rounds: int, items: int) -> None:
    """Ask in turns."""
    result = {"known_at": datetime.now().isoformat(timespec="seconds"), "is_irregular": False}
    change = {"lane": "red", "motive": "A motive.", "given_by": "x"}
    routes: dict[str, Callable[[str], Ask]] = {
        "GET": lambda name: ("GET", f"/declarations/{name}", None),
        "POST outcome": lambda name: ("POST", f"/declarations/{name}/outcome", result),
        "POST reselection": lambda name: ("POST", f"/declarations/{name}/reselection", change),
        "POST cancellation": lambda name: ("POST", f"/declarations/{name}/cancellation", {"motive": "A motive."}),
        "POST declarations": lambda name: ("POST", "/declarations", body_of(name, "THERE", 1)),
    }
    with served() as (service, port):
        free, bound = key_of(service.database, None), key_of(service.database, ["HERE"])
        connection = http.client.HTTPConnection("127.0.0.1", port)
        for name, count in (("LARGE", items), ("SMALL", 1)):
            status, _, told = asked(connection, free, ("POST", "/declarations", body_of(name, "THERE", count)))
            assert status == 200, told[:300]
        print(f"{'':20}" + "".join(f"{name:>26}" for name in ("LARGE", "SMALL", "none")))
        for route, of in routes.items():
            times: dict[str, list[float]] = {"LARGE": [], "SMALL": [], "NONE": []}
            for _ in range(rounds):
                for name, found in times.items():
                    status, took, told = asked(connection, bound, of(name))
                    assert status in (404, 422), (route, name, told[:300])
                    found.append(took * 1000)
            shown = []
            for found in times.values():
                first, median, third = statistics.quantiles(found, n=4)
                shown.append(f"{median:.2f} ms ({first:.2f}-{third:.2f})")
            print(f"{route:20}" + "".join(f"{one:>26}" for one in shown))


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=200)
    options.add_argument("--items", type=int, default=300)
    given = options.parse_args()
    main(given.rounds, given.items)
