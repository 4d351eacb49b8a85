"""A rule that names a list, in a run: the entries of its day, and the same again in a replay."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta

import pytest

from basira.decisions.records import Decision
from basira.models.risk.risk_model import RiskModel
from basira.rules.lists.model import Entry, ListHeader
from basira.schema.errors import ReplayError, RuleError
from basira.schema.shipped import shipped
from basira.selection.policy.load import load_policy
from basira.storage.database.connection import Database
from basira.storage.history.store import History
from basira.workflows.records.audit import Erasure, Record, erase
from basira.workflows.rules.in_force import NO_RULES
from basira.workflows.rules.lists import add_to_list, create_list, snooze
from basira.workflows.targeting.record import operations_of, record, replay, rules_of
from basira.workflows.targeting.target import Order, Targeted, target
from tests.support.live_rules import WRITTEN, add_persons, make_live, rule_content
from tests.support.workflow_world import AS_OF, ENGINE, NOW

DAY = AS_OF + timedelta(days=1)
IN_LIST = {"any_item": {"in_list": {"field": "origin_country", "list": "watched"}}}


def entry(value: str, **changes: object) -> Entry:
    return replace(Entry(value, DAY, None, "inspection", "named in file 7"), **changes)  # type: ignore[arg-type]


@pytest.fixture
def store(history: History, tmp_path_factory: pytest.TempPathFactory) -> History:
    root = tmp_path_factory.mktemp("lists") / "store"
    shutil.copytree(history.root, root)
    found = History.open(root)
    operations_of(found).unlink(missing_ok=True)
    with Database(operations_of(found)) as database:
        with database.write() as connection:
            add_persons(connection)
        create_list(database, ListHeader("watched", "origins", "t", "o"), login="amina", now=WRITTEN)
        entries = [entry("SA"), entry("CN", starts_on=DAY + timedelta(days=1)), entry("FR", starts_on=WRITTEN.date())]
        entries[2] = replace(entries[2], ends_on=DAY - timedelta(days=1))
        add_to_list(database, "watched", entries, login="amina", now=WRITTEN)
        make_live(database, rule_content("from-there", "net_mass_kg > 0", condition=IN_LIST, effect={"tag": "seen"}))
    return found


def run(store: History, model: RiskModel) -> Targeted:
    policy = load_policy(shipped("policies") / "morocco", DAY)
    order = Order(day=DAY, as_of=AS_OF, seed=7, rules=rules_of(store, DAY))
    return target(store, order, model=model, policy=policy, now=NOW, engine=ENGINE, language="en")


def hits(targeted: Targeted) -> list[Decision]:
    return [one for one in targeted.decisions if any(said["outcome"] == "hit" for said in one.rules)]


def origins(decision: Decision) -> set[object]:
    return {read.get("value") for said in decision.rules for c in said["conditions"] for read in c["read"]}


def test_the_entries_of_the_day_hit_and_the_run_comes_out_again_after_changes(store: History, model: RiskModel) -> None:
    targeted = run(store, model)
    assert hits(targeted)
    assert {origin for one in hits(targeted) for origin in origins(one)} == {"SA"}
    assert targeted.run.options["rules"]["lists"] == {"watched": 2}
    record(store, targeted)
    with Database(operations_of(store)) as database:
        add_to_list(database, "watched", [entry("MA", source="Fatima ALAMI")], login="amina", now=NOW)
    assert replay(store, targeted.run.run_id, engine=ENGINE).differences == ()
    with Database(operations_of(store)) as database:
        place = database.place
    asked = Erasure(actor="t", motive="Request 7", person="named in file 7")
    erase(Record(place, store), asked, now=lambda: NOW)
    with pytest.raises(ReplayError, match="erased"):
        replay(store, targeted.run.run_id, engine=ENGINE)


def test_a_rule_that_sleeps_for_an_operator_hits_and_does_not_act(store: History, model: RiskModel) -> None:
    one = next(hit for hit in hits(run(store, model)) if hit.rules[0]["acts"])
    operator = importer_of(store, one.declaration_id)
    asked = entry(operator, ends_on=DAY + timedelta(days=20))
    with Database(operations_of(store)) as database:
        snooze(
            database, "from-there", asked, login="amina", now=NOW.replace(year=DAY.year, month=DAY.month, day=DAY.day)
        )
    again = next(hit for hit in hits(run(store, model)) if hit.declaration_id == one.declaration_id)
    said = again.rules[0]
    assert (said["outcome"], said["acts"], said["probability"], said["sleeps"]) == ("hit", False, 0.0, True)


def importer_of(store: History, declaration_id: str) -> str:
    import polars as pl

    paths = store.verified_snapshot().files("items")
    frame = pl.concat([pl.read_parquet(path) for path in paths], how="diagonal_relaxed")
    return str(frame.filter(pl.col("declaration_id") == declaration_id)["importer_id"][0])


def test_a_run_without_the_list_of_a_rule_fails_and_never_passes_it_over(store: History, model: RiskModel) -> None:
    rules = replace(rules_of(store, DAY), lists={})
    policy = load_policy(shipped("policies") / "morocco", DAY)
    assert rules != NO_RULES
    with pytest.raises(RuleError, match="watched"):
        target(store, Order(day=DAY, as_of=AS_OF, seed=7, rules=rules), model=model, policy=policy, now=NOW,
               engine=ENGINE)  # fmt: skip
