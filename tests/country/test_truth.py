"""Known truth: what was planted comes out, labels contradict it only by name, nothing gives it away."""

import lightgbm
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from sklearn.metrics import roc_auc_score

from basira.country import LiveCountry, load_scenario
from basira.country.conduct import item_weight
from basira.country.scenario import DELIBERATE, KIND_OF, Scenario

NO_ANSWERS = dict.fromkeys(
    ("stop", "shrink", "change_declarant", "change_office", "change_code", "change_identity"), 0.0
)


def _run(scenario: Scenario, seed: int) -> tuple[pa.Table, pa.Table, pa.Table, LiveCountry]:
    country, parts = LiveCountry(scenario, seed), []
    while not country.is_over:
        parts.append(country.step_legacy())
    return (
        pa.concat_tables([p.declarations for p in parts]),
        pa.concat_tables([p.truth for p in parts]),
        pa.concat_tables([*(p.outcomes for p in parts), country.unknown_outcomes()]),
        country,
    )


@pytest.fixture(scope="module")
def small() -> tuple[pa.Table, pa.Table, pa.Table, LiveCountry]:
    return _run(load_scenario("small"), 1)


@pytest.fixture(scope="module")
def drift() -> tuple[pa.Table, pa.Table, pa.Table, LiveCountry]:
    return _run(load_scenario("drift", changes={"conduct.spell_days": 700, "waves": []}), 2)


def test_the_number_of_items_is_the_scenarios(small: tuple[pa.Table, ...]) -> None:
    assert small[0].num_rows == pytest.approx(60_000, rel=0.05)


def test_the_planted_rates_come_out() -> None:
    scenario = load_scenario(
        "drift", changes={"waves": [], "rate_changes": [], "conduct.answers": NO_ANSWERS, "conduct.spell_days": 700}
    )
    _, truth, _, country = _run(scenario, 3)
    assert sum(country.plan.declared_rates.values()) == pytest.approx(scenario.conduct.irregular_rate, rel=0.03)
    for scheme, planted in country.plan.declared_rates.items():
        found = pc.sum(pc.equal(truth.column("scheme"), scheme)).as_py() or 0
        # Traders' activity is heavy-tailed: the spread is wider than a binomial's.
        assert found / truth.num_rows == pytest.approx(planted, rel=0.25, abs=2e-4), scheme


def test_undervaluation_is_first_in_revenue(small: tuple[pa.Table, ...]) -> None:
    by_scheme = small[1].group_by("scheme").aggregate([("evaded_amount", "sum")]).to_pydict()
    amounts = {s: v for s, v in zip(by_scheme["scheme"], by_scheme["evaded_amount_sum"], strict=True) if s}
    assert max(amounts, key=lambda s: amounts[s]) == "undervaluation"


def test_kind_scheme_and_irregular_agree(small: tuple[pa.Table, ...]) -> None:
    for row in small[1].to_pylist():
        assert row["is_irregular"] == (row["scheme"] is not None)
        assert row["kind"] == (None if row["scheme"] is None else KIND_OF[row["scheme"]])
        assert row["is_irregular"] or row["evaded_amount"] == 0
        assert row["is_irregular"] or not row["is_detectable"]
        assert row["conduct"] not in ("honest", "negligent") or row["scheme"] not in DELIBERATE


def test_labels_contradict_the_truth_only_by_named_errors(small: tuple[pa.Table, ...]) -> None:
    _, truth, outcomes, _ = small
    known = {(r["declaration_id"], r["item_number"]): r for r in outcomes.to_pylist()}
    contradictions = 0
    for row in truth.to_pylist():
        result = known.get((row["declaration_id"], row["item_number"]))
        if result is None or result["is_irregular"] is None:
            continue
        if result["is_irregular"] != row["is_irregular"]:
            contradictions += 1
            allowed = ("false_finding",) if result["is_irregular"] else ("missed", "looked_away")
            assert row["detection_error"] in allowed
        else:
            assert row["detection_error"] is None
            if result["is_irregular"]:
                assert result[f"is_irregular_{row['kind']}"] is True
    assert contradictions > 0


def test_found_values_are_the_true_ones(small: tuple[pa.Table, ...]) -> None:
    _, truth, outcomes, _ = small
    true = {(r["declaration_id"], r["item_number"]): r for r in truth.to_pylist()}
    checked = 0
    for row in outcomes.filter(pc.equal(outcomes.column("is_irregular"), True)).to_pylist():
        real = true[row["declaration_id"], row["item_number"]]
        if real["detection_error"] == "false_finding":
            continue
        for found, name in (
            ("found_value_amount", "value_amount"),
            ("found_commodity_code", "commodity_code"),
            ("found_origin_country", "origin_country"),
        ):
            if row[found] is not None:
                checked += 1
                assert row[found] == real[f"true_{name}"]
        assert row["additional_revenue_amount"] <= real["evaded_amount"] + 0.01
    assert checked > 50


