"""One hash over a day's decisions."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest

from basira.decisions.day_hash import hash_of_day
from basira.decisions.records import decide
from basira.schema.records import Candidate, Selection

ONE = decide(
    "run-1",
    Selection("D1", 1, "A", "red", "model", 0.5, 1),
    candidate=Candidate("D1", 1, "A", 0.3, 30.0),
    items=(),
    inputs_digest="a",
)
TWO = replace(ONE, declaration_id="D2", lane="green", basis="none", inclusion_probability=0, rank=None)


def test_it_is_written_as_documented():
    lines = b'["D1",1,"A","red","model",0.5,1]\n["D2",1,"A","green","none",0.0,null]\n'
    assert hash_of_day([TWO, ONE]) == hash_of_day([ONE, TWO]) == sha256(lines).hexdigest()


def test_run_scores_and_inputs_do_not_count():
    again = replace(ONE, run_id="run-2", event_id="x", fraud_probability=0.9, inputs_digest="b", detail="d")
    assert hash_of_day([again]) == hash_of_day([ONE])


@pytest.mark.parametrize(
    "change",
    [
        {"declaration_id": "D3"},
        {"declaration_version": 2},
        {"office": "B"},
        {"lane": "orange"},
        {"basis": "random"},
        {"inclusion_probability": 0.5 + 2**-53},
        {"rank": 2},
    ],
    ids=lambda change: next(iter(change)),
)
def test_each_part_of_a_decision_counts(change):
    assert hash_of_day([replace(ONE, **change), TWO]) != hash_of_day([ONE, TWO])


def test_a_decision_more_is_another_day():
    assert hash_of_day([ONE]) != hash_of_day([ONE, TWO])
