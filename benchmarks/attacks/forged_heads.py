"""A forged, future or deleted head of a chain, and a clock ten days ahead: who still stands in today's queue.

    .venv/bin/python benchmarks/attacks/forged_heads.py [--database sqlite|postgresql]

Each attack has a database of its own: two decisions of today, the attack, two decisions more. The attacks on the heads
are made as the service's own database user (on PostgreSQL in the role `basira_app`; SQLite has no roles), without a
trigger switched off. Prints for each what the database answered, how many of the four stand in today's queue, and what
the proof says. Four small databases; PostgreSQL on a Unix socket, stopped at the end.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import sqlalchemy as sa
from serve_load import postgres

from basira.schema.errors import StoreError
from basira.storage.record.events import Event, QueueFilter, append_event, count_queue
from basira.storage.record.runs import Operations
from basira.workflows.records.audit import Record, prove

_FORGED = "INSERT INTO chain_head SELECT 'event', '2099-01-01', {} FROM event ORDER BY sequence DESC LIMIT 1"
ATTACKS = {
    "none": "",
    "a head of 2099, of the last event": _FORGED.format("sequence, entry_hash"),
    "a head of 2099, of no event": _FORGED.format("sequence + 9, 'x'"),
    "today's head moved on": "UPDATE chain_head SET sequence = sequence + 9, head_hash = 'x' WHERE stream = 'event'",
    "today's head put on another day": "UPDATE chain_head SET day = '2099-01-01', sequence = sequence + 1",
}


def decide(operations: Operations, name: str, now: datetime) -> str:
    """Record a decision; what the database answered."""
    event = Event(
        name,
        "decision",
        name,
        "k-1",
        {"basis": "model", "inclusion_probability": 1.0, "inspects": True},
        declaration_version=1,
        office="A",
        lane="red",
    )
    try:
        with operations.database.write() as connection:
            append_event(connection, event, now=now)
    except StoreError as error:
        return error.message
    return "recorded"


def tried(operations: Operations, attack: str) -> str:
    """Send one statement; what the database answered."""
    if not attack:
        return "-"
    try:
        with operations.database.write() as connection:
            connection.exec_driver_sql(attack)
    except StoreError as error:
        return error.message
    return "done"


def told(operations: Operations, place: str, now: datetime) -> str:
    """Today's queue, and what the proof says."""
    with operations.database.read() as connection:
        count = count_queue(connection, QueueFilter("A", f"{now:%Y-%m-%d}"))
    faults = prove(Record(place, None)).faults
    return f"in today's queue: {count} of 4; proof: {'; '.join(faults)[:200] or 'whole'}"


@contextmanager
def places(kind: str) -> Iterator[Iterator[str]]:
    """URLs of new databases, for the service's user."""
    with tempfile.TemporaryDirectory() as folder:
        if kind == "sqlite":
            yield (f"sqlite:///{folder}/{number}.sqlite" for number in range(20))
            return
        with postgres(0) as (url, _):
            yield (_granted(url, number) for number in range(20))


def _granted(url: str, number: int) -> str:
    owner = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with owner.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE a{number}")
    owner.dispose()
    own = sa.make_url(url).set(database=f"a{number}")
    text = own.render_as_string(hide_password=False)
    Operations(text).close()
    engine = sa.create_engine(own)
    with engine.begin() as connection:
        roles = (files("basira.storage.database.migrations") / "postgresql_roles.sql").read_text(encoding="utf-8")
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute(roles)
        if number == 0:
            connection.exec_driver_sql("CREATE ROLE service LOGIN IN ROLE basira_app")
    engine.dispose()
    return own.set(username="service").render_as_string(hide_password=False)


def main(kind: str) -> None:
    """Try each attack."""
    now = datetime.now()
    with places(kind) as made:
        for what, attack in ATTACKS.items():
            place = next(made)
            with Operations(place) as operations:
                before = [decide(operations, name, now) for name in ("d1", "d2")]
                said = tried(operations, attack)
                after = [decide(operations, name, now) for name in ("d3", "d4")]
                print(f"{kind}, {what}: {said}; {before}, {after}; {told(operations, place, now)}")
        place = next(made)
        with Operations(place) as operations:
            ahead = [decide(operations, name, now + timedelta(days=10)) for name in ("d1", "d2")]
            after = [decide(operations, name, now) for name in ("d3", "d4")]
            print(f"{kind}, a clock ten days ahead once: {ahead}, {after}; {told(operations, place, now)}")


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    main(options.parse_args().database)
