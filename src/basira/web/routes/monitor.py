"""What the night found, on pages: the proof, what changed, who inspected whom.

Enters: a choice of period, the name of a table. Leaves: pages, files. Never here: a report that is computed in a
request; pairs for anyone but an auditor, or a look at them that is not audited.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from basira.api.http.dependencies import InService, KnownQuery, Now
from basira.api.http.problems import ProblemException
from basira.monitor.drift_report import Words, describe_drift
from basira.monitor.integrity_report import describe_integrity
from basira.monitor.proof import Proof
from basira.monitor.report import Table as ReportTable
from basira.monitor.report import summarise, tables_of
from basira.render.numbers import format_count
from basira.serving.night import look_at_kept_pairs, read_service_night
from basira.serving.service import Service
from basira.web.access import Visitor, visit
from basira.web.bars import Bar
from basira.web.errors import PageRoute
from basira.web.monitored import (
    alarm_bars,
    carried_out_bars,
    drift_tables,
    hit_bars,
    office_bars,
    pair_tables,
    proof_tables,
)
from basira.web.render import page, words_of
from basira.web.tables import Ending, Table, as_file
from basira.workflows.monitor.night import LatestNight

router = APIRouter(route_class=PageRoute)
Reader = Annotated[Visitor, Depends(visit("figures:read"))]
Looker = Annotated[Visitor, Depends(visit("integrity:read"))]
Length = Literal["year", "recent"]
LengthQuery = Annotated[Length, Query(alias="period")]
_PROOF, _DRIFT, _PAIRS = "/proof", "/drift", "/integrity"


def _night(service: Service, today: date) -> LatestNight | None:
    return read_service_night(service, today=today)


def _proof(service: Service, today: date, length: Length) -> Proof | None:
    night = _night(service, today)
    if night is None:
        return None
    return night.proof if length == "year" else night.proof_recent


@router.get(_PROOF)
def get_proof(
    request: Request, visitor: Reader, _known: KnownQuery, service: InService, now: Now, length: LengthQuery = "year"
) -> Response:
    """What was found and what was missed, with intervals; first, of each source, whether its controls were done."""
    proof = _proof(service, now.date(), length)
    shown = None if proof is None else _show_proof(proof, visitor.language)
    return page(request, "proof.html", visitor=visitor, shown=shown, length=length)


@dataclass(frozen=True)
class _ProofShown:
    """A proof as the page shows it. ``tables``: sources, estimates, then the others. ``done``, ``hits``, ``offices``:
    bars; ``least``: of ``done`` the shortest, None without any."""

    period: str
    sentences: Sequence[str]
    tables: Sequence[ReportTable]
    done: Sequence[Bar]
    least: Bar | None
    hits: Sequence[Bar]
    offices: Sequence[Bar]


def _show_proof(proof: Proof, language: str) -> _ProofShown:
    words = words_of(language)
    period, sentences = summarise(proof, language)
    estimates, sources, *others = tables_of(proof, language)
    done = carried_out_bars(proof, words)
    return _ProofShown(
        period=period,
        sentences=sentences,
        tables=[sources, estimates, *others],
        done=done,
        least=min(done, key=lambda bar: bar.value or 0.0, default=None),
        hits=hit_bars(proof, words),
        offices=office_bars(proof, language),
    )


@router.get(f"{_PROOF}/{{table}}.{{ending}}")
def get_proof_file(
    visitor: Reader,
    table: str,
    ending: Ending,
    _known: KnownQuery,
    service: InService,
    now: Now,
    length: LengthQuery = "year",
) -> Response:
    """A table of the proof as CSV or as a workbook, whose figures are numbers."""
    proof = _proof(service, now.date(), length)
    tables = {} if proof is None else proof_tables(proof, words_of(visitor.language))
    return _file(tables, table, ending, visitor, now)


@router.get(_DRIFT)
def get_drift(request: Request, visitor: Reader, _known: KnownQuery, service: InService, now: Now) -> Response:
    """What changed in trade, fraud, recording and model, and what to do about it."""
    night = _night(service, now.date())
    report = None if night is None else night.drift
    words: Words | None = None if report is None else describe_drift(report, visitor.language)

    def write(value: float) -> str:
        return format_count(value, language=visitor.language)

    bars = [] if report is None else alarm_bars(report, words_of(visitor.language), write)
    return page(
        request,
        "monitored.html",
        visitor=visitor,
        words=words,
        name="drift",
        files=("alarms", "watches"),
        bars=bars,
        bars_sentence="night.drift.sentence",
        path=_DRIFT,
    )


@router.get(f"{_DRIFT}/{{table}}.{{ending}}")
def get_drift_file(
    visitor: Reader, table: str, ending: Ending, _known: KnownQuery, service: InService, now: Now
) -> Response:
    """A table of what changed as CSV or as a workbook."""
    night = _night(service, now.date())
    report = None if night is None else night.drift
    tables = {} if report is None else drift_tables(report, words_of(visitor.language))
    return _file(tables, table, ending, visitor, now)


@router.get(_PAIRS)
def get_pairs(request: Request, visitor: Looker, _known: KnownQuery, service: InService, now: Now) -> Response:
    """Who inspected whom more than chance explains: an auditor sees pairs, a manager their number by office."""
    night = _night(service, now.date())
    report = None if night is None else look_at_kept_pairs(service, night, visitor.principal, now=now)
    words = None if report is None else describe_integrity(report, visitor.language)
    files = ("offices",) if report is None or report.pairs is None else ("pairs", "offices")
    return page(
        request,
        "monitored.html",
        visitor=visitor,
        words=words,
        name="integrity",
        files=files,
        bars=[],
        bars_sentence="",
        path=_PAIRS,
    )


@router.get(f"{_PAIRS}/{{table}}.{{ending}}")
def get_pairs_file(
    visitor: Looker, table: str, ending: Ending, _known: KnownQuery, service: InService, now: Now
) -> Response:
    """The counts by office, or for an auditor the pairs, as CSV or as a workbook; the look is audited."""
    night = _night(service, now.date())
    report = None if night is None else look_at_kept_pairs(service, night, visitor.principal, now=now)
    tables = {} if report is None else pair_tables(report, words_of(visitor.language))
    return _file(tables, table, ending, visitor, now)


def _file(tables: Mapping[str, Table], name: str, ending: Ending, visitor: Visitor, now: datetime) -> Response:
    """The table of a name. Raises 404 for another."""
    if name not in tables:
        raise ProblemException(404, "not_found", "Expected a table of the last night, found none of this name.")
    return as_file(tables[name], ending, today=now.date(), language=visitor.language)
