"""The night's monitoring of a store: each step once, its report kept, whatever becomes of the others.

Enters: a store, the record, the evening, the moment. Leaves: what each step came to; reports beside the history, for
the pages and for metrics. Never here: an estimate, a test; a step done twice on the same facts.

A step is done again only when what it reads has changed: so a night that was cut short goes on where it ended, and a
second run costs nothing. Another step is another line of `STEPS`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Literal, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from basira import __version__
from basira.monitor.drift import DriftReport
from basira.monitor.integrity_report import IntegrityReport
from basira.monitor.proof import Proof
from basira.schema.errors import BasiraError, StoreError, UsageError
from basira.storage.database.connection import Database
from basira.storage.history.store import History
from basira.storage.night import KeptStep, find_evenings, find_steps, keep_step, read_report
from basira.storage.record.events import record_identity
from basira.storage.record.runs import Operations
from basira.workflows.engine import EngineBounds, Progress, silent
from basira.workflows.monitor.facts import has_record
from basira.workflows.monitor.integrity import find_pairs_of_days
from basira.workflows.monitor.watch import watch
from basira.workflows.proof.prove import prove

Report = TypeVar("Report")
State = Literal["done", "kept", "nothing", "failed"]
# Days of the proof that stands beside that of the year to date, and of the controls whose pairs are compared.
RECENT_DAYS, PAIR_DAYS = 91, 365


@dataclass(frozen=True)
class Tonight:
    """What a step is given. ``evening``: the last day that counts."""

    history: History
    place: str | Path
    evening: date
    engine: EngineBounds | None


@dataclass(frozen=True)
class DoneStep:
    """What a step came to: "kept" was done before on the same facts. ``error``: of a step that failed, or that found
    nothing to look at; None else. ``seconds``: it took now."""

    name: str
    state: State
    seconds: float
    error: BasiraError | None = None


@dataclass(frozen=True)
class Night:
    """``steps``: in the order in which they were done. ``exit_code``: of the first that failed, 0 when none did."""

    evening: date
    steps: tuple[DoneStep, ...]

    @property
    def exit_code(self) -> int:
        """What the command ends with."""
        return next((one.error.exit_code for one in self.steps if one.state == "failed" and one.error), 0)


def _prove_year(tonight: Tonight) -> object:
    """The year to date: its interval may be looked at every night."""
    first = date(tonight.evening.year, 1, 1)
    return _prove(tonight, first)


def _prove_recent(tonight: Tonight) -> object:
    return _prove(tonight, tonight.evening - timedelta(days=RECENT_DAYS - 1))


def _prove(tonight: Tonight, first: date) -> Proof:
    evening = tonight.evening
    if not has_record(tonight.place):
        raise UsageError(
            "Expected decisions from {first} to {last}, found no record of any.",
            hint="Run `basira target`, or the service, first.",
            first=first,
            last=evening,
        )
    return prove(tonight.history, tonight.place, first=first, last=evening, as_of=evening, engine=tonight.engine)


def _watch_drift(tonight: Tonight) -> object:
    return watch(tonight.history, tonight.place, as_of=tonight.evening, engine=tonight.engine)


def _find_pairs(tonight: Tonight) -> object:
    first = tonight.evening - timedelta(days=PAIR_DAYS - 1)
    return find_pairs_of_days(tonight.history, first, tonight.evening, engine=tonight.engine)


# In the order in which they are done: name of the report, what makes it. Each raises UsageError where there is nothing
# to look at, which is no fault.
STEPS: Mapping[str, Callable[[Tonight], object]] = {
    "drift": _watch_drift,
    "proof": _prove_year,
    "proof_recent": _prove_recent,
    "integrity": _find_pairs,
}


def run_night(
    tonight: Tonight,
    *,
    now: datetime,
    steps: Mapping[str, Callable[[Tonight], object]] = STEPS,
    progress: Progress = silent,
) -> Night:
    """Do each step whose facts have changed since it was done for this evening, and keep its report.

    A step that fails is kept as such and the others are done. ``now``: when the night began, local. Raises StoreError
    when nothing can be read or kept.
    """
    facts = _facts(tonight)
    done: list[DoneStep] = []
    for at, (name, work) in enumerate(steps.items()):
        progress(at, len(steps), name)
        done.append(_do(tonight, name, work, rests_on=f"{facts}-{__version__}", now=now))
    return Night(tonight.evening, tuple(done))


def _do(tonight: Tonight, name: str, work: Callable[[Tonight], object], *, rests_on: str, now: datetime) -> DoneStep:
    root, evening = tonight.history.root, tonight.evening
    if _is_kept(root, evening, name, rests_on):
        return DoneStep(name, "kept", 0.0)
    began = perf_counter()
    report: bytes | None = None
    error: BasiraError | None = None
    state: State = "done"
    try:
        report = write_report(work(tonight))
    except UsageError as nothing:
        state, error = "nothing", nothing
    except BasiraError as fault:
        state, error = "failed", fault
    seconds = perf_counter() - began
    ended = (now + timedelta(seconds=seconds)).isoformat(timespec="seconds")
    kept = KeptStep(state, rests_on, ended, round(seconds, 3), code="" if error is None else error.code)
    keep_step(root, evening, name, kept, report)
    return DoneStep(name, state, seconds, error)


def _is_kept(root: Path, evening: date, name: str, rests_on: str) -> bool:
    """Whether the step was done on the same facts, and its report is there as it was written."""
    before = find_steps(root, evening).get(name)
    if before is None or before.state != "done" or before.rests_on != rests_on:
        return False
    try:
        return read_report(root, evening, name) is not None
    except StoreError:
        return False


def _facts(tonight: Tonight) -> str:
    """Of everything that the steps read: the history's files, and how far the record goes."""
    snapshot = tonight.history.snapshot()
    place = tonight.place
    identity, runs = ("", 0), 0
    if has_record(place):
        with Database(place, create=False) as database, database.read() as connection:
            identity = record_identity(connection)
        with Operations(place, create=False) as operations:
            runs = len(operations.find_runs())
    return hashlib.sha256(f"{snapshot.digest} {identity[0]} {identity[1]} {runs}".encode()).hexdigest()[:32]


