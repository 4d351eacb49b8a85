"""The proof does not hold what was erased in memory, and still names every value that is gone or stands."""

from __future__ import annotations

import errno
import tempfile
import tracemalloc
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa

from basira.schema.errors import StoreError
from basira.storage.record import verify as operations_verify
from basira.storage.record.erasure import erase
from basira.storage.record.events import Event, append_events
from basira.storage.record.personal import values_before, values_of_person
from basira.storage.record.runs import Operations
from basira.storage.record.verify import verify
from basira.storage.record.verify_erasures import ErasedDigests
from tests.support.postgres import tamper

NOW = datetime(2026, 3, 2, 12)


def fill(operations: Operations, *, events: int, values: int) -> None:
    given = {f"field_{number}": f"V-{number}" for number in range(values)}
    rows = [Event(f"e{number}", "outcome", f"D{number}", "u", {"known_at": "x"}, given) for number in range(events)]
    with operations.database.write() as connection:
        append_events(connection, rows, now=NOW)


def erase_all(operations: Operations) -> int:
    given: dict[str, Any] = {"actor": "u", "motive": "m", "now": lambda: NOW, "pause": lambda _seconds: None}
    return erase(operations.database, values_before("2026-03-03"), **given)


def test_memory_does_not_grow_with_what_was_erased():
    def peak(count: int) -> int:
        with ErasedDigests() as erased:
            tracemalloc.start()
            for start in range(0, count, 500):
                digests = [f"{number:064x}" for number in range(start, start + 500)]
                erased.add(digests)
                for digest in digests:
                    erased.ask(digest, 1)
            assert list(erased.find_missing()) == []
            assert erased.found == count
            found = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        return found

    assert peak(60_000) < peak(1_000) + 1_500_000  # kept in a set they are 8,800,000


def test_a_million_faults_are_reported_as_a_hundred(place, monkeypatch):
    monkeypatch.setattr(operations_verify, "MOST_FAULTS", 5)
    with Operations(place) as operations:
        fill(operations, events=4, values=6)
    tamper(place, "DELETE FROM personal_value")
    with Operations(place) as operations:
        faults = verify(operations).faults
    assert len(faults) == 5
    assert all("event 1, field_" in fault and "is gone" in fault for fault in faults)


def test_each_is_counted_and_named_by_its_event_and_field(place):
    with Operations(place) as operations:
        fill(operations, events=30, values=20)
        asking = sa.text("SELECT digest, salt, field, value, day FROM personal_value WHERE field = 'field_7'")
        with operations.database.read() as connection:
            rows = connection.execute(asking).all()
        erase(operations.database, values_of_person("V-7"), actor="u", motive="m", now=lambda: NOW)
        assert (verify(operations).faults, verify(operations).erased) == ((), 30)
    back = ", ".join(f"'{value}'" for value in rows[0])
    tamper(
        place,
        f"INSERT INTO personal_value VALUES ({back})",
        "DELETE FROM personal_value WHERE field = 'field_3'",
        "UPDATE personal_value SET value = 'x' WHERE field = 'field_9'",
    )
    with Operations(place) as operations:
        verified = verify(operations)
    told = " | ".join(verified.faults)
    assert len(verified.faults) == 61
    assert told.count("field_3 is gone, and no erasure says so") == 30
    assert told.count("field_9 was changed") == 30
    assert told.count("field_7 is there, although it was erased") == 1
    assert verified.erased == 30


def test_an_invalid_digest_is_a_fault_and_no_crash(place):
    with Operations(place) as operations:
        fill(operations, events=2, values=1)
        erase_all(operations)
    odd = r'{"personal":{"a":5,"b":"z\u0000\ud800","c":null}}'
    tamper(place, f"UPDATE event SET payload = '{odd}' WHERE sequence = 2")
    with Operations(place) as operations:
        faults = verify(operations).faults
    assert [fault for fault in faults if "is gone" in fault] == [
        f"the personal value of event 2, {name} is gone, and no erasure says so" for name in "abc"
    ]


@pytest.mark.parametrize("when", ["made", "written"])
def test_a_disk_without_room_is_reported_in_our_words(place, monkeypatch, when):
    def full(*_arguments: Any, **_named: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    class Full:
        write: Callable[..., Any] = full
        close: Callable[..., Any] = full

    monkeypatch.setattr(tempfile, "TemporaryFile", full if when == "made" else lambda: Full())
    with Operations(place) as operations:
        fill(operations, events=2, values=2)
        assert verify(operations).is_whole  # nothing was erased: nothing is put aside
        erase_all(operations)
        with pytest.raises(StoreError, match="No space left") as raised:
            verify(operations)
    assert "TMPDIR" in raised.value.hint
