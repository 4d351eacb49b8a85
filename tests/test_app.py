"""Settings: each in the table, each documented, and a wrong one rejected in one sentence."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest
from typer.testing import CliRunner

from basira.app import SETTINGS, from_environment, read_settings
from basira.cli.program import app
from basira.schema.errors import PolicyError, StoreError, UsageError
from tests.support.api_world import write_policy
from tests.support.tree import ROOT

# Of the libraries that Basira runs on, of the shell, and of deploy/basira-nightly.
FOREIGN = {
    "OMP_WAIT_POLICY",
    "OMP_NUM_THREADS",
    "PROMETHEUS_MULTIPROC_DIR",
    "PATH",
    "RUST_LOG",
    "BASIRA_INBOX",
    "BASIRA_MAPPING",
    "BASIRA_METRICS",
    "BASIRA_PROGRAM",
    "BASIRA_RESULTS_MAPPING",
    "COLUMNS",
}


def test_every_variable_that_is_read_is_a_setting() -> None:
    known = {setting.name for setting in SETTINGS}
    found = set()
    for path in (ROOT / "src").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        found |= set(re.findall(r"""["'](BASIRA_[A-Z_]+)["']""", text))
        found |= set(re.findall(r"""(?:environ(?:\.get|\.setdefault|\.pop)?|getenv)[(\[]\s*["']([A-Z_]+)["']""", text))
    assert found - FOREIGN == known


def test_the_page_is_the_one_the_table_makes() -> None:
    page = (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    assert page == runpy.run_path(str(ROOT / "docs" / "generate"))["PAGES"]["settings.md"](), "run `make docs`"
    for setting in SETTINGS:
        assert f"| `{setting.name}` |" in page
        assert setting.meaning


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for setting in SETTINGS:
        monkeypatch.delenv(setting.name, raising=False)
    monkeypatch.setenv("BASIRA_POLICY", str(write_policy(tmp_path / "policy")))
    monkeypatch.setenv("BASIRA_STORE", str(tmp_path / "store"))
    return tmp_path


def test_the_defaults_are_right(environment: Path) -> None:
    assert read_settings()["BASIRA_LANGUAGE"] == "fr"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BASIRA_LANGUAGE", "es"),
        ("BASIRA_MOST_PROFILE_DAYS", "-1"),
        ("BASIRA_MOST_PROFILE_DAYS", "a week"),
        ("BASIRA_MOST_PROFILE_DAYS", "٣"),
        ("BASIRA_ORIGIN", "basira.example"),
        ("BASIRA_PROXIES", "everybody"),
        ("BASIRA_DEVELOPMENT", "perhaps"),
        ("BASIRA_SESSION_HOURS", "nan"),
        ("BASIRA_SESSION_IDLE_MINUTES", "0"),
        ("BASIRA_LOGIN_FAILURES", "0"),
        ("BASIRA_RATE_KEY", "inf"),
        ("BASIRA_RATE_USER", "x"),
        ("BASIRA_DECIDE_TIMEOUT_SECONDS", "soon"),
        ("BASIRA_DATABASE_SECONDS", "0"),
    ],
)
def test_a_wrong_value_is_rejected_with_setting_expected_and_found(
    environment: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError) as refused:
        read_settings()
    assert refused.value.message.startswith(f"{name}: expected ")
    assert repr(value) in refused.value.message


@pytest.mark.parametrize(
    ("name", "hint"),
    [("BASIRA_RATE_ADRESS", "BASIRA_RATE_ADDRESS"), ("BASIRA_HOST", "BASIRA_HOSTS")],
)
def test_a_variable_that_is_no_setting_is_rejected_with_the_nearest(
    environment: Path, monkeypatch: pytest.MonkeyPatch, name: str, hint: str
) -> None:
    monkeypatch.setenv(name, "5")
    with pytest.raises(UsageError, match=name) as refused:
        read_settings()
    assert hint in refused.value.hint


def test_what_a_platform_sets_for_a_service_of_that_name_is_no_fault(
    environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SERVICE_HOST", "SERVICE_PORT", "PORT", "PORT_8080_TCP", "PORT_8080_TCP_ADDR", "PORT_8080_TCP_PROTO"):
        monkeypatch.setenv(f"BASIRA_{name}", "10.0.0.1")
    assert read_settings()


def test_the_nights_variables_are_no_fault(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "deploy" / "basira-nightly").read_text(encoding="utf-8")
    names = set(re.findall(r"BASIRA_[A-Z_]+", text))
    assert {"BASIRA_INBOX", "BASIRA_RESULTS_MAPPING"} < names
    for name in names - {"BASIRA_STORE", "BASIRA_DATABASE"}:
        monkeypatch.setenv(name, "x")
    assert read_settings()["BASIRA_LANGUAGE"] == "fr"


def test_without_a_policy_there_is_no_start(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BASIRA_POLICY")
    with pytest.raises(UsageError, match="BASIRA_POLICY"):
        from_environment()


def test_a_store_or_a_policy_that_is_not_there_is_reported(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StoreError):
        from_environment()
    monkeypatch.setenv("BASIRA_POLICY", str(environment / "none"))
    with pytest.raises((StoreError, PolicyError)):
        from_environment()


def test_options_take_what_the_environment_says(environment: Path) -> None:
    done = CliRunner().invoke(app, ["serve", "--check"], env={"BASIRA_LANGUAGE": "es"})
    assert done.exit_code == 2
    assert "BASIRA_LANGUAGE" in done.output or "--language" in done.output
