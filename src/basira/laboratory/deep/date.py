"""DATE as a strategy: columns, boosted trees, their leaves to the network, and a ranking.

Enters: a view. Leaves: a fitted `DateModel`, scores. Never here: the network (see `deep.date_network`), strategies
that explore with its embeddings (see `deep.explore`).

Trees and columns are the published simulator's (see `strategies.published`); or, for `date_our_features`, Basira's
features. The latest tenth of the labelled items fits neither trees nor network: it says which epoch to keep, by the
mean of precision and of the revenue's share in its first 1, 2, 5 and 10 %.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from weakref import ReferenceType, ref

import numpy as np
import polars as pl
from numpy.typing import NDArray

from basira.laboratory.deep import date_network as network
from basira.laboratory.deep.extra import TORCH, check_installed, seed_torch
from basira.laboratory.strategies.published import fit_simulator_columns
from basira.laboratory.strategies.scored import FEWEST_OF_A_CLASS, Learn, Scorer, known_items, predict_trees
from basira.laboratory.worlds.view import Knowledge, View
from basira.models.baselines.columns import category_texts
from basira.schema.errors import ModelError

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

# Half of the published hundred: attention costs their square, and what the other half adds was not to be seen
# (docs/explanation/laboratory.md).
_TREES = 50
_SETTINGS: dict[str, Any] = {
    "objective": "binary:logistic",
    "tree_method": "hist",
    "max_depth": 4,
    "eta": 0.3,
    "nthread": 1,
    "verbosity": 0,
}
# The nodes of a tree of depth 4 are 0 to 30.
_NODES = 32
_HELD_OUT = 0.1
_TOP = (0.01, 0.02, 0.05, 0.1)


@dataclass(frozen=True)
class DatePrediction:
    """Per item: probability, expected revenue (an amount), embedding (rows, 16)."""

    probability: Floats
    revenue: Floats
    embedding: Floats


@dataclass(frozen=True)
class DateModel:
    """A fitted model.

    ``matrix``: the trees' columns of a view's items. ``importers``, ``codes``: those of the fitted items, sorted.
    ``top_revenue``: mean share of the revenue in the first places of the held-out items, 0 to 1.
    """

    matrix: Callable[[View], Floats]
    trees: Any
    importers: pl.Series
    codes: pl.Series
    fitted: Any
    log_revenue_scale: float
    top_revenue: float

    def predict(self, view: View) -> DatePrediction:
        """In the order of the view's items; an importer or code never seen is described by its leaves alone."""
        found = network.predict(self.fitted, self.inputs(self.matrix(view), view.items))
        amount = np.expm1(np.minimum(found.revenue * self.log_revenue_scale, 50.0))
        return DatePrediction(found.probability, amount, found.embedding)

    def inputs(self, x: Floats, items: pl.DataFrame) -> network.Inputs:
        """What the network takes of items whose columns for the trees are ``x``."""
        nodes = predict_trees(self.trees, x, pred_leaf=True).astype(np.int64)
        return network.Inputs(
            nodes + np.arange(_TREES) * _NODES,
            _places(items, "importer_id", self.importers),
            _places(items, "commodity_code", self.codes),
        )


# The last model of each kind of columns, for the parts of a mixture that share it: it is a function of what is known
# before the period, the seed and the period, and is reused for the very same ones only.
_last: dict[bool, tuple[ReferenceType[Knowledge], tuple[int, int], DateModel]] = {}


def fit_date(view: View, *, on_our_features: bool = False) -> DateModel:
    """Fit on what is known; ModelError without enough results of both kinds, UsageError without PyTorch."""
    check_installed("date", TORCH)
    key = (view.seed, view.period)
    if on_our_features in _last:
        knowledge, of, model = _last[on_our_features]
        if knowledge() is view.knowledge and of == key:
            return model
    model = _fit(view, on_our_features=on_our_features)
    _last[on_our_features] = (ref(view.knowledge), key, model)
    return model


def learn_date(*, on_our_features: bool = False) -> Learn:
    """Rank by the probability head."""

    def learn(view: View) -> Scorer:
        model = fit_date(view, on_our_features=on_our_features)
        return lambda v: model.predict(v).probability

    return learn


def learn_date_revenue(view: View) -> Scorer:
    """Rank by the revenue head: as regular items count with 0, it says an expected revenue."""
    _check_revenue(view)
    model = fit_date(view)
    return lambda v: model.predict(v).revenue


def learn_date_log_revenue(view: View) -> Scorer:
    """Rank by probability × log of the expected revenue: both heads."""
    _check_revenue(view)
    model = fit_date(view)

    def score(v: View) -> Floats:
        found = model.predict(v)
        return found.probability * np.log1p(found.revenue)

    return score


