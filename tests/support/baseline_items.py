"""Declarations made up for the tests of the baselines: what is irregular can be learned."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl


def items(rows: int = 1500, *, seed: int = 0) -> pl.DataFrame:
    """Declarations where country "AE" and a low value per kg go with irregularity."""
    generator = np.random.default_rng(seed)
    country = generator.choice(["CN", "FR", "AE"], rows)
    mass = np.round(generator.lognormal(4, 1, rows), 1)
    value = mass * generator.lognormal(2, 0.7, rows)
    odds = -2.5 + 2.0 * (country == "AE") - 1.2 * (np.log(value / mass) - 2)
    return pl.DataFrame(
        {
            "declaration_id": [f"d{seed}-{i}" for i in range(rows)],
            "declared_at": [datetime(2025, 1, 1) + timedelta(hours=i) for i in range(rows)],
            "importer_id": generator.choice(["A", "B", "C", None], rows),  # type: ignore[arg-type]  # a null among texts
            "commodity_code": generator.choice(["851713", "610910", "090111"], rows),
            "origin_country": country,
            "net_mass_kg": mass,
            "customs_value_amount": value,
            "x_use": generator.choice(["11", "21"], rows),
            "is_irregular": generator.random(rows) < 1 / (1 + np.exp(-odds)),
        }
    )


TRAIN, TEST = items(seed=0), items(600, seed=1)
