"""The proof finds every edit, deletion and insertion; an erasure of personal data leaves it whole."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta

import pytest
import sqlalchemy as sa

from basira.decisions import TargetingRun, decide
from basira.schema.errors import StoreError, UsageError
from basira.schema.records import Candidate, Selection
from basira.storage.database.tables import EVENT
from basira.storage.record.activity import find_audit
from basira.storage.record.audit_log import AuditEvent, append_audit
from basira.storage.record.chain import Head
from basira.storage.record.erasure import Erasable, erase
from basira.storage.record.events import Event, append_event, find_events
from basira.storage.record.personal import values_before, values_of_person
from basira.storage.record.runs import Operations
from basira.storage.record.verify import export_heads, heads_text, read_heads, verify
from tests.support.postgres import tamper

NOW = datetime(2026, 3, 2, 12)


def fill(operations: Operations) -> list[Head]:
    """Two runs, six events over three days, four audit events; the heads at the end."""
    for number in (1, 2):
        run = TargetingRun(
            f"run-{number}",
            NOW + timedelta(days=number),
            date(2026, 3, 4),
            NOW,
            3,
            "m",
            "d",
            "{}",
            7,
            "0",
            {},
            "e",
            "",
            1,
        )
        row = decide(
            run.run_id,
            Selection("D1", 1, "A", "red", "model", 0.1, 1),
            candidate=Candidate("D1", 1, "A", 0.2, 3.0),
            items=(),
            inputs_digest="f",
        )
        operations.record_run(run.row(), [row.row()])
    with operations.database.write() as connection:
        for number in range(6):
            event = Event(
                f"e{number}",
                "outcome",
                f"D{number}",
                "u-1",
                {"known_at": "x"},
                {"importer_id": f"ICE-{number % 2}", "inspector_id": "Alami"},
            )
            append_event(connection, event, now=NOW + timedelta(days=number // 2))
        for number in range(4):
            append_audit(connection, AuditEvent("a", subject=f"s{number}", actor="u", after={"n": number}), now=NOW)
        return export_heads(connection)


def erased(operations: Operations, what: Erasable, *, motive: str = "m") -> int:
    return erase(operations.database, what, actor="u-9", motive=motive, now=lambda: NOW)


def seventh(**changes: str) -> str:
    """An INSERT of a seventh event like the sixth, but for what is given as SQL."""
    changes = {"sequence": "7", "event_id": "'e7'", **changes}
    columns = ", ".join(changes.get(column.name, column.name) for column in EVENT.columns)
    return f"INSERT INTO event SELECT {columns} FROM event WHERE sequence = 6"


def test_an_untouched_record_is_whole(place):
    with Operations(place) as operations:
        kept = fill(operations)
        verified = verify(operations, kept=kept)
    assert verified.faults == ()
    assert (verified.runs, verified.decisions, verified.events, verified.audit_events) == (2, 2, 6, 4)
    assert (verified.personal_values, verified.heads_compared) == (12, len(kept))
    verified.require_whole()


@pytest.mark.parametrize(
    ("statements", "fault"),
    [
        (["UPDATE event SET lane = 'green' WHERE sequence = 3"], "event 3 was changed"),
        (["UPDATE event SET payload = '{}' WHERE sequence = 6"], "event 6 was changed"),
        (["UPDATE event SET payload = 'not json \"personal\":' WHERE sequence = 6"], "event 6 was changed"),
        (["UPDATE event SET day = '2026-03-01' WHERE sequence = 2"], "event 2 was changed"),
        (["UPDATE event SET actor = 'u-2' WHERE sequence = 1"], "event 1 was changed"),
        (["UPDATE event SET entry_hash = 'x' WHERE sequence = 1"], "event 1 was changed"),
        (["DELETE FROM event WHERE sequence = 3"], "events 3 to 3 are missing"),
        (["DELETE FROM event WHERE sequence <= 2"], "events 1 to 2 are missing"),
        (["DELETE FROM event WHERE sequence = 6"], "event 6 of 2026-03-04 is gone: the head kept in the database"),
        (["DELETE FROM event"], "event 2 of 2026-03-02 is gone"),
        (["UPDATE event SET sequence = 100 WHERE sequence = 2"], "events 2 to 2 are missing"),
        ([seventh()], "event 7 does not follow the one before it"),
        (
            [seventh(previous_hash="entry_hash")],
            "event 7 was changed",
        ),
        ([seventh()], "event 7 comes after the last head kept"),
        (["UPDATE audit_event SET after = '{}' WHERE sequence = 2"], "audit 2 was changed"),
        (["UPDATE audit_event SET motive = 'x' WHERE sequence = 4"], "audit 4 was changed"),
        (["DELETE FROM audit_event WHERE sequence = 4"], "audit 4 of 2026-03-02 is gone"),
        (["DELETE FROM chain_head WHERE sequence = 4 AND day = '2026-03-03'"], "head of event 2026-03-03 is missing"),
        (["UPDATE chain_head SET head_hash = 'x' WHERE stream = 'audit'"], "is another one than the head kept"),
        (
            ["DELETE FROM decision WHERE run_id = 'run-2'", "DELETE FROM targeting_run WHERE run_id = 'run-2'"],
            "targeting 2 of 2026-03-04 is gone",
        ),
        (["UPDATE personal_value SET value = 'ICE-9' WHERE value = 'ICE-1'"], "of event 2, importer_id was changed"),
        (["UPDATE personal_value SET salt = 'zz' WHERE value = 'ICE-1'"], "was changed"),
        (["DELETE FROM personal_value WHERE value = 'ICE-1'"], "event 2, importer_id is gone, and no erasure says so"),
        (
            ["INSERT INTO personal_value VALUES ('d', '00', 'importer_id', 'ICE-5', '2026-03-02')"],
            "1 personal values belong to no event",
        ),
    ],
)
def test_the_proof_finds(place, statements, fault):
    with Operations(place) as operations:
        fill(operations)
    tamper(place, *statements)
    with Operations(place) as operations:
        verified = verify(operations)
    assert any(fault in found for found in verified.faults), verified.faults
    with pytest.raises(StoreError, match="Expected an unbroken record"):
        verified.require_whole()


CUTS = {
    "events": [
        "DELETE FROM event WHERE day = '2026-03-04'",
        "DELETE FROM chain_head WHERE stream = 'event' AND day = '2026-03-04'",
        "DELETE FROM personal_value WHERE day = '2026-03-04'",
        # A row of these that no event stands behind would be a fault of its own.
        "DELETE FROM declaration_status WHERE declaration_id NOT IN (SELECT declaration_id FROM event)",
        "DELETE FROM item_result WHERE declaration_id NOT IN (SELECT declaration_id FROM event)",
    ],
    "the last of the audit": [
        "DELETE FROM audit_event WHERE sequence = 4",
        "UPDATE chain_head SET sequence = 3, head_hash = (SELECT entry_hash FROM audit_event WHERE sequence = 3) "
        "WHERE stream = 'audit'",
    ],
    "a run": [
        "DELETE FROM decision WHERE run_id = 'run-2'",
        "DELETE FROM targeting_run WHERE run_id = 'run-2'",
        "DELETE FROM chain_head WHERE stream = 'targeting' AND day = '2026-03-04'",
    ],
    "all the audit": ["DELETE FROM audit_event", "DELETE FROM chain_head WHERE stream = 'audit'"],
}


@pytest.mark.parametrize("what", CUTS)
def test_a_tail_cut_off_with_its_heads_is_found_by_the_exported_heads_alone(place, what):
    with Operations(place) as operations:
        kept = read_heads(heads_text(fill(operations)), where="heads.json")
    tamper(place, *CUTS[what])
    with Operations(place) as operations:
        assert verify(operations).faults == ()
        faults = verify(operations, kept=kept).faults
    assert faults
    assert all("the head exported names it" in fault for fault in faults)


def test_a_chain_made_anew_is_found_by_the_exported_heads(place, empty_place):
    with Operations(place) as operations:
        kept = fill(operations)
    with Operations(empty_place) as operations:
        fill(operations)  # the same events: other salts, so other hashes
        faults = verify(operations, kept=kept).faults
    assert any("is another one than the head exported names" in fault for fault in faults)


def test_heads_exported_earlier_hold_while_the_record_grows(place):
    with Operations(place) as operations:
        kept = fill(operations)
        with operations.database.write() as connection:
            append_event(
                connection, Event("later", "outcome", "D9", "u", {"known_at": "x"}), now=NOW + timedelta(days=2)
            )
        assert verify(operations, kept=kept).is_whole


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"format": 9, "heads": []}',
        '{"format": 1, "heads": [{"stream": "event"}]}',
        '{"format": 1, "heads": [{"stream": "x", "day": "", "sequence": 1, "head_hash": ""}]}',
    ],
)
def test_a_file_that_holds_no_heads_is_rejected(text):
    with pytest.raises(UsageError, match="Expected chain heads"):
        read_heads(text, where="x")


def test_a_person_erased_is_gone_and_the_chain_is_whole(place):
    with Operations(place) as operations:
        kept = fill(operations)
        assert erased(operations, values_of_person("ICE-1"), motive="CNDP 12/2026") == 3
        with operations.database.read() as connection:
            assert find_events(connection, "D1")[0]["personal"] == {"importer_id": None, "inspector_id": "Alami"}
            assert find_events(connection, "D2")[0]["personal"] == {"importer_id": "ICE-0", "inspector_id": "Alami"}
            erasure = find_audit(connection, action="personal.erased")[0]
            assert (
                connection.execute(sa.text("SELECT count(*) FROM personal_value WHERE value = 'ICE-1'")).scalar() == 0
            )
        verified = verify(operations, kept=kept)
    assert (verified.faults, verified.erased, verified.personal_values) == ((), 3, 9)
    assert (erasure["actor"], erasure["motive"], len(erasure["after"]["digests"])) == ("u-9", "CNDP 12/2026", 3)
    assert "ICE-1" not in json.dumps(erasure)


def test_what_is_past_its_retention_is_erased_by_day(place):
    with Operations(place) as operations:
        fill(operations)
        assert erased(operations, values_before("2026-03-04"), motive="five years") == 8
        assert erased(operations, values_before("2026-03-04"), motive="five years") == 0
        verified = verify(operations)
    assert (verified.faults, verified.erased, verified.personal_values) == ((), 8, 4)


def test_an_erasure_needs_a_motive(place):
    with Operations(place) as operations:
        fill(operations)
        with pytest.raises(UsageError, match="motive"):
            erased(operations, values_of_person("ICE-1"), motive=" ")
        assert verify(operations).personal_values == 12


def test_a_value_put_back_after_its_erasure_is_found(place):
    with Operations(place) as operations:
        fill(operations)
        with operations.database.read() as connection:
            query = "SELECT digest, salt, field, value, day FROM personal_value WHERE value = 'ICE-1' ORDER BY digest"
            digest, salt, field, value, day = connection.execute(sa.text(query)).first()
        erased(operations, values_of_person("ICE-1"))
    tamper(place, f"INSERT INTO personal_value VALUES ('{digest}', '{salt}', '{field}', '{value}', '{day}')")
    with Operations(place) as operations:
        assert any("is there, although it was erased" in fault for fault in verify(operations).faults)


def test_sqlite_keeps_nothing_of_an_erased_value_in_its_file(tmp_path):
    path = tmp_path / "operations.sqlite"
    with Operations(path) as operations:
        with operations.database.write() as connection:
            event = Event("e", "outcome", "D", "u", {"known_at": "x"}, {"importer_id": "ICE-UNMISTAKABLE"})
            append_event(connection, event, now=NOW)
        erased(operations, values_of_person("ICE-UNMISTAKABLE"))
    assert [p.name for p in tmp_path.iterdir()] == ["operations.sqlite"]
    assert b"ICE-UNMISTAKABLE" not in path.read_bytes()
