"""Values that are compared and summed are of one currency: others are rejected, never relabelled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from basira.ingest.mapping.model import Mapping, parse_mapping
from basira.workflows.intake.ingest import IngestReport
from tests.support.ingest_world import HEADER, PLAIN_MAPPING, ROW

Take = Callable[..., IngestReport]
Query = Callable[[str], list[tuple[Any, ...]]]
WITH_CURRENCY = f"{HEADER},currency"
IN_MAD, IN_EUR = f"{ROW},MAD", f"{ROW.replace('D1', 'D2')},EUR"
FOUND = "SELECT source_row, field, code, value FROM quarantine ORDER BY 1"


@pytest.fixture
def priced() -> Mapping:
    return parse_mapping(f'{PLAIN_MAPPING}value_currency = "currency"\n', name="priced")


def in_won(name: str) -> Mapping:
    return parse_mapping(f'{PLAIN_MAPPING}\n[constants]\nvalue_currency = "KRW"\n', name=name)


def test_a_declaration_of_two_currencies_is_rejected_whole(take: Take, query: Query, priced: Mapping) -> None:
    second = "D1,2024-01-02,10,2,851713,CN,12.5,1000,EUR"
    third = "D3,2024-01-02,10,1,851713,CN,12.5,1000,MAD"
    report = take("a.csv", priced, IN_MAD, second, third, IN_MAD, header=WITH_CURRENCY)
    assert (report.accepted, report.already_known, report.quarantined) == (1, 0, 3)
    assert query(FOUND) == [
        (1, "value_currency", "currency_conflict", "EUR, MAD"),
        (2, "value_currency", "currency_conflict", "EUR, MAD"),
        (4, "value_currency", "currency_conflict", "EUR, MAD"),
    ]


def test_where_none_is_given_it_is_mad(take: Take, query: Query, priced: Mapping) -> None:
    second = "D1,2024-01-02,10,2,851713,CN,12.5,1000,"
    assert take("a.csv", priced, IN_MAD, second, header=WITH_CURRENCY).accepted == 2
    assert query(FOUND) == []


def test_another_currency_than_the_history_s_is_rejected(
    take: Take, query: Query, plain: Mapping, priced: Mapping
) -> None:
    assert take("a.csv", plain, ROW.replace("D1", "D9")).accepted == 1
    report = take("b.csv", priced, IN_MAD, IN_EUR, header=WITH_CURRENCY)
    assert (report.accepted, report.quarantined) == (1, 1)
    assert query(FOUND) == [(2, "value_currency", "other_currency", "EUR")]
    assert query("SELECT DISTINCT value_currency FROM items") == [("MAD",)]


def test_the_first_file_s_most_usual_currency_is_the_history_s(take: Take, query: Query, priced: Mapping) -> None:
    third = IN_EUR.replace("D2", "D3")
    take("a.csv", priced, IN_EUR, IN_MAD, third, header=WITH_CURRENCY)
    assert query(FOUND) == [(2, "value_currency", "other_currency", "MAD")]


def test_a_history_in_another_currency_is_as_good(take: Take, query: Query, plain: Mapping) -> None:
    assert take("a.csv", in_won("a"), ROW, ROW.replace("D1", "D2")).accepted == 2
    assert take("b.csv", in_won("b"), ROW.replace("D1", "D3")).accepted == 1
    # Without a word it is MAD, and MAD is not this history's.
    assert take("c.csv", plain, ROW.replace("D1", "D4")).quarantined == 1
    assert query(FOUND) == [(1, "value_currency", "other_currency", "MAD")]
