"""The page of a comparison: who found how much, in time and in which parts, against whom, and at what cost.

Enters: the rows of ``results.parquet``, the items there were to find (``possible.parquet``), the plan. Leaves:
one HTML file that needs no network and no script, for screen and for A4. Never here: a figure of its own; each
comes from `basira.laboratory.report.figures`, `missed` or `paired`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, cast

import polars as pl

import basira
from basira.laboratory.report.charts import MOST_LINES, period_chart, share_rows_chart
from basira.laboratory.report.figures import MEASURES, cumulate, over_seeds, summary
from basira.laboratory.report.missed import SLICES, band_edges, found_shares, largest_missed, never_caught, with_slices
from basira.laboratory.report.paired import Difference, paired_differences
from basira.laboratory.runs.plan import Plan
from basira.laboratory.strategies.registry import find_strategy
from basira.render.catalogs import Catalog, load_catalog
from basira.render.charts import Series
from basira.render.page import mark_safe, render_page
from basira.render.writing import write_whole
from basira.schema.codes import IRREGULARITY_KINDS
from basira.schema.errors import BasiraError

if TYPE_CHECKING:
    from markupsafe import Markup

LOCALE = Path(__file__).parents[1] / "locale"
_OURS = "ours"
# Always drawn when there: what choosing without any knowledge finds.
_FLOOR = "random"
# With two seeds an interval spans the whole chart and hides every line.
_BAND_SEEDS = 3
_IN_TIME = ("normalised_found", "normalised_revenue", "precision")
_PAIRED = ("normalised_found", "normalised_revenue", "precision")
_MISSED_SHOWN = 5
_MISSED_OF = 3  # strategies whose largest missed items are listed


def write_report(
    rows: pl.DataFrame, plan: Plan, out: Path, *, possible: pl.DataFrame | None = None, language: str = "en"
) -> Path:
    """Write the page, whole or not at all; returns its path.

    Parameters
    ----------
    possible : the items there were to find, of `basira.laboratory.runs.many.collect_possible`; None or empty: the
        page goes without what was never found.
    language : fr, en or ar.

    Raises
    ------
    UsageError : a language that Basira does not speak. StoreError : the page can't be written.
    """
    return write_whole(out, report_html(rows, plan, possible=possible, language=language).encode("utf-8"))


class Differences(TypedDict):
    """How ours compares with another strategy, by measure; None where there is no pair."""

    strategy: str
    by_measure: dict[str, Difference | None]


class Chart(TypedDict):
    """A drawing with its title."""

    title: str
    svg: Markup


class SliceCell(TypedDict):
    """What a strategy found of one value of a slice: ``share`` (0 to 1) of ``possible`` a run."""

    strategy: str
    value: str
    possible: float
    share: float


class SliceTable(TypedDict):
    """A table of one slice: a column for each value, with how many there were of it; a row of cells a strategy, None
    where it has none."""

    name: str
    columns: list[str]
    possible: list[float]
    rows: list[tuple[str, list[SliceCell | None]]]


class LargestMissed(TypedDict):
    """The items of largest value that a strategy missed."""

    strategy: str
    items: list[dict[str, object]]


class Missed(TypedDict):
    """What was missed, by slice; ``never``: by strategy, what it never caught."""

    slices: list[SliceTable]
    kinds_chart: Chart | None
    never: list[dict[str, object]]
    largest: list[LargestMissed]
    missed_shown: int


def report_html(
    rows: pl.DataFrame, plan: Plan, *, possible: pl.DataFrame | None = None, language: str = "en", strict: bool = False
) -> str:
    """The page as text. ``strict``: raise on a message missing from the catalogs (tests)."""
    catalog = load_catalog(LOCALE, language, strict=strict)
    found = summary(rows)
    has_bands = rows["seed"].n_unique() >= _BAND_SEEDS
    order = found["strategy"].to_list()
    ours = _ours(order)
    drawn = lines_drawn(order, ours)
    # Two bands can be told apart; more of them hide every line.
    banded = [s for s in (ours, next((s for s in order if s != ours), None)) if s is not None and has_bands]
    measures = [m for m in MEASURES if found[m].null_count() < len(found)]
    values = {
        "is_simulated": bool(rows["is_simulated"].any()),
        "software": f"Basira {basira.__version__}",
        "plan": plan,
        "scenario": rows["scenario"][0],
        "first_on": rows["first_on"].min(),
        "last_on": rows["last_on"].max(),
        "periods": rows["period"].n_unique(),
        "seeds": sorted(rows["seed"].unique().to_list()),
        "inspected": int(rows["selected"].sum() / max(1, rows.select("strategy", "seed").n_unique())),
        "basis": rows["revenue_basis"][0],
        "measures": measures,
        "summary": found.to_dicts(),
        "ours": ours,
        "differences": _differences(rows, order, ours, measures),
        "meaning": {s: _meaning(s, catalog) for s in order},
        "is_ours": {s: _is_ours(s) for s in order},
        "drawn": drawn,
        "banded": banded,
        "charts": _charts_in_time(rows, drawn, measures, catalog, banded=banded),
        "empty": _periods_without_rows(rows),
        **_missed_values(possible, order, drawn, ours, catalog),
    }
    return render_page("laboratory.html", Path(__file__).parents[1] / "templates", catalog=catalog, values=values)


def lines_drawn(best_first: Sequence[str], ours: str | None = "basira") -> list[str]:
    """Ours, the floor, and the best of the others: no more than a chart can tell apart.

    >>> lines_drawn(["a", "basira", "random"])
    ['basira', 'random', 'a']
    """
    always = [s for s in (ours, _FLOOR) if s in best_first and s is not None]
    return [*always, *[s for s in best_first if s not in always][: MOST_LINES - len(always)]]


def _ours(best_first: Sequence[str]) -> str | None:
    """The best of ours, held against all others; the best of all where none is ours."""
    return next((s for s in best_first if _is_ours(s)), best_first[0] if best_first else None)


def _is_ours(name: str) -> bool:
    try:
        strategy = find_strategy(name)
    except BasiraError:  # a strategy of the reader's own
        return False
    return strategy.source == _OURS and not strategy.is_told


def _meaning(name: str, catalog: Catalog) -> dict[str, str]:
    """What a strategy chooses and where it comes from; nothing for one of the reader's own."""
    try:
        strategy = find_strategy(name)
    except BasiraError:
        return {"meaning": catalog.say("strategy.own"), "source": ""}
    message = f"strategy.{name}"
    return {"meaning": catalog.say(message) if catalog.has(message) else strategy.meaning, "source": strategy.source}


