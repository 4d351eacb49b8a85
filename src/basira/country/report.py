"""The comparison of a world with what is published, as one HTML page.

Enters: `Realism`. Leaves: a file. Never here: the measuring.
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from basira.country.realism import Realism
from basira.render.catalogs import load_catalog
from basira.render.charts import Series, line_chart, use_chart
from basira.render.page import SHELL_LOCALE, mark_safe, render_page
from basira.render.writing import write_whole

_MILLION = 1e6


def write_report(realism: Realism, out: Path) -> Path:
    """Write the page, whole or not at all; returns its path.

    Raises
    ------
    StoreError : the place can't be written.
    """
    return write_whole(Path(out), report_html(realism).encode("utf-8"))


def report_html(realism: Realism) -> str:
    """The page as text; needs no network and no script."""
    groups = [(name, list(rows)) for name, rows in groupby(realism.comparisons, key=lambda c: c.group)]
    return render_page(
        "country.html",
        Path(__file__).parent / "templates",
        catalog=load_catalog(SHELL_LOCALE, "en"),
        values={
            "is_simulated": True,
            "software": "",
            "world": realism,
            "groups": groups,
            "concentration": mark_safe(_concentration(realism)),
            "revenue": mark_safe(_revenue(realism)) if realism.kinds else "",
        },
    )


def _concentration(realism: Realism) -> str:
    series = [
        Series(name=name, x=tuple(p for p, _ in points), y=tuple(s for _, s in points))
        for name, points in realism.concentration.items()
    ]
    return line_chart(
        series,
        name="country-concentration",
        label="Share of declarations held by the largest traders, and of items by the commonest codes",
        x_label="largest, % of all",
        y_label="share held",
        language="en",
    )


def _revenue(realism: Realism) -> str:
    rows = [
        (k.name, round(k.recovered_amount / _MILLION, 1), round(k.evaded_amount / _MILLION, 1)) for k in realism.kinds
    ]
    return use_chart(
        rows,
        name="country-revenue",
        label="Recovered within evaded, by kind of irregularity, in millions of MAD",
        x_label="million MAD: recovered (filled) within evaded (outlined)",
    )
