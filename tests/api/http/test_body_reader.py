"""A body of megabytes is read beside the event loop, a declaration at a time, as `json.loads` reads it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from typing import Any

import pytest

from basira.api.http import body_reader as reading
from basira.api.http.body_reader import Reader, read_json
from basira.api.http.dependencies import asked_of
from basira.api.routes import declarations as routes_declarations
from basira.schema.access import Principal
from tests.support.api_world import Desk

Body = dict[str, Any]

GOOD = [
    b"[]",
    b" [ ] ",
    b"[1]",
    b'[{"a":[1,2,{"b":null}]},"x", 2.5e3 ,true\n,[]]',
    b"\xef\xbb\xbf[1,2]",
    b"{}",
    b'"[1]"',
    b"7",
    '["\u00e9", "\ud83d\ude00"]'.encode("utf-16", "surrogatepass"),
    b'["\xed\xa0\x80"]',
    b"[NaN,-Infinity]",
    b'[{"a":1,"a":2}]',
]
BAD = [
    *(b"", b" ", b"[", b"[1", b"[1,", b"[1,]", b"[,1]", b"[1 2]", b"[1]]", b"[1],", b"[1]x", b"[[1]", b"[\xff]"),
    *(b"[1,\x0b2]", b"[" * 100_000, b"\xa0[1]", b'["a\nb"]'),
]


@pytest.mark.parametrize("most", [0, 2, 1000])
@pytest.mark.parametrize("raw", GOOD)
def test_what_is_json_is_read_as_ever(raw: bytes, most: int) -> None:
    assert repr(read_json(raw, most=most)) == repr(json.loads(raw))


@pytest.mark.parametrize("raw", BAD)
def test_what_is_not_is_rejected_as_ever(raw: bytes) -> None:
    with pytest.raises((ValueError, RecursionError)):
        json.loads(raw)
    with pytest.raises((ValueError, RecursionError)):
        read_json(raw, most=1000)


def test_a_large_one_is_read_in_another_thread() -> None:
    threads: list[bool] = []

    async def read() -> list[Any]:
        reader, here = Reader(), threading.get_ident()
        try:
            work = lambda: threads.append(threading.get_ident() == here)  # noqa: E731
            await reader.beside(work, size=reading.SMALL_BYTES)
            await reader.beside(work, size=reading.SMALL_BYTES + 1)
            return [await reader.parse(json.dumps(body).encode()) for body in ([1], [1] * 100_000)]
        finally:
            reader.close()

    assert asyncio.run(read()) == [[1], [1] * 100_000]
    assert threads == [True, False]


def test_its_digest_is_that_of_the_whole(arrivals: list[Body]) -> None:
    principal = Principal("k-1", "key")
    for body in (arrivals[:3], [], arrivals[0], [1, "\u00e9", None]):
        whole = json.dumps(body, sort_keys=True, separators=(",", ":"))
        assert asked_of(principal, "R", "k", body).digest == hashlib.sha256(whole.encode()).hexdigest()


def test_a_large_batch_is_answered_and_its_key_holds(
    desk: Desk, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    beside = Reader.beside

    async def noted(self: Reader, work: Any, *, size: int) -> Any:
        sizes.append(size)
        return await beside(self, work, size=size)

    monkeypatch.setattr(Reader, "beside", noted)
    sent = [{**arrivals[n % 4], "declaration_id": f"L-{n}", "x_note": "n" * 3000} for n in range(30)]
    first = desk.post(sent, **{"Idempotency-Key": "large"})
    assert first.status_code == 200
    assert all("decision" in one for one in first.json()["results"])
    assert desk.post(sent, **{"Idempotency-Key": "large"}).text == first.text
    assert desk.post(sent[:29], **{"Idempotency-Key": "large"}).json()["code"] == "usage"
    assert len(sizes) == 6
    assert min(sizes) > reading.SMALL_BYTES
    assert routes_declarations.MOST_DECLARATIONS == 1_000
