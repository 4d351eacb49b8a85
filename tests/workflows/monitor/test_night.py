"""The night: each step once on the same facts, whatever becomes of the others; reports come back as they were."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

import pytest

from basira.schema.errors import StoreError
from basira.storage.history.store import History
from basira.storage.night import FOLDER
from basira.workflows.monitor.night import (
    STEPS,
    Tonight,
    count_alarms,
    read_latest_night,
    run_night,
    write_metrics,
)
from basira.workflows.monitor.watch import watch
from basira.workflows.stores import operations_of
from tests.support.workflow_world import AS_OF, ENGINE, NOW

WITHOUT_RECORD = {"drift": "done", "proof": "nothing", "proof_recent": "nothing", "integrity": "done"}


@pytest.fixture(scope="module")
def tonight(history: History, tmp_path_factory: pytest.TempPathFactory) -> Tonight:
    """A night over a store with results and without decisions."""
    copy = History.open(Path(shutil.copytree(history.root, tmp_path_factory.mktemp("night") / "store")))
    operations_of(copy).unlink(missing_ok=True)
    return Tonight(copy, operations_of(copy), AS_OF, ENGINE)


def states(tonight: Tonight, **steps) -> dict[str, str]:
    return {one.name: one.state for one in run_night(tonight, now=NOW, steps={**STEPS, **steps}).steps}


def test_a_second_run_does_nothing_and_reports_come_back_as_they_were(tonight: Tonight) -> None:
    assert states(tonight) == WITHOUT_RECORD
    assert states(tonight) == {name: "kept" if one == "done" else one for name, one in WITHOUT_RECORD.items()}
    latest = read_latest_night(tonight.history.root)
    assert latest is not None
    assert latest.drift == watch(tonight.history, tonight.place, as_of=AS_OF, engine=ENGINE)
    assert latest.integrity is not None
    assert latest.integrity.controls > 0
    assert latest.proof is None
    before = datetime(1900, 1, 1)
    assert read_latest_night(tonight.history.root, until=before.date()) is None


def test_a_step_that_fails_or_was_damaged_is_done_again_and_the_others_are_kept(tonight: Tonight) -> None:
    def fail(_: Tonight) -> object:
        raise StoreError("Expected a disk, found none.", hint="Buy one.")

    states(tonight)
    (tonight.history.root / FOLDER / AS_OF.isoformat() / "drift.json").write_text("{}")
    night = run_night(tonight, now=NOW, steps={**STEPS, "other": fail})
    assert {one.name: one.state for one in night.steps} == WITHOUT_RECORD | {"integrity": "kept", "other": "failed"}
    assert night.exit_code == StoreError.exit_code
    latest = read_latest_night(tonight.history.root)
    assert latest is not None
    assert count_alarms(latest)['basira_night_step_failed{step="other"}'] == 1
    assert states(tonight, other=lambda night: latest.drift)["other"] == "done"


def test_metrics_are_figures_and_name_nobody(tonight: Tonight) -> None:
    states(tonight)
    latest = read_latest_night(tonight.history.root)
    assert latest is not None
    lines = write_metrics(latest, ended_at=NOW).decode().splitlines()
    values = {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}
    assert values['basira_night_step_failed{step="drift"}'] == 0
    assert values["basira_night_ended_seconds"] == NOW.timestamp()
    assert latest.integrity is not None
    assert values["basira_integrity_pairs"] == len(latest.integrity.pairs or ())
    text = "\n".join(lines)
    assert not [one.inspector for one in latest.integrity.pairs or () if one.inspector in text]
