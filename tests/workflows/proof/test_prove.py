"""From recorded decisions and results to estimates, on a simulated world whose truth is known."""

from __future__ import annotations

import csv
import json
import math
import shutil
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from basira.models.risk.risk_model import RiskModel
from basira.monitor.estimate import Sampled, estimate_total
from basira.monitor.proof import Proof
from basira.monitor.report import CSV_COLUMNS, summarise, tables_of, write_csv, write_html
from basira.schema.days import day_of
from basira.schema.errors import UsageError
from basira.schema.json_values import JsonObject
from basira.selection.batch.allocate import allocate
from basira.selection.mandatory import in_one_form
from basira.selection.policy.load import load_policy
from basira.storage.database.connection import Database
from basira.storage.engine import open_engine
from basira.storage.history.store import History, register
from basira.storage.record.events import Event, append_events
from basira.storage.record.runs import Operations
from basira.workflows.models.stages import live_model
from basira.workflows.proof.population import Population, read_population
from basira.workflows.proof.prove import prove
from basira.workflows.stores import OPERATIONS, operations_of
from basira.workflows.targeting.assess import assess
from basira.workflows.targeting.score import items_declared
from basira.workflows.train import train
from tests.support.proof_world import FIRST, LAST, LATER, carry_out, policy_folder, target_days, truth_of
from tests.support.workflow_world import AS_OF, ENGINE, NOW, QUICK, World, store_of


@pytest.fixture(scope="module")
def decided(world: World, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bool]]:
    """A store whose results are those of before the period: its days are decided, nothing is carried out yet."""
    folder = tmp_path_factory.mktemp("proof")
    before = world.outcomes.filter(pl.col("known_at").dt.date() <= AS_OF)
    history = store_of(folder, world.declarations, before)
    model: RiskModel = train(history, as_of=AS_OF, seed=1, now=NOW, settings=QUICK, engine=ENGINE)
    selected = target_days(history, model, policy_folder(folder / "policy"))
    assert sum(selected.values()) > 30
    return history.root, selected


@pytest.fixture(scope="module")
def proven(decided: tuple[Path, dict[str, bool]], world: World, tmp_path_factory: pytest.TempPathFactory) -> Proof:
    """Four of five selected declarations were inspected; an officer inspected one that was released."""
    folder = tmp_path_factory.mktemp("carried-out")
    root, selected = decided
    history = History.open(Path(shutil.copytree(root, folder / "store")))
    chosen = [one for n, one in enumerate(sorted(d for d, is_in in selected.items() if is_in)) if n % 5]
    picked = min(d for d, is_in in selected.items() if not is_in)
    carry_out(history, truth_of(world), [*chosen, picked], folder / "results.parquet")
    return prove(history, operations_of(history), first=FIRST, last=LAST, as_of=LATER, engine=ENGINE)


def test_the_totals_are_those_of_the_recorded_chances(proven: Proof, decided: tuple[Path, dict[str, bool]]) -> None:
    with Operations(decided[0] / OPERATIONS, create=False) as operations:
        rows = [row for run in operations.find_runs() for row in operations.decisions_of(run["run_id"])]
    assert len(rows) == proven.declarations
    one = proven.rate.totals["horvitz_thompson"]
    assert one is not None
    # The sum of 1 / p over what is selected is near the number of declarations, and so is what is drawn from it.
    size = sum(1 / row["inclusion_probability"] for row in rows if decided[1][row["declaration_id"]])
    assert size == pytest.approx(proven.declarations, rel=0.35)
    found = sum(worth.found for worth in proven.sources if worth.source != "officers")
    assert found == proven.rate.found
    assert found <= one.low <= one.total <= one.high


