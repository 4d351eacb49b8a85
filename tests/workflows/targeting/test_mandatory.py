"""A mandatory control of a day targeted in a batch: the inspection list and `basira explain` say why."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from basira.cli.program import app
from basira.schema.shipped import shipped
from basira.selection.policy.load import load_policy
from basira.selection.policy.model import Policy
from basira.storage.history.store import History
from basira.workflows.targeting.record import record
from basira.workflows.targeting.target import Order, target
from tests.support.workflow_world import AS_OF, ENGINE, NOW

DAY = AS_OF + timedelta(days=1)
REASON = {"fr": "Marchandise surveillée", "ar": "بضاعة تحت المراقبة", "en": "Goods under watch"}


@pytest.fixture(scope="module")
def store(history, tmp_path_factory) -> History:
    """A store of this file's own: it records runs."""
    root = tmp_path_factory.mktemp("mandatory") / "store"
    shutil.copytree(history.root, root)
    return History.open(root)


@pytest.fixture(scope="module")
def policy(world) -> Policy:
    """Morocco's example policy, without a slot, and with mandatory rules for all that the day declares."""
    content = load_policy(shipped("policies") / "morocco", DAY).model_dump(mode="json")
    lanes = [lane["id"] for lane in content["lanes"] if lane["inspects"]]
    chapters = world.declarations["commodity_code"].str.slice(0, 2).unique().drop_nulls().to_list()
    listed = {"id": "watch", "lane": lanes[-1], "match": {"commodity_code": sorted(chapters)}, "reason": REASON}
    nothing = {"office": "*", "lanes": {lane: {"count": 0} for lane in lanes}}
    return Policy.model_validate({**content, "mandatory": [listed], "capacity": [nothing]})


def test_the_list_and_explain_say_why_in_the_language_asked_for(store, model, policy):
    order = Order(day=DAY, as_of=AS_OF, seed=7)
    found = target(store, order, model=model, policy=policy, now=NOW, language="ar", engine=ENGINE)
    assert {line.ground for line in found.listing.lines} == {REASON["ar"]}
    assert len(found.listing.lines) == len(found.decisions)
    assert {d.inclusion_probability for d in found.decisions} == {1.0}
    assert all("فوق طاقته" in warning for warning in found.listing.warnings)
    record(store, found)
    number = found.decisions[0].declaration_id
    for language, reason in REASON.items():
        arguments = ["explain", number, "--store", str(store.root), "-l", language]
        shown = CliRunner().invoke(app, arguments)
        assert shown.exit_code == 0, shown.output
        assert reason in shown.stdout
        body = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
        assert reason in body["basis_label"]
        assert body["detail"] == "watch beyond_capacity"
