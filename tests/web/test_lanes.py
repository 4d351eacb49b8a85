"""Lanes as pages show them."""

from __future__ import annotations

from datetime import date

import pytest

from basira.schema.shipped import shipped
from basira.selection.policy.load import load_policy
from basira.web.lanes import MOST_INTENSIVE, Lanes


@pytest.mark.parametrize(
    ("policy", "levels"),
    [
        ("example", {"green": 0, "blue": 0, "yellow": 1, "red": 3}),
        ("morocco", {"vert": 0, "orange": 1, "rouge_partiel": 2, "rouge_integral": 3}),
    ],
)
def test_a_check_of_papers_has_not_the_colour_of_a_visit(policy, levels):
    lanes = Lanes(load_policy(shipped("policies") / policy, date(2026, 3, 2)), "fr")
    assert {name: lanes.of(name).level for name in levels} == levels
    assert lanes.of("unknown").level == MOST_INTENSIVE
