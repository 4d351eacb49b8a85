"""Who is given a declaration: the least loaded, or one drawn alike from all, and always the same again."""

from __future__ import annotations

from collections import Counter

import pytest

from basira.selection.officers import choose_officer

OFFICERS = {"u-1": 0, "u-2": 0, "u-3": 0}


def test_the_draw_is_even_and_comes_out_the_same_again() -> None:
    drawn = [choose_officer(OFFICERS, "random", seed=7, of=f"D{number}") for number in range(3_000)]
    assert drawn == [choose_officer(OFFICERS, "random", seed=7, of=f"D{number}") for number in range(3_000)]
    # Three standard deviations of a third of 3,000.
    assert all(abs(count - 1_000) < 3 * 26 for count in Counter(drawn).values())
    assert drawn != [choose_officer(OFFICERS, "random", seed=8, of=f"D{number}") for number in range(3_000)]


def test_the_load_decides_before_the_draw() -> None:
    loads = {"u-1": 2, "u-2": 1, "u-3": 1}
    assert {choose_officer(loads, "load", seed=7, of=f"D{number}") for number in range(50)} == {"u-2", "u-3"}
    assert {choose_officer(loads, "random", seed=7, of=f"D{number}") for number in range(50)} == {"u-1", "u-2", "u-3"}


def test_without_an_officer_there_is_none_to_choose() -> None:
    with pytest.raises(ValueError, match="no officer"):
        choose_officer({}, "load", seed=7, of="D1")
