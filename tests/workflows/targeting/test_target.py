"""A day targeted, recorded, explained and made again."""

from __future__ import annotations

import json
import shutil
import sqlite3
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from basira.explain.words import REASON_CODES
from basira.features.catalog.catalog import EXPECTED_PRICES
from basira.schema.days import day_of
from basira.schema.errors import BasiraError, ModelError, NotFoundError, ReplayError, StoreError, UsageError
from basira.schema.shipped import shipped
from basira.schema.stake import balanced_value
from basira.schema.tables import ITEM_KEY
from basira.selection.policy.load import load_policy
from basira.selection.policy.model import Objective, Policy
from basira.storage.engine import fetch_frame, open_engine
from basira.storage.history.store import History, register
from basira.storage.record.runs import Operations
from basira.workflows.profiles import build_profiles
from basira.workflows.records.audit import Record
from basira.workflows.records.history_proof import prove_history
from basira.workflows.targeting.assess import assess
from basira.workflows.targeting.record import find_decisions, operations_of, record, replay
from basira.workflows.targeting.score import items_declared
from basira.workflows.targeting.target import Order, Targeted, target
from basira.workflows.train import train
from tests.support.workflow_world import AS_OF, ENGINE, NOW, take

DAY = AS_OF + timedelta(days=1)


@pytest.fixture(scope="module")
def policy(tmp_path_factory):
    """Morocco's example policy with a random control of one in three: a small day draws some."""
    folder = tmp_path_factory.mktemp("policy") / "morocco"
    shutil.copytree(shipped("policies") / "morocco", folder)
    for path in folder.glob("*.toml"):
        path.write_text(path.read_text(encoding="utf-8").replace("share = 0.01\n", "share = 0.34\n"), encoding="utf-8")
    found = load_policy(folder, DAY)
    assert found.random_control.share == 0.34
    return found


@pytest.fixture(scope="module")
def copied(history, model, tmp_path_factory) -> History:
    """A store of this file's own: it records runs and spoils copies."""
    root = tmp_path_factory.mktemp("targeting") / "store"
    shutil.copytree(history.root, root)
    return History.open(root)


def make(history, model, policy, *, seed: int = 7, now: datetime = NOW, **order) -> Targeted:
    wanted = Order(day=DAY, as_of=AS_OF, seed=seed, **order)
    return target(history, wanted, model=model, policy=policy, now=now, engine=ENGINE)


@pytest.fixture(scope="module")
def targeted(copied, model, policy) -> Targeted:
    found = make(copied, model, policy)
    record(copied, found)
    return found


def test_every_declaration_of_the_day_is_in_one_lane(targeted, world, policy):
    declared = world.declarations.filter(world.declarations["declared_at"].dt.date() == DAY)["declaration_id"].unique()
    assert sorted(d.declaration_id for d in targeted.decisions) == sorted(declared)
    assert {d.lane for d in targeted.decisions} <= {lane.id for lane in policy.lanes}
    assert all(0 <= d.inclusion_probability <= 1 for d in targeted.decisions)


def test_the_list_holds_those_in_lanes_that_inspect_each_item_with_something_to_verify(targeted, policy):
    inspecting = {lane.id for lane in policy.lanes if lane.inspects}
    assert sorted(line.declaration_id for line in targeted.listing.lines) == sorted(
        d.declaration_id for d in targeted.decisions if d.lane in inspecting
    )
    items = [i.assessment for line in targeted.listing.lines for i in line.items]
    assert items
    assert all(item.verify for item in items)
    assert any(item.reasons for item in items)
    assert {r.code for item in items for r in item.reasons} <= set(REASON_CODES)


def test_the_declaration_speaks_for_its_items(targeted):
    for decision in targeted.decisions:
        compliant = 1.0
        for item in decision.assessments:
            compliant *= 1 - item.fraud_probability
        assert decision.fraud_probability == pytest.approx(1 - compliant)
        assert decision.expected_revenue == pytest.approx(sum(i.expected_revenue for i in decision.assessments))


def test_the_simulated_is_called_simulated(targeted):
    assert targeted.listing.is_simulated is True


def test_a_comparable_is_earlier_and_never_the_declaration_itself(targeted, world):
    declared_at = dict(world.declarations.select("declaration_id", "declared_at").rows())
    shown = [
        (line.declaration_id, c)
        for line in targeted.listing.lines
        for item in line.items
        for r in item.assessment.references
        for c in r.comparables
    ]
    assert shown
    assert all(declared_at[c.rsplit("/", 1)[0]].date() < DAY for _, c in shown)
    assert all(c.rsplit("/", 1)[0] != own for own, c in shown)


