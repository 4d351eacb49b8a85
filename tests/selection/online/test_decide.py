"""Online decisions: invariants over arbitrary days, each rule on a day small enough to read, replay, concurrency."""

from __future__ import annotations

import math
import sqlite3
import threading
from collections import Counter
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from basira.schema.detail import BEYOND_CAPACITY, NO_STATE, detail_text
from basira.schema.errors import StoreError, UsageError
from basira.schema.records import Candidate, Selection
from basira.schema.shipped import shipped
from basira.selection import Policy, load_policy
from basira.selection.online.decide import decide_online, decide_without_state
from basira.selection.online.forecast import plan_day
from basira.selection.online.state import OnlineState, begin_day, capacity_use, read_plan, read_state, with_places
from tests.support.selection_world import MONDAY, candidate, counts, listed, policy

NINE = datetime(2021, 1, 4, 9)


def begin(rules: Policy, *, expected: float | None = 100.0, office: str = "A") -> OnlineState:
    return begin_day(plan_day(office, rules, day=MONDAY, past=[], expected_count=expected))


def run(
    candidates: list[Candidate], rules: Policy, *, seed: int = 1, expected: float | None = None, hours: float = 10
) -> tuple[list[Selection], OnlineState]:
    """One after another, evenly from 8 to 18 h as a new office's plan has it; the right forecast when none is given."""
    state = begin(rules, expected=expected or max(1.0, float(len(candidates))))
    found = []
    for i, one in enumerate(candidates):
        moment = NINE - timedelta(hours=1) + timedelta(hours=hours * (i + 0.5) / len(candidates))
        selection, state = decide_online(one, state, rules, moment=moment, seed=seed)
        found.append(selection)
    return found, state


# -- invariants ---------------------------------------------------------------------------------------

SCORE = st.one_of(st.none(), st.floats(0, 1000, allow_nan=False), st.sampled_from([0.0, 5.0, 5.0, math.nan, -1.0]))


FALLBACKS = [
    {"lane": "green"},
    {"lane": "blue"},
    {"lane": "yellow"},
    {"lane": "red"},
    {"lane": "red", "beyond_capacity": "yellow"},
    {"lane": "yellow", "beyond_capacity": "blue"},
    {"lane": "orange", "beyond_capacity": "green"},
]


@st.composite
def days(draw: st.DrawFn) -> tuple[list[tuple[datetime, Candidate]], Policy, float]:
    share = st.fixed_dictionaries({"share": st.floats(0, 0.4), "minimum": st.integers(0, 1)})
    count = st.fixed_dictionaries({"count": st.integers(0, 6)})
    rules = policy(
        capacity=[{"office": "*", "lanes": {n: draw(st.one_of(share, count)) for n in ("yellow", "orange", "red")}}],
        mandatory=[listed(draw(st.sampled_from(["yellow", "red"])), commodity_code=["93"])],
        random_control={
            "share": draw(st.floats(0, 0.3)),
            "minimum": draw(st.integers(0, 2)),
            "lane": draw(st.sampled_from(["yellow", "orange", "red"])),
            "strata": draw(st.sampled_from([[], ["is_oea"], ["procedure", "is_oea"]])),
        },
        oea={
            "maximum_lane": draw(st.sampled_from([None, "green", "blue", "yellow", "orange", "red"])),
            "minimum_fraud_probability": draw(st.sampled_from([0.0, 0.3])),
        },
        objective=draw(
            st.sampled_from(
                [
                    {"rank_by": "revenue"},
                    {"rank_by": "findings", "minimum_fraud_probability": 0.1},
                    {"rank_by": "blend", "revenue_weight": 0.4},
                ]
            )
        ),
        fallback=draw(st.sampled_from(FALLBACKS)),
        online={
            "advance": draw(st.sampled_from([0.0, 0.33, 1.0])),
            "band": draw(st.sampled_from([0.01, 0.25, 1.0])),
            "reserve_deviations": draw(st.sampled_from([0.0, 2.0])),
        },
    )
    size = draw(st.integers(0, 40))
    minutes = sorted(draw(st.lists(st.integers(0, 1439), min_size=size, max_size=size)))
    arrivals = [
        (
            datetime(2021, 1, 4) + timedelta(minutes=minute),
            candidate(
                f"D{i}",
                draw(SCORE),
                oea=draw(st.booleans()),
                commodity_code=draw(st.sampled_from(["9301", "8517", "8471"])),
                procedure=draw(st.sampled_from(["010", "022"])),
            ),
        )
        for i, minute in enumerate(minutes)
    ]
    return arrivals, rules, draw(st.sampled_from([1.0, 10.0, 40.0, 400.0]))


