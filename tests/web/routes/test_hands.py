"""Who has a declaration in hand: taken once, handed over with a motive, given as the policy says, and proven."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from basira.schema.access import Grant
from basira.selection.policy.officers import Officers
from basira.serving.service import Service
from basira.storage.database.tables import AUDIT_EVENT
from basira.storage.record.officers import find_in_hand
from tests.support.api_world import is_whole
from tests.support.web_world import Decided, answers_for


@pytest.fixture
def nadia(decided: Decided) -> TestClient:
    return decided.house.person("nadia", Grant("inspector", decided.waiting[1]))


@pytest.fixture
def omar(decided: Decided) -> TestClient:
    return decided.house.person("omar", Grant("inspector", decided.waiting[1]))


def id_of(decided: Decided, login: str) -> str:
    with decided.house.service.database.read() as connection:
        return str(connection.exec_driver_sql(f"SELECT user_id FROM app_user WHERE login = '{login}'").scalar_one())


def officer(decided: Decided) -> str | None:
    number = decided.waiting[0]
    with decided.house.service.database.read() as connection:
        found = find_in_hand(connection, [number]).get(number)
    return None if found is None else found.officer


def changes(decided: Decided) -> list[tuple[str, str]]:
    query = sa.select(AUDIT_EVENT.c.action, AUDIT_EVENT.c.subject).where(AUDIT_EVENT.c.action.like("declaration.%"))
    with decided.house.service.database.read() as connection:
        return [tuple(row) for row in connection.execute(query.order_by(AUDIT_EVENT.c.sequence))]  # type: ignore[misc]


def take(client: TestClient, decided: Decided) -> Any:
    return client.post(f"{decided.page}/take", data={"csrf_token": client.headers["X-CSRF-Token"]})


def hand_over(client: TestClient, decided: Decided, **fields: Any) -> Any:
    seen = re.search(r'name="seen" value="(\d+)"', client.get(decided.page).text)
    return client.post(f"{decided.page}/hand-over", data={"seen": seen[1] if seen else "0", **fields})


def test_one_takes_and_the_other_is_shown_who_has_it(decided: Decided, nadia: TestClient, omar: TestClient) -> None:
    for _ in range(2):  # the second click changes nothing
        assert take(nadia, decided).headers["location"] == f"{decided.page}?done=taken"
    late = take(omar, decided)
    assert late.status_code == 409
    assert "Another officer has this declaration in hand since you looked" in late.text
    assert "<bdi>Nadia</bdi>" in late.text
    assert officer(decided) == id_of(decided, "nadia")
    assert changes(decided) == [("declaration.taken", f"declaration/{decided.waiting[0]}")]
    assert is_whole(decided.house.service)


def test_of_two_who_take_at_the_same_moment_one_has_it(decided: Decided, nadia: TestClient, omar: TestClient) -> None:
    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(lambda one: take(one, decided), (nadia, omar)))
    assert sorted(answer.status_code for answer in answers) == [303, 409]
    assert len(changes(decided)) == 1


def test_no_other_officer_records_its_result(decided: Decided, nadia: TestClient, omar: TestClient) -> None:
    fields = answers_for(omar, decided.page, line="refuted", conclusion="compliant")
    take(nadia, decided)
    late = omar.post(f"{decided.page}/result", data=fields)
    assert late.status_code == 409
    assert 'value="refuted" checked' in late.text  # what was typed is not lost
    page = omar.get(decided.page).text
    assert "Nadia has this declaration in hand and records its result." in page
    assert f'action="{decided.page}/result"' not in page
    body = {"is_irregular": False, "known_at": decided.house.clock[0].isoformat()}
    answer = omar.post(f"/api/v1{decided.page}/outcome", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "held_by_other"), answer.text
    own = answers_for(nadia, decided.page, line="refuted", conclusion="compliant")
    assert nadia.post(f"{decided.page}/result", data=own).status_code == 303
    assert is_whole(decided.house.service)


def test_the_queue_shows_mine_what_is_free_and_others(decided: Decided, nadia: TestClient, omar: TestClient) -> None:
    number = decided.waiting[0]
    assert number in nadia.get("/queue", params={"hands": "free"}).text
    take(nadia, decided)
    shown = {
        (name, hands): f'id="row-{number}"' in client.get("/queue", params={"hands": hands}).text
        for name, client in (("nadia", nadia), ("omar", omar))
        for hands in ("mine", "free", "others", "")
    }
    assert {key for key, value in shown.items() if value} == {
        ("nadia", "mine"),
        ("nadia", ""),
        ("omar", "others"),
        ("omar", ""),
    }
    assert nadia.get("/queue", params={"hands": "theirs"}).status_code == 422
    assert number in nadia.get("/queue/next", params={"hands": "mine"}).headers["location"]
    assert number not in omar.get("/queue/next").headers["location"]


def test_a_declaration_is_handed_over_with_a_motive(decided: Decided, nadia: TestClient, omar: TestClient) -> None:
    take(nadia, decided)
    to = id_of(decided, "omar")
    assert hand_over(omar, decided, to=to, motive="I want it").status_code == 409  # not his to give
    short = hand_over(nadia, decided, to=to, motive="x")
    assert (short.status_code, "A motive of 3 to 500 characters." in short.text) == (422, True)
    stranger = decided.house.user("sami", Grant("inspector", "ELSEWHERE"))
    assert hand_over(nadia, decided, to=stranger, motive="Leave").status_code == 422
    assert hand_over(nadia, decided, to=to, motive="End of shift").headers["location"].endswith("?done=handed_over")
    assert officer(decided) == to
    manager = decided.house.person("lina", Grant("manager"))
    old = re.search(r'name="seen" value="(\d+)"', manager.get(decided.page).text)
    assert hand_over(omar, decided, to="", motive="Back again").status_code == 303
    assert officer(decided) is None
    assert old is not None
    stale = manager.post(f"{decided.page}/hand-over", data={"seen": old[1], "to": to, "motive": "Seen before"})
    assert stale.status_code == 409
    assert hand_over(manager, decided, to=to, motive="Balance").status_code == 303
    assert [action.split(".")[1] for action, _ in changes(decided)] == ["taken", *["handed_over"] * 3]
    assert is_whole(decided.house.service)


@pytest.fixture
def by_load(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, by = Service.policy, Officers(chosen_by="load")
    monkeypatch.setattr(Service, "policy", lambda self, day: whole(self, day).model_copy(update={"officers": by}))


def test_what_waits_is_given_by_load_and_nobody_chooses(
    decided: Decided, nadia: TestClient, omar: TestClient, by_load: None
) -> None:
    office = decided.waiting[1]
    refused = take(nadia, decided)
    assert (refused.status_code, "nobody picks a declaration" in refused.text) == (409, True)
    answer = nadia.post("/queue/distribute", data={"office": office, "next": "/queue?status=waiting"})
    assert answer.headers["location"] == "/queue?status=waiting&done=distributed"
    waiting = [one for one in decided.all if one["inspects"] and one["office"] == office]
    with decided.house.service.database.read() as connection:
        held = [one.officer for one in find_in_hand(connection, [one["declaration_id"] for one in waiting]).values()]
    counts = sorted(held.count(one) for one in {id_of(decided, "nadia"), id_of(decided, "omar")})
    assert sum(counts) == len(waiting)
    assert counts[1] - counts[0] <= 1
    assert len(changes(decided)) == len(waiting)
    owner = nadia if officer(decided) == id_of(decided, "nadia") else omar
    other = "omar" if owner is nadia else "nadia"
    assert "The policy chooses the next officer" in owner.get(decided.page).text
    assert hand_over(owner, decided, motive="A cousin's firm").status_code == 303
    assert officer(decided) == id_of(decided, other)
    assert is_whole(decided.house.service)


def test_an_office_without_an_inspector_is_said_and_another_office_is_not_given_out(
    decided: Decided, by_load: None
) -> None:
    manager = decided.house.person("lina", Grant("manager"))
    answer = manager.post("/queue/distribute", data={"office": decided.waiting[1], "next": "/queue"})
    assert answer.headers["location"] == "/queue?done=no_officer"
    stranger = decided.house.person("sami", Grant("inspector", "ELSEWHERE"))
    assert stranger.post("/queue/distribute", data={"office": decided.waiting[1]}).status_code == 403
    assert changes(decided) == []
