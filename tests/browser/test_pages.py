"""The pages in a real browser: no error, no request, charts with a size, Arabic from the right.

Needs Chromium (`conftest.py`): without it these tests are skipped, and fail where CI is set.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from basira.evaluate.assemble import Contender, MeasuredRows, assemble_evaluation
from basira.evaluate.report import write_report
from basira.explain.inspection_list.files import write_html
from basira.render.languages import LANGUAGES
from tests.support.simulated_list import LANES, inspection_list, line


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    truth = np.random.default_rng(1).random(500) < 0.3
    scores = {
        "basira": truth + np.random.default_rng(2).normal(size=500),
        "random": np.random.default_rng(3).random(500),
    }
    contenders = {n: Contender(s, np.clip(s, 0, 1), 1.0, 0.1) for n, s in scores.items()}
    slices = {"all": np.ones(500, bool), "novel_pair": np.arange(500) < 200}
    metrics, curves = assemble_evaluation(
        MeasuredRows(truth, slices), contenders, dataset="made up", resamples=20, seed=1
    )
    made = {}
    for language in LANGUAGES:
        made[f"report-{language}"] = write_report(metrics, curves, folder / language, language=language)
        path = folder / language / "list.html"
        made[f"list-{language}"] = write_html(inspection_list(), path, language=language, lane_names=LANES)
    return made


def opened(browser: Any, path: Path, width: int = 1200) -> tuple[Any, list[str]]:
    page = browser.new_page(viewport={"width": width, "height": 900})
    seen: list[str] = []
    page.on("console", lambda message: seen.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: seen.append(f"error: {error}"))
    page.on("request", lambda r: seen.append(f"request: {r.url}") if not r.url.startswith(("file:", "data:")) else None)
    page.goto(path.as_uri())
    return page, seen


@pytest.mark.parametrize("name", [f"{kind}-{language}" for kind in ("report", "list") for language in LANGUAGES])
def test_page_opens_without_a_word_and_without_the_network(browser: Any, pages: dict[str, Path], name: str) -> None:
    page, seen = opened(browser, pages[name])
    assert seen == []
    boxes = [chart.bounding_box() for chart in page.locator("svg.chart").all()]
    # The list has no chart: they are in the report.
    assert len(boxes) >= 2 if name.startswith("report") else not boxes
    assert all(box["width"] > 200 and box["height"] > 40 for box in boxes)
    page.close()


@pytest.mark.parametrize("name", ["report", "list"])
def test_arabic_reads_from_the_right_and_its_charts_from_the_left(
    browser: Any, pages: dict[str, Path], name: str
) -> None:
    page, _ = opened(browser, pages[f"{name}-ar"])
    assert page.evaluate("getComputedStyle(document.body).direction") == "rtl"
    if name == "report":
        assert page.evaluate("getComputedStyle(document.querySelector('.chart-box')).direction") == "ltr"
    heading = page.locator("h1").bounding_box()
    text = page.evaluate(
        "(() => {const r = document.createRange(); r.selectNodeContents(document.querySelector('h1'));"
        " return r.getBoundingClientRect().right})()"
    )
    assert text == pytest.approx(heading["x"] + heading["width"], abs=1)
    page.close()


@pytest.mark.parametrize("name", ["report-fr", "list-ar"])
def test_page_does_not_scroll_sideways_on_a_small_screen(browser: Any, pages: dict[str, Path], name: str) -> None:
    page, _ = opened(browser, pages[name], width=420)
    assert page.evaluate("document.documentElement.scrollWidth") <= 420
    page.close()


def test_list_prints_a_summary_and_then_each_office_on_its_own_page(browser: Any, pages: dict[str, Path]) -> None:
    page, _ = opened(browser, pages["list-fr"])
    page.emulate_media(media="print")
    breaks = page.evaluate("[...document.querySelectorAll('.part')].map(o => getComputedStyle(o).breakBefore)")
    assert breaks == ["page", "page"]
    assert page.pdf(prefer_css_page_size=True).count(b"/Type /Page\n") == 3
    page.close()


def test_list_prints_two_cards_a_page_side(browser: Any, tmp_path: Path) -> None:
    listed = inspection_list(*(line(f"2026/{n}", rank=n) for n in range(1, 6)))
    page, _ = opened(browser, write_html(listed, tmp_path / "list.html", language="fr", lane_names=LANES))
    page.emulate_media(media="print")
    assert page.pdf(prefer_css_page_size=True).count(b"/Type /Page\n") == 4  # the summary, then 2 + 2 + 1
    page.close()