@settings(max_examples=100, deadline=None)
@given(day=days(), seed=st.integers(-5, 2**40))
def test_invariants(day, seed):
    arrivals, rules, expected = day
    state = begin(rules, expected=expected)
    used: Counter[str] = Counter()
    over: Counter[str] = Counter()
    for number, (moment, one) in enumerate(arrivals, start=1):
        before = state
        s, state = decide_online(one, state, rules, moment=moment, seed=seed)
        lane = rules.lane(s.lane)
        used[s.lane] += lane.inspects
        over[s.lane] += sum(state.beyond.values()) - sum(before.beyond.values())
        assert (s.declaration_id, s.office, state.sequence) == (one.declaration_id, "A", number)

        # At no moment is a lane over the slots that the day justifies so far, except for what is reported as beyond.
        for row in capacity_use(state, rules):
            assert row.used == used[row.lane] <= row.capacity + over[row.lane]
            assert state.beyond.get(row.lane, 0) == over[row.lane]
            assert row.capacity == rules.capacity_of(
                "A", row.lane, day=MONDAY, day_total=round(max(number, rules.online.advance * expected))
            )

        # What is inspected could be; what is certain is; what is impossible is not.
        assert 0 <= s.inclusion_probability <= 1
        assert s.inclusion_probability > 0 or not lane.inspects
        assert lane.inspects or s.inclusion_probability < 1

        has_score = one.expected_revenue is not None and one.expected_revenue >= 0
        if s.basis == "mandatory":  # whatever slots are missing
            assert lane.inspects
        elif not has_score:  # never a quiet release: only where the policy names the lane
            assert s.basis in ("random", "fallback")
            assert lane.inspects or not rules.lanes[rules.beyond_capacity].inspects
            assert s.lane != "green" or "green" in (rules.fallback.lane, rules.fallback.beyond_capacity)
        if state.beyond != before.beyond:
            assert s.basis == "mandatory" or not has_score
            assert lane.inspects
            assert s.inclusion_probability == 1
            assert detail_text(s) == (f"list-1 {BEYOND_CAPACITY}" if s.basis == "mandatory" else BEYOND_CAPACITY)
        assert (s.basis == "mandatory") == (one.attributes["commodity_code"] == ("9301",))
        if s.basis in ("none", "exempt"):
            assert lane == rules.lanes[0]
        if s.basis in ("random", "model"):
            assert lane.inspects
        if s.basis == "exempt":
            assert one.is_oea
        if s.basis == "model" and one.is_oea and rules.oea.maximum_lane:
            assert rules.intensity[s.lane] <= rules.intensity[rules.oea.maximum_lane]

        # Recorded and read again, it is the same state, with the same next decision; nothing else is remembered.
        assert read_state(state.to_json(), read_plan(state.plan.canonical)) == state
        again = read_state(before.to_json(), read_plan(before.plan.canonical))
        assert decide_online(one, again, rules, moment=moment, seed=seed) == (s, state)


@settings(max_examples=40, deadline=None)
@given(day=days(), seed=st.integers(0, 2**40), score=st.floats(0, 1000))
def test_the_random_control_never_sees_a_score(day, seed, score):
    arrivals, rules, expected = day
    state = begin(rules, expected=expected)
    for moment, one in arrivals:
        s, after = decide_online(one, state, rules, moment=moment, seed=seed)
        other = replace(one, expected_revenue=score, fraud_probability=score / 1000)
        t, _ = decide_online(other, state, rules, moment=moment, seed=seed)
        assert (s.basis == "random") == (t.basis == "random")
        state = after


# -- the rules ----------------------------------------------------------------------------------------


