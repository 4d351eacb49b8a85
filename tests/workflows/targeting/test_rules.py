"""Rules of analysts in a day's targeting: they act, are recorded, explained and made again."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from basira.decisions.records import Decision
from basira.explain.inspection_list.entries import list_entries
from basira.models.risk.risk_model import RiskModel
from basira.schema.errors import PolicyError, ReplayError
from basira.schema.shipped import shipped
from basira.selection.policy.load import load_policy
from basira.selection.policy.model import Policy
from basira.storage.database.connection import Database
from basira.storage.history.store import History
from basira.storage.record.runs import Operations
from basira.workflows.rules.in_force import NO_RULES
from basira.workflows.rules.life import take_step
from basira.workflows.targeting.explanation import explain_decision
from basira.workflows.targeting.record import operations_of, record, replay, rules_of
from basira.workflows.targeting.target import Order, Targeted, target
from tests.support.live_rules import WRITTEN, make_live, rule_content
from tests.support.workflow_world import AS_OF, ENGINE, NOW

DAY = AS_OF + timedelta(days=1)
MESSAGE = {
    "fr": "Vérifier le certificat d’origine.",
    "en": "Check the certificate of origin.",
    "ar": "تحقق من شهادة المنشأ.",
}


@pytest.fixture(scope="module")
def policy() -> Policy:
    return load_policy(shipped("policies") / "morocco", DAY)


@pytest.fixture(scope="module")
def store(history: History, model: RiskModel, policy: Policy, tmp_path_factory: pytest.TempPathFactory) -> History:
    """A store with live rules, and one in the shadow."""
    root = tmp_path_factory.mktemp("rules") / "store"
    shutil.copytree(history.root, root)
    found = History.open(root)
    (operations_of(found)).unlink(missing_ok=True)
    lane = policy.lanes[-1].id
    with Database(operations_of(found)) as database:
        content = rule_content(
            "from-there", "origin_country = 'SA'", effect={"lane": lane, "message": MESSAGE, "suspected": "origin"}
        )
        make_live(database, content)
        make_live(database, rule_content("likely", "fraud_probability > 0.02", effect={"weight": 3.0}))
        make_live(database, rule_content("insured", "insurance_amount > 1000000 MAD", effect={"tag": "watched"}))
        make_live(database, rule_content("hidden", "origin_country = 'MA'", effect={"lane": lane}), state="shadow")
    return found


def make(store: History, model: RiskModel, policy: Policy, *, with_rules: bool = True, seed: int = 7) -> Targeted:
    order = Order(day=DAY, as_of=AS_OF, seed=seed, rules=rules_of(store, DAY) if with_rules else NO_RULES)
    return target(store, order, model=model, policy=policy, now=NOW, engine=ENGINE, language="en")


@pytest.fixture(scope="module")
def targeted(store: History, model: RiskModel, policy: Policy) -> Targeted:
    found = make(store, model, policy)
    record(store, found)
    return found


def verdicts(decision: Decision) -> dict[str, str]:
    return {one["rule_id"]: one["outcome"] for one in decision.rules}


def test_a_rule_selects_and_every_hit_is_on_record(
    targeted: Targeted, store: History, model: RiskModel, policy: Policy
) -> None:
    origins = {line["declaration_id"] for line in store_origins(store) if line["origin_country"] == "SA"}
    hits = {one.declaration_id for one in targeted.decisions if verdicts(one).get("from-there") == "hit"}
    assert hits == origins & {one.declaration_id for one in targeted.decisions}
    assert hits
    by_rule = [one for one in targeted.decisions if one.basis == "rule"]
    assert by_rule
    assert {one.detail_fields.rule_id for one in by_rule} == {"from-there"}
    assert {one.declaration_id for one in by_rule} <= hits
    assert all(one.inclusion_probability == 1.0 for one in by_rule)
    without = {one.declaration_id: one for one in make(store, model, policy, with_rules=False).decisions}
    assert all(one.rules == () and one.basis != "rule" for one in without.values())
    inspecting = {lane.id for lane in policy.lanes if lane.inspects}
    assert Counter(one.lane in inspecting for one in targeted.decisions) == Counter(
        one.lane in inspecting for one in without.values()
    ), "capacity holds"


def store_origins(store: History) -> list[dict[str, str]]:
    import polars as pl

    frame = pl.concat(
        [pl.read_parquet(path) for path in store.verified_snapshot().files("items")], how="diagonal_relaxed"
    )
    return frame.select("declaration_id", "origin_country").to_dicts()


def test_a_shadow_rule_is_recorded_and_changes_nothing(targeted: Targeted) -> None:
    hidden = [one for decision in targeted.decisions for one in decision.rules if one["rule_id"] == "hidden"]
    assert hidden
    assert not any(one.get("acts") for one in hidden)
    assert all(one["is_shadow"] for one in hidden)
    assert "hidden" not in {one.detail_fields.rule_id for one in targeted.decisions}


def test_what_is_unknown_is_recorded(targeted: Targeted) -> None:
    """Of a declaration without an insurance the rule is unknown, not without a hit."""
    said = [one for decision in targeted.decisions for one in decision.rules if one["rule_id"] == "insured"]
    assert "unknown" in {one["outcome"] for one in said}
    assert all(one["fields"] == ["insurance_amount"] for one in said if one["outcome"] == "unknown")


def test_the_list_and_the_explanation_say_that_a_rule_selected_it(targeted: Targeted, store: History) -> None:
    entries = {
        language: [e for e in list_entries(targeted.listing, language=language) if e.line.selection.basis == "rule"]
        for language in ("en",)
    }
    why = entries["en"][0].text.why.translate({0x2068: None, 0x2069: None})
    assert why.startswith("Selected by a rule: Check the certificate of origin (country_of_origin = 'SA').")
    assert "Suspected: origin." in why
    name = entries["en"][0].line.declaration_id
    for language, word in (("fr", "Sélectionnée par une règle"), ("ar", "انتُقي بقاعدة"), ("en", "Selected by a rule")):
        body = explain_decision(store, name, language=language)
        assert body["explanation"]["why"].startswith(word)
        assert MESSAGE[language].rstrip(".") in body["explanation"]["why"]
        [said] = [one for one in body["rules"] if "from-there" in one[0]]
        assert any("SA" in line for line in said[2:])


def test_a_run_with_rules_comes_out_the_same_after_they_were_retired(targeted: Targeted, store: History) -> None:
    assert replay(store, targeted.run.run_id, engine=ENGINE).is_same
    with Database(operations_of(store)) as database:
        take_step(database, "from-there", "retired", login="badr", now=WRITTEN, motive="To see that replay holds.")
    assert "from-there" not in {one.rule.rule_id for one in rules_of(store, DAY).rules}
    assert replay(store, targeted.run.run_id, engine=ENGINE).is_same
    with Operations(operations_of(store), create=False) as operations:
        assert operations.verify_chain().is_whole


def test_a_run_recorded_before_lanes_were_the_least_comes_out_the_same(
    store: History, model: RiskModel, policy: Policy, tmp_path: Path
) -> None:
    other = History.open(shutil.copytree(store.root, tmp_path / "store"))
    operations_of(other).unlink()
    lightest = next(lane.id for lane in policy.lanes if lane.inspects)
    with Database(operations_of(other)) as database:
        make_live(database, rule_content("all", "item_number >= 1", effect={"lane": lightest}))
    lanes = []
    for is_least in (False, True):
        rules = replace(rules_of(other, DAY), is_least=is_least)
        found = target(
            other,
            Order(day=DAY, as_of=AS_OF, seed=7, rules=rules),
            model=model,
            policy=policy,
            now=NOW + timedelta(hours=is_least),
            engine=ENGINE,
        )
        record(other, found)
        assert ("is_least" in found.run.options["rules"]) is is_least
        assert replay(other, found.run.run_id, engine=ENGINE).is_same
        lanes.append(Counter(one.lane for one in found.decisions if one.basis == "rule"))
    assert set(lanes[0]) == {lightest}
    assert len(lanes[1]) > 1, "the first in the order are in a more intensive lane"
    assert lanes[0].total() == lanes[1].total()


def test_a_rule_that_was_changed_in_the_run_is_found(targeted: Targeted, store: History, tmp_path: Path) -> None:
    root = shutil.copytree(store.root, tmp_path / "store")
    path = operations_of(History.open(root))
    connection = sqlite3.connect(path)
    options = json.loads(connection.execute("select options from targeting_run").fetchone()[0])
    options["rules"]["in_force"][0]["content"]["effect"]["lane"] = "vert"
    connection.execute("drop trigger if exists targeting_run_no_update")
    for (name,) in connection.execute(
        "select name from sqlite_master where type='trigger' and tbl_name='targeting_run'"
    ).fetchall():
        connection.execute(f'drop trigger "{name}"')
    connection.execute("update targeting_run set options = ?", (json.dumps(options),))
    connection.commit()
    connection.close()
    with pytest.raises(ReplayError, match="digest"):
        replay(History.open(root), targeted.run.run_id, engine=ENGINE)


def test_a_lane_that_the_policy_lacks_stops_the_day_with_a_message(
    store: History, model: RiskModel, policy: Policy, tmp_path: Path
) -> None:
    other = History.open(shutil.copytree(store.root, tmp_path / "store"))
    with Database(operations_of(other)) as database:
        make_live(database, rule_content("purple-one", "origin_country = 'SA'", effect={"lane": "purple"}))
    with pytest.raises(PolicyError, match="purple-one"):
        make(other, model, policy)
