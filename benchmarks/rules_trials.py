"""Rules on simulated worlds with known truth: alone, beside the model, pruned, and the price of letting hits go.

    .venv/bin/python benchmarks/rules_trials.py [--scenarios small drift morocco-like] [--items 40000] [--seeds 1 2 3]
        [--keep FOLDER] [--legacy]

Each world: rules and model learn from the results known 61 days before its end; what is counted is the truth of the
declarations of these days. *Rules*: those that `basira.rules.suggest` learned in the first seven tenths of the results
and that held in the rest, by their lower rate. At equal capacity (shares of the declarations): rules alone (what they
leave free is drawn at random), the model alone (a declaration's largest probability), and both as selection fills
slots (rules first, in at most half of the capacity, then the model). *Legacy*: rules made at random of frequent codes,
origins and values, a third of them around past findings, as criteria pile up; pruned by `basira.rules.prune`, by
the findings made, by those to expect, and by those to expect beyond the usual rate; counted on the truth of the later
days, with what the controls that this frees would find there. *Price*: both, with each hit let
go with probability .05, in the mean of 50 draws; what is let go stays in the model's pool. --keep: a world that was
made is read again from there.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from basira.country import load_scenario, make_world
from basira.features.batch.compute import compute_features
from basira.features.catalog.catalog import MODEL_FEATURES
from basira.ingest.mapping.model import load_mapping
from basira.models.risk.fit import ModelOrigin, fit_risk_model
from basira.models.risk.settings import FitSettings
from basira.rules import model
from basira.rules.bulk import DECLARATION, HIT, judge_many
from basira.rules.model import Condition
from basira.rules.prune import expect_findings, prune
from basira.rules.suggest import Results, suggest
from basira.schema.days import day_of
from basira.storage.engine import fetch_frame, open_engine
from basira.storage.history.store import History, register
from basira.workflows.intake.feedback import record_feedback
from basira.workflows.intake.ingest import ingest_files
from basira.workflows.rules.period import Period, PeriodDays, read_period
from basira.workflows.rules.vocabulary import make_vocabulary
from basira.workflows.targeting.score import items_declared
from basira.workflows.train import training_items

SHARES = (0.02, 0.05, 0.10)
VOCABULARY = make_vocabulary()
# What suggestions may read: declared values, and features of both parties and of the price.
READ = (
    "commodity_code", "origin_country", "dispatch_country", "procedure", "preference", "transport_mode", "office",
    "customs_value_amount", "net_mass_kg", "duty_rate", "importer_hit_rate_365d", "exporter_hit_rate_365d",
    "declarant_hit_rate_365d", "value_per_kg_vs_reference",
)  # fmt: skip
_TESTED_DAYS = 61
_LEGACY = 150


@dataclass(frozen=True)
class World:
    """``learned``: the period before, with the results known at its end; ``asked``: the days that are counted, with
    the truth and the model's probability of each declaration, in their order."""

    learned: Period
    asked: Period
    truth: np.ndarray
    probability: np.ndarray


def make(name: str, items: int, seed: int) -> World:
    scenario = load_scenario(name, changes={"items": items})
    as_of, last = scenario.ends_on - timedelta(days=_TESTED_DAYS), scenario.ends_on
    with tempfile.TemporaryDirectory() as path:
        folder = Path(path)
        make_world(scenario, seed=seed, out=folder / "w", progress=None)
        history, now = History.create(folder / "store"), datetime(last.year + 1, 1, 1)
        ingest_files(history, sorted((folder / "w/declarations").glob("*")), load_mapping("basira"), received_at=now)
        record_feedback(
            history, sorted((folder / "w/outcomes").glob("*")), load_mapping("basira-outcomes"), received_at=now
        )
        known = [name for name in READ if name in VOCABULARY.names]
        reads: list[Condition] = [model.AnyItem(model.IsMissing(name)) for name in known]
        learned = read_period(history, reads, VOCABULARY, PeriodDays(first=scenario.starts_on, last=as_of, as_of=as_of))
        asked = read_period(
            history, reads, VOCABULARY, PeriodDays(first=as_of + timedelta(days=1), last=last, as_of=last)
        )
        scores = probabilities(history, as_of, last)
        truth = (
            pl.read_parquet(folder / "w/truth/*.parquet").group_by("declaration_id").agg(pl.col("is_irregular").any())
        )
    of_each = (
        asked.declarations.select("declaration_id")
        .join(truth, on="declaration_id", how="left")
        .join(scores, on="declaration_id", how="left", maintain_order="left")
    )
    return World(
        learned,
        asked,
        of_each["is_irregular"].fill_null(value=False).to_numpy(),
        of_each["p"].fill_null(0.0).to_numpy(),
    )


