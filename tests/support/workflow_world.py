"""A small simulated world and stores made of it, for the tests of the workflows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from basira.ingest.mapping.model import load_mapping
from basira.models.risk.settings import FitSettings
from basira.schema.tables import SIMULATED_KEY
from basira.storage.history.store import History
from basira.workflows.engine import EngineBounds
from basira.workflows.intake.feedback import record_feedback
from basira.workflows.intake.ingest import ingest_files

NOW = datetime(2024, 1, 2, 8)
AS_OF = date(2023, 10, 31)
QUICK = FitSettings(most_rounds=60, bags=())
ENGINE = EngineBounds(memory="1GB", threads=1)


@dataclass(frozen=True)
class World:
    """Simulated declarations and results as frames, and the folder of the truth."""

    declarations: pl.DataFrame
    outcomes: pl.DataFrame
    truth: Path
    folder: Path


def merged(folder: Path) -> pl.DataFrame:
    return pl.concat([pl.read_parquet(p) for p in sorted(folder.glob("*.parquet"))])


def store_of(folder: Path, declarations: pl.DataFrame, outcomes: pl.DataFrame | None = None) -> History:
    """A new store with these declarations and results."""
    folder.mkdir(parents=True, exist_ok=True)
    history = History.create(folder / "store")
    take(history, declarations, folder / "declarations.parquet")
    if outcomes is not None:
        write_simulated(outcomes, folder / "outcomes.parquet")
        record_feedback(history, [folder / "outcomes.parquet"], load_mapping("basira-outcomes"), received_at=NOW)
    return history


def write_simulated(frame: pl.DataFrame, path: Path) -> None:
    """With the mark by which a simulated file says that it is one."""
    pq.write_table(frame.to_arrow().replace_schema_metadata({SIMULATED_KEY: b"true"}), path)


def take(history: History, declarations: pl.DataFrame, path: Path) -> None:
    """Take one more file of declarations in."""
    write_simulated(declarations, path)
    report = ingest_files(history, [path], load_mapping("basira"), received_at=NOW)
    assert report.files[0].quarantined == 0
