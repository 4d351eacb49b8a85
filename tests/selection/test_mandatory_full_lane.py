"""A mandatory control whose lane is full says so when it gets a less intensive one, online and in a batch."""

from __future__ import annotations

import pytest

from basira.selection.batch.allocate import allocate
from basira.selection.places import LANE_FULL, is_beyond_capacity, is_lane_full, mandatory_detail
from tests.selection.online.test_decide import run
from tests.selection.test_mandatory_beyond_capacity import ARMS, arms
from tests.support.selection_world import MONDAY, candidate, policy


def test_a_lane_that_was_full_stands_behind_the_entry_s_id_online_and_in_a_batch():
    rules = policy(mandatory=[arms()])
    found, _ = run([candidate(f"D{i}", 1.0, **ARMS) for i in range(5)], rules)
    batch = allocate([candidate(f"D{i}", 1.0, **ARMS) for i in range(5)], rules, day=MONDAY, seed=1)
    for selections in (found, sorted(batch.selections, key=lambda s: -rules.intensity[s.lane])):
        assert [(s.lane, s.detail) for s in selections] == [
            ("red", "arms"), ("orange", f"arms {LANE_FULL}"), ("yellow", f"arms {LANE_FULL}"),
            ("yellow", f"arms {LANE_FULL}"), ("yellow", "arms beyond_capacity"),
        ]  # fmt: skip
    assert rules.find_mandatory(f"arms {LANE_FULL}") == rules.mandatory[0]


@pytest.mark.parametrize("detail", ["", "lane_full", "not_lane_full", "arms", "arms beyond_capacity"])
def test_only_what_says_so_was_moved_down(detail):
    assert not is_lane_full(detail)


def test_beyond_capacity_says_more_than_a_full_lane():
    assert mandatory_detail("arms", is_beyond=True, is_full=True) == "arms beyond_capacity"
    assert is_lane_full("arms lane_full")
    assert not is_beyond_capacity("arms lane_full")
