"""Fitting the probability head on N labelled items with the catalog's features: CPU, memory, ratio to plain trees.

    .venv/bin/python benchmarks/model_fit.py [--rows 100000 --rows 300000 --rows 1000000]

The matrix is random and learnable: a handful of the catalog's features carry an irregularity (AUC of the best
possible order about .85), the rest is noise with the catalog's own kinds of columns: rates, counts, ratios with gaps,
categories. `fit_risk_model` does all of its work: it chooses rounds on the later fifth, calibrates, fits again on
everything. Revenue and kinds are left out, since the figure is that of the probability head. Beside it, in the same
process and on the same matrix, one LightGBM with its own defaults (100 rounds, 31 leaves), so that the ratio means
something on any machine. Each size runs in a process of its own. Prints one JSON line a size.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import lightgbm as lgb
import numpy as np
import polars as pl
from sklearn.metrics import roc_auc_score

from basira.features.catalog.catalog import CATEGORY_FEATURES, MODEL_FEATURES
from basira.models.risk.fit import ModelOrigin, TrainingItems, fit_risk_model
from basira.models.risk.risk_model import POTENTIAL
from basira.models.risk.settings import FitSettings

SIZES = (100_000, 300_000, 1_000_000)
TESTED = 100_000


def cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def make_items(rows: int, *, seed: int) -> TrainingItems:
    """Items over three years, one in seven irregular."""
    rng = np.random.default_rng(seed)
    columns: dict[str, np.ndarray | pl.Series] = {}
    for n, name in enumerate(MODEL_FEATURES):
        if name.endswith(("_rate", "_rate_365d", "_share")):
            values = rng.beta(1, 12, rows)
        elif "_items" in name or "_times" in name or "_days" in name:
            values = np.floor(rng.exponential(40, rows))
        else:
            values = rng.normal(size=rows)
            values[rng.random(rows) < 0.15] = np.nan
        columns[name] = values.astype(np.float32)
        if n % 8 == 7:
            columns[name] = np.round(columns[name], 2)
    signal = np.zeros(rows)
    for name in MODEL_FEATURES[3::11]:
        ranked = np.nan_to_num(np.asarray(columns[name], dtype=np.float64))
        signal += (ranked - ranked.mean()) / (ranked.std() + 1e-9)
    signal *= 2.0 / signal.std()
    irregular = rng.random(rows) < 1 / (1 + np.exp(2.9 - signal))
    for name in CATEGORY_FEATURES:
        columns[name] = pl.Series(rng.choice([f"C{i}" for i in range(40)], rows))
    columns[POTENTIAL] = np.exp(rng.normal(9, 2, rows))
    return TrainingItems(
        features=pl.DataFrame(columns),
        declared_day=np.sort(rng.integers(0, 1095, rows)),
        is_irregular=irregular,
        revenue=np.full(rows, np.nan),
        kinds={},
        weight=np.ones(rows),
    )


def run_one(rows: int) -> None:
    items, test = make_items(rows, seed=1), make_items(TESTED, seed=2)
    started = cpu_seconds()
    model = fit_risk_model(
        items,
        numbers=MODEL_FEATURES,
        settings=FitSettings(),
        seed=1,
        origin=ModelOrigin("2023-01-01", "", 1, "benchmark"),
    )
    ours = cpu_seconds() - started
    x, x_test = model.encoding.matrix(items.features), model.encoding.matrix(test.features)
    started = cpu_seconds()
    data = lgb.Dataset(
        x, items.is_irregular.astype(float), categorical_feature=model.encoding.category_positions, free_raw_data=False
    )
    plain = lgb.train({"objective": "binary", "num_threads": 1, "verbose": -1, "seed": 1}, data, 100)
    theirs = cpu_seconds() - started
    print(
        json.dumps(
            {
                "rows": rows,
                "features": len(model.encoding.names),
                "irregular": int(items.is_irregular.sum()),
                "cpu_seconds": round(ours, 1),
                "cpu_seconds_plain_lightgbm": round(theirs, 1),
                "ratio": round(ours / theirs, 2),
                "chosen": model.card["chosen"],
                "auc": round(
                    float(roc_auc_score(test.is_irregular, model.predict(test.features).fraud_probability)), 4
                ),
                "auc_plain_lightgbm": round(float(roc_auc_score(test.is_irregular, plain.predict(x_test))), 4),
                "peak_memory_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
            }
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--rows", type=int, action="append", help="may be repeated; 100000, 300000 and 1000000 by default"
    )
    parser.add_argument("--inner", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    for rows in arguments.rows or SIZES:
        if arguments.inner:
            run_one(rows)
        else:
            subprocess.run([sys.executable, __file__, "--inner", "--rows", str(rows)], check=True)


if __name__ == "__main__":
    main()
