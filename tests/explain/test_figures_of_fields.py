"""Declared values as their fields are written."""

from __future__ import annotations

import pytest

from basira.explain.words import catalog_of
from basira.explain.words_figures import Speaker


@pytest.mark.parametrize(
    ("figures", "field", "shown"),
    [
        ({"invoice_amount": 3549.0, "invoice_currency": "EUR"}, "invoice_amount", "3,549 EUR"),
        ({"invoice_amount": 3549.0}, "invoice_amount", "3,549"),
        ({"customs_value_amount": 3549.0, "invoice_currency": "EUR"}, "customs_value_amount", "3,549 MAD"),
        ({"duty_rate": 0.0}, "duty_rate", "0%"),
        ({"duty_rate": 0.0001}, "duty_rate", "less than 0.1%"),
        ({"duty_rate": 0.025}, "duty_rate", "2.5%"),
    ],
)
def test_a_declared_value_is_written_as_it_was_declared(figures, field, shown):
    said = Speaker(catalog_of("en"), "MAD", figures).field_value(field, field)
    assert said.replace("\u00a0", " ") == shown
