"""What was possible: bounds hold the truth whatever the model, the estimate covers it, the order is the model's."""

from __future__ import annotations

import numpy as np
import polars as pl

from basira.diagnose.findings import Interval
from basira.diagnose.possible import choose, judge_possible


def later(generator: np.random.Generator, rows: int = 3000) -> tuple[pl.DataFrame, np.ndarray]:
    """Declarations of thirty queues, some inspected by a rule that knows little, some by chance; and the truth."""
    risk = generator.beta(0.4, 4.0, rows)
    truth = generator.random(rows) < risk
    queue = generator.integers(0, 30, rows)
    drawn = generator.random(rows) < 0.06
    known = drawn | (risk + generator.normal(0, 0.3, rows) > 0.6)
    frame = pl.DataFrame(
        {
            "fold": "2023-07-01",
            "office": [f"O{n % 3}" for n in queue],
            "day": queue // 3,
            "is_known": known,
            "is_irregular": truth & known,
            "revenue": np.where(truth & known, 100.0, 0.0),
            "is_random": drawn,
            "value": risk + generator.normal(0, 0.05, rows),
        }
    )
    return frame, truth


def test_bounds_hold_the_truth_and_the_estimate_covers_it() -> None:
    generator = np.random.default_rng(7)
    inside, covered, runs = 0, 0, 40
    for _ in range(runs):
        frame, truth = later(generator)
        queue = frame.select(pl.struct("office", "day").rank("dense"))["office"].to_numpy().astype(np.int64) - 1
        taken = choose(frame["value"].to_numpy(), queue, frame["is_known"].to_numpy())
        found = int(truth[taken].sum())
        model = judge_possible(frame, is_random_sound=True, seed=1).tables[0].rows[1]
        assert model[1] == taken.sum() == frame["is_known"].sum()
        inside += int(str(model[4])) <= found <= int(str(model[5]))
        assert isinstance(model[6], Interval)
        covered += model[6].low <= found <= model[6].high
    assert inside == runs
    assert covered >= 0.95 * runs


def test_without_a_sound_random_control_there_are_bounds_and_no_estimate() -> None:
    frame, _ = later(np.random.default_rng(8))
    model = judge_possible(frame, is_random_sound=False, seed=1).tables[0].rows[1]
    assert isinstance(model[6], Interval)
    assert model[6].value is None
    assert int(str(model[4])) < int(str(model[5]))


def test_the_order_of_a_model_that_knows_holds_more_in_its_first_half() -> None:
    frame, _ = later(np.random.default_rng(9))
    part = judge_possible(frame, is_random_sound=True, seed=1)
    blind = judge_possible(frame.with_columns(value=pl.Series(np.zeros(frame.height))), is_random_sound=True, seed=1)
    assert [one.code for one in part.findings] == ["order_helps"]
    assert blind.findings == ()


def test_few_results_are_said() -> None:
    frame, _ = later(np.random.default_rng(10), rows=60)
    part = judge_possible(frame, is_random_sound=True, seed=1)
    assert [one.code for one in part.unjudged] == ["possible"]
