"""The trials behind the model's choices (docs/explanation/model.md), on simulated worlds with known truth.

    .venv/bin/python benchmarks/model_trials.py [--scenario small] [--items 250000] [--seeds 3 4]
        [--features {usual,expected} | --planted | --alone]

Each world: learn from the results known 61 days before its end, test on every item of these days against the simulated
truth. --features: of the variants those of one group of features alone (`GROUPS`); --planted: those of the planted
frauds; --alone: the model as shipped and no variant. Prints one line a variant and seed: AUC, precision in the first 1,
5 and 10 %, revenue in the first 5 and 10 % by expected revenue, and, on the inspected test items only, the mean
probability beside the share found (calibration), with the CPU seconds to fit. A second line: of all irregular items and
of all that is evaded, the parts in the first 1, 2, 5 and 10 % by probability x (1 + potential duties) ^ 0.2 and by
probability; of the irregular items in the first 5 % by probability the share whose most probable kind is the true one,
over all and by kind (how many of it there are); what was chosen.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before the booster is loaded

import numpy as np
import polars as pl
from sklearn.metrics import roc_auc_score

from basira.country import load_scenario, make_world
from basira.features.batch.compute import compute_features
from basira.features.catalog.catalog import CATALOG, MODEL_FEATURES
from basira.ingest.mapping.model import load_mapping
from basira.models.risk.fit import ModelOrigin, TrainingItems, fit_risk_model
from basira.models.risk.settings import FitSettings
from basira.schema.days import day_of
from basira.storage.engine import fetch_frame, open_engine
from basira.storage.history.store import History, register
from basira.workflows.intake.feedback import record_feedback
from basira.workflows.intake.ingest import ingest_files
from basira.workflows.targeting.score import items_declared
from basira.workflows.train import training_items

_TESTED_DAYS = 61
# What the catalog keeps as evidence because it grows with the calendar; one variant gives it to the trees.
# What is usual for a trader, a code, an origin: prices and their habits, then preference, duty and ratios.
_PRICES = tuple(name for name in MODEL_FEATURES if name.endswith(("price_gap", "_price_habit", "_low_price_rate")))
_USUAL = (
    *_PRICES,
    *(name for name in MODEL_FEATURES if name.startswith(("preference_vs_", "usual_duty_vs_"))),
    "duty_vs_usual",
    "code_share_of_importer",
    "lower_price_ratio",
    "kg_per_unit_distance",
)
# What the code, the origin and the supplier lead to expect of the price: per kg, and per supplementary unit.
_EXPECTED_KG, _EXPECTED_UNIT = (
    tuple(f"{measure}_{ending}" for ending in ("vs_expected", "expected_z"))
    for measure in ("value_per_kg", "value_per_unit")
)
# By the name of a trial of features: what each of its variants leaves out, and what it adds of the evidence.
GROUPS: dict[str, dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "usual": {"without usual prices, their habits": (_PRICES, ()), "without what is usual": (_USUAL, ())},
    "expected": {
        "with expected prices": ((), (*_EXPECTED_KG, *_EXPECTED_UNIT)),
        "with those per unit": ((), _EXPECTED_UNIT),
        "with those per kg": ((), _EXPECTED_KG),
    },
}
CALENDAR = tuple(f.name for f in CATALOG if f.role == "evidence" and f.name.endswith(("_items", "_inspected")))


@dataclass(frozen=True)
class Trial:
    """One world's training items, test features, and the test items' truth, results and evaded amounts.

    ``known``: of each test item what the truth and the results say (`TRUTH` of `basira.country.tables`; ``found``,
    ``inspection_lane`` and ``recovered``, null where nothing was inspected or recorded).
    """

    as_of: date
    items: TrainingItems
    features: pl.DataFrame
    irregular: np.ndarray
    evaded: np.ndarray
    found: pl.Series
    kind: np.ndarray
    known: pl.DataFrame


@contextmanager
def world(name: str, items: int, seed: int, *, has_expected: bool = False) -> Iterator[Trial]:
    scenario = load_scenario(name, changes={"items": items})
    as_of, last = scenario.ends_on - timedelta(days=_TESTED_DAYS), scenario.ends_on
    with tempfile.TemporaryDirectory() as path:
        folder = Path(path)
        make_world(scenario, seed=seed, out=folder / "w", progress=None)
        history, now = History.create(folder / "store"), datetime(last.year + 1, 1, 1)
        ingest_files(history, sorted((folder / "w/declarations").glob("*")), load_mapping("basira"), received_at=now)
        record_feedback(
            history, sorted((folder / "w/outcomes").glob("*")), load_mapping("basira-outcomes"), received_at=now
        )
        snapshot = history.snapshot()
        with open_engine(reads=snapshot.all_files()) as con:
            register(con, snapshot)
            started = time.process_time()
            training_items(con, as_of_day=day_of(as_of))
            without = time.process_time() - started
            train = training_items(con, as_of_day=day_of(as_of), planted_seed=1, has_expected=has_expected)
            print(
                f"CPU seconds for the features of {len(train.is_irregular):,} results, {int(train.is_irregular.sum())}"
                f" irregular: {without:.1f}; with planted frauds {time.process_time() - started - without:.1f}",
                flush=True,
            )
            items_declared(con, as_of + timedelta(days=1), last, into="asked")
            compute_features(con, "asked", as_of_day=day_of(as_of), into="tested")
            features = fetch_frame(con, "select * from tested order by declaration_id, item_number")
        key = ["declaration_id", "item_number"]
        truth = pl.read_parquet(folder / "w/truth/*.parquet")
        results = pl.read_parquet(folder / "w/outcomes/*.parquet").select(
            *key,
            "inspection_lane",
            found="is_irregular",
            recovered="additional_revenue_amount",
        )
        known = features.select(key).join(truth, on=key, how="left", maintain_order="left")
        known = known.join(results.unique(key, keep="last"), on=key, how="left", maintain_order="left")
        irregular, evaded = known["is_irregular"].to_numpy(), known["evaded_amount"].to_numpy()
        yield Trial(as_of, train, features, irregular, evaded, known["found"], known["kind"].to_numpy(), known)


def measure(
    trial: Trial,
    name: str,
    seed: int,
    *,
    numbers: tuple[str, ...] = MODEL_FEATURES,
    settings: FitSettings | None = None,
    weighted: bool = True,
    kinds: tuple[str, ...] | None = None,
    order: Callable[[Any, pl.DataFrame], np.ndarray] | None = None,
) -> None:
    items = trial.items if weighted else replace(trial.items, weight=np.ones(len(trial.items.weight)))
    if kinds is not None and items.planted is not None:
        of = np.isin(items.planted.kind, [*kinds, ""])
        items = replace(items, planted=items.planted.only(of))
    model = fit_risk_model(
        items,
        numbers=numbers,
        settings=settings or FitSettings(),
        seed=1,
        origin=ModelOrigin(trial.as_of.isoformat(), "", 0, ""),
    )
    said = model.predict(trial.features)
    p, n = said.fraud_probability, len(said.fraud_probability)
    by_risk = np.argsort(-p, kind="stable")
    by_worth = np.argsort(-(said.expected_revenue if order is None else order(said, trial.features)), kind="stable")
    inspected = trial.found.is_not_null().to_numpy()
    precision = [trial.irregular[by_risk[: n * q // 100]].mean() for q in (1, 5, 10)]
    revenue = [trial.evaded[by_worth[: n * q // 100]].sum() / trial.evaded.sum() for q in (5, 10)]
    print(
        f"{name:34} seed {seed}  AUC {roc_auc_score(trial.irregular, p):.3f}"
        f"  P@1/5/10 {precision[0]:.3f} {precision[1]:.3f} {precision[2]:.3f}"
        f"  Rev@5/10 {revenue[0]:.3f} {revenue[1]:.3f}"
        f"  inspected: predicted {p[inspected].mean():.4f} found {trial.found.drop_nulls().to_numpy().mean():.4f}"
        f"  {model.card['chosen']['size']} x{model.card['chosen']['bags']} {model.card['fit_cpu_seconds']:.0f} s",
        flush=True,
    )
    stake = np.maximum(np.nan_to_num(trial.features["potential_duties_amount"].to_numpy().astype(float)), 0.0)
    parts = []
    for ranked in (np.argsort(-p * (1 + stake) ** 0.2, kind="stable"), by_risk):
        for of in (trial.irregular, trial.evaded):
            parts.append(" ".join(f"{of[ranked[: n * q // 100]].sum() / of.sum():.3f}" for q in (1, 2, 5, 10)))
    print(f"    balanced: found {parts[0]}, revenue {parts[1]}; by probability: found {parts[2]}, revenue {parts[3]}")
    hits = by_risk[: n // 20][trial.irregular[by_risk[: n // 20]]]
    names = np.array(list(said.kind_probabilities))
    named = names[np.argmax([said.kind_probabilities[k][hits] for k in names], axis=0)]
    right = {k: (named == k)[trial.kind[hits] == k] for k in sorted(set(trial.kind[hits]))}
    print(
        f"    kind right {(named == trial.kind[hits]).mean():.3f}: "
        + ", ".join(f"{k} {of.mean():.2f} ({len(of)})" for k, of in right.items())
        + f"; planted weight {model.card['chosen']['planted_weight']:g} {model.card['chosen']['planted_log_loss']}"
        + f", slope {model.card['calibration']['slope']:.2f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenario", default="small")
    parser.add_argument("--items", type=int, default=250_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[3, 4])
    parser.add_argument("--features", nargs="?", const="usual", choices=sorted(GROUPS))
    parser.add_argument("--planted", action="store_true")
    parser.add_argument("--alone", action="store_true")
    arguments = parser.parse_args()
    plain = FitSettings()
    for seed in arguments.seeds:
        with world(arguments.scenario, arguments.items, seed, has_expected=arguments.features == "expected") as trial:
            measure(trial, "as shipped", seed)
            if arguments.alone:
                continue
            if arguments.planted:
                measure(trial, "without planted frauds", seed, kinds=())
                measure(trial, "planted value cuts only", seed, kinds=("value",))
                measure(
                    trial, "planted, weight .5", seed, settings=replace(plain, planted_weight=0.5, planted_weights=())
                )
                for size in plain.sizes:
                    measure(trial, f"planted, {size} trees", seed, settings=replace(plain, sizes=(size,)))
                continue
            for name, (without, added) in GROUPS.get(arguments.features, {}).items():
                # In the order of the catalog, on which the draws of features for each tree depend.
                chosen = {*MODEL_FEATURES, *added} - {*without}
                measure(trial, name, seed, numbers=tuple(f.name for f in CATALOG if f.name in chosen))
            if arguments.features:
                continue
            measure(trial, "with counts that grow in time", seed, numbers=(*MODEL_FEATURES, *CALENDAR))
            measure(trial, "without weights for late results", seed, weighted=False)
            measure(trial, "one bag", seed, settings=replace(plain, bags=()))
            measure(trial, "irregular items weighted 5", seed, settings=replace(plain, positive_weight=5.0))
            measure(trial, "half-life 120 days", seed, settings=replace(plain, half_life_days=120.0))
            measure(
                trial,
                "worth: probability x potential",
                seed,
                order=lambda s, f: s.fraud_probability * f["potential_duties_amount"].to_numpy(),
            )
            measure(
                trial,
                "worth: probability x value",
                seed,
                order=lambda s, f: s.fraud_probability * np.exp(np.nan_to_num(f["item_value_log"])),
            )


if __name__ == "__main__":
    main()
