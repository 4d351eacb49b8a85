"""Strategies that explore by what DATE makes of the items: diversity, BADGE, bATE, gATE.

Enters: a view. Leaves: `Chosen`. Never here: DATE itself (see `deep.date`).

    diversity   k-means on the embeddings, k clusters; from each the item nearest its centre
    badge       k-means++ on gradients: what an item would change in the last layer if its likelier label were true,
                [h (1[y'=0] - (1 - p)), h (1[y'=1] - p)], y' the likelier label (Ash and others, ICLR 2020)
    bate        the same with each gradient made longer by (1 - 1.8 |p - 1/2|) · log(2 + expected revenue):
                what is unsure and what may bring much is drawn sooner
    gate        bate when DATE is good enough - a mean share over 0.3 of the revenue in the first 1, 2, 5 and 10 %
                of the held-out items - else random: a model that knows nothing should not say where to look
                (both: Kim and others, IEEE TKDE 2022)

k-means++ draws each next item with a probability in proportion to its squared distance from the nearest drawn one.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from basira.laboratory.deep.date import DatePrediction, fit_date
from basira.laboratory.strategies.scored import choose_random
from basira.laboratory.worlds.view import Chosen, View
from basira.schema.errors import ModelError

Floats = NDArray[np.float64]
# Places of items, first to last as they were found; may hold fewer than k, and an item twice.
Pick = Callable[[DatePrediction, View], NDArray[np.intp]]

_GATE = 0.3


def explore(pick: Pick, *, gate: float = 0.0) -> Callable[[View], Chosen]:
    """Choose by ``pick``; at random while there are too few results, or while DATE finds less revenue than ``gate``."""

    def choose(view: View) -> Chosen:
        started = time.process_time()
        try:
            model = fit_date(view)
        except ModelError:
            drawn = choose_random(view)
            return Chosen(drawn.ids, drawn.inclusion, {"fallback": 1.0}, time.process_time() - started)
        fitted = time.process_time() - started
        if gate and model.top_revenue <= gate:
            drawn = choose_random(view)
            return Chosen(drawn.ids, drawn.inclusion, {"gate": 0.0}, fitted)
        picked = _exactly_k(pick(model.predict(view), view), view)
        ids = view.items["item_id"].gather(picked).to_list()
        return Chosen(tuple(ids), None, {"gate": 1.0} if gate else {}, fitted)

    return choose


def pick_diverse(found: DatePrediction, view: View) -> NDArray[np.intp]:
    """The item nearest each centre, of those not yet taken."""
    from sklearn.cluster import KMeans

    if view.k >= len(view.items):
        return np.arange(len(view.items))
    with warnings.catch_warnings():
        # Fewer different items than clusters is no error here: what is missing is drawn.
        warnings.simplefilter("ignore")
        means = KMeans(n_clusters=view.k, n_init=1, random_state=_seed(view)).fit(found.embedding)
    taken = np.zeros(len(view.items), dtype=bool)
    picked = []
    for distance in np.asarray(means.transform(found.embedding)).T:
        nearest = int(np.argmin(np.where(taken, np.inf, distance)))
        taken[nearest] = True
        picked.append(nearest)
    return np.array(picked, dtype=np.intp)


def pick_badge(found: DatePrediction, view: View) -> NDArray[np.intp]:
    return _spread(_gradients(found), view)


def pick_bate(found: DatePrediction, view: View) -> NDArray[np.intp]:
    unsure = 1 - 1.8 * np.abs(found.probability - 0.5)
    return _spread(_gradients(found) * (unsure * np.log(2 + found.revenue))[:, None], view)


def choose_gate(view: View) -> Chosen:
    return explore(pick_bate, gate=_GATE)(view)


def _gradients(found: DatePrediction) -> Floats:
    p = found.probability
    likelier = p >= 0.5
    regular = np.where(likelier, -(1 - p), p)
    irregular = np.where(likelier, 1 - p, -p)
    return np.hstack([found.embedding * regular[:, None], found.embedding * irregular[:, None]])


def _spread(points: Floats, view: View) -> NDArray[np.intp]:
    """k-means++ as its paper draws: one trial a centre (Arthur and Vassilvitskii, SODA 2007)."""
    from sklearn.cluster import kmeans_plusplus

    if view.k >= len(points):
        return np.arange(len(points))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        _, picked = kmeans_plusplus(points, view.k, random_state=_seed(view), n_local_trials=1)
    return np.asarray(picked, dtype=np.intp)


def _exactly_k(picked: NDArray[np.intp], view: View) -> NDArray[np.intp]:
    """Each picked item once, then others at random: alike items leave a picker with fewer than k."""
    once = np.array(list(dict.fromkeys(picked.tolist())), dtype=np.intp)
    if len(once) < view.k:
        drawn = view.rng(6).permutation(np.setdiff1d(np.arange(len(view.items)), once))
        once = np.concatenate([once, drawn])
    return once[: view.k]


def _seed(view: View) -> int:
    return int(view.rng(5).integers(2**31))
