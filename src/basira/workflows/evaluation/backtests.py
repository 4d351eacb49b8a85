"""Back-tests kept in the store.

Enters: an evaluation and its day. Leaves: metrics and report under `backtests/`. Never here: evaluating.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from basira.evaluate.report import write_metrics, write_report
from basira.storage.history.store import History
from basira.workflows.evaluation.evaluate import Evaluation


def keep_backtest(history: History, evaluation: Evaluation, *, as_of: date, language: str) -> Path:
    """Write the back-test of ``as_of``; the folder."""
    folder = history.root / "backtests" / as_of.isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    write_report(evaluation.metrics, evaluation.curves, folder, language=language)
    write_metrics(evaluation.metrics, folder)
    return folder
