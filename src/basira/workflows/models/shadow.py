"""Models in the shadow: what each would have decided of a day that the live one decided, kept apart from the record.

Enters: a recorded run, its order and policy. Leaves: a file a run and model, in the store's folder `shadow`. Never
here: a decision that an officer acts on; a fault that stops the run it stands beside.

Each file holds one row a declaration, as the shadow would have decided it with the same seed and policy. They are no
part of the record: nothing rests on them but the comparison with the live model.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from basira.decisions.records import Decision, TargetingRun
from basira.models.risk.files import read_model
from basira.render.writing import write_whole
from basira.schema.errors import BasiraError
from basira.selection.policy.model import Policy
from basira.storage.history.store import History
from basira.storage.model_store import Models
from basira.workflows.engine import EngineBounds, Progress, silent
from basira.workflows.models.stages import shadow_versions
from basira.workflows.targeting.target import Order, target

FOLDER = "shadow"
_COLUMNS = (
    *("declaration_id", "declaration_version", "office", "lane", "basis"),
    *("inclusion_probability", "fraud_probability", "expected_revenue"),
)


@dataclass(frozen=True)
class Shadowed:
    """A model that was tried beside a run: where what it would have decided is kept, or why it could not be tried."""

    version: str
    path: Path | None
    fault: str = ""


def try_shadows(
    history: History,
    place: str | Path,
    run: TargetingRun,
    order: Order,
    policy: Policy,
    *,
    engine: EngineBounds | None = None,
    progress: Progress = silent,
) -> list[Shadowed]:
    """Decide a recorded run's declarations again with each model in the shadow; one that fails is reported, no more.

    Raises StoreError when the stages can't be read.
    """
    found = []
    models, snapshot = Models(history.root), history.verified_snapshot(run.snapshot)
    for version in shadow_versions(history, place, as_of=order.as_of):
        progress(0, 1, f"shadow {version}")
        try:
            made = target(
                history,
                order,
                model=read_model(models.folder(version)),
                policy=policy,
                now=run.created_at,
                snapshot=snapshot,
                engine=engine,
            )
            path = write_whole(file_of(history, run.run_id, version), _content(made.decisions))
            found.append(Shadowed(version, path))
        except BasiraError as error:
            found.append(Shadowed(version, None, error.message))
    return found


def file_of(history: History, run_id: str, version: str) -> Path:
    """Where a shadow's decisions of a run are kept."""
    return history.root / FOLDER / f"{run_id}-{version}.parquet"


def read_shadow(history: History, run_ids: Sequence[str], version: str) -> tuple[pl.DataFrame, list[str]]:
    """What a model would have decided in these runs, one row a declaration and run; and the runs that it was not tried
    beside."""
    parts, missing = [], []
    for run_id in run_ids:
        path = file_of(history, run_id, version)
        if path.is_file():
            parts.append(pl.read_parquet(path).with_columns(pl.lit(run_id).alias("run_id")))
        else:
            missing.append(run_id)
    return (pl.concat(parts) if parts else pl.DataFrame()), missing


def _content(decisions: Sequence[Decision]) -> bytes:
    content = io.BytesIO()
    pl.DataFrame({name: [getattr(one, name) for one in decisions] for name in _COLUMNS}).write_parquet(content)
    return content.getvalue()
