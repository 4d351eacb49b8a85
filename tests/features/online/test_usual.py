"""The usual share of taxes is the median of the year's imports, and none of fewer than ten."""

from __future__ import annotations

import math

import pytest

from basira.features.online.usual import find_usual_taxes
from tests.support.features_world import engine, item
from tests.support.online_world import MemoryProfiles

AS_OF = 10_000


def test_the_median_of_code_and_origin_then_of_the_code() -> None:
    def import_of(
        number: int, day: int, share: float, origin: str = "CN", code: str = "8539310000"
    ) -> dict[str, object]:
        more = {"customs_value_amount": 1000.0, "total_tax_amount": 1000.0 * share, "origin_country": origin}
        return item(f"D{code}{origin}{number}", day, commodity_code=code, **more)

    items = [import_of(n, AS_OF - n, 0.2 + n / 100) for n in range(11)]  # .20 to .30
    items += [import_of(n, AS_OF - n, 0.5, "TR") for n in range(9)]
    items += [import_of(n, AS_OF - n, 0.4, code="9405110000") for n in range(9)]
    items += [import_of(n, AS_OF - 366 - n, 0.9, "DE") for n in range(20)]  # more than a year ago
    items += [import_of(n, AS_OF + 1, 0.9, "CN") for n in range(50, 90)]  # after the profiles' last day
    with engine(items, []) as con:
        profiles = MemoryProfiles(con, as_of_day=AS_OF)
    usual = find_usual_taxes(profiles, "8539310000", "CN")
    assert usual is not None
    assert (usual.count, usual.level) == (11, "code_origin")
    # Logarithms are kept to a thousandth.
    assert usual.share == pytest.approx(0.25, rel=math.exp(0.0006) - 1)
    of_code = find_usual_taxes(profiles, "8539310000", "TR")
    assert of_code is not None
    assert (of_code.count, of_code.level) == (20, "code")
    assert find_usual_taxes(profiles, "8539310000", None) == of_code
    assert find_usual_taxes(profiles, "9405110000", "CN") is None
    assert find_usual_taxes(profiles, "0101210000", "CN") is None


def test_profiles_of_another_catalog_say_nothing() -> None:
    with engine([], []) as con:
        profiles = MemoryProfiles(con, as_of_day=AS_OF)
    profiles.catalog = "another"
    assert find_usual_taxes(profiles, "8539310000", "CN") is None
