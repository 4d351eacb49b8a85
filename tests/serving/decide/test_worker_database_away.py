"""When the database is away, every waiting request gets an error of its own."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from basira.schema.errors import StoreError
from basira.serving.decide import batch as serve
from basira.serving.decide import worker as serve_decider
from basira.serving.decide.result import Ask
from basira.serving.decide.worker import Bounds
from basira.serving.service import Service
from tests.support.decider_world import ME, decider_of


@pytest.mark.parametrize("noticed", ["at once", "late"])
def test_no_two_requests_raise_the_same_error(
    service: Service, arrivals: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, noticed: str
) -> None:
    def away(*_: object, **__: object) -> None:
        raise sa.exc.OperationalError("INSERT", {}, Exception("gone"))

    monkeypatch.setattr(serve, "record_group", away)
    monkeypatch.setattr(serve_decider, "NOTICED_SECONDS", 0.0 if noticed == "late" else 1e9)
    with decider_of(service, seconds=30, bounds=Bounds(most_together=2)) as decider:
        decider._is_running = True  # as if a group were under way
        waiting = [decider.submit([Ask(body, ME)]) for body in arrivals[:3]]
        waiting.append(decider.submit([Ask(body, ME) for body in arrivals[3:5]]))
        decider._run()
        found = [one.result(0) for one in waiting]
    found = [[one.error for one in parcel] for parcel in found]
    faults = [fault for parcel in found for fault in parcel]
    assert [type(fault) for fault in faults] == [StoreError] * 5
    assert all(isinstance(fault.__cause__, sa.exc.OperationalError) for fault in faults)  # type: ignore[union-attr]
    # Within one request it stays one fault, and is counted once.
    assert [len({id(fault) for fault in parcel}) for parcel in found] == [1] * 4
    assert len({id(fault) for fault in faults}) == 4
