"""The fewest rules that keep most of what the rules find.

Enters: which declarations each rule hits, what each finding weighs. Leaves: the rules to keep, and what the others
cost. Never here: a rule retired (a person decides); an expected finding shown as one that was made.

Of a hundred past findings the fewest rules that keep them are those that chance favoured: what they keep later is less.
So what is kept can be the *expected* findings of all hits, inspected or not (`expect_findings`): the rate of the
declarations that the same rules hit, drawn towards the rate of all hits by as much as the results say that these rates
differ (empirical Bayes, beta-binomial). Rules whose worth is uncertain are then near the usual rate and stay.

Which rules to keep is a problem of maximal coverage. A greedy choice comes first, then the exact one by integer
programming (HiGHS), bounded by a number of nodes and not by a clock, so that the same input gives the same answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_MOST_NODES = 2_000
# Larger problems are left to the greedy choice: so many different sets of rules that hit a declaration.
_MOST_PATTERNS = 800
# Inspections that the usual rate counts for; the likeliest of them is taken.
_STRENGTHS = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)


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
    patterns, place = np.unique(of_findings, axis=0, return_inverse=True)
    exact = None
    if len(patterns) <= _MOST_PATTERNS:
        # Findings with the same rules are one.
        exact = _exact(patterns, np.bincount(place.ravel(), weights=worth_of).astype(np.float64), wanted, len(greedy))
    kept = tuple(sorted(exact if exact is not None else greedy))
    share = float(worth_of[of_findings[:, list(kept)].any(axis=1)].sum()) / total
    controls = int(hits[:, list(kept)].any(axis=1).sum())
    return Pruned(kept, share, controls, int(hits.any(axis=1).sum()), is_smallest=exact is not None)


def expect_findings(
    hits: NDArray[np.bool_], is_irregular: Sequence[bool | None], weights: Sequence[float]
) -> NDArray[np.float64]:
    """The findings to expect of each declaration if it were inspected, 0 to 1; 0 of one that no rule hits.

    ``hits``: one row a declaration, a column a rule. ``is_irregular``: None where it was not inspected. ``weights``: of
    the inspected, the inverse of the probability of inspection. Raises ValueError for other shapes.

    >>> rows = np.array([[True, False]] * 40 + [[False, True]] * 40)
    >>> results = [number % 2 == 0 for number in range(40)] + [False] * 39 + [None]
    >>> first, *_, last = expect_findings(rows, results, [1.0] * 80)
    >>> bool(0.4 < first < 0.5), bool(0.0 < last < 0.05)
    (True, True)
    """
    if hits.ndim != 2 or not len(is_irregular) == len(weights) == hits.shape[0]:
        raise ValueError("Expected one result and one weight for each declaration.")
    is_hit: NDArray[np.bool_] = np.asarray(hits.any(axis=1))
    _, found = np.unique(np.packbits(hits[is_hit], axis=1), axis=0, return_inverse=True)
    place = found.ravel()
    results = [one for one, hit in zip(is_irregular, is_hit, strict=True) if hit]
    weight = np.asarray(weights, dtype=np.float64)[is_hit] * np.array([one is not None for one in results], float)
    finding = weight * np.array([bool(one) for one in results], float)
    expected = np.zeros(len(is_hit))
    if not finding.sum():
        return expected
    # Weighted results of one pattern say as much as so many that are not weighted (Kish).
    total, squares = (np.bincount(place, weights=one, minlength=1) for one in (weight, weight**2))
    count = np.divide(total**2, squares, out=np.zeros_like(total), where=squares > 0)
    share = np.divide(np.bincount(place, weights=finding), total, out=np.zeros_like(total), where=total > 0)
    usual = float(finding.sum() / weight.sum())
    strength = max(_STRENGTHS, key=lambda one: _likelihood(count * share, count, usual, one))
    expected[is_hit] = ((count * share + strength * usual) / (count + strength))[place]
    return expected


def _likelihood(findings: NDArray[np.float64], count: NDArray[np.float64], usual: float, strength: float) -> float:
    """Of the findings of each pattern, when its rate is drawn from a beta distribution around the usual one."""
    from scipy.special import betaln

    if usual >= 1.0:
        return 0.0
    alpha, beta = strength * usual, strength * (1.0 - usual)
    return float(np.sum(betaln(findings + alpha, np.maximum(count - findings, 0.0) + beta) - betaln(alpha, beta)))


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

    rules, findings = hits.shape[1], hits.shape[0]
    # A finding is kept when a rule that hits it is; the weight of those kept is enough.
    cover = hstack([csr_matrix(-hits.astype(np.float64)), identity(findings)])
    enough = np.concatenate([np.zeros(rules), worth])
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
