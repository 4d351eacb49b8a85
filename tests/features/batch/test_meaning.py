"""What features say, on histories small enough to count by hand; and what they do at the edges."""

from __future__ import annotations

import math
from typing import Any

import duckdb
import pytest

from basira.features.batch.compute import compute_features
from basira.features.catalog.catalog import CATALOG
from tests.support.features_world import computed, computed_on, engine, item, key_of, outcome

NAMES = [f.name for f in CATALOG]


def seen(items: list[dict[str, Any]], outcomes: list[dict[str, Any]], *, as_of_day: int = 9_999) -> dict[str, Any]:
    """Features of the last item."""
    [row] = computed(items, outcomes, [key_of(items[-1])], as_of_day=as_of_day).values()
    return dict(zip(NAMES, row, strict=True))


def test_a_rate_is_smoothed_towards_its_parent() -> None:
    past = [item(f"P{n}", 100, importer_id="I", exporter_id=f"E{n % 2}") for n in range(4)]
    results = [outcome(f"P{n}", 101, n < 3) for n in range(4)]
    f = seen([*past, item("now", 200, importer_id="I", exporter_id="E0")], results)
    everything = (3 + 0.05 * 20) / (4 + 20)
    importer = (3 + 5 * everything) / (4 + 5)
    assert f["all_hit_rate"] == pytest.approx(everything)
    assert f["importer_hit_rate"] == pytest.approx(importer)
    assert f["importer_exporter_hit_rate"] == pytest.approx((2 + 5 * importer) / (2 + 5))


def test_windows_start_the_day_that_lies_365_and_30_days_back_and_ages_stop_at_half_a_year() -> None:
    past = [item(f"P{day}", day, importer_id="I") for day in (634, 635, 636, 969, 970, 971, 999)]
    f = seen([*past, item("now", 1000, importer_id="I")], [])
    assert (f["importer_items"], f["importer_items_365d"], f["importer_items_30d"]) == (7, 6, 3)
    assert f["importer_days_since_last"] == 1


def test_counts_and_ages_given_to_the_model_stop_growing() -> None:
    past = [item(f"P{n}", 100 + n, importer_id="I") for n in range(22)]
    results = [outcome(f"P{n}", 150, True) for n in range(21)]
    asked = [item("soon", 279, importer_id="I"), item("later", 900, importer_id="I")]
    found = computed(past + asked, results, [key_of(row) for row in asked], as_of_day=999)
    names = ("times_seen", "times_inspected", "days_since_first", "days_since_last", "days_since_irregular")
    capped = [[row[NAMES.index(f"importer_{name}")] for name in names] for row in found.values()]
    assert sorted(capped) == [[20, 20, 179, 158, 129], [20, 20, 180, 180, 365]]


def test_a_corrected_result_counts_once_with_its_last_finding() -> None:
    past = item("P", 100, importer_id="I")
    results = [
        outcome("P", 110, True, additional_revenue_amount=700.0, source_row=1),
        outcome("P", 120, True, additional_revenue_amount=100.0, source_row=2),
        outcome("P", 130, False, additional_revenue_amount=55.0, source_row=3),
    ]
    items = [past, *(item(f"now{day}", day, importer_id="I") for day in (115, 125, 135))]
    found = computed(items, results, [key_of(row) for row in items[1:]], as_of_day=500)
    names = ("importer_inspected", "importer_irregular", "importer_revenue_per_inspection")
    counted = [[row[NAMES.index(name)] for name in names] for row in found.values()]
    assert counted == [[1, 1, pytest.approx(700 / 6)], [1, 1, pytest.approx(100 / 6)], [1, 0, 0]]


def test_a_result_of_the_whole_declaration_applies_to_each_of_its_items_and_a_blank_one_to_none() -> None:
    past = [item("P", 100, item_number=n) for n in (1, 2, 3)] + [item("Q", 100)]
    f = seen([*past, item("now", 200)], [outcome("P", 101, True), outcome("Q", 101, None)])
    assert (f["code_items"], f["code_inspected"], f["code_irregular"]) == (4, 3, 3)


def test_an_item_of_a_later_day_is_described_as_on_the_day_after_as_of() -> None:
    past = item("P", 100, importer_id="I")
    f = seen([past, item("between", 150, importer_id="I"), item("now", 200, importer_id="I")], [], as_of_day=120)
    assert (f["importer_items"], f["importer_days_since_last"]) == (1, 21)


def test_the_reference_is_the_median_of_the_narrowest_level_with_ten_comparables() -> None:
    goods = {"net_mass_kg": 1.0, "origin_country": "CN"}
    past = [item(f"P{n}", 100 + n, customs_value_amount=math.exp(n), **goods) for n in range(10)]
    past += [item(f"V{n}", 100, customs_value_amount=1.0, net_mass_kg=1.0, origin_country="VN") for n in range(9)]
    f = seen([*past, item("now", 300, customs_value_amount=math.exp(2), **goods)], [])
    reference = [f[f"value_per_kg_reference_{name}"] for name in ("level", "count", "low", "median", "high")]
    assert reference == [0, 10, 2000, 4000, 7000]
    assert f["value_per_kg_vs_reference"] == pytest.approx(-2)
    assert f["value_per_kg_reference_z"] == pytest.approx(-2000 / (5000 / 1.349))
    assert f["value_per_kg_vs_code"] == pytest.approx(2)


