"""Controls that were not carried out, and results that are still on their way: how likely a selected declaration has a
known result.

Enters: who was selected, by what, whose result is known. Leaves: a chance per declaration. Never here: a result as
evidence of why another is missing; whether a missing result is irregular.

Within one source (random control, model, mandatory, ...) the missing results are taken to be like the known ones. What
that leaves open is reported beside the estimate: `bounds_of_missing`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]

# With fewer known results a source's share of them says little: it takes that of all sources.
FEWEST_KNOWN = 20


@dataclass(frozen=True)
class Response:
    """``chance``: that each declaration is inspected and its result known, shape (n,). ``shares``: of each source, how
    many of its selected declarations have a known result, late ones foreseen."""

    chance: Floats
    shares: Floats


def response_chances(
    inclusion: Floats, source: Integers, is_selected: Flags, is_known: Flags, *, late: Floats
) -> Response:
    """Inclusion probabilities times the share of results known, by source.

    Parameters
    ----------
    inclusion : of each declaration, above 0 and at most 1.
    source : by what a selected one was selected, from 0; of the others, by what it would be: the random control.
    is_known : of selected ones.
    late : how many results each known one stands for, at least 1, see `models.risk.delay`; others are not read.

    >>> found = response_chances(np.full(40, 0.5), np.zeros(40, int), np.ones(40, bool), np.arange(40) < 30,
    ...     late=np.ones(40))
    >>> float(found.chance[0]), float(found.shares[0])
    (0.375, 0.75)
    """
    sources = int(source.max(initial=0)) + 1
    selected = np.bincount(source[is_selected], minlength=sources)
    standing = np.bincount(source[is_known], weights=late[is_known], minlength=sources)
    counted = np.bincount(source[is_known], minlength=sources)
    everywhere = float(standing.sum() / selected.sum()) if selected.sum() else 0.0
    own = np.divide(standing, selected, out=np.zeros(sources), where=selected > 0)
    shares = np.minimum(1.0, np.where(counted >= FEWEST_KNOWN, own, everywhere))
    each = np.where(is_known, late, 1.0)
    return Response(np.minimum(1.0, inclusion * np.maximum(shares, 1e-9)[source] / each), shares)


def bounds_of_missing(
    inclusion: Floats, is_selected: Flags, is_known: Flags, is_irregular: Flags
) -> tuple[float, float]:
    """The totals of irregular declarations (Horvitz-Thompson) if every missing result were regular, and if every one
    were irregular: however the missing differ from the known, the truth lies between, but for the draw."""
    weight = 1 / inclusion
    found = float(weight[is_selected & is_known & is_irregular].sum())
    return found, found + float(weight[is_selected & ~is_known].sum())
