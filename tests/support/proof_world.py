"""Days that were targeted, and the results of what was selected, taken from a simulated world's truth."""

from __future__ import annotations

import shutil
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl

from basira.ingest.mapping.model import load_mapping
from basira.models.risk.risk_model import RiskModel
from basira.schema.shipped import shipped
from basira.selection.policy.load import load_policy
from basira.storage.history.store import History
from basira.workflows.intake.feedback import record_feedback
from basira.workflows.targeting.record import record
from basira.workflows.targeting.target import Order, target
from tests.support.workflow_world import AS_OF, ENGINE, NOW, World, write_simulated

FIRST, DAYS = AS_OF + timedelta(days=1), 14
LAST = FIRST + timedelta(days=DAYS - 1)
LATER = LAST + timedelta(days=30)


def policy_folder(folder: Path) -> Path:
    """Morocco's policy with a random control of one in five: small days draw some."""
    shutil.copytree(shipped("policies") / "morocco", folder)
    for path in folder.glob("*.toml"):
        path.write_text(path.read_text(encoding="utf-8").replace("share = 0.01\n", "share = 0.2\n"), encoding="utf-8")
    return folder


def target_days(history: History, model: RiskModel, folder: Path, *, days: int = DAYS) -> dict[str, bool]:
    """Decide the days, each recorded; whether each declaration was selected."""
    selected: dict[str, bool] = {}
    for n in range(days):
        day = FIRST + timedelta(days=n)
        policy = load_policy(folder, day)
        order = Order(day=day, as_of=AS_OF, seed=100 + n, any_office=True)
        try:
            made = target(history, order, model=model, policy=policy, now=NOW, engine=ENGINE)
        except Exception as error:  # a day without declarations
            if "found none" not in str(error):
                raise
            continue
        record(history, made)
        lanes = {lane.id for lane in policy.lanes if lane.inspects}
        selected |= {one.declaration_id: one.lane in lanes for one in made.decisions}
    return selected


def truth_of(world: World) -> pl.DataFrame:
    """Of each declaration: whether it is irregular, and what it evades."""
    items = pl.concat([pl.read_parquet(path) for path in sorted(world.truth.glob("*.parquet"))])
    return items.group_by("declaration_id").agg(
        pl.col("is_irregular").any(),
        pl.when("is_irregular").then("evaded_amount").otherwise(0.0).sum().alias("evaded_amount"),
    )


def carry_out(history: History, truth: pl.DataFrame, declarations: list[str], path: Path, *, on: date = LAST) -> None:
    """Take the true results of declarations in, known a day after ``on``."""
    rows = truth.filter(pl.col("declaration_id").is_in(declarations)).select(
        "declaration_id",
        pl.lit(datetime(on.year, on.month, on.day) + timedelta(days=1)).alias("known_at"),
        "is_irregular",
        pl.when("is_irregular").then("evaded_amount").otherwise(0.0).alias("additional_revenue_amount"),
    )
    write_simulated(rows, path)
    record_feedback(history, [path], load_mapping("basira-outcomes"), received_at=NOW)