def test_a_better_score_has_at_least_the_chance_of_a_worse_one():
    rules = policy(capacity=[{"office": "*", "lanes": counts(5, 3, 2)}])
    _, state = run([candidate(f"D{i}", float(1 + i * 7 % 100)) for i in range(40)], rules, expected=100, hours=4)
    chances = [
        decide_online(candidate("X", float(v)), state, rules, moment=NINE + timedelta(hours=3), seed=1)[0]
        for v in range(1, 120, 3)
    ]
    found = [s.inclusion_probability for s in chances]
    assert found == sorted(found)
    assert found[0] == 0
    assert found[-1] > 0.99
    assert any(0.05 < p < 0.95 for p in found)


def test_slots_left_are_given_out_at_the_end_of_the_day():
    rules = policy(capacity=[{"office": "*", "lanes": counts(4, 3, 3)}])
    state = begin(rules, expected=100)
    for i in range(10):
        moment = datetime(2021, 1, 4, 23, 40 + i)
        s, state = decide_online(candidate(f"D{i}", 1.0), state, rules, moment=moment, seed=1)
        assert s.basis == "model"


def test_mandatory_goes_to_its_lane_then_to_the_next_less_intensive():
    rules = policy(mandatory=[listed("red", "arms", commodity_code=["93"])])
    found, _ = run([candidate(f"D{i}", 1.0, commodity_code="9301") for i in range(5)], rules)
    assert [s.lane for s in found] == ["red", "orange", "yellow", "yellow", "yellow"]
    assert [detail_text(s) for s in found] == ["arms", *["arms lane_full"] * 3, f"arms {BEYOND_CAPACITY}"]
    assert {(s.basis, s.inclusion_probability) for s in found} == {("mandatory", 1)}


def test_the_list_finds_slots_although_the_model_came_first():
    rules = policy(
        capacity=[{"office": "*", "lanes": counts(10, 10, 10)}], mandatory=[listed("red", commodity_code=["93"])]
    )
    candidates = [candidate(f"D{i}", 9.0, commodity_code="9301" if i % 20 == 0 else "8517") for i in range(160)]
    found, _ = run(candidates, rules)
    assert {s.lane for s in found if s.basis == "mandatory"} == {"red"}


def test_authorised_operators_are_lighter_but_never_out_of_the_control():
    rules = policy(
        capacity=[{"office": "*", "lanes": counts(30, 30, 30)}],
        oea={"maximum_lane": "yellow", "minimum_fraud_probability": 0.5},
        random_control={"share": 0.2, "lane": "orange"},
    )
    found, _ = run([candidate(f"D{i}", 900.0 if i % 2 else 100.0, oea=True) for i in range(60)], rules)
    assert {(s.lane, s.basis) for s in found} == {("yellow", "model"), ("green", "exempt"), ("orange", "random")}
    assert min(s.inclusion_probability for s in found) >= 0.2 * 0.25


def test_without_a_score_the_fallback_answers_by_chance_when_slots_are_few():
    rules = policy(
        capacity=[{"office": "*", "lanes": counts(10, 0, 0)}], fallback={"lane": "yellow", "beyond_capacity": "blue"}
    )
    found, state = run([candidate(f"D{i}", None) for i in range(100)], rules, seed=3)
    assert {s.basis for s in found} == {"fallback"}
    assert {s.lane for s in found} == {"yellow", "blue"}
    # The model fails all day: slots last into the afternoon, instead of going to the first ten.
    assert any(s.lane == "yellow" for s in found[60:])
    assert state.used["yellow"] >= 8


def test_without_a_score_and_a_slot_the_fallback_takes_beyond_its_capacity_from_the_first_declaration_on():
    shares = {lane: {"share": 0.1} for lane in ("yellow", "orange", "red")}
    rules = policy(capacity=[{"office": "*", "lanes": shares}], online={"advance": 0.0})
    found, state = run([candidate(f"D{i}", None) for i in range(20)], rules)
    assert {(s.lane, s.inclusion_probability) for s in found} == {("yellow", 1.0)}
    assert (found[0].basis, detail_text(found[0])) == ("fallback", BEYOND_CAPACITY)
    assert state.beyond["yellow"] + state.used.get("yellow", 0) == 20


