"""How traders answer to what happened to them, and what the administration remembers of it.

Enters: a block, its findings, the state, a random stream. Leaves: the state, changed. Never here:
anything that the trader could not know: he sees his own inspections and findings, nothing else.
"""

from __future__ import annotations

import numpy as np

from basira.country.conduct import Plan
from basira.country.falsification import Block
from basira.country.inspection import Findings
from basira.country.scenario import DELIBERATE, Scenario
from basira.country.state import State
from basira.country.traders import Traders

_ANSWERS = ("stop", "shrink", "change_declarant", "change_office", "change_code", "change_identity")


def remember_arrivals(block: Block, state: State) -> None:
    """Note the first day on which each identity declared."""
    s = block.shipments
    np.minimum.at(state.identity_first_day, s.identity, s.day)


def react(
    block: Block,
    findings: Findings,
    *,
    scenario: Scenario,
    traders: Traders,
    plan: Plan,
    state: State,
    rng: np.random.Generator,
) -> None:
    """Let the caught answer and the unseen grow bolder."""
    s = block.shipments
    trader = s.trader[s.declaration]
    deliberate = (block.scheme >= 0) & (block.scheme < len(DELIBERATE))
    n = len(state.boldness)
    unseen = np.bincount(trader[deliberate & ~findings.is_inspected], minlength=n)
    state.boldness = np.minimum(1.0, state.boldness + scenario.conduct.probing * np.minimum(unseen, 5))
    caught = np.flatnonzero(np.bincount(trader[findings.is_found & deliberate], minlength=n))
    answers = scenario.conduct.answers
    bounds = np.cumsum([getattr(answers, name) for name in _ANSWERS])
    day = int(s.day[-1]) + 1 if len(s.day) else 0
    for firm, u in zip(caught.tolist(), rng.random(len(caught)), strict=True):
        chosen = int(np.searchsorted(bounds, u, side="right"))
        answer = _ANSWERS[chosen] if chosen < len(_ANSWERS) else ""
        ties = slice(*np.searchsorted(traders.tie_trader, (firm, firm + 1)).tolist())
        if answer == "stop":
            state.paused_until[firm] = day + int(rng.integers(60, 240))
        elif answer == "shrink":
            state.boldness[firm] = max(0.2, state.boldness[firm] / 2)
        elif answer == "change_declarant":
            state.tie_declarant[ties] = int(rng.integers(0, len(traders.declarant)))
        elif answer == "change_office":
            state.tie_office[ties] = int(rng.integers(0, len(traders.office_code)))
        elif answer == "change_code":
            _move_scheme(ties, traders, plan, state)
        elif answer == "change_identity":
            _begin_again(firm, day, traders, state)


def _move_scheme(ties: slice, traders: Traders, plan: Plan, state: State) -> None:
    """The firm's usage passes, in reverse order, to its other lines that allow the scheme."""
    lines = slice(int(traders.tie_first_line[ties.start]), int(traders.tie_first_line[ties.stop]))
    moved = np.where(plan.line_allows[lines], state.line_usage[lines][::-1], 0.0)
    if moved.any():
        state.line_usage[lines] = moved


def _begin_again(firm: int, day: int, traders: Traders, state: State) -> None:
    """A phoenix: a new identifier, the same suppliers, goods and declarant; none when none is left."""
    if state.next_identity >= len(traders.ice):
        return
    state.renamed.append((day, firm, int(state.identity[firm]), state.next_identity))
    state.identity[firm] = state.next_identity
    state.next_identity += 1
