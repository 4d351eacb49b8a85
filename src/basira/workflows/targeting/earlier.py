"""What was recorded before a day is targeted: an earlier run of the same day, and the results of the day before.

Enters: a store with its record, a day. Leaves: what a second run would change; what became of the last list. Never
here: a record; a result that became known after `as_of`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import pyarrow as pa

from basira.decisions.records import Decision, TargetingRun
from basira.engines.engine import Engine
from basira.render.languages import LANGUAGES
from basira.schema.codes import DEFAULT_CURRENCY
from basira.schema.days import day_of
from basira.selection.policy.load import restore_policy
from basira.storage.draw_seeds import seed_of_day as kept_seed
from basira.storage.engine import open_engine
from basira.storage.history.store import History, Snapshot, register
from basira.storage.record.runs import Operations
from basira.workflows.targeting.record import operations_of
from basira.workflows.targeting.target import Order, Targeted

# Runs that are looked at for the last day before: an installation targets a day a few times at most.
_MOST_RUNS = 200


@dataclass(frozen=True)
class LaneChange:
    """A declaration whose lane a second run would change. ``before``, ``after``: lanes; None: it had none, has none."""

    declaration_id: str
    office: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class EarlierRun:
    """The latest recorded run of the same day, and what the new one changes of it, by declaration.

    ``changes``: of the declarations that both look at; empty where every lane is the same. ``inspected_before`` and
    ``inspected_after``: declarations in a lane that inspects.
    """

    run_id: str
    created_at: datetime
    changes: tuple[LaneChange, ...]
    inspected_before: int
    inspected_after: int


@dataclass(frozen=True)
class LaneResults:
    """What became of a list's declarations of one lane that were selected on one basis.

    ``selected``: how many; ``inspected``: with a result, or whose inspection is recorded; ``irregular``: of these,
    with an irregularity; ``revenue_amount``: additional duties and taxes recovered, in the currency of the store.
    """

    lane: str
    lane_labels: Mapping[str, str]
    basis: str
    selected: int
    inspected: int
    irregular: int
    revenue_amount: float


@dataclass(frozen=True)
class PreviousResults:
    """The results of the last day that was targeted before. ``known_until``: no later result is counted."""

    day: date
    known_until: date
    run_ids: tuple[str, ...]
    currency: str
    lanes: tuple[LaneResults, ...]


def seed_of_day(history: History, day: date) -> int:
    """The seed of a day's random control: the same for its previews and its runs. See `storage.draw_seeds`."""
    return kept_seed(history.root, day)


def find_earlier_run(history: History, targeted: Targeted) -> EarlierRun | None:
    """The latest recorded run of the day that looked at the same declarations, and what ``targeted`` changes of it.

    None when the day has none, or only of other offices.
    """
    new, place = targeted.run, operations_of(history)
    if not place.is_file():
        return None
    with Operations(place, create=False) as operations:
        for row in operations.find_runs(day=new.day.isoformat()):
            run = TargetingRun.from_row(row)
            if run.run_id != new.run_id and _overlap(run, new):
                recorded = [Decision.from_row(one) for one in operations.decisions_of(run.run_id)]
                return _compare(run, recorded, new, targeted.decisions)
    return None


def _overlap(one: TargetingRun, other: TargetingRun) -> bool:
    offices = {one.options.get("office"), other.options.get("office")}
    return None in offices or len(offices) == 1


def _compare(
    run: TargetingRun, recorded: Sequence[Decision], new: TargetingRun, made: Sequence[Decision]
) -> EarlierRun:
    wanted = {run.options.get("office"), new.options.get("office")} - {None}
    before, after = (
        {one.declaration_id: one for one in decisions if not wanted or one.office in wanted}
        for decisions in (recorded, made)
    )
    changes = [
        LaneChange(
            number, (after.get(number) or before[number]).office, _lane(before.get(number)), _lane(after.get(number))
        )
        for number in dict.fromkeys([*before, *after])
        if _lane(before.get(number)) != _lane(after.get(number))
    ]
    return EarlierRun(
        run.run_id,
        run.created_at,
        tuple(sorted(changes, key=lambda one: (one.office, one.declaration_id))),
        _count_inspected(run, before.values()),
        _count_inspected(new, after.values()),
    )


def _lane(decision: Decision | None) -> str | None:
    return None if decision is None else decision.lane


def _count_inspected(run: TargetingRun, decisions: Iterable[Decision]) -> int:
    inspecting = _inspecting(run)
    return sum(one.lane in inspecting for one in decisions)