def test_without_a_reference_the_potential_is_the_declared_value_times_the_declared_share() -> None:
    f = seen([item("now", 1, customs_value_amount=1000.0, net_mass_kg=2.0, total_tax_amount=300.0)], [])
    assert f["potential_duties_amount"] == pytest.approx(300)


def test_a_missing_value_has_no_trailing_zeros() -> None:
    assert seen([item("now", 1)], [])["value_trailing_zeros"] is None


def test_an_item_with_nothing_but_a_code_has_no_profile_of_what_is_missing() -> None:
    f = seen([item("P", 1), item("now", 2)], [])
    assert (f["code_items"], f["importer_items"], f["importer_code_hit_rate"], f["word_items"]) == (1, None, None, None)
    assert f["code_mass_items"] is None
    assert f["potential_duties_amount"] == 0


def test_pairs_are_not_confused_with_one_another() -> None:
    past = [item("P1", 1, importer_id="A", exporter_id="B"), item("P2", 1, importer_id="AB", exporter_id="C")]
    swapped = seen([*past, item("now", 2, importer_id="B", exporter_id="A")], [])
    shifted = seen([*past, item("now", 2, importer_id="A", exporter_id="BC")], [])
    assert (swapped["importer_exporter_items"], shifted["importer_exporter_items"]) == (0, 0)


def test_the_largest_revenues_add_up_without_overflow() -> None:
    past = [item(f"P{n}", 1, importer_id="I") for n in range(200)]
    results = [outcome(f"P{n}", 1, True, additional_revenue_amount=1e15) for n in range(200)]
    f = seen([*past, item("now", 2, importer_id="I")], results)
    assert f["importer_revenue_per_inspection"] == pytest.approx(200e15 / 205)


def test_figures_beyond_a_32_bit_float_are_unknown_and_do_not_stop_the_others() -> None:
    broken = item("now", 2, customs_value_amount=1e15, total_tax_amount=1e15, net_mass_kg=5e-324, gross_mass_kg=1.0)
    f = seen([item("P", 1), broken | {"customs_value_amount": 5e-324}], [])
    assert (f["tax_share_declared"], f["value_to_next_round"]) == (None, None)
    assert math.isfinite(f["potential_duties_amount"])
    f = seen([item("P", 1), broken], [])
    assert (f["value_per_kg_log"], f["tax_share_declared"]) == (None, 1)


def test_wanted_items_are_given_once_and_unknown_ones_left_out() -> None:
    known = item("D", 1)
    wanted = [("D", 1, 1), ("D", 1, 1), ("D", 2, 1), ("X", 1, 1)]
    assert list(computed([known], [], wanted, as_of_day=5)) == [("D", 1, 1)]


def test_both_versions_of_a_declaration_may_be_wanted_at_once() -> None:
    items = [item("P", 1), item("D", 5, item_number=1), item("D", 5, declaration_version=2, commodity_code="8471")]
    found = computed(items, [], [key_of(row) for row in items[1:]], as_of_day=9)
    assert [row[NAMES.index("code_items")] for row in found.values()] == [1, 0]


def test_an_empty_history_gives_an_empty_table_with_every_column() -> None:
    with engine([], []) as con:
        assert computed_on(con, [], as_of_day=5) == {}
        assert computed_on(con, [("D", 1, 1)], as_of_day=5) == {}


def test_the_relation_of_wanted_items_may_bear_any_name_and_stays_as_it_was() -> None:
    with engine([item("D", 1)], []) as con:
        con.execute("create temp table wanted as select declaration_id, declaration_version, item_number from items")
        assert compute_features(con, "wanted", as_of_day=5, into="features") == 1
        assert con.fetch_rows("select count(*) from wanted") == [(1,)]
        left = con.fetch_rows("select table_name from duckdb_tables() where temporary order by 1")
        assert [name for (name,) in left] == ["features", "items", "outcomes", "wanted"]


def test_the_sources_own_columns_become_categories() -> None:
    with engine([item("D", 1) | {"x_seal": "yes"}], []) as con:
        con.execute("create temp table asked as from items")
        compute_features(con, "asked", as_of_day=5, into="features")
        assert con.fetch_rows("select category_x_seal from features") == [("yes",)]


def test_progress_reaches_its_end_step_by_step() -> None:
    heard: list[tuple[int, int]] = []
    with engine([item("D", 1)], []) as con:
        con.execute("create temp table asked as from items")
        compute_features(
            con, "asked", as_of_day=5, into="features", progress=lambda done, total, _: heard.append((done, total))
        )
    assert [done for done, _ in heard] == list(range(heard[-1][1] + 1))


def test_a_relation_that_is_not_there_is_named_in_the_error() -> None:
    with engine([], []) as con, pytest.raises(duckdb.CatalogException, match="nowhere"):
        compute_features(con, "nowhere", as_of_day=5, into="features")
