"""What an inspector is not shown: one list, of names that a shown decision has."""

from __future__ import annotations

from dataclasses import fields

import pytest

from basira.explain.disclosure import WITHHELD, basis_for_inspectors, withhold
from basira.schema.records import ItemAssessment, Reason


def test_what_is_withheld_of_items_and_reasons_are_fields_that_they_have():
    assert WITHHELD["item"] <= {one.name for one in fields(ItemAssessment)}
    assert WITHHELD["reason"] <= {one.name for one in fields(Reason)}


@pytest.mark.parametrize("part", list(WITHHELD))
def test_everything_else_stays(part):
    shown = dict.fromkeys([*WITHHELD[part], "lane", "text"], 1)
    assert withhold(part, shown) == {"lane": 1, "text": 1}


@pytest.mark.parametrize("has_answer", [True, False])
def test_what_was_drawn_and_what_the_model_chose_say_the_same(has_answer):
    told = {basis_for_inspectors(basis, has_answer=has_answer) for basis in ("random", "model", "fallback")}
    assert told == {"control" if has_answer else "fallback"}
    assert basis_for_inspectors("mandatory", has_answer=has_answer) == "mandatory"
