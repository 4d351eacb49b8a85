"""The report as a printable page: one file, no network, no script.

Enters: a `WrittenReport`. Leaves: HTML. Never here: a word of its own.
"""

from __future__ import annotations

from pathlib import Path

from basira.diagnose.report.words import WrittenChart, WrittenReport
from basira.render.charts import Series, share_chart
from basira.render.page import mark_safe, render_page

_TEMPLATES = Path(__file__).parent.parent / "templates"


def html_bytes(report: WrittenReport, *, software: str = "") -> bytes:
    """The page as UTF-8."""
    language = report.catalog.language
    values = {
        "report": report,
        "charts": {one.code: mark_safe(_draw(one, language)) for part in report.parts for one in part.charts},
        "is_simulated": report.is_simulated,
        "software": software,
    }
    page = render_page("diagnosis.html", _TEMPLATES, catalog=report.catalog, values=values)
    return page.encode("utf-8")


def _draw(chart: WrittenChart, language: str) -> str:
    lines = [Series(name, x, y) for name, x, y in chart.lines]
    return share_chart(
        lines, name=chart.code, label=chart.title, x_label=chart.x_label, y_label=chart.y_label, language=language
    )
