"""The pages of the night in a real browser: accessible in three languages, in light and dark, and no wider than it.

Needs Chromium and the files of `make assets`, as `test_workbench.py`.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from basira.schema.access import Grant
from basira.serving.service import Service
from basira.storage.database.connection import Database
from tests.browser.test_workbench import AXE, LANGUAGES, Bench, assert_accessible, keep
from tests.support.night_reports import keep_night
from tests.support.web_world import Decided, require_assets, serve

PAGES = (("proof", "/proof"), ("drift", "/drift"), ("integrity", "/integrity"), ("governance", "/governance"))


@pytest.fixture(scope="module")
def bench(
    browser: Any, whole: Service, prepared_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bench]:
    require_assets()
    folder = tmp_path_factory.mktemp("night-browser")
    database = Database(shutil.copy(prepared_file, folder / "operations.sqlite"))
    assert whole.store is not None
    store = Path(shutil.copytree(whole.store, folder / "store"))
    service = replace(whole, database=database, store=store, language="fr", is_simulated=True)
    with serve(service) as running:
        keep_night(store, running.house.app.state.clock().date() - timedelta(days=1))
        made = Bench(running, Decided(running.house, ("", ""), ("", ""), []), browser)
        yield made
        for context in made.opened:
            context.close()
    service.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_of_the_night_is_accessible_and_fits(bench: Bench, cheap_passwords: None, language: str) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is absent: run `make assets` (Debian: apt-get install npm).")
    page = bench.person(f"auditor-{language}", Grant("auditor"), language=language)
    page.wait_for_load_state()
    for name, path in PAGES:
        for scheme in ("light", "dark") if language == "fr" else ("light",):
            page.emulate_media(color_scheme=scheme)
            page.goto(f"{bench.running.address}{path}")
            assert_accessible(page)
            keep(page, f"night-{name}-{language}-{scheme}")
        for width in (1280, 768):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
        page.set_viewport_size({"width": 1280, "height": 900})
    assert bench.heard == []