def _inspecting(run: TargetingRun) -> Mapping[str, Mapping[str, str]]:
    """The lanes that inspect under the policy of a run, the most intensive last, each with its labels by language."""
    lanes = restore_policy(run.policy_text).lanes
    return {lane.id: {name: lane.label.text(name) for name in LANGUAGES} for lane in lanes if lane.inspects}


def previous_results(history: History, order: Order, *, snapshot: Snapshot | None = None) -> PreviousResults | None:
    """What became of the list of the last day before ``order.day`` that has a recorded run, as known at its ``as_of``.

    Of a declaration that several runs of that day decided, the latest counts. None when no earlier day has one.
    """
    place = operations_of(history)
    if not place.is_file():
        return None
    with Operations(place, create=False) as operations:
        runs = [TargetingRun.from_row(row) for row in operations.find_runs(limit=_MOST_RUNS)]
        runs = [run for run in runs if run.day < order.day and run.options.get("office") in (None, order.office)]
        if not runs:
            return None
        day = max(run.day for run in runs)
        runs = [run for run in runs if run.day == day]
        latest: dict[str, tuple[TargetingRun, Decision]] = {}
        for run in runs:  # the latest first
            for row in operations.decisions_of(run.run_id):
                decision = Decision.from_row(row)
                if order.office is None or decision.office == order.office:
                    latest.setdefault(decision.declaration_id, (run, decision))
    labels = {run.run_id: _inspecting(run) for run in runs}
    chosen = {number: pair for number, pair in latest.items() if pair[1].lane in labels[pair[0].run_id]}
    snapshot = snapshot or history.verified_snapshot()
    with open_engine(reads=snapshot.all_files()) as con:
        register(con, snapshot)
        found = _results(con, tuple(chosen), as_of_day=day_of(order.as_of))
    groups: dict[tuple[str, str], list[tuple[TargetingRun, Decision]]] = {}
    for pair in chosen.values():
        groups.setdefault((pair[1].lane, pair[1].basis), []).append(pair)
    ranks = {lane: place for run in reversed(runs) for place, lane in enumerate(labels[run.run_id])}
    lanes = []
    for (lane, basis), pairs in sorted(groups.items(), key=lambda one: (-ranks[one[0][0]], one[0][1])):
        known = [found[d.declaration_id] for _, d in pairs if d.declaration_id in found]
        lanes.append(
            LaneResults(
                lane,
                labels[pairs[0][0].run_id][lane],
                basis,
                len(pairs),
                sum(one.is_inspected for one in known),
                sum(one.is_irregular for one in known),
                math.fsum(one.revenue_amount for one in known),
            )
        )
    currencies = {one.currency for one in found.values() if one.currency}
    currency = currencies.pop() if len(currencies) == 1 else DEFAULT_CURRENCY
    return PreviousResults(day, order.as_of, tuple(run.run_id for run in runs), currency, tuple(lanes))


@dataclass(frozen=True)
class _Result:
    is_inspected: bool
    is_irregular: bool
    revenue_amount: float
    currency: str | None


def _results(con: Engine, declarations: Sequence[str], *, as_of_day: int) -> dict[str, _Result]:
    """The results of declarations as known on a day, by number; those without one are absent.

    A result of the whole declaration and those of its items may both be recorded: the larger revenue counts, once.
    """
    if not declarations:
        return {}
    con.register("selected_before", pa.table({"declaration_id": pa.array(declarations, pa.string())}))
    rows = con.fetch_rows(
        """with latest as (
  select declaration_id, item_number, is_inspected, is_irregular, additional_revenue_amount as revenue
  from outcomes semi join selected_before using (declaration_id)
  where known_day <= $day
  qualify row_number() over (
    partition by declaration_id, coalesce(item_number, 0)
    order by known_at desc, received_at desc, source desc, source_row desc
  ) = 1
), currency as (
  select declaration_id, max(value_currency) as currency
  from items semi join selected_before using (declaration_id) group by declaration_id
)
select declaration_id, bool_or(coalesce(is_inspected, false) or is_irregular is not null),
  bool_or(coalesce(is_irregular, false)),
  greatest(
    coalesce(sum(revenue) filter (where item_number is not null), 0),
    coalesce(max(revenue) filter (where item_number is null), 0)
  ),
  max(currency)
from latest left join currency using (declaration_id) group by declaration_id""",
        {"day": as_of_day},
    )
    con.execute("drop table selected_before")
    return {str(row[0]): _Result(bool(row[1]), bool(row[2]), float(row[3]), row[4]) for row in rows}
