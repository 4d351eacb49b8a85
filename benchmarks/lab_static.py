"""The strategies on a static split: learn once, rank a later test period, nothing is inspected in it.

    .venv/bin/python benchmarks/lab_static.py --train TRAIN.csv --test VALID.csv
    .venv/bin/python benchmarks/lab_static.py --scenario drift --items 100000 --start 2023-09-03 --weeks 12 \\
        --seeds 1,2,3 --out FOLDER [--strategies basira,xgboost] [--also date] [--again basira]

In the simulated country the legacy selectivity's results are all that is known; the test period's truth judges.
Each item's features are those of the day before its week. Prints, for the first 1, 2, 5 and 10 %: findings and
revenue captured, as shares of all there was; 95 % intervals over seeds (Student's t), and of the paired
difference to `basira` where items are drawn again (bootstrap, within each seed). FOLDER keeps the rankings: the
same command goes on where it stopped, and ``--again`` makes anew those of a strategy that has changed.

Ours rank as they choose in the loop; their random control, which follows what the model takes, comes last here.
`basira_probability` is their model, which is the one that serves, by probability and without the stake.
`every_true_label` (with --scenario alone): the same model fitted on the truth of every earlier item, by probability.

CatBoost with native categories takes part where it is installed. It is no dependency of ours; beside them:

    python -m venv BESIDE && BESIDE/bin/pip install --no-deps catboost graphviz plotly six
    printf "%s\\n" "$PWD/src" "$PWD/.venv/lib/python3.11/site-packages" > BESIDE/lib/python3.11/site-packages/beside.pth
    BESIDE/bin/python benchmarks/lab_static.py …
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import polars as pl

import basira
from basira.features.catalog.catalog import MODEL_FEATURES
from basira.laboratory.report.figures import half_width
from basira.laboratory.runs.loop import open_world
from basira.laboratory.runs.plan import Plan
from basira.laboratory.strategies.ceiling import tell
from basira.laboratory.strategies.registry import OURS, find_strategy
from basira.laboratory.strategies.weekly_model import judge
from basira.laboratory.worlds.ledger import Ledger
from basira.laboratory.worlds.view import View, top
from basira.models.baselines.columns import category_texts, choose_columns, number_matrix
from basira.models.risk.fit import ModelOrigin, TrainingItems, fit_risk_model
from basira.models.risk.settings import FitSettings
from basira.schema.days import date_of
from basira.schema.errors import ModelError
from basira.storage.engine import open_engine

PUBLISHED = (
    "xgboost",
    "xgboost_revenue",
    "xgboost_log_revenue",
    "xgboost_codes",
    "xgboost_leaves",
    "xgboost_published",
    "xgboost_leaves_published",
)
OTHERS = ("xgboost_our_features", "logistic_regression", "risk_profile", "importer_history", "price_order", "random")
_EVERY_LABEL = "every_true_label"
PERCENTS = (1, 2, 5, 10)
RESAMPLES = 500
Ranking = tuple[str, ...]


@dataclass(frozen=True)
class Known:
    """What was known when the test began, and the features of its items, each week's from the day before it."""

    labels: pl.DataFrame
    earlier: pl.DataFrame
    items: TrainingItems
    planted: TrainingItems
    of_test: pl.DataFrame
    truth: TrainingItems | None = None  # every earlier item, with what it was; None unless asked for

    def labelled(self) -> pl.DataFrame:
        return self.labels

    def declared(self) -> pl.DataFrame:
        return self.earlier

    def training(self) -> TrainingItems:
        return self.items

    def training_with_planted(self) -> TrainingItems:
        return self.planted

    def features(self) -> pl.DataFrame:
        return self.of_test


def split(plan: Plan, seed: int, *, has_truth: bool) -> tuple[View, pl.DataFrame]:
    """The view of the whole test period, and its truth. ``has_truth``: with the truth of every earlier item."""
    world = open_world(plan, seed)
    items, features, truth = [], [], []
    earlier_truth: TrainingItems | None = None
    with tempfile.TemporaryDirectory() as folder, open_engine(threads=1, scratch=Path(folder)) as con:
        ledger = Ledger(con, world.opening_items.schema, revenue_basis=world.revenue_basis, seed=seed)
        ledger.add(world.opening_items, world.opening_outcomes)
        known = None
        first_day = world.first_day
        while not world.is_over:
            ledger.add(world.waiting)
            days = {"first_day": world.first_day, "last_day": world.last_day}
            at = ledger.at(**days)
            if known is None:
                earlier_truth = tell(at, world, _EVERY_LABEL).training() if has_truth else None
                known = Known(at.labelled(), at.declared(), at.training(), at.training_with_planted(), pl.DataFrame())
            items.append(ledger.items(**days))
            features.append(at.features())
            inspected = world.inspect(())
            ledger.add(outcomes=inspected.known)
            truth.append(inspected.truth)
    assert known is not None
    whole = pl.concat(items)
    known = replace(known, of_test=pl.concat(features), truth=earlier_truth)
    return View(0, first_day, len(whole), seed, whole, known), pl.concat(truth)


