"""Which lane an officer may give: the rules alone, without a record."""

from __future__ import annotations

from typing import Any

import pytest

from basira.selection.reselection import find_obstacle, lanes_to_give
from tests.support.selection_world import policy


def obstacle(lane: str, *, current: str = "red", may_lower: bool = True, **of_it: Any) -> str | None:
    controls = {name: of_it.pop(name) for name in ("mandatory", "random") if name in of_it}
    rules = policy(reselection={"may_lower": True, **of_it})
    return find_obstacle(lane, current=current, controls=controls, policy=rules, may_lower=lambda: may_lower)


@pytest.mark.parametrize("lane", ["orange", "red"])
def test_what_is_no_less_intensive_is_open_to_everybody(lane):
    assert obstacle(lane, current="orange", may_lower=False) is None


def test_a_policy_that_forbids_lowering_comes_before_the_role():
    rules = policy(reselection={"may_lower": False})
    assert find_obstacle("green", current="red", controls={}, policy=rules, may_lower=lambda: False) == "policy"


def test_who_may_not_lower_learns_of_no_control():
    assert obstacle("green", may_lower=False, random=["orange"]) == "role"


@pytest.mark.parametrize("control", ["mandatory", "random"])
def test_a_control_is_lowered_down_to_the_lane_that_it_was_given_and_no_further(control):
    assert obstacle("orange", **{control: ["orange"]}) is None
    assert obstacle("yellow", **{control: ["orange"]}) == control
    assert obstacle("yellow", **{control: ["yellow", "orange"]}) == control
    assert obstacle("yellow", **{control: ["orange"], f"may_lower_{control}": True}) is None


def test_a_lane_that_the_policy_no_longer_has_counts_as_the_most_intensive():
    assert obstacle("red", current="violet", may_lower=False) == "role"
    assert obstacle("red", current="violet", random=["violet"]) == "random"


def test_the_policy_may_name_the_lanes_to_give():
    assert lanes_to_give(policy()) == ("green", "blue", "yellow", "orange", "red")
    assert lanes_to_give(policy(reselection={"lanes": ["orange", "red"]})) == ("orange", "red")
