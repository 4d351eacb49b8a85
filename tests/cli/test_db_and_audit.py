"""`basira db` and `basira audit`, as they are called."""

from __future__ import annotations

import csv
import json
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from basira.cli import audit, db
from basira.schema.errors import BasiraError, NotFoundError, StoreError, UsageError
from basira.storage.accounts.users import NewUser, create_user
from basira.storage.database.pipeline import OneByOne
from basira.storage.database.tables import FORMAT
from basira.storage.history.store import History
from basira.storage.record.chain import append_statements, link
from basira.storage.record.events import Event, append_event, event_rows
from basira.storage.record.runs import Operations
from tests.support.postgres import tamper

NOW = datetime(2026, 3, 2, 12)
APP = typer.Typer()
APP.add_typer(db.app, name="db")
APP.add_typer(audit.app, name="audit")


def call(*arguments: object) -> Result:
    result = CliRunner().invoke(APP, [str(argument) for argument in arguments], env={"BASIRA_LANGUAGE": "en"})
    if isinstance(result.exception, BasiraError):
        raise result.exception
    assert result.exception is None, result.exception
    return result


def said(*arguments: object) -> dict:
    return json.loads(call(*arguments, "--json").stdout)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return History.create(tmp_path / "store").root


def made(place: str) -> str:
    """The place, with a database in it."""
    Operations(place).close()
    return place


@pytest.fixture
def filled(place: str) -> str:
    with Operations(place) as operations, operations.database.write() as connection:
        for number in range(3):
            event = Event(f"e{number}", "outcome", "D1", "u", {"known_at": "x"}, {"importer_id": f"ICE-{number}"})
            append_event(connection, event, now=NOW)
    return place


def test_a_store_from_its_making_to_its_restoration(store, tmp_path):
    assert f"Made at format {FORMAT}" in call("db", "upgrade", "--store", store).stdout
    assert "nothing was changed" in call("db", "upgrade", "--store", store).stdout
    made = said("db", "backup", tmp_path / "backup", "--store", store)
    assert (made["snapshot"], made["backend"]) == (0, "sqlite")
    (store / "operations.sqlite").rename(tmp_path / "away.sqlite")
    assert "Every chain is whole" in call("db", "restore", tmp_path / "backup", "--store", store).stdout
    assert "batch runs 0" in call("audit", "verify", "--store", store).stdout
    with pytest.raises(StoreError, match="nothing is overwritten"):
        call("db", "restore", tmp_path / "backup", "--store", store)


def test_a_record_verifies_and_a_fault_ends_in_an_error(filled, tmp_path):
    assert "declarations decided online 3" in call("audit", "verify", "--database", filled).stdout
    assert said("audit", "verify", "--database", filled)["is_whole"] is True
    tamper(filled, "UPDATE event SET actor = 'x' WHERE sequence = 2")
    with pytest.raises(StoreError, match=r"1 fault\(s\); first, event 2 was changed") as raised:
        call("audit", "verify", "--database", filled)
    assert raised.value.exit_code == 5


