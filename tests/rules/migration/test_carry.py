"""Criteria of another system: carried over whole, or left with the cause."""

from __future__ import annotations

import time
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from basira.rules import model
from basira.rules.faults import say_fault
from basira.rules.migration.carry import Migration, carry_over, say_note
from basira.rules.migration.criteria import read_table, read_text
from basira.rules.text import parse_condition
from basira.schema.errors import RuleError
from basira.workflows.rules.vocabulary import make_vocabulary

VOCABULARY = make_vocabulary()
TODAY = date(2026, 11, 30)
LANES = {"red": "rouge_integral", "yellow": "orange"}


def carry(criteria: str | bytes) -> Migration:
    read = read_table(criteria) if isinstance(criteria, bytes) else read_text(criteria)
    return carry_over(read, VOCABULARY, lanes=LANES, today=TODAY)


@pytest.mark.parametrize(
    ("criterion", "ours"),
    [
        ("HS = 8517* And Origin in (CN, HK)", "commodity_code starts with '8517' and origin_country in ('CN', 'HK')"),
        ("HS code = '8517.12.00.00'", "commodity_code = '8517120000'"),
        ("tariff starts with 61", "commodity_code starts with '61'"),
        ("Origin is not CN", "not (origin_country = 'CN')"),
        ("Gross weight between 100 and 500 And CPC = 4000", "gross_mass_kg between 100 and 500 and procedure = '4000'"),
        ("CIF value >= 50000.5", "customs_value_amount >= 50000.5"),
        ("Origin = CN Or Origin = HK And HS = 85*",
         "origin_country = 'CN' or (origin_country = 'HK' and commodity_code starts with '85')"),
        ("Container is empty", "container_id is missing"),
        ("Goods description = 'black and white TV'", "description contains 'black and white TV'"),
        ("Pays d'origine = CN", "origin_country = 'CN'"),
    ],
)  # fmt: skip
def test_a_criterion_becomes_the_rule_that_an_analyst_would_write(criterion: str, ours: str) -> None:
    found = carry(f"A1: If {criterion} Then Lane IS Red 50 %")
    assert [say_fault(one.fault, "en") for one in found.left] == []
    [one] = found.carried
    assert one.rule.condition == parse_condition(ours, VOCABULARY)
    assert (one.rule.rule_id, one.rule.effect.lane, one.rule.sample_share) == ("a1", "rouge_integral", 0.5)
    assert one.rule.starts_on == TODAY


@pytest.mark.parametrize(
    ("criterion", "reason"),
    [
        ("If Colour = red Then Lane IS Red 50 %", "unknown_field"),
        ("If HS = 8517 Then Lane IS Green 50 %", "migrated_lane"),
        ("If HS = 8517 Then Lane IS Red 150 %", "range"),
        ("If HS = 8517 Then Lane IS Red 0 %", "range"),
        ("If (HS = 8517 Or HS = 85) And Origin = CN Then Lane IS Red", "clause_form"),
        ("If HS like 85?7 Then Lane IS Red", "pattern"),
        ("If Origin = China Then Lane IS Red", "value_form"),
        ("If CIF > 50,000 Then Lane IS Red", "clause_form"),
        ("If CIF > much Then Lane IS Red", "number_form"),
        ("If Origin > CN Then Lane IS Red", "wrong_kind"),
        ("If Importer = 001234567000089 Then Lane IS Red", "personal_value"),
        ("If HS = 85* And HS = 61* Then Lane IS Red", ""),
        ("If Origin = CN And Origin = HK Then Lane IS Red", "never_true"),
        ("Red when HS = 8517", "criterion_form"),
        ("If Origin Then Lane IS Red", "clause_form"),
        ("If fraud_probability > 0.5 Then Lane IS Red", "unknown_field"),
    ],
)
def test_what_cannot_be_carried_over_is_left_with_its_cause(criterion: str, reason: str) -> None:
    found = carry(criterion)
    assert [one.fault.reason for one in found.left] == ([reason] if reason else [])
    assert len(found.carried) == (0 if reason else 1)
    for one in found.left:
        assert all(say_fault(one.fault, language, strict=True) for language in ("fr", "en", "ar"))


def test_what_was_understood_is_noted_in_three_languages() -> None:
    [one] = carry("If HS = 8517 And Description = phone Then Lane IS Yellow").carried
    assert [note.code for note in one.notes] == ["prefix", "contains", "ends", "all_hits"]
    for language in ("fr", "en", "ar"):
        assert all(note.value in say_note(note, language, strict=True) for note in one.notes)
    assert one.rule.sample_share == 1.0


def test_a_table_has_a_column_for_each_field() -> None:
    table = (
        "id;HS code;Origin;Gross weight;lane;percent;valid_from;valid_to\n"
        "C1;8517*,8518*;CN;> 100;Red;30 %;2025-01-01;2027-03-31\n"
        "C2;;TR;100 .. 500;Yellow;;;\n"
        "C3;85*;;;Red;;2020-01-01;2021-01-01\n"
        "C2;85*;;;Red;;;\n"
        ";;;;Red;;;\n"
        "C6;85*;;;Red;;;;x\n"
    )
    found = carry(table.encode())
    first, second = (one.rule for one in found.carried)
    assert first.condition == parse_condition(
        "commodity_code starts with ('8517', '8518') and origin_country = 'CN' and gross_mass_kg > 100", VOCABULARY
    )
    assert (first.starts_on, first.expires_on, first.sample_share) == (TODAY, date(2027, 3, 31), 0.3)
    assert isinstance(second.condition, model.AnyItem)
    assert [(one.line, one.fault.reason) for one in found.left] == [
        (4, "expired"), (5, "criterion_twice"), (6, "empty"), (7, "misplaced"),
    ]  # fmt: skip


@pytest.mark.parametrize("table", [b"", b"id;HS\nA;85*\n", b"lane;circuit\nRed;Red\n", "é".encode("latin-1")])
def test_what_is_no_table_of_criteria_is_refused(table: bytes) -> None:
    with pytest.raises(RuleError):
        carry(table)


def test_every_criterion_is_in_one_of_the_two() -> None:
    text = "# theirs\n\nA: If HS = 85* Then Lane IS Red\nnonsense\nB: If Origin = CN Then Lane IS Red 10%\n"
    found = carry(text)
    assert [one.line for one in found.carried] == [3, 5]
    assert [one.line for one in found.left] == [4]


words = st.sampled_from(
    ["If", "Then", "Lane", "IS", "Red", "HS", "=", "8517*", "And", "Or", "(", ")", "'", '"', ",", "50", "%", "between",
     "Origin", "CN", "in", "not", "is", " ", "\t", ":", "..", ">", "\x01", "شركة", "1" * 40]
)  # fmt: skip


@settings(max_examples=300, deadline=None, derandomize=True)
@given(pieces=st.lists(words, max_size=25), glue=st.sampled_from(["", " "]))
def test_no_text_fails_otherwise_than_with_a_cause(pieces: list[str], glue: str) -> None:
    found = carry(glue.join(pieces))
    assert len(found.carried) + len(found.left) <= 1


@pytest.mark.parametrize(
    "hostile", ["If " + " " * 3900, "If a" + " then" * 700, "If " + "(" * 3900, "if x then lane is" + " a" * 1900]
)
def test_a_hostile_line_takes_no_time(hostile: str) -> None:
    begun = time.process_time()
    assert carry(hostile).carried == ()
    assert time.process_time() - begun < 5
