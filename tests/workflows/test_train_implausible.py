"""A training stops at what foretells its results implausibly well, and says when declarations were overwritten."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from basira.ingest.mapping.model import Mapping, parse_mapping
from basira.models.risk.risk_model import RiskModel
from basira.schema.errors import ModelError, UsageError
from basira.storage.history.store import History
from basira.storage.model_store import Models
from basira.workflows.evaluation.evaluate import Terms, backtest
from basira.workflows.intake.feedback import record_feedback
from basira.workflows.intake.ingest import ingest_files
from basira.workflows.train import train
from tests.support.workflow_world import AS_OF, ENGINE, NOW, QUICK

LABELLED = """
version = 1
name = "labelled"
[constants]
value_currency = "MAD"
[fields]
declaration_id = "id"
declared_at = "date"
commodity_code = "code"
origin_country = "origin"
importer_id = "importer"
net_mass_kg = "mass"
customs_value_amount = "value"
[extra]
status = "status"
[outcome]
known_after_days = 3
is_irregular = "illicit"
"""
FOUND = LABELLED + 'is_irregular_value = "illicit"\nfound_value_amount = "found"\n'


def labelled(count: int = 600, rate: float = 0.3) -> pl.DataFrame:
    """Declarations whose result nothing foretells, but the value a little. ``status`` is drawn, and says nothing."""
    rng = np.random.default_rng(5)
    illicit = rng.random(count) < rate
    day = np.datetime64("2023-01-01") + np.sort(rng.integers(0, 200, count))
    mass = rng.uniform(10, 500, count)
    value = mass * np.exp(rng.normal(3, 0.4, count) - 0.4 * illicit)
    return pl.DataFrame(
        {
            "id": [f"D{i:04}" for i in range(count)],
            "date": [str(d) for d in day],
            "code": rng.choice(["870322", "610910", "851713"], count),
            "origin": rng.choice(["CN", "FR", "DE"], count),
            "importer": [f"I{n}" for n in rng.integers(0, 40, count)],
            "mass": np.round(mass, 1),
            "value": np.round(value, 2),
            "status": rng.choice(["green", "yellow", "red"], count),
            "illicit": illicit.astype(int),
            "found": [round(v * 1.5, 2) if bad else None for v, bad in zip(value, illicit, strict=True)],
        }
    )


def store(folder: Path, frame: pl.DataFrame, mapping: str = LABELLED) -> History:
    history = History.create(folder / "store")
    frame.write_csv(folder / "labelled.csv")
    report = ingest_files(history, [folder / "labelled.csv"], labelled_mapping(mapping), received_at=NOW)
    assert report.accepted == len(frame)
    return history


def labelled_mapping(text: str) -> Mapping:
    return parse_mapping(text, name="labelled")


def fit(history: History, *trusted: str) -> RiskModel:
    return train(history, as_of=AS_OF, seed=1, now=NOW, settings=QUICK, trusted=trusted, engine=ENGINE)


def result_in_words(frame: pl.DataFrame) -> pl.Expr:
    return (
        pl.when(pl.col("illicit") == 1)
        .then(pl.lit("Critical"))
        .otherwise(pl.when(pl.col("mass") > 250).then(pl.lit("Clear")).otherwise(pl.lit("Low Risk")))
    )


LEAKS = {
    "a word for every result": result_in_words,
    "a word for some irregular ones": lambda _: pl.when((pl.col("illicit") == 1) & (pl.col("mass") > 250))
    .then(pl.lit("Seized")).otherwise(pl.col("status")),
    "a word for half of the compliant": lambda _: pl.when((pl.col("illicit") == 0) & (pl.col("mass") > 250))
    .then(pl.lit("Released")).otherwise(pl.col("status")),
    "a number for each finding": lambda _: pl.when(pl.col("illicit") == 1).then(pl.lit("PV-") + pl.col("id")),
    "a score of many digits": lambda _: pl.col("illicit") * 50 + pl.col("mass") / 10,
}  # fmt: skip


@pytest.mark.parametrize("leak", LEAKS)
def test_a_result_among_the_attributes_stops_a_training_by_name(leak: str, tmp_path: Path) -> None:
    frame = labelled()
    history = store(tmp_path, frame.with_columns(status=LEAKS[leak](frame)))
    with pytest.raises(ModelError, match=r"x_status.*AUC.*irregular") as stopped:
        fit(history)
    assert "--trust x_status" in stopped.value.hint
    assert Models(history.root).cards() == []


def test_a_result_among_the_attributes_stops_a_back_test(tmp_path: Path) -> None:
    frame = labelled()
    history = store(tmp_path, frame.with_columns(status=result_in_words(frame)))
    with pytest.raises(ModelError, match="x_status"):
        backtest(history, Terms(resamples=20, settings=QUICK), as_of=AS_OF, engine=ENGINE)
    trusting = Terms(resamples=20, trusted=["x_status"], settings=QUICK)
    metrics = backtest(history, trusting, as_of=AS_OF, engine=ENGINE).metrics
    assert metrics["model"]["notes"]["implausible"][0]["is_trusted"]


def test_a_trusted_attribute_is_learned_from_and_stands_in_the_card(tmp_path: Path) -> None:
    frame = labelled()
    history = store(tmp_path, frame.with_columns(status=result_in_words(frame)))
    [entry] = fit(history, "x_status").card["notes"]["implausible"]
    assert (entry["feature"], entry["is_trusted"], entry["auc"]) == ("x_status", True, 1.0)
    assert {v["value"]: v["irregular"] for v in entry["values"]}["Clear"] == 0
    assert Models(history.root).cards()[0]["notes"]["implausible"] == [entry]


def test_a_trusted_name_that_is_no_feature_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="x_statut"):
        fit(store(tmp_path, labelled()), "x_statut")


def test_two_attributes_that_leak_together_stop_the_whole_model(tmp_path: Path) -> None:
    """Each reveals the result of one half of the declarations, and draws that of the other."""
    frame = labelled(2000, rate=0.5)
    drawn = pl.Series(np.random.default_rng(6).integers(0, 2, len(frame)))
    is_heavy = frame["mass"] > 250
    halves = {
        "status": pl.select(pl.when(is_heavy).then(frame["illicit"]).otherwise(drawn)).to_series(),
        "second": pl.select(pl.when(is_heavy).then(drawn).otherwise(frame["illicit"])).to_series(),
    }
    text = LABELLED.replace('status = "status"', 'status = "status"\nsecond = "second"')
    history = store(tmp_path, frame.with_columns(**halves), text)
    with pytest.raises(ModelError, match="x_s") as stopped:
        fit(history)
    assert "--trust model" in stopped.value.hint
    assert fit(history, "model").card["notes"] == {"trusted": ["model"]}


def test_few_results_are_a_warning(tmp_path: Path) -> None:
    frame = labelled(40)
    [entry] = fit(store(tmp_path, frame.with_columns(status=result_in_words(frame)))).card["notes"]["implausible"]
    assert (entry["feature"], entry["is_sure"], entry["is_trusted"]) == ("x_status", False, False)


def test_many_items_of_one_declaration_are_one_observation(tmp_path: Path) -> None:
    """Forty items of one seized declaration bear one word: that says nothing of the word."""
    frame = labelled().with_columns(status=pl.lit("usual"))
    seized = frame.filter(pl.col("illicit") == 1).head(1).with_columns(status=pl.lit("seldom"))
    many = pl.concat([frame.filter(pl.col("id") != seized["id"][0]), *[seized] * 40])
    text = LABELLED.replace("[constants]", "[source]\nnumber_items = true\n[constants]")
    assert fit(store(tmp_path, many, text)).card["notes"] == {}


def test_an_honest_world_is_not_stopped(model: RiskModel) -> None:
    assert model.card["notes"] == {}


def test_declared_values_that_equal_the_found_ones_are_reported(tmp_path: Path) -> None:
    frame = labelled()
    honest = store(tmp_path, frame, FOUND)
    assert fit(honest).card["notes"] == {}
    (tmp_path / "b").mkdir()
    over = frame.with_columns(value=pl.coalesce("found", "value"))
    over.write_csv(tmp_path / "b" / "labelled.csv")
    history = History.create(tmp_path / "b" / "store")
    [report] = ingest_files(history, [tmp_path / "b" / "labelled.csv"], labelled_mapping(FOUND), received_at=NOW).files
    findings = int(frame["illicit"].sum())
    [warning] = report.warnings
    assert f"customs_value_amount: in {findings} of {findings} inspected items" in warning
    [entry] = fit(history).card["notes"]["overwritten"]
    assert (entry["kind"], entry["equal"], entry["findings"]) == ("value", findings, findings)


def test_results_of_their_own_file_are_compared_with_the_first_registration(tmp_path: Path) -> None:
    frame = labelled()
    history = store(tmp_path, frame)
    results = tmp_path / "results.csv"
    mapping = labelled_mapping(
        'version = 1\nname = "r"\n[outcome]\ndeclaration_id = "id"\nknown_at = "date"\nis_irregular = "illicit"\n'
        'found_commodity_code = "code"\nfound_value_amount = "found"'
    )
    later = frame.filter(pl.col("illicit") == 1).with_columns(date=pl.lit("2023-09-01"))
    later.write_csv(results)
    [report] = record_feedback(history, [results], mapping, received_at=NOW).files
    [warning] = report.warnings
    assert warning.startswith("commodity_code: ")
