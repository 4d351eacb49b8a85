"""Charts as inline SVG: lines with bands, calibration, bars.

Enters: series of points and words already in the reader's language. Leaves: one `<svg>` element as
text, the same bytes for the same input, its figures written as the language writes them. Never here:
a date, JavaScript, colours alone to tell series apart (each has its marker and dash too, for grey
printing and for colour-blind readers).

Text stays text in the SVG: the browser shapes it, so that Arabic comes out joined and in order.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from io import StringIO
from typing import TYPE_CHECKING, Any

from basira.render.numbers import format_number, format_percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's palette: told apart under the common colour vision deficiencies. Black is for our model.
_STYLES: tuple[tuple[str, str, str], ...] = (
    ("#000000", "-", "o"),
    ("#0072B2", "--", "s"),
    ("#D55E00", "-.", "^"),
    ("#009E73", ":", "D"),
    ("#CC79A7", "--", "v"),
    ("#56B4E9", "-.", "P"),
    ("#E69F00", ":", "X"),
    ("#7F7F7F", "--", "<"),
    ("#8B6F00", "-.", ">"),
)
_FONT = ["DejaVu Sans", "Noto Sans Arabic", "Segoe UI", "Arial", "sans-serif"]
_GRID = "#d9d9d9"
_WIDTH, _HEIGHT = 7.2, 3.6  # inches; the page scales them
_USE_WIDTH = 5.0  # a chart of few bars, shown smaller
_SHARES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


@dataclass(frozen=True)
class Series:
    """One line. ``low``/``high``: its band, same length as ``y``, or None. The first series drawn is ours."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] | None = None
    high: tuple[float, ...] | None = None


def line_chart(series: Sequence[Series], *, name: str, label: str, x_label: str, y_label: str, language: str) -> str:
    """Shares (0 to 1) against percents inspected, on a logarithmic axis: targeting happens in the first percents.

    ``name``: unique on the page. ``label``: the chart said in words, for readers who do not see it.
    """
    with _drawing(name, _WIDTH, _HEIGHT) as (figure, axes):
        for place, one in enumerate(series):
            colour, dash, marker = _STYLES[place % len(_STYLES)]
            is_ours = place == 0
            axes.plot(
                one.x,
                one.y,
                color=colour,
                linestyle=dash,
                marker=marker,
                markersize=4.5 if is_ours else 3.5,
                linewidth=2.2 if is_ours else 1.2,
                label=one.name,
                zorder=10 if is_ours else 5,
                markevery=2,
            )
            if one.low is not None and one.high is not None:
                axes.fill_between(one.x, one.low, one.high, color=colour, alpha=0.20 if is_ours else 0.10, linewidth=0)
        axes.set_xscale("log")
        ticks = [t for t in (0.5, 1, 2, 5, 10, 20, 50, 100) if any(t <= max(s.x, default=0) for s in series)]
        axes.set_xticks(ticks, [format_number(t, language=language, digits=1 if t % 1 else 0) for t in ticks])
        axes.minorticks_off()
        _share_axis(axes, language)
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        figure.legend(loc="outside right upper", frameon=False, fontsize=8)
        return _svg(figure, name=name, label=label)


def share_chart(series: Sequence[Series], *, name: str, label: str, x_label: str, y_label: str, language: str) -> str:
    """Shares (0 to 1) against shares, such as a Lorenz curve, with the diagonal of equal parts."""
    with _drawing(name, _USE_WIDTH, _HEIGHT) as (figure, axes):
        axes.plot([0, 1], [0, 1], color="#999999", linewidth=1, linestyle="--")
        for place, one in enumerate(series):
            colour, dash, _ = _STYLES[place % len(_STYLES)]
            axes.plot(one.x, one.y, color=colour, linestyle=dash, linewidth=1.8, label=one.name)
        axes.set_xlim(0, 1)
        axes.set_xticks(_SHARES, _share_words(language))
        _share_axis(axes, language)
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        axes.legend(loc="lower right", frameon=False, fontsize=8)
        return _svg(figure, name=name, label=label)


