"""Found at the same capacity: counted beside a plain loop, and what is not known is not compared."""

from __future__ import annotations

import numpy as np
import pytest

from basira.evaluate.circuits import FEWEST, DeclarationOutcomes, compare_circuits, take_in_order


def make(count: int = 600, *, whole: bool = True, seed: int = 3) -> DeclarationOutcomes:
    rng = np.random.default_rng(seed)
    irregular = rng.random(count) < 0.2
    inspected = rng.random(count) < 0.3 if whole else np.ones(count, bool)
    return DeclarationOutcomes(
        queue=[
            f"{office}|{day}" for office, day in zip(rng.integers(0, 3, count), rng.integers(0, 9, count), strict=True)
        ],
        is_inspected=inspected,
        lane=[str(lane) if seen else None for lane, seen in zip(rng.integers(0, 2, count), inspected, strict=True)],
        is_irregular=irregular,
        revenue=irregular * rng.random(count) * 100,
        value=irregular + rng.normal(size=count),
    )


def test_as_many_are_taken_of_each_office_day_and_the_first_in_order() -> None:
    tested = make()
    taken = take_in_order(tested.value, tested.queue, tested.is_inspected)
    for queue in set(tested.queue):
        places = [place for place, one in enumerate(tested.queue) if one == queue]
        wanted = sum(bool(tested.is_inspected[place]) for place in places)
        first = sorted(places, key=lambda place: -tested.value[place])[:wanted]
        assert {place for place in places if taken[place]} == set(first)


def test_both_sides_are_counts_of_the_same_truth() -> None:
    tested = make()
    found = compare_circuits(tested, resamples=200, seed=1)
    assert found is not None
    taken = take_in_order(tested.value, tested.queue, tested.is_inspected)
    assert found["theirs"]["found"] == (tested.is_irregular & tested.is_inspected).sum()
    assert found["ours"]["found"] == (tested.is_irregular & taken).sum()
    assert found["ours"]["revenue"] == pytest.approx(tested.revenue[taken].sum())
    assert found["difference"]["found"] == found["ours"]["found"] - found["theirs"]["found"]
    for side in ("ours", "theirs", "difference"):
        low, high = found[side]["found_ci"]
        assert low <= found[side]["found"] <= high
    assert sum(one["found"] for one in found["circuits"]) == found["theirs"]["found"]
    assert found == compare_circuits(tested, resamples=200, seed=1)


def test_an_order_that_knows_nothing_gains_nothing() -> None:
    tested = make(4000)
    rng = np.random.default_rng(5)
    blind = DeclarationOutcomes(**{**vars(tested), "value": rng.random(4000)})
    low, high = compare_circuits(blind, resamples=300, seed=1)["difference"]["found_ci"]
    assert low < 0 < high


def test_of_inspected_declarations_alone_nothing_is_said_of_the_others() -> None:
    tested = make(whole=False)
    found = compare_circuits(tested, resamples=50, seed=1)
    assert (found["is_whole"], found["ours"], found["theirs"], found["difference"]) == (False, None, None, None)
    order = np.argsort(-tested.value, kind="stable")
    for one in found["circuits"]:
        assert one["ours_found"] == tested.is_irregular[order[: one["inspected"]]].sum()


def test_a_lane_with_few_inspections_is_not_compared() -> None:
    tested = make(whole=False)
    lane = ["few" if place < FEWEST - 1 else "many" for place in range(600)]
    found = compare_circuits(DeclarationOutcomes(**{**vars(tested), "lane": lane}), resamples=50, seed=1)
    assert [(one["lane"], one["ours_found"] is None) for one in found["circuits"]] == [("many", False), ("few", True)]


def test_without_inspections_or_amounts_there_is_nothing_to_say() -> None:
    tested = make()
    assert (
        compare_circuits(
            DeclarationOutcomes(**{**vars(tested), "is_inspected": np.zeros(600, bool)}), resamples=9, seed=1
        )
        is None
    )
    found = compare_circuits(DeclarationOutcomes(**{**vars(tested), "revenue": None}), resamples=9, seed=1)
    assert (found["ours"]["revenue"], found["circuits"][0]["revenue"]) == (None, None)
