"""The quarantine takes so much of a key a day and so much in all; what it does not take is rejected, and reported."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from basira.cli.program import app
from basira.serving.check import ServiceSettings, check_service
from basira.serving.service import Service
from basira.serving.views.rejected import MOST_FAULTS_KEPT, Quota
from basira.storage.history.store import History
from tests.support.api_world import AS_OF, Desk, desk_of

pytestmark = pytest.mark.both_databases

Body = dict[str, Any]


def faulty(number: int, size: int = 0) -> Body:
    return {"declaration_id": f"F-{number}", "items": [], "x_text": "x" * size}


def kept(desk: Desk) -> list[str]:
    rows = desk.get("quarantine", state="all", limit="1000").json()["rows"]
    return sorted(row["declaration_id"] for row in rows)


def figure(desk: Desk, cause: str) -> float:
    line = f'basira_rejected_not_kept_total{{cause="{cause}"}} '
    text = desk.get("metrics").text
    return float(text.partition(line)[2].partition("\n")[0] or 0) if line in text else 0.0


def test_so_many_of_a_key_are_kept_in_a_day(service: Service) -> None:
    desk = desk_of(service, quota=Quota(bodies=3))
    answers = [desk.post(faulty(n)) for n in range(5)]
    assert [answer.status_code for answer in answers] == [422] * 5
    assert ["is_kept" in answer.json() for answer in answers] == [False] * 3 + [True] * 2
    assert answers[4].json()["is_kept"] is False
    assert "Keep it yourself" in answers[4].json()["hint"]
    assert answers[4].json()["errors"] == answers[0].json()["errors"]
    assert kept(desk) == ["F-0", "F-1", "F-2"]
    assert figure(desk, "quota") == 2
    # One that is kept already is counted, and no new one.
    assert "is_kept" not in desk.post(faulty(0)).json()
    # Another key has a quota of its own; so has the next day.
    other = desk.key("declarations:write")
    assert "is_kept" not in desk.post(faulty(8), **{"X-API-Key": other}).json()
    desk.clock[0] += timedelta(days=1)
    assert "is_kept" not in desk.post(faulty(9)).json()


def test_so_many_bytes_of_a_key_are_kept_in_a_day(service: Service) -> None:
    desk = desk_of(service, quota=Quota(megabytes=1))
    told = ["is_kept" in desk.post(faulty(n, size=400_000)).json() for n in range(5)]
    assert told == [False, False, False, True, True]


def test_a_batch_is_answered_one_by_one(service: Service) -> None:
    desk = desk_of(service, quota=Quota(bodies=2))
    results = desk.post([faulty(n) for n in range(4)]).json()["results"]
    assert [one["problem"].get("is_kept") for one in results] == [None, None, False, False]


def test_in_all_there_is_an_end(service: Service) -> None:
    desk = desk_of(service, quota=Quota(total_megabytes=1))
    told = []
    for n in range(5):
        told.append(
            "is_kept" in desk.post(faulty(n, size=400_000), **{"X-API-Key": desk.key("declarations:write")}).json()
        )
    assert told == [False, False, False, True, True]
    assert figure(desk, "total") == 2
    # Another worker, or one that starts anew, knows it from the database.
    assert desk_of(service, quota=Quota(total_megabytes=1)).post(faulty(9)).json()["is_kept"] is False


def test_a_body_of_very_many_faults_is_kept_with_the_first_of_them(desk: Desk) -> None:
    items = [{f"x{m}": 1 for m in range(9)} for _ in range(200)]
    answer = desk.post({"declaration_id": "MANY", "items": items})
    assert len(answer.json()["errors"]) > MOST_FAULTS_KEPT
    (row,) = desk.get("quarantine").json()["rows"]
    assert len(row["faults"]) == MOST_FAULTS_KEPT


@pytest.fixture
def where(service: Service, tmp_path: Path) -> list[str]:
    """A store beside the service's database, as options of a command."""
    History.create(tmp_path / "store")
    place = str(service.database.place)
    return ["--store", str(tmp_path / "store"), "--database", place if "://" in place else f"sqlite:///{place}"]


def test_commands_tell_a_quota_that_is_reached(
    service: Service, where: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = desk_of(service, quota=Quota(bodies=2))
    for n in range(3):
        desk.post(faulty(n))
    today = desk.clock[0].date()
    lines = check_service(
        ServiceSettings(service.store or AS_OF, service.policies, database=str(service.database.place)),
        today=today,
        quota=Quota(bodies=2),
    )
    (line,) = (line for line in lines if line.startswith("quarantine"))
    assert "reached its quota of today (2 rejected bodies" in line
    run = CliRunner()
    monkeypatch.setenv("BASIRA_QUARANTINE_TOTAL_MEGABYTES", "0")
    shown = run.invoke(app, ["quarantine", "list", *where])
    assert shown.exit_code == 0
    assert "quarantine: full" in shown.stdout
    (line,) = json.loads(run.invoke(app, ["quarantine", "list", "--json", *where]).stdout)["online"]["limits_reached"]
    assert "quarantine: full" in line


def test_what_was_not_sent_again_expires_and_is_audited(service: Service, where: list[str]) -> None:
    desk = desk_of(service)
    desk.clock[0] -= timedelta(days=100)
    desk.post(faulty(1))
    desk.post(faulty(2))
    desk.clock[0] += timedelta(days=100)
    desk.post(faulty(2))
    days = (desk.clock[0].now().date() - desk.clock[0].date()).days + 90
    run = CliRunner()
    done = run.invoke(app, ["quarantine", "expire", "--by", "night", "--days", str(days), "--json", *where])
    assert json.loads(done.stdout) == {"erased": 1}
    assert kept(desk) == ["F-2"]
    row = desk.get("audit", action="refused_body.erased").json()["rows"][0]
    assert (row["by"], len(row["after"]["quarantine_ids"])) == ("night", 1)
    assert "not sent again" in row["motive"]
    again = run.invoke(app, ["quarantine", "expire", "--by", "night", "--days", str(days), "--json", *where])
    assert json.loads(again.stdout) == {"erased": 0}


def test_a_store_that_never_served_has_nothing_to_expire(tmp_path: Path) -> None:
    History.create(tmp_path / "store")
    done = CliRunner().invoke(
        app, ["quarantine", "expire", "--by", "night", "--store", str(tmp_path / "store"), "-l", "en"]
    )
    assert done.exit_code == 0
    assert "0 rejected declarations erased" in done.stdout