def test_beyond_capacity_the_list_and_the_control_keep_their_slots_and_the_model_makes_up():
    rules = policy(
        capacity=[{"office": "*", "lanes": counts(5, 2, 1)}],
        mandatory=[listed("yellow", "arms", commodity_code=["93"])],
        random_control={"share": 0.0, "minimum": 1, "lane": "orange"},
    )
    _, state = run([candidate(f"D{i}", None) for i in range(40)], rules, hours=4)
    assert state.beyond["yellow"] >= 30
    moment = NINE + timedelta(hours=8)
    # Slots come free; of the eight lanes' slots the fallback's debt leaves the model none in its own lane.
    free = replace(state, used={})
    scored = [candidate(f"S{i}", 900.0) for i in range(8)]
    lanes = set()
    for one in scored:
        s, free = decide_online(one, free, rules, moment=moment, seed=1)
        lanes.add((s.lane, s.basis))
    assert ("yellow", "model") not in lanes
    listed_one, _ = decide_online(candidate("L", None, commodity_code="9301"), free, rules, moment=moment, seed=1)
    assert (listed_one.lane, listed_one.basis) == ("yellow", "mandatory")


def test_a_listed_declaration_is_not_released_for_want_of_a_slot():
    rules = policy(
        capacity=[{"office": "*", "lanes": counts(0, 0, 0)}], mandatory=[listed("red", commodity_code=["93"])]
    )
    found, state = run(
        [candidate("D0", None, commodity_code="9301"), candidate("D1", 1.0, commodity_code="9301")], rules
    )
    assert [(s.lane, s.basis) for s in found] == [("yellow", "mandatory")] * 2
    assert state.beyond == {"yellow": 2}


def test_a_slot_given_back_first_makes_the_inspections_beyond_capacity_fewer():
    rules = policy(capacity=[{"office": "*", "lanes": counts(1, 0, 0)}])
    _, state = run([candidate(f"D{i}", None) for i in range(3)], rules)
    assert (state.used["yellow"] + state.beyond["yellow"], state.used["yellow"]) == (3, 1)
    for left in (1, 0):
        state = with_places(state, rules, lane="yellow", change=-1)
        assert (state.used["yellow"], state.beyond["yellow"]) == (1, left)
    state = with_places(state, rules, lane="yellow", change=-1)
    assert (state.used["yellow"], state.beyond["yellow"]) == (0, 0)


def test_a_minimum_of_random_controls_is_reached_in_a_small_office():
    rules = policy(random_control={"share": 0.001, "minimum": 1, "lane": "orange"})
    drawn = [
        sum(s.basis == "random" for s in run([candidate(f"{n}-{i}", 0.0) for i in range(30)], rules, seed=n)[0])
        for n in range(40)
    ]
    assert sum(drawn) / 40 == pytest.approx(1, abs=0.2)


def test_each_stratum_keeps_its_share_of_the_control():
    rules = policy(
        capacity=[{"office": "*", "lanes": counts(50, 200, 50)}],
        random_control={"share": 0.05, "lane": "orange", "strata": ["is_oea"]},
    )
    behind = []
    for seed in range(12):
        _, state = run([candidate(f"D{i}", 1.0, oea=i % 4 == 0) for i in range(400)], rules, seed=seed)
        behind += [0.05 * one.pool_count - one.drawn_count for one in state.control.values()]
    assert len(behind) == 24
    # Drawn independently, the larger stratum alone would spread by 3.8 and exceed 4 in a third of the runs.
    assert max(map(abs, behind)) < 4
    assert abs(float(np.mean(behind))) < 0.8


def test_an_amended_version_has_the_same_draws():
    rules = policy(
        capacity=[{"office": "*", "lanes": counts(0, 30, 0)}], random_control={"share": 0.3, "lane": "orange"}
    )
    state = begin(rules)
    for i in range(50):
        one = candidate(f"D{i}", 0.0)
        first, _ = decide_online(one, state, rules, moment=NINE, seed=5)
        amended, _ = decide_online(replace(one, declaration_version=2), state, rules, moment=NINE, seed=5)
        assert (first.lane, first.basis) == (amended.lane, amended.basis)


