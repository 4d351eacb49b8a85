"""A proof as tables of words and figures, for the screen and for a page, in three languages; and as CSV.

Enters: a `Proof`, a language. Leaves: tables, sentences, an HTML page, CSV text. Never here: an estimate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from basira.monitor.domains import DomainEstimate
from basira.monitor.proof import Measure, Proof
from basira.monitor.worth import Share
from basira.render.catalogs import Catalog, load_catalog
from basira.render.numbers import UNKNOWN, format_count, format_date, format_money, format_number, format_percent
from basira.render.page import render_page
from basira.render.spreadsheet import csv_text
from basira.render.writing import write_whole

LOCALE = Path(__file__).parent / "locale"
_TEMPLATES = Path(__file__).parent / "templates"
# Rows of a table by domain: the smaller ones are in the CSV.
MOST_DOMAINS = 15

CSV_COLUMNS = (
    *("measure", "by", "value", "estimator", "declarations", "results", "found", "total", "low", "high"),
    *("per_declaration", "effective_draws", "own_share", "is_simulated"),
)


@dataclass(frozen=True)
class Table:
    """``words``: how many of the first columns are words; the others are figures. ``note``: "" none."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int = 1
    note: str = ""


class _Pen:
    """Writes figures in one language."""

    def __init__(self, catalog: Catalog, currency: str) -> None:
        self.say, self.language, self.currency = catalog.say, catalog.language, currency

    def count(self, value: float | None) -> str:
        return format_count(value, language=self.language)

    def percent(self, value: float) -> str:
        return format_percent(value, language=self.language, digits=1 if value >= 0.01 else 2)

    def money(self, value: float) -> str:
        return format_money(value, self.currency, language=self.language, digits=0)

    def amount(self, measure: Measure, value: float) -> str:
        return self.money(value) if measure.name == "gap" else self.count(value)

    def range(self, low: str, high: str) -> str:
        return f"{low} – {high}"

    def share(self, one: Share | None) -> str:
        if one is None:
            return UNKNOWN
        return f"{self.percent(one.rate)} ({self.range(self.percent(one.low), self.percent(one.high))})"


def summarise(proof: Proof, language: str, *, strict: bool = False) -> tuple[str, list[str]]:
    """The period in words, and the sentences of the summary. Raises UsageError for another language."""
    catalog = load_catalog(LOCALE, language, strict=strict)
    pen = _Pen(catalog, proof.currency)
    days = {name: format_date(getattr(proof, name), language=language) for name in ("first", "last", "as_of")}
    rate, gap = proof.rate.totals["difference"], proof.gap.totals["difference"]
    if rate is None:
        return catalog.say("period", **days), [catalog.say("summary.none")]
    shares = {name: pen.percent(getattr(rate, name) / proof.covered) for name in ("low", "high")}
    sentences = [
        catalog.say(
            "summary.rate", covered=pen.count(proof.covered), rate=pen.percent(rate.total / proof.covered), **shares
        )
    ]
    if gap is not None:
        sentences.append(
            catalog.say(
                "summary.gap",
                gap=pen.money(gap.total),
                low=pen.money(gap.low),
                high=pen.money(gap.high),
                found=pen.money(proof.gap.found),
            )
        )
    if proof.naive is not None:
        sentences.append(catalog.say("summary.naive", rate=pen.share(proof.naive)))
    return catalog.say("period", **days), sentences


def tables_of(proof: Proof, language: str, *, strict: bool = False) -> list[Table]:
    """Everything that the proof holds, as tables. Raises UsageError for another language."""
    catalog = load_catalog(LOCALE, language, strict=strict)
    pen = _Pen(catalog, proof.currency)
    return [
        _estimates(proof, pen),
        _sources(proof, pen),
        *(_domain(proof, by, pen) for by in proof.rate.domains),
        _lanes(proof, pen),
        _facts(proof, pen),
    ]


def write_html(proof: Proof, path: Path, *, language: str, software: str = "", strict: bool = False) -> Path:
    """Write the proof as a printable page. Raises StoreError when it can't be written."""
    period, sentences = summarise(proof, language, strict=strict)
    values = {
        "period": period,
        "sentences": sentences,
        "tables": tables_of(proof, language, strict=strict),
        "is_simulated": proof.is_simulated,
        "software": software,
    }
    catalog = load_catalog(LOCALE, language, strict=strict)
    return write_whole(path, render_page("proof.html", _TEMPLATES, catalog=catalog, values=values).encode("utf-8"))


def write_csv(proof: Proof, path: Path) -> Path:
    """Write every estimate, one row each, under `CSV_COLUMNS`: numbers without units, shares from 0 to 1."""
    lines: list[Sequence[object]] = [CSV_COLUMNS]
    for measure in (proof.rate, proof.gap):
        for estimator, total in (*measure.totals.items(), ("always", measure.always)):
            whole = _line(measure.name, "all", replace(measure.whole, estimate=total), estimator, found=measure.found)
            lines.append((*whole, proof.is_simulated))
        for by, domains in measure.domains.items():
            lines += [(*_line(measure.name, by, one, "difference"), proof.is_simulated) for one in domains]
    return write_whole(path, csv_text(lines).encode("utf-8-sig"))


