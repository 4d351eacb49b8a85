"""Which kind is verified first: what the figures of an item point at, with and without a model that knows kinds."""

from __future__ import annotations

import math

import pytest

from basira.explain.kinds import MOST_KINDS, kinds_to_verify, rank_kinds
from basira.features.catalog.catalog import FEATURE
from basira.schema.codes import IRREGULARITY_KINDS

USUAL = {
    "value_per_kg_vs_reference": 0.0,
    "value_per_unit_vs_reference": 0.0,
    "kg_per_unit_vs_unit_code": 0.0,
    "net_to_gross_mass": 0.9,
    "is_preference_claimed": 0,
    "origin_differs_from_dispatch": 0,
    "preference_vs_exporter": 0.0,
    "preference_vs_importer": 0.0,
    "code_share_of_word": 0.6,
    "word_items": 400,
    "usual_duty_vs_heading": 0.0,
}
SIGNS = {
    "value": {"value_per_kg_vs_reference": -0.7, "value_per_unit_vs_reference": -0.7},
    "quantity": {"net_to_gross_mass": 0.5, "kg_per_unit_vs_unit_code": 0.3},
    "origin": {
        "is_preference_claimed": 1, "preference_vs_exporter": 0.9, "preference_vs_importer": 0.7,
        "origin_differs_from_dispatch": 1,
    },
    "classification": {"code_share_of_word": 0.02, "usual_duty_vs_heading": -0.06},
}  # fmt: skip


@pytest.mark.parametrize("kind", SIGNS)
def test_the_signs_of_a_kind_put_it_first_without_a_recorded_kind(kind: str) -> None:
    assert kinds_to_verify({}, USUAL | SIGNS[kind])[0] == kind


@pytest.mark.parametrize("kind", SIGNS)
def test_a_model_that_knows_one_kind_leaves_room_for_the_signs_of_another(kind: str) -> None:
    shares = dict.fromkeys(IRREGULARITY_KINDS, 0.05) | {"value": 0.5}
    assert kinds_to_verify(shares, USUAL | SIGNS[kind])[0] == kind


def test_what_the_model_learned_decides_where_no_sign_speaks() -> None:
    shares = dict.fromkeys(IRREGULARITY_KINDS, 0.01) | {"quantity": 0.3}
    assert kinds_to_verify(shares, {})[0] == "quantity"


def test_a_model_without_kinds_gives_them_one_share_and_is_not_asked() -> None:
    assert rank_kinds(dict.fromkeys(IRREGULARITY_KINDS, 0.06), USUAL) == rank_kinds({}, USUAL)


def test_shares_sum_to_one_and_a_broken_figure_is_no_sign() -> None:
    ranked = rank_kinds({}, USUAL | {"net_to_gross_mass": math.nan, "value_per_kg_vs_reference": None})
    assert math.isclose(sum(share for _, share in ranked), 1.0)
    assert {kind for kind, _ in ranked} == set(IRREGULARITY_KINDS)


def test_there_is_always_something_to_verify_and_never_much() -> None:
    for row in ({}, USUAL, *(USUAL | signs for signs in SIGNS.values())):
        assert 1 <= len(kinds_to_verify({}, row)) <= MOST_KINDS


def test_every_sign_is_a_feature_of_the_catalog() -> None:
    assert set(USUAL) <= set(FEATURE)


def test_the_word_of_a_description_is_that_of_the_catalog() -> None:
    from basira.explain.reasons import _WORD
    from basira.features.catalog.entities import ENTITY

    (sql,) = ENTITY["word"].key
    assert f"'{_WORD.pattern}'" in sql


SPLIT = {
    "classification": 0.039, "documents": 0.022, "origin": 0.002, "prohibited": 0.028, "quantity": 0.012,
    "value": 0.35,
}  # fmt: skip
LOW_PRICE = {"value_per_kg_vs_reference": -0.3, "kg_per_unit_vs_unit_code": 0.2, "net_to_gross_mass": 0.82}


def test_a_kind_that_the_model_has_seldom_seen_is_verified_where_the_figures_point_at_it():
    assert kinds_to_verify(SPLIT, LOW_PRICE) == ("value", "classification", "quantity")


def test_a_run_of_then_verifies_what_it_did():
    assert kinds_to_verify(SPLIT, LOW_PRICE, is_model_tempered=False) == ("value", "classification")
