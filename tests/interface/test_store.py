"""What the Python interface gives is what the commands give; wrong input is one of the family's errors."""

from __future__ import annotations

import dataclasses
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC
from typer.testing import CliRunner

import basira as bs
from basira.cli.program import app
from basira.schema.errors import ModelError, NotFoundError, StoreError, UsageError
from tests.support.interface_world import Files

MAY, FIRST, LAST = date(2024, 5, 31), date(2024, 6, 1), date(2024, 6, 30)


def forest() -> RandomForestClassifier:
    return RandomForestClassifier(30, random_state=1)


def command(*arguments: object) -> None:
    found = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert found.exit_code == 0, found.output


def test_features_are_one_row_an_item_by_catalog_names(store: bs.Store) -> None:
    from basira.features.catalog.catalog import CATALOG

    found = store.features(FIRST, LAST, as_of=MAY)
    assert found.columns == ["declaration_id", "declaration_version", "item_number", *(f.name for f in CATALOG)]
    assert found["declaration_id"].n_unique() == len(found) > 100


def test_features_know_nothing_after_as_of(store: bs.Store) -> None:
    early = store.features(LAST, LAST, as_of=date(2024, 1, 31))
    late = store.features(LAST, LAST, as_of=date(2024, 6, 29))
    assert early["all_hit_rate"].n_unique() == 1
    assert early["all_hit_rate"][0] != late["all_hit_rate"][0]


def test_features_go_to_pandas(store: bs.Store) -> None:
    pytest.importorskip("pandas")
    assert len(store.features(LAST, LAST, as_of=MAY).to_pandas()) > 0


def test_scores_are_those_of_the_command(store: bs.Store, tmp_path: Path) -> None:
    found = store.score(FIRST, LAST, as_of=MAY)
    out = tmp_path / "scores.parquet"
    command("score", "--store", store.history.root, "--from", FIRST, "--to", LAST, "--as-of", MAY, "--out", out)
    assert found.equals(pl.read_parquet(out))


def test_a_targeted_day_is_recorded_unless_it_is_a_preview(store: bs.Store) -> None:
    store.train(as_of=MAY)
    shown = store.target(FIRST, any_office=True, seed=1, preview=True)
    number = shown.decisions[0].declaration_id
    with pytest.raises((NotFoundError, StoreError)):
        store.explain(number, run=shown.run.run_id)
    done = store.target(FIRST, any_office=True, seed=1, language="en")
    assert [d.lane for d in done.decisions] == [d.lane for d in shown.decisions]
    why = store.explain(number, run=done.run.run_id, language="en")
    assert (why["lane"], why["run_id"]) == (done.decisions[0].lane, done.run.run_id)


def test_an_own_estimator_stands_beside_ours(store: bs.Store) -> None:
    alone = store.evaluate(as_of=LAST, resamples=20).metrics
    found = store.evaluate(as_of=LAST, estimators={"mine": forest()}, resamples=20).metrics
    assert set(found["models"]) == {*alone["models"], "mine"}
    assert found["models"]["mine"]["slices"]["all"]["auc"] > 0.6
    assert found["models"]["basira"]["slices"] == alone["models"]["basira"]["slices"]
    assert "mine" in found["differences"]["all"]


def test_an_own_estimator_sees_what_is_documented(store: bs.Store) -> None:
    from basira.features.catalog.catalog import CATEGORY_FEATURES, MODEL_FEATURES

    class Looks:
        def fit(self, X: Any, y: Any, sample_weight: Any) -> Looks:  # noqa: N803 - scikit-learn's names
            self.seen = (X, y, sample_weight)
            return self

        def predict_proba(self, X: Any) -> Any:  # noqa: N803
            return np.tile([0.7, 0.3], (len(X), 1))

    own = Looks()
    fitted = store.train_estimator(own, as_of=MAY)
    x, y, weight = fitted.estimator.seen  # type: ignore[attr-defined]  # our own class
    assert isinstance(x, pl.DataFrame)
    assert set(x.dtypes) == {pl.Float32}
    assert x.null_count().sum_horizontal()[0] == 0
    numbers = [name for name in x.columns if name in MODEL_FEATURES]
    assert numbers == [name for name in MODEL_FEATURES if name in numbers]
    assert x.columns[len(numbers) :] == [name for name in sorted(CATEGORY_FEATURES) if name in x.columns]
    codes = x["category_origin_country"].drop_nans().unique().sort().to_list()
    assert codes == [0.0, 1.0, 2.0]
    assert (y.dtype, set(y)) == (np.int64, {0, 1})
    assert weight.min() >= 1
    assert len(x) == len(y) == len(weight) == fitted.rows
    assert fitted.predict(store.features(FIRST, LAST, as_of=MAY)).tolist()[:2] == [0.3, 0.3]
    assert not hasattr(own, "seen"), "a copy is fitted"


def test_an_own_estimator_never_touches_the_disk(store: bs.Store, monkeypatch: pytest.MonkeyPatch) -> None:
    class Unpickled(RandomForestClassifier):  # type: ignore[misc]  # scikit-learn has no types
        def __getstate__(self) -> Any:
            raise AssertionError("an estimator was pickled")

        def __deepcopy__(self, memo: Any) -> Any:
            return Unpickled(**self.get_params())

    before = sorted(store.history.root.rglob("*"))
    store.train_estimator(Unpickled(10), as_of=MAY)
    assert sorted(store.history.root.rglob("*")) == before