def write_report(report: object) -> bytes:
    """A report as JSON. Raises ValueError for a NaN, which no reader could take."""
    body = asdict(cast("Proof", report))
    return json.dumps(body, ensure_ascii=False, default=date.isoformat, allow_nan=False).encode()


@dataclass(frozen=True)
class LatestNight:
    """The latest evening with a report, and each report of it; None where that step had nothing to look at, or failed.

    ``steps``: what each came to. ``integrity`` holds pairs: `show_to` leaves them out for a manager, and each look is
    audited.
    """

    evening: date
    steps: Mapping[str, KeptStep]
    proof: Proof | None
    proof_recent: Proof | None
    drift: DriftReport | None
    integrity: IntegrityReport | None


_PROOF, _DRIFT, _INTEGRITY = TypeAdapter(Proof), TypeAdapter(DriftReport), TypeAdapter(IntegrityReport)


def read_latest_night(root: Path, *, until: date | None = None) -> LatestNight | None:
    """The latest night of a store that kept something, not later than the evening ``until``; None where none did.

    Raises StoreError for a report that is not as it was written, or that another version wrote otherwise.
    """
    for evening in find_evenings(root):
        if until is not None and evening > until:
            continue
        if steps := find_steps(root, evening):
            return LatestNight(
                evening,
                steps,
                _read(root, evening, "proof", _PROOF),
                _read(root, evening, "proof_recent", _PROOF),
                _read(root, evening, "drift", _DRIFT),
                _read(root, evening, "integrity", _INTEGRITY),
            )
    return None


def _read(root: Path, evening: date, name: str, adapter: TypeAdapter[Report]) -> Report | None:
    body = read_report(root, evening, name)
    if body is None:
        return None
    try:
        return adapter.validate_json(body)
    except ValidationError:
        raise StoreError(
            "Expected the report {name} of the night {evening} as this version writes it, found another form.",
            hint="Run `basira night` again.",
            name=name,
            evening=evening,
        ) from None


def count_alarms(night: LatestNight) -> dict[str, float]:
    """The figures of a night that a machine may watch, by the name of their metric with its labels. No names.

    ``nothing`` counts as neither done nor failed.
    """
    found: dict[str, float] = {}
    for name, step in night.steps.items():
        found[f'basira_night_step_failed{{step="{name}"}}'] = float(step.state == "failed")
        found[f'basira_night_step_seconds{{step="{name}"}}'] = step.seconds
    if night.drift is not None:
        for about in ("trade", "recording", "fraud", "model"):
            recent = sum(1 for one in night.drift.drift.recent if one.about == about)
            found[f'basira_drift_recent_alarms{{about="{about}"}}'] = float(recent)
    if night.integrity is not None:
        found["basira_integrity_pairs"] = float(sum(one.declarants + one.importers for one in night.integrity.offices))
    if night.proof is not None and night.proof.rate.always is not None:
        always, covered = night.proof.rate.always, night.proof.covered
        for name in ("total", "low", "high"):
            share = float(getattr(always, name)) / covered
            found[f'basira_proof_irregular_share{{bound="{name}"}}'] = share
        found["basira_proof_carried_out_share"] = night.proof.carried_out / max(night.proof.selected, 1)
    return found


def write_metrics(night: LatestNight, *, ended_at: datetime) -> bytes:
    """The figures in the text format of Prometheus, for a collector that reads files."""
    figures = {**count_alarms(night), "basira_night_ended_seconds": ended_at.timestamp()}
    return "".join(f"{name} {value:.10g}\n" for name, value in figures.items()).encode()
