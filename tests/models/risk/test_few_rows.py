"""A few plain rows are predicted as a table of the same rows is, to the last bit."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl
import pytest

from basira.models.risk.fit import TrainingItems
from basira.models.risk.matrix import Encoding
from basira.models.risk.risk_model import RiskModel
from basira.models.risk.trees import predict_raw
from basira.models.risk.trees_quick import FEW, predict_few
from basira.schema.errors import ModelError


def bits(values: np.ndarray) -> bytes:
    return np.ascontiguousarray(values).tobytes()


@pytest.mark.parametrize("count", [1, 3, FEW, FEW + 1, 200])
def test_plain_rows_are_predicted_as_a_table_is(model: RiskModel, later: TrainingItems, count: int) -> None:
    features = later.features.head(count)
    table = model.predict(features)
    rows, matrix = model.predict_rows(features.columns, features.rows())
    assert bits(matrix) == bits(model.encoding.matrix(features))
    for name in ("fraud_probability", "revenue_if_fraud", "expected_revenue"):
        assert bits(getattr(rows, name)) == bits(getattr(table, name))
    assert {k: bits(v) for k, v in rows.kind_probabilities.items()} == {
        k: bits(v) for k, v in table.kind_probabilities.items()
    }
    assert bits(model.contributions_of(matrix)) == bits(model.contributions(features))


def test_trees_walked_a_row_at_a_time_give_the_same_score(model: RiskModel) -> None:
    random = np.random.default_rng(3)
    x = random.normal(scale=1e3, size=(400, len(model.encoding.names))).astype(np.float32)
    x[random.random(x.shape) < 0.2] = np.nan
    x[0], x[1], x[2] = 0.0, np.inf, -np.inf
    whole = predict_raw(model.boosters, x)
    found = np.concatenate([predict_few(model.boosters, x[n : n + 4]) for n in range(0, len(x), 4)])
    assert bits(found) == bits(whole)
    # A view with other strides is walked by its own rows.
    assert bits(predict_few(model.boosters, x[::40][:FEW])) == bits(whole[::40][:FEW])


def test_several_threads_walk_the_same_trees(model: RiskModel) -> None:
    x = np.random.default_rng(4).normal(size=(64, len(model.encoding.names))).astype(np.float32)
    whole = predict_raw(model.boosters, x)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda n: predict_few(model.boosters, x[n % 64 : n % 64 + 1])[0], range(2_000)))
    assert found == [whole[n % 64] for n in range(2_000)]


def test_nulls_unknown_codes_and_large_numbers_are_encoded_alike() -> None:
    encoding = Encoding(("a", "b"), {"c": ("x", "7")})
    frame = pl.DataFrame(
        {"c": ["x", None, "z", "7"], "b": [None, 1e300, -1e-300, 2.0**24 + 1], "a": [0.1, float("nan"), None, 3.0]}
    )
    assert bits(encoding.matrix_of_rows(frame.columns, frame.rows())) == bits(encoding.matrix(frame))


def test_a_model_without_numbers_or_categories_is_encoded_alike() -> None:
    frame = pl.DataFrame({"a": [1.5, None], "c": ["x", "y"]})
    for encoding in (Encoding(("a",), {}), Encoding((), {"c": ("x",)})):
        assert bits(encoding.matrix_of_rows(frame.columns, frame.rows())) == bits(encoding.matrix(frame))


def test_an_absent_feature_is_named() -> None:
    with pytest.raises(ModelError, match="'b'"):
        Encoding(("a", "b"), {}).matrix_of_rows(["a"], [(1.0,)])
