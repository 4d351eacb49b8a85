"""Strategies that give every item a score and take the highest; and the random one.

Enters: a view. Leaves: `Chosen`. Never here: mixtures (see `strategies.mixed`), our own model.

A method that learns needs inspected items of both kinds. Until it has them the choice is random, and
says so in its notes (``fallback``).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from basira.laboratory.strategies.published_columns import PublishedColumns, fit_profiles, fit_published_columns
from basira.laboratory.worlds.view import Chosen, View, top
from basira.models.baselines.lookup import fit_importer_history, fit_price_order
from basira.models.risk.matrix import choose_encoding
from basira.schema.errors import ModelError

Floats = NDArray[np.float64]
# Learned from the view; then scores of the view's items.
Scorer = Callable[[View], Floats]
Learn = Callable[[View], Scorer]

FEWEST_OF_A_CLASS = 10
# The trees of the published comparisons: shallow and few.
_TREES: dict[str, Any] = {
    "objective": "binary:logistic",
    "tree_method": "hist",
    "max_depth": 4,
    "eta": 0.1,
    "nthread": 1,
    "verbosity": 0,
}
_ROUNDS = 100


def choose_random(view: View) -> Chosen:
    """Each item with the same probability, k/n."""
    ids = view.items["item_id"].gather(np.sort(view.rng(2).permutation(len(view.items))[: view.k]))
    return Chosen(tuple(ids.to_list()), (view.k / len(view.items),) * view.k)


def by_score(learn: Learn) -> Callable[[View], Chosen]:
    """Learn, score, take the top. Too few labels to learn from: random, noted as a fallback."""

    def choose(view: View) -> Chosen:
        started = time.process_time()
        try:
            scorer = learn(view)
        except ModelError:
            drawn = choose_random(view)
            return Chosen(drawn.ids, drawn.inclusion, {"fallback": 1.0}, time.process_time() - started)
        fitted = time.process_time() - started
        return Chosen(top(scorer(view), view), fit_cpu_seconds=fitted)

    return choose


def known_items(view: View) -> pl.DataFrame:
    """The labelled items, or ModelError when either class has fewer than 10."""
    past = view.knowledge.labelled()
    irregular = int(past["is_irregular"].sum())
    if min(irregular, len(past) - irregular) < FEWEST_OF_A_CLASS:
        raise ModelError(
            "Expected {fewest_of_a_class} irregular and {fewest_of_a_class} regular inspected items, found "
            "{irregular} and {past_count}.",
            hint="Begin with more inspection results.",
            fewest_of_a_class=FEWEST_OF_A_CLASS,
            irregular=irregular,
            past_count=len(past) - irregular,
        )
    return past


def learn_price_order(view: View) -> Scorer:
    score = fit_price_order(view.items, view.items, view.seed)
    return lambda v: score(v.items)


def learn_importer_history(view: View) -> Scorer:
    past = known_items(view)
    score = fit_importer_history(past, past.clear(), view.seed)
    return lambda v: score(v.items)


def learn_risk_profile(view: View) -> Scorer:
    """How many of an item's values are risky; equal numbers by the mean smoothed rate."""
    profiles = fit_profiles(known_items(view), with_pairs=False)
    # A mean of rates is at most 1, so half of it never outweighs a flag.
    return lambda v: profiles.flags(v.items).sum(axis=1) + 0.5 * profiles.rates(v.items).mean(axis=1)


def learn_logistic_regression(view: View) -> Scorer:
    from sklearn.linear_model import LogisticRegression

    past = known_items(view)
    columns = fit_published_columns(past)
    x = columns.fill(past)
    centre, spread = x.mean(axis=0), x.std(axis=0)
    spread[spread == 0] = 1.0
    model = LogisticRegression(C=1.0, max_iter=500)
    model.fit((x - centre) / spread, past["is_irregular"].to_numpy())
    return lambda v: np.asarray(model.predict_proba((columns.fill(v.items) - centre) / spread)[:, 1])


def fit_trees(x: Floats, y: Floats, *, seed: int, objective: str = "binary:logistic") -> Any:
    """The published trees on a matrix."""
    import xgboost as xgb

    data = xgb.DMatrix(x, label=y, nthread=1)
    return xgb.train(_TREES | {"objective": objective, "seed": seed}, data, num_boost_round=_ROUNDS)


def predict_trees(model: Any, x: Floats, **options: Any) -> Floats:
    import xgboost as xgb

    return np.asarray(model.predict(xgb.DMatrix(x, nthread=1), **options), dtype=np.float64)


