"""A policy looked at before it changes: what each order would select, by office, and what it would have found."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from basira.cli.options import Language
from basira.cli.policy import selected_table
from basira.cli.program import app
from basira.schema.errors import UsageError
from basira.schema.shipped import shipped
from basira.selection.policy.load import load_policy
from basira.workflows.targeting.preview import EVERY_OFFICE, ORDERS, PreviewedDays, preview_orders
from basira.workflows.targeting.target import Order, target
from tests.support.workflow_world import AS_OF, ENGINE, NOW

DAY = AS_OF + timedelta(days=1)
FOLDER = shipped("policies") / "morocco"


def policy_on(day):
    return load_policy(FOLDER, day)


def records_of(history):
    return {path.name: path.read_bytes() for path in sorted(history.root.glob("operations*"))}


@pytest.fixture(scope="module")
def before(history):
    """The records of the store, which other files' tests may have begun."""
    return records_of(history)


@pytest.fixture(scope="module")
def found(history, model, before):
    return preview_orders(history, PreviewedDays(DAY, DAY, seed=3), model=model, policy_on=policy_on, engine=ENGINE)


def test_each_order_is_what_target_would_select_under_it(found, history, model):
    for order in ORDERS:
        rules = policy_on(DAY).with_order(order)
        wanted = Order(day=DAY, as_of=AS_OF, seed=3)
        day = target(history, wanted, model=model, policy=rules, now=NOW, engine=ENGINE)
        inspecting = {lane.id for lane in rules.lanes if lane.inspects}
        inspected = [one for one in day.decisions if one.lane in inspecting]
        (whole,) = [one for one in found.selected if (one.office, one.order) == (EVERY_OFFICE, order)]
        assert whole.inspected == len(inspected)
        assert whole.by_model == sum(one.basis == "model" for one in inspected)
        assert whole.expected_findings == pytest.approx(sum(one.fraud_probability or 0 for one in inspected))
        assert whole.expected_revenue == pytest.approx(sum(one.expected_revenue or 0 for one in inspected))
    assert found.declarations == len(day.decisions)


def test_the_offices_add_up_and_the_present_order_differs_from_itself_nowhere(found):
    assert (found.order, found.exponent) == ("balanced", pytest.approx(0.2, abs=0.8))
    for order in ORDERS:
        rows = [one for one in found.selected if one.order == order]
        (whole,) = [one for one in rows if one.office == EVERY_OFFICE]
        parts = [one for one in rows if one.office != EVERY_OFFICE]
        assert len(parts) > 1
        for name in ("inspected", "by_model", "others"):
            assert sum(getattr(one, name) for one in parts) == getattr(whole, name)
        if order == found.order:
            assert whole.others == 0


def test_on_past_results_it_shows_what_the_card_holds(found, model):
    assert found.past == model.card["order"]["later"]
    assert set(found.past["found"]) == set(ORDERS)


def test_nothing_is_recorded(found, history, before):
    assert records_of(history) == before


def test_a_period_without_declarations_of_the_policy_s_offices_is_rejected(history, model):
    with pytest.raises(UsageError, match="found none"):
        preview_orders(
            history, PreviewedDays(DAY, DAY, office="NOWHERE"), model=model, policy_on=policy_on, engine=ENGINE
        )


def test_the_command_shows_tables_and_json(found, history, model):
    arguments = ["policy", "preview", "--store", str(history.root), "--from", f"{DAY}", "--to", f"{DAY}", "--seed", "3"]
    shown = CliRunner().invoke(app, arguments)
    assert shown.exit_code == 0, shown.output
    # Of the table itself: how a terminal wraps it depends on its width.
    assert "l’ordre de la politique : équilibré" in str(selected_table(found).title)
    assert "the policy's order: balanced" in str(selected_table(found, Language.en).title)
    said = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert (said["first"], said["order"], said["model_version"]) == (f"{DAY}", "balanced", model.version)
    assert {one["order"] for one in said["selected"]} == set(ORDERS)


@pytest.mark.parametrize(
    "days", [[], ["--day", "2023-11-01", "--from", "2023-11-01", "--to", "2023-11-02"], ["--from", "2023-11-01"]]
)
def test_the_command_wants_a_day_or_a_period(days):
    result = CliRunner().invoke(app, ["policy", "preview", *days])
    assert result.exit_code != 0
    assert "Expected --day, or --from and --to" in (result.output + str(result.exception))
