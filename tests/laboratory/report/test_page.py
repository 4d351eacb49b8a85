"""The page of a comparison, in three languages."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

from basira.laboratory.report.charts import period_chart, share_rows_chart
from basira.laboratory.report.page import LOCALE, lines_drawn, report_html, write_report
from basira.laboratory.runs.loop import run_strategy
from basira.laboratory.runs.many import collect, collect_possible, run_folder
from basira.laboratory.runs.plan import Plan
from basira.laboratory.strategies.ceiling import ORACLE
from basira.laboratory.strategies.registry import STRATEGIES, find_strategy
from basira.laboratory.worlds.view import Chosen, Strategy, View, top
from basira.render.catalogs import load_catalog
from basira.render.charts import Series
from basira.render.languages import LANGUAGES
from tests.support.lab_world import plan_of

LONG = "hybrid:price_order=0.5+random=0.5"


def cheapest(view: View) -> Chosen:
    return Chosen(top(-view.items["customs_value_amount"].to_numpy(), view))


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, pl.DataFrame, pl.DataFrame]:
    out = tmp_path_factory.mktemp("report")
    plan = Plan("small", rates=(0.2,), items=2500, starts_on="2023-07-02", periods=2)
    for strategy in (find_strategy("random"), find_strategy(LONG), Strategy("mine", "", "", cheapest)):
        for seed in (1, 2, 3):
            run_strategy(plan, strategy, seed, run_folder(out, strategy.name, seed))
    return plan, collect(out), collect_possible(out)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_of_the_page_is_in_every_language(
    results: tuple[Plan, pl.DataFrame, pl.DataFrame], language: str
) -> None:
    plan, rows, possible = results
    page = report_html(rows, plan, possible=possible, language=language, strict=True)
    assert f'lang="{language}"' in page
    assert LONG in page
    assert 'class="simulated"' in page
    assert not re.search(r"(?:src|href)=\"https?:|<script", page)


def test_the_catalogs_hold_the_same_messages() -> None:
    fr, en, ar = (load_catalog(LOCALE, language).ids for language in LANGUAGES)
    # The strategies' meanings are English in the code.
    assert {m for m in fr if not m.startswith("strategy.")} == {m for m in en if not m.startswith("strategy.")}
    assert fr == ar


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_every_strategy_is_explained_in_the_language_of_the_page(language: str) -> None:
    named = {f"strategy.{strategy.name}" for strategy in (*STRATEGIES, ORACLE)}
    assert {m for m in load_catalog(LOCALE, language).ids if m.startswith("strategy.")} == named | {"strategy.own"}


def test_what_was_never_found_is_on_the_page(results: tuple[Plan, pl.DataFrame, pl.DataFrame]) -> None:
    plan, rows, possible = results
    page = report_html(rows, plan, possible=possible)
    assert 'data-chart="found-by-kind"' in page
    assert page.count("<svg") == 7
    missed = possible.filter(~pl.col("is_found"), pl.col("strategy") == "random").sort("revenue", descending=True)
    assert missed["item_id"][0] in page


def test_a_folder_of_an_earlier_version_has_its_page(labelled: Path, tmp_path: Path) -> None:
    plan = plan_of(labelled, periods=2)
    run_strategy(plan, find_strategy("random"), 1, run_folder(tmp_path, "random", 1))
    rows = collect(tmp_path)
    page = write_report(rows, plan, tmp_path / "page.html").read_text()
    assert "never caught" not in page
    assert 'class="simulated"' not in page


def test_a_strategy_of_ones_own_is_marked_as_such(results: tuple[Plan, pl.DataFrame, pl.DataFrame]) -> None:
    plan, rows, _ = results
    assert "A strategy of the reader" in report_html(rows, plan)


def test_the_axis_ends_above_the_highest_line() -> None:
    def chart(share: float) -> str:
        return period_chart([Series("s", (1.0, 2.0), (0.0, share))], name="n", label="l", x_label="x", language="en")

    assert "100%" in chart(0.9)
    assert "100%" not in chart(0.15)
    assert "20%" in chart(0.15)


def test_a_long_name_goes_over_several_lines_and_marks_differ() -> None:
    names = [LONG, *"abcdefgh"]
    svg = share_rows_chart([("value", dict.fromkeys(names, 0.5))], name="n", label="l", language="en", strategies=names)
    assert ">hybrid:price_order=0.5+<" in svg
    assert "&lt;" not in svg
    assert svg.count("<circle") == 2  # ours: one in the legend, one in the row


def test_names_are_escaped() -> None:
    svg = share_rows_chart([("<b>", {"s": 0.1})], name="n", label='"', language="en", strategies=["s"])
    assert "&lt;b&gt;" in svg
    assert 'aria-label="&quot;"' in svg


def test_a_chart_draws_no_more_lines_than_can_be_distinguished() -> None:
    drawn = lines_drawn([f"s{n}" for n in range(20)] + ["basira", "random"])
    assert (len(drawn), drawn[:2]) == (9, ["basira", "random"])
