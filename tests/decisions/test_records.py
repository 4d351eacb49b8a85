"""What is recorded: its one written form, and that it reads back the same."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import date, datetime
from types import MappingProxyType
from typing import get_type_hints

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from basira.decisions import Decision, TargetingRun, canonical_json, decide, digest
from basira.decisions.recorded import ItemValues, ReasonValues, ReferenceValues, item_values
from basira.schema.errors import UsageError
from basira.schema.records import Candidate, ItemAssessment, Reason, Reference, Selection

NUMBER = st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8)
FIGURES = st.dictionaries(TEXT, st.one_of(NUMBER, st.integers(), TEXT, st.none()), max_size=3)
REASON = st.builds(Reason, code=TEXT, figures=FIGURES, features=st.tuples(TEXT), contribution=NUMBER)
REFERENCE = st.builds(
    Reference,
    measure=TEXT,
    unit=TEXT,
    declared=NUMBER,
    low=NUMBER,
    median=NUMBER,
    high=NUMBER,
    count=st.integers(0, 99),
    level=TEXT,
    commodity_code=TEXT,
    origin_country=st.one_of(st.none(), TEXT),
    window_days=st.integers(1, 400),
    comparables=st.tuples(TEXT, TEXT),
)
ITEM = st.builds(
    ItemAssessment,
    item_number=st.integers(1, 99),
    fraud_probability=NUMBER,
    revenue_if_fraud=NUMBER,
    expected_revenue=NUMBER,
    kind_probabilities=st.dictionaries(TEXT, NUMBER, max_size=2),
    reasons=st.tuples(REASON),
    verify=st.tuples(TEXT),
    references=st.tuples(REFERENCE),
)
OPTIONAL = st.one_of(st.none(), NUMBER)
DECISION = st.builds(
    Decision,
    event_id=st.just("run-1/D1/1"),
    run_id=TEXT,
    declaration_id=TEXT,
    declaration_version=st.integers(1, 99),
    office=TEXT,
    lane=TEXT,
    basis=st.sampled_from(["mandatory", "random", "model", "fallback", "exempt", "none"]),
    detail=TEXT,
    inclusion_probability=st.floats(0, 1),
    rank=st.one_of(st.none(), st.integers(1, 99)),
    fraud_probability=OPTIONAL,
    expected_revenue=OPTIONAL,
    items=st.lists(ITEM.map(item_values), max_size=2),
    inputs_digest=TEXT,
    sequence=st.just(0),
    previous_hash=st.just(""),
    entry_hash=st.just(""),
)
RUN = TargetingRun(
    run_id="run-1",
    created_at=datetime(2021, 1, 3, 20, 0, 0, 5),
    day=date(2021, 1, 4),
    as_of=datetime(2021, 1, 4),
    snapshot=3,
    model_version="m-1",
    policy_digest="d" * 64,
    policy_text="{}",
    seed=2**40,
    software_version="0.1.0",
    options={"language": "fr", "limit": None},
    inputs_digest="e" * 64,
    source_digest="",
    candidate_count=2,
)


@given(decision=DECISION)
def test_a_decision_reads_back_the_same_to_the_last_bit(decision):
    row = {**json.loads(json.dumps(decision.row())), "decision_id": decision.event_id}
    again = Decision.from_row(row)
    assert again == decision
    assert canonical_json(again) == canonical_json(decision)


@pytest.mark.parametrize(
    ("values", "record"), [(ItemValues, ItemAssessment), (ReasonValues, Reason), (ReferenceValues, Reference)]
)
def test_the_values_of_a_record_are_its_fields(values, record):
    assert list(get_type_hints(values)) == [one.name for one in fields(record)]


def test_a_run_reads_back_the_same():
    assert TargetingRun.from_row(RUN.row()) == RUN


def test_the_record_of_a_selection_takes_everything_from_it():
    selection = Selection("D1", 2, "A", "red", "model", 0.25, 3, rule_id="x")
    item = ItemAssessment(1, 0.5, 100.0, 50.0)
    candidate = Candidate("D1", 2, "A", 0.5, 50.0)
    record = decide("run-1", selection, candidate=candidate, items=[item], inputs_digest="f")
    assert record == Decision(
        event_id="run-1/D1/2",
        run_id="run-1",
        declaration_id="D1",
        declaration_version=2,
        office="A",
        lane="red",
        basis="model",
        detail="x",
        inclusion_probability=0.25,
        rank=3,
        fraud_probability=0.5,
        expected_revenue=50.0,
        items=[item_values(item)],
        inputs_digest="f",
    )
    assert record.assessments == (item,)


def test_canonical_json_does_not_depend_on_the_order_or_kind_of_the_container():
    plain = {"b": [1, 2.0], "a": date(2021, 1, 4), "c": ["x", "y"]}
    other = MappingProxyType({"c": {"y", "x"}, "a": date(2021, 1, 4), "b": (np.int64(1), np.float32(2))})
    assert canonical_json(plain) == canonical_json(other) == '{"a":"2021-01-04","b":[1,2.0],"c":["x","y"]}'


@given(number=NUMBER)
def test_canonical_json_keeps_every_bit_of_a_float(number):
    assert json.loads(canonical_json(number)).hex() == number.hex()


def test_a_digest_changes_with_the_last_bit():
    assert digest([0.1 + 0.2]) != digest([0.3])


@pytest.mark.parametrize("number", [float("nan"), float("inf"), np.float64("nan")])
def test_what_is_not_a_number_is_not_recorded(number):
    with pytest.raises(UsageError, match="finite numbers"):
        canonical_json({"x": number})


def test_what_has_no_written_form_is_rejected():
    with pytest.raises(UsageError, match="found a object"):
        canonical_json(object())
