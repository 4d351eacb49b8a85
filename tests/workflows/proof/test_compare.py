"""A model in the shadow is tried beside each run, kept apart, and compared with the live one."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from basira.schema.access import Grant
from basira.schema.errors import UsageError
from basira.selection.policy.load import load_policy
from basira.storage.accounts.users import NewUser, create_user
from basira.storage.database.connection import Database
from basira.storage.history.store import History
from basira.storage.record.runs import Operations
from basira.workflows.models.shadow import FOLDER, try_shadows
from basira.workflows.models.stages import live_model, take_model_step
from basira.workflows.proof.compare import compare_shadow
from basira.workflows.stores import operations_of
from basira.workflows.targeting.record import record
from basira.workflows.targeting.target import Order, target
from basira.workflows.train import train
from tests.support.proof_world import FIRST, LATER, carry_out, policy_folder, truth_of
from tests.support.workflow_world import AS_OF, ENGINE, NOW, QUICK, World, store_of

DAYS = 6


@pytest.fixture(scope="module")
def tried(world: World, tmp_path_factory: pytest.TempPathFactory) -> tuple[History, str]:
    """A store with a live model and another in the shadow; days decided, and every selected declaration inspected."""
    folder = tmp_path_factory.mktemp("shadow")
    history = store_of(folder, world.declarations, world.outcomes.filter(pl.col("known_at").dt.date() <= AS_OF))
    train(history, as_of=AS_OF - timedelta(days=90), seed=1, now=NOW, settings=QUICK, engine=ENGINE)
    other = train(history, as_of=AS_OF, seed=2, now=NOW, settings=QUICK, engine=ENGINE).version
    place = operations_of(history)
    with Database(place) as opened, opened.write() as connection:
        create_user(connection, NewUser("amina", "amina", [Grant("data_scientist")]), actor="t", now=NOW)
    take_model_step(history, place, other, "shadow", login="amina", now=NOW, motive="Newer.")
    rules, selected = policy_folder(folder / "policy"), []
    for n in range(DAYS):
        day = FIRST + timedelta(days=n)
        policy, order = load_policy(rules, day), Order(day=day, as_of=AS_OF, seed=n, any_office=True)
        try:
            made = target(
                history, order, model=live_model(history, place, as_of=AS_OF), policy=policy, now=NOW, engine=ENGINE
            )
        except UsageError:  # a day without declarations
            continue
        record(history, made)
        assert made.run.model_version != other
        (one,) = try_shadows(history, place, made.run, order, policy, engine=ENGINE)
        assert one.path is not None, one.fault
        lanes = {lane.id for lane in policy.lanes if lane.inspects}
        selected += [d.declaration_id for d in made.decisions if d.lane in lanes]
    carry_out(history, truth_of(world), selected, folder / "results.parquet")
    return history, other


def test_what_a_shadow_would_decide_is_no_part_of_the_record(tried: tuple[History, str]) -> None:
    history, other = tried
    with Operations(operations_of(history), create=False) as operations:
        runs = operations.find_runs()
        assert other not in {run["model_version"] for run in runs}
        decided = {row["declaration_id"] for run in runs for row in operations.decisions_of(run["run_id"])}
    kept = pl.concat([pl.read_parquet(path) for path in sorted((history.root / FOLDER).iterdir())])
    assert set(kept["declaration_id"]) == decided
    assert kept["fraud_probability"].null_count() == 0


def test_the_comparison_speaks_of_the_same_declarations_or_says_why_not(tried: tuple[History, str]) -> None:
    history, other = tried
    last = FIRST + timedelta(days=DAYS)
    found = compare_shadow(history, operations_of(history), other, first=FIRST, last=last, as_of=LATER, engine=ENGINE)
    assert found.runs_without == 0
    assert 0 < found.results <= found.declarations
    for one in (found.findings, found.revenue):
        assert one.other.support.inspections > 0
        if one.verdict == "refused":
            assert one.other.support.refusal or one.live.support.refusal
        else:
            assert one.gain is not None
            assert one.gain.low <= one.gain.total <= one.gain.high


def test_a_model_that_was_tried_beside_no_run_is_not_compared(tried: tuple[History, str]) -> None:
    history, _ = tried
    with pytest.raises(UsageError, match="beside which"):
        compare_shadow(
            history, operations_of(history), "m-none", first=FIRST, last=FIRST + timedelta(days=9), as_of=LATER
        )


def test_a_shadow_that_fails_is_reported_and_stops_nothing(tried: tuple[History, str], tmp_path: Path) -> None:
    history = History.open(Path(shutil.copytree(tried[0].root, tmp_path / "store")))
    for path in (history.root / "models" / tried[1]).iterdir():
        if path.name != "card.json":
            path.unlink()
    place = operations_of(history)
    policy, order = load_policy(policy_folder(tmp_path / "policy"), FIRST), Order(FIRST, AS_OF, 1, any_office=True)
    live = live_model(history, place, as_of=AS_OF)
    made = target(history, order, model=live, policy=policy, now=NOW, engine=ENGINE)
    (one,) = try_shadows(history, place, made.run, order, policy, engine=ENGINE)
    assert one.path is None
    assert one.fault
