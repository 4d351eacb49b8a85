"""The result form says what the officer said, and nothing more."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from basira.serving.message import Rejected, read_outcome
from basira.web.result_form import make_form, read_form, read_number, write_form

AT = datetime(2026, 11, 30, 9, 15)
SHARED = {"known_at": "2026-11-30T09:15:00", "inspection_lane": "red"}


def item(number: int, *kinds: str) -> dict[str, Any]:
    return {"item_number": number, "verify": [{"code": kind, "text": f"Verify {kind}"} for kind in kinds]}


FORM = make_form([item(1, "value", "origin"), item(2), item(3)])


def read(**fields: str) -> Any:
    return read_form(
        FORM, {name.replace("_", "-", 2): value for name, value in fields.items()}, lane="red", known_at=AT
    )


def test_each_suspicion_has_its_line_and_the_rest_is_named() -> None:
    assert [(part.number, [line.kind for line in part.lines]) for part in FORM.items] == [(1, ["value", "origin"])]
    assert FORM.items[0].others == ("classification", "quantity", "prohibited", "documents")
    assert FORM.rest == (2, 3)


def test_a_decision_without_reasons_still_asks_for_the_first_item() -> None:
    form = make_form([item(1), item(2)])
    assert [(part.number, part.lines) for part in form.items] == [(1, ())]
    assert form.rest == (2,)


def test_confirmed_refuted_and_unchecked_become_true_false_and_absent() -> None:
    done = read(line_1_value="confirmed", line_1_origin="unchecked", item_1="irregular", rest="uninspected")
    assert done.faults == {}
    assert done.results == (
        {"item_number": 1, **SHARED, "is_inspected": True, "is_irregular": True, "is_irregular_value": True},
        {"item_number": 2, **SHARED, "is_inspected": False},
        {"item_number": 3, **SHARED, "is_inspected": False},
    )


def test_a_refuted_suspicion_is_a_label_of_its_own() -> None:
    done = read(line_1_value="refuted", line_1_origin="unchecked", item_1="compliant", rest="compliant")
    assert done.results[0] == {
        "item_number": 1, **SHARED, "is_inspected": True, "is_irregular": False, "is_irregular_value": False,
    }  # fmt: skip
    assert done.results[1] == {"item_number": 2, **SHARED, "is_inspected": True, "is_irregular": False}


def test_an_item_that_was_not_inspected_needs_no_answer_in_its_lines() -> None:
    done = read(item_1="uninspected", rest="uninspected")
    assert [one["is_inspected"] for one in done.results] == [False, False, False]


@pytest.mark.parametrize(
    ("fields", "faults"),
    [
        (
            {},
            dict.fromkeys(("item-1", "rest", "line-1-value", "line-1-origin"), "fault.choose"),
        ),
        (
            {"item_1": "compliant", "rest": "compliant"},
            {"line-1-value": "fault.choose", "line-1-origin": "fault.choose"},
        ),
        (
            {"line_1_value": "confirmed", "line_1_origin": "refuted", "item_1": "compliant", "rest": "compliant"},
            {"item-1": "fault.compliant"},
        ),
        (
            {"line_1_value": "refuted", "line_1_origin": "refuted", "item_1": "irregular", "rest": "compliant"},
            {"item-1": "fault.which"},
        ),
        (
            {"line_1_value": "confirmed", "item_1": "uninspected", "rest": "uninspected"},
            {"item-1": "fault.uninspected"},
        ),
        (
            {"item_1": "something", "rest": "confirmed", "line_1_value": "refuted", "line_1_origin": "unchecked"},
            {"item-1": "fault.choose", "rest": "fault.choose"},
        ),
    ],
)
def test_what_was_not_stated_or_contradicts_itself_is_a_fault(fields: dict[str, str], faults: dict[str, str]) -> None:
    done = read(**fields)
    assert (done.faults, done.results) == (faults, ())


def test_another_irregularity_makes_a_result_irregular_without_a_confirmed_line() -> None:
    fields = {"line-1-value": "refuted", "line-1-origin": "refuted", "item-1": "irregular", "more-1-documents": "yes"}
    done = read_form(FORM, {**fields, "rest": "uninspected"}, lane="red", known_at=AT)
    assert done.results[0]["is_irregular_documents"] is True
    assert done.results[0]["is_irregular_value"] is False


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12500", "12500"),
        ("12 500,50", "12500.50"),
        ("12\u202f500,5", "12500.5"),
        ("12\u00a0500", "12500"),
        ("12500.50", "12500.50"),
        ("١٢٣٤٫٥", "1234.5"),
        ("12.500", None),
        ("12,500", None),
        ("1.234.567", None),
        ("-5", None),
        ("5e3", None),
        ("12 500 MAD", None),
        ("", None),
        ("1" * 16, None),
    ],
)
def test_a_number_is_read_in_one_way_or_not_at_all(text: str, number: str | None) -> None:
    assert read_number(text) == number


def test_a_number_that_can_be_read_in_two_ways_is_a_fault_at_its_field() -> None:
    fields = {"line-1-value": "confirmed", "line-1-origin": "refuted", "item-1": "irregular", "rest": "uninspected"}
    done = read_form(FORM, {**fields, "found-1-found_value_amount": "12.500"}, lane="red", known_at=AT)
    assert done.faults == {"found-1-found_value_amount": "fault.number"}


def test_every_stated_result_is_one_that_the_service_takes() -> None:
    fields = {
        "line-1-value": "confirmed", "line-1-origin": "refuted", "item-1": "irregular", "rest": "compliant",
        "found-1-found_value_amount": "12 500,50", "found-1-additional_revenue_amount": "900",
        "found-1-found_commodity_code": "8517.13", "found-1-found_origin_country": "CN",
    }  # fmt: skip
    for body in read_form(FORM, fields, lane="red", known_at=AT).results:
        row = read_outcome(body, "D1", received_at=AT)
        assert not isinstance(row, Rejected), row
    first = read_outcome(read_form(FORM, fields, lane="red", known_at=AT).results[0], "D1", received_at=AT)
    assert not isinstance(first, Rejected)
    assert (first["found_value_amount"], first["found_origin_country"]) == (12500.5, "CN")
    assert (first["is_irregular_value"], first["is_irregular_origin"]) == (True, False)
    assert "is_irregular_quantity" not in first


def test_a_recorded_result_fills_the_form_that_corrects_it() -> None:
    fields = {
        "line-1-value": "confirmed", "line-1-origin": "unchecked", "item-1": "irregular", "rest": "compliant",
        "more-1-documents": "yes", "found-1-found_value_amount": "12500.50",
    }  # fmt: skip
    earlier = read_form(FORM, {**fields, "line-1-value": "refuted"}, lane="red", known_at=AT).results
    results = [{**one, "found_value_amount": 12500.5} if "found_value_amount" in one else one for one in earlier]
    later = read_form(FORM, fields, lane="red", known_at=AT).results
    assert write_form(FORM, [*results, *later]) == fields
