"""Circumstances: how often a trader declares, a price below the heading's usual one, the level of the duty."""

from __future__ import annotations

import pytest

from basira.explain.reasons import KINDS_RANKED
from basira.explain.strongest import is_worth_showing
from basira.schema.records import Reason
from tests.support.one_item import explained, said


def test_few_comparables_leave_the_usual_price_of_the_heading():
    rare = {"customs_value_amount": 500.0, "net_mass_kg": 100.0, "price_gap": -0.693147, "heading_items_365d": 7}
    reason = said("value_per_kg", **rare)
    assert reason is not None
    assert reason.code == "usual_price_low"
    assert reason.figures["expected"] == pytest.approx(10.0, rel=1e-5)
    assert (reason.figures["count"], reason.figures["commodity_code"]) == (7, "8517")
    assert said("value_per_kg", **rare | {"heading_items_365d": 2}) is None
    assert said("value_per_kg", **rare | {"price_gap": 0.7}) is None
    assert said("value_per_kg", **rare | {"price_gap": -0.1}) is None


def test_a_run_of_then_records_no_circumstance():
    rare = {"price_gap": -0.7, "heading_items_365d": 7}
    assert explained("value_per_kg", **rare, version=KINDS_RANKED).reasons == ()
    seen = {"exporter_items_365d": 24, "exporter_items_30d": 9}
    assert explained("activity_exporter", **seen, version=KINDS_RANKED).reasons == ()
    assert [one.code for one in explained("activity_exporter", **seen).reasons] == ["activity_exporter"]


def activity(month: int, days: int | None, year: int = 24) -> Reason:
    found = said("activity_importer", importer_items_365d=year, importer_items_30d=month, importer_days_since_last=days)
    assert found is not None
    return found


def test_a_trader_as_active_as_ever_is_no_reason():
    assert not is_worth_showing(activity(2, 4))
    assert is_worth_showing(activity(9, 4))
    assert is_worth_showing(activity(0, 45))
    assert is_worth_showing(activity(1, 4, year=6))
    assert said("activity_importer", importer_items_365d=0, importer_items_30d=0) is None


def test_a_trader_with_items_and_no_inspection_is_never_inspected_and_a_new_one_is_not():
    assert said("history_importer", importer_items=64, importer_inspected=0).code == "never_inspected_importer"
    assert said("history_importer", importer_items=3, importer_inspected=0) is None
    assert said("history_importer", importer_items=64, importer_inspected=2, importer_irregular=0) is None
    assert said("history_importer", importer_items=64, importer_inspected=None) is None


def test_the_duty_stands_beside_the_usual_one():
    assert said("duty_rate", duty_rate=0.4, importer_usual_duty=0.1).code == "high_duty_importer"
    assert said("duty_rate", duty_rate=0.025, chapter_usual_duty=0.1).code == "low_duty_chapter"
    assert said("duty_rate", duty_rate=0.1, importer_usual_duty=0.1).code == "declared_profile"


def test_a_customs_value_below_the_invoice_is_a_reason_and_one_above_is_none():
    assert said("invoice_differs", invoice_to_customs_value=1.25).figures == {"value": 4321.0, "invoiced": 5401.25}
    assert said("invoice_differs", invoice_to_customs_value=0.9) is None


def test_a_net_mass_small_for_the_gross_one():
    assert said("mass_ratio", net_mass_kg=70.0, gross_mass_kg=100.0).code == "mass_ratio"
    assert said("mass_ratio", net_mass_kg=80.0, gross_mass_kg=100.0) is None
