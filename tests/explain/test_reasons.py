"""Reasons: each with figures that support it, put in words, from features that exist."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from basira.explain import reasons as module
from basira.explain.circumstances import LATER_FAMILIES
from basira.explain.reasons import CIRCUMSTANCES, FAINTEST, MOST_REASONS, explain_items
from basira.explain.words import REASON_CODES, VERIFY_KINDS, say, say_reference, say_verify
from basira.features.catalog.catalog import CATALOG, FEATURE, REASONS
from tests.support.one_item import FAMILY, PARENT, PLAIN, REFERENCE, Spied, explained, history, said, thousandths

# Families, from the catalog.

# What may move the score and is not put into words, for want of a sentence that an officer could act on.
SILENT = {
    "net_mass_log",
    "freight_share",
    "is_oea_importer",
    "declaration_items",
    "share_of_declaration",
    "description_length",
    "declared_weekday",
    "declared_hour",
}


def test_the_features_without_words_are_these_and_no_other():
    assert {f.name for f in CATALOG if f.role != "evidence" and not FAMILY[f.name]} == SILENT


def test_every_family_has_a_builder():
    known = set(module._BUILDERS) | set(REASONS.past) | LATER_FAMILIES
    assert {f for f in FAMILY.values() if f and f not in known and not f.startswith(("category_", "new_"))} == set()


def test_every_parent_rate_is_a_feature():
    assert {f"{parent}_hit_rate" for parent in PARENT.values()} <= set(FEATURE)


# One family after another: what it reports, and when it reports nothing.


@pytest.mark.parametrize(
    ("declared", "code", "gap"), [(4.0, "value_per_kg_low", -0.6), (15.0, "value_per_kg_high", 0.5)]
)
def test_a_unit_value_away_from_its_comparables(declared, code, gap):
    reason = said(
        "value_per_kg",
        customs_value_amount=declared * 100,
        net_mass_kg=100.0,
        value_per_kg_reference_median=thousandths(10),
        value_per_kg_reference_count=214,
        value_per_kg_reference_level=0,
    )
    assert reason is not None
    assert reason.code == code
    assert reason.figures["gap"] == pytest.approx(gap, abs=1e-3)
    assert (reason.figures["count"], reason.figures["origin_country"]) == (214, "CN")


def test_a_unit_value_compared_over_all_origins_names_none():
    reason = said(
        "value_per_kg",
        customs_value_amount=400.0,
        net_mass_kg=100.0,
        value_per_kg_reference_median=thousandths(10),
        value_per_kg_reference_count=30,
        value_per_kg_reference_level=1,
    )
    assert reason is not None
    assert reason.figures["origin_country"] is None


@pytest.mark.parametrize(
    "row",
    [
        {"value_per_kg_reference_median": None, "value_per_kg_reference_count": 0},
        {"value_per_kg_reference_median": thousandths(10), "value_per_kg_reference_count": 214, "net_mass_kg": 0.0},
        {"value_per_kg_reference_median": thousandths(10), "value_per_kg_reference_count": 214, "net_mass_kg": 1e-320},
        {"value_per_kg_reference_median": thousandths(10), "value_per_kg_reference_count": 214, "net_mass_kg": None},
        # 5 % below the median is usual.
        {
            "value_per_kg_reference_median": thousandths(10),
            "value_per_kg_reference_count": 214,
            "customs_value_amount": 950.0,
            "net_mass_kg": 100.0,
        },
    ],
)
def test_no_comparison_no_reason(row):
    assert said("value_per_kg", **row) is None


def test_a_value_per_unit_names_its_unit():
    reason = said(
        "value_per_unit",
        customs_value_amount=400.0,
        quantity=100.0,
        value_per_unit_reference_median=thousandths(10),
        value_per_unit_reference_count=30,
        value_per_unit_reference_level=0,
    )
    assert reason is not None
    assert (reason.code, reason.figures["unit"], reason.figures["origin_country"]) == ("value_per_unit_low", "U", None)


@pytest.mark.parametrize(("mass", "code"), [(50.0, "kg_per_unit_low"), (300.0, "kg_per_unit_high")])
def test_a_mass_per_unit_away_from_usual(mass, code):
    reason = said(
        "kg_per_unit", net_mass_kg=mass, quantity=100.0, kg_per_unit_unit_code_median=0, kg_per_unit_unit_code_count=12
    )
    assert reason is not None
    assert (reason.code, reason.figures["median"]) == (code, 1.0)


def test_taxes_below_those_usual_for_the_code():
    reason = said(
        "duty_rate",
        total_tax_amount=100.0,
        customs_value_amount=1000.0,
        tax_share_code_origin_median=None,
        tax_share_code_median=thousandths(0.25),
        tax_share_code_count=40,
    )
    assert reason is not None
    assert (reason.code, reason.figures["origin_country"]) == ("duty_rate_low", None)
    assert (reason.figures["rate"], reason.figures["usual_rate"]) == (0.1, pytest.approx(0.25, rel=1e-3))


def test_without_a_usual_tax_the_declared_rate_is_named():
    reason = said("duty_rate", total_tax_amount=None)
    assert reason is not None
    assert reason.figures == {"field": "duty_rate", "value": 0.025}
    found = explained("duty_rate", total_tax_amount=None, version=0)
    assert found.verify == ("classification",)


ENTITIES = sorted(
    f.removeprefix("history_") for f in set(FAMILY.values()) if f.startswith("history_") and f != "history_commodity"
)


@pytest.mark.parametrize("entity", ENTITIES)
def test_a_history_worse_than_its_parents(entity):
    parent = PARENT[entity]
    reason = said(
        f"history_{entity}", **history(entity, irregular=4, inspected=9, rate=0.3, **{f"{parent}_hit_rate": 0.06})
    )
    assert reason is not None
    assert reason.code == f"history_{entity}"
    assert (reason.figures["irregular"], reason.figures["inspected"]) == (4, 9)
    assert reason.figures["rate"] > reason.figures["usual_rate"]


@pytest.mark.parametrize("entity", ENTITIES)
@pytest.mark.parametrize(
    ("irregular", "rate"),
    [(0, 0.3), (1, 0.06), (1, 0.02)],  # nothing found; no worse than usual; better than usual
)
def test_a_history_that_says_nothing_against_it_is_no_reason(entity, irregular, rate):
    parent = PARENT[entity]
    row = history(entity, irregular=irregular, inspected=50, rate=rate, **{f"{parent}_hit_rate": 0.06})
    assert said(f"history_{entity}", **row) is None


def test_the_commodity_speaks_at_the_narrowest_level_with_results():
    row = history("code", irregular=1, inspected=2, rate=0.5) | history("hs6", irregular=3, inspected=8, rate=0.3)
    reason = said("history_commodity", **row, heading_hit_rate=0.1)
    assert reason is not None
    assert (reason.code, reason.figures["commodity_code"], reason.figures["inspected"]) == ("history_code", "851713", 8)


def test_a_chapter_is_called_a_chapter():
    reason = said("history_commodity", **history("chapter", irregular=9, inspected=40, rate=0.2))
    assert reason is not None
    assert (reason.code, reason.figures["commodity_code"]) == ("history_chapter", "85")


def test_a_word_rarely_seen_under_this_code():
    reason = said("description", code_share_of_word=0.03, word_items=300)
    assert reason is not None
    assert reason.code == "description_unusual"
    assert said("description", code_share_of_word=0.03, word_items=5) is None
    assert said("description", code_share_of_word=0.7, word_items=300) is None


def test_a_word_with_a_history():
    reason = said("description", **history("word_code", irregular=5, inspected=20, rate=0.2, word_hit_rate=0.08))
    assert reason is not None
    assert reason.code == "history_description"


NEW = sorted(f.removeprefix("new_") for f in set(FAMILY.values()) if f.startswith("new_"))


@pytest.mark.parametrize("entity", NEW)
def test_someone_never_or_seldom_seen_is_new(entity):
    never = said(f"new_{entity}", **{f"{entity}_items": 0, f"{entity}_days_since_first": None})
    seldom = said(f"new_{entity}", **{f"{entity}_items": 3, f"{entity}_days_since_first": 400})
    assert never is not None
    assert seldom is not None
    assert never.code == seldom.code == f"new_{entity}"
    assert (never.figures["days"], seldom.figures["days"]) == (None, 400)


@pytest.mark.parametrize("entity", NEW)
def test_someone_well_known_is_not_new(entity):
    assert said(f"new_{entity}", **{f"{entity}_items": 10, f"{entity}_days_since_first": 91}) is None


def test_a_consignment_that_was_irregular_before():
    row = {"code_mass_items": 6, **history("code_mass", irregular=2, inspected=3, rate=0.5, code_hit_rate=0.1)}
    reason = said("repeat_consignment", **row)
    assert reason is not None
    assert (reason.figures["repeats"], reason.figures["irregular"], reason.figures["inspected"]) == (6, 2, 3)


@pytest.mark.parametrize(("irregular", "rate"), [(0, 0.5), (1, 0.1), (1, 0.05)])
def test_a_consignment_whose_repeats_were_no_worse_is_no_reason(irregular, rate):
    row = {
        "code_mass_items": 60,
        **history("code_mass", irregular=irregular, inspected=40, rate=rate, code_hit_rate=0.1),
    }
    assert said("repeat_consignment", **row) is None


def test_a_jump_in_volume():
    reason = said("volume_jump_importer", importer_items_30d=40, importer_items_365d=60)
    assert reason is not None
    assert reason.figures == {"count_30d": 40, "usual_30d": 5.0}
    assert said("volume_jump_importer", importer_items_30d=6, importer_items_365d=60) is None
    assert said("volume_jump_importer", importer_items_30d=2, importer_items_365d=2) is None


def test_an_origin_seldom_seen_for_the_code():
    assert said("origin_unusual", origin_share_of_code=0.01, code_items=200) is not None
    assert said("origin_unusual", origin_share_of_code=0.6, code_items=200) is None
    assert said("origin_unusual", origin_share_of_code=0.01, code_items=5) is None


def test_an_origin_that_is_not_where_it_came_from():
    reason = said("origin_differs_from_dispatch", origin_differs_from_dispatch=1, dispatch_country="ES")
    assert reason is not None
    assert (reason.figures["origin_country"], reason.figures["dispatch_country"]) == ("CN", "ES")
    assert said("origin_differs_from_dispatch", origin_differs_from_dispatch=0) is None
    assert said("origin_differs_from_dispatch", origin_differs_from_dispatch=None) is None


def test_a_preference():
    assert said("preference_claimed", preference="EU") is not None
    assert said("preference_claimed", preference=None) is None


@pytest.mark.parametrize(
    ("value", "code"), [(100.0, "small_consignment"), (9000.0, "large_consignment"), (1200.0, None)]
)
def test_a_consignment_of_an_unusual_size(value, code):
    reason = said(
        "consignment_size",
        customs_value_amount=value,
        item_value_code_median=thousandths(1000),
        item_value_code_count=50,
    )
    assert (reason.code if reason else None) == code


def test_a_round_value():
    assert said("round_value", customs_value_amount=5000.0, value_trailing_zeros=3) is not None
    assert said("round_value", customs_value_amount=4321.0, value_trailing_zeros=0) is None


def test_a_value_just_below_a_threshold():
    reason = said("below_threshold", customs_value_amount=1980.0, value_to_next_round=0.99)
    assert reason is not None
    assert reason.figures == {"value": 1980.0, "threshold": 2000.0}
    assert said("below_threshold", customs_value_amount=2000.0, value_to_next_round=1.0) is None
    assert said("below_threshold", customs_value_amount=1500.0, value_to_next_round=0.75) is None


@pytest.mark.parametrize(("net", "is_said"), [(100.0, True), (500.0, True), (430.0, False)])
def test_a_net_mass_that_does_not_fit_the_gross(net, is_said):
    assert (said("mass_ratio", net_mass_kg=net, gross_mass_kg=460.0) is not None) == is_said


def test_taxes_that_the_rates_do_not_give():
    reason = said("tax_inconsistent", tax_gap=-0.5, total_tax_amount=100.0)
    assert reason is not None
    assert reason.figures == {"declared": 100.0, "expected": 200.0}
    assert said("tax_inconsistent", tax_gap=0.01, total_tax_amount=100.0) is None


def test_a_declared_code():
    reason = said("category_office", category_office="TNG-MED")
    assert reason is not None
    assert reason.figures == {"field": "office", "value": "TNG-MED"}
    assert said("category_office", category_office=None) is None


def test_an_attribute_of_the_source_itself():
    values = np.array([[1.0]])
    row = PLAIN | {"category_x_tax_type": "FCN1"}
    catalog = REASONS.with_categories(["category_x_tax_type"])
    [found] = explain_items(values, ["category_x_tax_type"], catalog, [row], kinds=[{}])
    assert say(found.reasons[0], language="en", currency="KRW", strict=True)


# Ranking and choosing.


def test_the_strongest_come_first_eight_at_most_and_nothing_faint():
    names = [f"category_{i}" for i in range(11)]
    row = PLAIN | dict.fromkeys(names, "A")
    values = np.array([[0.1, 0.9, FAINTEST * 0.9, 0.3, -2.0, 0.2, 0.5, 0.4, 0.15, 0.12, 0.07]])
    [found] = explain_items(values, names, replace(REASONS, families={n: n for n in names}), [row], kinds=[{}])
    assert [r.contribution for r in found.reasons] == [0.9, 0.5, 0.4, 0.3, 0.2, 0.15, 0.12, 0.1]
    assert len(found.reasons) == MOST_REASONS
    # As it was before what the strongest reasons speak for was verified too.
    [then] = explain_items(
        values, names, replace(REASONS, families={n: n for n in names}), [row], kinds=[{}], version=CIRCUMSTANCES
    )
    assert [r.contribution for r in then.reasons] == [0.9, 0.5, 0.4, 0.3, 0.2]


def test_what_lowered_the_probability_is_never_listed():
    assert explained("category_office", weight=-1.0, category_office="A").reasons == ()


def test_features_of_one_family_are_summed():
    names = ["value_per_kg_vs_code", "value_per_kg_vs_code_origin", "value_per_kg_log"]
    values = np.array([[0.5, 0.4, -0.7]])
    row = Spied(
        PLAIN
        | {
            "customs_value_amount": 400.0,
            "net_mass_kg": 100.0,
            "value_per_kg_reference_median": thousandths(10),
            "value_per_kg_reference_count": 20,
            "value_per_kg_reference_level": 0,
        }
    )
    [found] = explain_items(values, names, REASONS, [row], kinds=[{}])
    assert [r.contribution for r in found.reasons] == [0.2]
    assert found.reasons[0].features == ("value_per_kg_log", "value_per_kg_vs_code", "value_per_kg_vs_code_origin")


# What to verify, as it was before `basira.explain.kinds`: runs recorded then are made again so.


def test_there_is_always_something_to_verify():
    assert explained("category_office", version=0).verify == ("documents",)
    seen = {"importer_items": 0, "importer_days_since_first": None}
    assert explained("new_importer", **seen, version=0).verify == ("documents",)


def test_the_kinds_come_before_what_the_reasons_point_at():
    kinds = {"value": 0.5, "quantity": 0.3, "origin": 0.05}
    found = explained("preference_claimed", preference="EU", kinds=kinds, version=0)
    assert found.verify == ("value", "quantity", "origin")


@pytest.mark.parametrize(
    ("family", "row", "kind"),
    [
        ("consignment_size", {"customs_value_amount": 10.0, "item_value_code_median": thousandths(1000)}, "value"),
        ("kg_per_unit", {"net_mass_kg": 1.0, "quantity": 100.0, "kg_per_unit_unit_code_median": 0}, "quantity"),
        ("origin_unusual", {"origin_share_of_code": 0.01, "code_items": 200}, "origin"),
        ("description", {"code_share_of_word": 0.03, "word_items": 300}, "classification"),
        ("tax_inconsistent", {"tax_gap": -0.5}, "documents"),
        ("mass_ratio", {"net_mass_kg": 500.0}, "quantity"),
    ],
)
def test_each_reason_points_at_what_would_settle_it(family, row, kind):
    found = explained(family, **row, version=0)
    assert found.reasons
    assert found.verify[0] == kind


def test_every_reason_that_points_somewhere_is_a_reason_with_words():
    assert {f.verify for f in CATALOG} - {""} <= set(VERIFY_KINDS)
    assert {one.code for past in REASONS.past.values() for one in past} <= set(REASON_CODES)


def test_the_catalog_says_what_officers_are_asked_to_verify():
    """One thing for a family, whichever of its features spoke; of what has no words, nothing."""
    told = {family: {f.verify for f in CATALOG if f.reason == family} for family in {f.reason for f in CATALOG}}
    assert {family: kinds for family, kinds in told.items() if len(kinds) > 1} == {}
    assert told[""] == {""}
    assert {family: kind for family, [kind] in told.items() if kind} == REASONS.verify


# Whatever the figures.

FIGURE = st.one_of(
    st.none(),
    st.integers(-20_000, 20_000),
    st.integers(0, 30),
    st.floats(0, 2, width=32),
    st.floats(-9, 9, width=32),
    st.just(float("nan")),
)
# Reasons that name a comparison, the two figures of it, and which way it must go.
WAYS = {
    "value_per_kg_low": ("value", "<", "median"),
    "value_per_kg_high": ("value", ">", "median"),
    "value_per_unit_low": ("value", "<", "median"),
    "value_per_unit_high": ("value", ">", "median"),
    "kg_per_unit_low": ("value", "<", "median"),
    "kg_per_unit_high": ("value", ">", "median"),
    "duty_rate_low": ("rate", "<", "usual_rate"),
    "duty_rate_high": ("rate", ">", "usual_rate"),
    "small_consignment": ("value_amount", "<", "median"),
    "large_consignment": ("value_amount", ">", "median"),
    "below_threshold": ("value", "<", "threshold"),
    "volume_jump_importer": ("count_30d", ">", "usual_30d"),
}


@st.composite
def items(draw: st.DrawFn) -> dict[str, Any]:
    row: dict[str, Any] = dict(PLAIN)
    # Amounts as ingest lets them through: not negative; anything else as the features may come.
    for name in ("customs_value_amount", "net_mass_kg", "gross_mass_kg", "quantity", "total_tax_amount"):
        row[name] = draw(st.one_of(st.none(), st.just(0.0), st.floats(0.01, 1e7)))
    for name in draw(st.lists(st.sampled_from(sorted(FEATURE)), max_size=60)):
        row[name] = draw(FIGURE)
    for name in FEATURE:
        if name.endswith("_level"):
            top = 1 if name.startswith("value_per_kg") else 0
            row[name] = draw(st.one_of(st.none(), st.integers(0, top)))
        if name.startswith("category_"):
            row[name] = draw(st.sampled_from([None, "A", "FR"]))
    return row


@settings(max_examples=120)
@given(row=items(), seed=st.integers(0, 2**32 - 1))
def test_no_figure_ever_says_the_opposite_and_every_sentence_can_be_written(row, seed):
    names = [n for n, f in FAMILY.items() if f and FEATURE[n].role != "evidence"]
    values = np.random.default_rng(seed).normal(size=(1, len(names)))
    [found] = explain_items(values, names, REASONS, [row], kinds=[{}])
    assert found.verify
    for reason in found.reasons:
        assert reason.code in REASON_CODES
        assert reason.contribution >= FAINTEST
        figures = reason.figures
        if reason.code in WAYS:
            left, way, right = WAYS[reason.code]
            right = "expected" if "expected" in figures else right
            assert (figures[left] < figures[right]) == (way == "<"), reason
        if reason.code.startswith("usual_duty_"):
            assert figures["rate"] < figures["usual_rate"]
        if reason.code.startswith("history_"):
            assert figures["irregular"] > 0
            assert figures["usual_rate"] is None or figures["rate"] > figures["usual_rate"] or figures["rate"] <= 0
        for language in ("fr", "en", "ar"):
            assert say(reason, language=language, currency="MAD", strict=True)
    for reference in found.references:
        assert say_reference(reference, language="fr", currency="MAD", strict=True)


# References.


def test_a_reference_gives_quartiles_in_order_and_what_was_declared():
    [reference] = explained("value_per_kg", **REFERENCE).references
    assert reference.low <= reference.median <= reference.high
    assert (reference.declared, reference.count, reference.level, reference.origin_country) == (
        4.0,
        214,
        "code_origin",
        "CN",
    )
    for language in ("fr", "en", "ar"):
        assert say_verify("value", language=language, currency="MAD", reference=reference, strict=True)


def test_a_wider_reference_names_no_origin():
    [reference] = explained("value_per_kg", **REFERENCE | {"value_per_kg_reference_level": 1}).references
    assert (reference.level, reference.origin_country) == ("code", None)


def test_comparables_are_those_of_the_level_and_never_the_declaration_itself():
    row = PLAIN | REFERENCE
    comparables = {("8517130000", "CN"): ("D9/1", "D1/2", "D8/1"), ("8517130000", None): ("D7/1",)}
    [found] = explain_items(np.zeros((1, 1)), ["value_per_kg_log"], REASONS, [row], kinds=[{}], comparables=comparables)
    assert found.references[0].comparables == ("D9/1", "D8/1")


def test_without_a_reference_there_is_none():
    assert explained("value_per_kg").references == ()


def test_a_mass_too_small_to_divide_by_leaves_no_figure_that_is_not_finite():
    known = {f"value_per_kg_reference_{c}": thousandths(r) for c, r in (("low", 8), ("median", 10), ("high", 12))}
    counts = {"value_per_kg_reference_count": 214, "value_per_kg_reference_level": 0}
    for family in {*FAMILY.values()}:
        found = explained(family, **known, **counts, net_mass_kg=1e-320, gross_mass_kg=1e-320)
        figures = [v for reason in found.reasons for v in reason.figures.values() if isinstance(v, float)]
        assert all(math.isfinite(value) for value in figures)
        assert found.references == ()
