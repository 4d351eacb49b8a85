"""Which inspector is given a declaration: the one with the fewest that wait, or one who is drawn.

Enters: the inspectors of an office with their loads, a seed, the declaration's number. Leaves: one of them. Never here:
a clock, a generator: the same record gives the same officer again.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from basira.selection.policy.officers import ChosenBy


def choose_officer(loads: Mapping[str, int], chosen_by: ChosenBy, *, seed: int, of: str) -> str:
    """The officer who is given a declaration. ``loads``: how many wait for each officer, by user id; at least one
    officer. ``seed``: secret, so that nobody can know who will be drawn. ``of``: what the draw is of, such as the
    number and how often it was given; another text draws anew. Of equal loads one is drawn.

    Raises ValueError without an officer.

    >>> choose_officer({"u-1": 4, "u-2": 2}, "load", seed=1, of="303-2026-1")
    'u-2'
    """
    if not loads:
        raise ValueError("no officer")
    least = min(loads.values())
    among = sorted(name for name, load in loads.items() if chosen_by != "load" or load == least)
    drawn = hmac.new(str(seed).encode(), of.encode(), hashlib.sha256).digest()
    # 256 bits over some officers: the bias is beyond measure.
    return among[int.from_bytes(drawn) % len(among)]
