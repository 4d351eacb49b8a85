"""A rule on a past period: the figures are those of a plain loop over the store's declarations."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import polars as pl
import pytest

from basira.rules.json_form import read_rule
from basira.rules.model import Rule
from basira.rules.text import parse_condition
from basira.schema.errors import UsageError
from basira.storage.history.store import History
from basira.workflows.rules.backtest import BackTest, PeriodDays, back_test, read_period
from basira.workflows.rules.vocabulary import make_vocabulary
from tests.rules.test_json_form import content
from tests.support.workflow_world import ENGINE, World

VOCABULARY = make_vocabulary()
FIRST, LAST, AS_OF = date(2023, 9, 1), date(2023, 9, 30), date(2023, 12, 31)
BASE = read_rule(content())[0]


def rule(text: str) -> Rule:
    return replace(BASE, condition=parse_condition(text, VOCABULARY))


def tried(history: History, text: str, *, offices: tuple[str, ...] = (), as_of: date = AS_OF) -> BackTest:
    one = replace(rule(text), offices=offices)
    period = read_period(history, [one.condition], VOCABULARY, PeriodDays(FIRST, LAST, as_of), engine=ENGINE)
    return back_test(one, period, VOCABULARY, {})


def declared(world: World) -> pl.DataFrame:
    """The items of the period."""
    days = pl.col("declared_at").dt.date()
    return world.declarations.filter(days.is_between(FIRST, LAST))


def test_hits_are_those_of_a_plain_loop(history: History, world: World) -> None:
    found = tried(history, "commodity_code starts with ('61', '62') and net_mass_kg > 100")
    items = declared(world)
    wanted = {
        row["declaration_id"]
        for row in items.iter_rows(named=True)
        if row["commodity_code"][:2] in ("61", "62") and (row["net_mass_kg"] or 0) > 100
    }
    assert found.declarations == items["declaration_id"].n_unique()
    assert found.hits == len(wanted) > 0
    assert sum(one.hits for one in found.office_days) == found.hits
    assert found.busiest is not None
    assert found.busiest.hits == max(one.hits for one in found.office_days)


def test_results_are_those_known_by_then_and_the_rate_is_unknown_without_probabilities(
    history: History, world: World
) -> None:
    found = tried(history, "commodity_code starts with ('61', '62')")
    assert 0 < found.rate.inspected < found.hits
    assert (found.rate.rate, found.rate.reason) == (None, "no_probability")
    assert found.rate.findings <= found.rate.inspected
    assert set(found.examples) & set(found.needless) == set()
    earlier = tried(history, "commodity_code starts with ('61', '62')", as_of=LAST)
    assert earlier.hits == found.hits
    assert earlier.rate.inspected < found.rate.inspected


def test_with_recorded_probabilities_the_rate_is_estimated(history: History, world: World) -> None:
    one = rule("commodity_code is present")
    period = read_period(history, [one.condition], VOCABULARY, PeriodDays(FIRST, LAST, AS_OF), engine=ENGINE)
    known = dict.fromkeys(period.declarations["declaration_id"].to_list(), 0.25)
    found = back_test(one, period, VOCABULARY, {}, probabilities=known)
    # With one probability for all, the corrected rate is the plain one.
    assert found.rate.rate == pytest.approx(found.rate.findings / found.rate.inspected)
    assert found.rate.low < (found.rate.rate or 0) < found.rate.high
    assert found.findings_in_all == found.rate.findings


def test_a_feature_is_as_of_the_day_before_its_declaration(history: History) -> None:
    """No importer is new to the history of the whole period; many are new on their first day."""
    found = tried(history, "importer_days_since_first is missing")
    assert 0 < found.hits < found.declarations
    usual = tried(history, "value_per_kg < 0.5 * value_per_kg_reference")
    assert 0 < usual.hits < usual.declarations
    assert usual.unknown > 0


def test_a_local_rule_hits_its_offices_alone(history: History) -> None:
    everywhere = tried(history, "commodity_code is present")
    office = everywhere.office_days[0].office
    local = tried(history, "commodity_code is present", offices=(office,))
    assert {one.office for one in local.office_days} == {office}
    assert local.hits == sum(one.hits for one in everywhere.office_days if one.office == office)


def test_a_period_without_declarations_is_an_error(history: History) -> None:
    with pytest.raises(UsageError, match="found none"):
        read_period(
            history,
            [],
            VOCABULARY,
            PeriodDays(date(2030, 1, 1), date(2030, 1, 2), date(2030, 1, 2)),
            engine=ENGINE,
        )
    with pytest.raises(UsageError, match="not before the last one"):
        read_period(history, [], VOCABULARY, PeriodDays(FIRST, LAST, FIRST), engine=ENGINE)
