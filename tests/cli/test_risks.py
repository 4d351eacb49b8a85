"""`basira risks`, as a person runs it."""

from __future__ import annotations

from pathlib import Path

from basira.storage.history.store import History
from tests.support.command_line import ran, run


def test_a_risk_is_written_reviewed_and_shown(tmp_path: Path) -> None:
    store = History.create(tmp_path / "store").root
    ran("users", "add", "amina", "--by", "t", "--role", "analyst", "--oidc-subject", "i#amina", "--store", store)
    asked = ("risks", "new", "undervalued-phones", "--by", "amina", "--title", "Phones", "--owner", "Valuation",
             "--likelihood", 3, "--consequence", 5, "--plan", "Rules.", "--store", store)  # fmt: skip
    assert run(*asked, "--review", "2000-01-01").code == 12
    made = ran(*asked, "--review", "2999-01-01", "--language", "en")
    assert "undervalued-phones  1  extreme (3 × 5 = 15)  national  review on Jan 1, 2999" in made.out
    shown = {one: ran("risks", "list", "--store", store, "--language", one).out for one in ("fr", "ar")}
    assert "extrême (3 × 5 = 15)  national  revue le" in shown["fr"]
    assert "بالغ الخطورة" in shown["ar"]
    assert "extreme" not in shown["fr"] + shown["ar"]
    ran("risks", "review", "undervalued-phones", "--by", "amina", "--motive", "m", "--review", "2999-06-01",
        "--likelihood", 1, "--store", store)  # fmt: skip
    [found] = ran("risks", "list", "--store", store, "--json").json
    assert (found["version"], found["level"], found["overdue"]) == (2, "moderate", False)
    assert len(ran("risks", "show", "undervalued-phones", "--store", store, "--json").json) == 2
