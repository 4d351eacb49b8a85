"""What changed, in words: sentences and tables for the screen and for a page, in three languages.

Enters: a `DriftReport`, a language. Leaves: sentences, tables, an HTML page. Never here: a test.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from basira.monitor.drift import ABOUT, Alarm, DriftReport, Watch
from basira.monitor.report import LOCALE, Table
from basira.render.catalogs import Catalog, load_catalog
from basira.render.numbers import UNKNOWN, format_count, format_date, format_number, format_percent
from basira.render.page import render_page
from basira.render.writing import write_whole
from basira.schema.days import date_of

_TEMPLATES = Path(__file__).parent / "templates"
# Watches whose levels are shares.
_SHARES = frozenset(
    {"missing", "results_by_office", "results_soon", "blank", "kind_unnamed", "hits_random", "hits_soon", "kind"}
    | {"calibration_random", "calibration_model", "unscored", "other_rate"}
)


@dataclass(frozen=True)
class Words:
    """A report as people read it. ``period``: the days, in words."""

    title: str
    period: str
    sentences: tuple[str, ...]
    tables: tuple[Table, ...]


def describe_drift(report: DriftReport, language: str, *, strict: bool = False) -> Words:
    """The whole report in words. Raises UsageError for another language."""
    catalog = load_catalog(LOCALE, language, strict=strict)
    drift = report.drift
    period = catalog.say(
        "drift.period",
        first=format_date(report.first, language=language),
        as_of=format_date(report.as_of, language=language),
        declarations=format_count(report.declarations, language=language),
        decided=format_count(report.decided, language=language),
        results=format_count(report.results, language=language),
    )
    promise = catalog.say(
        "drift.promise",
        watches=format_count(len(drift.watches), language=language),
        alarms=format_number(drift.alarms_a_year, language=language, digits=None if drift.alarms_a_year % 1 else 0),
    )
    sentences = [catalog.say(f"drift.reading.{drift.reading}")]
    if report.decided == 0:
        sentences.append(catalog.say("drift.no_record"))
    return Words(
        catalog.say("drift.title"),
        period,
        (*sentences, promise),
        (_alarms(drift.recent, catalog), _counted(report, catalog), _watched(drift.watches, catalog)),
    )


def write_words(words: Words, path: Path, *, language: str, is_simulated: bool, software: str = "") -> Path:
    """Write any report in words as a printable page. Raises StoreError when it can't be written."""
    values = {
        "title": words.title,
        "period": words.period,
        "sentences": words.sentences,
        "tables": words.tables,
        "is_simulated": is_simulated,
        "software": software,
    }
    catalog = load_catalog(LOCALE, language)
    return write_whole(path, render_page("monitor.html", _TEMPLATES, catalog=catalog, values=values).encode("utf-8"))


def _alarms(alarms: tuple[Alarm, ...], catalog: Catalog) -> Table:
    rows = tuple(
        (
            catalog.say(f"drift.about.{one.about}"),
            _name(one.watch, one.label, catalog),
            _describe_change(one, catalog),
            catalog.say(f"drift.do.{one.watch}"),
            format_date(date_of(one.change.since), language=catalog.language),
            format_date(date_of(one.change.noticed), language=catalog.language),
        )
        for one in alarms
    )
    names = ("about", "watch", "change", "do", "since", "noticed")
    header = tuple(catalog.say(f"drift.column.{name}") for name in names)
    return Table(catalog.say("drift.alarms"), header, rows, words=6)


def _describe_change(alarm: Alarm, catalog: Catalog) -> str:
    """The level before and after; of a composition what departed most."""
    if alarm.detail:
        parts = []
        for value, departs in alarm.detail:
            sign = "+" if departs > 0 else "−"
            share = format_percent(abs(departs), language=catalog.language, digits=1)
            parts.append(f"{value or catalog.say('domain.unknown')} {sign}{share}")
        return " · ".join(parts)
    before = _level(alarm.watch, alarm.change.before, catalog)
    side = catalog.say(f"drift.side.{alarm.change.side}")
    return f"{side}: {before} → {_level(alarm.watch, alarm.change.after, catalog)}"


def _level(watch: str, value: float | None, catalog: Catalog) -> str:
    if value is None or value != value:
        return UNKNOWN
    if watch in _SHARES:
        return format_percent(value, language=catalog.language, digits=1)
    return format_number(value, language=catalog.language, digits=2)


def _name(watch: str, label: str, catalog: Catalog) -> str:
    name = catalog.say(f"drift.watch.{watch}")
    if not label:
        return name
    word = f"drift.label.{label}"
    return f"{name}: {catalog.say(word) if catalog.has(word) else label}"


def _counted(report: DriftReport, catalog: Catalog) -> Table:
    rows = tuple(
        (catalog.say(f"drift.about.{about}"), format_count(report.drift.year[about], language=catalog.language))
        for about in ABOUT
    )
    header = (catalog.say("drift.column.about"), catalog.say("drift.column.alarms"))
    return Table(catalog.say("drift.year"), header, rows)


def _watched(watches: tuple[Watch, ...], catalog: Catalog) -> Table:
    rows = tuple(
        (
            catalog.say(f"drift.about.{one.about}"),
            _name(one.name, one.label, catalog),
            format_count(one.values, language=catalog.language),
            _level(one.name, one.last, catalog),
            format_count(len(one.alarms), language=catalog.language),
        )
        for one in watches
    )
    names = ("about", "watch", "values", "last", "alarms")
    header = tuple(catalog.say(f"drift.column.{name}") for name in names)
    return Table(catalog.say("drift.watched"), header, rows, words=2, note=catalog.say("drift.watched.note"))