def _differences(
    rows: pl.DataFrame, order: Sequence[str], ours: str | None, measures: Sequence[str]
) -> list[Differences]:
    """One entry per other strategy, best first: a difference per measure, None where there is none."""
    if ours is None:
        return []
    used = [m for m in _PAIRED if m in measures]
    found = {(d.strategy, d.measure): d for d in paired_differences(rows, ours, used)}
    return [
        {"strategy": s, "by_measure": {m: found.get((s, m)) for m in used}}
        for s in order
        if s != ours and any((s, m) in found for m in used)
    ]


def _charts_in_time(
    rows: pl.DataFrame, drawn: Sequence[str], measures: Sequence[str], catalog: Catalog, *, banded: Sequence[str]
) -> list[Chart]:
    charts: list[Chart] = []
    for way, table in (("cumulated", cumulate(rows)), ("single", rows)):
        means = over_seeds(table, ("strategy", "period"))
        for measure in _IN_TIME:
            if measure in measures:
                series = [
                    _series(means.filter(pl.col("strategy") == s).sort("period"), s, measure, has_band=s in banded)
                    for s in drawn
                ]
                title = catalog.say(f"chart.{way}", measure=catalog.say(f"measure.{measure}"))
                svg = period_chart(
                    series,
                    name=f"{measure}-{way}",
                    label=title,
                    x_label=catalog.say("period"),
                    language=catalog.language,
                )
                charts.append({"title": title, "svg": mark_safe(svg)})
    return charts


def _series(means: pl.DataFrame, strategy: str, measure: str, *, has_band: bool) -> Series:
    def column(name: str) -> tuple[float, ...]:
        return tuple(math.nan if v is None else float(v) for v in means[name].to_list())

    return Series(
        strategy,
        tuple(p + 1.0 for p in means["period"].to_list()),
        column(measure),
        column(f"{measure}_low") if has_band else None,
        column(f"{measure}_high") if has_band else None,
    )