def probability_ranking(view: View) -> Ranking:
    """The model of `basira` by probability alone: what its order gives up for revenue."""
    return top(judge(view).probability, view)


def every_label_ranking(view: View) -> Ranking:
    """The same model, fitted on the truth of every earlier item."""
    assert isinstance(view.knowledge, Known)
    items = view.knowledge.truth
    assert items is not None
    origin = ModelOrigin(date_of(view.first_day - 1).isoformat(), "", 0, basira.__version__)
    model = fit_risk_model(items, numbers=MODEL_FEATURES, settings=FitSettings(), seed=view.seed, origin=origin)
    return top(model.predict(view.features()).fraud_probability, view)


def catboost_ranking(view: View) -> Ranking:
    """CatBoost on the declared columns, categories as they are; the library's own settings, one thread."""
    from catboost import CatBoostClassifier, Pool

    past = view.knowledge.labelled()
    columns = choose_columns(past.drop("item_id", "known_day", "revenue"))
    numbers, categories = columns.numbers, [c for c in columns.categories if c != "is_irregular"]

    def pool(items: pl.DataFrame, label: np.ndarray | None) -> Pool:
        texts = [category_texts(items, c).fill_null("").to_list() for c in categories]
        values = number_matrix(items, numbers)
        rows = [[*values[i], *(t[i] for t in texts)] for i in range(len(items))]
        return Pool(rows, label, cat_features=list(range(len(numbers), len(numbers) + len(categories))))

    model = CatBoostClassifier(thread_count=1, random_seed=view.seed, verbose=False, allow_writing_files=False)
    model.fit(pool(past, past["is_irregular"].to_numpy().astype(int)))
    return top(np.asarray(model.predict_proba(pool(view.items, None))[:, 1]), view)


_BY_PROBABILITY = {
    "basira_probability": probability_ranking,
    _EVERY_LABEL: every_label_ranking,
}


def every_strategy() -> list[str]:
    """The strategies that take part unless some are named."""
    beside = ["catboost"] if importlib.util.find_spec("catboost") else []
    return [*OURS, "basira_probability", *beside, *PUBLISHED, *OTHERS]


def ranking(view: View, name: str) -> tuple[Ranking, bool]:
    """A strategy's ranking of the whole test period, and whether it was drawn for want of results to learn from."""
    by_probability = _BY_PROBABILITY.get(name)
    if by_probability is not None:
        try:
            return by_probability(view), False
        except ModelError:  # too few results to learn from: as the strategies do then
            return find_strategy("random").choose(view).ids, True
    if name == "catboost":
        return catboost_ranking(view), False
    # With everything to take, a strategy that scores gives its whole order.
    chosen = find_strategy(name).choose(view)
    return chosen.ids, bool(chosen.notes.get("fallback"))


