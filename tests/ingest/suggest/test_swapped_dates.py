"""Dates whose day and month a spreadsheet swapped in every row."""

from __future__ import annotations

from datetime import date

import pytest

from basira.ingest.suggest.dates import guess_dates


def texts(*days: date) -> list[str]:
    return [day.isoformat() for day in days]


def test_the_third_of_each_month_was_the_first_days_of_march() -> None:
    guess = guess_dates(texts(*(date(2024, month, 3) for month in range(1, 13))))
    assert guess is not None
    assert "swapped by a spreadsheet" in guess.question
    assert len(guess.contrary) == 12


@pytest.mark.parametrize(
    "days",
    [
        [date(2024, 3, day) for day in range(1, 13)],  # the first days of March
        [date(2024, month, 1) for month in range(1, 13)],  # months, the day left out
        [date(2024, month, 3) for month in (1, 5, 9)],  # too few
        [date(2024, month, 5 + month % 7) for month in range(1, 13)],  # scattered either way
        [*(date(2024, month, 3) for month in range(1, 13)), date(2024, 3, 28)],
    ],
)
def test_other_dates_are_sure(days: list[date]) -> None:
    guess = guess_dates(texts(*days))
    assert guess is not None
    assert guess.is_sure


def test_a_date_that_stands_for_never_decides_no_order() -> None:
    """31/12/9999 made its column one of 8,000 years day first, so that month first was taken for sure."""
    guess = guess_dates(["03/04/2024", "05/06/2024", "31/12/9999"])
    assert guess is not None
    assert (guess.formats, guess.is_sure) == (("%d/%m/%Y",), True)
    short = guess_dates(["13-01-02", "13-01-28", "13-02-17"])
    assert short is not None
    assert short.formats == ("%y-%m-%d",)
