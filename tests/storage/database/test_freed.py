"""What was erased is gone from the files too, beside others that read and write; or what is left is reported."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from basira.cli.program import app
from basira.schema.errors import UsageError
from basira.storage.database.connection import Database, file_of
from basira.storage.database.freed import compact, free_deleted
from basira.storage.database.tables import IDEMPOTENCY_KEY, PERSONAL_VALUE
from basira.storage.online.office_state import Answer, KeyedAnswer, save_answer
from basira.storage.online.rejected import NewRejected, keep_body
from basira.storage.record.activity import find_audit
from basira.storage.record.events import Event, append_events, find_events
from basira.workflows.records.audit import Erasure, Record, erase, prove
from tests.support.postgres import Server

NOW = datetime(2026, 3, 2, 12)
PERSON = "Hassan-MARQUÉ-77"
TEXTS = {"content": {"items": [{"description": f"effets de {PERSON}, usagés", "x_chauffeur": PERSON}, {}]}}
CONTENT = {"content": {"header": {"office": "A"}, "items": [{"item_number": 1}, {"item_number": 2}]}}


@pytest.fixture
def service(place: str) -> Iterator[Database]:
    """A record in use: four hundred events of many firms, of which some name the person, in values and in texts."""
    with Database(place, create=False) as opened:
        for start in range(0, 400, 20):
            with opened.write() as connection:
                append_events(connection, [event(n) for n in range(start, start + 20)], now=NOW)
        with opened.write() as connection:
            note = Answer(200, f'{{"note":"voir {PERSON}"}}')
            save_answer(connection, KeyedAnswer("c", "r", "k", "", note), now=NOW, expires_at=NOW)
            keep_body(connection, NewRejected("q1", "c", None, [{"field": PERSON}], 9, None), now=NOW)
        yield opened


def event(n: int) -> Event:
    firm = PERSON if n % 30 == 0 else f"ICE{n * 7919 % 100_000:05}"
    texts = (
        TEXTS if n % 40 == 0 else {"content": {"items": [{"description": f"coton {n} " + "x" * (n * 37 % 900)}, {}]}}
    )
    personal = {"importer_id": firm, **({"note": f"vu avec {PERSON}"} if n % 50 == 0 else {})}
    return Event(f"e{n}", "registration", f"D{n}", "u", CONTENT, personal, declaration_version=1, texts=texts)


def erased(database: Database, **given: Any) -> Any:
    person = given.pop("person", PERSON)
    asked = Erasure(given.pop("actor", "dpo"), given.pop("motive", "CNDP 12"), person=person)
    return erase(Record(database.place, None), asked, now=lambda: NOW, **given)


def occurrences(database: Database, server: Server | None = None) -> int:
    """In the bytes of the database's files."""
    path = file_of(database.engine)
    if path is not None:
        return sum(one.read_bytes().count(PERSON.encode()) for one in path.parent.glob(f"{path.name}*"))
    assert server is not None
    server.execute("CHECKPOINT")
    files = [one for one in (server.folder / "data" / "base").rglob("*") if one.is_file()]
    return sum(one.read_bytes().count(PERSON.encode()) for one in files)


def test_a_person_is_gone_from_tables_and_files_while_others_have_the_database_open(service, request):
    server = None if service.is_sqlite else request.getfixturevalue("postgresql")
    assert occurrences(service, server) > 20
    with ExitStack() as others:
        for _ in range(3):
            other = others.enter_context(Database(service.place, create=False))
            with other.read() as connection:
                connection.execute(sa.select(sa.func.count()).select_from(PERSONAL_VALUE)).scalar_one()
        done = erased(service)
        # 14 firms, 10 texts, 8 notes, a body, an answer.
        assert done.count == 34
        assert erased(service).count == 0
        if service.is_sqlite:
            assert done.left == ()
        else:
            assert any("db compact" in sentence for sentence in done.left)
            assert compact(service) == ()
        assert occurrences(service, server) == 0
        with service.write() as connection:
            append_events(connection, [Event("after", "outcome", "D", "u", {"known_at": "x"})], now=NOW)
    verified = prove(Record(service.place, None))
    assert (verified.faults, verified.erased) == ((), 32)


