"""Events and audit: appended in order, chained by day, never changed; personal values kept apart."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa

from basira.schema.errors import StoreError
from basira.storage.database.connection import Database, moment_text
from basira.storage.record.activity import Part, find_audit
from basira.storage.record.audit_log import AuditEvent, append_audit
from basira.storage.record.chain import GENESIS
from basira.storage.record.events import (
    EVENT_KINDS,
    Event,
    QueueFilter,
    append_event,
    append_events,
    find_by_ids,
    find_events,
    find_queue_entries,
)
from basira.storage.record.runs import Operations
from basira.storage.record.verify import export_heads, verify

NOW = datetime(2026, 3, 2, 23, 59, 58)
DECIDED = {"basis": "model", "inclusion_probability": 0.25}


def decision(number: int, lane: str = "red", office: str = "TANGER", **more: object) -> Event:
    return Event(
        f"d{number}", "decision", f"D{number}", "k-1", DECIDED, declaration_version=1, office=office, lane=lane, **more
    )


def moved(number: int, lane: str, office: str = "TANGER") -> Event:
    return Event(
        f"s{number}",
        "reselection",
        f"D{number}",
        "u-1",
        {"motive": "seal broken"},
        office=office,
        lane=lane,
        decision_id=f"d{number}",
    )


def test_an_event_reads_back_with_its_personal_values(place):
    event = Event(
        "e1",
        "registration",
        "D1",
        "k-1",
        {"items": [{"value": 0.1}], "label": "صندوق"},
        {"importer_id": "ICE-77"},
        declaration_version=1,
        office="TANGER",
    )
    with Database(place) as database:
        with database.write() as connection:
            append_event(connection, event, now=NOW)
        with database.read() as connection:
            (back,) = find_events(connection, "D1")
            assert find_by_ids(connection, ["e1", "e9"]) == {"e1": back}
            assert find_events(connection, "D1", kind="outcome") == []
    assert back["payload"] == {"items": [{"value": 0.1}], "label": "صندوق"}
    assert back["personal"] == {"importer_id": "ICE-77"}
    assert (back["sequence"], back["day"], back["previous_hash"]) == (1, "2026-03-02", GENESIS)


def test_the_hashed_payload_holds_no_personal_value(place):
    with Database(place) as database, database.write() as connection:
        row = append_event(
            connection, Event("e1", "outcome", "D1", "k", {"known_at": "x"}, {"importer_id": "ICE-77"}), now=NOW
        )
        assert "ICE-77" not in row["payload"]


def test_the_same_person_in_two_events_cannot_be_linked_by_what_is_hashed(place):
    with Database(place) as database, database.write() as connection:
        rows = append_events(
            connection,
            [Event(f"e{i}", "outcome", "D1", "k", {"known_at": "x"}, {"importer_id": "ICE-77"}) for i in range(2)],
            now=NOW,
        )
    assert rows[0]["payload"] != rows[1]["payload"]


def test_each_day_has_its_head_and_opens_with_that_of_the_day_before(place):
    with Database(place) as database:
        with database.write() as connection:
            append_events(connection, [decision(1), decision(2)], now=NOW)
        with database.write() as connection:
            later = append_event(connection, decision(3), now=NOW + timedelta(seconds=5))
            heads = export_heads(connection)
    assert [(h.day, h.sequence) for h in heads] == [("2026-03-02", 2), ("2026-03-03", 3)]
    assert later["previous_hash"] == heads[0].head_hash
    assert later["entry_hash"] == heads[1].head_hash


def test_a_clock_that_is_behind_stays_on_the_day_begun(place):
    with Database(place) as database, database.write() as connection:
        append_event(connection, decision(1), now=NOW + timedelta(seconds=5))
        late = append_event(connection, decision(2), now=NOW)
    assert (late["day"], late["recorded_at"]) == ("2026-03-03", "2026-03-02T23:59:58.000000")


def test_a_moment_with_a_zone_is_written_in_utc():
    rabat = timezone(timedelta(hours=1))
    assert moment_text(datetime(2026, 3, 3, 0, 30, tzinfo=rabat)) == moment_text(
        datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
    )


@pytest.mark.parametrize(
    ("event", "missing"),
    [
        (Event("e", "reselection", "D1", "u", {"motive": " "}, office="A", lane="red", decision_id="d"), "motive"),
        (Event("e", "reselection", "D1", "u", {"motive": "m"}, lane="red", decision_id="d"), "office"),
        (Event("e", "cancellation", "D1", "u"), "motive"),
        (Event("e", "outcome", "D1", "u"), "known_at"),
        (Event("e", "amendment", "D1", "u"), "declaration_version"),
        (
            Event("e", "decision", "D1", "k", {"basis": "model"}, declaration_version=1, office="A", lane="r"),
            "inclusion",
        ),
        (Event("e", "release", "D1", "u"), "kind registration"),  # type: ignore[arg-type]
    ],
)
def test_an_event_without_what_its_kind_needs_is_rejected(place, event, missing):
    with Database(place) as database:
        with pytest.raises(StoreError, match=missing), database.write() as connection:
            append_event(connection, event, now=NOW)
        with database.read() as connection:
            assert export_heads(connection) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"payload": {"known_at": float("nan")}}, "JSON values"),
        ({"payload": {"known_at": {1, 2}}}, "JSON values"),
        ({"payload": {"known_at": "x", "personal": {}}}, "no entry 'personal'"),
        ({"personal": {"importer_id": None}}, "personal field importer_id"),
        ({"personal": {"importer_id": "\ud800"}}, "personal field importer_id"),
        ({"declaration_id": "D\x00"}, "in declaration_id, a text"),
        ({"declaration_id": "D" * 201}, "201 characters in declaration_id"),
    ],
)
def test_what_a_database_would_not_give_back_is_rejected(place, change, message):
    values = {"event_id": "e", "kind": "outcome", "declaration_id": "D1", "actor": "k", "payload": {"known_at": "x"}}
    with Database(place) as database, pytest.raises(StoreError, match=message), database.write() as connection:
        append_event(connection, Event(**{**values, **change}), now=NOW)


def test_an_id_is_recorded_once_and_the_second_leaves_nothing(place):
    with Operations(place) as operations:
        with operations.database.write() as connection:
            append_event(connection, decision(1), now=NOW)
        with pytest.raises(StoreError, match="not recorded before"), operations.database.write() as connection:
            append_events(connection, [decision(2), decision(1, personal={"importer_id": "X"})], now=NOW)
        verified = verify(operations)
    assert (verified.faults, verified.events, verified.personal_values) == ((), 1, 0)


@pytest.mark.parametrize("table", ["event", "audit_event", "chain_head"])
def test_the_database_rejects_to_delete(place, table):
    with Database(place) as database:
        with database.write() as connection:
            append_event(connection, decision(1), now=NOW)
            append_audit(connection, AuditEvent("a", subject="s", actor="u"), now=NOW)
        with pytest.raises(StoreError, match="append-only"), database.write() as connection:
            connection.exec_driver_sql(f"DELETE FROM {table}")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE event SET lane = 'green'",
        "UPDATE audit_event SET actor = 'x'",
        "UPDATE chain_head SET head_hash = 'x'",
        "UPDATE chain_head SET sequence = sequence - 1",
    ],
)
def test_the_database_rejects_to_change(place, statement):
    with Database(place) as database:
        with database.write() as connection:
            append_event(connection, decision(1), now=NOW)
            append_audit(connection, AuditEvent("a", subject="s", actor="u"), now=NOW)
        with pytest.raises(StoreError, match="append-only"), database.write() as connection:
            connection.exec_driver_sql(statement)


def test_workers_at_once_make_one_chain(place):
    failures: list[BaseException] = []

    def work(worker: int) -> None:
        try:
            with Database(place) as database:
                for turn in range(5):
                    with database.write() as connection:
                        append_event(connection, decision(100 * worker + turn), now=NOW)
                        append_audit(connection, AuditEvent("a", subject="s", actor="u"), now=NOW)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with Operations(place) as operations:
        verified = verify(operations)
    assert (verified.faults, verified.events, verified.audit_events) == ((), 15, 15)


def queue(connection: sa.Connection, office: str, lane: str | None = None) -> list[tuple[str, str]]:
    which = QueueFilter(office, "2026-03-02", lane)
    places = find_queue_entries(connection, which, intensity={}, by_revenue=False)
    of = find_by_ids(connection, [one.event_id for one in places])
    return [(of[one.event_id]["declaration_id"], one.lane) for one in places]


def test_the_queue_is_where_each_declaration_is_now(place):
    with Database(place) as database, database.write() as connection:
        append_events(
            connection,
            [decision(1), decision(2, lane="orange"), decision(3), decision(4), decision(5, office="AGADIR")],
            now=NOW,
        )
        append_events(
            connection,
            [
                moved(2, "red"),
                Event("c3", "cancellation", "D3", "u-1", {"motive": "withdrawn"}),
                moved(4, "red", office="AGADIR"),
                Event("o1", "outcome", "D1", "u-1", {"known_at": "2026-03-03"}),
            ],
            now=NOW,
        )
        assert queue(connection, "TANGER") == [("D1", "red"), ("D2", "red")]
        assert queue(connection, "TANGER", "orange") == []
        assert queue(connection, "AGADIR") == [("D5", "red"), ("D4", "red")]


def test_audit_says_who_what_before_and_after(place):
    with Database(place) as database, database.write() as connection:
        append_audit(
            connection,
            AuditEvent(
                "policy.published",
                subject="policy/morocco",
                actor="u-1",
                before={"version": 1},
                after={"version": 2},
                motive="rate",
            ),
            now=NOW,
        )
        append_audit(connection, AuditEvent("other", subject="x", actor="u-2"), now=NOW)
        found = find_audit(connection, Part(from_day="2026-03-02", to_day="2026-03-02"), subject="policy/morocco")
        assert [(f["actor"], f["before"], f["after"], f["motive"]) for f in found] == [
            ("u-1", {"version": 1}, {"version": 2}, "rate")
        ]
        assert [f["action"] for f in find_audit(connection)] == ["other", "policy.published"]
        assert find_audit(connection, Part(to_day="2026-03-01")) == []


def test_every_kind_of_event_can_be_recorded(place):
    everything = {"motive": "m", "known_at": "x", **DECIDED}
    with Operations(place) as operations:
        with operations.database.write() as connection:
            for number, kind in enumerate(EVENT_KINDS):
                event = Event(f"e{number}", kind, "D1", "k", everything, {"inspector_id": "i"}, 2, "A", "red", "d1")
                append_event(connection, event, now=NOW)
        assert verify(operations).is_whole


def test_a_transaction_is_undone_whole(place):
    def begins_and_breaks(database: Database) -> None:
        with database.write() as connection:
            append_event(connection, decision(1), now=NOW)
            raise KeyboardInterrupt

    with Database(place) as database:
        with pytest.raises(KeyboardInterrupt):
            begins_and_breaks(database)
        with database.read() as connection:
            assert connection.execute(sa.text("SELECT count(*) FROM event")).scalar() == 0
            assert export_heads(connection) == []
