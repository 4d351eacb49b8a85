"""Half a year of declarations and their results, in files; the same with the results in the declarations' own file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

DECLARED = """
version = 1
name = "declarations"
[source]
date_formats = ["%Y-%m-%d"]
[fields]
declaration_id = "id"
declared_at = "date"
importer_id = "importer"
declarant_id = "declarant"
office = "office"
commodity_code = "code"
origin_country = "origin"
net_mass_kg = "mass"
customs_value_amount = "value"
duty_rate = "rate"
"""
LABELLED = (
    DECLARED.replace('"declarations"', '"labelled"') + '[outcome]\nknown_after_days = 3\nis_irregular = "illicit"\n'
)
RESULTS = """
version = 1
name = "results"
[source]
date_formats = ["%Y-%m-%d"]
[outcome]
declaration_id = "id"
known_at = "known"
is_irregular = "illicit"
"""
CODES = ("851713", "610910", "870899", "392690", "847130")
START, END = date(2024, 1, 1), date(2024, 6, 30)


@dataclass(frozen=True)
class Files:
    """``declarations``, ``results``: apart; ``labelled``: together. Each a CSV file beside a mapping of its name."""

    folder: Path

    def __getattr__(self, name: str) -> Path:
        return self.folder / f"{name}.csv"

    def mapping(self, name: str) -> Path:
        return self.folder / f"{name}.toml"


def rows(count: int, first: int, last: int, prefix: str, seed: int) -> pl.DataFrame:
    """Declarations of the days ``first`` to ``last`` of 2024; the cheap ones per kg are irregular more often."""
    rng = np.random.default_rng(seed)
    mass = np.round(rng.uniform(10, 500, count), 1)
    is_low = rng.random(count) < 0.25
    day = np.datetime64("2024-01-01") + np.sort(rng.integers(first, last + 1, count))
    return pl.DataFrame(
        {
            "id": [f"{prefix}{n}" for n in range(count)],
            "date": [str(d) for d in day],
            "importer": [f"I{n}" for n in rng.integers(0, 40, count)],
            "declarant": [f"T{n}" for n in rng.integers(0, 8, count)],
            "office": [f"O{n}" for n in rng.integers(0, 2, count)],
            "code": [CODES[n] for n in rng.integers(0, 5, count)],
            "origin": [("CN", "FR", "TR")[n] for n in rng.integers(0, 3, count)],
            "mass": mass,
            "value": np.round(mass * np.exp(rng.normal(3, 0.2, count) - 1.0 * is_low), 2),
            "rate": 0.2,
            "illicit": (rng.random(count) < np.where(is_low, 0.7, 0.05)).astype(int),
            "known": [str(d + 3) for d in day],
        }
    )


def write(folder: Path, frame: pl.DataFrame) -> Files:
    """The three files of these rows, and their mappings."""
    folder.mkdir(parents=True, exist_ok=True)
    frame.drop("illicit", "known").write_csv(folder / "declarations.csv")
    frame.select("id", "known", "illicit").write_csv(folder / "results.csv")
    frame.drop("known").write_csv(folder / "labelled.csv")
    for name, text in (("declarations", DECLARED), ("labelled", LABELLED), ("results", RESULTS)):
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    return Files(folder)
