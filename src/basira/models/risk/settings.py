"""What may be chosen when a model is fitted; saved whole in the model's card.

Enters: nothing. Leaves: `FitSettings`. Never here: deployment settings or policy.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from basira.schema.json_values import JsonObject


@dataclass(frozen=True)
class FitSettings:
    """Hyper-parameters of the heads. The defaults and the trials behind them: docs/explanation/model.md.

    ``positive_weight``: weight of an irregular item against a regular one; 1 keeps probabilities
    honest, more makes the trees look harder at irregular ones (calibration then undoes the shift).
    ``half_life_days``: an item this much older than the newest counts half; None: all count alike.
    ``late_share``: part of the labelled items, the latest, on which rounds, tree size and
    calibration are chosen before the refit on everything.
    """

    positive_weight: float = 1.0
    half_life_days: float | None = None
    late_share: float = 0.2
    # Fewer irregular or compliant items than this are rejected. Below 10 planted frauds rank alone, at a rate that is
    # assumed: for a simulation's first weeks.
    fewest_of_a_class: int = 10
    learning_rate: float = 0.05
    most_rounds: int = 800
    patience: int = 50
    feature_fraction: float = 0.5
    # Averaging several bags steadies the ranking where data are few; with many rows one is enough. Each bag costs
    # its share of every exact contribution, which is most of a day's targeting (benchmarks/target_day.py).
    bags: tuple[tuple[int, int], ...] = ((50_000, 4), (400_000, 2))
    # Both sizes are tried on the late part while that is cheap; the larger is kept beyond, and planted frauds count
    # nothing: there are results enough.
    try_both_below: int = 200_000
    # The first is assumed; the last from so many irregular results on (measured: docs/explanation/model.md).
    sizes: tuple[str, ...] = ("small", "large")
    larger_from: int = 2_000
    # What planted frauds together count against the results found: assumed, and tried on the late part.
    planted_weight: float = 0.2
    planted_weights: tuple[float, ...] = (0.0, 0.2, 0.5)
    # Of the copies that stand for kinds of which few are found, against all the results found.
    planted_kind_weight: float = 0.5
    # From here on each round costs seconds and no longer needs every row: steps are twice as long, each on
    # two rows in five, over coarser bins (measured: benchmarks/model_fit.py, docs/reference/model-card.md).
    brisk_from: int = 400_000
    threads: int = 1

    def bag_count(self, rows: int) -> int:
        """How many boosters to average.

        >>> FitSettings().bag_count(5_000), FitSettings().bag_count(1_000_000)
        (4, 1)
        """
        return next((count for limit, count in self.bags if rows < limit), 1)

    def assumed_size(self, irregular: int) -> str:
        """The size of trees where later results don't clearly choose another.

        >>> FitSettings().assumed_size(400), FitSettings().assumed_size(8_000)
        ('small', 'large')
        """
        return self.sizes[-1 if irregular >= self.larger_from else 0]

    def to_json(self) -> JsonObject:
        return asdict(self)
