"""The command line and the report: what is asked is done, what is impossible is reported."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from basira.cli.country import app
from basira.country import load_scenario, make_world, measure_realism
from basira.country.realism import gini
from basira.country.report import report_html
from basira.schema.errors import BasiraError, UsageError

RUNNER = CliRunner()
CHANGES = {"items": 3000, "ends_on": "2023-03-31", "trade.importers": 200}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("country-report") / "world"
    make_world(load_scenario("small", changes=CHANGES), seed=2, out=out)
    return out


def test_make_says_what_was_made(tmp_path: Path) -> None:
    result = RUNNER.invoke(app, ["make", "small", "--items", "2000", "--out", str(tmp_path / "w"), "--json"])
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert said["is_simulated"] is True
    assert (tmp_path / "w" / "world.json").is_file()
    assert {p.name for p in (tmp_path / "w").iterdir()} == {
        "declarations",
        "outcomes",
        "truth",
        "register",
        "world.json",
    }


def test_make_on_a_screen_names_the_next_step(tmp_path: Path) -> None:
    result = RUNNER.invoke(app, ["make", "small", "--items", "1000", "--out", str(tmp_path / "w")])
    assert result.exit_code == 0, result.output
    assert "basira country report" in result.output


def test_make_rejects_a_full_folder(world: Path) -> None:
    result = RUNNER.invoke(app, ["make", "small", "--out", str(world)])
    assert isinstance(result.exception, UsageError)
    assert "--force" in result.exception.hint


def test_scenarios_lists_them_all() -> None:
    listed = json.loads(RUNNER.invoke(app, ["scenarios", "--json"]).stdout)
    assert {s["name"] for s in listed} >= {"small", "morocco-like", "drift", "cold-start", "collusion", "new-fraud"}


def test_report_writes_a_page_that_says_simulated_and_assumed(world: Path, tmp_path: Path) -> None:
    page = tmp_path / "r.html"
    result = RUNNER.invoke(app, ["report", str(world), "--out", str(page), "--json"])
    assert result.exit_code == 0, result.output
    text = page.read_text(encoding="utf-8")
    assert "imulated" in text
    assert "assumed" in text
    assert text.count("<svg") == 2
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert "<script" not in text


def test_report_of_another_folder_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(BasiraError, match=r"world\.json"):
        measure_realism(tmp_path)


def test_a_world_without_any_inspection_is_reported(tmp_path: Path) -> None:
    scenario = load_scenario("small", changes={**CHANGES, "administration.inspection_rate": 0})
    make_world(scenario, seed=2, out=tmp_path / "w")
    figures = measure_realism(tmp_path / "w")
    by_name = {c.name: c for c in figures.comparisons}
    assert by_name["declarations inspected, all lanes"].value == 0
    assert by_name["inspection to known result, finding, median"].shown == "-"
    assert report_html(figures)


def test_names_are_escaped(world: Path) -> None:
    from dataclasses import replace

    figures = replace(measure_realism(world), title="<script>alert(1)</script>")
    assert "<script>" not in report_html(figures)


def test_shares_add_up(world: Path) -> None:
    figures = measure_realism(world)
    for rows in (figures.procedures, figures.offices):
        assert sum(share for _, _, share in rows) == pytest.approx(1)
    assert sum(k.share_evaded for k in figures.kinds) == pytest.approx(1)


@pytest.mark.parametrize(("counts", "expected"), [([4, 4], 0.0), ([0, 10], 0.5), ([], 0.0)])
def test_gini(counts: list[int], expected: float) -> None:
    assert (gini(counts) if counts else 0.0) == pytest.approx(expected)
