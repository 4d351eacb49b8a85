"""Reports of the night as tables of figures, for files, and as bars of charts.

Enters: reports, the words of the pages. Leaves: tables whose figures are numbers, bars. Never here: an estimate; pairs
that the report was not given with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from basira.monitor.drift import ABOUT, DriftReport
from basira.monitor.integrity_report import IntegrityReport
from basira.monitor.proof import Proof
from basira.monitor.report import LOCALE
from basira.render.catalogs import Catalog, load_catalog
from basira.render.numbers import format_percent
from basira.render.workbook import Cell
from basira.schema.days import date_of
from basira.web.bars import Bar
from basira.web.tables import Table
from basira.workflows.proof.population import OFFICERS

# Bars of a chart of domains: the largest ones, as in the table beside it.
MOST_BARS = 12


def proof_tables(proof: Proof, words: Catalog) -> Mapping[str, Table]:
    """Estimates, domains, sources and lanes, by the name in the file's address."""
    return {
        "estimates": _table("proof-estimates", "estimates", _estimates(proof, words), words),
        "domains": _table("proof-domains", "domains", _domains(proof, words), words),
        "sources": _table("proof-sources", "sources", _sources(proof, words), words),
        "lanes": _table("proof-lanes", "lanes", _lanes(proof), words),
    }


_COLUMNS: Mapping[str, Sequence[str]] = {
    "estimates": ("measure", "estimator", "total", "low", "high", "per_declaration", "effective"),
    "domains": ("measure", "by", "label", "declarations", "known", "total", "low", "high", "own"),
    "sources": (
        *("source", "proposed", "carried_out", "carried_out_rate", "low", "high", "found", "rate", "rate_low"),
        *("rate_high", "revenue", "per_control", "per_control_low", "per_control_high"),
    ),
    "lanes": ("lane", "declarations", "carried_out", "found", "rate", "rate_low", "rate_high"),
    "alarms": ("about", "watch", "label", "side", "since", "noticed", "before", "after"),
    "watches": ("about", "watch", "label", "values", "last", "alarms"),
    "offices": ("office", "declarants", "importers"),
    "pairs": (
        *("office", "inspector", "kind", "party", "count", "expected", "effect", "found", "known", "others_found"),
        *("others_known", "blank", "others", "others_blank", "wait", "others_wait", "p", "adjusted"),
    ),
}


def _table(name: str, kind: str, rows: Sequence[Sequence[Cell]], words: Catalog) -> Table:
    header = [words.say(f"night.column.{column}") for column in _COLUMNS[kind]]
    return Table(name, words.say(f"night.table.{kind}"), header, rows)


def _estimates(proof: Proof, words: Catalog) -> list[Sequence[Cell]]:
    rows: list[Sequence[Cell]] = []
    for measure in (proof.rate, proof.gap):
        for name, one in (*measure.totals.items(), ("always", measure.always)):
            if one is not None:
                each = one.total / proof.covered
                what = words.say(f"night.measure.{measure.name}")
                rows.append((what, name, one.total, one.low, one.high, each, one.effective))
    return rows


def _domains(proof: Proof, words: Catalog) -> list[Sequence[Cell]]:
    rows: list[Sequence[Cell]] = []
    for measure in (proof.rate, proof.gap):
        for by, domains in measure.domains.items():
            for one in domains:
                found = one.estimate
                figures = (None,) * 3 if found is None else (found.total, found.low, found.high)
                what = words.say(f"night.measure.{measure.name}")
                rows.append((what, by, one.label, one.declarations, one.known, *figures, one.own_share))
    return rows


def _sources(proof: Proof, words: Catalog) -> list[Sequence[Cell]]:
    rows: list[Sequence[Cell]] = []
    for one in proof.sources:
        done, rate, per = one.carried_out_share, one.rate, one.per_control
        rows.append(
            (
                _source(one.source, words),
                one.proposed,
                one.carried_out,
                *((None,) * 3 if done is None else (done.rate, done.low, done.high)),
                one.found,
                *((None,) * 3 if rate is None else (rate.rate, rate.low, rate.high)),
                one.revenue,
                *((None,) * 3 if per is None else (per.rate, per.low, per.high)),
            )
        )
    return rows