class Broken:
    def __init__(self, found: Any = None) -> None:
        self.found = found

    def fit(self, X: Any, y: Any, sample_weight: Any) -> None:  # noqa: N803
        pass

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        return self.found(len(X))


def _fails(rows: int) -> Any:
    raise RuntimeError(f"no answer for {rows > 0}")


@pytest.mark.parametrize(
    ("estimators", "message"),
    [
        ({"mine": LinearSVC()}, "expected fit and predict_proba, found no predict_proba"),
        ({"mine": object()}, "found no fit, no predict_proba"),
        ({"mine": RandomForestClassifier}, "expected an object, found the class RandomForestClassifier"),
        ({"mine": KNeighborsClassifier()}, "expected a fit that takes sample_weight"),
        ({"lightgbm_raw": forest()}, "expected a name of its own"),
        ({"../mine": forest()}, "expected a name of letters"),
        ({"basira_mine": forest()}, "does not begin with 'basira'"),
    ],
)
def test_what_is_no_estimator_is_named(store: bs.Store, estimators: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        store.evaluate(as_of=LAST, estimators=estimators, resamples=20)


@pytest.fixture(scope="module")
def fitted(store: bs.Store) -> bs.FittedEstimator:
    return store.train_estimator(Broken(), as_of=MAY, name="mine")


@pytest.fixture(scope="module")
def last_day(store: bs.Store) -> pl.DataFrame:
    return store.features(LAST, LAST, as_of=MAY)


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (np.zeros, r"expected predict_proba to return shape \(\d+, 2\)"),
        (lambda n: np.full((n, 2), np.nan), "expected probabilities from 0 to 1"),
        (lambda n: np.full((n, 2), 2.0), "expected probabilities from 0 to 1"),
        (_fails, "predict_proba raised RuntimeError: no answer for True"),
    ],
)
def test_an_answer_that_is_no_probability_is_named(
    fitted: bs.FittedEstimator, last_day: pl.DataFrame, found: Any, message: str
) -> None:
    with pytest.raises(UsageError, match=f"estimator 'mine': {message}"):
        dataclasses.replace(fitted, estimator=Broken(found)).predict(last_day)


def test_wrong_input_is_one_of_the_familys_errors(store: bs.Store, files: Files, tmp_path: Path) -> None:
    wrong: list[tuple[type[bs.BasiraError], str, Any]] = [
        (UsageError, "as_of: expected a datetime.date, found str", lambda: store.train(as_of="2024-05-31")),  # type: ignore[arg-type]  # the test's point
        (UsageError, "day: expected a datetime.date, found datetime", lambda: store.target(datetime(2024, 6, 1, 8))),
        (UsageError, "end: expected a datetime.date, found int", lambda: store.features(FIRST, 7, as_of=MAY)),  # type: ignore[arg-type]
        (UsageError, "language: expected one of", lambda: store.explain("D1", language="de")),  # type: ignore[arg-type]
        (UsageError, "language: expected one of", lambda: store.target(FIRST, language="de")),  # type: ignore[arg-type]
        (UsageError, "policy: expected a folder or one of", lambda: store.target(FIRST, policy="atlantis")),
        (UsageError, "found none in this store", lambda: store.features(date(2031, 1, 1), date(2031, 1, 1), as_of=MAY)),
        (ModelError, "knows nothing later than 2023", lambda: store.target(date(2024, 1, 1), any_office=True)),
        (ModelError, "Expected inspection results", lambda: store.evaluate(as_of=date(2020, 1, 1))),
        (NotFoundError, "Expected a mapping file", lambda: store.ingest(files.declarations, "atlantis")),
        (StoreError, "found nothing", lambda: bs.open_store(tmp_path / "absent")),
        (StoreError, "found other files", lambda: bs.open_store(files.folder, create=True)),
        (NotFoundError, "Expected a strategy, found 'luck'", lambda: bs.compare(["luck"], "small")),
        (UsageError, "Expected one of scenario, data", lambda: bs.compare(["random"], "")),
        (UsageError, "data and mapping together", lambda: bs.compare(["random"], [files.labelled])),
        (UsageError, "outcomes and their mapping", lambda: bs.compare(
            ["random"], [files.declarations], mapping=files.mapping("declarations"), outcomes=[files.results])),
        (UsageError, "start: expected a datetime.date", lambda: bs.compare(["random"], "small", start="2023-01-01")),  # type: ignore[arg-type]
        (UsageError, "found a shipped strategy's", lambda: bs.compare([], "small", estimators={"xgboost": forest()})),
    ]  # fmt: skip
    for error, message, call in wrong:
        with pytest.raises(error, match=message) as found:
            call()
        assert found.value.hint


def test_every_public_name_is_loaded_and_documented() -> None:
    assert set(bs.__all__) <= set(dir(bs))
    for name in bs.__all__:
        assert name == "__version__" or getattr(bs, name).__doc__, name
    with pytest.raises(AttributeError, match="no attribute 'open_shop'"):
        bs.open_shop  # type: ignore[attr-defined]  # noqa: B018 - the test's point


def test_a_store_is_a_frozen_value(store: bs.Store) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        store.history = None  # type: ignore[misc,assignment]
    assert repr(store) == f"<Basira store {str(store.history.root)!r}>"