def captured(order: np.ndarray, irregular: np.ndarray, revenue: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Shares of findings, then of revenue, in the first 1, 2, 5, 10 %; then precision. Items count ``weight`` times."""
    w, y, r = weight[order], irregular[order] * weight[order], revenue[order] * weight[order]
    size = np.cumsum(w)
    last = [np.searchsorted(size, int(size[-1] * p / 100), side="right") for p in PERCENTS]
    found, brought = np.concatenate([[0], np.cumsum(y)]), np.concatenate([[0], np.cumsum(r)])
    taken = np.concatenate([[0], size])
    return np.array(
        [
            *(found[n] / found[-1] for n in last),
            *(brought[n] / max(brought[-1], 1e-9) for n in last),
            *(found[n] / max(taken[n], 1) for n in last),
        ]
    )


def run_seed(plan: Plan, seed: int, names: Sequence[str], again: Sequence[str], out: Path | None) -> pl.DataFrame:
    """One row per test item: its truth, and its position in each ranking."""
    kept = None if out is None else out / f"{plan.scenario}-{seed}-{plan.digest}.parquet"
    before = pl.read_parquet(kept) if kept is not None and kept.is_file() else None
    missing = [n for n in names if before is None or n in again or f"place_{n}" not in before.columns]
    if before is not None and not missing:
        return before
    view, truth = split(plan, seed, has_truth=_EVERY_LABEL in missing)
    frame = view.items.select("item_id").join(truth, on="item_id", how="left", maintain_order="left")
    frame = frame if before is None else before
    labelled = view.knowledge.labelled()
    known, found = len(labelled), int(labelled["is_irregular"].sum())
    print(f"{plan.scenario}, seed {seed}: {known:,} results known, {found:,} of them irregular;", end=" ")
    print(f"{len(frame):,} items in the test, {int(frame['is_irregular'].sum()):,} irregular", flush=True)
    costs, drawn = {}, []
    for name in missing:
        started = time.process_time()
        ids, is_drawn = ranking(view, name)
        place = dict(zip(ids, range(len(ids)), strict=True))
        frame = frame.with_columns(pl.Series(f"place_{name}", [place[i] for i in frame["item_id"].to_list()]))
        costs[name] = round(time.process_time() - started, 2)
        drawn += [name] if is_drawn else []
    print("  CPU seconds to learn and rank: " + json.dumps(costs), flush=True)
    if drawn:
        print("  at random, for want of results to learn from: " + ", ".join(drawn), flush=True)
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        frame.write_parquet(kept)
    return frame


def show(frames: Sequence[pl.DataFrame], names: Sequence[str]) -> None:
    """Means over seeds with intervals, and paired differences to `basira`, or else the first, over drawn items."""
    base = "basira" if "basira" in names else names[0]
    of_seed: dict[str, list[np.ndarray]] = {n: [] for n in names}
    drawn: dict[str, list[np.ndarray]] = {n: [] for n in names}
    for number, frame in enumerate(frames):
        y = frame["is_irregular"].fill_null(value=False).to_numpy().astype(float)
        r = frame["revenue"].fill_null(0.0).to_numpy() * y
        orders = {n: np.argsort(frame[f"place_{n}"].to_numpy()) for n in names}
        ones = np.ones(len(frame))
        rng = np.random.default_rng(number)
        for n in names:
            of_seed[n].append(captured(orders[n], y, r, ones))
        weights = [np.bincount(rng.integers(0, len(y), len(y)), minlength=len(y)) for _ in range(RESAMPLES)]
        for n in names:
            drawn[n].append(np.array([captured(orders[n], y, r, w) for w in weights]))
    best = sorted(names, key=lambda n: -float(np.mean([s[2] for s in of_seed[n]])))
    for title, first in (("findings captured", 0), ("revenue captured", 4), ("precision", 8)):
        print(f"\n{title} in the first " + ", ".join(f"{p} %" for p in PERCENTS))
        for n in best:
            cells = []
            for j in range(first, first + len(PERCENTS)):
                values = np.array([s[j] for s in of_seed[n]])
                half = half_width(values)
                mean = values.mean()
                between = "" if half is None else f" [{max(0, mean - half):.3f}, {min(1, mean + half):.3f}]"
                minus = np.mean([a[:, j] - b[:, j] for a, b in zip(drawn[base], drawn[n], strict=True)], axis=0)
                low, high = np.quantile(minus, [0.025, 0.975])
                sign = " " if n == base or low <= 0 <= high else "-" if low > 0 else "+"
                cells.append(f"{mean:.3f}{sign}{between}")
            print(f"  {n:26} " + "  ".join(cells))
    print(f"\n-: behind `{base}`, +: ahead of it, by the paired interval over drawn items")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=Path)
    parser.add_argument("--test", type=Path)
    parser.add_argument("--scenario", default="")
    parser.add_argument("--items", type=int)
    parser.add_argument("--start")
    parser.add_argument("--weeks", type=int, default=12)
    parser.add_argument("--seeds", default="1")
    parser.add_argument("--out", type=Path)
    parser.add_argument(
        "--strategies", default=",".join(every_strategy()), help="with commas; without it all but DATE's kin"
    )
    parser.add_argument("--also", default="", help="further strategies that score every item, with commas")
    parser.add_argument("--again", default="", help="strategies whose kept rankings are made anew, with commas")
    given = parser.parse_args()
    names = list(dict.fromkeys(n for n in f"{given.strategies},{given.also},{given.again}".split(",") if n))
    if _EVERY_LABEL in names and not given.scenario:
        parser.error(f"{_EVERY_LABEL} is for --scenario alone: the files tell the truth of inspected items only.")
    if given.scenario:
        plan = Plan(given.scenario, rates=(0.1,), items=given.items, starts_on=given.start, periods=given.weeks)
    else:
        first = str(pl.read_csv(given.test, columns=["Date"])["Date"].min())
        plan = Plan("kcs", rates=(0.1,), data=(str(given.train), str(given.test)), mapping="kcs", starts_on=first)
    again = [n for n in given.again.split(",") if n]
    for name in names:
        if name not in (*_BY_PROBABILITY, "catboost"):
            find_strategy(name)  # an unknown name is rejected before anything is made
    show([run_seed(plan, int(seed), names, again, given.out) for seed in given.seeds.split(",")], names)


if __name__ == "__main__":
    main()
