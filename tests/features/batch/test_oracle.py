"""The quick features against the slow obvious ones."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from basira.features.catalog.catalog import CATALOG
from tests.support.features_world import computed, differences, item, key_of, looped, moment, outcome, random_history


@pytest.mark.parametrize(("seed", "as_of_day"), [(1, 10_900), (2, 10_900), (3, 10_400), (4, 10_150)])
def test_the_sql_equals_the_loop_on_a_random_history(seed: int, as_of_day: int) -> None:
    items, outcomes = random_history(seed)
    wanted = [key_of(row) for row in items]
    fast = computed(items, outcomes, wanted, as_of_day=as_of_day)
    slow = looped(items, outcomes, wanted, as_of_day=as_of_day)
    assert len(fast) == len(wanted)
    assert differences(fast, slow) == []


def test_the_sql_equals_the_loop_where_comparables_abound() -> None:
    items, outcomes = random_history(6, declarations=150, span=90)
    wanted = [key_of(row) for row in items if row["declared_day"] >= 10_060]
    fast = computed(items, outcomes, wanted, as_of_day=10_200)
    slow = looped(items, outcomes, wanted, as_of_day=10_200)
    assert differences(fast, slow) == []
    level = [f.name for f in CATALOG].index("value_per_kg_reference_level")
    assert {0, 1} <= {row[level] for row in fast.values()}


# What a source may hold at its worst and still pass validation.
_AMOUNTS = st.sampled_from([None, 0.0, 5e-324, 1e-300, 0.004, 1.0, 999.9999999999999, 1e3, 5e3, 1e15])
_MASSES = st.sampled_from([None, 0.0, 5e-324, 1e-300, 0.0005, 2.5, 1e9])
_TEXTS = st.one_of(st.none(), st.text(alphabet="aBc éÉ-1,İIßẞΣς手機ÀØЖ٣\u0647\u0131\u0301\U0001f600", max_size=9))
_NAMES = st.sampled_from([None, "A", "B", "AB", "é"])


@st.composite
def _histories(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[dict[str, Any]], int]:
    items, outcomes = [], []
    for n in range(draw(st.integers(1, 14))):
        name, day = f"D{n}", draw(st.sampled_from([0, 1, 1, 2, 30, 31, 32, 365, 366, 367, 400]))
        items += [
            item(
                name,
                day,
                declared_at=moment(day) + timedelta(hours=draw(st.integers(0, 14)) - 9),
                item_number=number,
                declaration_version=version,
                commodity_code=draw(st.sampled_from(["85", "8517", "851713", "8517130000"])),
                importer_id=draw(_NAMES),
                exporter_id=draw(_NAMES),
                declarant_id=draw(_NAMES),
                origin_country=draw(st.sampled_from([None, "CN", "FR"])),
                dispatch_country=draw(st.sampled_from([None, "CN", "FR"])),
                description=draw(_TEXTS),
                customs_value_amount=draw(_AMOUNTS),
                total_tax_amount=draw(_AMOUNTS),
                invoice_amount=draw(_AMOUNTS),
                net_mass_kg=draw(_MASSES),
                gross_mass_kg=draw(_MASSES),
                quantity=draw(_MASSES),
                duty_rate=draw(st.sampled_from([None, 0.0, 0.4, 20.0])),
                vat_rate=draw(st.sampled_from([None, 0.0, 1.0])),
            )
            for number, version in draw(st.sampled_from([[(1, 1)], [(1, 1), (2, 1)], [(1, 1), (1, 2), (3, 2)]]))
        ]
        outcomes += [
            outcome(
                name,
                day + draw(st.sampled_from([-2, 0, 1, 2, 30, 365])),
                draw(st.sampled_from([True, True, False, None])),
                item_number=draw(st.sampled_from([None, 1, 3])),
                source_row=row,
                additional_revenue_amount=draw(st.sampled_from([None, 0.0, 0.005, 12.34, 1e15])),
            )
            for row in range(draw(st.integers(0, 3)))
        ]
    return items, outcomes, draw(st.sampled_from([-1, 0, 2, 31, 366, 500]))


# No shrinking: each example costs half a second, and a failure already names the item and the feature.
@settings(max_examples=9, deadline=None, derandomize=True, database=None, phases=(Phase.explicit, Phase.generate))
@given(_histories())
def test_the_sql_equals_the_loop_on_the_worst_that_validation_lets_through(
    history: tuple[list[dict[str, Any]], list[dict[str, Any]], int],
) -> None:
    items, outcomes, as_of_day = history
    wanted = [key_of(row) for row in items]
    fast = computed(items, outcomes, wanted, as_of_day=as_of_day)
    assert differences(fast, looped(items, outcomes, wanted, as_of_day=as_of_day)) == []
    figures = [value for row in fast.values() for value in row if isinstance(value, int | float)]
    assert all(math.isfinite(value) for value in figures)


def test_the_loop_has_every_feature_of_the_catalog_and_no_other() -> None:
    [row] = looped([item("D", 10)], [], [("D", 1, 1)], as_of_day=10).values()
    assert list(row)[:3] == ["declaration_id", "declaration_version", "item_number"]
    assert set(list(row)[3:]) == {f.name for f in CATALOG}
