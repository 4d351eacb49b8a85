"""Part C: what was possible at the same capacity, knowing only what was known.

Enters: later declarations with the rank that a model gave them, which had learned before their first day. Leaves: the
part "possible". Never here: a figure for what nobody inspected: it is bounded, or estimated from a random control.

A model would have chosen other declarations than the administration. Of those that both chose the result is known; of
the others it is not. So what the model would have found lies between what is known in its choice (worst case: nothing
irregular in the rest) and that with all the rest irregular (best case). Where random controls fall in the rest, their
rate estimates it: they were drawn without regard to what the model thinks.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from basira.diagnose.findings import Cell, Column, Finding, Interval, Part, Said, Table, Unjudged
from basira.diagnose.statistics import Flags, Floats, Ints, share_of

_SHARES = (0.1, 0.2, 0.5)
FEWEST_KNOWN = 50
FEWEST_DRAWN = 10
RESAMPLES = 500


def judge_possible(ranked: pl.DataFrame, *, is_random_sound: bool, seed: int) -> Part:
    """The part "possible".

    ``ranked``: one row a declaration of the later periods: ``fold`` (text of its first day), ``office``, ``day``,
    ``is_known``, ``is_irregular``, ``revenue`` (null: none), ``is_random``, ``value`` (larger ranks first; null: no
    score). ``is_random_sound``: nothing says that the random control is picked. ``seed``: of the bootstrap.
    """
    known = int(ranked["is_known"].sum())
    found = int((ranked["is_known"] & ranked["is_irregular"]).sum())
    if known < FEWEST_KNOWN or found == 0:
        return Part("possible", unjudged=(Unjudged("possible", ("is_irregular",)),))
    frame = ranked.with_columns(
        pl.col("value").fill_null(float("-inf")),
        queue=pl.struct("office", "day").rank("dense").cast(pl.Int64) - 1,
        hit=pl.col("is_known") & pl.col("is_irregular"),
        amount=pl.when(pl.col("is_known") & pl.col("is_irregular"))
        .then(pl.col("revenue").fill_null(0.0))
        .otherwise(0.0),
    )
    order, findings = _order(frame, seed=seed)
    capacity = _capacity(frame, is_random_sound=is_random_sound)
    return Part("possible", (capacity, order), tuple(findings))


def choose(value: Floats, queue: Ints, count_of: Flags) -> Flags:
    """As many of each queue as ``count_of`` marks there, those of the largest value; of equals the earlier one."""
    order = np.lexsort((np.arange(len(value)), -value, queue))
    sizes = np.bincount(queue)
    place = np.arange(len(value)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    wanted = np.bincount(queue, weights=count_of)
    taken = np.zeros(len(value), dtype=bool)
    taken[order] = place < wanted[queue[order]]
    return taken


def _capacity(frame: pl.DataFrame, *, is_random_sound: bool) -> Table:
    """Today's choice, and the model's at the capacity of each office and day."""
    known: Flags = frame["is_known"].to_numpy()
    hit: Flags = frame["hit"].to_numpy()
    amount: Floats = frame["amount"].to_numpy()
    drawn: Flags = frame["is_random"].to_numpy() & known
    taken = choose(frame["value"].to_numpy(), frame["queue"].to_numpy().astype(np.int64), known)
    own = int((hit & taken).sum())
    unknown = int((taken & ~known).sum())
    estimate = Interval(None, 0.0, 0.0)
    inside = drawn & taken
    if is_random_sound and int(inside.sum()) >= FEWEST_DRAWN:
        estimate = _estimate(taken, known & ~drawn, hit, inside, bounds=(own, own + unknown))
    rows: tuple[tuple[Cell, ...], ...] = (
        ("choice.today", int(known.sum()), int(hit.sum()), float(amount.sum()), int(hit.sum()), int(hit.sum()), None),
        ("choice.model", int(taken.sum()), own, float((amount * taken).sum()), own, own + unknown, estimate),
    )
    columns = (
        *(Column("choice", "word"), Column("controls", "count"), Column("found_known", "count")),
        *(Column("revenue_known", "money"), Column("worst_case", "count"), Column("best_case", "count")),
        Column("estimated_found", "count"),
    )
    return Table("possible.capacity", columns, rows)


def _estimate(taken: Flags, by_rule: Flags, hit: Flags, inside: Flags, *, bounds: tuple[int, int]) -> Interval:
    """What the choice ``taken`` would have found, from the random controls ``inside`` it; within ``bounds``.

    They speak of the whole choice where the control is drawn from everything, and of what no rule selected where it is
    drawn from that. Which it is nobody says: the interval holds both.
    """
    rate = share_of(int((hit & inside).sum()), int(inside.sum()))
    size, known = int(taken.sum()), int((taken & by_rule).sum())
    found = int((hit & taken & by_rule).sum())
    both = [(size * share, found + (size - known) * share) for share in (rate.low, rate.value or 0.0, rate.high)]
    low, middle, high = min(both[0]), sum(both[1]) / 2, max(both[2])
    return Interval(*(min(max(one, bounds[0]), bounds[1]) for one in (middle, low, high)))


def _order(frame: pl.DataFrame, *, seed: int) -> tuple[Table, list[Finding]]:
    """Of what was inspected: how much of the findings and of the revenue the first in the model's order hold."""
    part = frame.filter("is_known").sort("value", descending=True, maintain_order=True)
    hit: Floats = part["hit"].to_numpy().astype(np.float64)
    amount: Floats = part["amount"].to_numpy()
    generator = np.random.default_rng(seed)
    draws = generator.multinomial(len(hit), np.full(len(hit), 1 / len(hit)), size=RESAMPLES).astype(np.float64)
    rows: list[tuple[Cell, ...]] = []
    for share in _SHARES:
        found = _held(hit, draws, share)
        revenue = _held(amount, draws, share) if amount.sum() > 0 else Interval(None, 0.0, 0.0)
        rows.append((share, max(1, int(share * len(hit))), found, revenue))
    columns = (
        *(Column("controls_share", "share"), Column("controls", "count")),
        *(Column("findings_share", "share"), Column("revenue_share", "share")),
    )
    half = rows[-1][2]
    findings = []
    if isinstance(half, Interval) and half.low > _SHARES[-1]:
        values = {
            "share": Said(_SHARES[-1], "share"),
            "found": Said(half.value, "share"),
            "low": Said(half.low, "share"),
            "controls": Said(len(hit), "count"),
        }
        findings.append(Finding("order_helps", "low", "possible.order", values))
    return Table("possible.order", columns, tuple(rows)), findings


def _held(amounts: Floats, draws: Floats, share: float) -> Interval:
    """The part of all amounts in the first ``share`` of the rows, with its percentile interval over ``draws``."""

    def of(weights: Floats) -> Floats:
        running = np.cumsum(weights, axis=1)
        before = running - weights
        limit = share * running[:, -1:]
        inside = np.clip(limit - before, 0.0, weights)
        held: Floats = (inside * amounts).sum(axis=1) / np.maximum(1e-12, (weights * amounts).sum(axis=1))
        return held

    low, high = np.percentile(of(draws), (2.5, 97.5))
    return Interval(float(of(np.ones((1, len(amounts))))[0]), float(low), float(high))