def calibration_chart(
    series: Sequence[Series], *, name: str, label: str, x_label: str, y_label: str, language: str
) -> str:
    """Observed share against predicted probability, with intervals as bars, and the diagonal of a calibrated model."""
    with _drawing(name, _WIDTH, _HEIGHT) as (figure, axes):
        axes.plot([0, 1], [0, 1], color="#999999", linewidth=1, linestyle="--")
        for place, one in enumerate(series):
            colour, dash, marker = _STYLES[place % len(_STYLES)]
            errors = None
            if one.low is not None and one.high is not None:
                below = [max(0.0, y - low) for y, low in zip(one.y, one.low, strict=True)]
                above = [max(0.0, high - y) for y, high in zip(one.y, one.high, strict=True)]
                errors = [below, above]
            axes.errorbar(
                one.x,
                one.y,
                yerr=errors,
                color=colour,
                linestyle=dash,
                marker=marker,
                markersize=4,
                linewidth=1.4,
                elinewidth=0.8,
                capsize=2,
                label=one.name,
                zorder=10 - place,
            )
        axes.set_xlim(0, 1)
        axes.set_xticks(_SHARES, _share_words(language))
        _share_axis(axes, language)
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        figure.legend(loc="outside right upper", frameon=False, fontsize=8)
        return _svg(figure, name=name, label=label)


def use_chart(rows: Sequence[tuple[str, float, float]], *, name: str, label: str, x_label: str) -> str:
    """Horizontal bars of what is used (filled) within what there is (outlined): (row label, used, capacity)."""
    height = 0.7 + 0.28 * max(1, len(rows))
    with _drawing(name, _USE_WIDTH, height) as (figure, axes):
        places = list(range(len(rows)))
        axes.barh(places, [r[2] for r in rows], color="white", edgecolor="#000000", linewidth=0.9, height=0.62)
        axes.barh(places, [r[1] for r in rows], color="#0072B2", height=0.62)
        for place, (_, used, capacity) in zip(places, rows, strict=True):
            axes.annotate(
                f"{used:g} / {capacity:g}",
                (max(used, capacity), place),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                fontsize=8,
            )
        axes.set_yticks(places, [r[0] for r in rows])
        axes.invert_yaxis()
        axes.set_xlim(0, 1.15 * max([1.0, *(max(r[1], r[2]) for r in rows)]))
        axes.set_xlabel(x_label)
        axes.grid(visible=False, axis="y")
        return _svg(figure, name=name, label=label)


def _share_axis(axes: Axes, language: str) -> None:
    axes.set_ylim(0, 1.02)
    axes.set_yticks(_SHARES, _share_words(language))


def _share_words(language: str) -> list[str]:
    return [format_percent(s, language=language) for s in _SHARES]


class _drawing:  # noqa: N801 - reads as a statement: with _drawing(...)
    """A figure under fixed settings: no state of the process's matplotlib reaches the chart."""

    def __init__(self, name: str, width: float, height: float) -> None:
        from matplotlib import rc_context

        self._size = (width, height)
        self._context: Any = rc_context(
            {
                "svg.hashsalt": f"basira-{name}",  # makes element ids the same on each run and unique to the chart
                "svg.fonttype": "none",
                "font.family": _FONT,
                "font.size": 9,
                "axes.spines.top": False,
                "axes.spines.right": False,
                "axes.grid": True,
                "grid.color": _GRID,
                "grid.linewidth": 0.6,
                "axes.axisbelow": True,
            }
        )

    def __enter__(self) -> tuple[Figure, Axes]:
        import logging

        # Fonts of the list that this machine lacks are for the reader's browser: not worth a warning each.
        logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
        from matplotlib.figure import Figure

        self._context.__enter__()
        figure = Figure(figsize=self._size, layout="constrained")
        return figure, figure.subplots()

    def __exit__(self, *error: object) -> None:
        self._context.__exit__(*error)


def _svg(figure: Figure, *, name: str, label: str) -> str:
    """The `<svg>` element alone, with its words for readers who do not see it."""
    out = StringIO()
    figure.savefig(
        out, format="svg", transparent=True, metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
    )
    text = out.getvalue()
    text = text[text.index("<svg") :]
    # The style that matplotlib puts in would apply to the whole page once inlined.
    text = re.sub(r"<style type=\"text/css\">.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    # Ids of axes and lines ("axes_1", "line2d_3") repeat from chart to chart; nothing refers to them.
    text = re.sub(
        r" id=\"(?:figure|patch|axes|matplotlib\.axis|xtick|ytick|line2d|text|legend|PathCollection|"
        r"FillBetweenPolyCollection|LineCollection)_?\d*\"",
        "",
        text,
    )
    head, rest = text.split(">", 1)
    head = re.sub(r" (?:width|height)=\"[^\"]*pt\"", "", head)
    caption = escape(label, quote=True)
    return (
        f'{head} class="chart" role="img" aria-label="{caption}" data-chart="{escape(name, quote=True)}">{rest.strip()}'
    )
