"""The live country: a strategy chooses, results come late, traders answer, bad choices are rejected."""

from datetime import date, timedelta

import numpy as np
import pyarrow.compute as pc
import pytest

from basira.country import LiveCountry, load_scenario
from basira.country.tables import DECLARATIONS
from basira.schema.errors import UsageError

TINY = load_scenario("small", changes={"items": 3000, "ends_on": "2023-03-31", "trade.importers": 200})


def test_declarations_wait_in_the_schemas_columns() -> None:
    country = LiveCountry(TINY, 3)
    assert country.declarations.schema == DECLARATIONS
    days = {d.date() for d in country.declarations.column("declared_at").to_pylist()}
    assert min(days) >= country.day
    assert max(days) <= country.last_day


def test_only_the_chosen_are_inspected() -> None:
    country = LiveCountry(TINY, 3)
    chosen = country.declarations.column("declaration_id").unique().to_pylist()[:5]
    result = country.step(country.day, chosen)
    inspected = result.truth.filter(result.truth.column("was_inspected"))
    assert set(inspected.column("declaration_id").to_pylist()) == set(chosen)
    assert set(inspected.column("selected_by").to_pylist()) == {"strategy"}
    assert result.inspected_items == inspected.num_rows


def test_a_mask_inspects_single_items() -> None:
    country = LiveCountry(TINY, 3)
    mask = np.zeros(country.declarations.num_rows, np.bool_)
    mask[[0, 3]] = True
    result = country.step(country.day, mask)
    assert result.inspected_items == 2
    assert np.flatnonzero(result.truth.column("was_inspected").to_numpy(zero_copy_only=False)).tolist() == [0, 3]


def test_without_inspections_nothing_is_learned() -> None:
    country = LiveCountry(TINY, 3)
    assert country.step(country.day, []).outcomes.num_rows == 0


def test_results_are_learned_in_their_period_and_never_before() -> None:
    country = LiveCountry(TINY, 3)
    learned = 0
    while not country.is_over:
        result = country.step(country.day, country.declarations.column("declaration_id").unique())
        for known in result.outcomes.column("known_at").to_pylist():
            assert result.first_day <= known.date() <= result.last_day
        learned += result.outcomes.num_rows
    assert learned > 100
    last = country.unknown_outcomes().column("known_at")
    assert pc.min(last).as_py().date() > TINY.ends_on


def test_the_first_period_is_the_same_whatever_was_inspected_and_the_trade_of_the_next_too() -> None:
    """Common random numbers: strategies meet the same trade until traders answer."""
    one, other = LiveCountry(TINY, 3), LiveCountry(TINY, 3)
    one.step(one.day, [])
    other.step(other.day, other.declarations.column("declaration_id").unique()[:1])
    assert one.declarations.column("commodity_code").equals(other.declarations.column("commodity_code"))


def test_the_caught_answer() -> None:
    """Under full inspection fraud falls well below what it is without inspections."""

    def late_rate(everything: bool) -> float:
        country, counts = LiveCountry(load_scenario("small", changes={"items": 20_000}), 4), []
        while not country.is_over:
            ids = country.declarations.column("declaration_id").unique() if everything else []
            truth = country.step(country.day, ids).truth
            scheme = truth.column("scheme")
            deliberate = pc.and_(pc.is_valid(scheme), pc.invert(pc.starts_with(scheme, "error_")))
            counts.append((pc.sum(deliberate).as_py() or 0, truth.num_rows))
        late = counts[len(counts) // 2 :]
        return sum(c for c, _ in late) / sum(n for _, n in late)

    assert late_rate(everything=True) < 0.75 * late_rate(everything=False)


def test_a_phoenix_has_a_new_identifier_and_the_old_suppliers() -> None:
    scenario = load_scenario(
        "small",
        changes={
            "items": 20_000,
            "conduct.answers": {
                "change_identity": 1.0,
                "stop": 0,
                "shrink": 0,
                "change_declarant": 0,
                "change_office": 0,
                "change_code": 0,
            },
        },
    )
    country, seen = LiveCountry(scenario, 4), dict[int, dict[str, set[str]]]()
    while not country.is_over:
        result = country.step(country.day, country.declarations.column("declaration_id").unique())
        numbers = result.truth.column("trader_number").to_pylist()
        importers = result.declarations.column("importer_id").to_pylist()
        for number, importer, supplier in zip(
            numbers, importers, result.declarations.column("exporter_id").to_pylist(), strict=True
        ):
            seen.setdefault(number, {}).setdefault(importer, set()).add(supplier)
    phoenixes = [names for names in seen.values() if len(names) > 1]
    assert len(phoenixes) > 10
    again = [bool(set.intersection(*names.values())) for names in phoenixes]
    assert np.mean(again) > 0.5


def test_days_are_stepped_one_by_one_when_asked() -> None:
    country = LiveCountry(TINY, 3, period_days=1)
    country.step(country.day, [])
    assert country.day == TINY.starts_on + timedelta(days=1)


def test_the_last_period_ends_with_the_scenario() -> None:
    country = LiveCountry(TINY, 3, period_days=50)
    country.step(country.day, [])
    assert country.last_day == date(2023, 3, 31)
    country.step(country.day, [])
    assert country.is_over
    assert country.declarations.num_rows == 0
    with pytest.raises(UsageError, match="end"):
        country.step(country.day, [])


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (["nowhere-1"], "nowhere-1"),
        ([None, None], "None"),
        ({"FIRST": "BLEU"}, "BLEU"),
        (["FIRST", "FIRST"], "twice"),
        (np.zeros(3, np.bool_), "mask"),
    ],
)
def test_a_choice_that_cannot_be_is_rejected(choice: object, message: str) -> None:
    country = LiveCountry(TINY, 3)
    first = country.declarations.column("declaration_id")[0].as_py()
    if isinstance(choice, list):
        choice = [first if c == "FIRST" else c for c in choice]
    if isinstance(choice, dict):
        choice = {first: "BLEU"}
    with pytest.raises(UsageError, match=message):
        country.step(country.day, choice)


def test_a_wrong_day_is_rejected() -> None:
    country = LiveCountry(TINY, 3)
    with pytest.raises(UsageError, match="expected 2023-01-01"):
        country.step(date(2023, 1, 2), [])


@pytest.mark.parametrize("arguments", [{"seed": -1}, {"seed": 1, "period_days": 0}])
def test_a_negative_seed_or_an_empty_period_is_rejected(arguments: dict[str, int]) -> None:
    with pytest.raises(UsageError):
        LiveCountry(TINY, **arguments)
