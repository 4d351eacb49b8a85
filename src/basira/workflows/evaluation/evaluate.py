"""Evaluation: our model beside the baselines on items that none of them has seen.

Enters: files split by the user (train, valid, test), or a store and a day. Leaves: metrics and curves,
from one run on the same rows. Never here: a test label in a feature, a model or a calibration.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

import basira
from basira.engines.engine import Engine
from basira.evaluate.agreement import Revenue, compute_agreement
from basira.evaluate.assemble import Contender, EvaluationCurves, MeasuredRows, assemble_evaluation
from basira.evaluate.circuits import compare_circuits
from basira.evaluate.slices import build_slices
from basira.features.batch.compute import compute_features
from basira.features.catalog.catalog import IS_EXPECTED_LEARNED, MODEL_FEATURES
from basira.feedback.labels import label_items
from basira.ingest.mapping.model import Mapping as ColumnMapping
from basira.models.baselines.baselines import BASELINES
from basira.models.estimators import Estimator, check_estimator, fit_estimator
from basira.models.risk.fit import ModelOrigin, fit_risk_model
from basira.models.risk.risk_model import Predictions
from basira.models.risk.settings import FitSettings
from basira.schema.codes import IRREGULARITY_KINDS
from basira.schema.days import date_of, day_of
from basira.schema.errors import ModelError, UsageError
from basira.schema.json_values import JsonObject
from basira.schema.stake import StakeScale, balanced_values
from basira.selection.policy.model import Objective, Order
from basira.selection.ranking import in_force
from basira.storage.engine import fetch_frame, fetch_value, open_engine
from basira.storage.history.store import History, register
from basira.workflows.engine import EngineBounds, Progress, silent
from basira.workflows.evaluation.declarations import tested_declarations
from basira.workflows.examine import examine_training, require_plausible, require_plausible_later
from basira.workflows.intake.feedback import record_feedback
from basira.workflows.intake.ingest import IngestReport, ingest_files
from basira.workflows.intake.take_in import OnProgress
from basira.workflows.train import training_items

FOREVER = 1_000_000  # a day after every result
# Orders of our model that an evaluation shows, whichever the policy has.
_ORDERS: tuple[Order, ...] = ("balanced", "findings", "revenue")


RECORDED = "additional revenue recorded"
DECLARED_DUTIES = "declared duties of irregular items (no additional revenue recorded)"
CUSTOMS_VALUE = "customs value of irregular items (no revenue and no duties recorded)"
NOT_RECORDED = "none recorded"
# For the report, which says them in its reader's language.
_REVENUE_KINDS = {RECORDED: "recorded", DECLARED_DUTIES: "duties", CUSTOMS_VALUE: "value", NOT_RECORDED: "none"}


@dataclass(frozen=True)
class Evaluation:
    """``metrics``: the content of metrics.json. ``curves``: what its report draws."""

    metrics: JsonObject
    curves: EvaluationCurves


@dataclass(frozen=True)
class Terms:
    """What the user sets of a contest. ``seed``: of fitting and of the bootstrap, which has ``resamples`` draws.

    ``trusted``: features that may foretell the result however well, see `examine_training`.
    ``estimators``: others than ours that take part, by name, see `basira.models.estimators`.
    ``objective``: of the policy in whose order "basira" ranks; the balanced order by default.
    ``settings``: of our model's fit.

    Raises UsageError: an estimator's name that every evaluation has, what is no estimator.
    """

    seed: int = 1
    resamples: int = 1000
    trusted: Sequence[str] = ()
    estimators: Mapping[str, Estimator] = field(default_factory=dict)
    objective: Objective = field(default_factory=Objective)
    settings: FitSettings = field(default_factory=FitSettings)

    def __post_init__(self) -> None:
        taken = ("basira", *(f"basira_{order}" for order in _ORDERS), *(baseline.name for baseline in BASELINES))
        for name, estimator in self.estimators.items():
            check_estimator(name, estimator, taken=taken)


@dataclass(frozen=True)
class Contest:
    """One contest: what may be learned, what is tested. ``late``: declarations to choose on, or None.

    ``has_uninspected``: the table `truth` has items that were never inspected, and says so in its column
    ``is_inspected``; otherwise all of them were.
    """

    as_of_day: int
    late: frozenset[str] | None
    dataset: str
    extras: JsonObject
    terms: Terms
    has_uninspected: bool = False


@dataclass(frozen=True)
class SeparateResults:
    """Results in files of their own: ``files``, read by ``mapping`` (one with [outcome] only)."""

    files: Sequence[Path]
    mapping: ColumnMapping


@dataclass(frozen=True)
class SplitFiles:
    """Files that the user split by time: to learn from, to test on, perhaps to choose on; one ``mapping`` of all.

    They are labelled, or ``results`` labels them.
    """

    mapping: ColumnMapping
    train: Sequence[Path]
    test: Sequence[Path]
    valid: Sequence[Path] = ()
    results: SeparateResults | None = None


def evaluate_files(
    split: SplitFiles,
    terms: Terms,
    *,
    now: datetime,
    engine: EngineBounds | None = None,
    reading: OnProgress | None = None,
    progress: Progress = silent,
) -> Evaluation:
    """Learn from the files to learn from and to choose on, test on those to test on.

    Of results in files of their own, all that speak of a declaration of the test files are set apart, also where its
    number is in the training files too.

    The files go through the same intake as any other: rows that can't be taken are quarantined and
    counted in the metrics. Results of the test files are set apart before anything is learned. When
    results come late, only those known before the first test day are learned from.

    Raises MappingError, SourceError, ModelError, UsageError.
    """
    engine = engine or EngineBounds()
    with tempfile.TemporaryDirectory(prefix="basira-evaluate-") as folder:
        history = History.create(Path(folder) / "store")
        taken = {
            part: ingest_files(history, files, split.mapping, received_at=now, progress=reading)
            for part, files in (("train", split.train), ("valid", split.valid), ("test", split.test))
            if files
        }
        if (results := split.results) is not None:
            taken["results"] = record_feedback(
                history, results.files, results.mapping, received_at=now, progress=reading
            )
        sources = {part: {f.digest[:16] for f in report.files} for part, report in taken.items()}
        if sources["test"] & (sources["train"] | sources.get("valid", set())):
            raise UsageError(
                "Expected test files that are not among the training files, found the same file in both.",
                hint="Split the data by time: earlier months to --train, later ones to --test.",
            )
        snapshot = history.snapshot()
        with open_engine(reads=snapshot.all_files(), memory=engine.memory, threads=engine.threads) as con:
            register(con, snapshot)
            _source_tables(con, sources)
            con.execute(
                "create temp table every_outcome as select o.*,"
                " source in (from test_source) or source in (from results_source) and declaration_id in"
                " (select declaration_id from items where source in (from test_source)) as is_of_test from outcomes o"
            )
            con.execute(
                "create or replace temp view outcomes as select * exclude (is_of_test) from every_outcome"
                " where is_of_test"
            )
            # Only items of the test files themselves: a result in them on an older item is no test row, and a number
            # that came in the training files too is tested as the test files declare it.
            con.execute("alter view items rename to every_item")
            con.execute("create temp view items as select * from every_item semi join test_source using (source)")
            label_items(con, as_of_day=FOREVER, into="truth", has_lane=True)
            con.execute("create or replace temp view items as select * from every_item")
            con.execute(
                "create or replace temp view outcomes as select * exclude (is_of_test) from every_outcome"
                " where not is_of_test"
            )
            contest = Contest(
                as_of_day=_last_day(con),
                late=_declarations(con, "valid_source") if "valid" in sources else None,
                dataset=", ".join(path.name for path in split.test),
                extras={
                    "quarantined": _count_rejections(taken),
                    "already_known": sum(r.already_known for r in taken.values()),
                    "declared_before": _count_repeats(con),
                    "is_simulated": history.snapshot().is_simulated,
                },
                terms=terms,
            )
            unlabelled = fetch_value(
                con,
                "select count(*) from items semi join test_source using (source)"
                " anti join truth using (declaration_id, item_number)",
            )
            contest = replace(contest, extras={**contest.extras, "unlabelled_rows": unlabelled})
            return run_contest(con, contest, progress)


def backtest(
    history: History,
    terms: Terms,
    *,
    as_of: date,
    share: float = 0.2,
    engine: EngineBounds | None = None,
    progress: Progress = silent,
) -> Evaluation:
    """How the model would have done: learn from the earlier results known at ``as_of``, test on the latest ``share``.

    The test rows are items that were inspected, so the figures speak of items like those: what the
    uninspected hold, only a random control tells.
    """
    engine = engine or EngineBounds()
    snapshot = history.verified_snapshot()
    with open_engine(reads=snapshot.all_files(), memory=engine.memory, threads=engine.threads) as con:
        register(con, snapshot)
        if label_items(con, as_of_day=day_of(as_of), into="truth", has_lane=True) == 0:
            raise ModelError(
                "Expected inspection results known at {as_of}, found none.",
                hint="Ingest results, or choose a later day.",
                as_of=as_of,
            )
        first = fetch_value(
            con, "select cast(quantile_disc(declared_day, $at) as integer) from truth", {"at": 1 - share}
        )
        con.execute("delete from truth where declared_day < $first", {"first": first})
        contest = Contest(
            as_of_day=first - 1,
            late=None,
            dataset=f"inspected items declared from {date_of(first)} to {as_of}",
            extras={
                "tested": {"kind": "inspected", "first": date_of(first).isoformat(), "last": as_of.isoformat()},
                "quarantined": [],
                "unlabelled_rows": 0,
                "is_simulated": snapshot.is_simulated,
                "first_test_day": date_of(first).isoformat(),
            },
            terms=terms,
        )
        return run_contest(con, contest, progress)


def run_contest(con: Engine, contest: Contest, progress: Progress) -> Evaluation:
    """Learn from the results in `outcomes` known by then, test on the items of the table `truth`, see `label_items`."""
    terms = contest.terms
    steps = len(BASELINES) + len(terms.estimators) + 4
    key = "declaration_id, declaration_version, item_number"
    order = "declared_day, declaration_id, item_number"
    if fetch_value(con, "select count(*) from truth") == 0:
        raise UsageError(
            "Expected test items with a known result, found none.",
            hint="Map the column that holds the result in the [outcome] section of the mapping.",
        )
    progress(0, steps, "features of the training items")
    started = time.process_time()
    items = training_items(con, as_of_day=contest.as_of_day, planted_seed=terms.seed)
    described = time.process_time()
    if contest.late is not None:
        items = replace(items, is_late=items.features["declaration_id"].is_in(list(contest.late)).to_numpy())
    notes = examine_training(con, items, as_of_day=contest.as_of_day, trusted=terms.trusted)
    progress(1, steps, "basira")
    model = fit_risk_model(
        items,
        numbers=MODEL_FEATURES,
        settings=terms.settings,
        seed=terms.seed,
        origin=ModelOrigin(date_of(contest.as_of_day).isoformat(), "", 0, basira.__version__, notes=notes),
    )
    require_plausible_later(model)
    fitted = time.process_time()
    progress(2, steps, "features of the test items")
    compute_features(con, "truth", as_of_day=contest.as_of_day, into="tested", has_expected=IS_EXPECTED_LEARNED)
    kinds = ", ".join(f"t.kind_{k}" for k in IRREGULARITY_KINDS)
    test = fetch_frame(
        con,
        f"select i.*, t.is_irregular, t.revenue, t.inspection_lane,"
        f" {'t.is_inspected' if contest.has_uninspected else 'true'} as was_inspected, {kinds}"
        f" from items i join truth t using ({key}) order by {order}",
    )
    features = fetch_frame(
        con,
        f"select f.* from tested f join (select {key}, declared_day from truth) using ({key}) order by {order}",
    )
    tested = time.process_time()
    predicted = model.predict(features)
    scored = time.process_time()
    fit_cpu, score_cpu = fitted - started, scored - fitted
    contenders = {
        name: Contender(
            _value(predicted, objective, model.stake_scale, test), predicted.fraud_probability, fit_cpu, score_cpu
        )
        for name, objective in _own_orders(terms.objective).items()
    }
    train = fetch_frame(
        con,
        f"select i.*, l.is_irregular from items i join label l using ({key}) order by {order}",
    )
    learned, late = train, None
    if contest.late is not None:
        is_late = pl.Series(train["declaration_id"].is_in(list(contest.late)))
        learned, late = train.filter(~is_late), train.filter(is_late)
    blind = test.drop(
        "is_irregular", "revenue", "inspection_lane", "was_inspected", *(f"kind_{k}" for k in IRREGULARITY_KINDS)
    )
    for n, baseline in enumerate(BASELINES):
        progress(3 + n, steps, baseline.name)
        result = baseline.fit_score(learned, late, blind, seed=terms.seed)
        contenders[baseline.name] = Contender(
            result.score, result.probability, result.fit_cpu_seconds, result.score_cpu_seconds
        )
    for n, (name, estimator) in enumerate(terms.estimators.items()):
        progress(3 + len(BASELINES) + n, steps, name)
        began = time.process_time()
        other = fit_estimator(name, estimator, items, numbers=MODEL_FEATURES)
        learned_at = time.process_time()
        probability = other.predict(features)
        ended = time.process_time()
        # Our features are a cost of every model that reads them.
        fit_seconds = described - started + learned_at - began
        contenders[name] = Contender(probability, probability, fit_seconds, tested - fitted + ended - learned_at)
    progress(steps - 1, steps, "metrics")
    irregular = test["is_irregular"].to_numpy().astype(bool)
    revenue, basis = _revenue(test, irregular)
    slices = build_slices(train, test)
    for kind in IRREGULARITY_KINDS:
        of_kind = (test[f"kind_{kind}"] == 1).fill_null(False).to_numpy()
        if of_kind.any():
            slices[f"kind:{kind}"] = ~irregular | of_kind
    currencies = test["value_currency"].drop_nulls().unique().to_list()
    metrics, curves = assemble_evaluation(
        MeasuredRows(irregular, slices, revenue),
        contenders,
        dataset=contest.dataset,
        resamples=terms.resamples,
        seed=terms.seed,
        extras={
            "as_of": date_of(contest.as_of_day).isoformat(),
            "trained_rows": len(train),
            "tested_rows": len(test),
            "revenue_basis": basis,
            "revenue_kind": _REVENUE_KINDS[basis],
            "value_currency": currencies[0] if len(currencies) == 1 else None,
            "software": f"Basira {basira.__version__}",
            "model": {
                "version": model.version,
                "chosen": model.card["chosen"],
                "later_items": model.card["later_items"],
                "importance": model.card["importance"],
                "order": {
                    "name": terms.objective.order,
                    **({} if (scale := in_force(model.stake_scale, terms.objective)) is None else asdict(scale)),
                    "chosen": model.card["order"],
                },
                "notes": notes,
            },
            "agreement": compute_agreement(
                irregular,
                predicted.fraud_probability,
                revenue=None if revenue is None or basis != RECORDED else Revenue(revenue, predicted.expected_revenue),
                value=_floats(test["customs_value_amount"]),
                lane=test["inspection_lane"].to_list(),
                resamples=terms.resamples,
                seed=terms.seed,
            ),
            "circuits": compare_circuits(
                tested_declarations(
                    test,
                    predicted,
                    terms.objective,
                    model.stake_scale,
                    revenue=revenue if basis == RECORDED else None,
                ),
                resamples=terms.resamples,
                seed=terms.seed,
            ),
            **contest.extras,
        },
    )
    # By probability: an order that weighs stakes says less of what the model knows.
    ours = metrics["models"]["basira_findings" if terms.objective.order != "findings" else "basira"]["slices"]["all"]
    if ours["auc"] is not None:
        require_plausible(
            notes,
            auc=ours["auc"],
            irregular=ours["positives"],
            compliant=ours["rows"] - ours["positives"],
            importance=model.card["importance"],
        )
    progress(steps, steps, "done")
    return Evaluation(metrics, curves)


def _own_orders(objective: Objective) -> dict[str, Objective]:
    """Our model's orders by the name of the contender: first the policy's own, then the others."""
    others = [order for order in _ORDERS if order != objective.order]
    return {"basira": objective} | {f"basira_{order}": Objective(order=order) for order in others}


def _value(
    predicted: Predictions, objective: Objective, scale: StakeScale | None, test: pl.DataFrame
) -> NDArray[np.float64]:
    """What ranks each item, as selection ranks a declaration of one item."""
    probability, revenue = predicted.fraud_probability, predicted.expected_revenue
    if objective.order == "balanced":
        return np.array(balanced_values(probability, revenue, scale, exponent=objective.stake_exponent))
    if objective.order != "blend":
        return probability if objective.order == "findings" else revenue
    weight = objective.revenue_weight or 0.0
    frame = test.select("office", "declared_day").with_columns(p=pl.Series(probability), r=pl.Series(revenue))

    def per_mean(name: str) -> pl.Expr:
        mean = pl.col(name).mean().over("office", "declared_day")
        return pl.when(mean > 0).then(pl.col(name) / mean).otherwise(0.0)

    return _floats(frame.select(weight * per_mean("r") + (1 - weight) * per_mean("p")).to_series())


def _floats(column: pl.Series) -> NDArray[np.float64]:
    return column.cast(pl.Float64).fill_null(float("nan")).to_numpy().astype(np.float64)


def _revenue(test: pl.DataFrame, irregular: NDArray[np.bool_]) -> tuple[NDArray[np.float64] | None, str]:
    """The revenue of each row and what it is: recorded, or failing that the declared duties of irregular items."""
    recorded = test["revenue"].fill_null(0.0).to_numpy() * irregular
    if recorded.sum() > 0:
        return recorded, RECORDED
    value = test["customs_value_amount"].fill_null(0.0).to_numpy()
    taxes = test["total_tax_amount"].fill_null(0.0).to_numpy()
    if taxes.sum() <= 0:
        taxes = value * test["duty_rate"].fill_null(0.0).to_numpy()
    if (taxes * irregular).sum() > 0:
        return taxes * irregular, DECLARED_DUTIES
    if (value * irregular).sum() > 0:
        return value * irregular, CUSTOMS_VALUE
    return None, NOT_RECORDED


def _source_tables(con: Engine, sources: Mapping[str, set[str]]) -> None:
    for part in ("valid", "test", "results"):
        con.execute(f"create or replace temp table {part}_source (source varchar)")
        for source in sorted(sources.get(part, ())):
            con.execute(f"insert into {part}_source values ($source)", {"source": source})


def _last_day(con: Engine) -> int:
    """The day to learn up to: all training declarations, and the results known before the test began."""
    declared = fetch_value(con, "select max(declared_day) from items anti join test_source using (source)")
    known = fetch_value(con, "select max(known_day) from outcomes")
    first_test = fetch_value(con, "select min(declared_day) from truth")
    if declared is None or known is None:
        raise ModelError(
            "Expected training items with results, found none.",
            hint="Map the column that holds the result in the [outcome] section of the mapping.",
        )
    return int(max(declared, min(known, (first_test or FOREVER) - 1)))


def _declarations(con: Engine, sources: str) -> frozenset[str]:
    rows = con.fetch_rows(f"select distinct declaration_id from items semi join {sources} using (source)")
    return frozenset(row[0] for row in rows)


def _count_repeats(con: Engine) -> int:
    """Test declarations whose number is in the other files too: amendments, or numbers that start again."""
    return int(
        fetch_value(
            con,
            "select count(distinct declaration_id) from truth semi join"
            " (select declaration_id from items anti join test_source using (source)) using (declaration_id)",
        )
    )


def _count_rejections(taken: Mapping[str, IngestReport]) -> list[JsonObject]:
    return [
        {"part": part, "file": report.file_name, "code": code, "rows": rows}
        for part, reports in taken.items()
        for report in reports.files
        for code, rows in report.reasons.items()
    ]
