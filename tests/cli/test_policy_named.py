"""Whoever names no policy is told which one decides."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path

import pytest
from typer.testing import CliRunner

from basira.app import SETTINGS
from basira.cli import serve as serve_command
from basira.cli.program import app
from basira.storage.history.store import History
from tests.support.tree import ROOT

POLICIES = ROOT / "policies"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    History.create(tmp_path / "store")
    # What a start writes into the environment goes with the test.
    for setting in SETTINGS:
        monkeypatch.setenv(setting.name, "")
    return str(tmp_path / "store")


def about_policy(*more: str) -> list[str]:
    done = CliRunner().invoke(app, ["serve", "--check", "--json", *more])
    assert done.exit_code == 0, done.output
    return [line for line in json.loads(done.stdout)["degraded"] if line.startswith("policy")]


def test_a_check_says_that_none_was_named_and_which_is_taken(store: str) -> None:
    (line,) = about_policy("--store", store)
    assert "morocco" in line
    assert "BASIRA_POLICY" in line


def test_a_policy_that_was_named_needs_no_word(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert about_policy("--store", store, "--policy", "morocco") == []
    monkeypatch.setenv("BASIRA_POLICY", str(POLICIES / "example"))
    assert about_policy("--store", store) == []


def test_a_start_says_so_in_the_log(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[tuple[str, dict[str, str]]] = []
    monkeypatch.setattr(serve_command, "_warn", lambda event, **fields: said.append((event, fields)))
    monkeypatch.setattr(serve_command, "_listening", lambda *_: nullcontext())
    monkeypatch.setattr(serve_command, "_run", lambda *_: None)
    for more in ((), ("--policy", "morocco")):
        said.clear()
        assert CliRunner().invoke(app, ["serve", "--store", store, *more]).exit_code == 0
        taken = [fields["taken"] for event, fields in said if event == "no_policy_named"]
        assert taken == ([] if more else ["morocco"])


def test_the_settings_say_what_happens_without() -> None:
    (meaning,) = (setting.meaning for setting in SETTINGS if setting.name == "BASIRA_POLICY")
    assert "morocco" in meaning
