"""--json on every command, and JSON alone on standard output."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer

from basira.cli.program import app
from basira.storage.history.store import History
from tests.cli.test_rules import file_of
from tests.support.command_line import Walk, ran

# Commands whose work has no value to print. None today: `serve --check` has one.
WITHOUT: dict[str, str] = {}


def commands(group: click.Command, above: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    for name, one in getattr(group, "commands", {}).items():
        if hasattr(one, "commands"):
            yield from commands(one, (*above, name))
        else:
            yield " ".join((*above, name)), one


ALL = dict(commands(typer.main.get_command(app)))


def options_of(command: click.Command) -> set[str]:
    return {option for parameter in command.params for option in parameter.opts}


def test_every_command_prints_json_when_it_is_asked_to() -> None:
    without = {name for name, one in ALL.items() if "--json" not in options_of(one)}
    assert len(ALL) > 90
    assert without == WITHOUT.keys()


@pytest.fixture
def store(walk: Walk, tmp_path: Path) -> Path:
    """A copy of the store with an analyst and two managers."""
    made = Path(shutil.copytree(walk.store, tmp_path / "store"))
    for login, role in (("amina", "analyst"), ("badr", "manager"), ("carima", "manager")):
        ran("users", "add", login, "--by", "t", "--role", role, "--oidc-subject", f"i#{login}", "--store", made)
    return made


def test_steps_of_a_rule_are_json(store: Path, tmp_path: Path, walk: Walk) -> None:
    at = ("--store", store, "--json")
    # So rare that it floods no office, whatever the days of the world.
    heavy = {"compare": {"left": {"field": "net_mass_kg"}, "comparison": ">", "right": {"number": 1e12}}}
    files = [file_of(tmp_path, condition={"any_item": heavy}, title=title) for title in ("One", "Others")]
    made = ran("rules", "import", *files, "--by", "amina", *at).json
    assert [one["version"] for one in made] == [1, 2]
    assert any("title" in line for line in ran("rules", "compare", "phones-cn", 1, 2, *at).json)
    assert ran("rules", "compare", "phones-cn", 1, 1, *at).json == []
    period = ("--from", "2000-01-01", "--to", walk.day, "--as-of", walk.day)
    for step, by, more, state in (
        ("submit", "amina", (), "submitted"),
        ("reject", "badr", ("--motive", "m"), "draft"),
        ("submit", "amina", (), "submitted"),
        # Not who sent it back: that is a step of the draft.
        ("approve", "carima", ("--motive", "m"), "approved"),
        ("shadow", "badr", (), "shadow"),
        ("start", "badr", (), "live"),
        ("retire", "badr", ("--motive", "m"), "retired"),
    ):
        if step == "submit":
            ran("rules", "backtest", "phones-cn", *period, "--by", "amina", *at)
        taken = ran("rules", step, "phones-cn", "--by", by, *more, *at).json
        assert (taken["rule_id"], taken["version"], taken["state"]) == ("phones-cn", 2, state)


def test_changes_of_a_list_are_json(store: Path, tmp_path: Path) -> None:
    at = ("--by", "amina", "--store", store, "--json")
    made = ran("lists", "new", "origins", "--kind", "origins", "--title", "t", "--owner", "o", *at).json
    assert (made["name"], made["kind"], made["last"]) == ("origins", "origins", 1)
    why = ("--source", "s", "--reason", "r")
    assert ran("lists", "add", "origins", "CN", *why, *at).json["last"] == 2
    (tmp_path / "more.csv").write_text("value;from;source;reason\nTR;2026-01-01;s;r\n", encoding="utf-8")
    assert ran("lists", "import", "origins", tmp_path / "more.csv", *at).json == {"name": "origins", "added": 1}
    assert ran("lists", "end", "origins", 1, "--motive", "m", *at).json["last"] == 4
    out = tmp_path / "out.csv"
    written = ran("lists", "export", "origins", "--out", out, "--store", store, "--json").json
    assert (written["file"], written["entries"]) == (str(out), out.read_text(encoding="utf-8").count("\n") - 1)
    ran("rules", "import", file_of(tmp_path), *at)
    asleep = ran("lists", "snooze", "phones-cn", "42", "--reason", "r", "--until", in_days(30), *at).json
    assert asleep["name"] == "snooze:phones-cn"


def in_days(count: int) -> str:
    from datetime import date, timedelta

    return (date.today() + timedelta(days=count)).isoformat()


def test_changes_of_a_risk_are_json(store: Path) -> None:
    at = ("--by", "amina", "--store", store, "--json")
    asked = ("--title", "Phones", "--owner", "o", "--likelihood", 3, "--consequence", 5, "--plan", "Rules.")
    made = ran("risks", "new", "phones", *asked, "--review", "2999-01-01", *at).json
    assert (made["version"], made["level"]) == (1, "extreme")
    looked = ran("risks", "review", "phones", "--motive", "m", "--review", "2999-02-01", "--likelihood", 1, *at).json
    assert (looked["version"], looked["level"], looked["review_on"]) == (2, "moderate", "2999-02-01")


def test_changes_of_accounts_are_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    at = ("--by", "t", "--store", History.create(tmp_path / "store").root, "--json")
    ran("users", "add", "amina", "--role", "analyst", "--oidc-subject", "i#amina", *at)
    assert ran("users", "role", "grant", "amina", "manager", *at).json["roles"] == ["analyst", "manager"]
    assert ran("users", "role", "revoke", "amina", "manager", *at).json["roles"] == ["analyst"]
    assert ran("users", "deactivate", "amina", *at).json == {"login": "amina", "is_active": False}
    assert ran("users", "activate", "amina", *at).json == {"login": "amina", "is_active": True}
    assert ran("users", "unlock", "amina", *at).json == {"login": "amina", "forgotten": 0}
    monkeypatch.setattr("sys.stdin", io.StringIO("a long enough password of 2999\n"))
    changed = ran("users", "password", "reset", "amina", "--password-stdin", *at).json
    assert changed == {"login": "amina", "must_change_password": True}
    assert ran("sessions", "revoke", "--user", "amina", "--motive", "m", *at).json == {"login": "amina", "ended": 0}
    key = ran("keys", "create", "badr", "--scope", "declarations:write", *at).json["key_id"]
    assert ran("keys", "revoke", key, "--motive", "m", *at).json == {"key_id": key, "revoked_before": None}
    assert ran("keys", "revoke", key, "--motive", "m", *at).json["revoked_before"] is not None
    erased = ran("users", "erase", "amina", "--motive", "m", "--yes", *at).json
    assert erased["is_erased_before"] is False
    assert ran("users", "erase", erased["user_id"], "--motive", "m", "--yes", *at).json["is_erased_before"] is True


def test_records_are_json_asked_for_or_not(walk: Walk) -> None:
    at = ("audit", "show", walk.run_id, "--store", walk.store)
    assert ran(*at, "--json").json == ran(*at).json
