"""The three orders on simulated worlds with known truth: findings and revenue in the first percents.

    .venv/bin/python benchmarks/order_trials.py [--scenarios small drift morocco-like] [--items 60000] [--seeds 1 2 3]

Each world as in model_trials.py: learn from the results known 61 days before its end, rank every item of these days in
each order, count what is truly irregular and truly evaded. Prints for each scenario, as means over the seeds with the
smallest and largest: what the order by probability finds (shares of all there is), and for the others the ratio to it,
at 1, 2, 5 and 10 %; then the exponent on each card, and what it was chosen on.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from model_trials import world

from basira.features.catalog.catalog import MODEL_FEATURES
from basira.models.risk.fit import ModelOrigin, fit_risk_model
from basira.models.risk.risk_model import Predictions, RiskModel
from basira.models.risk.settings import FitSettings
from basira.schema.stake import balanced_values

PERCENTS = (1, 2, 5, 10)
Value = Callable[[Predictions, RiskModel], np.ndarray]


def balanced(exponent: float | None) -> Value:
    """The balanced order, by the card's exponent or by this one."""

    def value(said: Predictions, model: RiskModel) -> np.ndarray:
        scale = model.stake_scale
        return np.array(balanced_values(said.fraud_probability, said.expected_revenue, scale, exponent=exponent))

    return value


ORDERS: dict[str, Value] = {
    "findings": lambda said, _: said.fraud_probability,
    "balanced (card)": balanced(None),
    "balanced, a = 0.1": balanced(0.1),
    "balanced, a = 0.2": balanced(0.2),
    "balanced, a = 0.3": balanced(0.3),
    "balanced, a = 0.5": balanced(0.5),
    "revenue": lambda said, _: said.expected_revenue,
}


def captured(value: np.ndarray, irregular: np.ndarray, evaded: np.ndarray) -> np.ndarray:
    """Shares of all findings, then of all revenue, in the first percents."""
    order = np.argsort(-value, kind="stable")
    cuts = [len(value) * percent // 100 for percent in PERCENTS]
    return np.array(
        [irregular[order[:k]].sum() / irregular.sum() for k in cuts]
        + [evaded[order[:k]].sum() / evaded.sum() for k in cuts]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenarios", nargs="+", default=["small", "drift", "morocco-like"])
    parser.add_argument("--items", type=int, default=60_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    given = parser.parse_args()
    for scenario in given.scenarios:
        found: dict[str, list[np.ndarray]] = {name: [] for name in ORDERS}
        cards = []
        for seed in given.seeds:
            with world(scenario, given.items, seed) as trial:
                origin = ModelOrigin(trial.as_of.isoformat(), "", 0, "")
                model = fit_risk_model(
                    trial.items, numbers=MODEL_FEATURES, settings=FitSettings(), seed=1, origin=origin
                )
                said = model.predict(trial.features)
                evaded = np.nan_to_num(trial.evaded.astype(float))
                for name, value in ORDERS.items():
                    found[name].append(captured(value(said, model), trial.irregular.astype(float), evaded))
                order = model.card["order"]
                price = order.get("later", {}).get("price", {}).get("findings_kept")
                kept = "" if price is None else f", kept {price[0]:.2f} [{price[1]:.2f}, {price[2]:.2f}] of findings"
                training = model.card["training"]
                cards.append(
                    f"  seed {seed}: {training['rows']:,} results, {training['irregular']} irregular; a = "
                    f"{order['exponent']} ({order['basis']}{kept}); later items {model.card['later_items']['rows']:,}"
                )
        print(f"\n{scenario}, {given.items:,} items, seeds {given.seeds}")
        base = np.array(found["findings"])
        _line("findings, share of all", base)
        for name in ORDERS:
            if name != "findings":
                _line(f"{name}, to findings", np.array(found[name]) / np.maximum(base, 1e-12))
        print("\n".join(cards), flush=True)


def _line(name: str, figures: np.ndarray) -> None:
    cells = [f"{c.mean():.3f} ({c.min():.2f}-{c.max():.2f})" for c in figures.T]
    half = len(PERCENTS)
    print(f"  {name:32} found " + " ".join(cells[:half]) + "  revenue " + " ".join(cells[half:]))


if __name__ == "__main__":
    main()
