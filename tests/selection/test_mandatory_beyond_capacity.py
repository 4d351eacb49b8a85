"""A mandatory control is never released for want of a slot: it is inspected beyond capacity, and counted as such."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from basira.schema.detail import BEYOND_CAPACITY, LANE_KEPT, NO_STATE, detail_text
from basira.selection.batch.allocate import allocate
from basira.selection.batch.notices import SENTENCES, Notice
from basira.selection.online.decide import decide_online
from basira.selection.online.state import capacity_use
from basira.selection.policy.model import Wording
from tests.selection.online.test_decide import FALLBACKS, NINE, begin, days, run
from tests.support.selection_world import MONDAY, candidate, counts, listed, policy

NOTHING = [{"office": "*", "lanes": counts(0, 0, 0)}]
ARMS = {"commodity_code": "9301"}


def arms(lane: str = "red") -> dict[str, object]:
    return listed(lane, "arms", commodity_code=["93"])


@settings(max_examples=60, deadline=None)
@given(day=days(), seed=st.integers(0, 2**40))
def test_a_mandatory_control_is_inspected_online_and_in_a_batch_whatever_slots_there_are(day, seed):
    arrivals, rules, expected = day
    state, found = begin(rules, expected=expected), []
    for moment, one in arrivals:
        selection, state = decide_online(one, state, rules, moment=moment, seed=seed)
        found.append(selection)
    batch = allocate([one for _, one in arrivals], rules, day=MONDAY, seed=seed)
    wanted = rules.intensity[rules.mandatory[0].lane]
    for s in [*found, *batch.selections]:
        if s.basis == "mandatory":
            assert rules.lane(s.lane).inspects
            assert rules.intensity[s.lane] <= wanted
            assert s.inclusion_probability == 1
            assert s.rule_id == "list-1"
    assert sum(state.beyond.values()) == sum(s.is_beyond_capacity for s in found)
    # The model, the random control and the fallback's own lanes stay within: only what says so is beyond.
    for row in batch.capacity:
        beyond = sum(s.lane == row.lane and s.is_beyond_capacity for s in batch.selections)
        assert row.used <= row.capacity + beyond


@pytest.mark.parametrize("fallback", FALLBACKS)
@pytest.mark.parametrize("lane", ["yellow", "red"])
@pytest.mark.parametrize("revenue", [None, 9.0])
def test_without_a_slot_it_goes_where_the_fallback_goes_or_stays_in_its_own_lane(fallback, lane, revenue):
    rules = policy(capacity=NOTHING, mandatory=[arms(lane)], fallback=fallback)
    beyond = fallback.get("beyond_capacity", fallback["lane"])
    # Never more intensive than the list asks, and where the fallback lets go, in the lane of the list.
    expected = beyond if rules.lane(beyond).inspects and rules.intensity[beyond] < rules.intensity[lane] else lane
    one = candidate("D1", revenue, **ARMS)
    online, state = decide_online(one, begin(rules), rules, moment=NINE, seed=1)
    batch = allocate([one], rules, day=MONDAY, seed=1)
    for s in (online, batch.selections[0]):
        assert (s.lane, s.basis, s.inclusion_probability) == (expected, "mandatory", 1.0)
        assert detail_text(s) == f"arms {BEYOND_CAPACITY}"
    assert (state.beyond, state.used) == ({expected: 1}, {})
    assert [row.used for row in batch.capacity if row.lane == expected] == [1]


def test_slots_within_capacity_come_first_and_the_state_counts_the_rest_apart():
    rules = policy(mandatory=[arms()])
    found, state = run([candidate(f"D{i}", 1.0, **ARMS) for i in range(7)], rules)
    assert [s.lane for s in found] == ["red", "orange", "yellow", "yellow", "yellow", "yellow", "yellow"]
    assert [detail_text(s) for s in found] == ["arms", *["arms lane_full"] * 3] + [f"arms {BEYOND_CAPACITY}"] * 3
    assert state.beyond == {"yellow": 3}
    assert [(row.lane, row.used, row.capacity) for row in capacity_use(state, rules)] == [
        ("yellow", 5, 2),
        ("orange", 1, 1),
        ("red", 1, 1),
    ]


def test_beyond_capacity_the_random_control_keeps_its_slots_and_the_model_those_of_other_lanes():
    rules = policy(
        capacity=[{"office": "*", "lanes": counts(0, 3, 2)}],
        mandatory=[arms("yellow")],
        random_control={"share": 0.0, "minimum": 1, "lane": "orange"},
    )
    _, state = run([candidate(f"L{i}", 5.0, **ARMS) for i in range(20)], rules, hours=4)
    assert (state.beyond, state.used) == ({"yellow": 20}, {})
    moment = NINE + timedelta(hours=14, minutes=30)
    lanes = set()
    for i in range(60):
        s, state = decide_online(candidate(f"S{i}", 900.0), state, rules, moment=moment, seed=1)
        lanes.add((s.lane, s.basis))
    assert {lane for lane, basis in lanes if basis == "model"} == {"orange", "red"}
    assert (state.used, state.beyond) == ({"orange": 3, "red": 2}, {"yellow": 20})
    assert sum(one.drawn_count for one in state.control.values()) == 1


def test_a_batch_tells_how_many_are_beyond_capacity():
    rules = policy(capacity=NOTHING, mandatory=[arms()])
    allocation = allocate([candidate(f"D{i}", 9.0, **ARMS) for i in range(3)], rules, day=MONDAY, seed=1)
    assert allocation.warnings == (
        "Office A: 3 declaration(s) under mandatory control put in “yellow” beyond its capacity, for want of a place "
        "in “red” and below.",
    )
    assert allocation.notices[0].text("ar").startswith("المكتب A")
    assert allocation.notices[0].text("fr").startswith("Bureau A : 3 déclaration(s) à contrôle obligatoire")


@pytest.mark.parametrize("name", [BEYOND_CAPACITY, LANE_KEPT, NO_STATE])
def test_an_entry_can_not_have_a_name_that_says_something_else_of_a_selection(name):
    with pytest.raises(ValidationError, match=name):
        policy(mandatory=[listed("red", name, commodity_code=["93"])])


def test_a_notice_names_the_lanes_in_the_reader_s_language() -> None:
    lanes = {
        "wanted": Wording(fr="rouge", ar="أحمر", en="red"),
        "lane": Wording(fr="orange", ar="برتقالي", en="amber"),
    }
    notice = Notice("mandatory_over_capacity", {"office": "A", "count": 2, **lanes})
    assert "« orange » au lieu de « rouge »" in notice.text("fr")
    assert "«برتقالي» بدل «أحمر»" in notice.text("ar")
    assert "“amber” instead of “red”" in notice.text("en")


@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_no_notice_has_the_marks_of_a_typewriter(language: str) -> None:
    assert [code for code, texts in SENTENCES.items() if set("'`\"") & set(texts[language])] == []