def test_what_was_done_is_listed_with_who_and_why_and_exported(place, tmp_path):
    assert "No such event" in call("audit", "list", "--of", "declarations", "--database", made(place)).stdout
    with Operations(place) as operations, operations.database.write() as connection:
        user = create_user(connection, NewUser("a.benali", display_name="SIM", grants=[]), actor="badge 7", now=NOW)
        for number in range(3):
            payload = {"motive": "=Withdrawn.", "before": {"lane": "red"}}
            event = Event(f"c{number}", "cancellation", f"D{number}", user, payload, {"note": "SIM-X"}, office="AGADIR")
            append_event(connection, event, now=NOW)
    told = call("audit", "list", "--of", "declarations", "--limit", 2, "--database", place).stdout
    assert f"2026-03-02T12:00:00  cancellation  D2  at AGADIR  by {user} (a.benali)" in told
    assert 'before {"lane": "red"}' in told
    assert "motive: =Withdrawn." in told
    assert "there are more" in told
    assert f"user.created  user/{user} (a.benali)  by badge 7" in call("audit", "list", "--database", place).stdout
    found = said("audit", "list", "--of", "declarations", "--actor", "A.BENALI", "--subject", "D1", "--database", place)
    assert [row["action"] for row in found["rows"]] == ["cancellation"]
    out = tmp_path / "deeds.csv"
    call("audit", "list", "--of", "declarations", "--limit", 1, "--out", out, "--database", place)
    lines = list(csv.DictReader(out.read_text(encoding="utf-8-sig").splitlines(), delimiter=";"))
    assert [(line["subject"], line["name"], line["motive"]) for line in lines] == [
        (f"D{number}", "a.benali", "'=Withdrawn.") for number in (2, 1, 0)
    ]
    assert "SIM-X" not in told + out.read_text()
    with pytest.raises(UsageError, match="--of declarations"):
        call("audit", "list", "--office", "AGADIR", "--database", place)
    with pytest.raises(UsageError, match="--from"):
        call("audit", "list", "--from", "yesterday", "--database", place)


def test_one_recorded_thing_is_shown_whole_by_its_id(filled):
    shown = json.loads(call("audit", "show", "e1", "--database", filled).stdout)
    assert (shown["kind"], shown["sequence"], len(shown["entry_hash"])) == ("outcome", 2, 64)
    assert "ICE" not in str(shown)
    with pytest.raises(NotFoundError, match="'e9'"):
        call("audit", "show", "e9", "--database", filled)


def test_the_exported_heads_hold_the_history_and_find_one_that_was_cut_off(place, store, tmp_path):
    heads, history = tmp_path / "heads.json", History.open(store)
    where = ("--database", made(place), "--store", store)
    with history.writing() as draft:
        draft.commit([])
    call("audit", "heads", "--out", heads, *where)
    exported = json.loads(heads.read_text(encoding="utf-8"))["history"]
    assert exported["snapshot"] == 1
    assert len(exported["digest"]) == 64
    assert re.search(r"History whole: 1 snapshots.* MB/s", call("audit", "verify", "--heads", heads, *where).stdout)
    (store / "manifests/00000001.json").unlink()
    (store / "CURRENT").write_text("0\n")
    assert said("audit", "verify", *where)["history"]["snapshots"] == 0
    with pytest.raises(StoreError, match="the head exported names it"):
        call("audit", "verify", "--heads", heads, *where)


def test_the_exported_heads_find_a_tail_cut_off(filled, tmp_path):
    heads = tmp_path / "heads.json"
    assert said("audit", "heads", "--out", heads, "--database", filled)["heads"][0]["sequence"] == 3
    assert (
        "1 head exported earlier still matches"
        in call("audit", "verify", "--heads", heads, "--database", filled).stdout
    )
    tables = ("event", "chain_head", "personal_value", "declaration_status", "item_result", "day_count")
    tamper(filled, *(f"DELETE FROM {table}" for table in tables))
    assert "goes unseen" in call("audit", "verify", "--database", filled).stdout
    with pytest.raises(StoreError, match="the head exported names it"):
        call("audit", "verify", "--heads", heads, "--database", filled)


def test_an_empty_file_of_heads_verifies_nothing(filled, empty_place, tmp_path):
    empty, other = tmp_path / "empty.json", tmp_path / "other.json"
    empty.write_text("", encoding="utf-8")
    other.write_text('{"format": 1, "heads": []}', encoding="utf-8")
    for file in (empty, other):
        with pytest.raises(UsageError, match="Expected chain heads of Basira"):
            call("audit", "verify", "--heads", file, "--database", filled)
    out = tmp_path / "heads.json"
    with pytest.raises(StoreError, match="no head to write down"):
        call("audit", "heads", "--out", out, "--database", made(empty_place))
    assert not out.exists()


