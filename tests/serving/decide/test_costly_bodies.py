"""A body that would cost more than it weighs is rejected before any work; large requests hold no plain one up."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from basira.api.http.body_reader import TooLargeError, read_json
from basira.serving.decide import batch as serve
from basira.serving.decide import placement, reasons
from basira.serving.decide import worker as serve_decider
from basira.serving.decide.batch import Means, decide_batch
from basira.serving.decide.idempotency import Asked
from basira.serving.decide.placement import OfficeDays
from basira.serving.decide.precedence import Precedence
from basira.serving.decide.result import Ask, Decided
from basira.serving.decide.worker import Decider
from basira.serving.message import MOST_ITEMS
from basira.serving.service import Service
from tests.support.api_world import Desk, at, desk_of

Body = dict[str, Any]


@pytest.fixture
def desk(blank: Service) -> Desk:
    return desk_of(blank)


def of_items(arrival: Body, count: int, **more: object) -> Body:
    return {**arrival, "items": [{**arrival["items"][0], "item_number": None, **more} for _ in range(count)]}


def faults(desk: Desk, body: Body) -> list[tuple[str | None, str]]:
    begun = time.perf_counter()
    answer = desk.post(body)
    assert time.perf_counter() - begun < 10  # seconds to minutes before it was counted
    assert answer.status_code == 422
    return [(one["field"], one["code"]) for one in answer.json()["errors"]]


def test_names_that_differ_from_item_to_item_are_counted_as_columns(desk: Desk, arrivals: list[Body]) -> None:
    body = of_items(arrivals[0], MOST_ITEMS)
    for place, item in enumerate(body["items"]):
        item |= {f"x_f{place}_{n}": "v" for n in range(20)}
    assert ("items", "out_of_range") in faults(desk, body)


@pytest.mark.parametrize(
    "more", [{"x_text": "y" * 1_000_000}, {"declared_at": "2026-" * 200_000}, {"office": "O" * 1_000_000}]
)
def test_a_long_text_in_the_header_is_not_put_into_a_thousand_rows(
    desk: Desk, arrivals: list[Body], more: Body
) -> None:
    (name,) = more
    assert faults(desk, {**of_items(arrivals[0], MOST_ITEMS), **more})[0] == (name, "out_of_range")


def test_texts_that_together_are_too_many_are_counted_with_the_rows_that_repeat_them(
    desk: Desk, arrivals: list[Body]
) -> None:
    texts = {f"x_t{n}": "y" * 9_000 for n in range(5)}
    assert ("items", "out_of_range") in faults(desk, {**of_items(arrivals[0], 100), **texts})
    assert desk.post({**of_items(arrivals[0], 10), **texts}).status_code == 200


def test_a_number_of_very_many_digits_is_not_written_out(desk: Desk, arrivals: list[Body]) -> None:
    text = json.dumps(of_items(arrivals[0], 3, customs_value_amount=12345))
    for digits, status in ((600, 422), (4000, 422)):  # more than Python turns into a number is no JSON to it
        answer = desk.client.post(
            "/api/v1/declarations",
            content=text.replace("12345", "1" * digits),
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code == status
        assert answer.json()["code"] == "invalid"


def test_the_largest_declaration_of_ordinary_fields_is_taken(desk: Desk, arrivals: list[Body]) -> None:
    body = of_items(arrivals[0], MOST_ITEMS, **{f"x_own_{n}": "a word or two" for n in range(40)})
    assert desk.post(body).status_code == 200


@pytest.mark.parametrize(
    "raw",
    [
        json.dumps({"items": [{"x": [[[[]]]] * 50}] * 1000}),
        json.dumps([{"x": [[]] * 130_000}]),
        json.dumps({"items": [1] * 300_000}),
        json.dumps([[1] * 1_100_000]),
        json.dumps({"x": "y" * (5 << 20)}),
    ],
    ids=["nested", "lists", "values", "values of a list", "one of 5 MB"],
)
def test_what_would_be_parsed_in_one_long_go_is_not_parsed(desk: Desk, raw: str) -> None:
    with pytest.raises(TooLargeError):
        read_json(raw.encode())
    answer = desk.client.post("/api/v1/declarations", content=raw, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_a_plain_one_does_not_wait_while_a_large_one_is_scored(
    blank: Service, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go = threading.Event(), threading.Event()
    score = serve_decider.assess_at_once

    def held(declarations: Any, *more: Any) -> Any:
        if sum(len(one.rows) for one in declarations) > 100:
            begun.set()
            assert go.wait(60)
        return score(declarations, *more)

    monkeypatch.setattr(serve_decider, "assess_at_once", held)
    desk = desk_of(blank, decide_seconds=60.0)
    with desk.client:  # one event loop for both
        answers: list[int] = []
        large = {**of_items(arrivals[0], 200), "declaration_id": "LARGE"}
        thread = threading.Thread(target=lambda: answers.append(desk.post(large).status_code))
        thread.start()
        assert begun.wait(30)
        assert desk.post(arrivals[1]).status_code == 200
        assert answers == []
        go.set()
        thread.join(60)
        assert answers == [200]


def test_a_plain_one_is_decided_between_two_slices_of_a_large_one(service: Service, arrivals: list[Body]) -> None:
    plain = Decider(lambda: service, lambda: at(9), seconds=60)
    found: list[Any] = []

    def pause() -> None:
        if not found:
            found.extend(plain.submit([Ask(arrivals[1], Asked("k"))]).result(60))

    large = Decider(lambda: service, lambda: at(9), seconds=60, pause=pause)
    try:
        (decided,) = large.submit([Ask(of_items(arrivals[0], 200), Asked("k"))]).result(60)
    finally:
        plain.close()
        large.close()
    assert [type(one) for one in (decided, *found)] == [Decided, Decided]
    assert (decided.body["fallback"], found[0].body["fallback"]) == (None, None)


def test_a_large_one_that_was_overtaken_is_not_explained_and_gives_no_way_under_the_locks(
    service: Service, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    office = {"office": arrivals[0]["office"]}
    first, second = ({**one, **office} for one in arrivals[1:3])
    mine, held, calls = OfficeDays(), list[bool](), list[tuple[str, bool]]()
    explain, write = reasons.items_with_reasons, type(service.database).write

    @contextmanager
    def locked(database: Any) -> Iterator[Any]:
        with write(database) as connection:
            held.append(True)
            try:
                yield connection
            finally:
                held.pop()

    def explained(*given: Any, **named: Any) -> Any:
        calls.append(("explain", bool(held)))
        return explain(*given, **named)

    decide_batch([Ask(first, Asked("k"))], service, now=at(9), means=Means(mine))
    decide_batch([Ask(second, Asked("k"))], service, now=at(9))  # another worker's: what `mine` knows holds no more
    monkeypatch.setattr(type(service.database), "write", locked)
    monkeypatch.setattr(reasons, "items_with_reasons", explained)
    found = decide_batch(
        [Ask(of_items(arrivals[0], 200), Asked("k"))],
        service,
        now=at(9),
        means=Means(mine, pause=lambda: calls.append(("pause", bool(held)))),
    )
    assert isinstance(found[0], Decided)
    assert ("explain", False) in calls
    assert [name for name, is_locked in calls if is_locked] == []


def test_a_large_one_that_was_overtaken_thrice_is_written_down_before_the_locks(
    service: Service, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    held, written, locked = list[bool](), list[bool](), list[bool]()
    rows, read, record, write = (
        serve.event_rows,
        placement.read_office_day,
        serve.record_group,
        type(service.database).write,
    )

    @contextmanager
    def holding(database: Any) -> Iterator[Any]:
        with write(database) as connection:
            held.append(True)
            try:
                yield connection
            finally:
                held.pop()

    def noted(*given: Any, **named: Any) -> Any:
        written.append(bool(held))
        return rows(*given, **named)

    def day(*given: Any, is_locked: bool = False, **named: Any) -> Any:
        locked.append(is_locked)
        return read(*given, is_locked=is_locked, **named)

    def overtaken(*given: Any, **named: Any) -> bool:
        return len(written) > 3 and record(*given, **named)

    monkeypatch.setattr(type(service.database), "write", holding)
    monkeypatch.setattr(placement, "read_office_day", day)
    monkeypatch.setattr(serve, "event_rows", noted)
    monkeypatch.setattr(serve, "record_group", overtaken)
    (found,) = decide_batch([Ask(of_items(arrivals[0], 200), Asked("k"))], service, now=at(9))
    assert isinstance(found, Decided)
    assert written == [False] * 4
    assert locked == [False] * 4


def test_large_work_waits_for_plain_requests_and_not_for_long() -> None:
    precedence, ended = Precedence(most_seconds=60), threading.Event()
    waiting = threading.Thread(target=lambda: (precedence.pause(), ended.set()))
    with precedence.plain(), precedence.plain():
        waiting.start()
        assert not ended.wait(0.05)
    assert ended.wait(60)
    waiting.join()
    precedence.pause()  # at once: nothing plain is in hand
    brief = Precedence(most_seconds=0.001)
    with brief.plain():
        brief.pause()