def test_the_record_is_chained_and_whole(copied, targeted):
    with Operations(operations_of(copied), create=False) as operations:
        found = operations.verify_chain()
    assert found.is_whole
    assert found.decisions >= len(targeted.decisions)


def test_the_record_gives_back_what_was_decided(copied, targeted):
    chosen = targeted.listing.lines[0]
    # Other tests record runs of the same day beside it.
    found = {run.run_id: decision for run, decision in find_decisions(copied, chosen.declaration_id)}
    decided = next(d for d in targeted.decisions if d.declaration_id == chosen.declaration_id)
    assert found[targeted.run.run_id] == decided


def test_same_seed_same_lanes_another_seed_another_random_control(copied, model, policy, targeted):
    again, *others = (make(copied, model, policy, seed=seed).decisions for seed in (7, 10, 11))
    first, second = ({d.declaration_id: (d.lane, d.basis) for d in day} for day in (targeted.decisions, again))
    assert first == second
    drawn = {frozenset(d.declaration_id for d in day if d.basis == "random") for day in (again, *others)}
    assert len(drawn) > 1


def test_lanes_do_not_depend_on_who_shares_the_office_filter(copied, model, policy, targeted):
    office = targeted.decisions[0].office
    alone = make(copied, model, policy, office=office)
    assert {d.office for d in alone.decisions} == {office}
    by_id = {d.declaration_id: d for d in targeted.decisions}
    for decision in alone.decisions:
        assert decision.inputs_digest == by_id[decision.declaration_id].inputs_digest
        assert decision.fraud_probability == by_id[decision.declaration_id].fraud_probability


def test_a_day_without_declarations_names_the_days_there_are(copied, model, policy):
    with pytest.raises(UsageError) as caught:
        target(
            copied,
            Order(day=DAY.replace(year=2031), as_of=AS_OF, seed=1),
            model=model,
            policy=policy,
            now=NOW,
            engine=ENGINE,
        )
    assert "2023-01" in caught.value.hint


def test_an_unknown_declaration_has_no_decision(copied, targeted):
    with pytest.raises(NotFoundError):
        find_decisions(copied, "NO-SUCH")


def test_replay_makes_the_same_decisions_again(copied, targeted):
    report = replay(copied, targeted.run.run_id, engine=ENGINE)
    assert report.is_same
    assert report.checked == len(targeted.decisions)


def test_replay_is_the_same_after_later_facts_came_in(spoiled, targeted, world, tmp_path):
    more = world.declarations.filter(world.declarations["declared_at"].dt.date() == DAY).head(5)
    more = more.with_columns(declaration_id="LATER-" + more["declaration_id"])
    take(spoiled, more, tmp_path / "more.parquet")
    assert replay(spoiled, targeted.run.run_id, engine=ENGINE).is_same


def test_replay_of_one_declaration_compares_that_one(copied, targeted):
    wanted = targeted.decisions[3].declaration_id
    report = replay(copied, targeted.run.run_id, declaration_id=wanted, engine=ENGINE)
    assert (report.is_same, report.checked) == (True, 1)
    with pytest.raises(NotFoundError):
        replay(copied, targeted.run.run_id, declaration_id="NO-SUCH", engine=ENGINE)


# What replay detects when a user alters a copy of the store: a decision, the policy's text, the seed or anything
# else of the run (what comes out differs, or its hashes do); a booster or any figure of the model's card (the model
# is rejected before it is used). A data file of the history that is cut, taken away or changed is rejected by its size
# and its hash.


@pytest.fixture
def spoiled(copied, targeted, tmp_path) -> History:
    """A copy of the store with its recorded run, to be spoiled."""
    shutil.copytree(copied.root, tmp_path / "store")
    return History.open(tmp_path / "store")


def alter_record(history: History, statement: str, *values: object) -> None:
    """Change the record as a user with the file and a database program would: without its triggers."""
    with sqlite3.connect(operations_of(history)) as con:
        for (name,) in con.execute("select name from sqlite_master where type = 'trigger'").fetchall():
            con.execute(f'drop trigger "{name}"')
        assert con.execute(statement, values).rowcount > 0
    con.close()


