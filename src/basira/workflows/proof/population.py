"""The declarations of a period with what was decided, what was found, and what is said of both.

Enters: the record of decisions, the history, two days, the last day whose results count. Leaves: a table, one row a
declaration, and counts of what was left out. Never here: an estimate.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from basira.decisions.events import Cancellation, Reselection, read_record
from basira.feedback.labels import label_items
from basira.models.risk.delay import delay_weights
from basira.schema.days import day_of
from basira.schema.errors import UsageError
from basira.schema.rows import RunRow
from basira.selection.policy.load import restore_policy
from basira.storage.engine import fetch_frame, open_engine
from basira.storage.history.store import History, register
from basira.storage.record.events import find_range, record_identity
from basira.storage.record.runs import Operations
from basira.workflows.engine import EngineBounds
from basira.workflows.records.decisions import read_decisions

SOURCES = ("random", "mandatory", "rule", "model", "fallback")
OFFICERS = "officers"
_PART = 2_000


@dataclass(frozen=True)
class Population:
    """``table``: one row a declaration: ``declaration_id``, ``office``, ``lane``, ``basis``, ``inclusion_probability``,
    ``fraud_probability``, ``expected_revenue``, ``model_version``, ``policy_digest``; ``is_selected`` (into a lane that
    inspects); ``reselected_to`` ("inspect", "release" or null); ``chapter``, ``origin`` (of the item of the largest
    value; "" unknown); ``is_known``, ``is_irregular``, ``revenue`` (null without an amount), ``late`` (what a known
    result stands for). ``decided_again``: declarations with an earlier decision of the period, of which the last one
    counts. ``cancelled``: left out. ``not_in_history``: of them nothing is known but the decision."""

    table: pl.DataFrame
    decided_again: int
    cancelled: int
    not_in_history: int
    is_simulated: bool


def read_population(
    history: History,
    place: str | Path,
    *,
    first: date,
    last: date,
    as_of: date,
    engine: EngineBounds | None = None,
) -> Population:
    """The declarations decided from ``first`` to ``last``, with what results and officers said by the end of ``as_of``.

    Raises UsageError when nothing was decided then; StoreError.
    """
    with Operations(place, create=False) as operations:
        frame = pl.DataFrame(read_decisions(operations, first=first, last=last))
        if frame.is_empty():
            raise UsageError(
                "Expected decisions on declarations from {first} to {last}, found none on record.",
                hint="Choose a period that `basira target` or the service decided.",
                first=first,
                last=last,
            )
        inspecting = {
            run["policy_digest"]: _inspecting_lanes(run)
            for run in operations.find_runs()
            if first.isoformat() <= run["day"] <= last.isoformat()
        }
        moved, cancelled = _changes_of_officers(operations, as_of)
    selected = [
        bool(lane in inspecting[digest]) if inspects is None else bool(inspects)
        for inspects, lane, digest in frame.select("inspects", "lane", "policy_digest").iter_rows()
    ]
    frame = frame.with_columns(pl.Series("is_selected", selected)).with_row_index("order")
    latest = frame.sort("decided_at", "order").unique("declaration_id", keep="last", maintain_order=True)
    again = int((frame["declaration_id"].value_counts()["count"] > 1).sum())
    kept = latest.filter(~pl.col("declaration_id").is_in(sorted(cancelled)))
    facts = _facts(history, kept.select("declaration_id"), as_of=as_of, engine=engine)
    joined = kept.join(facts, on="declaration_id", how="left").with_columns(
        pl.col("declaration_id").replace_strict(moved, default=None, return_dtype=pl.String).alias("reselected_to")
    )
    missing = int(joined["chapter"].null_count())
    table = joined.with_columns(
        pl.col("chapter", "origin").fill_null(""),
        pl.col("is_known").fill_null(value=False),
        pl.col("late").fill_null(1.0),
    )
    return Population(table, again, latest.height - kept.height, missing, history.snapshot().is_simulated)


def _inspecting_lanes(run: RunRow) -> frozenset[str]:
    return frozenset(lane.id for lane in restore_policy(run["policy_text"]).lanes if lane.inspects)


def _changes_of_officers(operations: Operations, as_of: date) -> tuple[dict[str, str], set[str]]:
    """Where officers had moved declarations by the end of ``as_of`` ("inspect" or "release"), and which ones had been
    cancelled."""
    moved: dict[str, str] = {}
    cancelled: set[str] = set()
    after = 0
    with operations.database.read() as connection:
        _, end = record_identity(connection)
        while rows := find_range(connection, ("reselection", "cancellation"), after=after, until=end, limit=_PART):
            for row in rows:
                if row["recorded_at"][:10] > as_of.isoformat():
                    continue
                one = read_record(row)
                if isinstance(one, Cancellation):
                    cancelled.add(row["declaration_id"])
                elif isinstance(one, Reselection):
                    moved[row["declaration_id"]] = "inspect" if one.inspects else "release"
            after = rows[-1]["sequence"]
    return moved, cancelled


def _facts(history: History, wanted: pl.DataFrame, *, as_of: date, engine: EngineBounds | None) -> pl.DataFrame:
    """Of each declaration in the history: what it is, as first registered, and what is known of it."""
    engine = engine or EngineBounds()
    snapshot = history.verified_snapshot()
    with open_engine(reads=snapshot.all_files(), memory=engine.memory, threads=engine.threads) as con:
        register(con, snapshot)
        label_items(con, as_of_day=day_of(as_of), into="label")
        found = fetch_frame(
            con,
            """with first_version as (
  select declaration_id, min(declaration_version) as declaration_version from items group by declaration_id
), largest as (
  select i.declaration_id, i.declared_day, left(i.commodity_code, 2) as chapter,
    coalesce(i.origin_country, '') as origin
  from items i join first_version using (declaration_id, declaration_version)
  qualify row_number() over (
    partition by i.declaration_id order by i.customs_value_amount desc nulls last, i.item_number
  ) = 1
), result as (
  select declaration_id, bool_or(is_irregular) as is_irregular, max(known_day) as known_day,
    sum(revenue) filter (is_irregular) as revenue
  from label group by declaration_id
)
select l.declaration_id, coalesce(l.chapter, '') as chapter, l.origin, l.declared_day, r.known_day, r.is_irregular,
  r.revenue, r.declaration_id is not null as is_known
from largest l left join result r using (declaration_id) order by l.declaration_id""",
        )
    # Delays are learned from every result of the history: those of the period are few, and the late ones lack.
    known = found.filter("is_known")
    late = delay_weights(
        (day_of(as_of) - known["declared_day"]).to_numpy(),
        (known["known_day"] - known["declared_day"]).to_numpy(),
        known["is_irregular"].cast(pl.Boolean).to_numpy(),
    )
    weighed = known.select("declaration_id").with_columns(pl.Series("late", late, dtype=pl.Float64))
    return wanted.join(
        found.join(weighed, on="declaration_id", how="left").drop("declared_day", "known_day"), on="declaration_id"
    )
