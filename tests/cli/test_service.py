"""The commands of the service: profiles built, keys made and revoked, the application from its environment."""

from __future__ import annotations

import gc
import json
import shutil
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from basira.app import SETTINGS, from_environment
from basira.cli.program import app
from basira.schema.errors import UsageError
from basira.storage.history.store import History
from tests.support.api_world import AS_OF, write_policy
from tests.support.tree import ROOT


@pytest.fixture
def store(history: History, tmp_path: Path) -> Path:
    return Path(shutil.copytree(history.root, tmp_path / "store"))


def run(*words: str) -> str:
    done = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_profiles_are_built_and_named(store: Path) -> None:
    shutil.rmtree(store / "profiles")
    built = json.loads(run("profiles", "build", "--store", str(store), "--as-of", AS_OF.isoformat(), "--json"))
    assert built["as_of"] == AS_OF.isoformat()
    assert (store / "profiles" / "CURRENT").read_text().strip() == built["name"]


def test_a_key_works_until_it_is_revoked(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = ("--store", str(store))
    made = json.loads(run("keys", "create", "badr", "--scope", "queue:read", "--by", "test", *at, "--json"))
    assert made["key_id"] in run("keys", "list", *at)
    assert made["token"].split("_", 2)[2] not in run("keys", "list", *at)
    monkeypatch.setenv("BASIRA_STORE", str(store))
    monkeypatch.setenv("BASIRA_POLICY", str(write_policy(tmp_path / "policy")))
    with TestClient(from_environment(), headers={"X-API-Key": made["token"]}) as client:
        assert client.get("/api/v1/queue", params={"office": "X"}).status_code == 200
        run("keys", "revoke", made["key_id"], "--by", "test", "--motive", "lost", *at)
        assert client.get("/api/v1/queue", params={"office": "X"}).status_code == 401


def test_the_collector_does_not_walk_what_the_service_started_with(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BASIRA_STORE", str(store))
    monkeypatch.setenv("BASIRA_POLICY", str(write_policy(tmp_path / "policy")))
    try:
        application = from_environment()
        assert not any(one is application for one in gc.get_objects())  # these are what it walks
    finally:
        gc.unfreeze()


def test_without_a_policy_the_service_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BASIRA_POLICY", raising=False)
    with pytest.raises(UsageError):
        from_environment()


def test_every_setting_is_documented() -> None:
    page = (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    assert [setting.name for setting in SETTINGS if f"`{setting.name}`" not in page] == []


def test_every_route_is_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    from basira.api.routes.router import PREFIX, router

    page = (ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    routes = [f"{next(iter(r.methods))} {r.path_format.removeprefix(PREFIX)}" for r in router.routes]
    assert [route for route in routes if f"`{route}`" not in page] == []
