"""The page of a comparison: tables and charts, per period and cumulated, with intervals over seeds.

Enters: the rows of ``results.parquet``, the plan. Leaves: one HTML file that needs no network and no
script. Never here: a figure of its own; each comes from `basira.laboratory.figures`.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import polars as pl

import basira
from basira.laboratory.charts import MOST_LINES, period_chart
from basira.laboratory.figures import MEASURES, cumulated, over_seeds, summary
from basira.laboratory.plan import Plan
from basira.laboratory.strategies import find_strategy
from basira.render.catalogs import load_catalog
from basira.render.charts import Series
from basira.render.page import SHELL_LOCALE, render_page, trusted
from basira.render.writing import write_whole

_OURS = "basira"
# Always drawn when there: what choosing without any knowledge finds.
_FLOOR = "random"
# With two seeds an interval spans the whole chart and hides every line.
_BAND_SEEDS = 3
_WORDS = {
    "precision": "found / selected with a known result",
    "recall": "found / possible",
    "revenue_share": "revenue found / possible",
    "normalised_found": "found / the most that this many inspections could find",
    "normalised_revenue": "revenue / the most that this many inspections could bring",
    "oracle_precision": "truly irregular among the selected (truth)",
    "oracle_revenue": "truly evaded in the selected / the most possible (truth)",
}


def write_report(rows: pl.DataFrame, plan: Plan, out: Path) -> Path:
    """Write the page, whole or not at all; returns its path. Raises StoreError when it can't be written."""
    return write_whole(out, report_html(rows, plan).encode("utf-8"))


def report_html(rows: pl.DataFrame, plan: Plan) -> str:
    """The page as text."""
    found = summary(rows)
    measures = [m for m in MEASURES if found[m].null_count() < len(found)]
    drawn = lines_drawn(found["strategy"].to_list())
    charts = []
    for title, table in (("cumulated", cumulated(rows)), ("period by period", rows)):
        means = over_seeds(table, ("strategy", "period"))
        for measure in ("precision", "normalised_found", "normalised_revenue"):
            if measure in measures:
                series = [_series(means.filter(pl.col("strategy") == s).sort("period"), s, measure) for s in drawn]
                name = f"{measure.replace('_', ' ')}, {title}"
                svg = period_chart(series, name=f"{measure}-{title.replace(' ', '-')}", label=name)
                charts.append((name, trusted(svg)))
    return render_page(
        "laboratory.html",
        Path(__file__).parent / "templates",
        catalog=load_catalog(SHELL_LOCALE, "en"),
        values={
            "is_simulated": bool(rows["is_simulated"].any()),
            "software": f"Basira {basira.__version__}",
            "plan": plan,
            "scenario": rows["scenario"][0],
            "first_on": rows["first_on"].min(),
            "last_on": rows["last_on"].max(),
            "periods": rows["period"].n_unique(),
            "seeds": sorted(rows["seed"].unique().to_list()),
            "basis": rows["revenue_basis"][0],
            "measures": [(m, _WORDS[m]) for m in measures],
            "summary": found.to_dicts(),
            "meaning": {s: find_strategy(s) for s in found["strategy"]},
            "drawn": drawn,
            "charts": charts,
            "empty": _periods_without_rows(rows),
        },
    )


def lines_drawn(best_first: list[str]) -> list[str]:
    """Ours, the floor, and the best of the others: no more than a chart can tell apart.

    >>> lines_drawn(["a", "basira", "random"])
    ['basira', 'random', 'a']
    """
    always = [s for s in (_OURS, _FLOOR) if s in best_first]
    return [*always, *[s for s in best_first if s not in always][: MOST_LINES - len(always)]]


def _series(means: pl.DataFrame, strategy: str, measure: str) -> Series:
    def column(name: str) -> tuple[float, ...]:
        return tuple(math.nan if v is None else float(v) for v in means[name].to_list())

    has_band = bool((means["seeds"] >= _BAND_SEEDS).any()) and means[f"{measure}_low"].null_count() < len(means)
    return Series(
        strategy,
        tuple(p + 1.0 for p in means["period"].to_list()),
        column(measure),
        column(f"{measure}_low") if has_band else None,
        column(f"{measure}_high") if has_band else None,
    )


def _periods_without_rows(rows: pl.DataFrame) -> list[dict[str, Any]]:
    empty = rows.filter(pl.col("selected") == 0).unique(["seed", "period"]).sort("seed", "period")
    return empty.select("seed", "period", "first_on", "last_on", "rows").to_dicts()