def test_the_regular_declare_what_is_true(small: tuple[pa.Table, ...]) -> None:
    declared, truth, _, _ = small
    regular = pc.invert(truth.column("is_irregular"))
    for name in ("commodity_code", "quantity", "net_mass_kg"):
        assert declared.column(name).filter(regular).equals(truth.column(f"true_{name}").filter(regular)), name
    gap = pc.subtract(declared.column("customs_value_amount"), truth.column("true_value_amount")).filter(regular)
    assert pc.max(pc.abs(gap)).as_py() < 0.02


def test_some_results_are_blank_and_some_inspections_leave_no_row(small: tuple[pa.Table, ...]) -> None:
    _, truth, outcomes, _ = small
    inspected = pc.sum(truth.column("was_inspected")).as_py()
    done = outcomes.filter(outcomes.column("is_inspected"))
    assert done.num_rows < inspected
    assert 0.01 < done.column("is_irregular").null_count / done.num_rows < 0.08
    assert outcomes.num_rows > done.num_rows  # selected, released without inspection: a row that says so


def test_collusive_pairs_look_away() -> None:
    hidden = {}
    for pairs in (0, 14):
        scenario = load_scenario("collusion", changes={"items": 60_000, "administration.collusive_pairs": pairs})
        _, truth, _, _ = _run(scenario, 1)
        hidden[pairs] = pc.sum(pc.equal(truth.column("detection_error"), "looked_away")).as_py() or 0
    assert hidden[0] == 0
    assert hidden[14] > 20


def test_a_wave_begins_and_ends_on_its_days() -> None:
    scenario = load_scenario("new-fraud", changes={"items": 60_000})
    _, truth, _, _ = _run(scenario, 1)
    origin = truth.filter(pc.equal(truth.column("scheme"), "false_origin"))
    first = pc.min(origin.column("declared_at")).as_py().date()
    assert first >= scenario.waves[0].starts_on
    assert origin.num_rows > 100


def test_rates_change_on_their_day() -> None:
    scenario = load_scenario("morocco-like", changes={"items": 30_000, "ends_on": "2023-06-30", "trade.importers": 600})
    declared = _run(scenario, 1)[0]
    machines = declared.filter(pc.starts_with(declared.column("commodity_code"), "85"))
    plain = machines.filter(pc.is_null(machines.column("preference")))
    after = pc.greater_equal(
        plain.column("declared_at"), pa.scalar(scenario.rate_changes[0].on).cast(pa.timestamp("us"))
    )
    assert set(plain.filter(after).column("duty_rate").to_pylist()) == {0.175}
    assert len(set(plain.filter(pc.invert(after)).column("duty_rate").to_pylist())) > 1


def _trees(x: np.ndarray, y: np.ndarray) -> lightgbm.LGBMClassifier:
    model = lightgbm.LGBMClassifier(
        n_estimators=120,
        num_leaves=15,
        learning_rate=0.05,
        min_child_samples=20,
        subsample=0.8,
        subsample_freq=1,
        colsample_bytree=0.7,
        n_jobs=1,
        random_state=1,
        verbose=-1,
    )
    return model.fit(x, y)


def _folds_auc(x: np.ndarray, y: np.ndarray, part: np.ndarray) -> float:
    """Mean over the parts of the AUC on one part, fitted on the others."""
    return float(
        np.mean(
            [
                roc_auc_score(y[part == k], _trees(x[part != k], y[part != k]).predict_proba(x[part == k])[:, 1])
                for k in np.unique(part)
            ]
        )
    )


def _digits(text: pa.ChunkedArray, last: int) -> np.ndarray:
    return pc.cast(pc.utf8_slice_codeunits(text, -last), pa.float64()).to_numpy()