def test_in_repeated_draws_of_the_product_the_estimates_are_right_and_the_intervals_hold(
    decided: tuple[Path, dict[str, bool]], world: World, tmp_path: Path
) -> None:
    """The product's own draw, 150 times: what it logs as chances, and the truth of everything."""
    history = History.open(decided[0])
    policy = load_policy(policy_folder(tmp_path / "policy"), FIRST)
    model = live_model(history, operations_of(history), as_of=AS_OF)
    snapshot = history.verified_snapshot()
    with open_engine(reads=snapshot.all_files(), memory="1GB", threads=1) as con:
        register(con, snapshot)
        items_declared(con, FIRST, LAST, into="wanted")
        assessed = assess(con, "wanted", as_of_day=day_of(AS_OF), model=model)
        candidates = [in_one_form(one) for one in assessed.candidates()]
    truth = {row["declaration_id"]: row for row in truth_of(world).iter_rows(named=True)}
    lanes = {lane.id for lane in policy.lanes if lane.inspects}
    by_id = {one.declaration_id: one for one in candidates}
    ratios, covered = [], 0
    for seed in range(150):
        made = allocate(candidates, policy, day=FIRST, seed=seed).selections
        irregular = np.array([truth[one.declaration_id]["is_irregular"] for one in made], dtype=np.float64)
        prior = np.array([by_id[one.declaration_id].fraud_probability or 0.1 for one in made])
        chance = np.array([one.inclusion_probability for one in made])
        known = np.array([one.lane in lanes for one in made])
        one = estimate_total(Sampled(chance, known, irregular, prior, np.ones(len(made))))
        assert one is not None
        ratios.append(one.total / irregular.sum())
        covered += one.low <= irregular.sum() <= one.high
    assert np.mean(ratios) == pytest.approx(1.0, abs=4 * np.std(ratios) / math.sqrt(150))
    assert covered / 150 >= 0.9


def test_everything_is_accounted_for(proven: Proof, decided: tuple[Path, dict[str, bool]]) -> None:
    selected = sum(decided[1].values())
    assert (proven.declarations, proven.selected) == (len(decided[1]), selected)
    assert proven.carried_out == selected - len(range(0, selected, 5))
    assert proven.covered + proven.outside == proven.declarations
    by_source = {one.source: one for one in proven.sources}
    # What an officer picked is shown as such, and is no part of the sample: it had no chance that is known.
    assert (by_source["officers"].proposed, by_source["officers"].carried_out) == (1, 1)
    assert sum(one.proposed for one in proven.sources) == selected + 1
    assert by_source["random"].carried_out > 0
    low, high = proven.missing_bounds
    assert low < high
    for domains in (*proven.rate.domains.values(), *proven.gap.domains.values()):
        assert sum(one.declarations for one in domains) == proven.covered
    assert proven.is_simulated


def test_a_result_that_became_known_later_does_not_count(
    decided: tuple[Path, dict[str, bool]], world: World, tmp_path: Path
) -> None:
    history = History.open(Path(shutil.copytree(decided[0], tmp_path / "store")))
    carry_out(history, truth_of(world), sorted(decided[1]), tmp_path / "results.parquet")
    early = prove(history, operations_of(history), first=FIRST, last=LAST, as_of=LAST, engine=ENGINE)
    assert early.carried_out == 0
    assert early.rate.totals == dict.fromkeys(early.rate.totals)
    assert summarise(early, "en", strict=True)[1] == ["No result is known: nothing can be estimated."]


def test_a_period_without_decisions_says_so(decided: tuple[Path, dict[str, bool]]) -> None:
    history = History.open(decided[0])
    day = FIRST - timedelta(days=200)
    with pytest.raises(UsageError, match="found none on record"):
        prove(history, operations_of(history), first=day, last=day, as_of=LATER, engine=ENGINE)


@pytest.mark.parametrize("language", ["fr", "en", "ar"])
def test_the_report_says_everything_in_three_languages(proven: Proof, language: str, tmp_path: Path) -> None:
    tables = tables_of(proven, language, strict=True)
    assert all(len(row) == len(table.header) for table in tables for row in table.rows)
    page = write_html(proven, tmp_path / "p.html", language=language, strict=True).read_text(encoding="utf-8")
    assert f'lang="{language}"' in page
    assert 'class="simulated"' in page
    assert 'class="simulated"' not in write_html(
        replace(proven, is_simulated=False), tmp_path / "q.html", language=language
    ).read_text(encoding="utf-8")
    for sentence in summarise(proven, language, strict=True)[1]:
        assert "{" not in sentence


