"""Samples: as large as they need to be for the interval wanted, and the random control counts only when it is sound."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from basira.diagnose.targeting.prepare import COLUMNS, prepare_declarations
from basira.diagnose.unknowns import judge_unknowns, sample_size


def declarations(rows: int = 4000, *, seed: int = 1) -> pl.DataFrame:
    """Half of them of chapter 84 and often irregular, the others hardly ever; every tenth is drawn."""
    generator = np.random.default_rng(seed)
    risky = generator.random(rows) < 0.5
    drawn = np.arange(rows) % 10 == 0
    irregular = generator.random(rows) < np.where(risky, 0.2, 0.01)
    frame = pl.DataFrame(
        {
            "declaration_id": [f"D{n}" for n in range(rows)],
            "office": "A",
            "declared_at": pl.Series([0] * rows).cast(pl.Datetime("us")),
            "day": 0,
            "is_oea": False,
            "value": generator.lognormal(size=rows),
            "chapter": np.where(risky, "84", "01"),
            "lane": np.where(drawn, "RED", "GREEN"),
            "basis": pl.Series(np.where(drawn, "RANDOM", "")).replace({"": None}),
            "result_lane": pl.Series(np.where(drawn, "RED", "")).replace({"": None}),
            "has_row": drawn,
            "is_carried_out": drawn,
            "is_known": drawn,
            "is_irregular": drawn & irregular,
            "revenue": np.where(drawn & irregular, 100.0, 0.0),
        }
    )
    missing = {name: pl.lit(None, pl.String) for name in COLUMNS if name not in frame.columns}
    return prepare_declarations(frame.with_columns(**missing), ("random",))


@pytest.mark.parametrize(("rate", "within", "population"), [(0.05, 0.01, 20_000), (0.2, 0.03, 3_000)])
def test_a_sample_of_that_size_gives_that_interval(rate: float, within: float, population: int) -> None:
    size = sample_size(rate, within, population)
    irregular = round(rate * population)
    hits = np.random.default_rng(2).hypergeometric(irregular, population - irregular, size, 4000)
    assert 0.93 < np.mean(np.abs(hits / size - rate) <= within) < 0.97


def test_a_designed_draw_needs_fewer_where_strata_differ() -> None:
    [row, *_] = judge_unknowns(declarations(), is_random_sound=True).tables[0].rows
    plain, designed = int(str(row[7])), int(str(row[8]))
    assert designed < 0.95 * plain
    assert row[3] == 400


def test_a_picked_control_counts_for_nothing() -> None:
    [row, *_] = judge_unknowns(declarations(), is_random_sound=False).tables[0].rows
    assert row[3] == 0
    assert row[5] == 0.05  # assumed


def test_what_is_not_known_is_a_finding_with_its_sample() -> None:
    [finding] = judge_unknowns(declarations(), is_random_sound=True).findings
    assert finding.code == "released_unknown"
    assert float(str(finding.values["plain"].value)) > float(str(finding.values["drawn"].value))
