"""Commands at the edge: who only looks makes nothing, an impossible place is reported, figures are kept in memory."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from basira.cli import history as history_command
from basira.cli import serve as serve_command
from basira.cli.program import app
from basira.schema.errors import StoreError, UsageError
from basira.serving.check import ServiceSettings, check_service, prepare_service
from basira.serving.service import SEED_FILE, read_seed
from basira.serving.sync import Synced
from basira.storage.database.connection import Database
from basira.storage.history import files as history_files
from basira.storage.history.store import History
from basira.workflows.intake.take_in import FileReport
from tests.cli.conftest import Start
from tests.support.tree import ROOT

DEPLOY = ROOT / "deploy"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    History.create(tmp_path / "store")
    return tmp_path / "store"


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder for sockets: their paths have some hundred characters at most, and the tests' folder may be longer."""
    folder = Path(tempfile.mkdtemp(prefix="basira-test-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


def failed(*words: str) -> StoreError:
    done = CliRunner().invoke(app, list(words))
    assert isinstance(done.exception, StoreError), done.output
    return done.exception


BROKEN = [
    ("postgres://u:secret@h/d", "postgresql+psycopg://"),
    ("postgresql+psycopg://u:secret@host:abc/x", "port"),
    ("mysql://u:secret@h/d", "postgresql+psycopg://"),
    ("nonsense://u:secret@h/d", "postgresql+psycopg://"),
]


@pytest.mark.parametrize(("url", "hint"), BROKEN)
def test_an_impossible_url_is_reported_without_its_password(store: Path, url: str, hint: str) -> None:
    error = failed("keys", "list", "--store", str(store), "--database", url)
    assert hint in f"{error.message} {error.hint}"
    assert "secret" not in f"{error.message} {error.hint}"
    with pytest.raises(StoreError):
        Database(url)


LOOKS = [
    ("keys", "list"), ("keys", "revoke", "k", "--by", "t", "--motive", "m"), ("keys", "rotate", "k", "--by", "t"),
    ("users", "list"), ("users", "show", "ali"), ("users", "unlock", "ali", "--by", "t"),
    ("sessions", "revoke", "--user", "ali", "--by", "t", "--motive", "m"), ("history", "sync"),
]  # fmt: skip


@pytest.mark.parametrize("words", LOOKS, ids=lambda words: " ".join(words[:2]))
def test_who_only_looks_makes_no_database(store: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    typo = tmp_path / "typo.sqlite"
    error = failed(*words, "--store", str(store), "--database", str(typo))
    assert str(typo) in error.message
    assert "basira db upgrade" in error.hint
    assert not typo.exists()


def test_the_first_account_and_the_first_key_say_that_the_database_is_new(store: Path, tmp_path: Path) -> None:
    made = ["keys", "create", "badr", "--scope", "queue:read", "--by", "t", "--store", str(store), "--json"]
    first = CliRunner().invoke(app, made)
    assert "Made a new database" in first.stderr
    assert "Made a new database" not in CliRunner().invoke(app, made).stderr


def test_a_check_of_a_misspelt_database_says_that_nothing_is_there(store: Path, tmp_path: Path) -> None:
    policy = DEPLOY.parent / "policies" / "example"
    typo = tmp_path / "nonsense"
    lines = check_service(ServiceSettings(store, policy, database=str(typo)), today=datetime(2026, 3, 2).date())
    assert any(line.startswith("no database") and str(typo) in line for line in lines)
    assert not typo.exists()
    assert not (store / SEED_FILE).exists()
    assert [
        line.startswith("Made a new database")
        for line in prepare_service(store, policy, today=datetime(2026, 3, 2).date(), database=str(typo))
    ] == [False, True]


def test_no_other_user_may_read_the_seed_at_any_moment(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    plain = os.fsync

    def fsync(descriptor: int) -> None:
        seen.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        plain(descriptor)

    before = os.umask(0)
    try:
        (store / f".{SEED_FILE}.writing").write_text("left behind")
        monkeypatch.setattr(history_files.os, "fsync", fsync)
        read_seed(store)
    finally:
        os.umask(before)
    assert seen[0] == 0o600
    assert stat.S_IMODE((store / SEED_FILE).stat().st_mode) == 0o600


def test_a_key_has_a_name_and_the_list_says_who_made_it(store: Path) -> None:
    at = ["--store", str(store)]
    nameless = CliRunner().invoke(app, ["keys", "create", "  ", "--scope", "queue:read", "--by", "t", *at])
    assert isinstance(nameless.exception, UsageError)
    CliRunner().invoke(app, ["keys", "create", "badr", "--scope", "queue:read", "--by", "a.benali", *at])
    listed = CliRunner().invoke(app, ["keys", "list", *at]).stdout
    assert "by a.benali" in listed
    key = listed.split()[0]
    said = [CliRunner().invoke(app, ["keys", "revoke", key, "--by", "t", "--motive", "lost", *at]).stdout for _ in "12"]
    assert said[0] == f"Key {key} revoked.\n"
    assert "already" in said[1]


@pytest.mark.parametrize(("refused", "code"), [(0, 0), (3, history_command.REFUSED)])
@pytest.mark.parametrize("more", [(), ("--json",)])
def test_a_sync_that_rejected_something_ends_otherwise(
    store: Path, monkeypatch: pytest.MonkeyPatch, refused: int, code: int, more: tuple[str, ...]
) -> None:
    report = FileReport(
        file_name="online", digest="d", rows=5, accepted=5 - refused, already_known=0, quarantined=refused
    )
    synced = Synced((report,), events=5, snapshot=1)
    monkeypatch.setattr("basira.serving.sync.sync_history", lambda *_args, **_named: synced)
    Database(store / "operations.sqlite").close()
    done = CliRunner().invoke(app, ["history", "sync", "--store", str(store), *more])
    assert done.exit_code == code
    assert ("3 rows" in done.stderr and "quarantine list" in done.stderr) == bool(refused)


def test_the_figures_of_several_workers_are_kept_in_memory(
    start: Start, store: Path, short_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    runtime, shared = short_path / "run", short_path / "shm"
    for folder in (runtime, shared):
        folder.mkdir()
    monkeypatch.setattr(serve_command, "SHARED_MEMORY", str(shared))
    monkeypatch.setenv("RUNTIME_DIRECTORY", f"{runtime}:/elsewhere")
    found = []
    for _ in range(3):
        start(store)
        found.append(Path(os.environ.pop("PROMETHEUS_MULTIPROC_DIR")).parent)
        if len(found) == 1:
            runtime.rmdir()
        else:
            shared.rmdir() if shared.is_dir() else None
    assert found[:2] == [runtime, shared]
    assert found[2] not in (runtime, shared)
    assert [one.getMessage() for one in caplog.records].count("figures_on_a_disk") == 1


def test_the_proxy_closes_idle_connections_before_the_service_does(start: Start, store: Path) -> None:
    text = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    upstream = text[text.index("upstream basira {") : text.index("}")]
    assert "keepalive_timeout 60s;" in upstream
    assert start(store).timeout_keep_alive > 60


@pytest.mark.parametrize("name", ["basira.service", "basira-nightly.service"])
def test_the_units_run_in_the_administrations_zone(name: str) -> None:
    assert "Environment=TZ=Africa/Casablanca\n" in (DEPLOY / name).read_text(encoding="utf-8")
