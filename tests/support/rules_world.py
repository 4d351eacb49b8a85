"""What tests of rules share: names in three languages, lists, rules and declarations drawn at random."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from basira.rules import model
from basira.rules.check import settle
from basira.rules.model import Condition
from basira.rules.names import Name, Vocabulary
from basira.rules.similar import NameIndex
from basira.rules.values import Facts, ListValues
from basira.schema.errors import RuleError

NAMES = (
    Name("declared_at", "moment", False,
         labels={"fr": "Date d’enregistrement", "en": "Registration date", "ar": "تاريخ التسجيل"}),
    Name("office", "code", False, labels={"fr": "Bureau", "en": "Office", "ar": "المكتب"}),
    Name("importer_id", "text", False, labels={"fr": "Importateur", "en": "Importer", "ar": "المستورد"}),
    Name("is_oea", "flag", False, labels={"fr": "Opérateur économique agréé", "ar": "فاعل اقتصادي معتمد"}),
    Name("freight_amount", "number", False, "value currency"),
    Name("commodity_code", "commodity", True, labels={"fr": "Code SH", "en": "HS code", "ar": "رمز البند"}),
    Name("description", "prose", True, labels={"fr": "Désignation", "ar": "التسمية"}),
    Name("origin_country", "country", True, labels={"fr": "Pays d’origine", "ar": "بلد المنشأ"}),
    Name("quantity", "number", True, "quantity_unit", labels={"fr": "Quantité", "ar": "الكمية"}),
    Name("net_mass_kg", "number", True, "kg", labels={"fr": "Masse nette (kg)", "ar": "الوزن الصافي (كغ)"}),
    Name("customs_value_amount", "number", True, "value currency", labels={"fr": "Valeur en douane"}),
    Name("value_currency", "currency", True),
    Name("duty_rate", "number", True, "rate", labels={"fr": "Taux de droit d’importation"}),
    Name("importer_hit_rate", "number", True, "rate", source="feature"),
    Name("value_per_kg_vs_reference", "number", True, "ln ratio", source="feature"),
    Name("fraud_probability", "number", False, "rate", source="score"),
    Name("value_per_kg", "number", True, "amount/kg", source="derived"),
    Name("value_per_kg_reference", "number", True, "amount/kg", source="derived"),
)  # fmt: skip
LISTS = {
    "high-risk-origins": ListValues(frozenset({"CN", "TR"})),
    "watched-codes": ListValues(frozenset({"85", "8703", "610910"}), has_prefixes=True),
    "empty-list": ListValues(frozenset()),
    "close-names": ListValues(frozenset({"IMP1 SARL", "شركه"}), names=NameIndex(("IMP1 SARL", "شركه"), 0.8)),
}
VOCABULARY = Vocabulary(NAMES, list(LISTS))
OF_KIND = {kind: [n.name for n in NAMES if n.kind == kind] for kind in {n.kind for n in NAMES}}

BOUNDS = (0.0, 1.0, 5.0, 0.3, 100.0, -1.0, 1e-9, 1e15)
EXTREMES = (0.0, -0.0, math.inf, -math.inf, math.nan, 1e308, -1e308, 5e-324, 2.0**53 + 2, 30 / 100)
_CODES = ("85171300", "850300", "8703", "61091000", "01")
_COUNTRIES = ("CN", "TR", "FR")
_PROSE = ("Téléphones", "telephones mobiles", "ΣΊΣΥΦΟΣ", "straße", "İstanbul", "كِتَاب", "x", "ﬁne", "A\u0301")
_DAYS = tuple(date(2026, 1, 30) + timedelta(days=number) for number in range(9))

numbers = st.one_of(*[st.sampled_from(BOUNDS)] * 3, st.floats(-1e17, 1e17)).map(lambda x: model.Number(x + 0.0))
fields = st.sampled_from(OF_KIND["number"]).map(model.FieldValue)
arithmetic = st.recursive(
    st.one_of(fields, numbers),
    lambda inner: st.builds(model.Arithmetic, st.sampled_from(model.OPERATIONS), inner, inner),
    max_leaves=3,
)
days = st.sampled_from(_DAYS).map(model.Day)
moment = st.just(model.FieldValue("declared_at"))
comparisons = st.sampled_from(model.COMPARISONS)
with_unit = st.one_of(
    st.tuples(st.just("net_mass_kg"), st.sampled_from(["g", "kg", "t"])),
    st.tuples(st.sampled_from(["duty_rate", "importer_hit_rate"]), st.just("%")),
    st.tuples(st.sampled_from(["customs_value_amount", "freight_amount"]), st.sampled_from(["MAD", "EUR"])),
)


def _several(values: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True).map(tuple)


leaves: st.SearchStrategy[Condition] = st.one_of(
    st.builds(model.Compare, arithmetic, comparisons, arithmetic),
    st.builds(lambda pair, c, x: model.Compare(model.FieldValue(pair[0]), c, model.Number(abs(x.value), pair[1])),
              with_unit, comparisons, numbers),
    st.builds(model.Compare, moment, comparisons, days),
    st.builds(model.Between, arithmetic, numbers, numbers),
    st.builds(model.Between, moment, days, days),
    st.builds(model.OneOf, st.just("origin_country"), _several(_COUNTRIES)),
    st.builds(model.OneOf, st.just("commodity_code"), _several(_CODES)),
    st.builds(model.OneOf, st.just("importer_id"), _several(("IMP 1", "شركة", "D'OR", "2026-01-01"))),
    st.builds(model.StartsWith, st.just("commodity_code"), _several(("8", "85", "8517", "0"))),
    st.builds(model.StartsWith, st.just("importer_id"), _several(("IMP", "ش"))),
    st.builds(model.Contains, st.just("description"), _several(("téléphone", "STRASSE", "σισυφοσ", "كتاب", "fi", "'"))),
    st.builds(model.InList, st.sampled_from(["origin_country"]), st.sampled_from(["high-risk-origins", "empty-list"])),
    st.builds(model.InList, st.just("commodity_code"), st.just("watched-codes")),
    st.builds(model.InList, st.just("importer_id"), st.just("close-names")),
    st.sampled_from([n.name for n in NAMES]).map(model.IsMissing),
    st.just(model.IsTrue("is_oea")),
    st.builds(model.OnWeekday, st.just("declared_at"), _several(model.WEEKDAYS)),
)  # fmt: skip


def _more(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    parts = st.lists(inner, min_size=1, max_size=3).map(tuple)
    return st.one_of(
        st.builds(model.AllOf, parts),
        st.builds(model.AnyOf, parts),
        st.builds(model.Not, inner),
        st.builds(model.AnyItem, inner),
        st.builds(model.AllItems, inner),
        st.builds(model.CountItems, inner, comparisons, st.integers(0, 4)),
    )


def _settled(condition: Condition) -> Condition | None:
    for one in (condition, model.AnyItem(condition)):
        try:
            return settle(one, VOCABULARY, {})
        except RuleError:
            continue
    return None


conditions: st.SearchStrategy[Condition] = (
    st.recursive(leaves, _more, max_leaves=6).map(_settled).filter(lambda one: one is not None)
)  # type: ignore[assignment]

figures = st.one_of(st.none(), st.sampled_from(EXTREMES), st.sampled_from(BOUNDS), st.floats())
# A column of the schema may hold whole numbers: they are compared as doubles.
headers = st.fixed_dictionaries(
    {
        "declared_at": st.one_of(
            st.none(), st.sampled_from([datetime(d.year, d.month, d.day, 23, 59, 59) for d in _DAYS]),
            st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)),
        ),
        "office": st.sampled_from([None, "A", "B"]),
        "importer_id": st.sampled_from([None, "", "IMP 1", "IMP1", "IMP1 SAR", "شركة", "D'OR", "IMP 10"]),
        "is_oea": st.sampled_from([None, True, False]),
        "freight_amount": figures,
    }
)  # fmt: skip
item_values = st.fixed_dictionaries(
    {
        "commodity_code": st.sampled_from([None, "", *_CODES]),
        "description": st.one_of(st.none(), st.sampled_from(_PROSE), st.text(max_size=8)),
        "origin_country": st.sampled_from([None, *_COUNTRIES]),
        "quantity": figures,
        "net_mass_kg": figures,
        "customs_value_amount": figures,
        "value_currency": st.sampled_from([None, "MAD", "EUR"]),
        "duty_rate": figures,
    }
)
FEATURES = ("importer_hit_rate", "value_per_kg_vs_reference")


@st.composite
def declarations(draw: st.DrawFn) -> Facts:
    """The facts of one declaration of one to four items."""
    header = draw(headers)
    items = [{**header, **one} for one in draw(st.lists(item_values, min_size=1, max_size=4))]
    features = {name: [draw(figures) for _ in items] for name in FEATURES}
    return Facts(items, features, {"fraud_probability": draw(figures)})


def rows_of(many: list[Facts]) -> list[dict[str, Any]]:
    """The rows of the table of many declarations."""
    return [
        {
            "declaration_position": number,
            **item,
            **{name: column[position] for name, column in facts.features.items()},
            **facts.scores,
        }
        for number, facts in enumerate(many)
        for position, item in enumerate(facts.items)
    ]
