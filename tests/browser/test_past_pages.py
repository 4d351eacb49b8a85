"""An analyst at the past in a real browser: from a declaration to its operator, to its goods, to their items.

Needs Chromium and the files of `make assets`, as `test_workbench.py`.
"""

from __future__ import annotations

import polars as pl
import pytest

from basira.schema.access import Grant
from tests.browser.test_workbench import AXE, LANGUAGES, Bench, assert_accessible, bench, keep

__all__ = ["bench"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_of_the_past_lead_to_each_other_and_are_accessible(
    bench: Bench, declarations: pl.DataFrame, language: str
) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is absent: run `make assets` (Debian: apt-get install npm).")
    page = bench.person("amina", Grant("analyst"), language=language)
    page.wait_for_url("**/queue")
    page.goto(f"{bench.running.address}{bench.decided.page}")
    page.locator("a[href^='/operators?part=importer_id']").click()
    page.wait_for_url("**/operators?part=importer_id*")
    importer = str(declarations["importer_id"].drop_nulls().mode().sort()[0])
    page.locator("#name").fill(importer)
    page.locator("#from").fill("2023-01-01")
    page.locator("form.filters button").click()
    page.wait_for_url(f"**name={importer}*")
    assert page.locator("svg.bars").count() == 1
    assert_accessible(page)
    keep(page, f"operator-{language}")
    page.locator("a[href^='/goods?code=']").first.click()
    page.wait_for_url("**/goods?code=*")
    assert page.locator("svg.bars").count() == 2
    assert_accessible(page)
    keep(page, f"goods-{language}")
    page.locator("nav.tabs a[href='/items']").click()
    page.locator("#operator").fill(importer)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**operator={importer}*")
    assert page.locator("tbody tr").count() > 1
    assert_accessible(page)
    keep(page, f"items-{language}")
    for name, path in (
        ("operator-ask", "/operators"),
        ("goods-empty", "/goods?code=9999"),
        ("items-empty", "/items?words=zzzz"),
    ):
        page.goto(f"{bench.running.address}{path}")
        page.locator(".empty").wait_for()
        assert_accessible(page)
        keep(page, f"{name}-{language}")
    page.set_viewport_size({"width": 820, "height": 1180})
    for path in (f"/operators?name={importer}", "/goods?code=85", "/items"):
        page.goto(f"{bench.running.address}{path}")
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert bench.heard == []
