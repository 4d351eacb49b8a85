"""Personal data erased in parts: others record between them, and what is cut off is audited and goes on."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from basira.schema.errors import StoreError, UsageError
from basira.storage.database.connection import Database
from basira.storage.database.tables import PERSONAL_VALUE, REFUSED_BODY
from basira.storage.online import rejected as operations_refused
from basira.storage.online.rejected import NewRejected, bodies_before, bodies_naming, count_again, keep_body
from basira.storage.record import erasure as operations_erasure
from basira.storage.record import personal as operations_personal
from basira.storage.record.activity import find_audit
from basira.storage.record.erasure import Erasable, count_erasable, erase
from basira.storage.record.events import Event, append_events
from basira.storage.record.personal import values_before, values_of_person
from basira.storage.record.runs import Operations
from basira.storage.record.verify import verify
from basira.workflows.records import audit as workflow
from basira.workflows.records.audit import Erasure, Record

NOW = datetime(2026, 3, 2, 12)
LATER = date(2026, 3, 9)


@pytest.fixture
def database(place: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """Ten events on five days, each with a firm of its own and the same person; erased four at a time, listed six."""
    monkeypatch.setattr(operations_personal, "ERASED_TOGETHER", 4)
    monkeypatch.setattr(operations_refused, "ERASED_TOGETHER", 4)
    monkeypatch.setattr(operations_erasure, "LISTED", 6)
    with Database(place, create=False) as opened:
        for number in range(10):
            append(opened, f"e{number}", NOW + timedelta(days=number // 2), importer=f"ICE-{number}", person="Alami")
        yield opened


def append(database: Database, name: str, now: datetime, **personal: str) -> None:
    with database.write() as connection:
        append_events(connection, [Event(name, "outcome", name, "u", {"known_at": "x"}, personal)], now=now)


def refuse(database: Database, name: str, body: dict[str, Any] | None, now: datetime) -> None:
    text = None if body is None else json.dumps(body)
    with database.write() as connection:
        body = NewRejected(name, "k", None, [], 9, text)
        if not count_again(connection, body, now=now):
            keep_body(connection, body, now=now)


def erased(database: Database, what: Erasable, **given: Any) -> int:
    return erase(database, what, actor="dpo", motive="asked", now=lambda: NOW, **{"pause": no_pause, **given})


def no_pause(_seconds: float) -> None:
    return None


def proven(database: Database) -> tuple[int, int, tuple[str, ...]]:
    """Values kept and erased, and faults."""
    with Operations(database.place, create=False) as operations:
        found = verify(operations)
    return found.personal_values, found.erased, found.faults


def named(database: Database, action: str = "personal.erased", entry: str = "digests") -> list[list[str]]:
    """What each audit event of the erasure names, the first first."""
    with database.read() as connection:
        return [row["after"][entry] for row in find_audit(connection, action=action)][::-1]


def test_others_record_between_two_parts(database):
    recorded = []

    def pause(seconds: float) -> None:
        recorded.append(f"between-{len(recorded)}")
        append(database, recorded[-1], NOW + timedelta(days=6), importer="ICE-NEW")
        assert seconds >= 0

    told: list[int] = []
    assert erased(database, values_before("2026-03-07"), pause=pause, report=told.append) == 20
    assert [len(digests) for digests in named(database)] == told == [4, 2, 4, 2, 4, 2, 2]
    assert len(recorded) == len(told) - 1
    assert proven(database) == (len(recorded), 20, ())


def test_every_value_of_a_day_and_of_a_person_is_found_page_by_page(database):
    assert erased(database, values_of_person("Alami")) == 10
    assert erased(database, values_before("2026-03-04")) == 4
    assert sorted(len(digests) for digests in named(database)) == [2, 4, 4, 4]
    assert proven(database) == (6, 14, ())


@pytest.mark.parametrize("fault", [KeyboardInterrupt, StoreError("The server is away.", hint="Wait.")])
def test_an_erasure_cut_off_is_audited_and_goes_on(database, fault):
    def pause(_seconds: float) -> None:
        raise fault

    with pytest.raises((KeyboardInterrupt, StoreError)):
        erased(database, values_before("2026-03-07"), pause=pause)
    assert proven(database) == (16, 4, ())
    assert erased(database, values_before("2026-03-07")) == 16
    assert proven(database) == (0, 20, ())
    digests = [digest for part in named(database) for digest in part]
    assert len(digests) == len(set(digests)) == 20


def test_a_part_that_fails_erases_nothing_and_the_word_says_how_far_it_came(database, monkeypatch):
    real, calls = operations_erasure.append_audit, []

    def failing(*arguments: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise StoreError("The server is away.", hint="Nothing was recorded.")
        return real(*arguments, **named)

    monkeypatch.setattr(operations_erasure, "append_audit", failing)
    told: list[tuple[int, int, str]] = []
    with pytest.raises(StoreError, match="server is away") as raised:
        workflow.erase(
            Record(database.place, None),
            Erasure("dpo", "asked", before=LATER),
            now=lambda: NOW,
            progress=lambda *step: told.append(step),
        )
    assert "6 were erased before it and are audited" in raised.value.hint
    assert [step[:2] for step in told] == [(0, 20), (4, 20), (6, 20)]
    assert proven(database) == (14, 6, ())


def test_what_another_erased_meanwhile_is_audited_once(database):
    others = iter([values_of_person("Alami")])

    def pause(_seconds: float) -> None:
        if (other := next(others, None)) is not None:
            erased(database, other)

    erased(database, values_before("2026-03-07"), pause=pause)
    digests = [digest for part in named(database) for digest in part]
    assert len(digests) == len(set(digests)) == 20
    assert proven(database) == (0, 20, ())


def test_a_body_that_came_again_is_kept(database):
    for number in range(6):
        refuse(database, f"q{number}", {"a": number}, NOW)

    def pause(_seconds: float) -> None:
        refuse(database, "q5", {"a": 5}, NOW + timedelta(days=20))

    assert erased(database, bodies_before("2026-03-09"), pause=pause) == 5
    assert named(database, "refused_body.erased", "quarantine_ids") == [["q0", "q1", "q2", "q3"], ["q4"]]
    with database.read() as connection:
        assert connection.execute(sa.select(REFUSED_BODY.c.quarantine_id)).scalars().all() == ["q5"]


def test_a_preview_counts_exactly_what_is_then_erased(database):
    bodies = [{"by": "Société ALAMI_1%"}, {"by": "société alami_1%"}, {"by": "Société ALAMIX1Y"}, None]
    for number, body in enumerate(bodies):
        refuse(database, f"q{number}", body, NOW + timedelta(days=number))
    append(database, "p", NOW + timedelta(days=6), importer="Société ALAMI_1%")
    record, given = Record(database.place, None), {"now": lambda: NOW}
    with database.read() as connection:
        assert count_erasable(connection, bodies_naming("Société ALAMI_1%")) == 1
        assert count_erasable(connection, bodies_before("2026-03-05")) == 3
    for which in ({"person": "Société ALAMI_1%"}, {"before": date(2026, 3, 5)}, {"before": LATER}):
        wanted = workflow.erase(record, Erasure("dpo", "asked", **which), **given, is_preview=True).count
        assert wanted == workflow.erase(record, Erasure("dpo", "asked", **which), **given, is_preview=True).count
        assert wanted == workflow.erase(record, Erasure("dpo", "asked", **which), **given).count
        assert workflow.erase(record, Erasure("dpo", "asked", **which), **given, is_preview=True).count == 0
    with database.read() as connection:
        assert [
            connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in (PERSONAL_VALUE, REFUSED_BODY)
        ] == [0, 0]
    assert proven(database)[1:] == (21, ())


def test_a_preview_waits_for_no_lock_and_holds_none(database):
    counted: list[int] = []

    def preview() -> None:
        counted.append(
            workflow.erase(
                Record(database.place, None), Erasure("dpo", "m", before=LATER), now=lambda: NOW, is_preview=True
            ).count
        )

    asking = threading.Thread(target=preview, daemon=True)
    with database.write() as connection:
        append_events(connection, [Event("held", "outcome", "D", "u", {"known_at": "x"})], now=NOW + timedelta(days=6))
        asking.start()
        asking.join(10)
        assert counted == [20]


def test_an_erasure_without_a_motive_is_rejected_before_anything(database):
    with pytest.raises(UsageError, match="motive"):
        workflow.erase(Record(database.place, None), Erasure("dpo", " ", before=LATER), now=lambda: NOW)
    assert proven(database) == (20, 0, ())
