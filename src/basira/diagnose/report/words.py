"""A diagnosis in the words and figures of one language: what the page, the document and the annex show.

Enters: a `Diagnosis`, a language. Leaves: a `WrittenReport`. Never here: markup; a figure's computation.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from basira.diagnose.findings import ALL, Cell, Chart, Column, Diagnosis, Finding, Interval, Part, Said, Table, Unit
from basira.render.catalogs import Catalog, load_catalog
from basira.render.languages import isolate
from basira.render.numbers import (
    UNKNOWN,
    format_count,
    format_date,
    format_money,
    format_number,
    format_percent,
)

LOCALE = Path(__file__).parent.parent / "locale"
# Units of columns of words.
WORDS: tuple[Unit, ...] = ("word", "code", "field", "fields", "month", "day")


@dataclass(frozen=True)
class WrittenTable:
    """``kinds``: of each column, "word", "code" (never broken over lines) or "figure". ``left_out``: rows in the annex
    alone, as a sentence; "" none. ``command``: repeats the table."""

    code: str
    title: str
    definition: str
    denominator: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    kinds: tuple[str, ...]
    left_out: str
    command: str


@dataclass(frozen=True)
class WrittenFinding:
    """``severity``: code of the message `severity.<code>`; ``table``: code of the table that shows it."""

    code: str
    severity: str
    severity_word: str
    text: str
    table: str
    table_title: str


@dataclass(frozen=True)
class WrittenChart:
    """``lines``: name, x and y."""

    code: str
    title: str
    x_label: str
    y_label: str
    lines: tuple[tuple[str, tuple[float, ...], tuple[float, ...]], ...]


@dataclass(frozen=True)
class WrittenPart:
    """One part of the report."""

    code: str
    title: str
    lead: str
    findings: tuple[WrittenFinding, ...]
    tables: tuple[WrittenTable, ...]
    unjudged: tuple[str, ...]
    charts: tuple[WrittenChart, ...]


@dataclass(frozen=True)
class WrittenReport:
    """The report, ready to be laid out. ``facts``: name and figure of what was diagnosed."""

    title: str
    period: str
    facts: tuple[tuple[str, str], ...]
    summary: tuple[WrittenFinding, ...]
    none_found: str
    parts: tuple[WrittenPart, ...]
    command: str
    is_simulated: bool
    catalog: Catalog


class Pen:
    """Writes figures in one language."""

    def __init__(self, catalog: Catalog, currency: str) -> None:
        self.catalog, self.language, self.currency = catalog, catalog.language, currency

    def say(self, message: str, **values: str) -> str:
        """A message of the catalog."""
        return self.catalog.say(message, **values)

    def value(self, value: str | int | float | None, unit: Unit) -> str:
        """A figure or a word, as its unit wants it; a dash for None."""
        if value is None:
            return UNKNOWN
        if unit == "word":
            return self.say(f"word.{value}")
        if unit in ("field", "fields"):
            return ", ".join(self.field(name) for name in str(value).split(", "))
        if unit == "code" and value == ALL:
            return self.say("word.all")
        if unit == "code":
            return isolate(str(value) or self.say("word.no_office"), self.language)
        if unit == "month":
            return isolate(f"{int(value) // 100}-{int(value) % 100:02d}", self.language)
        if unit == "day":
            return format_date(str(value), language=self.language)
        return self._figure(float(value), unit)

    def field(self, name: str) -> str:
        """The name of a field in words, the code itself for one that has none."""
        message = f"field.{name}"
        return self.say(message) if self.catalog.has(message) else isolate(name, self.language)

    def _figure(self, value: float, unit: Unit) -> str:
        language = self.language
        if unit == "count":
            return format_count(value, language=language)
        if unit == "share":
            return format_percent(value, language=language, digits=_digits(value))
        if unit == "number3":
            return format_number(value, language=language, digits=3)
        if unit == "money":
            return format_money(value, self.currency, language=language, digits=0)
        if unit == "chance":
            if value < 0.0001:
                return self.say("unit.below", number=format_number(0.0001, language=language, digits=4))
            return format_number(value, language=language, digits=4 if value < 0.01 else 2)
        if unit == "ratio":
            sign, shown = ("÷ ", 1 / value) if 0 < value < 0.5 else ("× ", value)
            return isolate(sign + format_number(shown, language=language, digits=0 if shown >= 20 else 2), language)
        if unit == "times":
            return format_number(value, language=language, digits=0 if value >= 20 else 1)
        if unit in ("days", "hours"):
            return self.say(
                f"unit.{unit}", number=format_number(value, language=language, digits=0 if value % 1 == 0 else 1)
            )
        return format_number(value, language=language, digits=1)

    def cell(self, cell: Cell, column: Column) -> str:
        """A cell of a table: an interval is its figure and, on a second line, its bounds."""
        if isinstance(cell, Said):
            return self.said(cell)
        if not isinstance(cell, Interval):
            return self.value(cell, column.unit)
        if cell.value is None:
            return UNKNOWN
        low, high = (self.value(bound, column.unit) for bound in (cell.low, cell.high))
        return f"{self.value(cell.value, column.unit)}\n({isolate(f'{low} – {high}', self.language)})"

    def said(self, one: Said) -> str:
        """A value within a sentence."""
        return self.value(one.value, one.unit)


def _kind(unit: Unit) -> str:
    return "code" if unit in ("code", "month", "day") else "word" if unit in WORDS else "figure"


def _digits(share: float) -> int:
    if share == 0 or abs(share) >= 0.1 or share == 1:
        return 0 if abs(share) >= 0.995 or share == 0 else 1
    return 1 if abs(share) >= 0.01 else 2


def write_words(diagnosis: Diagnosis, language: str, *, strict: bool = False) -> WrittenReport:
    """The whole report in words. Raises UsageError for a language that Basira does not speak."""
    catalog = load_catalog(LOCALE, language, strict=strict)
    scope = diagnosis.scope
    pen = Pen(catalog, scope.currency)
    days = {name: format_date(getattr(scope, name), language=language) for name in ("first", "last")}
    counted = ("declarations", "items", "results", "offices")
    severe = tuple(_finding(one, pen) for one in diagnosis.findings)
    return WrittenReport(
        title=pen.say("title"),
        period=pen.say("period", **days),
        facts=tuple((pen.say(f"scope.{name}"), pen.value(getattr(scope, name), "count")) for name in counted),
        summary=severe,
        none_found=pen.say("none_found"),
        parts=tuple(_part(one, pen, scope.command) for one in diagnosis.parts),
        command=scope.command,
        is_simulated=scope.is_simulated,
        catalog=catalog,
    )


def _part(part: Part, pen: Pen, command: str) -> WrittenPart:
    return WrittenPart(
        code=part.code,
        title=pen.say(f"part.{part.code}"),
        lead=pen.say(f"part.{part.code}.lead"),
        findings=tuple(_finding(one, pen) for one in part.findings),
        tables=tuple(write_table(one, pen, command) for one in part.tables),
        unjudged=tuple(
            pen.say(f"unjudged.{one.code}", fields=", ".join(map(pen.field, one.fields))) for one in part.unjudged
        ),
        charts=tuple(_chart(one, pen) for one in part.charts),
    )


def _finding(one: Finding, pen: Pen) -> WrittenFinding:
    return WrittenFinding(
        code=one.code,
        severity=one.severity,
        severity_word=pen.say(f"severity.{one.severity}"),
        text=pen.say(f"finding.{one.code}", **{name: pen.said(value) for name, value in one.values.items()}),
        table=one.table,
        table_title=pen.say(f"table.{one.table}"),
    )


def write_table(table: Table, pen: Pen, command: str) -> WrittenTable:
    """A table in words, its first rows."""
    rows = table.rows[: table.shown]
    left = len(table.rows) - len(rows)
    return WrittenTable(
        code=table.code,
        title=pen.say(f"table.{table.code}"),
        definition=pen.say(f"table.{table.code}.definition"),
        denominator=pen.say(f"table.{table.code}.denominator"),
        header=tuple(pen.say(f"column.{one.code}") for one in table.columns),
        rows=tuple(tuple(pen.cell(cell, one) for cell, one in zip(row, table.columns, strict=True)) for row in rows),
        kinds=tuple(_kind(one.unit) for one in table.columns),
        left_out=pen.say("left_out", rows=pen.value(left, "count")) if left else "",
        command=f"{command} --only {table.code}",
    )


def _chart(chart: Chart, pen: Pen) -> WrittenChart:
    return WrittenChart(
        chart.code,
        pen.say(f"chart.{chart.code}"),
        pen.say(f"chart.{chart.code}.x"),
        pen.say(f"chart.{chart.code}.y"),
        tuple((pen.say(f"line.{name}"), x, y) for name, x, y in chart.lines),
    )
