"""From recorded decisions and results to estimates, on a simulated world whose truth is known."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from basira.models.risk.risk_model import RiskModel
from basira.monitor.proof import Proof
from basira.monitor.report import CSV_COLUMNS, summarise, tables_of, write_csv, write_html
from basira.schema.errors import UsageError
from basira.storage.history.store import History
from basira.workflows.proof.prove import prove
from basira.workflows.stores import operations_of
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


def test_the_intervals_hold_the_truth(proven: Proof, decided: tuple[Path, dict[str, bool]], world: World) -> None:
    truth = truth_of(world).filter(pl.col("declaration_id").is_in(list(decided[1])))
    for measure, total in ((proven.rate, truth["is_irregular"].sum()), (proven.gap, truth["evaded_amount"].sum())):
        for one in measure.totals.values():
            assert one is not None
            assert one.low <= total <= one.high


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
