"""A command without a policy's name says which policy decides."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from basira.app import SETTINGS
from basira.cli.program import app
from basira.storage.history.store import History
from tests.cli.conftest import Start
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


def test_a_start_says_so_in_the_log(start: Start, store: str, caplog: pytest.LogCaptureFixture) -> None:
    for more in ((), ("--policy", "morocco")):
        caplog.clear()
        start(store, *more)
        taken = [one.fields["taken"] for one in caplog.records if one.getMessage() == "no_policy_named"]
        assert taken == ([] if more else ["morocco"])


def test_the_settings_say_what_happens_without() -> None:
    (meaning,) = (setting.meaning for setting in SETTINGS if setting.name == "BASIRA_POLICY")
    assert "morocco" in meaning
