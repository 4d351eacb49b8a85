"""A column in which nothing is wrong is looked at once; each value becomes what it becomes beside a wrong one."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest

from basira.ingest.parse.codes import parse_commodity
from basira.ingest.parse.numbers import NumberStyle, parse_number
from basira.ingest.parse.text import without_apostrophe
from basira.ingest.rows.faults import Fault
from basira.schema.fields import ITEM_FIELDS

FIELDS = {field.name: field for field in ITEM_FIELDS}
NUMBERS = ["1", "0", "-1", "1e308", "1e400", "nan", "inf", "-inf", "12.5", "1e15", "17.5%", None]
CODES = ["010121", "0101.21", "101.21", "10121", "00121", "000121", "8703220000", "8703 22", "8.7E+09", "x", "'", None]


def same(parse: Callable[[pl.Series], tuple[pl.Series, list[Fault]]], text: str | None, wrong: str) -> bool:
    """Alone, and in a column that holds a wrong value too."""
    alone, faults = parse(pl.Series([text], dtype=pl.String))
    beside, more = parse(pl.Series([text, wrong], dtype=pl.String))
    found = [fault.code for fault in faults if fault.mask[0]]
    return str(alone[0]) == str(beside[0]) and found == [fault.code for fault in more if fault.mask[0]]


@pytest.mark.parametrize("text", NUMBERS)
@pytest.mark.parametrize("name", ["net_mass_kg", "duty_rate", "item_number"])
@pytest.mark.parametrize("scale", [1.0, 1000.0, -1.0])
def test_a_number_is_the_same_beside_a_wrong_one(text: str | None, name: str, scale: float) -> None:
    style = NumberStyle(".", "", False, scale, "")
    assert same(lambda raw: parse_number(FIELDS[name], raw, style), text, "wrong")


@pytest.mark.parametrize("text", CODES)
@pytest.mark.parametrize("digits", [(), (6,), (6, 10), (2,)])
def test_a_code_is_the_same_beside_a_wrong_one(text: str | None, digits: tuple[int, ...]) -> None:
    assert same(lambda raw: parse_commodity(FIELDS["commodity_code"], raw, digits), text, "8.7E+09")


@pytest.mark.parametrize("mark", ["'", "\u2018", "\u2019"])
def test_each_apostrophe_of_a_spreadsheet_goes(mark: str) -> None:
    assert without_apostrophe(pl.Series([None, f"{mark}0805"])).to_list() == [None, "0805"]
