"""A key that was recognised a moment ago: the event loop never asks the database for it."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from basira.api.auth.authenticate import by_key
from basira.schema.access import Principal
from basira.serving.service import Service
from tests.support.api_world import at, desk_of


def test_a_second_that_ends_after_the_first_look_does_not_block_the_event_loop(blank: Service) -> None:
    on_the_loop: list[bool] = []
    keys = by_key(blank.database, lambda: at(9))

    def recognise(token: str) -> Principal | None:
        on_the_loop.append(False)
        with suppress(RuntimeError):
            asyncio.get_running_loop()
            on_the_loop[-1] = True
        return keys(token)

    desk = desk_of(blank, recognise=recognise)
    times = iter([0.0, 0.0, 0.0, 0.999])
    remembered = desk.client.app.state.remembered  # type: ignore[attr-defined]
    remembered._monotonic = lambda: next(times, 1.5)
    # Empty batches: nothing is decided.
    assert [desk.post([]).status_code for _ in range(3)] == [422] * 3
    assert on_the_loop == [False, False]
