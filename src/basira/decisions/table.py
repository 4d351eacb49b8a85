"""Decisions of runs and of the service as one Arrow table, for DuckDB, Polars and monitoring.

Enters: decisions, the runs that some of them are of. Leaves: a table of the schema `DECISIONS`, one row per decision,
in their order. Never here: the reasons (the records have them), a personal value, the database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime

import pyarrow as pa

from basira.decisions.records import Decision, TargetingRun

_Runs = Mapping[str, TargetingRun]
_Value = Callable[[Decision, TargetingRun | None], object]


def _of(name: str) -> _Value:
    return lambda one, _: getattr(one, name)


def _version(name: str, of_run: str = "") -> _Value:
    """A version that the service records with the decision, and a run once for all of its own."""
    return lambda one, run: one.versions.get(name) if run is None else (getattr(run, of_run) if of_run else None)


def _decision_moment(one: Decision, run: TargetingRun | None) -> datetime:
    if run is not None:
        return run.created_at
    return one.moment if one.decided_at is not None else datetime.fromisoformat(one.recorded_at)


def _day(one: Decision, run: TargetingRun | None) -> date:
    return _decision_moment(one, None).date() if run is None else run.day


# `day`: that a run targets; else that of the moment. None in a column: the record has no such value.
_COLUMNS: tuple[tuple[pa.Field, _Value], ...] = (
    (pa.field("decision_id", pa.string(), nullable=False), _of("event_id")),
    (pa.field("source", pa.string(), nullable=False), lambda _, run: "service" if run is None else "run"),
    (pa.field("run_id", pa.string()), lambda one, _: one.run_id or None),
    (pa.field("decided_at", pa.timestamp("us"), nullable=False), _decision_moment),
    (pa.field("day", pa.date32(), nullable=False), _day),
    (pa.field("declaration_id", pa.string(), nullable=False), _of("declaration_id")),
    (pa.field("declaration_version", pa.int32(), nullable=False), _of("declaration_version")),
    (pa.field("office", pa.string(), nullable=False), _of("office")),
    (pa.field("lane", pa.string(), nullable=False), _of("lane")),
    (pa.field("inspects", pa.bool_()), _of("inspects")),
    (pa.field("basis", pa.string(), nullable=False), _of("basis")),
    (pa.field("detail", pa.string(), nullable=False), _of("detail")),
    (pa.field("fallback", pa.string()), _of("fallback")),
    (pa.field("inclusion_probability", pa.float64(), nullable=False), _of("inclusion_probability")),
    (pa.field("rank", pa.int32()), _of("rank")),
    (pa.field("fraud_probability", pa.float64()), _of("fraud_probability")),
    (pa.field("expected_revenue", pa.float64()), _of("expected_revenue")),
    (pa.field("currency", pa.string()), lambda one, run: one.currency if run is None else None),
    (pa.field("items", pa.int32(), nullable=False), lambda one, _: len(one.items)),
    (pa.field("software_version", pa.string()), _version("software", "software_version")),
    (pa.field("model_version", pa.string()), _version("model", "model_version")),
    (pa.field("profiles", pa.string()), _version("profiles")),
    (pa.field("policy_digest", pa.string()), _version("policy_digest", "policy_digest")),
    (pa.field("entry_hash", pa.string(), nullable=False), _of("entry_hash")),
)
DECISIONS = pa.schema([field for field, _ in _COLUMNS])


def decisions_table(decisions: Iterable[Decision], runs: _Runs) -> pa.Table:
    """The table of some decisions. ``runs``: by id, of those that are of a run. Raises KeyError when one lacks.

    >>> decisions_table([], {}).num_rows
    0
    """
    known = [(one, runs[one.run_id] if one.run_id else None) for one in decisions]
    arrays = [pa.array([value(one, run) for one, run in known], type=field.type) for field, value in _COLUMNS]
    return pa.Table.from_arrays(arrays, schema=DECISIONS)