def recall(folder: Path | None, name: str, items: int, seed: int) -> World:
    """The world that a folder holds, made and put there when it holds none."""
    if folder is None:
        return make(name, items, seed)
    place = folder / f"{name}-{items}-{seed}"
    if not (place / "scores.parquet").is_file():
        world = make(name, items, seed)
        place.mkdir(parents=True, exist_ok=True)
        for part, period in (("learned", world.learned), ("asked", world.asked)):
            period.items.write_parquet(place / f"{part}-items.parquet")
            period.declarations.write_parquet(place / f"{part}.parquet")
        pl.DataFrame({"truth": world.truth, "probability": world.probability}).write_parquet(place / "scores.parquet")
    learned, asked = (_read_period(place, part) for part in ("learned", "asked"))
    scores = pl.read_parquet(place / "scores.parquet")
    return World(learned, asked, scores["truth"].to_numpy(), scores["probability"].to_numpy())


def _read_period(place: Path, part: str) -> Period:
    declarations = pl.read_parquet(place / f"{part}.parquet")
    first, last = declarations["day"].min(), declarations["day"].max()
    assert isinstance(first, date)
    assert isinstance(last, date)
    return Period(first, last, pl.read_parquet(place / f"{part}-items.parquet"), declarations)


def probabilities(history: History, as_of: date, last: date) -> pl.DataFrame:
    """The model's largest probability of each declaration of the days after ``as_of``."""
    snapshot = history.snapshot()
    with open_engine(reads=snapshot.all_files()) as con:
        register(con, snapshot)
        train = training_items(con, as_of_day=day_of(as_of), planted_seed=1)
        items_declared(con, as_of + timedelta(days=1), last, into="asked")
        compute_features(con, "asked", as_of_day=day_of(last), into="tested")  # as the rules read them
        features = fetch_frame(con, "select * from tested order by declaration_id, item_number")
    risk = fit_risk_model(
        train, numbers=MODEL_FEATURES, settings=FitSettings(), seed=1, origin=ModelOrigin(as_of.isoformat(), "", 0, "")
    )
    said = risk.predict(features).fraud_probability
    return (
        features.select("declaration_id")
        .with_columns(p=pl.Series(said))
        .group_by("declaration_id")
        .agg(pl.col("p").max())
    )


def results_of(period: Period) -> list[Results]:
    """The inspected declarations in the order of their days, in two parts."""
    order = (
        period.declarations.with_row_index("number")
        .filter(pl.col("is_irregular").is_not_null())
        .sort("day", "declaration_id")
    )
    cut = order.height * 7 // 10
    found = []
    for part in (order[:cut], order[cut:]):
        place = pl.DataFrame({DECLARATION: part["number"], "new": range(part.height)}).with_columns(
            pl.col(DECLARATION).cast(period.items.schema[DECLARATION])
        )
        items = period.items.join(place, on=DECLARATION).sort("new", maintain_order=True)
        items = items.drop(DECLARATION).rename({"new": DECLARATION})
        found.append(Results(items, part["is_irregular"].to_list(), [1.0] * part.height))
    return found


def hits_of(conditions: list[Condition], period: Period) -> np.ndarray:
    judged = judge_many(period.items, conditions, VOCABULARY, {})
    return np.column_stack([(judged[str(n)] == HIT).to_numpy() for n in range(len(conditions))])