def test_a_clock_that_was_ahead_is_explained(empty_place):
    clock = ("audit", "clock-error", "--by", "ops", "--motive", "NTP was off", "--database", made(empty_place))
    assert "nothing was recorded" in call(*clock).stdout
    with Operations(empty_place) as operations, operations.database.write() as connection:
        if not operations.database.is_sqlite:
            # The server's own clock was ahead: nothing rejected it.
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        event = Event("e", "outcome", "D1", "u", {"known_at": "x"})
        rows, _ = event_rows([event], now=NOW)
        ahead = link("event", rows, None, now=datetime.now() + timedelta(days=10))
        OneByOne(connection).send_last(*append_statements("event", ahead, None))
    with pytest.raises(StoreError, match="1 rows are later than the database's clock"):
        call("audit", "verify", "--database", empty_place)
    assert "event: rows 1 to 1 (1)" in call(*clock).stdout
    assert said(*clock) == []
    assert said("audit", "verify", "--database", empty_place)["faults"] == []
    (told,) = said("audit", "list", "--action", "clock.error_explained", "--database", empty_place)["rows"]
    assert (told["subject"], told["by"], told["motive"]) == ("chain/event", "ops", "NTP was off")


def test_a_person_is_erased_on_request(filled):
    erase = ("audit", "erase", "--motive", "request", "--by", "dpo", "--database", filled)
    assert said(*erase, "--person", "ICE-1", "--preview") == {"erased": 0, "would_be_erased": 1}
    assert "3 personal values would be erased" in call(*erase, "--before", "2026-03-03", "--preview").stdout
    assert said("audit", "verify", "--database", filled)["erased"] == 0
    assert said(*erase, "--person", "ICE-1")["erased"] == 1
    assert "2 personal values erased" in call(*erase, "--before", "2026-03-03").stdout
    assert said("audit", "verify", "--database", filled)["erased"] == 3
    with pytest.raises(UsageError, match="either a person or a day"):
        call(*erase)
    with pytest.raises(UsageError, match="--before"):
        call(*erase, "--before", "01/03/2026")


def test_an_erasure_that_is_interrupted_says_that_it_goes_on(filled, monkeypatch):
    def interrupted(*_arguments: object, **_named: object) -> int:
        raise KeyboardInterrupt

    erase = ["audit", "erase", "--motive", "request", "--by", "dpo", "--database", filled, "--before", "2026-03-03"]
    monkeypatch.setattr("basira.storage.record.erasure.lock_chains", interrupted)
    result = CliRunner().invoke(APP, erase, env={"BASIRA_LANGUAGE": "en"})
    assert result.exit_code == 130
    assert "the same command goes on with the rest" in result.stderr
    monkeypatch.undo()
    assert "3 personal values erased" in call(*erase).stdout


def test_a_postgresql_is_backed_up_and_restored(prepared, bare, tmp_path):
    from tests.support.postgres import emptied

    emptied(bare)
    call("db", "backup", tmp_path / "backup", "--database", prepared)
    assert "Every chain is whole" in call("db", "restore", tmp_path / "backup", "--database", bare).stdout


def test_the_grants_are_printed():
    assert "GRANT SELECT, DELETE ON personal_value, risk_list_value TO basira_privacy" in call("db", "grants").stdout
    assert "basira_app" in said("db", "grants")["sql"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["db", "upgrade", "--store", "absent"], "Expected a Basira store"),
        (["audit", "verify", "--database", "absent.sqlite"], "found nothing"),
        (["db", "backup", "b", "--database", "absent.sqlite"], "found nothing"),
        (["db", "restore", "absent", "--database", "x.sqlite"], r"found no backup\.json"),
        (["audit", "verify", "--database", "postgresql://h/d"], "names the driver"),
        (["audit", "verify", "--heads", "absent.json", "--database", "x"], "Expected a file of heads"),
        (["audit", "verify", "--database", "postgresql+psycopg://u:s3cret@/d?host=/nowhere"], "Expected to read"),
    ],
)
def test_wrong_input_is_reported_in_our_words(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BasiraError, match=message) as raised:
        call(*arguments)
    assert "s3cret" not in raised.value.message
    assert raised.value.hint
    assert list(tmp_path.iterdir()) == []
