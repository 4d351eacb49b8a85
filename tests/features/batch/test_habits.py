"""Usual prices and habits, on histories small enough to count by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest

from basira.features.catalog.catalog import CATALOG
from tests.support.features_world import Row, computed, item, key_of

NAMES = [f.name for f in CATALOG]
CODE, SIBLING = "8517130000", "8517180000"  # of one heading


def seen(items: list[Row], *, as_of_day: int = 9_999) -> dict[str, Any]:
    """Features of the last item."""
    [row] = computed(items, [], [key_of(items[-1])], as_of_day=as_of_day).values()
    return dict(zip(NAMES, row, strict=True))


def priced(name: str, day: int, price: float, **fields: Any) -> Row:
    return item(name, day, customs_value_amount=price * 10, net_mass_kg=10.0, origin_country="CN", **fields)


def ln(price: float) -> int:
    return round(1000 * math.log(price))


def test_the_usual_price_leans_on_the_heading_where_the_code_is_seldom_seen() -> None:
    past = [*(priced(f"P{n}", 100, 20.0, commodity_code=SIBLING) for n in range(4)), priced("C", 100, 10.0)]
    f = seen([*past, priced("now", 200, 5.0)])
    heading = (4 * ln(20) + ln(10)) / 5
    code = (ln(10) + 3 * heading) / 4
    origin = (ln(10) + 3 * code) / 4
    assert f["usual_price"] == pytest.approx(origin / 1000, rel=1e-6)
    assert f["price_gap"] == pytest.approx(round(ln(5) - origin) / 1000, rel=1e-6)


def test_an_origin_that_is_missing_has_the_price_of_its_code() -> None:
    past = [priced(f"P{n}", 100, 10.0) for n in range(3)]
    f = seen([*past, priced("now", 200, 10.0) | {"origin_country": None}])
    assert f["usual_price"] == pytest.approx(ln(10) / 1000, rel=1e-6)


def test_a_price_counts_from_the_week_after_its_own_and_for_52_weeks() -> None:
    week = 100
    gone, first, last, own = (priced(f"P{w}", 7 * w + 3, 10.0) for w in (week - 53, week - 52, week - 1, week))
    now = priced("now", 7 * week + 6, 20.0)
    assert seen([gone, own, now])["usual_price"] is None
    assert seen([gone, first, last, own, now])["usual_price"] == pytest.approx(ln(10) / 1000, rel=1e-6)


def test_a_mass_with_three_zeros_too_many_moves_the_price_of_its_code_a_little() -> None:
    past = [priced(f"P{n}", 100, 20.0, commodity_code=SIBLING) for n in range(40)]
    codes = [priced(f"C{n}", 150, 20.0) for n in range(5)]
    typed_wrong = priced("W", 160, 20.0) | {"net_mass_kg": 10_000.0}
    usual = seen([*past, *codes, priced("now", 200, 20.0)])["usual_price"]
    moved = seen([*past, *codes, typed_wrong, priced("now", 200, 20.0)])["usual_price"]
    assert -0.45 < moved - usual < 0


def test_a_trader_s_habit_is_what_it_declared_over_or_under_the_usual_price() -> None:
    market = [priced(f"P{n}", 100, 20.0, exporter_id="A") for n in range(200)]
    cheap = [priced(f"C{n}", 150, 10.0, exporter_id="B") for n in range(2)]
    f = seen([*market, *cheap, priced("now", 170, 10.0, exporter_id="B")])
    gap = ln(10) - ln(20)
    assert f["exporter_price_habit"] == pytest.approx(2 * gap / 1000 / (2 + 3), abs=0.001)
    assert f["exporter_low_price_rate"] == pytest.approx((2 + 0.3) / (2 + 3))
    assert f["exporter_price_gap"] == pytest.approx(f["price_gap"] - f["exporter_price_habit"], rel=1e-5)
    assert f["price_gap"] == pytest.approx(gap / 1000, abs=0.02)
    assert f["importer_price_habit"] is None


def test_a_gap_of_the_past_never_changes() -> None:
    market = [priced(f"P{n}", 100, 20.0, exporter_id="A") for n in range(5)]
    cheap = priced("C", 150, 10.0, exporter_id="B")
    # Later the whole market is as cheap: what the trader did was cheap when it did it.
    later = [priced(f"L{n}", 300, 10.0, exporter_id="A") for n in range(50)]
    before = seen([*market, cheap, priced("now", 170, 10.0, exporter_id="B")])
    after = seen([*market, cheap, *later, priced("now", 310, 10.0, exporter_id="B")])
    assert before["exporter_price_habit"] == after["exporter_price_habit"] < 0
    assert before["price_gap"] < after["price_gap"]


def test_preference_and_duty_against_what_is_usual() -> None:
    past = [
        *(item(f"P{n}", 100, importer_id="I", preference="EUR", duty_rate=0.1) for n in range(3)),
        *(item(f"Q{n}", 100, commodity_code="8517620000", duty_rate=0.4) for n in range(3)),
        *(item(f"old{n}", 10, importer_id="I", duty_rate=0.4) for n in range(3)),
    ]
    f = seen([*past, item("now", 400, importer_id="I", duty_rate=0.025)])
    assert f["preference_vs_importer"] == pytest.approx(-(3 + 0.3) / (3 + 1))
    assert f["usual_duty_vs_heading"] == pytest.approx(0.1 - 0.25)
    assert f["usual_duty_vs_importer"] == pytest.approx(0)
    assert f["duty_vs_usual"] == pytest.approx(0.025 - 0.1)
    assert f["code_share_of_importer"] == pytest.approx((6 + 0.5) / (6 + 2))


def test_the_lower_of_the_two_price_ratios() -> None:
    past = [priced(f"P{n}", 100, 20.0, quantity=10.0, quantity_unit="NAR") for n in range(10)]
    now = priced("now", 200, 20.0, quantity=40.0, quantity_unit="NAR")
    f = seen([*past, now])
    assert f["lower_price_ratio"] == f["value_per_unit_vs_reference"] == pytest.approx(-math.log(4), abs=0.001)
    assert f["kg_per_unit_distance"] == pytest.approx(math.log(4), abs=0.001)
    assert seen([*past, now | {"quantity": None}])["lower_price_ratio"] == pytest.approx(0)


def test_the_expected_price_has_the_supplier_s_part_of_the_52_weeks_before() -> None:
    market = [priced(f"P{n}", 700, 20.0, exporter_id="A") for n in range(200)]
    cheap = [priced(f"C{n}", 750, 10.0, exporter_id="B") for n in range(3)]
    now = priced("now", 770, 10.0, exporter_id="B")
    f = seen([*market, *cheap, now])
    gap = ln(10) - ln(20)
    part = 3 * gap / (3 + 3)
    assert f["expected_value_per_kg"] == pytest.approx(f["usual_price"] + part / 1000, abs=1e-3)
    assert f["value_per_kg_vs_expected"] == pytest.approx(f["price_gap"] - part / 1000, abs=1.5e-3)
    counts = [f[f"expected_value_per_kg_{whose}_count"] for whose in ("code", "origin", "supplier")]
    assert counts == [203, 203, 3]
    # A year later the supplier's part is forgotten, and its habit is not.
    later = priced("now", 750 + 53 * 7 + 7, 10.0, exporter_id="B")
    again = [priced(f"L{n}", 1000, 20.0, exporter_id="A") for n in range(9)]
    f = seen([*market, *cheap, *again, later])
    assert f["expected_value_per_kg"] == pytest.approx(f["usual_price"])
    assert f["exporter_price_habit"] < -0.2


def test_a_price_is_measured_by_the_spread_of_its_code() -> None:
    # Every other item of the code a fifth over or under: each some 180 thousandths away from what is expected.
    past = [priced(f"P{n}", 100, 20.0 * (1.2 if n % 2 else 1 / 1.2)) for n in range(400)]
    once = [priced(f"Q{n}", 150, 20.0 * (1.2 if n % 2 else 1 / 1.2)) for n in range(400)]
    f = seen([*past, *once, priced("now", 200, 10.0)])
    # The first 400 had no usual price on their own day.
    mean = (400 * ln(1.2) + 10 * 250) / (400 + 10)
    assert f["expected_value_per_kg_deviation"] == pytest.approx(1.2533 * mean / 1000, rel=0.01)
    z = f["value_per_kg_vs_expected"] / f["expected_value_per_kg_deviation"]
    assert f["value_per_kg_expected_z"] == pytest.approx(z, rel=1e-4)
    assert f["value_per_kg_expected_z"] < -2.5


def test_a_price_per_unit_has_its_own_expectation_by_unit() -> None:
    pieces = [priced(f"P{n}", 100, 20.0, quantity=10.0, quantity_unit="NAR") for n in range(5)]
    pairs = [priced(f"Q{n}", 100, 20.0, quantity=5.0, quantity_unit="PR") for n in range(5)]
    now = priced("now", 200, 20.0, quantity=40.0, quantity_unit="NAR")
    f = seen([*pieces, *pairs, now])
    assert f["expected_value_per_unit"] == pytest.approx(ln(20) / 1000, abs=1e-3)
    assert f["value_per_unit_vs_expected"] == pytest.approx(-math.log(4), abs=2e-3)
    assert f["expected_value_per_unit_code_count"] == 5
    f = seen([*pieces, *pairs, now | {"quantity": None}])
    assert f["expected_value_per_unit"] is f["value_per_unit_expected_z"] is None
    assert f["expected_value_per_unit_code_count"] == 0
