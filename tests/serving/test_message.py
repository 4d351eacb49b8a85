"""What JSON alone can say of a declaration: moments with a zone or to come, types; and what a fault reports."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from basira.serving.message import Declaration, Rejected, read_declaration, read_outcome, read_plainly
from tests.support.api_world import TODAY

Body = dict[str, Any]
NOW = datetime(TODAY.year, TODAY.month, TODAY.day, 9)


def body(**change: Any) -> Body:
    items = [{"commodity_code": "851713", "customs_value_amount": 100.0}]
    return {"declaration_id": "A-1", "declared_at": f"{TODAY}T08:00:00", "items": items, **change}


def read(**change: Any) -> Declaration | Rejected:
    return read_declaration(body(**change), received_at=NOW)


def faults(found: object) -> list[tuple[int | None, str | None, str]]:
    assert isinstance(found, Rejected), found
    return [(fault.item, fault.field, fault.code) for fault in found.faults]


@pytest.fixture(params=["UTC-1", "Africa/Casablanca", "UTC"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The zone of the host. POSIX counts the other way: UTC-1 is an hour ahead."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("sent", ["T07:30:00Z", "T08:30:00+01:00", "T07:30:00.000Z", " 02:30:00-0500", "T07:30z"])
def test_a_moment_with_a_zone_is_the_hosts_local_time(zone: str, sent: str) -> None:
    local = datetime(TODAY.year, TODAY.month, TODAY.day, 7 if zone == "UTC" else 8, 30)
    found = read_plainly(body(declared_at=f"{TODAY}{sent}"), received_at=NOW)
    assert isinstance(found, Declaration), "read by columns it would cost 8 ms"
    assert found.rows[0]["declared_at"] == local
    result = read_outcome(
        {"known_at": f"{TODAY}{sent}", "inspected_at": f"{TODAY}{sent}", "is_irregular": False}, "A-1", received_at=NOW
    )
    assert not isinstance(result, Rejected)
    assert (result["known_at"], result["inspected_at"]) == (local, local)


@pytest.mark.parametrize("sent", ["2023-13-01T07:30:00Z", "2023-11-01T25:00:00Z", "0001-01-01T00:00:00+23:59", "Z"])
def test_no_such_moment_in_any_zone_is_rejected(sent: str) -> None:
    assert faults(read(declared_at=sent))[0][1] == "declared_at"


def test_the_fault_of_a_moment_is_reported_in_words_with_an_example() -> None:
    found = read(declared_at="yesterday")
    assert isinstance(found, Rejected)
    expected = "a date written YYYY-MM-DD or YYYY-MM-DD hh:mm:ss or YYYY-MM-DDThh:mm:ss, such as 2026-03-31"
    assert [fault.expected for fault in found.faults] == [expected]


@pytest.mark.parametrize(("ahead", "is_taken"), [(timedelta(days=1), True), (timedelta(days=1, seconds=1), False)])
def test_a_declaration_is_of_tomorrow_at_most(ahead: timedelta, is_taken: bool) -> None:
    found = read(declared_at=(NOW + ahead).isoformat())
    assert isinstance(found, Declaration) is is_taken
    if not is_taken:
        assert faults(found) == [(None, "declared_at", "date_out_of_range")]


def test_a_declaration_of_long_ago_is_one() -> None:
    assert isinstance(read(declared_at="1999-05-05T10:00:00"), Declaration)


@pytest.mark.parametrize("office", [True, 7, 1.5, ["A"], {"a": 1}])
def test_an_office_is_a_text(office: Any) -> None:
    items = [{"commodity_code": "851713"}, {"commodity_code": "851713"}]
    assert faults(read(office=office, items=items)) == [(None, "office", "bad_json")]


def test_an_unknown_field_is_named() -> None:
    assert faults(read(impoter_id="A")) == [(None, "impoter_id", "column_count")]
    long = "y" * 300
    assert faults(read(items=[{"commodity_code": "851713", long: 1}])) == [(1, long[:100], "column_count")]
    assert faults(read(**{"\x1b[31m": 1})) == [(None, None, "column_count")]
    assert len(faults(read(**{f"y{n}": n for n in range(500)}))) == 10


@pytest.mark.parametrize("text", ["NaN", "nan", " NAN "])
def test_no_number_is_written_as_not_a_number(text: str) -> None:
    items = [{"commodity_code": "851713", "customs_value_amount": text}]
    assert faults(read(items=items)) == [(1, "customs_value_amount", "not_finite")]
    found = read_outcome({"known_at": str(TODAY), "is_irregular": True, "severity": text}, "A-1", received_at=NOW)
    assert faults(found) == [(None, "severity", "not_finite")]


@pytest.mark.parametrize(
    ("items", "code"),
    [([], "missing"), (None, "missing"), ([{}] * 1001, "out_of_range"), ([1], "bad_json"), ({"a": {}}, "bad_json")],
)
def test_what_is_wrong_with_the_list_of_items(items: Any, code: str) -> None:
    assert faults(read(items=items)) == [(None, "items", code)]


def test_a_range_reads_as_a_sentence() -> None:
    found = read(items=[{"commodity_code": "851713", "customs_value_amount": 1e16, "vat_rate": 20}])
    assert isinstance(found, Rejected)
    assert "a value from 0 to 1,000,000,000,000,000, in value currency" in found.faults[0].expected
    assert "a share from 0 to 1 (0.2 is 20 %)" in found.faults[0].expected
    assert "mapping" not in found.faults[0].expected
