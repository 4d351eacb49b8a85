"""What each order would select, and what each design of the random control would teach: a policy looked at before it
changes.

Enters: a store, days, a model, a policy. Leaves: by office and order what would be inspected and what is expected of
it; from the model's card what each order would have found of later results. Never here: a record; a result of the days
themselves; a model that knows them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from basira.models.risk.risk_model import RiskModel
from basira.schema.days import day_of
from basira.schema.errors import UsageError
from basira.schema.json_values import JsonObject
from basira.schema.records import Candidate
from basira.selection.batch.allocate import allocate
from basira.selection.mandatory import in_one_form
from basira.selection.policy.model import Order, Policy
from basira.selection.policy.random_control import Design
from basira.selection.ranking import in_force
from basira.storage.engine import open_engine
from basira.storage.history.store import History, register
from basira.workflows.engine import EngineBounds, Progress, silent
from basira.workflows.targeting.assess import assess
from basira.workflows.targeting.designs import DESIGNS, DesignSums, DesignWorth, with_design
from basira.workflows.targeting.score import items_declared

ORDERS: tuple[Order, ...] = ("balanced", "findings", "revenue")
EVERY_OFFICE = "*"


@dataclass(frozen=True)
class Selected:
    """What one order selects at one office over the days; ``office`` "*": at all of them.

    ``inspected``: declarations in a lane that inspects, on whatever basis; ``by_model``: of them, by their rank.
    ``expected_findings``, ``expected_revenue``: sums over those inspected with a score; the amount is in the history's
    currency. ``others``: inspected declarations that the policy's present order would not inspect.
    """

    office: str
    order: Order
    inspected: int
    by_model: int
    expected_findings: float
    expected_revenue: float
    others: int


@dataclass(frozen=True)
class OrderPreview:
    """``order``: of the policy now; ``exponent``: in force, None where no stake is weighed. ``declarations``: how many
    were looked at.

    ``selected``: by office, then order. ``designs``: what each design of the random control would teach, under the
    present order; ``design``: the policy's now. ``past``: of the model's card, "later" as `models.risk.stakes`
    describes it: what each order would have found of later results, with intervals; None of a model without any.
    """

    first: date
    last: date
    order: Order
    exponent: float | None
    model_version: str
    declarations: int
    selected: tuple[Selected, ...]
    past: JsonObject | None
    design: Design = "plain"
    designs: tuple[DesignWorth, ...] = ()


@dataclass(frozen=True)
class PreviewedDays:
    """What is looked at: the days from ``first`` to ``last``, both included, each described as of the day before it.

    ``seed``: of the random control, the same for every order. ``office``, ``any_office``: as for `order_day`.
    """

    first: date
    last: date
    seed: int = 0
    office: str | None = None
    any_office: bool = False


def preview_orders(
    history: History,
    days: PreviewedDays,
    *,
    model: RiskModel,
    policy_on: Callable[[date], Policy],
    engine: EngineBounds | None = None,
    progress: Progress = silent,
) -> OrderPreview:
    """Allocate each day under every order and every design of the random control, and compare. Nothing is recorded.

    Parameters
    ----------
    model : it must know nothing later than the day before the first one.
    policy_on : the policy in force on a day. The order that the others are compared with is that of the last day.

    Raises UsageError when no day has declarations that a queue would hold, PolicyError as ``policy_on``.
    """
    engine = engine or EngineBounds()
    first, last = days.first, days.last
    now = policy_on(last).objective
    orders: Sequence[Order] = ORDERS if now.order in ORDERS else (*ORDERS, now.order)
    snapshot = history.verified_snapshot()
    total = 0
    sums: dict[tuple[str, Order], list[float]] = {}
    taught = {design: DesignSums() for design in DESIGNS}
    count = (last - first).days + 1
    for number in range(count):
        day = first + timedelta(days=number)
        progress(number, count, str(day))
        with open_engine(reads=snapshot.all_files(), memory=engine.memory, threads=engine.threads) as con:
            register(con, snapshot)
            if items_declared(con, day, day, into="to_target", office=days.office) == 0:
                continue
            # A preview counts: no reason is written, and no rule asked.
            assessed = assess(con, "to_target", as_of_day=day_of(day) - 1, model=model, has_expected=False)
        candidates = assessed.candidates()
        policy = policy_on(day)
        listed = [in_one_form(one) for one in candidates]
        if policy.offices and not days.any_office:
            listed = [one for one in listed if one.office in policy.offices]
        total += len(listed)
        _add_day(sums, listed, policy, orders, present=now.order, day=day, seed=days.seed)
        for design, so_far in taught.items():
            given = allocate(listed, with_design(policy, design), day=day, seed=days.seed)
            so_far.add(listed, given.selections)
    progress(count, count, "done")
    if total == 0:
        raise UsageError(
            "Expected declarations from {first} to {last} of offices of the policy, found none.",
            hint="Choose other days, or take every code for an office with --any-office.",
            first=first,
            last=last,
        )
    scale = in_force(model.stake_scale, now)
    return OrderPreview(
        first=first,
        last=last,
        order=now.order,
        exponent=None if scale is None else scale.exponent,
        model_version=model.version,
        declarations=total,
        selected=tuple(
            Selected(at, order, int(s[0]), int(s[1]), s[2], s[3], int(s[4]))
            for (at, order), s in sorted(sums.items(), key=lambda one: (one[0][0], orders.index(one[0][1])))
        ),
        past=(model.card.get("order") or {}).get("later"),
        design=policy_on(last).random_control.design,
        designs=tuple(one.worth(design) for design, one in taught.items()),
    )


def _add_day(
    sums: dict[tuple[str, Order], list[float]],
    candidates: Sequence[Candidate],
    policy: Policy,
    orders: Sequence[Order],
    *,
    present: Order,
    day: date,
    seed: int,
) -> None:
    inspecting = {lane.id for lane in policy.lanes if lane.inspects}
    chosen: dict[Order, Mapping[int, bool]] = {}  # position: whether by its rank
    for order in orders:
        found = allocate(candidates, policy.with_order(order), day=day, seed=seed).selections
        chosen[order] = {i: one.basis == "model" for i, one in enumerate(found) if one.lane in inspecting}
    for order, inspected in chosen.items():
        for position in range(len(candidates)):
            one = candidates[position]
            for at in (one.office, EVERY_OFFICE):
                row = sums.setdefault((at, order), [0.0] * 5)
                if position in inspected:
                    row[0] += 1
                    row[1] += inspected[position]
                    row[2] += one.fraud_probability or 0.0
                    row[3] += one.expected_revenue or 0.0
                    row[4] += position not in chosen[present]
