"""Idempotency keys: kept for a day whatever was answered under them, free again after it, and safe at once."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from basira.api.openapi.examples import OUTCOME
from basira.serving.decide.idempotency import Asked, purge_expired, store_answer
from basira.storage.database.tables import IDEMPOTENCY_KEY
from basira.storage.online.office_state import Answer, find_answers
from tests.support.api_world import Desk

pytestmark = pytest.mark.both_databases

Body = dict[str, Any]
DAY = timedelta(hours=25)


def sent(desk: Desk, path: str, body: object, key: str) -> Any:
    return desk.client.post(f"/api/v1/{path}", json=body, headers={"Idempotency-Key": key})


def kept_keys(desk: Desk) -> list[str]:
    with desk.service.database.read() as connection:
        return sorted(connection.execute(sa.select(IDEMPOTENCY_KEY.c.key)).scalars())


def test_a_key_of_yesterday_may_be_taken_for_every_change(desk: Desk, arrivals: list[Body]) -> None:
    decision = desk.post(arrivals[0]).json()
    number = decision["declaration_id"]
    result = {name: value for name, value in OUTCOME.items() if name != "declaration_id"}
    for day in range(2):
        known = {"known_at": desk.clock[0].isoformat(), "inspected_at": None}
        assert sent(desk, f"declarations/{number}/outcome", result | known, "o").status_code == 200, day
        standing = desk.get(f"declarations/{number}").json()["standing"]
        lane = {"lane": ("red", "yellow")[day], "motive": "Doubt.", "given_by": standing["given_by"]}
        if standing["lane"] != lane["lane"]:
            assert sent(desk, f"declarations/{number}/reselection", lane, "r").status_code == 200, day
        assert sent(desk, "declarations", arrivals[1 + day : 2 + day], "b").status_code == 200, day
        assert sent(desk, "declarations", arrivals[3 + day], "s").status_code == 200, day
        desk.clock[0] += DAY


def test_the_key_of_a_declaration_sent_before_is_kept(desk: Desk, arrivals: list[Body]) -> None:
    first = desk.post(arrivals[0])
    again = sent(desk, "declarations", arrivals[0], "z")
    assert again.json() == first.json()
    assert sent(desk, "declarations", arrivals[0], "z").json() == first.json()
    other = sent(desk, "declarations", arrivals[1], "z")
    assert (other.status_code, other.json()["code"]) == (400, "usage")
    assert desk.get(f"declarations/{arrivals[1]['declaration_id']}").status_code == 404


def test_a_rejection_leaves_its_key_free_for_the_corrected_body(desk: Desk, arrivals: list[Body]) -> None:
    assert sent(desk, "declarations", {**arrivals[0], "dispatch_country": "QQ"}, "z").status_code == 422
    assert sent(desk, "declarations", arrivals[0], "z").status_code == 200


def test_a_batch_sent_several_times_at_once_gets_one_answer(desk: Desk, arrivals: list[Body]) -> None:
    answers: list[Any] = []
    threads = [
        threading.Thread(target=lambda: answers.append(sent(desk, "declarations", arrivals[:4], "b"))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [200] * 4
    assert len({answer.text for answer in answers}) == 1


def test_an_expired_answer_is_not_given_again(desk: Desk, arrivals: list[Body]) -> None:
    sent(desk, "declarations", arrivals[0], "z")
    desk.clock[0] += DAY
    with desk.service.database.read() as connection:
        (kept,) = connection.execute(sa.select(IDEMPOTENCY_KEY.c.client, IDEMPOTENCY_KEY.c.route)).all()
        found = find_answers(connection, ["z"], client=kept.client, route=kept.route, now=desk.clock[0])
    assert found["z"].is_expired
    assert sent(desk, "declarations", arrivals[1], "z").json()["declaration_id"] == arrivals[1]["declaration_id"]


def test_keys_that_expired_go_away_without_being_used_again(
    desk: Desk, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, body in enumerate(arrivals[:4]):
        sent(desk, "declarations", body, f"u{number}")
        desk.clock[0] += DAY
    desk.clock[0] -= DAY
    monkeypatch.setattr("basira.api.application.MODEL_SECONDS", 0.05)
    with desk.client:
        until = time.monotonic() + 10
        while len(kept_keys(desk)) > 1 and time.monotonic() < until:
            time.sleep(0.05)
    assert kept_keys(desk) == ["u3"]


def test_some_thousand_are_removed_at_a_time(desk: Desk) -> None:
    now = desk.clock[0]
    with desk.service.database.write() as connection:
        for number in range(2_001):
            store_answer(connection, Asked("k", "r", f"x{number}", "a"), Answer(200, "1"), now=now)
    assert [purge_expired(desk.service.database, now=now + DAY) for _ in range(3)] == [2_000, 1, 0]