def _line(
    measure: str, by: str, domain: DomainEstimate, estimator: str, *, found: float | None = None
) -> tuple[object, ...]:
    """The columns of `CSV_COLUMNS` but the last."""
    one = domain.estimate
    figures: tuple[float | None, ...] = (None,) * 5
    if one is not None:
        figures = (one.total, one.low, one.high, one.total / domain.declarations, one.effective)
    counts = (domain.declarations, domain.known, found)
    return (measure, by, domain.label, estimator, *counts, *figures, domain.own_share)


def _estimates(proof: Proof, pen: _Pen) -> Table:
    rows = []
    for measure in (proof.rate, proof.gap):
        for name, one in (*measure.totals.items(), ("always", measure.always)):
            if one is not None:
                each = one.total / proof.covered
                rows.append(
                    (
                        pen.say(f"measure.{measure.name}"),
                        pen.say(f"estimator.{name}"),
                        pen.amount(measure, one.total),
                        pen.range(pen.amount(measure, one.low), pen.amount(measure, one.high)),
                        pen.percent(each) if measure.name == "rate" else pen.money(each),
                        pen.count(one.effective),
                    )
                )
    header = (
        "column.measure",
        "column.estimator",
        "column.total",
        "column.interval",
        "column.share",
        "column.effective",
    )
    return Table(pen.say("estimates"), _header(header, pen), tuple(rows), 2, pen.say("estimates.note"))


def _sources(proof: Proof, pen: _Pen) -> Table:
    rows = []
    for one in proof.sources:
        per = one.per_control
        rows.append(
            (
                pen.say(f"source.{one.source}"),
                pen.count(one.proposed),
                f"{pen.count(one.carried_out)} ({pen.percent(one.carried_out / one.proposed)})",
                pen.count(one.found),
                pen.share(one.rate),
                pen.money(one.revenue),
                UNKNOWN
                if per is None
                else f"{pen.money(per.rate)} ({pen.range(pen.count(per.low), pen.count(per.high))})",
            )
        )
    names = ("source", "proposed", "carried_out", "found", "rate", "revenue", "per_control")
    return Table(pen.say("sources"), _header([f"column.{name}" for name in names], pen), tuple(rows))


def _domain(proof: Proof, by: str, pen: _Pen) -> Table:
    gaps = {one.label: one for one in proof.gap.domains[by]}
    rows = tuple(_domain_row(one, gaps[one.label], pen) for one in proof.rate.domains[by][:MOST_DOMAINS])
    names = ("declarations", "known", "rate", "interval", "gap", "own")
    header = (pen.say(f"domain.{by}"), *_header([f"column.{name}" for name in names], pen))
    is_thin = any(one.own_share < 1 for one in proof.rate.domains[by][:MOST_DOMAINS])
    return Table(pen.say(f"domain.{by}"), header, rows, note=pen.say("domain.note") if is_thin else "")


def _domain_row(rate: DomainEstimate, gap: DomainEstimate, pen: _Pen) -> tuple[str, ...]:
    label = (rate.label or pen.say("domain.unknown")) + ("*" if rate.own_share < 1 else "")
    one, amount = rate.estimate, gap.estimate
    n = rate.declarations
    shown = (UNKNOWN, UNKNOWN)
    if one is not None:
        shown = (pen.percent(one.total / n), pen.range(pen.percent(one.low / n), pen.percent(one.high / n)))
    money = UNKNOWN if amount is None else pen.money(amount.total)
    return (
        label,
        pen.count(n),
        pen.count(rate.known),
        *shown,
        money,
        format_number(rate.own_share, language=pen.language, digits=2),
    )


def _lanes(proof: Proof, pen: _Pen) -> Table:
    rows = tuple(
        (one.lane, pen.count(one.declarations), pen.count(one.carried_out), pen.count(one.found), pen.share(one.rate))
        for one in proof.lanes
    )
    names = ("lane", "declarations", "known", "found", "rate")
    return Table(pen.say("lanes"), _header([f"column.{name}" for name in names], pen), rows, note=pen.say("lanes.note"))


def _facts(proof: Proof, pen: _Pen) -> Table:
    counted = (
        *("declarations", "selected", "carried_out", "outside", "decided_again", "cancelled"),
        *("not_in_history", "reselected", "policies"),
    )
    rows = [(pen.say(f"facts.{name}"), pen.count(getattr(proof, name))) for name in counted]
    rows.append((pen.say("facts.models"), ", ".join(proof.models) or UNKNOWN))
    low, high = proof.missing_bounds
    rows.append((pen.say("facts.missing"), pen.range(pen.count(low), pen.count(high))))
    return Table(pen.say("facts"), (pen.say("facts"), ""), tuple(rows))


def _header(names: Sequence[str], pen: _Pen) -> tuple[str, ...]:
    return tuple(pen.say(name) for name in names)
