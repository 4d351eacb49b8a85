"""Shares as inline SVG: by period as lines with bands, by part of what there was to find as marks in rows.

Enters: `basira.render.charts.Series` (x being periods counted from 1), or one row of shares per part; words
already in the reader's language. Leaves: one `<svg>` element as text, the same bytes for the same input.
Never here: JavaScript, colours alone to tell strategies apart (lines have their dash, marks their shape).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise
from math import ceil

from basira.render.charts import Series
from basira.render.numbers import format_percent

# Okabe and Ito's palette with a dash and a mark each, as in `basira.render.charts`; the first is ours.
_STYLES = (
    ("#000000", "", "circle"), ("#0072B2", "7 3", "square"), ("#D55E00", "8 3 2 3", "up"),
    ("#009E73", "2 3", "diamond"), ("#CC79A7", "7 3", "down"), ("#56B4E9", "8 3 2 3", "plus"),
    ("#E69F00", "2 3", "cross"), ("#7F7F7F", "7 3", "left"), ("#8B6F00", "8 3 2 3", "right"),
)  # fmt: skip
MOST_LINES = len(_STYLES)
_WIDTH, _HEIGHT = 760, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 220, 12, 40
_LINE = 15  # height of a line of the legend
_LEGEND_LETTERS = 28  # of 11 px, in the width of the legend
_ROW_LEFT, _ROW = 150, 34
_SHARES = (0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)


def period_chart(series: Sequence[Series], *, name: str, label: str, x_label: str, language: str) -> str:
    """At most nine series of shares (0 to 1; NaN breaks a line). ``label``: the chart said in words.

    The axis ends above the highest line, so that low shares are not drawn as one flat line.
    """
    last = max((max(s.x, default=1) for s in series), default=1)
    most = _axis_end(max((y for s in series for y in s.y if y == y), default=1.0))
    legend, height = _legend([s.name for s in series], has_lines=True)
    frame = _Frame(last, most, max(_HEIGHT, height + _TOP + _BOTTOM))
    parts = [*frame.grid(x_label, language), *(_band(frame, s, p) for p, s in enumerate(series) if s.low and s.high)]
    parts += [f'<path d="{_path(frame, one)}" {_stroke(place)}/>' for place, one in enumerate(series)]
    return _svg([*parts, *legend], frame.height, name=name, label=label)


def share_rows_chart(
    rows: Sequence[tuple[str, Mapping[str, float]]], *, name: str, label: str, language: str, strategies: Sequence[str]
) -> str:
    """One row per part (its words, share per strategy, absent where there is none), a mark per strategy."""
    most = _axis_end(max((share for _, shares in rows for share in shares.values()), default=1.0))
    legend, least = _legend(strategies, has_lines=False)
    bottom = _TOP + _ROW * len(rows) + 4
    height = max(bottom + _BOTTOM - 12, least + _TOP + 12)
    right = _WIDTH - _RIGHT

    def x(share: float) -> float:
        return round(_ROW_LEFT + share / most * (right - _ROW_LEFT), 1)

    parts = []
    for share in _ticks(most):
        parts.append(_line(x(share), _TOP, x(share), bottom, "#d9d9d9", 0.7))
        parts.append(_text(x(share), bottom + 16, format_percent(share, language=language), "middle"))
    for place, (words, shares) in enumerate(rows):
        middle = _TOP + _ROW * place + _ROW / 2
        if place:
            parts.append(_line(8, middle - _ROW / 2, right, middle - _ROW / 2, "#e8e8e8", 0.7))
        parts.append(_text(_ROW_LEFT - 10, middle + 4, words, "end"))
        drawn = [(s, n) for n, s in enumerate(strategies) if s in shares]
        for strategy, style in reversed(drawn):
            # A little above or below the middle each, so that equal shares do not hide one another.
            y = middle + (style - (len(strategies) - 1) / 2) * (_ROW - 12) / max(8, len(strategies))
            parts.append(_mark(x(shares[strategy]), y, style))
    return _svg([*parts, *legend], height, name=name, label=label)


class _Frame:
    """The plane of a period chart: from data to the page."""

    def __init__(self, last: float, most: float, height: float) -> None:
        self.last, self.most, self.height = last, most, height

    def x(self, period: float) -> float:
        return round(_LEFT + (period - 1) / max(1.0, self.last - 1) * (_WIDTH - _LEFT - _RIGHT), 1)

    def y(self, share: float) -> float:
        inside = min(self.most, max(0.0, share)) / self.most
        return round(self.height - _BOTTOM - inside * (self.height - _TOP - _BOTTOM), 1)

    def grid(self, x_label: str, language: str) -> list[str]:
        right = _WIDTH - _RIGHT
        parts = []
        for share in _ticks(self.most):
            y = self.y(share)
            parts.append(_line(_LEFT, y, right, y, "#d9d9d9", 0.7))
            parts.append(_text(_LEFT - 6, y + 4, format_percent(share, language=language), "end"))
        step = max(1, ceil(self.last / 12))
        for period in range(1, int(self.last) + 1, step):
            parts.append(_text(self.x(period), self.height - _BOTTOM + 16, str(period), "middle"))
        parts.append(_text((_LEFT + right) / 2, self.height - 6, x_label, "middle"))
        return parts


def _axis_end(highest: float) -> float:
    return next((s for s in _SHARES if highest <= s * 0.98), 1.0)


def _ticks(most: float) -> list[float]:
    parts = 4 if most in (0.2, 0.4, 0.8) else 5
    return [most * n / parts for n in range(parts + 1)]


def _legend(names: Sequence[str], *, has_lines: bool) -> tuple[list[str], float]:
    """Its parts, and how high it is; long names go over several lines."""
    left = _WIDTH - _RIGHT + 14
    parts, y = [], float(_TOP + 10)
    for place, name in enumerate(names):
        if has_lines:
            parts.append(f'<line x1="{left}" y1="{y}" x2="{left + 24}" y2="{y}" {_stroke(place)}/>')
        else:
            parts.append(_mark(left + 12, y, place))
        for number, piece in enumerate(_pieces(name)):
            parts.append(_text(left + 32, y + 4 + number * 12, piece, "start"))
        y += _LINE + 12 * (len(_pieces(name)) - 1)
    return parts, y


def _pieces(name: str) -> list[str]:
    """A name in lines that fit the legend, broken after a sign where there is one.

    >>> _pieces("hybrid:basira=0.5+basira_revenue=0.5")
    ['hybrid:basira=0.5+', 'basira_revenue=0.5']
    """
    pieces, rest = [], name
    while len(rest) > _LEGEND_LETTERS:
        cut = max((rest.rfind(sign, 0, _LEGEND_LETTERS) + 1 for sign in "+: "), default=0) or _LEGEND_LETTERS
        pieces.append(rest[:cut].strip())
        rest = rest[cut:].strip()
    return [*pieces, rest]


def _stroke(place: int) -> str:
    colour, dash, _ = _STYLES[place]
    return f'stroke="{colour}" stroke-width="{2.4 if place == 0 else 1.5}" stroke-dasharray="{dash}" fill="none"'


def _mark(x: float, y: float, place: int) -> str:
    colour, _, shape = _STYLES[place]
    r = 5.0 if place == 0 else 4.2
    corners = {
        "square": ((-1, -1), (1, -1), (1, 1), (-1, 1)),
        "up": ((0, -1.2), (1.15, 1), (-1.15, 1)),
        "down": ((0, 1.2), (1.15, -1), (-1.15, -1)),
        "left": ((-1.2, 0), (1, 1.15), (1, -1.15)),
        "right": ((1.2, 0), (-1, 1.15), (-1, -1.15)),
        "diamond": ((0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)),
    }
    if shape == "circle":
        return f'<circle cx="{x}" cy="{round(y, 1)}" r="{r}" fill="{colour}"/>'
    if shape in corners:
        points = " ".join(f"{round(x + r * a, 1)},{round(y + r * b, 1)}" for a, b in corners[shape])
        return f'<polygon points="{points}" fill="{colour}"/>'
    bars = ((-1, 0, 1, 0), (0, -1, 0, 1)) if shape == "plus" else ((-0.9, -0.9, 0.9, 0.9), (-0.9, 0.9, 0.9, -0.9))
    steps = "".join(
        f"M{round(x + r * a, 1)} {round(y + r * b, 1)}L{round(x + r * c, 1)} {round(y + r * d, 1)}"
        for a, b, c, d in bars
    )
    return f'<path d="{steps}" stroke="{colour}" stroke-width="2.2" fill="none"/>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float) -> str:
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{colour}" stroke-width="{width}"/>'


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x}" y="{y}" font-size="11" text-anchor="{anchor}">{escape(words)}</text>'


def _path(frame: _Frame, one: Series) -> str:
    points = [(x, y) for x, y in zip(one.x, one.y, strict=True) if y == y]
    if not points:
        return ""
    steps = [f"M{frame.x(points[0][0])} {frame.y(points[0][1])}"]
    for (before, _), (x, y) in pairwise(points):
        steps.append(f"{'L' if x - before <= 1 else 'M'}{frame.x(x)} {frame.y(y)}")
    return "".join(steps)


def _band(frame: _Frame, one: Series, place: int) -> str:
    rows = [r for r in zip(one.x, one.low or (), one.high or (), strict=True) if r[1] == r[1] and r[2] == r[2]]
    edge = [(x, high) for x, _, high in rows] + [(x, low) for x, low, _ in reversed(rows)]
    points = " ".join(f"{frame.x(x)},{frame.y(y)}" for x, y in edge)
    return f'<polygon points="{points}" fill="{_STYLES[place][0]}" fill-opacity="{0.18 if place == 0 else 0.08}"/>'


def _svg(parts: Sequence[str], height: float, *, name: str, label: str) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {round(height)}" xmlns="http://www.w3.org/2000/svg" class="chart" role="img" '
        f'aria-label="{escape(label, quote=True)}" data-chart="{escape(name, quote=True)}" '
        f'font-family="DejaVu Sans, Noto Sans Arabic, Arial, sans-serif">{"".join(parts)}</svg>'
    )
