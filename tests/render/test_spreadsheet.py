"""No cell of a CSV file is run by a spreadsheet; numbers stay numbers."""

from __future__ import annotations

import csv
import io

import pytest

from basira.render.spreadsheet import cell, csv_text


@pytest.mark.parametrize("text", ["=1+1", "+212 5", "-cmd", "@SUM(A1)", "\tx", "\r=1"])
def test_text_that_would_be_run_gets_an_apostrophe(text: str) -> None:
    assert cell(text) == f"'{text}"


def test_numbers_keep_their_sign_and_the_unknown_is_empty() -> None:
    assert [cell(value) for value in (-2.5, 10_000_000, None, False, "1 - 1")] == [
        "-2.5",
        "10000000",
        "",
        "false",
        "1 - 1",
    ]


def test_lines_read_back_as_they_were() -> None:
    lines = [["a;b", 'say "so"', "two\nlines"], ["صندوق", 1, None]]
    read = list(csv.reader(io.StringIO(csv_text(lines), newline=""), delimiter=";"))
    assert read == [["a;b", 'say "so"', "two\nlines"], ["صندوق", "1", ""]]