def _check_revenue(view: View) -> None:
    """ModelError where too little revenue is known for the second head."""
    past = known_items(view)
    if int((past["revenue"] > 0).sum()) < FEWEST_OF_A_CLASS:
        raise ModelError(
            "Expected {fewest_of_a_class} items with revenue, found {value}.",
            hint="Use the strategy `date`.",
            fewest_of_a_class=FEWEST_OF_A_CLASS,
            value=int((past["revenue"] > 0).sum()),
        )


def top_shares(score: Floats, is_irregular: Floats, revenue: Floats) -> tuple[float, float]:
    """Precision, and the share of the most revenue possible, in the first 1, 2, 5 and 10 %: means of the four.

    >>> top_shares(np.array([0.9, 0.1]), np.array([1.0, 0.0]), np.array([7.0, 0.0]))
    (1.0, 1.0)
    """
    order = np.argsort(-score, kind="stable")
    best = np.sort(revenue)[::-1]
    counts = [max(1, int(len(order) * share)) for share in _TOP]
    precision = [is_irregular[order[:k]].mean() for k in counts]
    share = [revenue[order[:k]].sum() / best[:k].sum() if best[0] > 0 else 0.0 for k in counts]
    return float(np.mean(precision)), float(np.mean(share))


def _fit(view: View, *, on_our_features: bool) -> DateModel:
    past = known_items(view)
    held_out = int(len(past) * _HELD_OUT)
    older = past.head(len(past) - held_out)
    y = past["is_irregular"].to_numpy().astype(np.float64)
    amounts = np.maximum(past["revenue"].to_numpy(), 0.0)
    x, matrix = _our_features(view, past) if on_our_features else _simulator_columns(past, older)
    trees = _fit_trees(x[: len(older)], y[: len(older)], seed=view.seed)
    importers, codes = (_values(older, name) for name in ("importer_id", "commodity_code"))
    scale = max(float(np.log1p(amounts).max()), 1.0)
    revenue = np.log1p(amounts) / scale
    of_held_out = y[len(older) :], amounts[len(older) :]

    def judge(found: network.Outputs) -> float:
        return sum(top_shares(found.probability, *of_held_out))

    with seed_torch(int(view.rng(4).integers(2**31))):
        fitted = network.new_network(
            leaves=_TREES * _NODES,
            importers=len(importers) + 1,
            codes=len(codes) + 1,
            mean_revenue=float(revenue[: len(older)].mean()),
        )
        unfinished = DateModel(matrix, trees, importers, codes, fitted, scale, 0.0)
        inputs = unfinished.inputs(x, past)
        network.train(fitted, inputs, y, revenue, held_out=held_out, judge=judge)
        found = network.predict(fitted, inputs.rows(slice(len(older), None)))
    return DateModel(matrix, trees, importers, codes, fitted, scale, top_shares(found.probability, *of_held_out)[1])


def _simulator_columns(past: pl.DataFrame, older: pl.DataFrame) -> tuple[Floats, Callable[[View], Floats]]:
    """The published columns of the labelled items, and of a view's items."""
    columns = fit_simulator_columns(older)
    return columns.matrix(past), lambda view: columns.matrix(view.items)


def _our_features(view: View, past: pl.DataFrame) -> tuple[Floats, Callable[[View], Floats]]:
    """Basira's features of the labelled items, and of a view's items."""
    from basira.features.catalog.catalog import MODEL_FEATURES
    from basira.models.risk.matrix import choose_encoding

    known = view.knowledge.training().features
    ids = pl.concat_str("declaration_id", pl.col("item_number").cast(pl.String), separator="/").alias("item_id")
    features = past.select("item_id").join(known.with_columns(ids), on="item_id", how="left", maintain_order="left")
    categories = sorted(c for c in features.columns if c.startswith("category_"))
    encoding = choose_encoding(features, MODEL_FEATURES, categories)
    return (
        encoding.matrix(features).astype(np.float64),
        lambda v: encoding.matrix(v.features()).astype(np.float64),
    )


def _fit_trees(x: Floats, y: Floats, *, seed: int) -> Any:
    import xgboost as xgb

    return xgb.train(_SETTINGS | {"seed": seed}, xgb.DMatrix(x, label=y, nthread=1), num_boost_round=_TREES)


def _values(items: pl.DataFrame, name: str) -> pl.Series:
    return category_texts(items, name).drop_nulls().unique().sort()


def _places(items: pl.DataFrame, name: str, known: pl.Series) -> Whole:
    """Place among the known values, from 1; 0 for others and for none."""
    table = pl.DataFrame({"_text": known, "_place": np.arange(1, len(known) + 1)})
    texts = category_texts(items, name).alias("_text").to_frame()
    found = texts.join(table, on="_text", how="left", maintain_order="left")
    return found["_place"].fill_null(0).to_numpy().astype(np.int64)
