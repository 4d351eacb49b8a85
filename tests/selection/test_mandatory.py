"""Mandatory lists: what falls under an entry, and when."""

from __future__ import annotations

from datetime import date

import pytest

from basira.schema.records import Candidate
from basira.selection.mandatory import MandatoryList
from tests.support.selection_world import MONDAY, listed, policy


def find(entries, *, day=MONDAY, **attributes):
    found = MandatoryList(policy(mandatory=entries), day).find(Candidate("D1", 1, "A", 0.1, 1.0, False, attributes))
    return None if found is None else found.id


@pytest.mark.parametrize(
    ("field", "listed_value", "value"),
    [
        ("commodity_code", "8517", "8517130000"),
        ("origin_country", "CN", "CN"),
        ("dispatch_country", "CN", "CN"),
        ("importer_id", "I1", "I1"),
        ("exporter_id", "E1", "E1"),
        ("declarant_id", "B1", "B1"),
        ("procedure", "010", "010"),
    ],
)
def test_each_condition_matches_its_field_and_nothing_else(field, listed_value, value):
    entries = [listed("red", **{field: ["zz" if field != "commodity_code" else "00", listed_value]})]
    assert find(entries, **{field: (value,)}) == "list-1"
    assert find(entries, **{field: ("99" + value,)}) is None
    assert find(entries) is None


def test_all_conditions_must_hold():
    entries = [listed("red", importer_id=["I1"], origin_country=["CN"])]
    assert find(entries, importer_id=("I1",), origin_country=("FR", "CN")) == "list-1"
    assert find(entries, importer_id=("I1",), origin_country=("FR",)) is None


def test_commodity_and_origin_must_meet_on_one_item():
    entries = [listed("red", commodity_code=["93"], origin_country=["XK"])]
    assert find(entries, commodity_code=("9301", "8517"), origin_country=("XK", "FR")) == "list-1"
    assert find(entries, commodity_code=("9301", "8517"), origin_country=("FR", "XK")) is None


def test_items_that_cannot_be_paired_err_towards_inspecting():
    entries = [listed("red", commodity_code=["93"], origin_country=["XK"])]
    assert find(entries, commodity_code=("9301", "8517"), origin_country=("XK",)) == "list-1"


@pytest.mark.parametrize(
    ("day", "holds"),
    [(date(2021, 1, 3), False), (date(2021, 1, 4), True), (date(2021, 1, 8), True), (date(2021, 1, 9), False)],
)
def test_an_entry_holds_from_its_first_to_its_last_day(day, holds):
    entry = {**listed("red", procedure=["010"]), "valid_from": date(2021, 1, 4), "valid_until": date(2021, 1, 8)}
    assert (find([entry], day=day, procedure=("010",)) is not None) == holds
