"""Large batches of one worker have a bound in bytes: memory ends before their number does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from basira.api.http import body_reader as reading
from basira.api.http.body_reader import Reader
from basira.serving.decide.worker import BusyError
from tests.support.api_world import Desk

Body = dict[str, Any]


def large(arrivals: list[Body]) -> list[Body]:
    """Two declarations, of more bytes together than are read at once."""
    return [{**body, "x_note": "n" * reading.SMALL_BYTES} for body in arrivals[:2]]


@pytest.fixture
def full(desk: Desk) -> Iterator[Reader]:
    """The worker's reader, with almost as many bytes in hand as it takes."""
    reader: Reader = desk.client.app.state.reader  # type: ignore[attr-defined]
    with reader.holding(reading.MOST_BYTES_IN_HAND - reading.SMALL_BYTES):
        yield reader


def test_a_large_batch_beyond_them_is_rejected_before_it_is_read(
    desk: Desk, full: Reader, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    del full
    with monkeypatch.context() as patch:
        patch.setattr(Reader, "parse", None)  # to call it would be a 500
        answer = desk.post(large(arrivals))
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "busy", "1")
    assert desk.get(f"declarations/{arrivals[0]['declaration_id']}").status_code == 404
    assert desk.post(arrivals[0]).status_code == 200


def test_one_that_does_not_tell_its_length_is_not_parsed(
    desk: Desk, full: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    del full
    monkeypatch.setattr(Reader, "parse", None)
    pieces = (piece for piece in (b"[", b" " * reading.SMALL_BYTES, b"]"))
    answer = desk.client.post("/api/v1/declarations", content=pieces, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (503, "busy")


def test_the_bytes_are_given_back_whatever_became_of_them(
    desk: Desk, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    reader: Reader = desk.client.app.state.reader  # type: ignore[attr-defined]

    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    assert desk.post(large(arrivals)).status_code == 200
    assert desk.post([{}] * 200_000).status_code == 413
    with monkeypatch.context() as patch:
        patch.setattr(Reader, "read", broken)
        assert desk.post(large(arrivals)).status_code == 500
    with reader.holding(reading.MOST_BYTES_IN_HAND), pytest.raises(BusyError), reader.holding(reading.SMALL_BYTES + 1):
        pass


def test_where_nothing_is_in_hand_one_is_taken_however_large() -> None:
    async def held() -> None:
        reader = Reader()
        try:
            with reader.holding(reading.MOST_BYTES_IN_HAND + 1):
                await asyncio.sleep(0)
        finally:
            reader.close()

    asyncio.run(held())
