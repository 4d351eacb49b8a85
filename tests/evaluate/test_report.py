"""The report: whole, in each language, the same bytes each time, nothing from outside, nothing unescaped."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from basira.evaluate.assemble import Contender, EvaluationCurves, MeasuredRows, assemble_evaluation
from basira.evaluate.charts import draw_charts
from basira.evaluate.report import write_metrics, write_report
from basira.schema.errors import StoreError, UsageError


@cache
def scored() -> tuple[dict[str, Any], EvaluationCurves]:
    generator = np.random.default_rng(2)
    truth = generator.random(800) < 0.3
    good = truth + generator.normal(size=800) * 0.5
    contenders = {
        "basira": Contender(good, np.clip(good, 0, 1), 1.25, 0.1),
        "random": Contender(generator.random(800), None, 0.0, 0.0),
        "xgboost": Contender(good * 0.5, np.clip(good * 0.5, 0, 1), 2.0, 0.2),
    }
    slices = {"all": np.ones(800, bool), "novel_pair": np.arange(800) < 200, "office:20": np.arange(800) > 300}
    return assemble_evaluation(
        MeasuredRows(truth, slices, truth * 5.0), contenders, dataset="<b>KCS</b>", resamples=30, seed=7
    )


def evaluation(**extras: Any) -> tuple[dict[str, Any], EvaluationCurves]:
    metrics, curves = scored()
    return {**deepcopy(metrics), **extras}, curves


@pytest.fixture(scope="module")
def english(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("report")
    return write_report(*evaluation(trained_rows=1295), folder).read_text(encoding="utf-8")


@pytest.mark.parametrize("language", ["fr", "en", "ar"])
def test_report_is_complete_in_each_language(tmp_path: Path, language: str) -> None:
    metrics, curves = evaluation(
        revenue_basis="found",
        value_currency="MAD",
        trained_rows=1295,
        is_simulated=True,
        software="basira 0.1.0",
        quarantined=[{"file": "q.csv", "code": "date", "rows": 3}],
    )
    page = write_report(metrics, curves, tmp_path, language=language, strict=True).read_text(encoding="utf-8")
    assert f'<html lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}">' in page
    assert page.count("<svg") == 6  # precision, recall, revenue; precision, revenue of novel pairs; calibration
    assert 'class="simulated"' in page
    assert "q.csv" in page
    assert "basira 0.1.0" in page


def test_figures_are_written_as_the_language_writes_them(tmp_path: Path, english: str) -> None:
    french = write_report(*evaluation(trained_rows=1295), tmp_path, language="fr").read_text(encoding="utf-8")
    assert "1,295" in english
    assert "1\u202f295" in french


def test_real_data_gets_no_simulated_banner(english: str) -> None:
    assert 'class="simulated"' not in english


def test_text_from_outside_is_escaped(english: str) -> None:
    assert "<b>KCS</b>" not in english
    assert "&lt;b&gt;KCS&lt;/b&gt;" in english


def test_same_input_same_bytes(tmp_path: Path, english: str) -> None:
    again = write_report(*evaluation(trained_rows=1295), tmp_path).read_text(encoding="utf-8")
    assert again == english


def test_nothing_comes_from_elsewhere_and_nothing_runs(english: str) -> None:
    assert "<script" not in english
    assert not re.search(r'(?:src|href)="(?!#|data:)', english)
    assert not re.search(r"@import|url\((?!#)", english)


def test_ids_on_the_page_are_unique(english: str) -> None:
    ids = re.findall(r' id="([^"]+)"', english)
    assert sorted(ids) == sorted(set(ids))


def test_quarantine_may_be_a_bare_number(tmp_path: Path) -> None:
    metrics, curves = evaluation(quarantined=2)
    assert "2 rows" in write_report(metrics, curves, tmp_path, strict=True).read_text(encoding="utf-8")


def test_report_without_our_model_still_comes_out(tmp_path: Path) -> None:
    metrics, curves = evaluation()
    del metrics["models"]["basira"]
    assert write_report(metrics, curves, tmp_path, strict=True).stat().st_size > 10_000


def test_unknown_language_says_which_there_are(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="fr, en, ar"):
        write_report(*evaluation(), tmp_path, language="es")


def test_metrics_file_is_strict_json_and_comes_back_equal(tmp_path: Path) -> None:
    metrics, _ = evaluation()
    text = write_metrics(metrics, tmp_path).read_text(encoding="utf-8")
    assert "NaN" not in text
    assert json.loads(text) == metrics


def test_folder_that_cannot_be_made_is_a_store_error_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(StoreError, match=r"report\.html"):
        write_report(*evaluation(), tmp_path / "taken")
    assert [p.name for p in tmp_path.iterdir()] == ["taken"]


def test_charts_for_other_pages_carry_title_and_svg() -> None:
    _, curves = evaluation()
    drawn = draw_charts(curves, language="fr")
    assert [c.title.split(" – ")[0] for c in drawn[:3]] == ["Précision", "Irrégularités retrouvées", "Recettes captées"]
    assert all(c.svg.startswith("<svg") for c in drawn)
