"""What no database takes as text is rejected as what is wrong with the request, never as a fault of the store."""

from __future__ import annotations

import pytest

from tests.support.api_world import Desk

pytestmark = pytest.mark.both_databases


@pytest.mark.parametrize(
    "path",
    [
        "queue?office=%00",
        "queue?office=A&lane=%00",
        "quarantine?code=%00",
        "quarantine/%00",
        "declarations/a%00b",
        "audit?actor=%00",
        "audit?action=%00",
        "audit?subject=%00",
        "deeds?office=%00",
        "deeds?declaration=%00",
        "deeds?actor=%ed%a0%80",
        "queue?office=%ed%a0%80",
    ],
)
def test_an_odd_text_in_the_address(desk: Desk, path: str) -> None:
    answer = desk.client.get(f"/api/v1/{path}")
    assert answer.status_code in (200, 400, 404, 422), answer.text


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
@pytest.mark.parametrize("path", ["queue?office=A&day={0}", "audit?from={0}&to={0}", "figures?from={0}&to={0}"])
def test_the_first_and_the_last_day_of_the_calendar(desk: Desk, path: str, day: str) -> None:
    answer = desk.client.get(f"/api/v1/{path.format(day)}")
    assert answer.status_code == 200, answer.text
