"""Models in a real browser: a data scientist proposes one, a manager approves it and brings the one before back.

Needs Chromium and the files of `make assets`, as `test_workbench.py`.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from basira.schema.access import Grant
from basira.serving.service import Service
from basira.storage.database.connection import Database
from tests.browser.test_workbench import AXE, LANGUAGES, Bench, assert_accessible, keep
from tests.support.model_pages import adopt, store_with_candidate
from tests.support.web_world import Decided, require_assets, serve


@dataclass
class Staged:
    """A running service whose store has a live model and another one."""

    bench: Bench
    live: str
    other: str


@pytest.fixture(scope="module")
def prepared(whole: Service, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    return store_with_candidate(whole, tmp_path_factory.mktemp("models"))


@pytest.fixture
def staged(
    browser: Any,
    whole: Service,
    prepared: tuple[Path, str],
    prepared_file: Path,
    tmp_path: Path,
    cheap_passwords: None,
) -> Iterator[Staged]:
    require_assets()
    root, other = prepared
    database = Database(shutil.copy(prepared_file, tmp_path / "operations.sqlite"))
    store = Path(shutil.copytree(root, tmp_path / "store"))
    service = replace(whole, database=database, store=store, language="fr", is_simulated=True)
    assert whole.model is not None
    adopt(service, whole.model.version)
    with serve(service) as running:
        made = Bench(running, Decided(running.house, ("", ""), ("", ""), []), browser)
        yield Staged(made, whole.model.version, other)
        for context in made.opened:
            context.close()
    service.close()


def test_a_model_is_proposed_approved_and_taken_back(staged: Staged) -> None:
    bench = staged.bench
    amina = bench.person("amina", Grant("data_scientist"))
    amina.get_by_role("link", name="Modèles").click()
    amina.get_by_role("link", name=staged.other).click()
    amina.get_by_role("link", name="Proposer").click()
    amina.locator("#motive").fill("Plus récent.")
    amina.get_by_role("button", name="Proposer").click()
    amina.wait_for_url("**done=shadow")
    assert "À l’essai" in amina.locator("main tbody").inner_text()

    badr = bench.person("badr", Grant("manager"))
    badr.goto(f"{bench.running.address}/models/{staged.other}")
    badr.get_by_role("link", name="Comparer au modèle en service").click()
    badr.get_by_text("Aucune comparaison pour ces jours.").wait_for()
    badr.go_back()
    badr.get_by_role("link", name="Approuver").click()
    assert staged.live in badr.locator("dl.facts").inner_text()
    badr.locator("#motive").fill("Comparaison lue.")
    badr.get_by_role("button", name="Approuver").click()
    badr.wait_for_url("**done=live")
    badr.get_by_role("link", name=staged.other).click()
    badr.get_by_role("link", name="Rétablir le précédent").click()
    badr.locator("#motive").fill("Trop d’erreurs.")
    badr.get_by_role("button", name="Rétablir le précédent").click()
    badr.wait_for_url("**done=rollback")
    badr.get_by_role("link", name=staged.live).click()
    assert "Trop d’erreurs." in badr.locator(".timeline").inner_text()
    assert bench.heard == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_is_accessible_and_fits(staged: Staged, language: str) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is absent: run `make assets` (Debian: apt-get install npm).")
    bench = staged.bench
    page = bench.person("badr", Grant("manager"), language=language)
    page.wait_for_url("**/queue")
    for name, path in (
        ("models", "/models"),
        ("model", f"/models/{staged.live}"),
        ("model-retire", f"/models/{staged.live}/retired"),
        ("comparison-empty", f"/models/{staged.other}/comparison"),
    ):
        for scheme in ("light", "dark") if language == "fr" else ("light",):
            page.emulate_media(color_scheme=scheme)
            page.goto(f"{bench.running.address}{path}")
            assert_accessible(page)
            keep(page, f"{name}-{language}-{scheme}")
        for width in (1280, 768):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
        page.set_viewport_size({"width": 1280, "height": 900})
    assert bench.heard == []
