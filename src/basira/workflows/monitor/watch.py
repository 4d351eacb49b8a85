"""What changed, of a store and its record, on the evening of a day.

Enters: a store, the record, the last day that counts. Leaves: a `DriftReport`. Never here: a cure.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from basira.monitor.drift import DriftReport, watch_drift
from basira.schema.days import day_of
from basira.schema.errors import UsageError
from basira.storage.history.store import History
from basira.workflows.engine import EngineBounds
from basira.workflows.monitor.facts import read_facts


def watch(
    history: History,
    place: str | Path,
    *,
    as_of: date,
    first: date | None = None,
    alarms_a_year: float = 1.0,
    engine: EngineBounds | None = None,
) -> DriftReport:
    """Look at everything from ``first`` to the end of ``as_of``.

    ``first``: from 1 January of the year before by default, so that every night of a year looks at the same days and
    finds the same alarms again. Raises UsageError when nothing was declared then; StoreError.
    """
    begin = first or date(as_of.year - 1, 1, 1)
    facts = read_facts(history, place, first=begin, as_of=as_of, engine=engine)
    if facts.levels.is_empty():
        raise UsageError(
            f"Expected declarations from {begin} to {as_of}, found none.",
            hint="Choose a period that the store holds: --from and --as-of.",
        )
    return DriftReport(
        first=begin,
        as_of=as_of,
        is_simulated=history.snapshot().is_simulated,
        declarations=int(facts.levels["declarations"].sum()),
        decided=facts.decided.height,
        results=int(facts.decided["known_day"].count()),
        drift=watch_drift(facts, as_of=day_of(as_of), alarms_a_year=alarms_a_year),
    )
