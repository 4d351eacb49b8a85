"""The earlier imports that are listed beside a reference value."""

from __future__ import annotations

from typing import Any

from basira.features.batch.comparables import find_comparables
from tests.support.features_world import engine, item

GOODS: dict[str, Any] = {"customs_value_amount": 5.0, "net_mass_kg": 1.0, "origin_country": "CN"}
CODE = "8517130000"


def test_the_latest_earlier_items_come_first_and_none_of_the_day_or_older_than_a_year() -> None:
    days = {"old": 634, "edge": 635, "mid": 800, "last": 999, "today": 1000}
    with engine([item(name, day, **GOODS) for name, day in days.items()], []) as con:
        found = find_comparables(con, [(CODE, "CN"), (CODE, None), (CODE, "VN")], before_day=1000, most=2)
        everything = find_comparables(con, [(CODE, "CN")], before_day=1000)
    assert found == {(CODE, "CN"): ("last/1", "mid/1"), (CODE, None): ("last/1", "mid/1")}
    assert everything == {(CODE, "CN"): ("last/1", "mid/1", "edge/1")}


def test_an_amended_declaration_is_listed_once_under_the_code_first_declared() -> None:
    items = [item("D", 10, **GOODS), item("D", 11, declaration_version=2, **GOODS)]
    items += [item("E", 10, **GOODS | {"commodity_code": "8471"}), item("E", 12, declaration_version=2, **GOODS)]
    with engine(items, []) as con:
        assert find_comparables(con, [(CODE, None)], before_day=20) == {(CODE, None): ("D/1",)}


def test_an_item_without_value_or_mass_is_no_comparable() -> None:
    items = [item("V", 10, net_mass_kg=1.0), item("M", 10, customs_value_amount=1.0), item("D", 9, **GOODS)]
    with engine(items, []) as con:
        assert find_comparables(con, [(CODE, None)], before_day=20) == {(CODE, None): ("D/1",)}
        assert find_comparables(con, [], before_day=20) == {}
