"""Which result labels which item, and how much it counts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from basira.engines.duckdb import open_duckdb
from basira.feedback.labels import label_items
from basira.schema.tables import ITEMS, OUTCOMES

EPOCH = datetime(1970, 1, 1)
AS_OF = 200


def item(declaration: str, number: int = 1, *, day: int = 100, version: int = 1, **fields: Any) -> dict[str, Any]:
    row = dict.fromkeys(ITEMS.names) | {"commodity_code": "851713", "source": "a", "source_row": 1}
    row |= {"declaration_id": declaration, "item_number": number, "declaration_version": version, "declared_day": day}
    return row | {"declared_at": EPOCH + timedelta(days=day), "received_at": EPOCH} | fields


def result(
    declaration: str, irregular: bool | None, *, known: int = 150, number: int | None = None, **fields: Any
) -> dict[str, Any]:
    row = dict.fromkeys(OUTCOMES.names) | {"source": "a", "source_row": 1, "received_at": EPOCH, "is_inspected": True}
    row |= {"declaration_id": declaration, "item_number": number, "is_irregular": irregular, "known_day": known}
    return row | {"known_at": EPOCH + timedelta(days=known)} | fields


def labels(items: list[dict[str, Any]], outcomes: list[dict[str, Any]]) -> dict[tuple[str, int], tuple[bool, float]]:
    with open_duckdb() as con:
        con.register("items", pa.Table.from_pylist(items, schema=ITEMS))
        con.register("outcomes", pa.Table.from_pylist(outcomes, schema=OUTCOMES))
        count = label_items(con, as_of_day=AS_OF)
        rows = con.fetch_rows("select declaration_id, item_number, is_irregular, weight from label")
    assert count == len(rows)
    return {(d, n): (bool(y), float(w)) for d, n, y, w in rows}


THREE = [item("D", 1), item("D", 2), item("D", 3)]


def test_an_irregular_declaration_counts_one_nth_on_each_of_its_items():
    assert labels(THREE, [result("D", True)]) == {("D", n): (True, pytest.approx(1 / 3)) for n in (1, 2, 3)}


def test_a_compliant_declaration_counts_whole_on_each_of_its_items():
    assert labels(THREE, [result("D", False)]) == {("D", n): (False, 1.0) for n in (1, 2, 3)}


def test_a_result_on_an_item_counts_whole_and_there_alone():
    assert labels(THREE, [result("D", True, number=2)]) == {("D", 2): (True, 1.0)}


def test_the_uninspected_has_no_label():
    assert labels([item("D"), item("E")], [result("E", False)]) == {("E", 1): (False, 1.0)}


def test_a_result_without_an_answer_is_no_label():
    assert labels([item("D")], [result("D", None, is_inspected=False)]) == {}


def test_the_latest_result_stands():
    found = labels([item("D")], [result("D", False, known=150), result("D", True, known=160)])
    assert found == {("D", 1): (True, 1.0)}


def test_a_later_result_counts_only_once_it_is_known():
    found = labels([item("D")], [result("D", False, known=150), result("D", True, known=AS_OF + 1)])
    assert found == {("D", 1): (False, 1.0)}


def test_a_result_known_on_the_day_itself_counts():
    assert labels([item("D")], [result("D", True, known=AS_OF)]) == {("D", 1): (True, 1.0)}


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_results_of_one_moment_the_one_that_names_the_item_stands(order):
    outcomes = [result("D", True), result("D", False, number=1)][::order]
    assert labels([item("D"), item("D", 2)], outcomes) == {("D", 1): (False, 1.0), ("D", 2): (True, 0.5)}


def test_a_label_goes_to_the_declaration_as_first_registered():
    items = [item("D", 1), item("D", 1, version=2, day=120)]
    with open_duckdb() as con:
        con.register("items", pa.Table.from_pylist(items, schema=ITEMS))
        con.register("outcomes", pa.Table.from_pylist([result("D", True)], schema=OUTCOMES))
        label_items(con, as_of_day=AS_OF)
        rows = con.fetch_rows("select declaration_version, declared_day from label")
    assert rows == [(1, 100)]


def test_an_item_that_only_an_amendment_has_teaches_nothing():
    # It may be what the inspection found: its figures and its result come from the same moment.
    items = [item("D", 1), item("D", 1, version=2, day=120), item("D", 2, version=2, day=120)]
    assert labels(items, [result("D", True)]) == {("D", 1): (True, 1.0)}


def test_a_declaration_of_a_later_day_is_not_learned_from():
    assert labels([item("D", day=AS_OF + 1)], [result("D", True, known=AS_OF)]) == {}