def test_nothing_technical_gives_the_truth_away(drift: tuple[pa.Table, ...]) -> None:
    """Trees with the truth of some traders learn nothing for the others from order, times, numbers, decimals.

    Split by trader: what a trader always writes is memory of the trader, not a leak.
    """
    declared, truth = drift[0], drift[1]
    y = truth.column("is_irregular").to_numpy(zero_copy_only=False).astype(int)
    trader = truth.column("trader_number").to_numpy()
    at = declared.column("declared_at")
    columns = [
        _digits(declared.column("declaration_id"), 2),
        _digits(declared.column("transport_document"), 4),
        _digits(declared.column("manifest_id"), 3),
        pc.second(at).to_numpy(),
        pc.minute(at).to_numpy(),
        np.arange(len(y)) % 1000,
        *(np.rint(declared.column(n).to_numpy() * 100) % 100 for n in ("customs_value_amount", "invoice_amount")),
        *(np.rint(declared.column(n).to_numpy() * 10) % 10 for n in ("net_mass_kg", "gross_mass_kg")),
    ]
    x = np.column_stack(columns).astype(float)
    assert _folds_auc(x, y, trader * 7919 % 4) == pytest.approx(0.5, abs=0.02)


def test_an_identifier_does_not_tell_a_fraudster() -> None:
    scenario = load_scenario("morocco-like", changes={"trade.importers": 12_000})
    country = LiveCountry(scenario, 1)
    plan, traders = country.plan, country.traders
    y = (plan.trader_scheme >= 0).astype(int)
    x = np.array([[int(ice[i : i + 3]) for i in (2, 5, 8)] for ice in traders.ice[: len(y)]], float)
    assert _folds_auc(x, y, np.arange(len(y)) % 4) == pytest.approx(0.5, abs=0.02)


def test_the_place_of_an_item_in_its_declaration_says_nothing(drift: tuple[pa.Table, ...]) -> None:
    truth = drift[1]
    number = truth.column("item_number").to_numpy().astype(float)
    begins = np.flatnonzero(number == 1)
    size = np.diff(np.append(begins, len(number)))
    place = (number - 1) / np.maximum(1, np.repeat(size, size) - 1)
    irregular = truth.column("is_irregular").to_numpy(zero_copy_only=False)
    of = np.repeat(np.arange(len(size)), size)
    mixed = np.bincount(of, weights=irregular)
    rows = ((mixed > 0) & (mixed < size))[of]
    assert roc_auc_score(irregular[rows], place[rows]) == pytest.approx(0.5, abs=0.02)


def test_random_plain_trees_and_the_best_ranking_are_well_apart(drift: tuple[pa.Table, ...]) -> None:
    """Plain trees on raw label-encoded columns, fitted on the legacy results: neither trivial nor hopeless."""
    declared, truth, outcomes, _ = drift
    result = {
        (d, n): v
        for d, n, v in zip(
            outcomes.column("declaration_id").to_pylist(),
            outcomes.column("item_number").to_pylist(),
            outcomes.column("is_irregular").to_pylist(),
            strict=True,
        )
    }
    keys = zip(declared.column("declaration_id").to_pylist(), declared.column("item_number").to_pylist(), strict=True)
    label = np.array([{None: -1, False: 0, True: 1}[result.get(key)] for key in keys])
    columns = []
    for name in (
        "office",
        "procedure",
        "declarant_id",
        "importer_id",
        "exporter_id",
        "transport_mode",
        "dispatch_country",
        "commodity_code",
        "origin_country",
        "preference",
    ):
        columns.append(declared.column(name).combine_chunks().dictionary_encode().indices.fill_null(-1).to_numpy())
    for name in (
        "quantity",
        "gross_mass_kg",
        "net_mass_kg",
        "invoice_amount",
        "customs_value_amount",
        "duty_rate",
        "vat_rate",
        "duty_amount",
        "total_tax_amount",
    ):
        columns.append(declared.column(name).to_numpy())
    x, y = np.column_stack(columns).astype(float), truth.column("is_irregular").to_numpy(zero_copy_only=False)
    later = np.arange(len(y)) >= len(y) * 3 // 4
    known = ~later & (label >= 0)
    plain = roc_auc_score(y[later], _trees(x[known], label[known]).predict_proba(x[later])[:, 1])
    assert 0.70 <= plain <= 0.85
    assert roc_auc_score(y[later], np.random.default_rng(0).random(int(later.sum()))) == pytest.approx(0.5, abs=0.02)


def test_the_weight_of_a_line_is_how_often_it_comes() -> None:
    """The plan's scaling rests on it."""
    scenario = load_scenario("drift", changes={"items": 100_000, "waves": []})
    country = LiveCountry(scenario, 1)
    weight = item_weight(country.traders, country._markets, scenario)
    expected = np.bincount(country.traders.tie_office[country.traders.line_tie], weights=weight)
    got = np.zeros(len(expected))
    while not country.is_over:
        names = country.declarations.column("office").to_pylist()
        for i, code in enumerate(country.traders.office_code):
            got[i] += names.count(code)
        country.step(country.day, [])
    assert got / got.sum() == pytest.approx(expected / expected.sum(), abs=0.03)
