"""The readable text: three languages, one condition; every fault with its place."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from basira.rules import model
from basira.rules.faults import say_fault, say_hint
from basira.rules.json_form import read_condition, write_condition
from basira.rules.model import Condition
from basira.rules.names import Name, Vocabulary
from basira.rules.text import parse_condition
from basira.rules.write import write_text
from basira.schema.errors import RuleError
from tests.support.rules_world import VOCABULARY, conditions

ORIGIN = model.InList("origin_country", "high-risk-origins")
CODE = model.StartsWith("commodity_code", ("8517",))
LANGUAGES = ("fr", "en", "ar")


@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(conditions, st.sampled_from(LANGUAGES))
def test_a_text_reads_back_to_the_condition_it_was_written_from(condition: Condition, language: str) -> None:
    assert parse_condition(write_text(condition, VOCABULARY, language), VOCABULARY) == condition


@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(conditions)
def test_the_json_reads_back_to_the_condition(condition: Condition) -> None:
    assert read_condition(write_condition(condition))[0] == condition


@pytest.mark.parametrize(
    "text",
    [
        "commodity_code starts with '8517' and origin_country in list 'high-risk-origins'",
        "HS_CODE STARTS WITH '8517' AND \"Pays d’origine\" in list 'high-risk-origins'",
        "code_sh commence par '٨٥١٧' et pays_d_origine dans la liste 'high-risk-origins'",
        "رمز_البند يبدأ ب '8517' و بلد_المنشأ ضمن القائمة 'high-risk-origins'",
        "any item (commodity_code starts with '8517' and origin_country in list 'high-risk-origins')",
    ],
)
def test_one_condition_in_three_languages(text: str) -> None:
    assert parse_condition(text, VOCABULARY) == model.AnyItem(model.AllOf((CODE, ORIGIN)))


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("commodity_code not starts with '8517'", model.Not(CODE)),
        ("not commodity_code starts with '8517'", model.Not(CODE)),
        ("origin_country not in ('cn')", model.Not(model.OneOf("origin_country", ("CN",)))),
        ("origin_country != 'CN'", model.Not(model.OneOf("origin_country", ("CN",)))),
        ("origin_country <> 'CN'", model.Not(model.OneOf("origin_country", ("CN",)))),
        ("'CN' = origin_country", model.OneOf("origin_country", ("CN",))),
        ("origin_country not in list 'high-risk-origins'", model.Not(ORIGIN)),
        ("description not contains 'x'", model.Not(model.Contains("description", ("x",)))),
        ("quantity is missing", model.IsMissing("quantity")),
        ("quantity is present", model.Not(model.IsMissing("quantity"))),
        (
            "quantity not between 1 and 2",
            model.Not(model.Between(model.FieldValue("quantity"), model.Number(1.0), model.Number(2.0))),
        ),
        ("5 < quantity", model.Compare(model.Number(5.0), "<", model.FieldValue("quantity"))),
        ("quantity >= -5", model.Compare(model.FieldValue("quantity"), ">=", model.Number(-5.0))),
        ("net_mass_kg > 2 t", model.Compare(model.FieldValue("net_mass_kg"), ">", model.Number(2.0, "t"))),
        ("duty_rate ≤ 30%", model.Compare(model.FieldValue("duty_rate"), "<=", model.Number(30.0, "%"))),
    ],
)
def test_negations_units_and_sides(text: str, condition: Condition) -> None:
    assert parse_condition(text, VOCABULARY) == model.AnyItem(condition)


def test_a_condition_of_the_header_needs_no_item() -> None:
    assert parse_condition("is_oea = no and declared_at on (friday)", VOCABULARY) == model.AllOf(
        (model.Not(model.IsTrue("is_oea")), model.OnWeekday("declared_at", ("friday",)))
    )


def test_a_count_of_items_and_the_other_way_round() -> None:
    wanted = model.CountItems(ORIGIN, ">=", 2)
    assert parse_condition("count items (origin_country in list 'high-risk-origins') >= 2", VOCABULARY) == wanted
    assert parse_condition("2 <= count items (origin_country in list 'high-risk-origins')", VOCABULARY) == wanted


@pytest.mark.parametrize(
    ("text", "reason", "place", "nearest"),
    [
        ("", "empty", None, ""),
        ("quantity > 5 and origin_contry = 'CN'", "unknown_field", (18, 13), "origin_country"),
        ("origin_country in list 'high-risk-origin'", "unknown_list", (1, 41), "high-risk-origins"),
        ("net_mass_kg > 5 kilo", "unknown_unit", (17, 4), ""),
        ("net_mass_kg > 5 MAD", "wrong_unit", (15, 5), ""),
        ("quantity > 0,5", "decimal_comma", (12, 1), "0.5"),
        ("commodity_code in (8517)", "quotes", (20, 4), ""),
        ("commodity_code = '85a7'", "value_form", (1, 23), ""),
        ("origin_country = 'C\u200bN'", "odd_character", (1, 22), ""),
        ("description contains '\u0301'", "empty_value", None, ""),
        ("description contains 'a\ud800'", "odd_character", None, ""),
        ("description contains 'a\x00'", "odd_character", None, ""),
        ("declared_at >= '2026-02-31'", "day_form", (16, 12), ""),
        ("declared_at >= 5", "day_and_number", (1, 16), ""),
        ("description = 'x'", "wrong_kind", (1, 17), ""),
        ("importer_id > 'a'", "text_order", (15, 3), ""),
        ("quantity > 5 -- 3", "character", (15, 1), ""),
        ("quantity > 5 /* and */", "character", None, ""),
        ("quantity > 5; drop table x", "character", (13, 1), ""),
        ("quantity > 'a", "open_quote", (12, 1), ""),
        ("quantity > 5 and", "syntax", (14, 3), ""),
        ("quantity 5", "misplaced", (1, 10), ""),
        ("quantity > 5 < 6", "misplaced", (1, 12), ""),
        ("quantity > 5 and quantity < 3", "never_true", (1, 29), ""),
        ("quantity < 5 or quantity >= 5", "never_false", (1, 29), ""),
        ("quantity > 0x10", "unknown_unit", (13, 3), ""),
        ("1 < 2", "no_field", (1, 5), ""),
        ("any item (quantity > 1, quantity > 2)", "misplaced", (11, 26), ""),
        ("count items (quantity > 1)", "misplaced", (14, 12), ""),
        ("(" * 11 + "quantity > 1" + ")" * 11, "too_deep", (11, 1), ""),
        ("not not not is_oea = true", "too_deep", (9, 3), ""),
        ("x" * 4001, "too_long", None, ""),
        (" or ".join(["quantity > 1"] * 200), "too_many", None, ""),
    ],
)
def test_a_fault_says_where_and_what_was_meant(
    text: str, reason: str, place: tuple[int, int] | None, nearest: str
) -> None:
    with pytest.raises(RuleError) as caught:
        parse_condition(text, VOCABULARY)
    assert (caught.value.reason, caught.value.nearest) == (reason, nearest)
    assert place is None or caught.value.place == place
    assert len({say_fault(caught.value, language, strict=True) for language in LANGUAGES}) == 3
    assert all(say_hint(caught.value, language, strict=True) for language in LANGUAGES)


WORDS = st.sampled_from(
    ["quantity",
     "origin_country", "'CN'", "5", "kg", "%", "(", ")", ",", "and", "or", "not", "in", "in list", "<", "=",
     "between", "is missing", "any item", "count items", "starts with", "-", "*", "/", "--", "/*", ";", "select",
     "from", "read_csv('/etc/passwd')", "${x}", "{{7*7}}", "\\", "\x00", "🂡",
     "case when", "::", "'", '"', "«", "lundi", "vrai"]
)  # fmt: skip


@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.one_of(st.lists(WORDS, max_size=25).map(" ".join), st.text(max_size=60)))
def test_any_text_is_a_condition_or_a_fault(text: str) -> None:
    """Nothing else is raised; what is taken can be written and reads back."""
    try:
        condition = parse_condition(text, VOCABULARY)
    except RuleError:
        return
    assert parse_condition(write_text(condition, VOCABULARY, "fr"), VOCABULARY) == condition


@pytest.mark.parametrize("language", ["fr", "en", "ar"])
def test_a_label_of_two_fields_stands_for_neither_and_names_both(language: str) -> None:
    vocabulary = Vocabulary(
        Name(name, "number", is_of_item=True, labels={"fr": "Masse"}) for name in ("quantity", "mass", "other")
    )
    # The schema's own name wins over every label, its own or another's.
    assert parse_condition("mass > 1", vocabulary)
    with pytest.raises(RuleError) as raised:
        parse_condition("masse > 1", vocabulary)
    assert raised.value.reason == "shared_name"
    assert raised.value.place == (1, 5)
    assert all(name in say_fault(raised.value, language) for name in ("quantity", "mass", "other"))
