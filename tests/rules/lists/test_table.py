"""Tables of entries: read whole, or refused with the row and the column."""

from __future__ import annotations

import io
from datetime import date

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from basira.rules.lists.model import Entry
from basira.rules.lists.table import read_entries, write_entries
from basira.schema.errors import RuleError
from basira.schema.text import find_odd

HEADER = "value;from;until;source;reason\n"
ARABIC_DAY = "2026-01-01".translate({ord("0") + n: 0x660 + n for n in range(10)})
ENTRY = Entry("IMP 1", date(2026, 1, 1), date(2026, 6, 30), "inspection", "three findings")


def workbook(*rows: tuple[object, ...]) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"default_date_format": "yyyy-mm-dd"}) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            for place, cell in enumerate(row):
                sheet.write(number, place, cell)
    return out.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        (HEADER + "IMP 1;2026-01-01;2026-06-30;inspection;three findings\n").encode(),
        "\ufeffvaleur,du,au,source,motif\r\nIMP 1,2026-01-01,2026-06-30,inspection,three findings\r\n\r\n".encode(),
        f"القيمة;من;إلى;المصدر;السبب\nIMP 1;{ARABIC_DAY};2026-06-30;inspection;three  findings\n".encode(),
        workbook(
            ("value", "from", "until", "source", "reason"),
            ("IMP 1", date(2026, 1, 1), "2026-06-30", "inspection", "three findings"),
        ),
    ],
)
def test_a_table_is_read_in_three_languages_and_two_formats(content: bytes) -> None:
    assert read_entries(content, "operators") == ((ENTRY,), ())


def test_one_broken_row_and_there_are_no_entries_and_each_is_named() -> None:
    rows = "A;2026-01-01;;s;r\nB;01/02/2026;;s;r\nC;2026-01-01;;s;\nD;2026-01-01;2025-01-01;s;r\nE;;;s;r\n"
    entries, faults = read_entries((HEADER + rows).encode(), "operators")
    assert entries == ()
    assert [(fault.place, fault.reason) for fault in faults] == [
        ("3, from", "day_form"), ("4, reason", "text_form"), ("5, until", "expires_before"), ("6, from", "day_form"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "reason"),
    [("A;2026-01-01;;s;r;x", "misplaced"), ("A;2026-01-01;;s;r\nA;2026-03-01;;s;r", "entry_twice")],
)
def test_a_cell_too_many_and_a_value_that_stands_twice_are_faults(row: str, reason: str) -> None:
    _, [fault] = read_entries((HEADER + row).encode(), "operators")
    assert fault.reason == reason


def test_a_number_of_a_workbook_is_no_identifier() -> None:
    """Its zeros in front, and its digits after the fifteenth, are gone already."""
    content = workbook(("value", "from", "source", "reason"), (1234567000089, "2026-01-01", "s", "r"))
    _, [fault] = read_entries(content, "operators")
    assert (fault.place, fault.reason) == ("2, value", "text_form")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "table"),
        (b"PK\x03\x04no workbook", "table"),
        ("value;from;source;reason\nSoci\xe9t\xe9;2026-01-01;s;r".encode("latin-1"), "table"),
        (b"value;from;source\nA;2026-01-01;s", "header"),
        (b"value;from;source;reason;colour\nA;2026-01-01;s;r;red", "one_of"),
        (b"value;value;from;source;reason\nA;B;2026-01-01;s;r", "one_of"),
        (b'value;from;source;reason\n"A;2026-01-01;s;r', "table"),
    ],
)
def test_what_is_no_table_of_entries_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(RuleError) as raised:
        read_entries(content, "operators")
    assert raised.value.reason == reason


words = st.text(st.sampled_from("abcé شر=+-@;,\"' 19"), min_size=1, max_size=10).map(lambda t: " ".join(t.split()))
texts = words.filter(lambda text: text and not text.startswith("'"))
values = texts.filter(lambda text: find_odd(text) is None)
days = st.dates(date(2020, 1, 1), date(2030, 1, 1))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    value=texts.filter(lambda text: find_odd(text) is None),
    days=st.tuples(days, st.none() | days),
    source=texts,
    reason=texts,
    owner=texts | st.just(""),
)
def test_what_is_exported_reads_back(
    value: str, days: tuple[date, date | None], source: str, reason: str, owner: str
) -> None:
    starts, ends = days
    row = Entry(value, starts, None if ends is None else max(starts, ends), source, reason, owner)
    entries, faults = read_entries(write_entries([row]), "addresses")
    assert faults == ()
    assert entries == (row,)


def test_an_export_holds_no_formula() -> None:
    row = Entry("=1+1", date(2026, 1, 1), None, "@s", "-r")
    assert b"'=1+1;2026-01-01;;'@s;'-r" in write_entries([row])
