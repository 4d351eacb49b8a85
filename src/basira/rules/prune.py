"""The fewest rules that keep most of what the rules find.

Enters: which declarations each rule hits, what each finding weighs. Leaves: the rules to keep, and what the others
cost. Never here: a rule retired (a person decides); a finding of declarations that were never inspected.

Which rules to keep is a problem of maximal coverage. A greedy choice comes first, then the exact one by integer
programming (HiGHS), bounded by a number of nodes and not by a clock, so that the same input gives the same answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_MOST_NODES = 2_000
# Larger problems are left to the greedy choice.
_MOST_FINDINGS = 20_000


@dataclass(frozen=True)
class Pruned:
    """``kept``: positions of the rules to keep, rising. ``share``: of the weight of all findings that they keep.
    ``controls``, ``controls_before``: declarations that the rules to keep, and all rules, hit. ``is_smallest``: proved
    that no fewer rules keep as much."""

    kept: tuple[int, ...]
    share: float
    controls: int
    controls_before: int
    is_smallest: bool


def prune(hits: NDArray[np.bool_], weights: Sequence[float], *, keep: float = 0.95) -> Pruned:
    """The fewest rules that keep a share of the findings.

    ``hits``: one row a declaration, a column a rule. ``weights``: of each declaration, 0 without a finding. ``keep``:
    share of the weight of what all rules find, above 0 to 1. Raises ValueError for another share or shape.

    >>> rows = np.array([[True, False, True], [False, True, True], [False, False, True]])
    >>> prune(rows, [1.0, 1.0, 0.0], keep=1.0).kept
    (2,)
    """
    worth = np.asarray(weights, dtype=np.float64)
    if not 0 < keep <= 1 or hits.ndim != 2 or worth.shape != (hits.shape[0],) or (worth < 0).any():
        raise ValueError("Expected a share above 0 up to 1 and one weight, not below 0, for each declaration.")
    found = hits.any(axis=1) & (worth > 0)
    of_findings, worth_of = hits[found], worth[found]
    total = float(worth_of.sum())
    if total == 0.0:
        return Pruned((), 1.0, 0, int(hits.any(axis=1).sum()), is_smallest=True)
    wanted = keep * total * (1 - 1e-12)
    greedy = _greedy(of_findings, worth_of, hits.sum(axis=0), wanted)
    exact = _exact(of_findings, worth_of, wanted, len(greedy)) if found.sum() <= _MOST_FINDINGS else None
    kept = tuple(sorted(exact if exact is not None else greedy))
    share = float(worth_of[of_findings[:, list(kept)].any(axis=1)].sum()) / total
    controls = int(hits[:, list(kept)].any(axis=1).sum())
    return Pruned(kept, share, controls, int(hits.any(axis=1).sum()), is_smallest=exact is not None)


def _greedy(hits: NDArray[np.bool_], worth: NDArray[np.float64], costs: NDArray[np.int_], wanted: float) -> list[int]:
    """Each time the rule that adds most, of two the one with fewer hits; then those that are no longer needed go."""
    chosen: list[int] = []
    covered = np.zeros(len(worth), dtype=np.bool_)
    while worth[covered].sum() < wanted:
        gains = (worth * ~covered) @ hits
        best = max(range(hits.shape[1]), key=lambda rule: (gains[rule], -costs[rule], -rule))
        chosen.append(best)
        covered |= hits[:, best]
    for rule in sorted(chosen, key=lambda one: -costs[one]):
        rest = [one for one in chosen if one != rule]
        if rest and worth[hits[:, rest].any(axis=1)].sum() >= wanted:
            chosen = rest
    return chosen


def _exact(hits: NDArray[np.bool_], worth: NDArray[np.float64], wanted: float, most: int) -> list[int] | None:
    """The smallest choice, or None when it was not proved within the bound of nodes."""
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_matrix, hstack, identity

    # Findings with the same rules are one.
    patterns, place = np.unique(hits, axis=0, return_inverse=True)
    weights = np.bincount(place.ravel(), weights=worth)
    rules, findings = patterns.shape[1], patterns.shape[0]
    # A finding is kept when a rule that hits it is; the weight of those kept is enough.
    cover = hstack([csr_matrix(-patterns.astype(np.float64)), identity(findings)])
    enough = np.concatenate([np.zeros(rules), weights])
    made = milp(
        np.concatenate([np.ones(rules), np.zeros(findings)]),
        integrality=np.concatenate([np.ones(rules), np.zeros(findings)]),
        bounds=Bounds(0, 1),
        constraints=[LinearConstraint(cover.tocsr(), ub=0), LinearConstraint(enough, lb=wanted)],
        options={"node_limit": _MOST_NODES},
    )
    if made.status != 0 or made.x is None:
        return None
    chosen = [rule for rule in range(rules) if made.x[rule] > 0.5]
    # Solvers keep constraints within a tolerance; what is promised is kept exactly.
    is_enough = worth[hits[:, chosen].any(axis=1)].sum() >= wanted * (1 - 1e-9)
    return chosen if is_enough and len(chosen) <= most else None
