"""An online day made again from its record: the same scores, lanes and state, or what differs, or what is gone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from basira.cli.program import app
from basira.schema.errors import BasiraError, NotFoundError, ReplayError, UsageError
from basira.serving.replay import OnlineReplay, replay_online
from basira.serving.service import Service
from basira.storage.database.connection import Database
from basira.storage.history.store import History
from basira.workflows.records.audit import Record
from basira.workflows.records.history_proof import prove_history
from tests.support.api_world import TODAY, Desk, at, desk_of

Body = dict[str, Any]
OFFICE = "SIM-A"


def sent(arrivals: list[Body]) -> list[Body]:
    """The day's declarations, three times each, at one office."""
    numbered = [(f"{body['declaration_id']}-{n}", body) for n in range(3) for body in arrivals]
    return [{**body, "office": OFFICE, "declaration_id": name} for name, body in numbered]


@pytest.fixture
def busy(whole: Service, arrivals: list[Body], tmp_path: Path) -> Iterator[Desk]:
    """A day with batches, amendments, re-selections, a result, a cancellation, and a model that fails for an hour."""
    service = replace(whole, database=Database(tmp_path / "operations.sqlite"))
    desk = desk_of(service)
    bodies = sent(arrivals)
    found = [one["decision"] for one in desk.post(bodies[:6]).json()["results"]]
    desk.clock[0] = at(10, 7)
    desk.post({**bodies[0], "transport_document": "CORRECTED"})
    for decision, lane in ((found[1], "red"), (found[2], "yellow")):
        if decision["lane"] != lane:
            desk.client.post(
                f"/api/v1/declarations/{decision['declaration_id']}/reselection",
                json={"lane": lane, "motive": "Seen before.", "given_by": decision["decision_id"]},
            )
    desk.clock[0] = at(11)
    failing = desk_of(replace(service, model=None))
    failing.clock[0] = desk.clock[0]
    failing.post(bodies[6])
    desk.clock[0] = at(12)
    number = found[3]["declaration_id"]
    desk.client.post(f"/api/v1/declarations/{number}/cancellation", json={"motive": "Withdrawn."})
    desk.post(bodies[7:])
    yield desk
    service.close()


def again(desk: Desk, history: History, **options: Any) -> OnlineReplay:
    return replay_online(desk.service, history.root, options.pop("office", OFFICE), TODAY, **options)


def test_a_day_comes_out_the_same(busy: Desk, history: History, arrivals: list[Body]) -> None:
    report = again(busy, history)
    assert report.differences == ()
    assert report.is_state_same is True
    assert report.lanes == 3 * len(arrivals) + 1
    assert report.scores == 3 * len(arrivals)
    assert report.missing == {"a score: no_model": 1}


def test_one_declaration_is_compared_alone(busy: Desk, history: History, arrivals: list[Body]) -> None:
    report = again(busy, history, declaration_id=sent(arrivals)[0]["declaration_id"])
    assert (report.lanes, report.scores, report.is_same) == (2, 2, True)


def test_a_decision_that_was_changed_is_found(busy: Desk, history: History) -> None:
    with busy.service.database.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER event_no_update")
        connection.exec_driver_sql(
            'UPDATE event SET payload = replace(payload, \'"basis":"none"\', \'"basis":"exempt"\'), lane = \'red\' '
            "WHERE sequence = (SELECT min(sequence) FROM event WHERE kind = 'decision' AND lane = 'green')"
        )
    fields = {difference.field for difference in again(busy, history).differences}
    assert "lane" in fields


def test_another_seed_is_another_day(busy: Desk, history: History) -> None:
    other = replay_online(replace(busy.service, seed=busy.service.seed + 1), history.root, OFFICE, TODAY)
    # Scores need no seed; lanes of those near the boundary do.
    assert not any(d.field.startswith("items") for d in other.differences)


def test_without_the_profiles_of_that_night_the_lanes_are_made_again_and_the_scores_are_missing(
    busy: Desk, history: History, tmp_path: Path
) -> None:
    report = replay_online(busy.service, tmp_path, OFFICE, TODAY)
    assert (report.scores, report.is_state_same, report.differences) == (0, True, ())
    assert any(what.startswith("model ") for what in report.missing)
    assert any(what.startswith("profiles ") for what in report.missing)


def test_under_another_policy_nothing_is_guessed(busy: Desk, history: History, tmp_path: Path) -> None:
    folder = tmp_path / "changed"
    folder.mkdir()
    text = (busy.service.policies / "policy.toml").read_text(encoding="utf-8")
    (folder / "policy.toml").write_text(text.replace("yellow = { count = 2 }", "yellow = { count = 9 }"), "utf-8")
    report = replay_online(replace(busy.service, policies=folder), history.root, OFFICE, TODAY)
    assert (report.lanes, report.is_state_same) == (0, None)
    assert any(what.startswith("policy example") for what in report.missing)