@pytest.mark.parametrize(
    ("column", "value"), [("lane", "vert"), ("inclusion_probability", 0.123), ("fraud_probability", 0.0), ("rank", 99)]
)
def test_replay_finds_an_altered_decision(column, value, spoiled, targeted):
    # One whose true value differs from the false one.
    chosen = next(d for d in targeted.decisions if getattr(d, column) != value and d.lane != "vert")
    alter_record(
        spoiled,
        f"update decision set {column} = ? where run_id = ? and declaration_id = ?",
        value,
        targeted.run.run_id,
        chosen.declaration_id,
    )
    report = replay(spoiled, targeted.run.run_id, engine=ENGINE)
    found = {(d.declaration_id, d.field) for d in report.differences}
    assert found == {(chosen.declaration_id, column), (chosen.declaration_id, "entry_hash")}
    with pytest.raises(ReplayError):
        report.require_same()


def test_replay_finds_a_reason_that_was_taken_out(spoiled, targeted):
    chosen = next(d for d in targeted.decisions if any(i["reasons"] for i in d.items))
    with sqlite3.connect(operations_of(spoiled)) as con:
        key = (targeted.run.run_id, chosen.declaration_id)
        [(text,)] = con.execute(
            "select assessment from decision where run_id = ? and declaration_id = ?", key
        ).fetchall()
    con.close()
    items = json.loads(text)
    for item in items:
        item["reasons"] = []
    alter_record(
        spoiled, "update decision set assessment = ? where run_id = ? and declaration_id = ?", json.dumps(items), *key
    )
    assert not replay(spoiled, targeted.run.run_id, engine=ENGINE).is_same


def test_replay_finds_a_decision_that_was_taken_out(spoiled, targeted):
    gone = targeted.decisions[0].declaration_id
    alter_record(spoiled, "delete from decision where run_id = ? and declaration_id = ?", targeted.run.run_id, gone)
    assert replay(spoiled, targeted.run.run_id, engine=ENGINE).unexpected == (gone,)


def test_replay_finds_an_altered_policy(spoiled, targeted):
    text = targeted.run.policy_text.replace('"share":0.34', '"share":0.35')
    assert text != targeted.run.policy_text
    alter_record(spoiled, "update targeting_run set policy_text = ? where run_id = ?", text, targeted.run.run_id)
    report = replay(spoiled, targeted.run.run_id, engine=ENGINE)
    assert "policy_digest" in {d.field for d in report.differences}


def test_replay_finds_an_altered_seed_even_when_the_same_comes_out(spoiled, targeted):
    alter_record(spoiled, "update targeting_run set seed = 8 where run_id = ?", targeted.run.run_id)
    report = replay(spoiled, targeted.run.run_id, engine=ENGINE)
    assert (None, "opening_hash") in {(d.declaration_id, d.field) for d in report.differences}


def test_replay_finds_an_altered_time_which_no_decision_depends_on(spoiled, targeted):
    alter_record(
        spoiled, "update targeting_run set created_at = '2020-01-01T00:00:00' where run_id = ?", targeted.run.run_id
    )
    report = replay(spoiled, targeted.run.run_id, engine=ENGINE)
    assert {d.field for d in report.differences} == {"opening_hash"}


def test_replay_rejects_an_altered_booster(spoiled, targeted):
    path = spoiled.root / "models" / targeted.run.model_version / "probability-0.txt"
    path.write_text(path.read_text().replace("leaf_value=0.", "leaf_value=1.", 1))
    with pytest.raises(ModelError, match="differs"):
        replay(spoiled, targeted.run.run_id, engine=ENGINE)


def test_replay_rejects_an_altered_card(spoiled, targeted):
    path = spoiled.root / "models" / targeted.run.model_version / "card.json"
    card = json.loads(path.read_text(encoding="utf-8"))
    card["calibration"]["intercept"] += 1.0
    path.write_text(json.dumps(card), encoding="utf-8")
    with pytest.raises(ModelError, match="card differs"):
        replay(spoiled, targeted.run.run_id, engine=ENGINE)


def test_replay_without_the_history_it_was_made_on_says_what_is_gone(spoiled, targeted):
    file = next(Path(spoiled.root / "data" / "items").rglob("*.parquet"))
    file.unlink()
    with pytest.raises(BasiraError, match=file.name):
        replay(spoiled, targeted.run.run_id, engine=ENGINE)


def test_a_run_is_named_by_its_inputs(copied, model, policy, targeted):
    assert make(copied, model, policy, seed=7, now=NOW + timedelta(seconds=1)).run.run_id != targeted.run.run_id