def test_a_clock_that_is_behind_is_read_as_the_latest_moment():
    state = replace(begin(policy()), latest_at=NINE)
    _, after = decide_online(candidate("D", 1.0), state, policy(), moment=NINE - timedelta(minutes=5), seed=1)
    assert after.latest_at == NINE


def test_slots_taken_by_others_count():
    rules = policy(capacity=[{"office": "*", "lanes": counts(1, 0, 0)}])
    state = with_places(begin(rules, expected=1), rules, lane="yellow", change=1)
    assert decide_online(candidate("D", 9.0), state, rules, moment=NINE, seed=1)[0].lane == "green"
    state = with_places(state, rules, lane="yellow", change=-1)
    assert state.sequence == 2
    late = NINE.replace(hour=23, minute=59)
    assert decide_online(candidate("D", 9.0), state, rules, moment=late, seed=1)[0].lane == "yellow"
    with pytest.raises(UsageError, match="lane that inspects"):
        with_places(state, rules, lane="green", change=1)


# -- without a state, wrong states --------------------------------------------------------------------


def test_without_a_state_nothing_is_released_by_default():
    rules = policy(
        mandatory=[listed("red", "arms", commodity_code=["93"])], random_control={"share": 0.1, "lane": "orange"}
    )
    found = [
        decide_without_state(
            candidate(f"D{i}", 0.0, commodity_code="9301" if i == 0 else "8517"), rules, day=MONDAY, seed=1
        )
        for i in range(200)
    ]
    assert (found[0].lane, found[0].basis, detail_text(found[0])) == ("red", "mandatory", "arms")
    assert Counter((s.lane, s.basis, detail_text(s)) for s in found[1:]).keys() == {
        ("yellow", "fallback", NO_STATE),
        ("orange", "random", NO_STATE),
    }
    assert {s.inclusion_probability for s in found} == {1.0}


def test_without_a_state_and_a_fallback_that_releases_the_control_is_the_probability():
    rules = policy(random_control={"share": 0.1, "lane": "orange"}, fallback={"lane": "blue"})
    s = decide_without_state(candidate("D", 900.0), rules, day=MONDAY, seed=1)
    assert (s.lane, s.basis, s.inclusion_probability) == ("blue", "fallback", 0.1)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda a: a | {"candidate": candidate("D", 1.0, office="B")}, "office A, found B"),
        (lambda a: a | {"moment": NINE + timedelta(days=1)}, "day 2021-01-04, found 2021-01-05"),
        (lambda a: a | {"policy": policy(version="2")}, "policy digest"),
    ],
)
def test_a_state_of_something_else_is_rejected(change, what):
    arguments = change({"candidate": candidate("D", 1.0), "policy": policy(), "moment": NINE})
    with pytest.raises(UsageError, match=what):
        decide_online(state=begin(policy()), seed=1, **arguments)


def damaged(state: OnlineState) -> dict[str, str]:
    text = state.to_json()
    return {
        "empty": "",
        "cut": text[:-9],
        "list": "[]",
        "negative": text.replace('"sequence":3', '"sequence":-3'),
        "nan": text.replace('"unscored_count":0.0', '"unscored_count":NaN'),
        "hours": text.replace('"by_hour":[0.0,', '"by_hour":['),
        "unknown": text.replace('"sequence":3', '"sequence":3,"more":1'),
        "other plan": text.replace(state.plan.digest, "0" * 64),
    }


@pytest.mark.parametrize("name", sorted(damaged(begin(policy()))))
def test_a_damaged_state_is_rejected(name):
    rules = policy()
    _, state = run([candidate(f"D{i}", 1.0) for i in range(3)], rules)
    text = damaged(state)[name]
    assert text != state.to_json()
    with pytest.raises(StoreError, match="Expected the recorded state"):
        read_state(text, state.plan)


# -- probabilities ------------------------------------------------------------------------------------


