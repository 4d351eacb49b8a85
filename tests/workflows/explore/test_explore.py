"""The past of a few items, counted by hand: newest versions, results known by a day, a market without its operator."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import pyarrow as pa
import pytest

from basira.schema.days import day_of
from basira.schema.tables import ITEMS, OUTCOMES
from basira.storage.history.store import History
from basira.workflows.engine import EngineBounds
from basira.workflows.explore.facts import Days, Results
from basira.workflows.explore.goods import describe_goods
from basira.workflows.explore.operator import FEWEST_COMPARABLES, OperatorFacts, describe_operator
from basira.workflows.explore.search import FoundItem, ItemSearch, PageAsked, search_items

BOUNDS = EngineBounds(memory="256MB", threads=1, seconds=60)
DAYS = Days(date(2026, 1, 1), date(2026, 3, 31), date(2026, 6, 30))
JANUARY, FEBRUARY, MARCH = date(2026, 1, 10), date(2026, 2, 10), date(2026, 3, 10)


def item(name: str, on: date, **values: Any) -> dict[str, Any]:
    """An item of 100 kg, worth 1,000 MAD, of importer A."""
    return {
        "declaration_id": name,
        "declaration_version": 1,
        "item_number": 1,
        "declared_at": datetime.combine(on, time(9)),
        "declared_day": day_of(on),
        "office": "TNG",
        "importer_id": "A",
        "declarant_id": "D1",
        "exporter_id": "X1",
        "commodity_code": "8517130000",
        "origin_country": "CN",
        "description": "Téléphones portables",
        "customs_value_amount": 1000.0,
        "value_currency": "MAD",
        "total_tax_amount": 200.0,
        "net_mass_kg": 100.0,
        **values,
    }


def result(name: str, known_on: date, *, is_irregular: bool | None, **values: Any) -> dict[str, Any]:
    return {
        "declaration_id": name,
        "known_at": datetime.combine(known_on, time(12)),
        "known_day": day_of(known_on),
        "is_irregular": is_irregular,
        **values,
    }


# What others pay per kg for the same code and origin: 10 to 30.
MARKET = [
    item(f"M{n}", MARCH, importer_id=f"B{n}", customs_value_amount=100.0 * (10 + n))
    for n in range(FEWEST_COMPARABLES + 2)
]
ITEMS_OF_A = [
    item("D1", JANUARY),
    item("D1", JANUARY, item_number=2, commodity_code="0805100000", origin_country="ES", description="Oranges"),
    item("D2", MARCH, exporter_id="X2", customs_value_amount=3000.0),
    item("D3", MARCH, customs_value_amount=500.0, value_currency="EUR"),
    # Corrected: the second version has another value, and belongs to the same declaration.
    item("D4", MARCH, customs_value_amount=9999.0),
    item("D4", MARCH, declaration_version=2, customs_value_amount=2000.0),
    # Corrected away: it is B1's now.
    item("D5", MARCH, customs_value_amount=7777.0),
    item("D5", MARCH, declaration_version=2, importer_id="B1", customs_value_amount=1200.0),
    item("OLD", date(2025, 6, 1), exporter_id="X9"),
]
OUTCOMES_OF_A = [
    result("D1", FEBRUARY, is_irregular=False, item_number=1),
    # Later than the first of the same item; and one that came after the days that may be known.
    result("D1", MARCH, is_irregular=True, item_number=1, additional_revenue_amount=70.0),
    result("D1", date(2026, 7, 1), is_irregular=False, item_number=1),
    result("D2", MARCH, is_irregular=False),
    # Not inspected, and no answer: neither is a result.
    result("D3", MARCH, is_irregular=True, is_inspected=False),
    result("D4", MARCH, is_irregular=None),
]


def table(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.RecordBatch:
    whole = [
        {"source": "s", "source_row": number, "received_at": datetime(2026, 1, 1), **row}
        for number, row in enumerate(rows, start=1)
    ]
    columns = {field.name: [row.get(field.name) for row in whole] for field in schema}
    return pa.RecordBatch.from_pydict(columns, schema=schema)


def store_of(folder: Path, items: list[dict[str, Any]], outcomes: list[dict[str, Any]]) -> History:
    history = History.create(folder / "store")
    with history.writing() as draft:
        for name, rows, schema in (("items", items, ITEMS), ("outcomes", outcomes, OUTCOMES)):
            if rows:
                writer = draft.writer(name, schema, tag="a")  # type: ignore[arg-type]
                writer.write(table(rows, schema))
                draft.add(name, writer.close())  # type: ignore[arg-type]
        draft.commit([])
    return history


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield store_of(tmp_path_factory.mktemp("explore"), [*ITEMS_OF_A, *MARKET], OUTCOMES_OF_A)


@pytest.fixture(scope="module")
def facts(history: History) -> OperatorFacts:
    return describe_operator(history, "importer_id", "A", DAYS, bounds=BOUNDS)


def test_declarations_count_as_they_stand_now(facts: OperatorFacts) -> None:
    totals = facts.totals
    assert (totals.declarations, totals.items) == (4, 5)
    # Of D1 twice 1,000, D2 3,000, D4 in its second version; D3 is in another currency; D5 is not A's any more.
    assert (totals.value, totals.currency, totals.other_currency) == (7000.0, "MAD", 1)
    assert (totals.first, totals.last) == (JANUARY, MARCH)
    assert facts.history_until == MARCH


def test_the_last_result_known_by_the_day_counts_and_no_other(facts: OperatorFacts, history: History) -> None:
    assert facts.results == Results(2, 1, 70.0)
    before = Days(DAYS.first, DAYS.last, FEBRUARY)
    assert describe_operator(history, "importer_id", "A", before, bounds=BOUNDS).results == Results(1, 0, 0.0)
    after = Days(DAYS.first, DAYS.last, date(2026, 7, 1))
    assert describe_operator(history, "importer_id", "A", after, bounds=BOUNDS).results == Results(2, 0, 0.0)


def test_the_market_is_that_of_all_others(facts: OperatorFacts) -> None:
    phones, oranges = facts.prices
    assert (phones.code, phones.origin, phones.level) == ("8517130000", "CN", "origin")
    others = [10.0 + n for n in range(FEWEST_COMPARABLES + 2)] + [12.0]  # and B1's corrected one
    assert phones.others == len(others)
    low, middle, high = quantiles(others, n=4, method="inclusive")
    assert [phones.low, phones.median, phones.high] == pytest.approx([low, middle, high])
    assert phones.own == median([10.0, 30.0, 20.0])
    assert phones.ratio == pytest.approx(20.0 / middle)
    assert (oranges.code, oranges.level, oranges.low, oranges.ratio) == ("0805100000", None, None, None)


def test_months_have_gaps_partners_and_prices(facts: OperatorFacts) -> None:
    january, february, march = facts.months
    assert [one.name for one in facts.months] == ["2026-01", "2026-02", "2026-03"]
    assert (january.declarations, february.declarations, march.declarations) == (1, 0, 3)
    assert (january.new_partners, february.new_partners, march.new_partners) == (2, 0, 1)  # D1 and X1, then X2
    assert february.price_ratio is None
    assert january.price_ratio == pytest.approx(10.0 / facts.prices[0].median)  # type: ignore[operator]
    assert january.results == Results(1, 1, 70.0)
    assert facts.partner_counts == {"declarant_id": 1, "exporter_id": 2}
    assert [(one.part, one.name, one.declarations, one.value) for one in facts.partners] == [
        ("declarant_id", "D1", 4, 7000.0),
        ("exporter_id", "X1", 3, 4000.0),
        ("exporter_id", "X2", 1, 3000.0),
    ]


def test_an_operator_without_a_declaration_and_an_empty_store_are_empty(history: History, tmp_path: Path) -> None:
    found = describe_operator(history, "exporter_id", "A", DAYS, bounds=BOUNDS)
    assert (found.totals.items, found.months, found.prices, found.partners) == (0, [], [], [])
    empty = describe_operator(History.create(tmp_path / "empty"), "importer_id", "A", DAYS, bounds=BOUNDS)
    assert (empty.totals.items, empty.history_until) == (0, None)


def test_goods_count_results_that_say_of_which_item_they_are(history: History, tmp_path: Path) -> None:
    found = describe_goods(history, "8517", "", DAYS, bounds=BOUNDS)
    assert found.totals.items == len(MARKET) + 5
    # D1's own, and D2's, whose only item it is.
    assert (found.results, found.unclear) == (Results(2, 1, 70.0), 0)
    assert (found.by, [one.name for one in found.parts]) == ("origin_country", ["CN"])
    assert sum(one.items for one in found.bins) + found.outside == found.unit_values.items == len(MARKET) + 4
    assert [one.items for one in found.months] == [1, 0, len(MARKET) + 4]
    unclear = store_of(tmp_path, ITEMS_OF_A, [result("D1", MARCH, is_irregular=True, additional_revenue_amount=9.0)])
    whole = describe_goods(unclear, "", "ES", DAYS, bounds=BOUNDS)
    assert (whole.results, whole.unclear, whole.by) == (Results(0, 0, 0.0), 1, "commodity_code")


def test_goods_of_one_value_and_of_none(history: History) -> None:
    oranges = describe_goods(history, "0805", "ES", DAYS, bounds=BOUNDS)
    assert [(one.low, one.high, one.items) for one in oranges.bins] == [(10.0, 10.0, 1)]
    nothing = describe_goods(history, "99", "", DAYS, bounds=BOUNDS)
    assert (nothing.totals.items, nothing.bins, nothing.parts, nothing.part_count) == (0, [], [], 0)
    assert nothing.unit_values.median is None


def found(history: History, days: Days = DAYS, limit: int = 100, **wanted: Any) -> list[FoundItem]:
    return search_items(history, ItemSearch(**wanted), days, PageAsked(limit), bounds=BOUNDS).items


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"operator": "A"}, {("D1", 1), ("D1", 2), ("D2", 1), ("D3", 1), ("D4", 1)}),
        ({"operator": "X2"}, {("D2", 1)}),
        ({"words": ("oran",)}, {("D1", 2)}),
        ({"words": ("TELEPHONES", "portable"), "operator": "A"}, {("D1", 1), ("D2", 1), ("D3", 1), ("D4", 1)}),
        ({"words": ("telephones", "oranges")}, set()),
        ({"words": ("%",)}, set()),
        ({"code": "0805"}, {("D1", 2)}),
        ({"origin": "ES"}, {("D1", 2)}),
        ({"prefix": "D4"}, {("D4", 1)}),
        ({"prefix": "D4' or '1'='1"}, set()),
        ({"office": "CAS"}, set()),
    ],
)
def test_items_are_found_by_what_they_say(history: History, wanted: Any, expected: Any) -> None:
    assert {(one.declaration_id, one.item_number) for one in found(history, **wanted)} == expected


def test_a_corrected_declaration_is_found_as_it_stands(history: History) -> None:
    assert [one.value for one in found(history, prefix="D4")] == [2000.0]
    assert [one.importer_id for one in found(history, prefix="D5")] == ["B1"]


def test_pages_follow_without_a_gap_and_days_bound_them(history: History) -> None:
    whole = found(history)
    assert len(whole) == len(MARKET) + 6
    assert [one.declared_on for one in whole] == sorted((one.declared_on for one in whole), reverse=True)
    pages, after = [], None
    while page := search_items(history, ItemSearch(), DAYS, PageAsked(2, after), bounds=BOUNDS).items:
        pages += page
        after = page[-1].place
    assert pages == whole
    first_days = Days(DAYS.first, FEBRUARY, DAYS.known_until)
    assert {one.declaration_id for one in found(history, first_days)} == {"D1"}