def legacy_rules(period: Period, seed: int) -> list[Condition]:
    drawn = np.random.default_rng(seed)
    irregular = period.declarations.with_row_index("n").filter(pl.col("is_irregular").fill_null(False))["n"]
    around = period.items.filter(pl.col(DECLARATION).is_in(irregular.to_list()))
    values = period.items["customs_value_amount"].drop_nulls().to_numpy()
    made: list[Condition] = []
    while len(made) < _LEGACY:
        source = around if len(made) % 3 == 0 and around.height else period.items
        row = source.row(int(drawn.integers(source.height)), named=True)
        parts: list[Condition] = [model.StartsWith("commodity_code", (row["commodity_code"][: drawn.choice([2, 4])],))]
        if row["origin_country"] and drawn.uniform() < 0.7:
            parts.append(model.OneOf("origin_country", (row["origin_country"],)))
        if drawn.uniform() < 0.4:
            bound = model.Number(float(f"{drawn.choice(values):.3g}"))
            parts.append(model.Compare(model.FieldValue("customs_value_amount"), ">=", bound))
        rule = model.AnyItem(parts[0] if len(parts) == 1 else model.AllOf(tuple(parts)))
        if rule not in made:
            made.append(rule)
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenarios", nargs="+", default=["small", "drift", "morocco-like"])
    parser.add_argument("--items", type=int, default=40_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--legacy", action="store_true", help="pruning alone")
    parser.add_argument("--keep", type=Path, help="Folder for the worlds.")
    given = parser.parse_args()
    for scenario in given.scenarios:
        for seed in given.seeds:
            world = recall(given.keep, scenario, given.items, seed)
            if given.legacy:
                print(f"\n{scenario}, seed {seed}")
                legacy(world, seed)
            else:
                show(scenario, seed, world)


def show(scenario: str, seed: int, world: World) -> None:
    first, later = results_of(world.learned)
    suggested = suggest(first, later, VOCABULARY, most=15)
    total, count, inspected = world.truth.sum(), len(world.truth), len(first.is_irregular) + len(later.is_irregular)
    print(
        f"\n{scenario}, seed {seed}: {inspected:,} results, {count:,} declarations counted, {total:,} irregular; "
        f"{len(suggested)} suggestions",
        flush=True,
    )
    if suggested:
        hits = hits_of([one.condition for one in suggested], world.asked)
        of_rule = ", ".join(f"{world.truth[hits[:, n]].mean():.2f}" for n in range(len(suggested)) if hits[:, n].any())
        print(f"  hits {hits.any(axis=1).sum():,}, usual rate {total / count:.3f}; rates of the suggestions: {of_rule}")
        worth = np.where(hits, [one.later.low for one in suggested], 0.0).max(axis=1)
        capacity(world, worth)
    legacy(world, seed)


def capacity(world: World, worth: np.ndarray) -> None:
    truth, probability, drawn = world.truth, world.probability, np.random.default_rng(0)
    tie = drawn.uniform(size=len(truth))
    by_rules, by_model = np.lexsort((tie, -worth)), np.lexsort((tie, -probability))

    def both(acts: np.ndarray, slots: int) -> int:
        # The rules' own slots in the order of their worth, of two as worthy the one that the model ranks higher.
        order = np.lexsort((tie, -probability, -worth))
        ours = order[acts[order] & (worth[order] > 0)][: slots // 2]
        taken = np.zeros(len(truth), bool)
        taken[ours] = True
        taken[by_model[~taken[by_model]][: slots - len(ours)]] = True
        return int(truth[taken].sum())

    for share in SHARES:
        slots = int(share * len(truth))
        everything = both(np.ones(len(truth), bool), slots)
        let_go = [both(drawn.uniform(size=len(truth)) >= 0.05, slots) for _ in range(50)]
        print(
            f"  {share:4.0%}: found by rules alone {truth[by_rules[:slots]].sum() / truth.sum():.3f}, model alone "
            f"{truth[by_model[:slots]].sum() / truth.sum():.3f}, both {everything / truth.sum():.3f}; letting 5 % go "
            f"{np.mean(let_go) / truth.sum():.3f} ({np.mean(let_go) / max(1, everything) - 1:+.1%})",
            flush=True,
        )


def legacy(world: World, seed: int) -> None:
    rules = legacy_rules(world.learned, seed)
    known = world.learned.declarations["is_irregular"]
    hits, later = hits_of(rules, world.learned), hits_of(rules, world.asked)
    findings = known.fill_null(value=False).to_numpy().astype(float)
    every, made = later.any(axis=1), float(findings[hits.any(axis=1)].sum())
    print(
        f"  legacy: {len(rules)} rules hit {every.mean():.3f} of the later declarations, of which "
        f"{world.truth[every].mean():.3f} are irregular; of all {world.truth.mean():.3f}"
    )
    expected = expect_findings(hits, known.to_list(), [1.0] * len(hits))
    usual = findings.sum() / max(1, int(known.is_not_null().sum()))
    beyond = np.maximum(expected - usual, 0.0) * hits.any(axis=1)
    ways = (("findings made", findings), ("findings to expect", expected), ("those beyond the usual rate", beyond))
    for name, worth in ways:
        found = prune(hits, worth.tolist(), keep=0.95)
        kept, stays = later[:, list(found.kept)].any(axis=1), hits[:, list(found.kept)].any(axis=1)
        few, many = int(world.truth[kept].sum()), int(world.truth[every].sum())
        print(
            f"    by {name}: {len(found.kept)} rules{' (no fewer can)' if found.is_smallest else ''} keep "
            f"{findings[stays].sum() / max(1.0, made):.3f} of {made:.0f} past findings with "
            f"{found.controls / max(1, found.controls_before):.3f} of the hits; later {few} of {many} irregular "
            f"({few / max(1, many):.3f}) with {kept.sum() / max(1, every.sum()):.3f} of the hits"
        )
        freed, rest = int(every.sum() - kept.sum()), ~kept
        by_model = world.truth[rest][np.argsort(-world.probability[rest], kind="stable")[:freed]].sum()
        print(
            f"      the {freed} controls that this frees: {freed * world.truth[rest].mean():.0f} found at random, "
            f"{by_model} by the model's order; with those kept {(few + by_model) / max(1, many):.2f} of what all rules "
            "found",
            flush=True,
        )


if __name__ == "__main__":
    main()
