"""The charts of the evaluation report: precision and revenue captured by share inspected, calibration.

Enters: `EvaluationCurves`. Leaves: titles and SVG in a language. Never here: figures; the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from basira.evaluate.assemble import OUR_MODEL, EvaluationCurves
from basira.evaluate.curves import Band, CaptureCurve
from basira.evaluate.words import LOCALE, model_name, slice_name
from basira.render.catalogs import Catalog, load_catalog
from basira.render.charts import Series, calibration_chart, line_chart
from basira.render.page import mark_safe

# "constant" is the exact expectation of "random": one line on the charts stands for both.
_NOT_DRAWN = frozenset({"random"})
# Markers and bars of more than five models hide each other.
_CALIBRATION_DRAWN = 5


@dataclass(frozen=True)
class DrawnChart:
    """``svg`` is safe to put in a page as it is: it was made by `basira.render.charts`."""

    title: str
    svg: str


def draw_charts(curves: EvaluationCurves, *, language: str, slices: Sequence[str] = ("all",)) -> tuple[DrawnChart, ...]:
    """Precision, recall and revenue captured on ``slices``, then calibration: for pages other than the report.

    Models in the order of the curves, ours first.
    """
    catalog = load_catalog(LOCALE, language)
    kept = EvaluationCurves({s: c for s, c in curves.capture.items() if s in slices}, curves.calibration)
    names = dict.fromkeys([*(m for by_model in kept.capture.values() for m in by_model), *kept.calibration])
    order = sorted(names, key=lambda name: name != OUR_MODEL)  # stable: the others keep their order
    calibration = calibration_svg(kept, order, catalog)
    return (*capture_svgs(kept, order, catalog), *((calibration,) if calibration else ()))


def capture_svgs(curves: EvaluationCurves, order: Sequence[str], catalog: Catalog) -> list[DrawnChart]:
    charts = []
    for slice_key, by_model in curves.capture.items():
        for measure in ("precision", "recall", "revenue"):
            series = [
                _series(model_name(m, catalog), by_model[m], band)
                for m in order
                if m in by_model and m not in _NOT_DRAWN and (band := _band(by_model[m], measure)) is not None
            ]
            # The slices differ most in precision and revenue; recall on "all" is enough.
            if not series or (measure == "recall" and slice_key != "all"):
                continue
            title = catalog.say(f"chart.{measure}", slice=slice_name(slice_key, catalog))
            svg = line_chart(
                series,
                name=f"{measure}-{slice_key}",
                label=title,
                x_label=catalog.say("chart.share_inspected"),
                y_label=catalog.say(f"measure.{measure}"),
                language=catalog.language,
            )
            charts.append(DrawnChart(title, mark_safe(svg)))
    return charts


def _band(curve: CaptureCurve, measure: str) -> Band | None:
    band: Band | None = getattr(curve, measure)
    return band


def _series(name: str, curve: CaptureCurve, band: Band) -> Series:
    return Series(name, curve.percents, band.value, band.low, band.high)


def calibration_svg(curves: EvaluationCurves, order: Sequence[str], catalog: Catalog) -> DrawnChart | None:
    # A single bin (the constant model) draws no line.
    drawn = [m for m in order if len(curves.calibration.get(m, ())) > 1][:_CALIBRATION_DRAWN]
    if not drawn:
        return None
    series = []
    for m in drawn:
        bins = curves.calibration[m]
        series.append(
            Series(
                model_name(m, catalog),
                tuple(b.predicted for b in bins),
                tuple(b.observed for b in bins),
                tuple(b.low for b in bins),
                tuple(b.high for b in bins),
            )
        )
    title = catalog.say("chart.calibration")
    svg = calibration_chart(
        series,
        name="calibration",
        label=title,
        x_label=catalog.say("chart.predicted"),
        y_label=catalog.say("chart.observed"),
        language=catalog.language,
    )
    return DrawnChart(title, mark_safe(svg))
