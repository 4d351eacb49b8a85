"""Nothing that was not known before an item's day may show in its features, down to the last bit."""

from __future__ import annotations

import random
from typing import Any

import pytest

from basira.features.catalog.catalog import CATALOG
from tests.support.features_world import Key, Row, computed, item, key_of, moment, outcome, random_history

EVE = 10_499
DAY = 10_500  # of the items wanted
NAMES = [f.name for f in CATALOG]
FOREVER = 20_000


@pytest.fixture(scope="module")
def world() -> tuple[list[Row], list[Row], list[Key]]:
    """A random history around three declarations of one day, with results of their own."""
    items, outcomes = random_history(11, declarations=90)
    chosen = ("D0", "D1", "D2")
    rest = [row for row in items if row["declaration_id"] not in chosen]
    of_the_day = [row for row in items if row["declaration_id"] in chosen and row["declaration_version"] == 1]
    moved = [row | {"declared_day": DAY, "declared_at": moment(DAY, 12)} for row in of_the_day]
    outcomes = [row for row in outcomes if row["declaration_id"] not in chosen]
    own = [outcome(name, DAY + late, True, additional_revenue_amount=900.0) for name, late in (("D0", 0), ("D1", 9))]
    return rest + moved, outcomes + own, [key_of(row) for row in moved]


@pytest.fixture(scope="module")
def expected(world: tuple[list[Row], list[Row], list[Key]]) -> str:
    items, outcomes, wanted = world
    found = computed(items, outcomes, wanted, as_of_day=FOREVER)
    assert any(row[NAMES.index("code_items")] for row in found.values())
    return repr(sorted(found.items()))


def _after(items: list[Row], outcomes: list[Row], wanted: list[Key], as_of_day: int = FOREVER) -> str:
    return repr(sorted(computed(items, outcomes, wanted, as_of_day=as_of_day).items()))


def test_deleting_all_that_was_not_known_changes_nothing(world: Any, expected: str) -> None:
    items, outcomes, wanted = world
    items = [row for row in items if row["declared_day"] < DAY or key_of(row) in wanted]
    assert _after(items, [row for row in outcomes if row["known_day"] < DAY], wanted) == expected


def test_corrupting_all_that_was_not_known_changes_nothing(world: Any, expected: str) -> None:
    items, outcomes, wanted = world
    noise = {"customs_value_amount": 7e7, "net_mass_kg": 1.0, "importer_id": "I1", "origin_country": "CN"}
    items = [row if row["declared_day"] < DAY or key_of(row) in wanted else row | noise for row in items]
    turned = {"is_irregular": True, "additional_revenue_amount": 1e9, "item_number": None}
    outcomes = [row if row["known_day"] < DAY else row | turned for row in outcomes]
    assert _after(items, outcomes, wanted) == expected


def test_shuffling_the_days_of_all_that_was_not_known_changes_nothing(world: Any, expected: str) -> None:
    items, outcomes, wanted = world
    rng = random.Random(5)
    days = {row["declaration_id"]: DAY + rng.randrange(400) for row in items}
    later = [row | {"declared_day": days[row["declaration_id"]]} for row in items if row["declared_day"] >= DAY]
    later = [row for row in later if key_of(row) not in wanted]
    items = [row for row in items if row["declared_day"] < DAY or key_of(row) in wanted] + later
    late = [row for row in outcomes if row["known_day"] >= DAY]
    names = rng.sample([row["declaration_id"] for row in late], len(late))
    moved = [{"declaration_id": name, "known_day": DAY + rng.randrange(90)} for name in names]
    late = [row | change for row, change in zip(late, moved, strict=True)]
    assert _after(items, [row for row in outcomes if row["known_day"] < DAY] + late, wanted) == expected


def test_adding_what_came_that_day_and_later_changes_nothing(world: Any, expected: str) -> None:
    items, outcomes, wanted = world
    first = {key_of(row): row for row in items}
    own = [first[key] for key in wanted]
    again = {"declaration_version": 7, "net_mass_kg": 5.0, "exporter_id": "E1"}
    amended = [row | again for row in items if row["declared_day"] < DAY and row["declaration_version"] == 1]
    amended += [row | again | {"declared_day": DAY + 2} for row in own]
    copies = [row | {"declaration_id": f"N{n}"} for n, row in enumerate(own * 3)]
    added = [outcome(row["declaration_id"], DAY, True, additional_revenue_amount=5.0) for row in copies + own]
    assert _after(items + amended + copies, outcomes + added, wanted) == expected


def test_a_result_of_its_own_never_counts_whatever_date_it_bears(world: Any, expected: str) -> None:
    items, outcomes, wanted = world
    impossible = [outcome(name, DAY - 30, True, additional_revenue_amount=1e6) for name in ("D0", "D1", "D2")]
    assert _after(items, outcomes + impossible, wanted) == expected


def test_nothing_after_as_of_counts_for_items_of_later_days(world: Any) -> None:
    items, outcomes, wanted = world
    as_of = EVE - 100
    full = _after(items, outcomes, wanted, as_of)
    items = [row for row in items if row["declared_day"] <= as_of or key_of(row) in wanted]
    assert _after(items, [row for row in outcomes if row["known_day"] <= as_of], wanted, as_of) == full
    assert full != _after(items, [], wanted, as_of)


def test_a_result_counts_from_the_day_after_it_became_known() -> None:
    items = [item("past", 10), *(item(f"now{day}", day) for day in (12, 13))]
    found = computed(items, [outcome("past", 12, True)], [("now12", 1, 1), ("now13", 1, 1)], as_of_day=50)
    inspected = NAMES.index("code_inspected")
    assert [row[inspected] for row in found.values()] == [0, 1]


def test_an_amended_declaration_is_not_part_of_its_own_history() -> None:
    goods = {"importer_id": "I", "net_mass_kg": 12.5}
    items = [item("D", 10, **goods), item("D", 14, declaration_version=2, **goods)]
    [row] = computed(items, [outcome("D", 12, True)], [("D", 2, 1)], as_of_day=50).values()
    seen = dict(zip(NAMES, row, strict=True))
    assert (seen["code_mass_items"], seen["importer_items"], seen["importer_inspected"]) == (0, 0, 0)
    assert seen["all_hit_rate"] == pytest.approx(0.05)


def test_an_item_that_only_an_amendment_has_is_not_history() -> None:
    items = [item("D", 10), item("D", 10, declaration_version=2), item("D", 10, declaration_version=2, item_number=2)]
    [row] = computed([*items, item("E", 20)], [], [("E", 1, 1)], as_of_day=50).values()
    assert row[NAMES.index("code_items")] == 1