# Files that were changed: by their hashes.


def change_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def change_the_card(history: History, version: str) -> None:
    """A figure that the version's name does not depend on."""
    path = history.root / "models" / version / "card.json"
    path.write_text(
        path.read_text(encoding="utf-8").replace('"created_at": "20', '"created_at": "19'), encoding="utf-8"
    )


def test_a_run_names_the_digests_of_history_and_model(copied, targeted, model):
    digests = targeted.run.options["digests"]
    card = copied.root / "models" / model.version / "card.json"
    manifest = copied.root / "manifests" / f"{targeted.run.snapshot:08d}.json"
    assert digests == {
        name: sha256(path.read_bytes()).hexdigest() for name, path in (("history", manifest), ("model", card))
    }


@pytest.mark.parametrize("table", ["items", "outcomes"])
def test_nothing_is_decided_or_learned_from_a_changed_file(spoiled, model, policy, targeted, table):
    change_a_byte(spoiled.snapshot().files(table)[0])
    for use in (
        lambda: make(spoiled, model, policy),
        lambda: replay(spoiled, targeted.run.run_id, engine=ENGINE),
        lambda: train(spoiled, as_of=AS_OF, seed=1, now=NOW, engine=ENGINE),
        lambda: build_profiles(spoiled, as_of=AS_OF, now=NOW, engine=ENGINE),
    ):
        with pytest.raises(StoreError, match=table):
            use()
    found = prove_history(Record(operations_of(spoiled), spoiled))
    assert found is not None
    assert len(found.faults) == 1


def test_a_changed_card_is_found_by_replay_and_by_the_proof(spoiled, targeted):
    record_of_store = Record(operations_of(spoiled), spoiled)
    proof = prove_history(record_of_store)
    assert proof is not None
    assert proof.faults == ()
    change_the_card(spoiled, targeted.run.model_version)
    report = replay(spoiled, targeted.run.run_id, engine=ENGINE)
    assert [d.field for d in report.differences] == ["options.digests.model"]
    proof = prove_history(record_of_store)
    assert proof is not None
    assert [targeted.run.model_version in fault for fault in proof.faults] == [True]


def test_a_manifest_forged_at_the_end_is_found_by_the_runs_made_on_it(spoiled, targeted):
    path = spoiled.root / "manifests" / f"{targeted.run.snapshot:08d}.json"
    path.write_text(path.read_text(encoding="utf-8") + " ", encoding="utf-8")
    proof = prove_history(Record(operations_of(spoiled), spoiled))
    assert proof is not None
    assert any(f"the snapshot {targeted.run.snapshot} is another than the record names" in f for f in proof.faults)


def test_a_run_of_a_version_that_named_no_digests_comes_out_the_same(spoiled, model, policy):
    # Of that time are the orders that it had; what to verify is ranked as it was recorded.
    made = make(spoiled, model, policy.with_order("revenue"))
    kept = {name: made.run.options[name] for name in ("verify", "evidence", "explained_beside")}
    older = replace(made.run, run_id="t-older", options={"office": None, "inputs": "model", **kept})
    record(spoiled, Targeted(made.listing, older, tuple(replace(d, run_id="t-older") for d in made.decisions)))
    assert replay(spoiled, "t-older", engine=ENGINE).is_same


def test_a_run_names_the_order_that_it_was_made_with_and_one_of_before_comes_out_as_before(
    copied, model, policy, targeted
):
    assert targeted.run.options["order"] == asdict(model.stake_scale)
    fixed = policy.model_copy(update={"objective": Objective(stake_exponent=0.5)})
    fixed = Policy.model_validate(fixed.model_dump())
    assert make(copied, model, fixed).run.options["order"]["exponent"] == 0.5
    # As before there was a balanced order: nothing is said of it, the text of the policy is the one of then.
    revenue = make(copied, model, policy.with_order("revenue"), seed=11)
    assert "order" not in revenue.run.options
    assert json.loads(revenue.run.policy_text)["objective"] == {
        "minimum_expected_revenue": 0.0,
        "minimum_fraud_probability": 0.0,
        "rank_by": "revenue",
        "revenue_weight": None,
    }
    record(copied, revenue)
    assert replay(copied, revenue.run.run_id, engine=ENGINE).is_same


