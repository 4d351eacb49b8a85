"""A decision whose moment is before midnight and which is recorded after it: its slot is one of the day before."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from basira.serving.decide import batch as serve
from basira.serving.decide.placement import restore_state
from basira.serving.replay import replay_online
from basira.storage.online.office_state import find_state
from tests.serving.changes.test_change import cancel
from tests.serving.decide.test_mandatory import OFFICE, arms
from tests.support.api_world import TODAY, Desk, at

EVE = datetime(TODAY.year, TODAY.month, TODAY.day, 23, 59, 59)
NEXT = TODAY + timedelta(days=1)


def used(desk: Desk, day: Any) -> dict[str, int] | None:
    with desk.service.database.read() as connection:
        stored = find_state(connection, OFFICE, day.isoformat())
    return None if stored is None else {n: c for n, c in restore_state(stored.state).used.items() if c}


def test_its_slot_is_not_one_of_the_day_in_which_it_was_recorded(
    desk: Desk, arrivals: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = arms(arrivals, 2)
    desk.clock[0] = at(12)
    desk.post({**first, "declaration_id": "OLD", "office": "SIM-B"})
    desk.clock[0] = EVE
    score = serve.score

    def scored_over_midnight(*given: Any) -> Any:
        monkeypatch.setattr(serve, "score", score)
        found = score(*given)
        desk.clock[0] = EVE + timedelta(seconds=1)
        result = {"known_at": EVE.isoformat(), "is_irregular": False}
        assert desk.client.post("/api/v1/declarations/OLD/outcome", json=result).status_code == 200
        return found

    monkeypatch.setattr(serve, "score", scored_over_midnight)
    given = desk.post({**second, "declaration_id": "N"}).json()
    assert (given["lane"], given["decided_at"]) == ("red", EVE.isoformat())
    with desk.service.database.read() as connection:
        asked = "SELECT day FROM event WHERE kind = 'decision' AND declaration_id = 'N'"
        assert connection.exec_driver_sql(asked).scalar_one() == NEXT.isoformat()
    assert used(desk, TODAY) == {"red": 1}
    assert desk.post({**first, "declaration_id": "M"}).json()["lane"] == "red"
    assert used(desk, NEXT) == {"red": 1}
    assert desk.service.store is not None
    for day in (TODAY, NEXT):
        assert replay_online(desk.service, desk.service.store, OFFICE, day).is_same
    # Nothing of the new day is free again when it is cancelled, or amended.
    assert desk.post({**second, "declaration_id": "N", "transport_document": "X"}).json()["lane"] == "red"
    assert cancel(desk, "N").status_code == 200
    assert used(desk, NEXT) == {"red": 1}
