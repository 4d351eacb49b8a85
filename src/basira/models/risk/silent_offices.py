"""Offices that never record an irregularity say nothing.

Enters: labelled items, with the office of each. Leaves: the offices whose clean results are no evidence, and how much
was expected there. Never here: an office with a finding, an office as a feature of what was expected, a result that
is turned into another: what is left out is unknown, not irregular.

An office that inspects and has never recorded a finding is either of low risk or does not record. The results of the
other offices say which: trees that do not know the office, fitted on those alone, are asked how many findings items
like these bring. Where so many were expected that none is no accident, its results are left out of the fit. Clean
results make the history of its traders look clean too, so what is expected is rather too low. Which items of a model
that leaves out, `evidence` says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from basira.models.risk.trees import Fitting, Matrix, fit_bags, predict_raw

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

OFFICE = "category_office"
# What the catalog says of an office's past begins so: clean results there give a silent one away as its name does.
_OFFICE_PAST = "office_"
# Of so many expected findings none is no accident, even where the office's true level is a quarter of what is expected
# (then once in 150): trees say too much of items that are calmer than all that the other offices have.
FEWEST_EXPECTED = 20.0
# Of the other offices, findings and clean results: with fewer nothing is known of what is usual, and where offices
# record findings alone, the clean results of the others are all there is.
FEWEST_OF_OTHERS = 20
# It is seldom asked, and what is low has to be learned as well as what is high.
_ROUNDS = 200


def find_silent_offices(
    office: NDArray[np.str_], irregular: Bools, weight: Floats, describe: Callable[[], tuple[Matrix, Fitting]]
) -> Mapping[str, tuple[int, float]]:
    """The offices without a finding, of which at least `FEWEST_EXPECTED` were expected.

    Parameters
    ----------
    office : of each item, "" where unknown, which is never silent. weight : what a label counts.
    describe : the items' features and how to fit on them; asked only where an office could be silent.

    Returns by office its results and the findings expected of them.
    """
    if int(irregular.sum()) < FEWEST_OF_OTHERS:
        return {}
    names, of_row = np.unique(office, return_inverse=True)
    findings = np.bincount(of_row, weights=irregular, minlength=len(names))
    results = np.bincount(of_row, weights=weight, minlength=len(names))
    is_speaking = findings > 0
    if int((~irregular & is_speaking[of_row]).sum()) < FEWEST_OF_OTHERS:
        return {}
    usual = float(np.sum(weight * irregular) / results[is_speaking].sum())
    # Items of an office may be twice as risky as elsewhere, seldom more: a first look that costs nothing.
    enough = 2 * usual * results >= FEWEST_EXPECTED
    asked = [at for at, name in enumerate(names) if name and enough[at] and not is_speaking[at]]
    if not asked:
        return {}
    x, fitting = describe()
    blind = x.copy()
    told = [at for at, name in enumerate(fitting.names) if name == OFFICE or name.startswith(_OFFICE_PAST)]
    blind[:, told] = np.nan
    others = is_speaking[of_row]
    learned = (blind[others], irregular[others].astype(np.float64), weight[others])
    boosters = fit_bags(learned, fitting, size="small", rounds=_ROUNDS, bags=1)
    said = expit(predict_raw(boosters, blind[others]))
    # Trees of few rounds keep the level of what they learned, but for what they hold back of it.
    level = float(np.sum(weight[others] * irregular[others]) / np.sum(weight[others] * said))
    found = {}
    for at in asked:
        own = of_row == at
        expected = level * float(np.sum(weight[own] * expit(predict_raw(boosters, blind[own]))))
        if expected >= FEWEST_EXPECTED:
            found[str(names[at])] = (int(own.sum()), expected)
    return found
