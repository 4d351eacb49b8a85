"""Pacing: what is expected of the rest of the day, the soft threshold, and the sketch of the scores."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from basira.schema.errors import UsageError
from basira.selection.online.forecast import DayPlan, expected_rest, plan_day, share_still_to_come
from basira.selection.online.outlook import Arrivals, look_out
from basira.selection.online.tally import Sketch, Tally, bin_of, weigh
from basira.selection.online.threshold import Rank, lane_chances
from tests.support.selection_world import MONDAY, counts, policy


def day_of(total: int, *, hours: range = range(8, 18)) -> Tally:
    return Tally(by_hour=tuple(total / len(hours) if hour in hours else 0.0 for hour in range(24)))


def plan(expected: float, past: list[tuple[date, Tally]] | None = None) -> DayPlan:
    return plan_day("A", policy(), day=MONDAY, past=past or [], expected_count=expected)


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(MONDAY.year, MONDAY.month, MONDAY.day, hour, minute)


# -- forecast -----------------------------------------------------------------------------------------


def test_the_forecast_is_that_of_the_same_weekday():
    past = [(MONDAY - timedelta(days=n), day_of(300 if n % 7 == 0 else 100)) for n in range(1, 29)]
    assert plan_day("A", policy(), day=MONDAY, past=past).expected_count == pytest.approx(300, rel=0.25)
    assert plan_day("A", policy(), day=MONDAY + timedelta(days=1), past=past).expected_count < 130


def test_a_new_office_gets_the_policys_number():
    rules = policy(online={"new_office_count": 40})
    assert plan_day("A", rules, day=MONDAY, past=[]).expected_count == 40


def test_the_profile_adds_up_and_leaves_no_hour_impossible():
    made = plan_day("A", policy(), day=MONDAY, past=[(MONDAY - timedelta(days=7), day_of(50))])
    assert sum(made.profile) == pytest.approx(1)
    assert min(made.profile) > 0


def test_recent_days_weigh_no_more_than_the_policy_says():
    past = [(MONDAY - timedelta(days=n), day_of(1000)) for n in (1, 2, 3)]
    assert plan_day("A", policy(online={"history_weight": 70}), day=MONDAY, past=past).recent.count == pytest.approx(70)
    assert plan_day("A", policy(), day=MONDAY, past=[(MONDAY - timedelta(days=5), day_of(20))]).recent.count == (
        pytest.approx(10)
    )


def test_a_past_day_that_is_not_past_is_rejected():
    with pytest.raises(UsageError, match="past days before"):
        plan_day("A", policy(), day=MONDAY, past=[(MONDAY, day_of(10))])


@pytest.mark.parametrize("wrong", [0.0, -3.0, float("inf"), float("nan")])
def test_an_impossible_forecast_is_rejected(wrong):
    with pytest.raises(UsageError, match="above 0"):
        plan(wrong)


@pytest.mark.parametrize("factor", [1 / 3, 1.0, 3.0])
def test_a_forecast_wrong_by_a_factor_of_three_is_corrected_by_the_afternoon(factor):
    made = plan(300 * factor, [(MONDAY - timedelta(days=7), day_of(300))])
    moment = at(15)  # 7 of 10 hours: 210 of a real 300 have come
    true_rest = 300 * share_still_to_come(made, moment)
    found = expected_rest(made, moment=moment, arrived=210, forecast_weight=10).mean
    assert 0.7 < found / true_rest < 1.4


@given(
    minutes=st.lists(st.integers(0, 1439), min_size=2, max_size=2).map(sorted),
    expected=st.floats(1, 1e4),
    arrived=st.integers(0, 10_000),
)
def test_the_rest_never_grows_while_nothing_comes(minutes, expected, arrived):
    made = plan(expected)
    first, second = (
        expected_rest(made, moment=at(*divmod(minute, 60)), arrived=arrived, forecast_weight=10) for minute in minutes
    )
    assert 0 <= second.mean <= first.mean + 1e-6
    assert first.cautious >= first.mean


def test_nothing_is_left_at_the_end_of_the_day():
    rest = expected_rest(plan(1000), moment=datetime(2021, 1, 4, 23, 59, 59), arrived=1000, forecast_weight=10)
    assert rest.cautious < 0.5


# -- sketch -------------------------------------------------------------------------------------------


@given(values=st.lists(st.floats(0, 1e15), max_size=40), probe=st.floats(0, 1e15))
def test_the_sketch_counts_what_is_in_higher_bins(values, probe):
    sketch = Sketch()
    for value in values:
        sketch = sketch.add(bin_of(value))
    expected = sum(bin_of(value) > bin_of(probe) for value in values)
    assert sketch.above(bin_of(probe)) == sketch.above_of_many(bin_of(probe)) == expected


@given(value=st.floats(1e-12, 1e15))
def test_a_bin_is_five_per_cent_wide(value):
    assert bin_of(value) <= bin_of(value * 1.049) <= bin_of(value) + 1


@given(value=st.floats(0, 1e15), larger=st.floats(0, 1e15))
def test_bins_keep_the_order(value, larger):
    assert bin_of(min(value, larger)) <= bin_of(max(value, larger))


def test_tallies_are_weighted_and_added():
    one = Tally().add("eligible", hour=8, number=5, score=(10.0, 0.5))
    two = Tally().add("by_right", hour=9, lane=4).add("unscored", hour=9).add("lane_limited", hour=9, number=5)
    both = weigh([one, two], [2.0, 0.5])
    assert (both.by_hour[8], both.by_hour[9], both.count) == (2.0, 1.5, 3.5)
    assert (both.mandatory, both.unscored_count) == ({4: 0.5}, 0.5)
    assert (both.expected_revenue_amount, both.fraud_probability, both.scored_count) == (20.0, 1.0, 2.0)
    assert (both.open_scores.bins, both.capped_scores.bins) == ({5: 2.0}, {5: 0.5})


# -- threshold ----------------------------------------------------------------------------------------

FREE = st.lists(st.floats(0.1, 20), min_size=3, max_size=3).map(lambda free: [0.0, *free])


def rank(low: float, high: float | None = None) -> Rank:
    return Rank(low, low if high is None else high, 0.0, 0.0)


@given(free=FREE, low=st.floats(0, 60), width=st.floats(0, 60), capped=st.floats(0, 30), band=st.floats(0.05, 1))
def test_chances_are_chances(free, low, width, capped, band):
    for is_capped in (False, True):
        found = lane_chances(
            Rank(low, low + width, capped, capped + width), free, heaviest_capped=2, is_capped=is_capped, band=band
        )
        assert all(chance >= 0 for chance in found)
        assert sum(found) <= 1 + 1e-9
        assert not (is_capped and found[3])


@given(free=FREE, low=st.floats(0, 60), further=st.floats(0, 30), band=st.floats(0.05, 1))
def test_a_better_rank_never_has_a_smaller_chance(free, low, further, band):
    better, worse = (
        sum(lane_chances(rank(r), free, heaviest_capped=3, is_capped=False, band=band)) for r in (low, low + further)
    )
    assert better >= worse - 1e-9


@settings(max_examples=30)
@given(free=FREE, band=st.floats(0.05, 1), bins=st.integers(1, 200))
def test_as_many_slots_are_given_out_as_there_are(free, band, bins):
    # Over all the ranks of declarations still to come (three times the slots), in bins of any width.
    total = 3 * sum(free)
    width = total / bins
    expected = [
        lane_chances(rank(i * width, (i + 1) * width), free, heaviest_capped=3, is_capped=False, band=band)
        for i in range(bins)
    ]
    assert [width * sum(chances[lane] for chances in expected) for lane in range(4)] == pytest.approx(free, rel=1e-6)


def test_the_boundary_is_soft():
    found = [
        sum(lane_chances(rank(r), [0.0, 100.0], heaviest_capped=1, is_capped=False, band=0.25))
        for r in (74, 87.5, 100, 112.5, 126)
    ]
    assert found == pytest.approx([1, 0.75, 0.5, 0.25, 0])


def test_equal_scores_share_the_slots():
    found = lane_chances(rank(0, 80), [0.0, 20.0], heaviest_capped=1, is_capped=False, band=0.25)
    assert found == pytest.approx([0, 0.25])


def test_the_best_get_the_most_intensive_lane():
    free = [0.0, 10.0, 10.0, 10.0]
    lanes = [lane_chances(rank(r), free, heaviest_capped=3, is_capped=False, band=0.1).index(1.0) for r in (1, 15, 25)]
    assert lanes == [3, 2, 1]


def test_a_capped_one_competes_for_the_light_slots_alone():
    found = lane_chances(Rank(30, 30, 2, 2), [0.0, 10.0, 25.0], heaviest_capped=1, is_capped=True, band=0.1)
    assert found == [0, 1.0, 0]  # 25 of the 30 above it find heavy slots: 5 + 2 compete for 10
    found = lane_chances(Rank(40, 40, 2, 2), [0.0, 10.0, 25.0], heaviest_capped=1, is_capped=True, band=0.1)
    assert found == [0, 0, 0]


# -- outlook ------------------------------------------------------------------------------------------


def outlook(rules, *, today: Tally, rest: float, used=None, advance: float = 0.0, unscored: float = 0.0):
    return look_out(
        rules,
        office="A",
        day=MONDAY,
        used=used or {},
        beyond={},
        arrivals=Arrivals(today, Tally(), unscored, rest, advance),
    )


SHARES = {"yellow": {"share": 0.1}, "orange": {"share": 0.1}, "red": {"share": 0.1}}


def test_a_share_of_the_day_opens_with_the_arrivals_and_with_the_advance():
    rules = policy(capacity=[{"office": "*", "lanes": SHARES}])
    assert outlook(rules, today=day_of(10), rest=90).open_now == (0, 0, 1, 1, 1)
    assert outlook(rules, today=day_of(10), rest=90, advance=33).open_now == (0, 0, 3, 3, 3)
    assert outlook(rules, today=day_of(50), rest=90, advance=33).open_now == (0, 0, 5, 5, 5)


def test_slots_are_kept_for_the_random_control_and_the_list():
    rules = policy(
        capacity=[{"office": "*", "lanes": counts(10, 10, 10)}], random_control={"share": 0.05, "lane": "orange"}
    )
    today = Tally(by_hour=day_of(50).by_hour, mandatory={4: 2.0})  # 4 % under a list that asks for red
    found = outlook(rules, today=today, rest=100)
    assert found.free == pytest.approx((0, 0, 10, 10 - 0.05 * 96, 10 - 4))
    assert found.open_now == (0, 0, 10, 10, 10)


def test_what_a_lane_cannot_keep_is_kept_in_the_next_one():
    rules = policy(
        capacity=[{"office": "*", "lanes": counts(10, 10, 2)}], random_control={"share": 0.0, "lane": "orange"}
    )
    found = outlook(rules, today=Tally(by_hour=day_of(50).by_hour, mandatory={4: 2.0}), rest=100)
    assert found.free == pytest.approx((0, 0, 10, 8, 0))


def test_used_slots_are_gone_and_never_less_than_none():
    rules = policy(capacity=[{"office": "*", "lanes": counts(2, 2, 2)}])
    assert outlook(rules, today=day_of(10), rest=5, used={"red": 3, "orange": 1}).open_now == (0, 0, 2, 1, 0)
