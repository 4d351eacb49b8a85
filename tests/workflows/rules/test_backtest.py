"""A rule on a past period: the figures are those of a plain loop over the store's declarations."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from basira.rules.json_form import read_rule
from basira.rules.model import Rule
from basira.rules.text import parse_condition
from basira.schema.errors import UsageError
from basira.storage.history.store import History
from basira.workflows.rules.backtest import BackTest, back_test
from basira.workflows.rules.counter import find_counter_examples
from basira.workflows.rules.period import PeriodDays, prepare_features, read_period
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


def test_counter_examples_name_the_part_that_decides(history: History, world: World) -> None:
    """Of the findings that the rule does not hit, those that it hits without its mass; of a plain loop."""
    one = rule("commodity_code starts with ('2', '6', '8') and net_mass_kg > 2000")
    period = read_period(history, [one.condition], VOCABULARY, PeriodDays(FIRST, LAST, AS_OF), engine=ENGINE)
    found = find_counter_examples(one, period, VOCABULARY, {})
    irregular = set(period.declarations.filter("is_irregular")["declaration_id"].to_list())
    hit, wide = set(), set()
    for row in declared(world).iter_rows(named=True):
        of_code, of_mass = row["commodity_code"][0] in "268", (row["net_mass_kg"] or 0) > 2000
        if of_code and of_mass:
            hit.add(row["declaration_id"])
        if of_code or of_mass:
            wide.add(row["declaration_id"])
    assert found.outside == len((irregular & wide) - hit) > 0
    masses = [one for one in found.just_outside if one.margin is not None]
    assert masses
    for example in masses:
        # The item shown is one of these codes, of at most 2,000 kg.
        items = declared(world).filter(pl.col("declaration_id") == example.declaration_id)
        listed = items.filter(pl.col("commodity_code").str.slice(0, 1).is_in(["2", "6", "8"]))["net_mass_kg"]
        assert any(mass is not None and abs(mass - 2000) / 2000 == pytest.approx(example.margin) for mass in listed)
        assert set(example.sentences) == {"fr", "ar", "en"}
    assert [one.margin or 9.0 for one in found.just_outside] == sorted(one.margin or 9.0 for one in found.just_outside)
    assert not {one.declaration_id for one in found.just_inside} & irregular


def test_operators_are_those_known_the_day_before_the_period(history: History, world: World) -> None:
    days = PeriodDays(FIRST, LAST, AS_OF)
    period = read_period(history, [], VOCABULARY, days, engine=ENGINE, with_operators=True)
    assert period.declarations.height == declared(world)["declaration_id"].n_unique()
    earlier = world.declarations.filter(pl.col("declared_at").dt.date() < FIRST)
    counts = dict(earlier.group_by("importer_id").agg(pl.col("declaration_id").n_unique()).iter_rows())
    shown = period.declarations.filter(pl.col("operator").is_not_null())
    assert shown.height > 0
    assert all(row["earlier"] == counts.get(row["operator"], 0) for row in shown.iter_rows(named=True))
    assert 0 < shown["is_found_before"].sum() < shown.height


def test_kept_features_give_the_same_period_and_are_left_when_the_history_changes(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = History.open(shutil.copytree(history.root, tmp_path / "store"))
    condition = parse_condition("importer_hit_rate_365d > 1 % or value_per_kg < value_per_kg_reference", VOCABULARY)
    days = PeriodDays(FIRST, LAST, AS_OF)
    computed = read_period(store, [condition], VOCABULARY, days, engine=ENGINE)
    assert prepare_features(store, FIRST - timedelta(days=5), LAST, engine=ENGINE) > computed.items.height

    def compute_nothing(*_: object, **__: object) -> None:
        raise AssertionError("Features were computed although they are kept.")

    with monkeypatch.context() as patch:
        patch.setattr("basira.workflows.rules.period.compute_features", compute_nothing)
        kept = read_period(store, [condition], VOCABULARY, days, engine=ENGINE)
    assert kept.items.equals(computed.items)
    assert kept.declarations.equals(computed.declarations)
    with monkeypatch.context() as patch:
        patch.setattr("basira.workflows.rules.period.features_digest", lambda _snapshot: "0" * 32)
        again = read_period(store, [condition], VOCABULARY, days, engine=ENGINE)
    assert again.items.equals(computed.items)
    with pytest.raises(UsageError, match="found none"):
        prepare_features(store, date(1990, 1, 1), date(1990, 1, 2), engine=ENGINE)
