"""Shares by period as inline SVG: lines with bands, on a linear axis of periods.

Enters: `basira.render.charts.Series`, x being periods counted from 1. Leaves: one `<svg>` element as text,
the same bytes for the same input. Never here: JavaScript, colours alone to tell lines apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import pairwise

from basira.render.charts import Series

# Okabe and Ito's palette with a dash each, as in `basira.render.charts`; the first line is ours.
_STYLES = (
    ("#000000", ""), ("#0072B2", "7 3"), ("#D55E00", "8 3 2 3"), ("#009E73", "2 3"), ("#CC79A7", "7 3"),
    ("#56B4E9", "8 3 2 3"), ("#E69F00", "2 3"), ("#7F7F7F", "7 3"), ("#8B6F00", "8 3 2 3"),
)  # fmt: skip
MOST_LINES = len(_STYLES)
_WIDTH, _HEIGHT = 720, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 190, 12, 40
_LINE = 16  # height of a line of the legend


def period_chart(series: Sequence[Series], *, name: str, label: str) -> str:
    """At most nine series of shares (0 to 1; NaN breaks a line). ``label``: the chart said in words."""
    last = max((max(s.x, default=1) for s in series), default=1)
    parts = [*_frame(last), *(_band(s, place, last) for place, s in enumerate(series) if s.low and s.high)]
    for place, one in enumerate(series):
        colour, dash = _STYLES[place]
        style = f'stroke="{colour}" stroke-width="{2.4 if place == 0 else 1.4}" stroke-dasharray="{dash}" fill="none"'
        parts.append(f'<path d="{_path(one, last)}" {style}/>')
        y = _TOP + 10 + place * _LINE
        x = _WIDTH - _RIGHT + 14
        parts.append(f'<line x1="{x}" y1="{y}" x2="{x + 24}" y2="{y}" {style}/>')
        parts.append(f'<text x="{x + 30}" y="{y + 4}" font-size="11">{escape(one.name)}</text>')
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" xmlns="http://www.w3.org/2000/svg" class="chart" role="img" '
        f'aria-label="{escape(label, quote=True)}" data-chart="{escape(name, quote=True)}" '
        f'font-family="DejaVu Sans, Arial, sans-serif">{"".join(parts)}</svg>'
    )


def _x(period: float, last: float) -> float:
    return round(_LEFT + (period - 1) / max(1.0, last - 1) * (_WIDTH - _LEFT - _RIGHT), 1)


def _y(share: float) -> float:
    return round(_HEIGHT - _BOTTOM - min(1.0, max(0.0, share)) * (_HEIGHT - _TOP - _BOTTOM), 1)


def _frame(last: float) -> list[str]:
    right = _WIDTH - _RIGHT
    parts = []
    for percent in range(0, 101, 20):
        y = _y(percent / 100)
        parts.append(f'<line x1="{_LEFT}" y1="{y}" x2="{right}" y2="{y}" stroke="#d9d9d9" stroke-width="0.7"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4}" font-size="11" text-anchor="end">{percent} %</text>')
    step = max(1, round(last / 10))
    for period in range(1, int(last) + 1, step):
        place = f'x="{_x(period, last)}" y="{_HEIGHT - _BOTTOM + 16}"'
        parts.append(f'<text {place} font-size="11" text-anchor="middle">{period}</text>')
    middle = (_LEFT + right) / 2
    parts.append(f'<text x="{middle}" y="{_HEIGHT - 6}" font-size="11" text-anchor="middle">period</text>')
    return parts


def _path(one: Series, last: float) -> str:
    points = [(x, y) for x, y in zip(one.x, one.y, strict=True) if y == y]
    if not points:
        return ""
    steps = [f"M{_x(points[0][0], last)} {_y(points[0][1])}"]
    for (before, _), (x, y) in pairwise(points):
        steps.append(f"{'L' if x - before <= 1 else 'M'}{_x(x, last)} {_y(y)}")
    return "".join(steps)


def _band(one: Series, place: int, last: float) -> str:
    rows = [r for r in zip(one.x, one.low or (), one.high or (), strict=True) if r[1] == r[1] and r[2] == r[2]]
    edge = [(x, high) for x, _, high in rows] + [(x, low) for x, low, _ in reversed(rows)]
    points = " ".join(f"{_x(x, last)},{_y(y)}" for x, y in edge)
    return f'<polygon points="{points}" fill="{_STYLES[place][0]}" fill-opacity="{0.2 if place == 0 else 0.1}"/>'
