"""Names that are close, in Latin and Arabic letters, and names that only look it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from basira.rules.similar import NameIndex, closeness, fold_firm


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Société Atlas Import S.A.R.L.", "STE ATLAS IMPORT SARL AU"),
        ("Import Atlas", "Atlas Import Ltd"),
        ("شركة الأطلس للاستيراد ش.م.م", "الأطلَس للاستيراد"),
        ("مؤسسة أطلس", "شركة الاطلس"),
        ("Établissements Müller", "ETS MULLER"),
        ("ALATLAS", "Al Atlas"),
    ],
)
def test_the_same_firm_written_in_two_ways_is_as_close_as_can_be(one: str, other: str) -> None:
    assert closeness(one, other) == closeness(other, one) == 1.0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Depot Casa 1", "Depot Casa 2"),
        ("001234567000089", "001234567000088"),
        ("Atlas", "Atlas Import Export Maroc"),
        ("Atlas Import", "الأطلس للاستيراد"),
    ],
)
def test_names_of_two_firms_are_not_close(one: str, other: str) -> None:
    assert closeness(one, other) < 0.8


def test_one_wrong_letter_is_close_and_not_the_same() -> None:
    assert 0.9 < closeness("Guangzhou Xinhua Trading", "GUANGZOU XINHUA TRADING CO., LTD") < 1
    assert 0.85 < closeness("شركة النسيج المغربي", "شركة النسج المغربي") < 1


def test_the_closest_entry_is_found_and_the_first_of_two_that_are_as_close() -> None:
    index = NameIndex(("Rif Textile", "Atlas Import", "ATLAS IMPORT SARL"), 0.9)
    assert index.find("Société Atlas Import") == ("Atlas Import", 1.0)
    assert index.find("Souss Agrumes") is None


def test_a_name_of_signs_alone_is_close_to_nothing() -> None:
    assert NameIndex(("...", "SARL"), 0.0).find("--") is None
    assert fold_firm("SARL").words == "sarl"


@settings(max_examples=200, deadline=None, derandomize=True)
@given(names=st.lists(st.text(max_size=12), max_size=5), value=st.text(max_size=12), least=st.floats(0, 1))
def test_the_index_finds_what_one_by_one_finds(names: list[str], value: str, least: float) -> None:
    close = [closeness(name, value) for name in names]
    found = NameIndex(tuple(names), least).find(value)
    best = max(close, default=0.0)
    if found is None:
        assert best < least or best == 0.0
    else:
        assert found == (names[close.index(best)], best)
        assert best >= least
