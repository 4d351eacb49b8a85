"""Processes killed and connections cut: nothing acknowledged is lost, nothing is doubled, the chain holds."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from datetime import datetime

import pytest

from basira.schema.errors import StoreError
from basira.storage.database.connection import Database
from basira.storage.record.events import Event, append_event, find_events
from basira.storage.record.runs import Operations
from basira.storage.record.verify import verify
from tests.support import postgres
from tests.support.postgres import Server

NOW = datetime(2026, 3, 2, 12)
WORKER = """
import sys
from datetime import datetime
from basira.storage.database.connection import Database
from basira.storage.record.events import Event, append_event
place, name = sys.argv[1:]
with Database(place, create=False) as database:
    number = 0
    while True:
        number += 1
        event = Event(f"{name}-{number}", "outcome", name, "k", {"known_at": "x", "t": "x" * 5000}, {"by": "I"})
        with database.write() as connection:
            append_event(connection, event, now=datetime(2026, 3, 2))
        print(number, flush=True)
"""


def test_a_worker_killed_at_any_moment_loses_nothing_it_acknowledged(place):
    drawn = random.Random(7)
    acknowledged = {}
    for name in ("a", "b", "c", "d"):
        worker = subprocess.Popen([sys.executable, "-c", WORKER, place, name], stdout=subprocess.PIPE, text=True)
        assert worker.stdout is not None
        worker.stdout.readline()  # it is at work
        time.sleep(drawn.uniform(0, 0.15))
        worker.kill()
        rest = [line for line in worker.stdout.read().splitlines() if line]
        worker.wait()
        worker.stdout.close()
        acknowledged[name] = int(rest[-1]) if rest else 1
    with Operations(place) as operations:
        verified = verify(operations)
        with operations.database.read() as connection:
            found = {name: [row["event_id"] for row in find_events(connection, name)] for name in acknowledged}
    assert verified.faults == ()
    for name, last in acknowledged.items():
        # The one being committed when the blow fell may stand although its acknowledgement was not heard.
        assert found[name] == [f"{name}-{n + 1}" for n in range(len(found[name]))]
        assert len(found[name]) in (last, last + 1)


def test_a_connection_that_was_cut_is_made_again(prepared, postgresql: Server):
    with Database(prepared) as database:
        failed = 0
        for number in range(3):
            postgresql.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
                "AND backend_type = 'client backend'"
            )
            for _ in range(2):
                try:
                    with database.write() as connection:
                        append_event(
                            connection, Event(f"cut-{number}", "outcome", "CUT", "k", {"known_at": "x"}), now=NOW
                        )
                except StoreError:
                    failed += 1
                else:
                    break
        with database.read() as connection:
            assert [row["event_id"] for row in find_events(connection, "CUT")] == ["cut-0", "cut-1", "cut-2"]
    assert failed == 3  # one request each time, and the next one is served


def test_an_absent_server_is_reported_so(tmp_path):
    with pytest.raises(StoreError, match="Expected to read and write") as raised:
        Database(f"postgresql+psycopg://u:s3cret@/d?host={tmp_path}")
    assert "the server answers" in raised.value.hint


@pytest.mark.parametrize(("ci", "raised"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_without_postgresql_these_tests_fail_where_ci_is_set_and_are_skipped_elsewhere(monkeypatch, ci, raised):
    monkeypatch.setattr(postgres, "binaries", lambda: None)
    monkeypatch.setenv("CI", ci)
    with pytest.raises(raised, match="PostgreSQL absent"):
        next(postgres.run_server())


def test_a_connection_still_in_use_when_the_database_is_closed_is_closed_when_it_comes_back(place):
    database = Database(place)
    for one in (database, database.reserved):
        with one.engine.connect() as connection:
            driver = connection.connection.dbapi_connection
            connection.exec_driver_sql("SELECT 1")
            database.close()
            connection.exec_driver_sql("SELECT 1")
        assert driver is not None
        with pytest.raises(Exception, match=r"closed"):
            driver.execute("SELECT 1")
