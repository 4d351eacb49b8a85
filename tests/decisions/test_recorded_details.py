"""What a selection says beside its basis: as fields, and as the text that every version has recorded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from basira.decisions import Decision
from basira.schema.detail import RESERVED, Detail, detail_text, read_detail
from basira.schema.records import Selection

# Texts as stores of earlier versions hold them.
RECORDED = {
    "": Detail(),
    "arms-93": Detail("arms-93"),
    "arms-93 lane_full": Detail("arms-93", is_lane_full=True),
    "arms-93 beyond_capacity": Detail("arms-93", is_beyond_capacity=True),
    "beyond_capacity": Detail(is_beyond_capacity=True),
    "earlier_lane_kept": Detail(kept_lane=True),
    "no_state": Detail(is_without_state=True),
}


def selection(detail: Detail) -> Selection:
    return Selection("D1", 1, "A", "red", "mandatory", 1.0, None, **detail._asdict())


@pytest.mark.parametrize(("text", "detail"), RECORDED.items())
def test_a_recorded_text_reads_as_fields_and_is_written_the_same(text, detail):
    assert read_detail(text) == detail
    assert detail_text(selection(detail)) == text


@pytest.mark.parametrize("text", ["lane_full", "not_lane_full", "not_beyond_capacity", "arms", "arms-93 other"])
def test_only_what_says_so_was_moved_or_is_beyond_capacity(text):
    found = read_detail(text)
    assert not found.is_lane_full
    assert not found.is_beyond_capacity


def test_beyond_capacity_says_more_than_a_full_lane():
    both = Detail("arms", is_lane_full=True, is_beyond_capacity=True)
    assert detail_text(selection(both)) == "arms beyond_capacity"


IDS = st.from_regex(r"[A-Za-z0-9_-]{1,12}", fullmatch=True).filter(lambda name: name not in RESERVED)


@given(IDS, st.sampled_from(["", "is_lane_full", "is_beyond_capacity"]))
def test_a_rule_s_selection_comes_back_from_its_text(rule_id, flag):
    detail = Detail(rule_id, **({flag: True} if flag else {}))
    assert read_detail(detail_text(selection(detail))) == detail


@given(st.text())
def test_a_record_keeps_its_text_whatever_it_is(text):
    row = Decision(
        event_id="r/D1/1",
        run_id="r",
        declaration_id="D1",
        declaration_version=1,
        office="A",
        lane="red",
        basis="mandatory",
        detail=text,
        inclusion_probability=1.0,
        fraud_probability=None,
        expected_revenue=None,
        items=(),
    ).row()
    assert Decision.from_row(row).row()["detail"] == text
    assert Decision.from_row(row).detail_fields == read_detail(text)
