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


def test_a_night_is_done_once_and_its_proof_is_that_of_the_command(walk: Walk, tmp_path: Path) -> None:
    store = Path(shutil.copytree(walk.store, tmp_path / "store"))
    figures = tmp_path / "basira.prom"
    at = ("night", "--store", store, "--as-of", walk.day)
    first = ran(*at, "--metrics", figures, "--json").json
    assert {one["name"]: one["state"] for one in first["steps"]}["drift"] == "done"
    assert 'basira_night_step_failed{step="proof"} 0' in figures.read_text(encoding="utf-8")
    proved = [one for one in first["steps"] if one["name"].startswith("proof")]
    assert {one["state"] for one in proved} == {"done"}
    kept = json.loads((store / "night" / walk.day / "proof.json").read_text(encoding="utf-8"))
    period = ("--from", f"{walk.day[:4]}-01-01", "--to", walk.day, "--as-of", walk.day)
    assert kept == ran("proof", *period, "--store", store, "--json").json
    assert "déjà fait" in ran(*at).out
    assert run(*at[:3], "--as-of", "yesterday").code == 2
