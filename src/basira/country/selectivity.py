"""The legacy selectivity: rules of uneven worth, officers' opinion, a small random share, a capacity.

Enters: a block as declared, what the administration knows, a random stream. Leaves: a lane and a basis
for each declaration. Never here: the truth (this code sees declared values only, and findings that are
already known).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from basira.country.arithmetic import Bools, Floats, Ints, exp
from basira.country.conduct import Plan
from basira.country.falsification import Block
from basira.country.faults import DEAD_POINTS, Planted, choose_among_small
from basira.country.markets import Markets
from basira.country.nomenclature import Nomenclature
from basira.country.scenario import Scenario
from basira.country.state import State
from basira.country.traders import Traders

LANES: tuple[str, ...] = ("VERT", "ORANGE", "ROUGE_PARTIEL", "ROUGE_INTEGRAL")
BASES: tuple[str, ...] = ("none", "rule", "random", "strategy")


@dataclass(frozen=True)
class Rulebook:
    """The legacy rules: arrays by commodity code, country, declarant."""

    indicator: Floats  # MAD per kg under which a value is doubted; 0 none
    code_points: Floats
    origin_points: Floats
    declarant_points: Floats


def make_rulebook(
    scenario: Scenario,
    traders: Traders,
    nomenclature: Nomenclature,
    markets: Markets,
    plan: Plan,
    rng: np.random.Generator,
) -> Rulebook:
    """Write the legacy rules: some follow what is really risky, a share follows nothing."""
    administration = scenario.administration
    n = len(nomenclature.code)
    risk = np.bincount(traders.line_code, weights=plan.line_usage, minlength=n)
    use = np.bincount(traders.line_code, minlength=n)
    stale = rng.random(n) < administration.stale_rules
    # Indicators go to the codes that are used most.
    indicated = np.zeros(n, np.bool_)
    indicated[np.argsort(-use, kind="stable")[: min(n, administration.indicators)]] = True
    level = np.where(stale, 0.15 + 0.2 * rng.random(n), 0.55 + 0.15 * rng.random(n))
    indicator = np.where(indicated, level * exp(_usual_log_value(traders, nomenclature, markets)), 0.0)
    ranked = np.argsort(-risk, kind="stable")
    listed = np.zeros(n, np.bool_)
    listed[ranked[: max(1, n // 8)]] = True
    listed = np.where(stale, rng.random(n) < 0.125, listed)
    by_origin = np.bincount(traders.line_origin, weights=plan.line_usage, minlength=len(markets.country)) / (
        1 + np.bincount(traders.line_origin, minlength=len(markets.country))
    )
    origin = np.zeros(len(markets.country))
    origin[np.argsort(-by_origin * (0.5 + rng.random(len(origin))), kind="stable")[:12]] = 0.6
    return Rulebook(
        indicator=indicator,
        code_points=np.where(listed, 0.9, 0.0),
        origin_points=origin,
        declarant_points=np.where(plan.declarant_is_bent & (rng.random(len(traders.declarant)) < 0.4), 0.7, 0.0),
    )


def _usual_log_value(traders: Traders, nomenclature: Nomenclature, markets: Markets) -> Floats:
    """Log MAD per kg of each code, averaged over the lines that trade it: what the valuation office has seen."""
    origin, code = traders.line_origin, traders.line_code
    deviation = markets.price_level[origin] + markets.price_of_origin[code, origin] + traders.line_log_price
    n = len(nomenclature.code)
    seen = np.maximum(1, np.bincount(code, minlength=n))
    return nomenclature.log_value_per_kg + np.bincount(code, weights=deviation, minlength=n) / seen


def select(
    block: Block,
    *,
    scenario: Scenario,
    traders: Traders,
    rulebook: Rulebook,
    state: State,
    rng: np.random.Generator,
    planted: Planted,
) -> tuple[Ints, Ints]:
    """Choose the declarations to inspect; returns lane and basis by declaration."""
    s, administration = block.shipments, scenario.administration
    score = _score(block, traders, rulebook, state, scenario)
    score = score + administration.discretion * rng.standard_normal(len(s.tie))
    shuffled = rng.random(len(s.tie))
    if not planted.is_none:
        score = score + DEAD_POINTS * planted.dead_hits(s.trader).any(axis=0)
        shuffled = choose_among_small(block, shuffled, share=scenario.faults.chosen_random)
    capacity = _capacity(block, scenario, rng.random(len(s.tie)))
    expected = capacity * administration.random_share
    # Small offices have a random control on some days only; the draw keeps the share right on average.
    drawn_first = (np.floor(expected) + (rng.random(len(capacity)) < expected - np.floor(expected))).astype(np.int64)
    group = s.office * 4096 + (s.day - s.day[0] if len(s.day) else s.day)
    # Random control first: the smallest random numbers of the office and day.
    lucky = _rank(group, shuffled) < np.minimum(drawn_first, capacity)[group_index(group)]
    by_rule = (
        _rank(group, np.where(lucky, 1e9, -score)) < (capacity - np.minimum(drawn_first, capacity))[group_index(group)]
    )
    chosen = lucky | (by_rule & ~lucky)
    if not planted.is_none:
        chosen = chosen & ~planted.is_favoured[s.trader]
        lucky = lucky & chosen
    basis = np.where(lucky, 2, np.where(chosen, 1, 0))
    return np.where(chosen, _lanes(chosen, group, score, scenario, rng), 0), basis


def rules_hit(
    block: Block,
    *,
    rulebook: Rulebook,
    state: State,
    planted: Planted,
    codes: Sequence[str],
    countries: Sequence[str],
) -> list[str]:
    """By declaration the rules that hit it, parted by `|`; "" none. Their names say kind and subject: "O-CN"."""
    s = block.shipments
    of = s.declaration
    value_per_kg = block.value / np.maximum(block.net_kg, 0.001)
    hits: list[set[str]] = [set() for _ in s.tie]

    def note(rows: Ints, names: list[str]) -> None:
        for row, name in zip(of[rows].tolist(), names, strict=True):
            hits[row].add(name)

    rows = np.flatnonzero(value_per_kg < rulebook.indicator[block.code])
    note(rows, [f"V-{codes[c][:2]}" for c in block.code[rows].tolist()])
    rows = np.flatnonzero(rulebook.code_points[block.code] > 0)
    note(rows, [f"C-{codes[c][:2]}" for c in block.code[rows].tolist()])
    rows = np.flatnonzero(rulebook.origin_points[block.origin] > 0)
    note(rows, [f"O-{countries[o]}" for o in block.origin[rows].tolist()])
    repeated = {f"O-{countries[o]}": f"P-{countries[o]}" for o in planted.repeated_origins(rulebook.origin_points)}
    rows = np.flatnonzero(block.taxes.duty_rate >= 0.3)
    note(rows, ["T-HIGH"] * len(rows))
    recent = s.day - state.identity_last_finding[s.identity] < 365
    young = s.day - state.identity_first_day[s.identity] < 90
    bent = rulebook.declarant_points[s.declarant] > 0
    dead = planted.dead_hits(s.trader)
    for n, own in enumerate(hits):
        own |= {name for name, is_hit in (("F-RECENT", recent[n]), ("N-NEW", young[n]), ("D-LIST", bent[n])) if is_hit}
        own |= {repeated[name] for name in own & repeated.keys()}
        own |= {f"X-{k + 1}" for k in np.flatnonzero(dead[:, n]).tolist()}
    return ["|".join(sorted(own)) for own in hits]


def group_index(group: Ints) -> Ints:
    """Groups numbered 0, 1, ... in order of their values."""
    return np.unique(group, return_inverse=True)[1]


def _score(block: Block, traders: Traders, rulebook: Rulebook, state: State, scenario: Scenario) -> Floats:
    """Points by declaration: its worst item's, and its header's."""
    s = block.shipments
    value_per_kg = block.value / np.maximum(block.net_kg, 0.001)
    points = (
        2.5 * (value_per_kg < rulebook.indicator[block.code])
        + rulebook.code_points[block.code]
        + rulebook.origin_points[block.origin]
        + 0.15 * (block.agreement > 0)
        + 0.5 * (block.taxes.duty_rate >= 0.3)
    )
    # Small consignments are waved through: traders know it.
    points = points - 0.8 * (block.value < scenario.conduct.threshold_amount)
    worst = np.maximum.reduceat(points, s.first_item[:-1]) if len(points) else points
    age = s.day - state.identity_first_day[s.identity]
    recent = s.day - state.identity_last_finding[s.identity] < 365
    points_of: Floats = (
        worst
        + 1.6 * recent
        + 0.5 * (age < 90)
        + rulebook.declarant_points[s.declarant]
        - 2.0 * traders.trader_is_oea[s.trader]
    )
    return points_of


def _capacity(block: Block, scenario: Scenario, u: Floats) -> Ints:
    """Inspections by (office, day) group, in the order of `group_index`."""
    s = block.shipments
    group = s.office * 4096 + (s.day - s.day[0] if len(s.day) else s.day)
    values, first, count = np.unique(group, return_index=True, return_counts=True)
    # The part of an inspection that is left over is done or not by a draw: no bias in small offices.
    expected = count * scenario.administration.inspection_rate
    whole = np.floor(expected)
    capacity = (whole + (u[first] < expected - whole)).astype(np.int64)
    for number, office in enumerate(scenario.trade.offices):
        if office.code in scenario.administration.capacity:
            capacity[values // 4096 == number] = scenario.administration.capacity[office.code]
    within: Ints = np.minimum(capacity, count)
    return within


def _rank(group: Ints, key: Floats) -> Ints:
    """Rank within the group, 0 for the smallest key."""
    order = np.lexsort((key, group))
    sorted_group = group[order]
    begins = np.flatnonzero(np.concatenate(([True], sorted_group[1:] != sorted_group[:-1]))) if len(group) else group
    place = np.arange(len(group)) - np.repeat(begins, np.diff(np.concatenate((begins, [len(group)]))))
    rank = np.empty(len(group), np.int64)
    rank[order] = place
    return rank


def _lanes(chosen: Bools, group: Ints, score: Floats, scenario: Scenario, rng: np.random.Generator) -> Ints:
    """Lane of the chosen: the higher the points, the heavier the lane, with the officer's own mind."""
    administration = scenario.administration
    mixed = score + rng.standard_normal(len(score))
    held = (
        np.bincount(group_index(group), weights=chosen.astype(np.float64))[group_index(group)] if len(group) else score
    )
    place = (_rank(group, np.where(chosen, -mixed, 1e9)) + rng.random(len(score))) / np.maximum(1, held)
    return np.where(
        place < administration.lane_full,
        3,
        np.where(place < administration.lane_full + administration.lane_partial, 2, 1),
    )
