"""`basira history verify` and `basira history repair`, as they are called."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from basira.cli import history as commands
from basira.schema.errors import BasiraError, StoreError
from basira.storage.history.store import History
from tests.storage.history.test_store import commit, rows

APP = typer.Typer()
APP.add_typer(commands.app, name="history")


def call(*arguments: object) -> Result:
    result = CliRunner().invoke(
        APP, ["history", *(str(argument) for argument in arguments)], env={"BASIRA_LANGUAGE": "en"}
    )
    if isinstance(result.exception, BasiraError):
        raise result.exception
    assert result.exception is None, result.exception
    return result


@pytest.fixture
def history(tmp_path: Path) -> History:
    made = History.create(tmp_path / "s")
    for day in (1, 40):
        commit(made, day)
    return made


def test_a_whole_history_is_reported_with_its_speed(history: History) -> None:
    told = call("verify", "--store", history.root).stdout
    assert told.startswith("History whole: 2 snapshots, 2 files, ")
    assert "MB/s" in told
    body = json.loads(call("verify", "--store", history.root, "--json").stdout)
    assert (body["is_whole"], body["snapshots"], body["head"]["snapshot"]) == (True, 2, 2)


def test_each_changed_file_is_named_and_the_command_fails(history: History) -> None:
    for path in history.snapshot().files("items"):
        path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(StoreError, match=r"2 fault\(s\)"):
        call("verify", "--store", history.root)


def test_a_repair_says_what_it_put_in_force_and_moved(history: History) -> None:
    (history.root / "CURRENT").write_text("1\n")
    with pytest.raises(StoreError, match="CURRENT"):
        call("verify", "--store", history.root)
    assert call("repair", "--store", history.root).stdout == "Snapshot 2 is in force; CURRENT named 1.\n"
    body = json.loads(call("repair", "--to", 1, "--store", history.root, "--json").stdout)
    assert (body["before"], body["number"], body["set_aside"]) == (2, 1, 2)
    assert rows(history) == 1
