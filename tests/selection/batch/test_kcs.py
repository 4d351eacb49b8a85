"""Selection on real declarations: two weeks of the KCS validation quarter, under both shipped policies."""

from __future__ import annotations

import csv
from datetime import date

import pytest

from basira.schema.records import Candidate
from basira.schema.shipped import shipped
from basira.selection import load_policy
from basira.selection.batch.allocate import allocate
from tests.support.tree import KCS

FILE = KCS / "valid.csv"


@pytest.fixture(scope="module")
def days() -> dict[date, list[Candidate]]:
    """Candidates by day, the tax at stake standing for an expected revenue."""
    if not FILE.is_file():
        pytest.skip("shared/datasets/kcs absent")
    found: dict[date, list[Candidate]] = {}
    with FILE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            day = date.fromisoformat(row["Date"])
            tax = float(row["Item Price"]) * float(row["Tax Rate"]) / 100
            attributes = {"commodity_code": (row["HS6 Code"].zfill(6),), "origin_country": (row["Country of Origin"],)}
            found.setdefault(day, []).append(
                Candidate(row["Declaration ID"], 1, row["Office ID"], min(1.0, tax / 1e6), tax, False, attributes)
            )
    return {day: found[day] for day in sorted(found)[:14]}


@pytest.mark.parametrize("name", ["morocco", "example"])
def test_every_real_declaration_gets_a_lane_within_capacity(days, name):
    drawn = expected = 0.0
    for day, candidates in days.items():
        rules = load_policy(shipped("policies") / name, day)
        allocation = allocate(candidates, rules, day=day, seed=1)
        assert len(allocation.selections) == len(candidates)
        assert all(use.used <= use.capacity for use in allocation.capacity)
        assert sum(use.used for use in allocation.capacity) == sum(
            rules.lane(s.lane).inspects for s in allocation.selections
        )
        drawn += sum(s.basis == "random" for s in allocation.selections)
        expected += rules.random_control.share * len(candidates)
    assert 0 < drawn < 3 * expected