def test_the_ranks_are_those_of_the_balanced_value(targeted, model, policy):
    by_office: dict[str, list[tuple[int, float]]] = {}
    for one in targeted.decisions:
        value = balanced_value(one.fraud_probability, one.expected_revenue, model.stake_scale)
        by_office.setdefault(one.office, []).append((one.rank, value))
    assert any(len(ranked) > 3 for ranked in by_office.values())
    for ranked in by_office.values():
        values = [value for _, value in sorted(ranked)]
        assert values == sorted(values, reverse=True)


def test_a_model_without_a_scale_ranks_by_probability_and_the_list_says_so(copied, model, policy):
    before = make(copied, replace(model, stake_scale=None), policy)
    assert before.run.options["order"] is None
    assert any("échelle des enjeux" in warning for warning in before.listing.warnings)
    by_findings = make(copied, model, policy.with_order("findings"))
    assert [d.rank for d in before.decisions] == [d.rank for d in by_findings.decisions]


def with_offices(policy: Policy, *offices: str) -> Policy:
    return Policy.model_validate(policy.model_dump() | {"offices": offices})


def test_declarations_of_an_office_that_the_policy_lacks_are_left_undecided_and_counted(
    copied, model, policy, targeted
):
    every = targeted.decisions
    lost = every[0].office
    count = sum(decision.office == lost for decision in every)
    fewer = with_offices(policy, *(office for office in policy.offices if office != lost))
    found = make(copied, model, fewer)
    assert len(found.decisions) == len(every) - count == found.run.candidate_count
    assert lost not in {decision.office for decision in found.decisions}
    assert f"{lost}: {count}" in found.listing.warnings[0]
    record(copied, found)
    assert replay(copied, found.run.run_id, engine=ENGINE).is_same


def test_any_code_is_an_office_where_that_is_asked_for_and_the_list_says_so(copied, model, policy, targeted):
    taken = make(copied, model, with_offices(policy, "ELSEWHERE"), any_office=True)
    assert len(taken.decisions) == len(targeted.decisions)
    assert "bureau" in taken.listing.warnings[0]
    record(copied, taken)
    assert replay(copied, taken.run.run_id, engine=ENGINE).is_same


def test_a_day_without_an_office_of_the_list_names_them_and_the_ways_out(copied, model, policy):
    with pytest.raises(UsageError) as caught:
        make(copied, model, with_offices(policy, "ELSEWHERE"))
    assert "CASA-PORT: " in caught.value.message
    assert "--any-office" in caught.value.hint


def test_a_run_recorded_before_there_was_one_form_of_text_is_made_again(copied, model, policy):
    before = make(copied, model, with_offices(policy, "ELSEWHERE"), is_folded=False, seed=9)
    assert "is_folded" not in before.run.options
    record(copied, before)
    assert replay(copied, before.run.run_id, engine=ENGINE).is_same


def test_an_assessment_without_expected_prices_is_the_same_but_for_them(history, model):
    snapshot = history.snapshot()
    with open_engine(reads=snapshot.all_files()) as con:
        register(con, snapshot)
        items_declared(con, DAY, DAY, into="wanted")
        whole = assess(con, "wanted", as_of_day=day_of(AS_OF), model=model)
        less = assess(con, "wanted", as_of_day=day_of(AS_OF), model=model, has_expected=False)
    assert set(whole.features.columns) - set(less.features.columns) == EXPECTED_PRICES
    assert less.features.equals(whole.features.select(less.features.columns), null_equal=True)
    assert (less.assessments, less.digests) == (whole.assessments, whole.digests)


def test_a_candidate_carries_what_was_declared_and_the_features_of_every_item(history, model):
    snapshot = history.snapshot()
    with open_engine(reads=snapshot.all_files()) as con:
        register(con, snapshot)
        items_declared(con, DAY, DAY, into="wanted")
        assessed = assess(con, "wanted", as_of_day=day_of(AS_OF), model=model)
        declared = fetch_frame(con, f"select * from items where declared_day = {day_of(DAY)}")
    rows = {(row["declaration_id"], row["item_number"]): row for row in declared.rows(named=True)}
    features = {(row["declaration_id"], row["item_number"]): row for row in assessed.features.rows(named=True)}
    candidates = assessed.candidates()
    assert sum(len(one.items) for one in candidates) == len(features)
    for one in candidates:
        for place, row in enumerate(one.items):
            key = row["declaration_id"], row["item_number"]
            assert row == rows[key]
            assert {name: values[place] for name, values in one.features.items()} == {
                name: value for name, value in features[key].items() if name not in ITEM_KEY
            }
