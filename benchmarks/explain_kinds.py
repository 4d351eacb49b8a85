"""Of what is selected and irregular in truth: does the first verification name the true kind?

    .venv/bin/python benchmarks/explain_kinds.py [--scenario small] [--items 60000] [--seed 3] [--share 0.12]

Makes a simulated world, takes it in, trains as of 60 days before its end, and assesses what is declared after that day.
The share of items with the highest probability stands for what is selected. Printed, a line each: how often the first
verification is the true kind, of all and by kind; how often any is; verifications an item. "As recorded" is what
an officer is shown: the ranking with kinds recorded, then what the strongest reasons speak for. Beside it "value
first", the model's own kinds, and the ranking without any recorded kind (`basira.explain.kinds` with no probabilities).
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from basira.country import load_scenario, make_world
from basira.explain.kinds import kinds_to_verify
from basira.ingest.mapping.model import load_mapping
from basira.models.risk.risk_model import RiskModel
from basira.schema.days import day_of
from basira.schema.records import ItemAssessment
from basira.schema.tables import ITEM_KEY
from basira.storage.engine import open_engine
from basira.storage.history.store import History, register
from basira.workflows.intake.feedback import record_feedback
from basira.workflows.intake.ingest import ingest_files
from basira.workflows.targeting.assess import assess, with_reasons
from basira.workflows.targeting.score import items_declared
from basira.workflows.train import train

DAYS = 60
NOW = datetime(2030, 1, 1)
Ranking = Callable[[Mapping[str, Any], Mapping[str, float]], Sequence[str]]


def _value_first(_row: Mapping[str, Any], _kinds: Mapping[str, float]) -> Sequence[str]:
    return ("value",)


def _model_alone(_row: Mapping[str, Any], kinds: Mapping[str, float]) -> Sequence[str]:
    return [kind for kind, _ in sorted(kinds.items(), key=lambda pair: -pair[1])[:2]]


RANKINGS: Mapping[str, Ranking] = {
    "as recorded": lambda row, _: row["verify"],
    "kinds recorded": lambda row, kinds: kinds_to_verify(kinds, row),
    "no kind recorded": lambda row, _: kinds_to_verify({}, row),
    "model alone": _model_alone,
    "value first": _value_first,
}


@dataclass(frozen=True)
class Chosen:
    """The selected items of a new world, in the same order.

    ``rows``: features, declared values, ``kinds`` of the model and ``kind`` in truth (None: regular); ``features`` as
    computed; ``others``: features of all that was declared; ``assessments`` with reasons. ``verify`` of a row:
    as recorded.
    """

    model: RiskModel
    rows: list[dict[str, Any]]
    features: pl.DataFrame
    others: pl.DataFrame
    assessments: list[ItemAssessment]


def choose(folder: Path, *, scenario: str, items: int, seed: int, share: float) -> Chosen:
    """Make a world, train, assess its last days, and take the share with the highest probability."""
    world = make_world(
        load_scenario(scenario, changes={"items": items}), seed=seed, out=folder / "world", progress=None
    )
    history = History.create(folder / "store")
    ingest_files(history, _files(folder, "declarations"), load_mapping("basira"), received_at=NOW)
    record_feedback(history, _files(folder, "outcomes"), load_mapping("basira-outcomes"), received_at=NOW)
    last = date.fromisoformat(world.ends_on)
    known = last - timedelta(days=DAYS)
    model = train(history, as_of=known, seed=seed, now=NOW)
    snapshot = history.verified_snapshot()
    with open_engine(reads=snapshot.all_files()) as con:
        register(con, snapshot)
        items_declared(con, known + timedelta(days=1), last, into="wanted", office=None)
        assessed = assess(con, "wanted", as_of_day=day_of(known), model=model)
        order = sorted(range(len(assessed.rows)), key=lambda p: -assessed.assessments[p].fraud_probability)
        chosen = order[: int(len(order) * share)]
        wanted = dict.fromkeys(assessed.rows[p][ITEM_KEY[0]] for p in chosen)
        assessed = with_reasons(con, assessed, list(wanted), model=model, as_of_day=day_of(known))
    truth = pl.concat([pl.read_parquet(path) for path in _files(folder, "truth")], how="diagonal_relaxed")
    kinds = {(row[0], row[1]): row[2] for row in truth.select("declaration_id", "item_number", "kind").rows()}
    features = assessed.features[chosen]
    rows = [
        own
        | assessed.rows[p]
        | {
            "kinds": assessed.assessments[p].kind_probabilities,
            "verify": assessed.assessments[p].verify,
            "kind": kinds[own[ITEM_KEY[0]], own["item_number"]],
        }
        for own, p in zip(features.rows(named=True), chosen, strict=True)
    ]
    return Chosen(model, rows, features, assessed.features, [assessed.assessments[p] for p in chosen])


def _files(folder: Path, name: str) -> list[Path]:
    found = sorted((folder / "world" / name).glob("*.parquet"))
    return [path for path in found if name != "truth" or "kind" in pl.read_parquet_schema(path)]


def main() -> None:
    """Make a world, measure, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--scenario", default="small")
    parser.add_argument("--items", type=int, default=60_000)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--share", type=float, default=0.12)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = choose(
            Path(folder), scenario=options.scenario, items=options.items, seed=options.seed, share=options.share
        ).rows
    irregular = [row for row in rows if row["kind"] is not None]
    print(f"{options.scenario}, seed {options.seed}: selected {len(rows):,}, irregular {len(irregular):,}")
    for name, ranking in RANKINGS.items():
        first, any_of, total = Counter[str](), 0, Counter[str]()
        for row in irregular:
            found = ranking(row, row["kinds"])
            total[row["kind"]] += 1
            first[row["kind"]] += found[0] == row["kind"]
            any_of += row["kind"] in found
        count = sum(len(ranking(row, row["kinds"])) for row in rows) / max(1, len(rows))
        share = sum(first.values()) / max(1, len(irregular))
        kinds = ", ".join(f"{kind} {first[kind]}/{total[kind]}" for kind in sorted(total))
        print(
            f"  {name:<17} first {share:.3f}  any {any_of / max(1, len(irregular)):.3f}  an item {count:.2f}  {kinds}"
        )


if __name__ == "__main__":
    main()
