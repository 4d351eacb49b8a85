"""The part of a condition that decides: what is left without it, and how near its number is."""

from __future__ import annotations

import pytest

from basira.rules import model
from basira.rules.findings import find_reasons
from basira.rules.near import loosen, margin_of
from basira.rules.text import parse_condition
from basira.rules.values import Facts
from basira.workflows.rules.vocabulary import make_vocabulary

VOCABULARY = make_vocabulary()


def test_each_part_that_must_be_true_is_taken_away_once() -> None:
    condition = parse_condition(
        "any item (quantity > 5 and (net_mass_kg < 2 or is_oea = true)) and office = 'A'", VOCABULARY
    )
    found = loosen(condition)
    assert len(found) == 3
    assert all(one.rest != condition for one in found)
    assert [one.of_item is None for one in found] == [False, False, True]
    assert isinstance(found[1].part, model.AnyOf)


def test_a_condition_of_one_part_has_nothing_left() -> None:
    assert loosen(parse_condition("quantity > 5", VOCABULARY)) == ()
    assert loosen(parse_condition("quantity > 5 or quantity < 2", VOCABULARY)) == ()


@pytest.mark.parametrize(
    ("text", "margin"),
    [
        ("quantity > 8", 0.2),
        ("quantity < 0.5 * net_mass_kg", 0.5),
        ("quantity between 9 and 20", 0.1),
        ("quantity = net_mass_kg / gross_mass_kg", None),
        ("origin_country = 'CN'", None),
    ],
)
def test_the_margin_of_a_number(text: str, margin: float | None) -> None:
    condition = parse_condition(text, VOCABULARY)
    items = [{"quantity": 10.0, "net_mass_kg": 40.0, "gross_mass_kg": 0.0, "origin_country": "CN"}]
    (finding,) = find_reasons(condition, Facts(items), VOCABULARY, {})
    assert margin_of(finding) == (None if margin is None else pytest.approx(margin))