def test_the_csv_holds_each_estimate_once(proven: Proof, tmp_path: Path) -> None:
    text = write_csv(proven, tmp_path / "p.csv").read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(text.splitlines(), delimiter=";"))
    assert tuple(rows[0]) == CSV_COLUMNS
    keys = [(row["measure"], row["by"], row["value"], row["estimator"]) for row in rows]
    assert len(set(keys)) == len(keys)
    assert {row["is_simulated"] for row in rows} <= {"True", "true", "1"}
    assert json.dumps(keys)
    # The whole is what its parts are, and no domain of a period is left out.
    for measure, by in {(row["measure"], row["by"]) for row in rows}:
        parts = [row for row in rows if (row["measure"], row["by"], row["estimator"]) == (measure, by, "difference")]
        whole = next(row for row in rows if (row["measure"], row["by"]) == (measure, "all"))
        assert [sum(int(row[name]) for row in parts) for name in ("declarations", "results")] == [
            int(whole[name]) for name in ("declarations", "results")
        ]
        assert {row["found"] == "" for row in parts} == {by != "all"}


def test_a_finding_without_an_amount_is_no_result_of_the_gap(
    decided: tuple[Path, dict[str, bool]], world: World, tmp_path: Path
) -> None:
    history = History.open(Path(shutil.copytree(decided[0], tmp_path / "store")))
    truth = truth_of(world).with_columns(evaded_amount=pl.lit(None, pl.Float64))
    carry_out(history, truth, [one for one, is_in in decided[1].items() if is_in], tmp_path / "results.parquet")
    found = prove(history, operations_of(history), first=FIRST, last=LAST, as_of=LATER, engine=ENGINE)
    assert found.rate.found > 0
    assert found.rate.whole.known == found.carried_out
    assert found.gap.whole.known == found.carried_out - found.rate.found
    text = write_csv(found, tmp_path / "p.csv").read_text(encoding="utf-8-sig")
    results = {
        row["measure"]: row["results"] for row in csv.DictReader(text.splitlines(), delimiter=";") if row["by"] == "all"
    }
    assert results == {"rate": str(found.carried_out), "gap": str(found.carried_out - int(found.rate.found))}


def test_what_officers_did_after_the_day_of_looking_changes_nothing(
    decided: tuple[Path, dict[str, bool]], tmp_path: Path
) -> None:
    history = History.open(Path(shutil.copytree(decided[0], tmp_path / "store")))
    cancelled, moved = sorted(decided[1])[:2]

    def seen() -> Population:
        return read_population(history, operations_of(history), first=FIRST, last=LAST, as_of=LATER, engine=ENGINE)

    before = seen()
    with Database(operations_of(history)) as database:
        act(database, cancelled, moved, on=LATER + timedelta(days=1))
        after = seen()
        assert (after.cancelled, after.table.equals(before.table)) == (before.cancelled, True)
        act(database, cancelled, moved, on=LATER)
    counted = seen()
    assert counted.cancelled == before.cancelled + 1
    assert counted.table.filter(pl.col("declaration_id") == moved)["reselected_to"].to_list() == ["inspect"]


def act(database: Database, cancelled: str, moved: str, *, on: date) -> None:
    """Record that an officer cancelled one declaration and moved another on a day."""
    motive: JsonObject = {"motive": "Known.", "inspects": True}
    events = [
        Event(f"c-{on}", "cancellation", cancelled, "p", motive, {}, 1, "A", "red", "d"),
        Event(f"r-{on}", "reselection", moved, "p", motive, {}, 1, "A", "red", "d"),
    ]
    with database.write() as connection:
        append_events(connection, events, now=datetime.combine(on, NOW.time()))
