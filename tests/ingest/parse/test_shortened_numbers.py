"""Numbers that a spreadsheet shortened, and numbers that another way of writing reads otherwise."""

from __future__ import annotations

import polars as pl
import pytest

from basira.ingest.mapping.model import ITEM_SIDE
from basira.ingest.parse.numbers import NumberStyle, parse_number

VALUE = ITEM_SIDE["customs_value_amount"]


def read(cells: list[str], decimal: str = ",", thousands: str = "") -> tuple[list[float | None], dict[str, list[bool]]]:
    values, faults = parse_number(VALUE, pl.Series(cells, dtype=pl.String), NumberStyle(decimal, thousands))
    return values.to_list(), {fault.code: fault.mask.to_list() for fault in faults}


@pytest.mark.parametrize("cell", ["2,08E+04", "1E+05", "-2,1E+03", "1,23456789012E+15"])
def test_a_number_without_all_its_figures_is_rejected(cell: str) -> None:
    values, faults = read(["12,50", cell])
    assert (values, faults["scientific_notation"]) == ([12.5, None], [False, True])


@pytest.mark.parametrize(
    ("cell", "value"), [("2,078347E+04", 20783.47), ("1,5E-03", 0.0015), ("1e+05", 1e5), ("1,25E+02", 125.0)]
)
def test_one_that_has_them_all_is_read(cell: str, value: float) -> None:
    assert read(["12,50", cell]) == ([12.5, value], {})


def test_a_mapping_of_the_other_marks_reads_no_thousand_as_one() -> None:
    """1,234 beside 1,234.50: a mapping made for decimal commas took it for a number below two."""
    values, faults = read(["1,234", "1,234.50", "2,500.75", "87.10", "12"])
    assert (values, set(faults)) == ([None, None, None, None, 12.0], {"bad_number"})
    values, _ = read(["1.234", "1.234,50", "2.500,75", "12"], decimal=".")
    assert values == [None, None, None, 12.0]


def test_a_few_slips_leave_three_decimals_alone() -> None:
    values, faults = read(["1,234", "12,50", "7,25", "3,5", "12.5"])
    assert values == [1.234, 12.5, 7.25, 3.5, None]
    assert faults["bad_number"] == [False, False, False, False, True]
