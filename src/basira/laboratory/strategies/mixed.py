"""Mixtures: most of the budget to one strategy, the rest to exploration.

Enters: parts. Leaves: `Chosen`. Never here: what the parts do.

Parts choose one after the other, each among what the ones before it left. The last part of a mixture
takes what remains of the budget.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from basira.laboratory.strategies.published_columns import fit_published_columns
from basira.laboratory.strategies.scored import known_items
from basira.laboratory.worlds.view import Chosen, View
from basira.schema.errors import ModelError

Floats = NDArray[np.float64]
Choose = Callable[[View], Chosen]
Part = tuple[Choose, float]

# Shares of the budget that the adaptive mixture may explore with.
ARMS = (0.0, 0.05, 0.1, 0.2, 0.3)
# How much of its own draw the bandit keeps uniform, and how fast it believes rewards (Exp3).
_EXP3 = 0.2
_DRIFT_LEAST, _DRIFT_MOST = 0.02, 0.5


def whole_shares(k: int, shares: Sequence[float]) -> list[int]:
    """``k`` split by shares: each but the first rounded up; the first takes the rest, at least 1.

    >>> whole_shares(43, (0.9, 0.1)), whole_shares(1, (0.9, 0.1)), whole_shares(10, (1.0, 0.0))
    ([38, 5], [1, 0], [10, 0])
    """
    left = k
    found = []
    for share in shares[1:]:
        # Floats: 0.1 * 30 is 3.0000000000000004, and must not become 4.
        count = min(int(np.ceil(round(k * share, 9))), max(0, left - 1))
        found.append(count)
        left -= count
    return [left, *found]


def mix(parts: Sequence[Part]) -> Choose:
    """A mixture with fixed shares."""
    chosen_by = [choose for choose, _ in parts]
    shares = [share for _, share in parts]
    return lambda view: _together(chosen_by, whole_shares(view.k, shares), view)


def _together(chosen_by: Sequence[Choose], counts: Sequence[int], view: View) -> Chosen:
    ids: list[str] = []
    inclusion: list[float] = []
    notes: dict[str, float] = {}
    fit = 0.0
    for choose, count in zip(chosen_by, counts, strict=True):
        if count == 0:
            continue
        left = ~view.items["item_id"].is_in(ids).to_numpy()
        part = choose(view.among(left, count))
        ids += part.ids
        # Given what the parts before it took, a part without draws takes what it takes for certain.
        inclusion += part.inclusion or (1.0,) * count
        notes |= part.notes
        fit += part.fit_cpu_seconds
    return Chosen(tuple(ids), tuple(inclusion), notes, fit)


def explore_by_bandit(exploit: Choose, explore: Choose) -> Choose:
    """The exploration share drawn by Exp3 (Auer and others, 2002), an arm a share.

    The reward of a period is the share irregular among its choices whose result is known by now: late
    results count when they come, for all periods are weighed again each time.
    """

    def choose(view: View) -> Chosen:
        arm, probability = draw_arm(view)
        counts = whole_shares(view.k, (1 - ARMS[arm], ARMS[arm]))
        found = _together((exploit, explore), counts, view)
        notes = {**found.notes, "exploration": ARMS[arm], "arm": float(arm), "arm_probability": probability}
        return Chosen(found.ids, found.inclusion, notes, found.fit_cpu_seconds)

    return choose


def draw_arm(view: View) -> tuple[int, float]:
    """The arm of this period and the probability with which it was drawn."""
    n = len(ARMS)
    gain = np.zeros(n)
    labelled = view.knowledge.labelled()
    results = dict(zip(labelled["item_id"].to_list(), labelled["is_irregular"].to_list(), strict=True))
    for past in view.past:
        known = [results[i] for i in past.selected if i in results]
        if known and "arm" in past.notes:
            gain[int(past.notes["arm"])] += sum(known) / len(known) / past.notes["arm_probability"]
    weight = np.exp(_EXP3 / n * (gain - gain.max()))
    probability = (1 - _EXP3) * weight / weight.sum() + _EXP3 / n
    arm = int(view.rng(3).choice(n, p=probability))
    return arm, float(probability[arm])


def explore_by_drift(exploit: Choose, explore: Choose) -> Choose:
    """The more the new items differ from the latest labelled ones, the more is explored: from 2 % to 50 %.

    After Mai and others (2021), with the mean Wasserstein distance of single columns, in standard
    deviations, in place of their optimal transport between embeddings.
    """

    def choose(view: View) -> Chosen:
        share = float(np.clip(drift(view), _DRIFT_LEAST, _DRIFT_MOST))
        found = _together((exploit, explore), whole_shares(view.k, (1 - share, share)), view)
        return Chosen(found.ids, found.inclusion, {**found.notes, "exploration": share}, found.fit_cpu_seconds)

    return choose


def drift(view: View) -> float:
    """Mean distance between the latest tenth of the labelled items and the new ones; 1 without labels to compare."""
    from scipy.stats import wasserstein_distance

    try:
        past = known_items(view)
    except ModelError:
        return 1.0
    columns = fit_published_columns(past)
    before = columns.fill(past.tail(max(50, len(past) // 10)))
    now = columns.fill(view.items)
    spread = columns.fill(past).std(axis=0)
    used = np.flatnonzero(spread > 0)
    if len(used) == 0:
        return 0.0
    return float(np.mean([wasserstein_distance(before[:, j] / spread[j], now[:, j] / spread[j]) for j in used]))
