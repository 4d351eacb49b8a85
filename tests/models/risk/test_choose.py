"""What later results choose, and what planted frauds may not touch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from basira.models.risk import trees
from basira.models.risk.choose import Choice, Planted, Rows, choose
from basira.models.risk.fit import TrainingItems
from basira.models.risk.planted import PlantedItems
from basira.models.risk.settings import FitSettings
from basira.schema.errors import ModelError
from tests.support.models_items import QUICK, chance, fit, make_items, texts


def planted(rows: int = 1000, *, signal: float, seed: int = 4) -> PlantedItems:
    """Copies whose ``signal`` is moved by so much, and as many unlabelled items."""
    base = make_items(2 * rows, seed=seed).features
    copy = np.arange(2 * rows) % 2 == 0
    moved = base.with_columns(
        pl.when(pl.Series(copy)).then(pl.col("signal") + signal).otherwise("signal").cast(pl.Float32).alias("signal")
    )
    return PlantedItems(
        features=moved,
        declared_day=np.sort(np.random.default_rng(seed).integers(0, 365, 2 * rows)),
        kind=np.where(copy, np.where(np.arange(2 * rows) % 4 == 0, "value", "origin"), ""),
        evaded=np.where(copy, 10.0, np.nan),
    )


def test_planted_rows_add_to_what_is_known_and_leave_the_rate_as_it_was() -> None:
    rng = np.random.default_rng(1)
    y = (rng.random(900) < 0.1).astype(float)
    of = Rows(np.zeros((900, 2), np.float32), y, rng.uniform(0.5, 2.0, 900))
    rows = Planted(np.zeros((300, 2), np.float32), np.arange(300) < 100, np.arange(300)).weighted(0.2, of=of)
    assert rows is not None
    for answer in (0.0, 1.0):
        assert rows.weight[rows.y == answer].sum() == pytest.approx(0.2 * of.weight[y == answer].sum())


def test_no_weight_is_no_rows() -> None:
    of = Rows(np.zeros((40, 1), np.float32), (np.arange(40) < 20).astype(float), np.ones(40))
    rows = Planted(np.zeros((8, 1), np.float32), np.arange(8) < 4, np.arange(8))
    assert rows.weighted(0.0, of=of) is None
    assert rows.weighted(0.2, of=of, before=0) is None


def test_no_planted_row_is_among_those_that_choose_nor_of_their_days(monkeypatch: pytest.MonkeyPatch) -> None:
    items = replace(make_items(3000), planted=planted(signal=2.0))
    marked = replace(
        items,
        features=items.features.with_columns(day=pl.Series(items.declared_day), noise=pl.lit(1.0)),
        planted=replace(
            items.planted,  # type: ignore[type-var]  # it is there
            features=items.planted.features.with_columns(  # type: ignore[union-attr]  # likewise
                day=pl.Series(items.planted.declared_day),
                noise=pl.lit(2.0),  # type: ignore[union-attr]  # likewise
            ),
        ),
    )
    marked = replace(
        marked, features=marked.features.with_columns(noise=pl.Series(np.arange(3000) % 2).cast(pl.Float64))
    )
    seen: list[tuple[np.ndarray, np.ndarray]] = []
    real = trees.fit_until_late

    def keep(early, late, fitting, **rest):
        signal, noise = (fitting.names.index(name) for name in ("signal", "noise"))
        seen.append((early[0][:, [signal, noise]], late[0][:, noise]))
        return real(early, late, fitting, **rest)

    monkeypatch.setattr(trees, "fit_until_late", keep)
    fit(marked)
    first_late = int(np.quantile(items.declared_day, 0.8))
    count = int((items.planted.declared_day < first_late).sum())  # type: ignore[union-attr]  # likewise
    for early, late in seen:
        assert late.max() < 2  # the mark of a planted row
        assert (early[:, 1] == 2).sum() in (0, count)
    assert any((early[:, 1] == 2).any() for early, _ in seen)


def test_with_few_results_planted_frauds_teach_what_results_alone_do_not() -> None:
    few, later = make_items(300, seed=7), make_items(4000, seed=8)
    helped = fit(replace(few, planted=planted(signal=1.5)))
    gain = [
        np.corrcoef(m.predict(later.features).fraud_probability, chance(later.features["signal"].to_numpy()))[0, 1]
        for m in (fit(few), helped)
    ]
    assert helped.card["chosen"]["planted_weight"] == FitSettings().planted_weight
    assert not helped.card["chosen"]["is_by_results"]
    assert gain[1] > gain[0] + 0.05


def test_later_results_that_contradict_them_silence_planted_frauds() -> None:
    model = fit(replace(make_items(), planted=planted(signal=-4.0)), settings=replace(QUICK, planted_weight=0.5))
    chosen = model.card["chosen"]
    assert chosen["is_by_results"]
    assert chosen["planted_weight"] == 0.0
    assert chosen["planted_log_loss"]["0"] < chosen["planted_log_loss"]["0.5"]


def test_silenced_they_change_no_tree_of_the_probability(items: TrainingItems) -> None:
    settings = replace(QUICK, planted_weight=0.0, planted_weights=())
    with_them = fit(replace(items, planted=planted(signal=2.0)), settings=settings)
    assert texts(with_them) == texts(fit(items, settings=settings))


def test_planted_frauds_name_a_kind_of_which_few_were_found() -> None:
    items = make_items(4000)
    rare = items.kinds["origin"] * (np.cumsum(items.kinds["origin"]) <= 5)
    found = replace(items, kinds={"value": items.kinds["value"], "origin": rare})
    copies = planted(signal=0.0)
    gap = np.where(copies.kind == "origin", -2.0, 2.0)
    copies = replace(copies, features=copies.features.with_columns(gap=pl.Series(gap, dtype=pl.Float32)))
    assert not fit(found).card["kinds"]["origin"]["is_learned"]
    model = fit(replace(found, planted=copies))
    assert model.card["kinds"]["origin"]["is_learned"]
    asked = items.features.head(2).with_columns(gap=pl.Series([-2.0, 2.0], dtype=pl.Float32))
    kinds = model.predict(asked).kind_probabilities
    assert kinds["origin"][0] / kinds["value"][0] > 5 * kinds["origin"][1] / kinds["value"][1]


def test_without_any_result_they_rank_alone_where_that_is_allowed() -> None:
    nothing = make_items(50)
    nothing = replace(
        nothing,
        features=nothing.features.clear(),
        declared_day=nothing.declared_day[:0],
        is_irregular=nothing.is_irregular[:0],
        revenue=nothing.revenue[:0],
        kinds={},
        weight=nothing.weight[:0],
        planted=planted(signal=2.0),
    )
    with pytest.raises(ModelError, match="found 0 and 0"):
        fit(nothing)
    with pytest.raises(ModelError, match="found 0 and 0"):
        fit(replace(nothing, planted=None), settings=replace(QUICK, fewest_of_a_class=0))
    model = fit(nothing, settings=replace(QUICK, fewest_of_a_class=0))
    later = make_items(2000, seed=9)
    p = model.predict(later.features).fraud_probability
    assert np.corrcoef(p, later.features["signal"].to_numpy())[0, 1] > 0.5
    assert 0.01 < p.mean() < 0.2


def test_what_copies_evade_supports_the_share_while_little_was_recovered() -> None:
    items = make_items(3000)
    recorded = np.where(np.cumsum(items.is_irregular) <= 12, items.revenue, np.nan)
    copies = planted(signal=0.0)
    potential = copies.features["potential_duties_amount"].to_numpy()
    share = np.where(copies.features["noise"].to_numpy() > 0, 0.8, 0.1)
    copies = replace(copies, evaded=np.where(copies.is_copy, share * potential, np.nan))
    thin = replace(items, revenue=recorded)
    assert not fit(thin).card["share"]["is_learned"]
    model = fit(replace(thin, planted=copies))
    assert model.card["share"]["is_learned"]
    said = model.predict(items.features)
    shares = said.revenue_if_fraud / items.features["potential_duties_amount"].to_numpy()
    high = items.features["noise"].to_numpy() > 0
    assert shares[high].mean() > 2 * shares[~high].mean()


def _choose(monkeypatch: pytest.MonkeyPatch, raw: dict[str, np.ndarray], y: np.ndarray, **changes: object) -> Choice:
    """What is chosen where a fit of each size says ``raw`` of the later half of the rows."""

    def say(early, late, fitting, *, size, **rest):
        return 40, raw[size]

    monkeypatch.setattr(trees, "fit_until_late", say)
    rows = Rows(np.zeros((len(y), 1), np.float32), y.astype(float), np.ones(len(y)))
    return choose(
        rows,
        np.arange(len(y)) >= len(y) // 2,
        np.ones(len(y)),
        trees.Fitting(["one"], [], replace(FitSettings(), **changes), seed=1),  # type: ignore[arg-type]  # by name
        planted=None,
        first_late=0,
    )


def _later_scores(y: np.ndarray, *, signal: float, seed: int) -> np.ndarray:
    late = y[len(y) // 2 :]
    return np.random.default_rng(seed).normal(0, 1, len(late)) + signal * late


def test_a_size_of_trees_that_later_results_clearly_prefer_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    y = np.random.default_rng(1).random(2000) < 0.2
    raw = {"small": _later_scores(y, signal=0.5, seed=2), "large": _later_scores(y, signal=3.0, seed=3)}
    chosen = _choose(monkeypatch, raw, y)
    assert (chosen.size, chosen.is_by_results, set(chosen.late_loss)) == ("large", True, {"small", "large"})
    assert chosen.late_raw is raw["large"]


def test_a_size_that_is_a_little_better_by_chance_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    y = np.random.default_rng(1).random(2000) < 0.2
    raw = {name: _later_scores(y, signal=1.0, seed=seed) for seed, name in enumerate(("large", "small"))}
    assert _choose(monkeypatch, raw, y).size == "small"
    # Where thousands of irregular results are known, the larger trees are the ones assumed.
    assert _choose(monkeypatch, raw, y, larger_from=100).size == "large"


def test_few_later_results_choose_no_size_and_no_second_one_is_fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    y = np.arange(2000) % 100 == 0
    chosen = _choose(monkeypatch, {"small": _later_scores(y, signal=0.0, seed=2)}, y)
    assert (chosen.size, chosen.is_by_results, set(chosen.late_loss)) == ("small", False, {"small"})


def test_a_kind_of_which_few_are_found_counts_as_much_as_any_other() -> None:
    items = make_items(4000)
    irregular = items.is_irregular.astype(float)
    rare = irregular * (np.cumsum(items.is_irregular) <= 60)
    found = replace(items, kinds={"value": irregular - rare, "origin": rare}, planted=planted(signal=0.0))
    assert (irregular - rare).sum() > 5 * rare.sum()
    # No feature tells one from the other: so neither is named much more often.
    kinds = fit(found).predict(items.features).kind_probabilities
    assert 0.6 < kinds["origin"].mean() / kinds["value"].mean() < 1.7
