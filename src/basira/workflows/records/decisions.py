"""Every decision of a period, of runs and of the service, as one table.

Enters: an operational database, two days. Leaves: a table of `DECISIONS`. Never here: a personal value; a write.
"""

from __future__ import annotations

from datetime import date, timedelta

import pyarrow as pa

from basira.decisions.records import Decision, TargetingRun
from basira.decisions.table import decisions_table
from basira.storage.database.connection import Database
from basira.storage.record.events import find_decisions_between
from basira.storage.record.runs import Operations


def read_decisions(operations: Operations, *, first: date, last: date) -> pa.Table:
    """The decisions of runs that targeted these days, then those that the service made on them, both days included."""
    runs = {row["run_id"]: TargetingRun.from_row(row) for row in operations.find_runs()}
    chosen = {name: run for name, run in runs.items() if first <= run.day <= last}
    of_runs = [
        Decision.from_row(row)
        for run in sorted(chosen.values(), key=lambda run: run.sequence)
        for row in operations.decisions_of(run.run_id)
    ]
    return decisions_table([*of_runs, *_of_service(operations.database, first, last)], chosen)


def _of_service(database: Database, first: date, last: date) -> list[Decision]:
    with database.read() as connection:
        rows = find_decisions_between(connection, first.isoformat(), (last + timedelta(days=1)).isoformat())
    return [Decision.from_event(row) for row in rows]
