"""The demonstration: a simulated administration, from its birth to a day's inspection list.

Enters: a folder, a seed, the time. Leaves: the world, a store, a model, the comparison with the
baselines, the list of the next day and its files. Never here: a shortcut; each step is the one that
the commands call.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from basira.country import WorldDescription, load_scenario, make_world
from basira.explain.inspection_list.files import write_csv, write_html, write_xlsx
from basira.ingest.mapping.model import load_mapping
from basira.models.risk.risk_model import RiskModel
from basira.schema.shipped import shipped
from basira.selection.policy.load import load_policy
from basira.selection.policy.model import Policy
from basira.storage.draw_seeds import seed_of_day
from basira.storage.history.store import History
from basira.workflows.engine import EngineBounds, Progress
from basira.workflows.evaluation.backtests import keep_backtest
from basira.workflows.evaluation.evaluate import Evaluation, Terms
from basira.workflows.evaluation.truth import evaluate_against_truth
from basira.workflows.intake.feedback import record_feedback
from basira.workflows.intake.ingest import ingest_files
from basira.workflows.targeting.record import record
from basira.workflows.targeting.target import Order, Targeted, target
from basira.workflows.train import train

# What says that a folder may be replaced by the next demonstration; written first, so that an interrupted one may too.
MARK = ".basira-demo"
SCENARIO = "small"
POLICY = "morocco"
# The list is for the world's last working day; the comparison is made on the two months before it, so that
# the charts on the list have not seen the day it is for.
COMPARED_DAYS = 60

Step = Callable[[str], AbstractContextManager[Progress]]


@dataclass(frozen=True)
class Demonstration:
    """What was made. ``files``: the list as CSV, XLSX and HTML, and the report."""

    world: WorldDescription
    store: Path
    evaluation: Evaluation
    model: RiskModel
    targeted: Targeted
    policy: Policy
    files: tuple[Path, ...]


def demonstrate(folder: Path, *, seed: int, now: datetime, language: str, step: Step) -> Demonstration:
    """Run the whole walk in ``folder``, which must not exist yet. ``step``: opens the progress of one step."""
    folder.mkdir(parents=True)
    (folder / MARK).write_text("Made by basira demo; may be deleted.\n", encoding="utf-8")
    with step("simulated administration") as progress:
        world = make_world(load_scenario(SCENARIO), seed=seed, out=folder / "world", progress=None)
        progress(1, 1, "made")
    history = History.create(folder / "store")
    with step("ingest") as progress:
        declarations = sorted((folder / "world" / "declarations").glob("*.parquet"))
        outcomes = sorted((folder / "world" / "outcomes").glob("*.parquet"))
        for n, path in enumerate(declarations):
            progress(n, len(declarations) + len(outcomes), path.name)
            ingest_files(history, [path], load_mapping("basira"), received_at=now)
        for n, path in enumerate(outcomes, start=len(declarations)):
            progress(n, len(declarations) + len(outcomes), path.name)
            record_feedback(history, [path], load_mapping("basira-outcomes"), received_at=now)
    last = date.fromisoformat(world.ends_on)
    day = last - timedelta(days=max(0, last.weekday() - 4))
    known = day - timedelta(days=1)
    with step("comparison with the baselines") as progress:
        compared = known - timedelta(days=COMPARED_DAYS)
        evaluation = evaluate_against_truth(
            history, folder / "world" / "truth", Terms(seed, 300), as_of=compared, last=known, progress=progress
        )
        kept = keep_backtest(history, evaluation, as_of=known, language=language)
    with step("train") as progress:
        model = train(history, as_of=known, seed=seed, now=now, progress=progress)
    policy = load_policy(shipped("policies") / POLICY, day)
    # What the demonstration drew is what a preview of the day shows again.
    drawn = seed_of_day(history.root, day, first=seed)
    with step("target") as progress:
        targeted = target(
            history,
            Order(day=day, as_of=known, seed=drawn),
            model=model,
            policy=policy,
            now=now,
            language=language,
            engine=EngineBounds(),
            progress=progress,
        )
        record(history, targeted)
    lanes = {lane.id: lane.label.text(language) for lane in policy.lanes}
    listing = targeted.listing
    files = (
        write_html(
            listing,
            folder / "list.html",
            language=language,
            lane_names=lanes,
            software=targeted.run.software_version,
        ),
        write_xlsx(listing, folder / "list.xlsx", language=language, lane_names=lanes),
        write_csv(listing, folder / "list.csv", language=language, lane_names=lanes),
        kept / "report.html",
    )
    return Demonstration(world, history.root, evaluation, model, targeted, policy, files)
