"""How much each lane finds: what was simulated comes back, and little is said of little."""

from __future__ import annotations

import numpy as np
import pytest

from basira.models.risk.detection import FEWEST_OF_A_KIND, DetectionRows, detection_by_lane

LANES = ("PAPERS", "VISIT")


def rows(count: int, *, papers: float, of_quantity: float, seed: int = 0) -> DetectionRows:
    """Papers find so much of what a visit finds, and so much of it of quantity. The visit is where the risk is; the
    probability is what both find together in the mean."""
    rng = np.random.default_rng(seed)
    truly = rng.uniform(0.02, 0.4, count)
    is_visit = rng.random(count) < np.where(truly > 0.2, 0.8, 0.2)
    is_quantity = rng.random(count) < 0.3
    finds = np.where(is_visit, 1.0, np.where(is_quantity, of_quantity, papers))
    found = rng.random(count) < truly * finds
    mean = finds.mean()
    kinds = {"quantity": found & is_quantity, "value": found & ~is_quantity}
    return DetectionRows(truly * mean, found, kinds, np.ones(count), np.where(is_visit, "VISIT", "PAPERS"))


def test_what_papers_find_of_what_a_visit_finds_comes_back_for_each_kind():
    card = detection_by_lane(rows(40_000, papers=0.7, of_quantity=0.1))
    assert set(card) == set(LANES)
    assert set(card["VISIT"]) == {"all", "quantity", "value"}
    for kind, share in (("value", 0.7), ("quantity", 0.1)):
        assert card["PAPERS"][kind]["value"] / card["VISIT"][kind]["value"] == pytest.approx(share, abs=0.05)
    assert card["PAPERS"]["all"]["high"] < 1 < card["VISIT"]["all"]["low"]


def test_of_few_results_the_interval_says_how_little_is_known():
    card = detection_by_lane(rows(400, papers=0.7, of_quantity=0.1))
    assert card["PAPERS"]["all"]["high"] - card["PAPERS"]["all"]["low"] > 0.5


def test_a_level_that_is_off_says_nothing_of_lanes():
    one = rows(40_000, papers=0.7, of_quantity=0.1)
    double = DetectionRows(one.probability / 2, one.found, one.kinds, one.weight, one.lane)
    before, after = detection_by_lane(one), detection_by_lane(double)
    assert before["VISIT"]["all"]["value"] == pytest.approx(after["VISIT"]["all"]["value"])


def test_an_unknown_lane_and_a_lane_or_kind_of_which_little_is_expected_is_left_out():
    one = rows(4000, papers=0.7, of_quantity=0.1)
    lane = one.lane.copy()
    lane[:6] = "RARE"
    lane[6:500] = ""
    kinds = one.kinds | {"origin": np.cumsum(one.found) < FEWEST_OF_A_KIND}
    card = detection_by_lane(DetectionRows(one.probability, one.found, kinds, one.weight, lane))
    assert set(card) == set(LANES)
    assert "origin" not in card["VISIT"]


def test_one_lane_is_compared_with_none_and_without_findings_nothing_is_said():
    one = rows(2000, papers=0.7, of_quantity=0.1)
    alone = np.full(2000, "VISIT")
    assert detection_by_lane(DetectionRows(one.probability, one.found, one.kinds, one.weight, alone)) == {}
    nothing = np.zeros(2000, dtype=bool)
    assert detection_by_lane(DetectionRows(one.probability, nothing, {}, one.weight, one.lane)) == {}
    unknown = np.full(2000, "")
    assert detection_by_lane(DetectionRows(one.probability, one.found, {}, one.weight, unknown)) == {}
