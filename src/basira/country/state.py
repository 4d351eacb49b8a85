"""What a country remembers from one block of days to the next.

Enters: traders, a plan. Leaves: a `State`, the only mutable thing of the room; it belongs to one
`LiveCountry` and is changed only by the reactions and by the counters of identifiers.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from basira.country.arithmetic import Bools, Floats, Ints
from basira.country.conduct import Plan
from basira.country.traders import Traders


@dataclass
class State:
    """Traders as they are now: identity, boldness, pauses, habits; and what the administration knows."""

    identity: Ints  # by trader: index into Traders.ice
    next_identity: int
    boldness: Floats  # by trader, 0 to 1
    paused_until: Ints  # by trader, day number
    tie_declarant: Ints
    tie_office: Ints
    line_usage: Floats
    identity_first_day: Ints  # by identity, day number; a large number until first seen
    identity_last_finding: Ints  # by identity, day a finding was last recorded; very negative when never
    sequence: dict[tuple[int, int], int] = field(default_factory=dict)  # (office, year): last number given
    renamed: list[tuple[int, int, int, int]] = field(default_factory=list)  # day, trader, old and new identity


UNSEEN = 10**7
NEVER = -(10**7)


def new_state(traders: Traders, plan: Plan, rng: np.random.Generator) -> State:
    """The state before the first day."""
    n = len(traders.trader_sector)
    return State(
        identity=np.arange(n),
        next_identity=n,
        boldness=0.6 + 0.4 * rng.random(n),
        paused_until=np.zeros(n, np.int64),
        tie_declarant=traders.tie_declarant.copy(),
        tie_office=traders.tie_office.copy(),
        line_usage=plan.line_usage.copy(),
        identity_first_day=np.full(len(traders.ice), UNSEEN),
        identity_last_finding=np.full(len(traders.ice), NEVER),
    )


def is_active(plan: Plan, state: State, trader: Ints, day: Ints) -> Bools:
    """The trader is in a spell of fraud that day, and not lying low."""
    return (plan.spell_start[trader] <= day) & (day < plan.spell_end[trader]) & (state.paused_until[trader] <= day)