def _lanes(proof: Proof) -> list[Sequence[Cell]]:
    rows: list[Sequence[Cell]] = []
    for one in proof.lanes:
        rate = (None,) * 3 if one.rate is None else (one.rate.rate, one.rate.low, one.rate.high)
        rows.append((one.lane, one.declarations, one.carried_out, one.found, *rate))
    return rows


def drift_tables(report: DriftReport, words: Catalog) -> Mapping[str, Table]:
    """Alarms of all the days looked at, and everything that is watched."""
    alarms: list[Sequence[Cell]] = []
    watches: list[Sequence[Cell]] = []
    for one in report.drift.watches:
        about = _about(one.about, words)
        watches.append((about, one.name, one.label, one.values, one.last, len(one.alarms)))
        for alarm in one.alarms:
            change = alarm.change
            days = (date_of(change.since).isoformat(), date_of(change.noticed).isoformat())
            alarms.append((about, one.name, one.label, change.side, *days, change.before, change.after))
    return {
        "alarms": _table("drift-alarms", "alarms", alarms, words),
        "watches": _table("drift-watches", "watches", watches, words),
    }


def _about(about: str, words: Catalog) -> str:
    return load_catalog(LOCALE, words.language).say(f"drift.about.{about}")


def pair_tables(report: IntegrityReport, words: Catalog) -> Mapping[str, Table]:
    """Counts by office; and the pairs, for a reader who was given them."""
    offices = [(one.office, one.declarants, one.importers) for one in report.offices]
    found = {"offices": _table("pairs-by-office", "offices", offices, words)}
    if report.pairs is not None:
        rows: list[Sequence[Cell]] = []
        for one in report.pairs:
            pair = one.pair
            counts = (pair.count, pair.expected, pair.effect, pair.found, pair.known, pair.others_found)
            beside = (pair.others_known, one.blank, one.others, one.others_blank, one.wait_hours)
            who = (
                one.office,
                one.inspector,
                load_catalog(LOCALE, words.language).say(f"integrity.kind.{one.kind}"),
                one.party,
            )
            rows.append((*who, *counts, *beside, one.others_wait_hours, pair.p, pair.adjusted))
        found["pairs"] = _table("pairs", "pairs", rows, words)
    return found


def _source(name: str, words: Catalog) -> str:
    """A source of controls as the table beside the chart calls it."""
    return load_catalog(LOCALE, words.language).say(f"source.{name}")


def carried_out_bars(proof: Proof, words: Catalog) -> list[Bar]:
    """Of each source the share of its selected declarations with a result; officers' own picks were not proposed."""
    found = []
    for one in proof.sources:
        share = one.carried_out_share
        if share is not None and one.source != OFFICERS:
            found.append(Bar(_source(one.source, words), share.rate, share.low, share.high))
    return found


def hit_bars(proof: Proof, words: Catalog) -> list[Bar]:
    """Of each source the share of carried out controls that found something."""
    return [
        Bar(_source(one.source, words), one.rate.rate, one.rate.low, one.rate.high)
        for one in proof.sources
        if one.rate is not None
    ]


def office_bars(proof: Proof, language: str) -> list[Bar]:
    """The estimated rate of irregularity of the largest offices, beside the largest bound among them."""
    rates = []
    for one in proof.rate.domains.get("office", ())[:MOST_BARS]:
        if one.estimate is not None:
            part = one.declarations
            low, high = max(one.estimate.low / part, 0.0), min(one.estimate.high / part, 1.0)
            rates.append((one.label, max(one.estimate.total / part, 0.0), low, high))
    most = max((high for *_, high in rates), default=0.0) or 1.0

    def text(rate: float) -> str:
        return format_percent(rate, language=language, digits=1)

    return [Bar(label, rate / most, low / most, high / most, text(rate)) for label, rate, low, high in rates]


def alarm_bars(report: DriftReport, words: Catalog, write: Callable[[float], str]) -> list[Bar]:
    """Alarms of the last 365 days by what they are about."""
    counts = {about: report.drift.year[about] for about in ABOUT}
    most = max(counts.values()) or 1
    return [Bar(_about(about, words), count / most, text=write(count)) for about, count in counts.items()]
