"""Reports of a night with figures of hand, kept in a store, for the tests of pages."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

from basira.monitor.detect import Change
from basira.monitor.domains import DomainEstimate
from basira.monitor.drift import ABOUT, Alarm, Drift, DriftReport, Watch
from basira.monitor.estimate import Estimate
from basira.monitor.integrity import Pair
from basira.monitor.integrity_report import IntegrityReport, LabelledPair, OfficeCount
from basira.monitor.proof import Lane, Measure, Proof
from basira.monitor.worth import Share, Worth
from basira.schema.days import day_of
from basira.storage.night import KeptStep, keep_step
from basira.workflows.monitor.night import write_report

INSPECTOR, PARTY = "INSP-07", "DECL-99"


def measure(name: str, scale: float) -> Measure:
    one = Estimate(120.0 * scale, 90.0 * scale, 160.0 * scale, 15.0 * scale, 300.0)
    whole = DomainEstimate("", 4000, 300, one, 1.0)
    offices = [DomainEstimate("CASA", 3000, 250, one, 1.0), DomainEstimate("<b>TNG</b>", 1000, 50, one, 0.4)]
    return Measure(name, {"horvitz_thompson": None, "difference": one}, whole, one, 40 * scale, {"office": offices})


def proof_of(first: date, last: date) -> Proof:
    sources = [
        Worth("random", 100, 40, 2, 900.0, 0, Share(0.4, 0.3, 0.5), Share(0.05, 0.01, 0.17), None),
        Worth("model", 200, 180, 60, 9e5, 1, Share(0.9, 0.85, 0.94), Share(0.33, 0.27, 0.4), Share(5e3, 3e3, 7e3)),
        Worth("officers", 30, 30, 9, 5e4, 0, Share(1.0, 0.88, 1.0), Share(0.3, 0.15, 0.49), None),
    ]
    return Proof(
        first=first,
        last=last,
        as_of=last,
        currency="MAD",
        is_simulated=True,
        declarations=4100,
        covered=4000,
        selected=300,
        carried_out=220,
        outside=100,
        decided_again=3,
        cancelled=2,
        not_in_history=1,
        reselected=5,
        models=["m1"],
        policies=1,
        response={"random": 0.4, "model": 0.9},
        naive=Share(0.28, 0.22, 0.34),
        missing_bounds=(70.0, 150.0),
        rate=measure("rate", 1.0),
        gap=measure("gap", 1e4),
        lanes=[Lane("red", 300, 220, 62, Share(0.28, 0.22, 0.34)), Lane("green", 3700, 0, 0, None)],
        sources=sources,
    )


def drift_of(last: date) -> DriftReport:
    change = Change("high", day_of(last) - 20, day_of(last) - 5, 400.0, 0.02, 0.09)
    alarm = Alarm("recording", "missing", "origin_country", change)
    watches = (
        Watch("recording", "missing", "origin_country", 300, 0.09, (alarm,)),
        Watch("trade", "volume", "", 300, 4.2, ()),
    )
    year = {about: int(about == "recording") for about in ABOUT}
    drift = Drift(1000.0, 1.0, watches, (alarm,), "recording", year)
    return DriftReport(date(last.year - 1, 1, 1), last, True, 9000, 4100, 220, drift)


def pairs_of(first: date, last: date) -> IntegrityReport:
    pair = Pair(0, 0, 30, 8.0, 3.1, 1, 28, 20, 60, 1e-9, 1e-3, 1e-10, 1e-6)
    shown = LabelledPair("declarant", INSPECTOR, PARTY, "CASA", pair, 2, 70, 10, 3.5, None)
    return IntegrityReport(first, last, True, 5000, 12, 800, (OfficeCount("CASA", 1, 0),), (shown,))


def keep_night(root: Path, evening: date) -> None:
    """Keep a whole night."""
    reports = {
        "proof": proof_of(date(evening.year, 1, 1), evening),
        "proof_recent": proof_of(evening.replace(day=1), evening),
        "drift": drift_of(evening),
        "integrity": pairs_of(evening.replace(day=1), evening),
    }
    ended = datetime.combine(evening, datetime.min.time()).isoformat()
    for name, report in reports.items():
        keep_step(root, evening, name, KeptStep("done", "of hand", ended, 0.1), write_report(report))