def test_a_policy_changed_during_the_day_is_reported_of_each_decision_that_it_touches(
    busy: Desk, history: History, arrivals: list[Body], tmp_path: Path
) -> None:
    folder = tmp_path / "changed"
    folder.mkdir()
    text = (busy.service.policies / "policy.toml").read_text(encoding="utf-8")
    (folder / "policy.toml").write_text(text.replace("yellow = { count = 2 }", "yellow = { count = 9 }"), "utf-8")
    changed = desk_of(replace(busy.service, policies=folder))
    changed.clock[0] = at(15)
    changed.post([{**body, "office": OFFICE, "declaration_id": f"LATE-{n}"} for n, body in enumerate(arrivals[:3])])
    before = len(sent(arrivals)) + 1
    # Under the policy of the evening: the morning's decisions are another's, and the evening's stand on them.
    report = replay_online(changed.service, history.root, OFFICE, TODAY)
    assert (report.lanes, report.is_state_same, report.differences) == (0, None, ())
    policy = {what: n for what, n in report.missing.items() if what.startswith("policy example")}
    assert list(policy.values()) == [before]
    assert report.missing["a lane: decided on a day that another policy decided on before"] == 3
    # Under that of the morning: its plan is gone, and nothing is guessed.
    report = again(busy, history)
    assert (report.lanes, report.is_state_same, report.differences) == (0, None, ())
    assert report.missing["plan of the day under this policy"] == 1
    assert [n for what, n in report.missing.items() if what.startswith("policy example")] == [3]


def test_what_was_erased_is_missing(busy: Desk, history: History, arrivals: list[Body]) -> None:
    from basira.storage.record.erasure import erase
    from basira.storage.record.personal import values_of_person

    what = values_of_person(arrivals[0]["importer_id"])
    assert erase(busy.service.database, what, actor="t", motive="asked", now=lambda: at(20)) >= 2
    report = again(busy, history)
    assert report.missing["a score: personal values or texts were erased"] >= 2
    assert report.is_same


def test_a_day_without_decisions_is_not_found(busy: Desk, history: History) -> None:
    with pytest.raises(NotFoundError):
        replay_online(busy.service, history.root, OFFICE, TODAY + timedelta(days=1))
    with pytest.raises(NotFoundError):
        again(busy, history, office="NOWHERE")


def ran(desk: Desk, history: History, *arguments: str) -> Any:
    where = ["--store", str(history.root), "--database", f"sqlite:///{desk.service.database.place}"]
    return CliRunner().invoke(app, [*arguments, *where], env={"BASIRA_LANGUAGE": "en"})


def test_the_command_makes_a_day_again_and_says_what_it_could_not_compare(busy: Desk, history: History) -> None:
    order = ["replay", "--office", OFFICE, "--day", TODAY.isoformat(), "--policy", str(busy.service.policies)]
    shown = ran(busy, history, *order)
    assert shown.exit_code == 0, shown.output
    assert "every one the same" in shown.stdout
    assert "a score: no_model" in shown.stdout
    assert json.loads(ran(busy, history, *order, "--json").stdout)["is_state_same"] is True
    with busy.service.database.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER event_no_update")
        connection.exec_driver_sql(
            "UPDATE event SET lane = 'red' "
            "WHERE sequence = (SELECT min(sequence) FROM event WHERE kind = 'decision' AND lane = 'green')"
        )
    assert isinstance(ran(busy, history, *order).exception, ReplayError)


def test_a_run_and_an_office_are_not_replayed_at_once(busy: Desk, history: History) -> None:
    for wrong in (["replay"], ["replay", "t1", "--office", OFFICE], ["replay", "--office", OFFICE]):
        assert isinstance(ran(busy, history, *wrong).exception, UsageError), wrong


def test_explain_shows_what_the_service_decided_and_what_happened_since(
    busy: Desk, history: History, arrivals: list[Body]
) -> None:
    for body in sent(arrivals)[:4]:
        found = ran(busy, history, "explain", body["declaration_id"], "-l", "en")
        assert found.exit_code == 0, found.output
        assert OFFICE in found.stdout
        assert "decision" in found.stdout
    number = sent(arrivals)[0]["declaration_id"]
    result = {"known_at": f"{TODAY}T11:00:00", "is_irregular": True, "found_value_amount": 455000.0}
    assert busy.client.post(f"/api/v1/declarations/{number}/outcome", json=result).status_code == 200
    told = ran(busy, history, "explain", number, "-l", "en").stdout
    assert "found_value_amount 455000.0, is_inspected true, is_irregular true" in told
    body = json.loads(ran(busy, history, "explain", sent(arrivals)[1]["declaration_id"], "--json").stdout)
    assert "registration" in [step["kind"] for step in body["history"]]
    assert isinstance(ran(busy, history, "explain", "NO-SUCH").exception, BasiraError)


@pytest.mark.parametrize("what", ["model", "profiles"])
def test_another_file_under_the_name_that_was_recorded_is_reported(
    busy: Desk, history: History, tmp_path: Path, what: str
) -> None:
    root = tmp_path / "store"
    shutil.copytree(history.root, root)
    record = Record(tmp_path / "operations.sqlite", History.open(root))
    proof = prove_history(record)
    assert proof is not None
    assert proof.faults == ()
    (path,) = root.glob("models/*/card.json" if what == "model" else "profiles/*.lmdb")
    path.write_bytes(path.read_bytes() + b" ")
    proof = prove_history(record)
    assert proof is not None
    (fault,) = proof.faults
    assert f"the {what} " in fault
    if what == "model":
        report = replay_online(replace(busy.service, store=root), root, OFFICE, TODAY)
        assert {d.field for d in report.differences} == {"versions.model_digest"}
