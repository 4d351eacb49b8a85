"""The evaluation report: one printable HTML file beside metrics.json.

Enters: the dict of metrics.json and the curves, both from `basira.evaluate.assemble`. Leaves:
`report.html` (and `metrics.json`) in a folder. Never here: computing a figure; every number shown
is in metrics.json or in the curves.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from basira.evaluate.assemble import OUR_MODEL, OUR_OTHER_ORDERS, EvaluationCurves
from basira.evaluate.charts import calibration_svg, capture_svgs
from basira.evaluate.standing import Standing, standings
from basira.evaluate.words import LOCALE, circuit_name, group_name, model_name, slice_name
from basira.render.catalogs import Catalog, load_catalog
from basira.render.numbers import format_date, format_money
from basira.render.page import render_page
from basira.render.writing import write_whole
from basira.schema.json_values import JsonObject

_HERE = Path(__file__).parent
# Slices with tables of their own; the others share one.
_MAIN_SLICES = ("all", "seen_pair", "novel_pair")


def write_report(
    metrics: JsonObject, curves: EvaluationCurves, out_dir: Path, *, language: str = "en", strict: bool = False
) -> Path:
    """Write ``out_dir/report.html`` and return its path.

    Parameters
    ----------
    metrics : the dict of metrics.json. Shown when there: "revenue_basis", "value_currency",
        "quarantined" (a number of rows, or a list of {"file", "code", "rows"}), "trained_rows",
        "unlabelled_rows", "seed", "resamples", "software", "is_simulated" (puts up the banner).
    curves : what to draw; slices or models without a curve are left out.
    language : fr, en or ar.
    strict : raise on a message missing from the catalogs (tests).

    Raises
    ------
    UsageError : a language that Basira does not speak.
    StoreError : the folder can't be written.
    """
    catalog = load_catalog(LOCALE, language, strict=strict)
    page = render_page("report.html", _HERE / "templates", catalog=catalog, values=_values(metrics, curves, catalog))
    return write_whole(out_dir / "report.html", page.encode("utf-8"))


def write_metrics(metrics: JsonObject, out_dir: Path) -> Path:
    """Write ``out_dir/metrics.json``: strict JSON (null where a figure does not exist), the same bytes each run.

    Raises
    ------
    StoreError : the folder can't be written.
    """
    text = json.dumps(metrics, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    return write_whole(out_dir / "metrics.json", text.encode("utf-8"))


def _values(metrics: JsonObject, curves: EvaluationCurves, catalog: Catalog) -> JsonObject:
    models: JsonObject = metrics["models"]
    every = next(iter(models.values()))["slices"] if models else {}
    # A slice without a row has nothing to show.
    slices = [name for name, figures in every.items() if figures["rows"]]
    ours = OUR_MODEL if OUR_MODEL in models else None
    order = [*([ours] if ours else []), *(name for name in models if name != ours)]
    first = models[order[0]]["slices"] if order else {}
    percents = list(first["all"]["precision"]) if "all" in first else []
    quarantined = metrics.get("quarantined")
    found = [one for one in standings(metrics) if one.slice in slices]
    language, currency = catalog.language, metrics.get("value_currency") or ""
    return {
        "metrics": metrics,
        "models": models,
        "order": order,
        "ours": ours,
        "slices": slices,
        "main_slices": [s for s in slices if s in _MAIN_SLICES],
        "other_slices": [s for s in slices if s not in _MAIN_SLICES],
        "percents": percents,
        "has_revenue": any(
            v is not None for m in models.values() for v in m["slices"].get("all", {}).get("revenue", {}).values()
        ),
        "own_orders": [name for name in order if name == ours or name.startswith(OUR_OTHER_ORDERS)] if ours else [],
        "chosen_order": metrics.get("model", {}).get("order"),
        "order_name": (metrics.get("model", {}).get("order") or {}).get("name", "balanced"),
        "agreement": metrics.get("agreement"),
        "circuits": metrics.get("circuits"),
        "currency": currency,
        "money": lambda amount: format_money(amount, currency, language=language, digits=0),
        "dataset": say_tested(metrics, catalog),
        "revenue_basis": _revenue_basis(metrics, catalog),
        "standings": found,
        "verdicts": _verdicts(found),
        "capture_charts": capture_svgs(_drawn(curves, every), order, catalog),
        "calibration_chart": calibration_svg(curves, order, catalog),
        "quarantined": quarantined,
        "quarantined_rows": sum(int(q["rows"]) for q in quarantined)
        if isinstance(quarantined, Sequence)
        else quarantined,
        "quarantined_list": quarantined if isinstance(quarantined, Sequence) else [],
        "model_name": lambda name: model_name(name, catalog),
        "model_meaning": lambda name: catalog.say(f"what.{name}") if catalog.has(f"what.{name}") else "",
        "slice_name": lambda name: slice_name(name, catalog),
        "circuit_name": lambda name: circuit_name(name, catalog),
        "group_name": lambda group: group_name(group, catalog),
        "is_simulated": bool(metrics.get("is_simulated")),
        "software": metrics.get("software", ""),
    }


def _drawn(curves: EvaluationCurves, slices: JsonObject) -> EvaluationCurves:
    """The curves without those of slices in which nothing can be found: no row, or none irregular."""
    kept = {name: by_model for name, by_model in curves.capture.items() if slices.get(name, {}).get("positives", 1)}
    return EvaluationCurves(kept, curves.calibration)


def say_tested(metrics: JsonObject, catalog: Catalog) -> str:
    """What was tested, in the language of the catalog; the names of files stay what they are."""
    tested = metrics.get("tested")
    if not tested:
        return str(metrics["dataset"])
    first, last = (format_date(tested[name], language=catalog.language) for name in ("first", "last"))
    return catalog.say(f"tested.{tested['kind']}", first=first, last=last)


def _revenue_basis(metrics: JsonObject, catalog: Catalog) -> str:
    kind = metrics.get("revenue_kind")
    if kind:
        return catalog.say(f"revenue_kind.{kind}")
    return str(metrics.get("revenue_basis") or "")


def _verdicts(found: Sequence[Standing]) -> dict[str, int]:
    return {verdict: sum(s.verdict == verdict for s in found) for verdict in ("ahead", "level", "behind")}
