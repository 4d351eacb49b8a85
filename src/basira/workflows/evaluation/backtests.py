"""Back-tests kept in the store, so that a day's list can show how good the choice has been.

Enters: an evaluation and its day. Leaves: metrics, report and charts under `backtests/`;
the charts of the latest one that a day may know. Never here: evaluating.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

from basira.evaluate.charts import draw_charts
from basira.evaluate.report import write_metrics, write_report
from basira.explain.inspection_list.page import Chart
from basira.render.languages import LANGUAGES
from basira.render.writing import write_whole
from basira.storage.history.store import History
from basira.workflows.evaluation.evaluate import Evaluation


def keep_backtest(history: History, evaluation: Evaluation, *, as_of: date, language: str) -> Path:
    """Write the back-test of ``as_of``; the folder."""
    folder = history.root / "backtests" / as_of.isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    for spoken in LANGUAGES:
        charts = [{"title": c.title, "svg": c.svg} for c in draw_charts(evaluation.curves, language=spoken)]
        write_whole(folder / f"charts-{spoken}.json", json.dumps(charts, ensure_ascii=False).encode("utf-8"))
    write_report(evaluation.metrics, evaluation.curves, folder, language=language)
    write_metrics(evaluation.metrics, folder)
    return folder


def charts_for(history: History, *, as_of: date, language: str) -> tuple[Chart, ...]:
    """The charts of the latest back-test that knows nothing later than ``as_of``; none when there is none."""
    place = history.root / "backtests"
    days = (
        sorted((p.name for p in place.iterdir() if p.name <= as_of.isoformat()), reverse=True) if place.is_dir() else []
    )
    for name in days:
        path = place / name / f"charts-{language}.json"
        if path.is_file():
            return tuple(Chart(c["title"], c["svg"]) for c in json.loads(path.read_text(encoding="utf-8")))
    return ()
