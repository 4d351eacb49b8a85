"""`basira quarantine list` for people: whole ids, in a pipe and on a narrow screen; nothing that moves a cursor."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from basira.cli.program import app
from basira.storage.database.connection import Database
from basira.storage.history.store import History
from basira.storage.online.rejected import NewRejected, keep_body
from basira.workflows.intake.quarantine import QuarantinedRow

NOW = datetime(2026, 3, 2, 12)
ONLINE = "q-" + "0859e7bd" * 4
OF_A_FILE = "4f" * 32 + ":12"


@pytest.fixture
def lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the command prints: one declaration that the service rejected, and one row of a file."""
    History.create(tmp_path)
    with Database(tmp_path / "operations.sqlite") as database, database.write() as connection:
        faults = [{"code": "negative", "field": "items.1.net_mass_kg"}, {"code": "missing", "field": None}]
        keep_body(connection, NewRejected(ONLINE, "badr", "DUM 1", faults, 9, "{}"), now=NOW)
    row = QuarantinedRow(
        OF_A_FILE, "items", "a\x1b[2Jb.csv", "net_mass_kg", "not_a_number", "عشرة\nkilos", "a number", {}, "d", 12, NOW
    )
    monkeypatch.setattr("basira.workflows.intake.quarantine.list_quarantine", lambda *_args, **_named: [row])
    monkeypatch.setattr("basira.workflows.intake.quarantine.count_quarantine", lambda _: {(row.file_name, row.code): 1})
    done = CliRunner().invoke(
        app, ["quarantine", "list", "--store", str(tmp_path)], env={"COLUMNS": "80", "BASIRA_LANGUAGE": "en"}
    )
    assert done.exit_code == 0, done.output
    return done.stdout.splitlines()


def test_the_ids_are_whole_and_first(lines: list[str]) -> None:
    ids = [line.split("  ")[0] for line in lines]
    assert [name for name in ids if name.startswith((ONLINE[:4], OF_A_FILE[:4]))] == [ONLINE, OF_A_FILE]


def test_a_line_says_whose_it_is_and_why(lines: list[str]) -> None:
    online, of_a_file = (next(line for line in lines if line.startswith(name)) for name in (ONLINE, OF_A_FILE))
    for words in ("DUM 1", "badr", "2026-03-02T12:00", "items.1.net_mass_kg: negative", "-: missing"):
        assert words in online
    for words in ("row 12", "net_mass_kg: not_a_number", "عشرة kilos", "expected a number"):
        assert words in of_a_file


def test_no_control_character_of_a_file_reaches_the_terminal(lines: list[str]) -> None:
    assert all(line.isprintable() for line in lines)