def _missed_values(
    possible: pl.DataFrame | None, order: Sequence[str], drawn: Sequence[str], ours: str | None, catalog: Catalog
) -> Missed:
    if possible is None or possible.is_empty():
        return {"slices": [], "kinds_chart": None, "never": [], "largest": [], "missed_shown": _MISSED_SHOWN}
    sliced = with_slices(possible)
    slices = [s for s in (_slice(sliced, by, order, catalog) for by in SLICES) if s is not None]
    kinds = next((s for s in slices if s["name"] == "kind"), None)
    chart: Chart | None = None
    if kinds is not None:
        parts = [
            (words, {s: cell["share"] for s, cells in kinds["rows"] if s in drawn and (cell := cells[n]) is not None})
            for n, words in enumerate(kinds["columns"])
        ]
        title = catalog.say("missed.chart")
        svg = share_rows_chart(
            parts, name="found-by-kind", label=title, language=catalog.language, strategies=list(drawn)
        )
        chart = {"title": title, "svg": mark_safe(svg)}
    never = {row["strategy"]: row for row in never_caught(possible).iter_rows(named=True)}
    of = [s for s in dict.fromkeys([ours, *order]) if s is not None][:_MISSED_OF]
    return {
        "slices": slices,
        "kinds_chart": chart,
        "never": [never[s] for s in order if s in never],
        "largest": [
            {
                "strategy": s,
                "items": [
                    r | {"kind": _kind(r["kind"], catalog)}
                    for r in largest_missed(possible, s, _MISSED_SHOWN).iter_rows(named=True)
                ],
            }
            for s in of
        ],
        "missed_shown": _MISSED_SHOWN,
    }


def _slice(sliced: pl.DataFrame, by: str, order: Sequence[str], catalog: Catalog) -> SliceTable | None:
    """A table of one slice: its values' words, how many there were of each, and a cell per strategy; None where all
    items have the same value."""
    shares = found_shares(sliced, by)
    values = _in_order(by, shares["value"].unique().to_list(), shares)
    if len(values) < 2:
        return None
    cells = {(r["strategy"], r["value"]): cast("SliceCell", r) for r in shares.iter_rows(named=True)}
    edges = band_edges(sliced)
    return {
        "name": by,
        "columns": [_value_words(by, v, edges, catalog) for v in values],
        "possible": [_mean([cells[s, v]["possible"] for s in order if (s, v) in cells]) for v in values],
        "rows": [(s, [cells.get((s, v)) for v in values]) for s in order],
    }


def _in_order(by: str, values: Sequence[str], shares: pl.DataFrame) -> list[str]:
    if by == "kind":
        return [k for k in (*IRREGULARITY_KINDS, "unknown") if k in values]
    if by == "value_band":
        return sorted(values)
    if by in ("importer_age", "code_age"):
        return [a for a in ("new", "known", "unknown") if a in values]
    size = dict(shares.group_by("value").agg(pl.col("possible").sum()).iter_rows())
    last = ("other", "unknown")
    return sorted(values, key=lambda v: (v in last, -size[v], v))


def _value_words(by: str, value: str, edges: tuple[float, ...], catalog: Catalog) -> str:
    from basira.render.numbers import format_count

    if by == "kind":
        return _kind(value, catalog)
    if value in ("unknown", "other"):
        return catalog.say(f"value.{value}")
    if by == "value_band":
        number = int(value)
        text = [format_count(e, language=catalog.language) for e in edges]
        if number == 1:
            return catalog.say("band.first", high=text[0])
        if number == len(edges) + 1:
            return catalog.say("band.last", low=text[-1])
        return catalog.say("band.middle", low=text[number - 2], high=text[number - 1])
    return catalog.say(f"{by}.{value}") if by != "office" else value


def _kind(kind: str | None, catalog: Catalog) -> str:
    return catalog.say("value.unknown" if kind in (None, "unknown") else f"kind.{kind}")


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _periods_without_rows(rows: pl.DataFrame) -> list[dict[str, object]]:
    empty = rows.filter(pl.col("selected") == 0).unique(["seed", "period"]).sort("seed", "period")
    return empty.select("seed", "period", "first_on", "last_on", "rows").to_dicts()
