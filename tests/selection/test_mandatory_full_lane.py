"""A mandatory control whose lane is full says so when it gets a less intensive one, online and in a batch."""

from __future__ import annotations

from basira.schema.detail import LANE_FULL, detail_text
from basira.selection.batch.allocate import allocate
from tests.selection.online.test_decide import run
from tests.selection.test_mandatory_beyond_capacity import ARMS, arms
from tests.support.selection_world import MONDAY, candidate, policy


def test_a_lane_that_was_full_stands_behind_the_entry_s_id_online_and_in_a_batch():
    rules = policy(mandatory=[arms()])
    found, _ = run([candidate(f"D{i}", 1.0, **ARMS) for i in range(5)], rules)
    batch = allocate([candidate(f"D{i}", 1.0, **ARMS) for i in range(5)], rules, day=MONDAY, seed=1)
    for selections in (found, sorted(batch.selections, key=lambda s: -rules.intensity[s.lane])):
        assert [(s.lane, detail_text(s)) for s in selections] == [
            ("red", "arms"),
            ("orange", f"arms {LANE_FULL}"),
            ("yellow", f"arms {LANE_FULL}"),
            ("yellow", f"arms {LANE_FULL}"),
            ("yellow", "arms beyond_capacity"),
        ]
        assert {s.rule_id for s in selections} == {"arms"}
        assert [s.is_lane_full for s in selections] == [False, True, True, True, False]
        assert [s.is_beyond_capacity for s in selections] == [False] * 4 + [True]