def _published_trees(view: View, *, with_codes: bool = False) -> tuple[pl.DataFrame, PublishedColumns, Floats, Any]:
    past = known_items(view)
    columns = fit_published_columns(past, with_codes=with_codes)
    x = columns.matrix(past)
    return past, columns, x, fit_trees(x, past["is_irregular"].to_numpy().astype(float), seed=view.seed)


def learn_xgboost(view: View) -> Scorer:
    """Probability, from numbers and risk-profile flags."""
    _, columns, _, model = _published_trees(view)
    return lambda v: predict_trees(model, columns.matrix(v.items))


def learn_xgboost_codes(view: View) -> Scorer:
    """Probability, from numbers, risk-profile flags and label codes."""
    _, columns, _, model = _published_trees(view, with_codes=True)
    return lambda v: predict_trees(model, columns.matrix(v.items))


def learn_uncertainty(view: View) -> Scorer:
    """Entropy of the probability."""
    score = learn_xgboost(view)

    def entropy(v: View) -> Floats:
        p = np.clip(score(v), 1e-9, 1 - 1e-9)
        return -p * np.log(p) - (1 - p) * np.log(1 - p)

    return entropy


def _revenue_if_irregular(past: pl.DataFrame, x: Floats, seed: int) -> Any:
    """Trees for log(1 + revenue) of the irregular items; ModelError where no revenue is known."""
    paying = (past["is_irregular"] & (past["revenue"] > 0)).to_numpy()
    if int(paying.sum()) < FEWEST_OF_A_CLASS:
        raise ModelError(
            "Expected {fewest_of_a_class} irregular items with revenue, found {paying}.",
            hint="Use a strategy by probability.",
            fewest_of_a_class=FEWEST_OF_A_CLASS,
            paying=int(paying.sum()),
        )
    revenue = past["revenue"].to_numpy()[paying]
    return fit_trees(x[paying], np.log1p(revenue), seed=seed, objective="reg:squarederror")


def learn_xgboost_revenue(view: View) -> Scorer:
    """Probability × revenue if irregular."""
    past, columns, x, model = _published_trees(view)
    revenue = _revenue_if_irregular(past, x, view.seed)

    def score(v: View) -> Floats:
        items = columns.matrix(v.items)
        return predict_trees(model, items) * np.expm1(np.clip(predict_trees(revenue, items), 0.0, 50.0))

    return score


def learn_xgboost_log_revenue(view: View) -> Scorer:
    """Probability × log(1 + revenue if irregular)."""
    past, columns, x, model = _published_trees(view)
    revenue = _revenue_if_irregular(past, x, view.seed)

    def score(v: View) -> Floats:
        items = columns.matrix(v.items)
        return predict_trees(model, items) * np.maximum(predict_trees(revenue, items), 0.0)

    return score


def learn_xgboost_leaves(view: View) -> Scorer:
    """Logistic regression on the leaves that an item falls in (He and others, ADKDD 2014)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import OneHotEncoder

    past, columns, x, model = _published_trees(view)
    encoder = OneHotEncoder(handle_unknown="ignore")
    leaves = encoder.fit_transform(predict_trees(model, x, pred_leaf=True))
    regression = LogisticRegression(C=1.0, max_iter=300)
    regression.fit(leaves, past["is_irregular"].to_numpy())

    def score(v: View) -> Floats:
        found = encoder.transform(predict_trees(model, columns.matrix(v.items), pred_leaf=True))
        return np.asarray(regression.predict_proba(found)[:, 1])

    return score


def learn_isolation_forest(view: View) -> Scorer:
    """How quickly random cuts isolate an item among all declared so far; no label is used (Liu and others, 2008)."""
    from sklearn.ensemble import IsolationForest

    earlier = view.knowledge.declared()
    base = earlier if len(earlier) else view.items
    # The columns need a label only for their flags, which an unsupervised method must not see.
    columns = fit_published_columns(base.with_columns(pl.lit(value=False).alias("is_irregular")))
    forest = IsolationForest(n_estimators=100, random_state=view.seed, n_jobs=1).fit(columns.fill(base))
    return lambda v: -np.asarray(forest.score_samples(columns.fill(v.items)))


def learn_xgboost_our_features(view: View) -> Scorer:
    """The published trees on Basira's features."""
    from basira.features.catalog.catalog import MODEL_FEATURES

    known_items(view)
    items = view.knowledge.training()
    categories = sorted(c for c in items.features.columns if c.startswith("category_"))
    encoding = choose_encoding(items.features, MODEL_FEATURES, categories)
    model = fit_trees(
        encoding.matrix(items.features).astype(np.float64), items.is_irregular.astype(float), seed=view.seed
    )
    return lambda v: predict_trees(model, encoding.matrix(v.features()).astype(np.float64))
