"""The pairs to be looked at, in words: for auditors pairs, for managers their number by office.

Enters: an `IntegrityReport`, a language. Leaves: sentences and tables. Never here: a word of guilt; a pair in a report
without pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from basira.monitor.drift_report import Words
from basira.monitor.integrity import FALSE_SHARE, Pair
from basira.monitor.report import LOCALE, Table
from basira.render.catalogs import Catalog, load_catalog
from basira.render.numbers import UNKNOWN, format_count, format_date, format_number, format_percent


@dataclass(frozen=True)
class LabelledPair:
    """A `Pair` with its labels and what else is known. ``kind``: of the party, "declarant" or "importer". ``blank``:
    controls of the pair without a result; ``others``: of the same party by others, ``others_blank`` without a result;
    ``wait_hours``: median from declaration to inspection, None unknown, ``others_wait_hours`` likewise."""

    kind: str
    inspector: str
    party: str
    office: str
    pair: Pair
    blank: int
    others: int
    others_blank: int
    wait_hours: float | None
    others_wait_hours: float | None


@dataclass(frozen=True)
class OfficeCount:
    """Pairs to be looked at in an office."""

    office: str
    declarants: int
    importers: int


@dataclass(frozen=True)
class IntegrityReport:
    """``controls``: made in the days; ``left_out``: without an inspector, a party or a moment; ``tested``: pairs that
    could stand out. ``pairs``: None for a reader who may see their number alone."""

    first: date
    last: date
    is_simulated: bool
    controls: int
    left_out: int
    tested: int
    offices: Sequence[OfficeCount]
    pairs: Sequence[LabelledPair] | None


def describe_integrity(report: IntegrityReport, language: str, *, strict: bool = False) -> Words:
    """The whole report in words. Raises UsageError for another language."""
    catalog = load_catalog(LOCALE, language, strict=strict)
    count = sum(one.declarants + one.importers for one in report.offices)
    period = catalog.say(
        "integrity.period",
        first=format_date(report.first, language=language),
        last=format_date(report.last, language=language),
        controls=format_count(report.controls, language=language),
        left_out=format_count(report.left_out, language=language),
        tested=format_count(report.tested, language=language),
    )
    sentences = (
        catalog.say("integrity.found", pairs=format_count(count, language=language)),
        catalog.say("integrity.meaning", share=format_percent(FALSE_SHARE, language=language)),
        catalog.say("integrity.missing"),
    )
    tables = [_offices(report, catalog)]
    if report.pairs is not None:
        tables = [_pairs(report.pairs, catalog), *tables]
    return Words(catalog.say("integrity.title"), period, sentences, tuple(tables))


def _pairs(pairs: Sequence[LabelledPair], catalog: Catalog) -> Table:
    names = ("office", "inspector", "kind", "party", "count", "expected", "effect", "found", "others_found")
    header = (*names, "blank", "others_blank", "wait", "p")
    return Table(
        catalog.say("integrity.pairs"),
        tuple(catalog.say(f"integrity.column.{name}") for name in header),
        tuple(_row(one, catalog) for one in pairs),
        words=4,
        note=catalog.say("integrity.note"),
    )


def _row(one: LabelledPair, catalog: Catalog) -> tuple[str, ...]:
    language, pair = catalog.language, one.pair

    def of(part: int, whole: int) -> str:
        return catalog.say(
            "integrity.of", part=format_count(part, language=language), whole=format_count(whole, language=language)
        )

    def hours(value: float | None) -> str:
        return UNKNOWN if value is None else format_number(value, language=language, digits=1)

    return (
        one.office,
        one.inspector,
        catalog.say(f"integrity.kind.{one.kind}"),
        one.party,
        format_count(pair.count, language=language),
        format_number(pair.expected, language=language, digits=1),
        format_number(pair.effect, language=language, digits=1),
        of(pair.found, pair.known),
        of(pair.others_found, pair.others_known),
        of(one.blank, pair.count),
        of(one.others_blank, one.others),
        f"{hours(one.wait_hours)} / {hours(one.others_wait_hours)}",
        f"{pair.p:.0e}",
    )


def _offices(report: IntegrityReport, catalog: Catalog) -> Table:
    rows = tuple(
        (
            one.office,
            format_count(one.declarants, language=catalog.language),
            format_count(one.importers, language=catalog.language),
        )
        for one in report.offices
    )
    header = tuple(catalog.say(f"integrity.column.{name}") for name in ("office", "declarants", "importers"))
    return Table(catalog.say("integrity.offices"), header, rows)
