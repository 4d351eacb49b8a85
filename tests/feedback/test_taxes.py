"""Duties and taxes with what was found: at the declared rates, or at the usual share of other goods."""

from __future__ import annotations

from typing import Any

import pytest

from basira.feedback.taxes import TaxesFound, Usual, compute_taxes

DECLARED = {
    "commodity_code": "8539310000",
    "origin_country": "NL",
    "customs_value_amount": 1000.0,
    "quantity": 50.0,
    "net_mass_kg": 200.0,
    "duty_rate": 0.1,
    "vat_rate": 0.2,
    "excise_amount": 50.0,
    # Duty 100, excise 50, VAT 230; a levy of 5 beside them.
    "total_tax_amount": 385.0,
}


def compute(usual: Usual | None = None, less: tuple[str, ...] = (), **found: Any) -> Any:
    declared = {name: value for name, value in DECLARED.items() if name not in less}
    return compute_taxes(declared, {f"found_{name}": value for name, value in found.items()}, usual)


def test_another_value_changes_duty_and_vat_and_neither_excise_nor_the_levy() -> None:
    made = compute(value_amount=1500.0)
    # Duty 150, excise 50, VAT .2 x 1700 = 340, levy 5.
    assert (made.due, made.additional, made.basis, made.is_scaled) == (
        pytest.approx(545.0), pytest.approx(160.0), "rates", False,
    )  # fmt: skip


def test_another_quantity_scales_value_and_excise() -> None:
    made = compute(quantity=100.0)
    # Value 2000: duty 200, excise 100, VAT .2 x 2300 = 460, levy 5.
    assert (made.value, made.due, made.is_scaled) == (2000.0, pytest.approx(765.0), True)
    assert compute(net_mass_kg=100.0).value == 500.0
    assert compute(net_mass_kg=100.0).additional < 0
    # A stated value is not scaled once more; excise, which is by quantity, is.
    both = compute(value_amount=1000.0, quantity=100.0)
    assert (both.value, both.additional, both.is_scaled) == (1000.0, pytest.approx(50.0 * 1.2), False)


def test_what_was_declared_again_changes_nothing() -> None:
    same = compute(value_amount=1000.0, quantity=50.0, commodity_code="8539310000", origin_country="NL")
    assert same.additional == pytest.approx(0.0)


def test_other_goods_have_the_usual_share_of_theirs() -> None:
    for found in ({"commodity_code": "9405110000"}, {"origin_country": "CN"}):
        assert compute(**found) == "usual"
        made = compute(Usual(0.5, 74), value_amount=1200.0, **found)
        assert (made.due, made.additional, made.basis, made.share) == (600.0, pytest.approx(215.0), "usual", 0.5)


def test_without_rates_the_declared_share_holds_and_without_taxes_nothing_is_said() -> None:
    made = compute(less=("vat_rate",), value_amount=2000.0)
    assert isinstance(made, TaxesFound)
    assert (made.due, made.basis) == (pytest.approx(770.0), "share")
    assert compute(less=("vat_rate", "total_tax_amount"), value_amount=2000.0) == "taxes"
    assert compute(Usual(0.5, 74), less=("total_tax_amount",), origin_country="CN") == "taxes"
    assert compute(less=("customs_value_amount",), quantity=3.0) == "value"
    # Declared free of everything: the share of nothing is unknown.
    assert compute(less=("customs_value_amount", "duty_rate"), value_amount=10.0) == "taxes"