def test_a_reader_of_an_earlier_state_is_named_and_waited_for(tmp_path: Path):
    with Database(tmp_path / "operations.sqlite") as opened, opened.read() as reading:
        with opened.write() as connection:
            append_events(connection, [event(0)], now=NOW)
        reading.execute(sa.select(PERSONAL_VALUE.c.value)).all()
        erased(opened)
        (left,) = free_deleted(opened, wait_seconds=0.5)
        assert "another process read" in left
        assert "db compact" in left
        assert occurrences(opened) > 0
        waited: list[float] = []

        def pause(seconds: float) -> None:
            waited.append(seconds)
            reading.rollback()

        assert free_deleted(opened, pause=pause) == ()
        assert len(waited) == 1
        assert occurrences(opened) == 0


def test_texts_are_read_back_where_they_were_until_they_are_erased(service):
    whole = {
        "header": {"office": "A"},
        "items": [{"item_number": 1, **TEXTS["content"]["items"][0]}, {"item_number": 2}],
    }
    with service.read() as connection:
        (found,) = find_events(connection, "D0")
        payload = connection.execute(sa.text("SELECT payload FROM event WHERE event_id = 'e0'")).scalar_one()
    assert (found["payload"]["content"], found["is_text_erased"]) == (whole, False)
    assert set(found["personal"]) == {"importer_id", "note"}
    assert PERSON not in payload
    assert "effets" not in payload
    erased(service)
    with service.read() as connection:
        (found,) = find_events(connection, "D0")
    assert (found["payload"], found["is_text_erased"]) == (CONTENT, True)
    assert found["personal"] == {"importer_id": None, "note": None}


def test_to_erase_one_is_not_to_erase_who_has_a_longer_name(service):
    firms = {"a": "ICE-1", "b": "ICE-10", "c": "XICE-1", "d": "ice-1"}
    texts = {"e": "pour ICE-10", "f": "pour\nICE-1", "g": "pour «ICE-1».", "h": "éICE-1"}
    with service.write() as connection:
        for name, firm in firms.items():
            append_events(connection, [Event(name, "outcome", name, "u", {"known_at": "x"}, {"f": firm})], now=NOW)
        for name, text in texts.items():
            one = Event(name, "outcome", name, "u", {"known_at": "x"}, texts={"remark": text})
            append_events(connection, [one], now=NOW)
    assert erased(service, person="ICE-1").count == 3
    with service.read() as connection:
        kept = {name: find_events(connection, name)[0] for name in (*firms, *texts)}
    assert [name for name in firms if kept[name]["personal"]["f"] is None] == ["a"]
    assert [name for name in texts if kept[name]["is_text_erased"]] == ["f", "g"]


def test_an_answer_is_removed_with_its_audit_and_names_no_person(service):
    erased(service)
    with service.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(IDEMPOTENCY_KEY)).scalar_one() == 0
        (audited,) = find_audit(connection, action="answers.erased")
    assert audited["after"] == {"count": 1}


@pytest.mark.parametrize("given", [{"motive": f"asked by {PERSON}"}, {"actor": PERSON}])
def test_the_audit_never_names_who_was_erased(service, given):
    with pytest.raises(UsageError, match="do not name the person"):
        erased(service, **given)
    with pytest.raises(UsageError, match="at least 3 characters"):
        erased(service, person=" a ")


def test_the_value_comes_by_standard_input(service):
    words = ["audit", "erase", "--person", "-", "--by", "dpo", "--motive", "m", "--database", service.place]
    done = CliRunner().invoke(app, words, input=f"{PERSON}\n", env={"BASIRA_LANGUAGE": "en"})
    assert "34 personal values erased" in done.output
    assert PERSON not in done.output


def test_a_database_is_written_anew_by_name(service, tmp_path: Path):
    done = CliRunner().invoke(app, ["db", "compact", "--database", service.place, "-l", "en"])
    assert (done.exit_code, done.output) == (0, "Written anew.\n")
    assert prove(Record(service.place, None)).is_whole