def test_stated_probabilities_match_frequencies_and_give_unbiased_totals():
    chance = np.random.default_rng(4)
    candidates = [
        candidate(
            f"D{i:03d}",
            None if i % 12 == 5 else float(chance.uniform(1, 900)),
            oea=i % 5 == 0,
            commodity_code="9301" if i % 20 == 7 else "8517",
        )
        for i in range(60)
    ]
    irregular = chance.random(60) < np.array([c.fraud_probability or 0.3 for c in candidates]) / 2
    rules = policy(
        capacity=[{"office": "*", "lanes": counts(5, 5, 5)}],
        mandatory=[listed("red", commodity_code=["93"])],
        random_control={"share": 0.08, "lane": "orange", "strata": ["is_oea"]},
        oea={"maximum_lane": "orange", "minimum_fraud_probability": 0.2},
        online={"band": 0.5},
    )
    runs = 400
    inspected, stated, estimates = np.zeros(60), np.zeros(60), []
    for seed in range(runs):
        found, _ = run(candidates, rules, seed=seed)
        taken = np.array([rules.lane(s.lane).inspects for s in found])
        probability = np.array([s.inclusion_probability for s in found])
        inspected += taken
        stated += probability
        estimates.append(sum(irregular[taken] / probability[taken]))
    mean = stated / runs
    # Given the state the probability is exact, so its mean over seeds is that of the frequency: 5 standard errors.
    assert (np.abs(inspected / runs - mean) <= 5 * np.sqrt(mean * (1 - mean) / runs) + 1e-9).all()
    assert ((mean > 0.15) & (mean < 0.9)).sum() > 5
    # Where the control was full at the end of a day a probability may be 0; then there is no unbiased estimate.
    assert mean.min() > 0
    error = float(np.std(estimates)) / math.sqrt(runs)
    assert float(np.mean(estimates)) == pytest.approx(float(irregular.sum()), abs=4 * error)


# -- many workers -------------------------------------------------------------------------------------


def test_workers_that_write_only_over_the_sequence_they_read_share_the_slots(tmp_path: Path):
    rules = policy(
        capacity=[{"office": "*", "lanes": counts(4, 3, 2)}], random_control={"share": 0.05, "lane": "orange"}
    )
    path = tmp_path / "operations.sqlite"
    state = begin(rules, expected=60)
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE days (plan TEXT, state TEXT, sequence INTEGER)")
        database.execute("INSERT INTO days VALUES (?, ?, 0)", (state.plan.canonical, state.to_json()))
        database.execute("CREATE TABLE decisions (id TEXT PRIMARY KEY, lane TEXT)")
    conflicts = []

    def work(number: int) -> None:
        database = sqlite3.connect(path, timeout=30, isolation_level=None)
        for i in range(20):
            one = candidate(f"W{number}-{i}", float(i * 37 % 11))
            while True:
                plan, text, sequence = database.execute("SELECT plan, state, sequence FROM days").fetchone()
                s, after = decide_online(one, read_state(text, read_plan(plan)), rules, moment=NINE, seed=1)
                database.execute("BEGIN IMMEDIATE")
                written = database.execute(
                    "UPDATE days SET state = ?, sequence = ? WHERE sequence = ?",
                    (after.to_json(), after.sequence, sequence),
                )
                if written.rowcount == 1:
                    database.execute("INSERT INTO decisions VALUES (?, ?)", (one.declaration_id, s.lane))
                    database.execute("COMMIT")
                    break
                database.execute("ROLLBACK")
                conflicts.append(one.declaration_id)
        database.close()

    workers = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    with sqlite3.connect(path) as database:
        plan, text, sequence = database.execute("SELECT plan, state, sequence FROM days").fetchone()
        lanes = Counter(lane for (lane,) in database.execute("SELECT lane FROM decisions"))
    assert sequence == sum(lanes.values()) == 60
    for row in capacity_use(read_state(text, read_plan(plan)), rules):
        assert lanes[row.lane] == row.used <= row.capacity


# -- the policy ---------------------------------------------------------------------------------------


def test_a_policy_without_an_online_table_keeps_its_digest():
    rules = load_policy(shipped("policies") / "morocco", date(2021, 1, 4))
    assert '"online"' not in rules.canonical
    changed = Policy.model_validate(rules.model_dump() | {"online": {"band": 0.5}})
    assert changed.digest != rules.digest
    assert Policy.model_validate_json(changed.canonical) == changed
