"""`basira monitor`: reports on the screen, as a page and as JSON; what it refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.support.command_line import Walk, ran, run


def test_what_changed_is_shown_written_and_printed_as_json(walk: Walk, tmp_path: Path) -> None:
    page, values = tmp_path / "d.html", tmp_path / "d.json"
    at = ("monitor", "drift", "--store", walk.store, "--as-of", walk.day)
    shown = ran(*at, "--language", "en", "--out", page, "--out", values).out
    assert "What changed" in shown
    assert "<h1>" in page.read_text(encoding="utf-8")
    printed = ran(*at, "--json").json
    assert printed == json.loads(values.read_text(encoding="utf-8"))
    assert printed["as_of"] == walk.day
    assert printed["declarations"] > 0
    assert run(*at, "--out", tmp_path / "d.txt").code != 0


def test_pairs_are_for_auditors_and_their_number_for_managers(walk: Walk, tmp_path: Path) -> None:
    store = Path(shutil.copytree(walk.store, tmp_path / "store"))
    for login in ("auditor", "manager", "analyst"):
        ran("users", "add", login, "--by", "t", "--role", login, "--oidc-subject", f"i#{login}", "--store", store)
    period = ("--from", "2000-01-01", "--to", walk.day, "--store", store)
    assert ran("monitor", "integrity", "--by", "auditor", *period, "--json").json["pairs"] is not None
    assert ran("monitor", "integrity", "--by", "manager", *period, "--json").json["pairs"] is None
    assert run("monitor", "integrity", "--by", "analyst", *period).code != 0
