"""An error about a body that can't be taken names the body, and the position in it."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from tests.support.api_world import Desk

Body = dict[str, Any]
JSON = {"Content-Type": "application/json"}
PATHS = ("declarations", "declarations/A/outcome", "declarations/A/cancellation", "session")


@pytest.mark.parametrize("code", ["406190000", 406190000])
def test_a_lost_zero_is_asked_for_in_the_message_not_in_a_mapping(desk: Desk, arrivals: list[Body], code: Any) -> None:
    answer = desk.post({**arrivals[0], "items": [{"commodity_code": code}]})
    (fault,) = answer.json()["errors"]
    assert (fault["item"], fault["field"], fault["code"]) == (1, "commodity_code", "lost_leading_zero")
    assert fault["expected"] == "an even number of digits, sent as a text with its leading zero"


def test_an_item_number_given_twice_is_named_with_both_its_items(desk: Desk, arrivals: list[Body]) -> None:
    items = [{"commodity_code": "850110", "item_number": number} for number in (7, 2, 7, 3, 2, 7)]
    answer = desk.post({**arrivals[0], "items": items})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {
            "item": place,
            "field": "item_number",
            "code": "duplicate_id",
            "expected": f"each item number once; {number} is that of item {first} in the list too",
        }
        for place, number, first in ((3, 7, 1), (5, 2, 2), (6, 7, 1))
    ]


def test_of_many_item_numbers_given_twice_some_are_named(desk: Desk, arrivals: list[Body]) -> None:
    items = [{"commodity_code": "850110", "item_number": 1}] * 900
    answer = desk.post({**arrivals[0], "items": items})
    assert len(answer.json()["errors"]) == 10


@pytest.mark.parametrize("path", PATHS)
def test_a_compressed_body_is_415(desk: Desk, path: str) -> None:
    packed = gzip.compress(b"{}")
    answer = desk.client.post(f"/api/v1/{path}", content=packed, headers={**JSON, "Content-Encoding": "gzip"})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert answer.json()["detail"] == "Expected a body without Content-Encoding, found 'gzip'."
    assert "uncompressed" in answer.json()["hint"]


def test_a_coding_that_is_none_changes_nothing(desk: Desk, arrivals: list[Body]) -> None:
    headers = {**JSON, "Content-Encoding": "identity"}
    answer = desk.client.post("/api/v1/declarations", content=json.dumps(arrivals[0]), headers=headers)
    assert answer.status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_a_body_in_latin_1_is_answered_with_what_was_expected(desk: Desk, path: str) -> None:
    text = '{"declaration_id": "A", "motive": "vérifié", "login": "é"}'.encode("latin-1")
    answer = desk.client.post(f"/api/v1/{path}", content=text, headers=JSON)
    assert answer.status_code == (422 if path == "declarations" else 400)
    assert answer.json()["detail"] == (
        "Expected body: JSON in UTF-8, to its end, of at most 64 levels; found invalid JSON."
        if path == "declarations"
        else "The request body is not valid JSON (UTF-8)."
    )
