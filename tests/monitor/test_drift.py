"""What changes together says whether trade, fraud, recording or the model changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import get_args

import numpy as np
import polars as pl
import pytest

from basira.monitor.drift import MISSING, MIXES, Drift, DriftReport, Facts, Reading, watch_drift
from basira.monitor.drift_report import describe_drift, write_words
from basira.monitor.report import LOCALE
from basira.render.catalogs import load_catalog
from basira.render.languages import LANGUAGES
from basira.schema.codes import IRREGULARITY_KINDS

DAYS, A_DAY, CHANGE = 320, 120, 200


def facts(seed: int = 1) -> Facts:
    """320 days of 120 declarations, of which nothing changes."""
    rng = np.random.default_rng(seed)
    day = np.repeat(np.arange(DAYS), A_DAY)
    n = len(day)
    chance = rng.beta(1, 12, size=n)
    irregular = rng.random(n) < chance
    top = chance > np.quantile(chance, 0.9)
    drawn = ~top & (rng.random(n) < 0.1)
    delay = np.where(irregular, 12, 4) + rng.integers(0, 8, size=n)
    selected = top | drawn
    known = pl.Series(day + delay, dtype=pl.Int32)
    comes = selected & (rng.random(n) < 0.95)
    kind = rng.choice(IRREGULARITY_KINDS, size=n, p=[0.6, 0.1, 0.1, 0.1, 0.05, 0.05])
    has = pl.Series(comes)
    decided = pl.DataFrame(
        {
            "day": pl.Series(day, dtype=pl.Int32),
            "office": rng.choice(["A", "B"], size=n),
            "model_version": ["m"] * n,
            "fraud_probability": chance,
            "basis": np.where(top, "model", np.where(drawn, "random", "none")),
            "is_selected": selected,
            "row_day": known,
            "known_day": known,
            "irregular_day": known,
            **{f"kind_{one}": (kind == one) & irregular & comes for one in IRREGULARITY_KINDS},
        }
    ).with_columns(
        pl.when(has).then("row_day").alias("row_day"),
        pl.when(has).then("known_day").alias("known_day"),
        pl.when(has & pl.Series(irregular)).then("irregular_day").alias("irregular_day"),
    )
    levels = pl.DataFrame(
        {
            "day": pl.Series(np.arange(DAYS), dtype=pl.Int32),
            "items": rng.poisson(300, size=DAYS),
            "declarations": rng.poisson(A_DAY, size=DAYS),
            "price": rng.normal(0, 0.03, size=DAYS),
            "other_rate": np.zeros(DAYS),
            **{f"missing_{one}": rng.poisson(3, size=DAYS) for one in MISSING},
        }
    )
    mixes = [
        pl.DataFrame({"day": pl.Series([d], dtype=pl.Int32), "attribute": [m], "value": [v], "items": [count]})
        for m in MIXES
        for d, row in enumerate(rng.multinomial(300, [0.6, 0.4], size=DAYS).tolist())
        for v, count in zip("ab", row, strict=True)
    ]
    return Facts(pl.concat(mixes), levels, decided)


@pytest.fixture(scope="module")
def same() -> Facts:
    return facts()


def after(column: str, changed: pl.Expr) -> pl.Expr:
    return pl.when(pl.col("day") >= CHANGE).then(changed).otherwise(column).alias(column)


def dearer(one: Facts) -> Facts:
    return replace(one, levels=one.levels.with_columns(after("price", pl.col("price") + 0.3)))


def no_results_of_b(one: Facts) -> Facts:
    silent = (pl.col("office") == "B") & (pl.col("day") >= CHANGE)
    columns = [pl.when(silent).then(None).otherwise(c).alias(c) for c in ("row_day", "known_day", "irregular_day")]
    return replace(one, decided=one.decided.with_columns(columns))


def another_kind(one: Facts) -> Facts:
    moved = (pl.col("irregular_day") >= CHANGE) & pl.col("kind_value")
    kinds = [(pl.col("kind_origin") | moved).fill_null(value=False).alias("kind_origin")]
    kinds.append((pl.col("kind_value") & ~moved).fill_null(value=False).alias("kind_value"))
    return replace(one, decided=one.decided.with_columns(kinds))


def without_origin(one: Facts) -> Facts:
    lost = pl.when(pl.col("day") >= CHANGE + 30).then(pl.col("items") // 3).otherwise("missing_origin_country")
    return replace(one, levels=one.levels.with_columns(lost.alias("missing_origin_country")))


def other_scores(one: Facts) -> Facts:
    fallen = pl.when(pl.col("is_selected")).then("fraud_probability").otherwise(pl.col("fraud_probability") / 8)
    return replace(one, decided=one.decided.with_columns(after("fraud_probability", fallen)))


def test_where_nothing_changes_there_is_no_alarm(same: Facts) -> None:
    found = watch_drift(same, as_of=DAYS)
    assert (found.reading, found.recent, sum(found.year.values())) == ("quiet", (), 0)
    assert all(one.values > 0 for one in found.watches), [one.name for one in found.watches if not one.values]


@pytest.mark.parametrize(
    ("change", "reading", "watch"),
    [
        (dearer, "trade", ("price", "")),
        (no_results_of_b, "recording", ("results_by_office", "B")),
        (another_kind, "fraud", ("kind", "origin")),
        (other_scores, "model", ("score", "")),
    ],
)
def test_what_changed_is_named(
    same: Facts, change: Callable[[Facts], Facts], reading: str, watch: tuple[str, str]
) -> None:
    found = watch_drift(change(same), as_of=CHANGE + (75 if change is another_kind else 55))
    assert found.reading == reading
    assert watch in {(one.watch, one.label) for one in found.recent}
    assert {one.about for one in found.recent} == {reading}


def test_an_alarm_of_fraud_beside_one_of_recording_is_not_believed_by_itself(same: Facts) -> None:
    assert watch_drift(without_origin(another_kind(same)), as_of=CHANGE + 75).reading == "fraud_or_recording"


def test_an_evening_knows_nothing_of_the_next_day(same: Facts) -> None:
    moved, evening = another_kind(dearer(same)), CHANGE + 40
    later = [
        pl.when(pl.col(c) > evening).then(None).otherwise(c).alias(c) for c in ("row_day", "known_day", "irregular_day")
    ]
    then = Facts(
        moved.mixes.filter(pl.col("day") <= evening),
        moved.levels.filter(pl.col("day") <= evening),
        moved.decided.filter(pl.col("day") <= evening).with_columns(later),
    )
    assert alarms(watch_drift(then, as_of=evening)) == alarms(watch_drift(moved, as_of=evening)) != []


def alarms(drift: Drift) -> list[object]:
    return [(one.watch, one.label, one.change) for one in drift.recent]


def test_a_new_model_begins_anew(same: Facts) -> None:
    replaced = same.decided.with_columns(after("model_version", pl.lit("n")))
    fallen = replaced.with_columns(after("fraud_probability", pl.col("fraud_probability") / 8))
    found = watch_drift(replace(same, decided=fallen), as_of=CHANGE + 55)
    assert "score" not in {one.watch for one in found.recent}


def test_without_decisions_trade_is_watched_alone(same: Facts) -> None:
    found = watch_drift(replace(dearer(same), decided=same.decided.clear()), as_of=CHANGE + 55)
    assert found.reading == "trade"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_of_the_report_is_there_in_each_language(same: Facts, language: str, tmp_path: Path) -> None:
    drift = watch_drift(without_origin(another_kind(same)), as_of=CHANGE + 75)
    report = DriftReport(date(2024, 1, 1), date(2024, 9, 1), True, 9, 9, 9, drift)
    words = describe_drift(report, language, strict=True)
    assert len(words.tables[0].rows) == len(drift.recent) > 1
    assert len(words.tables[2].rows) == len(drift.watches)
    place = write_words(words, tmp_path / "p.html", language=language, is_simulated=report.is_simulated)
    page = place.read_text(encoding="utf-8").replace("\u00a0", " ")
    assert words.title in page
    assert all(row[3] in page for row in words.tables[0].rows)


def test_every_watch_and_reading_has_its_words(same: Facts) -> None:
    watches = {one.name for one in watch_drift(same, as_of=DAYS).watches}
    labels = {*IRREGULARITY_KINDS, *MISSING}
    needed = {f"drift.watch.{one}" for one in watches} | {f"drift.do.{one}" for one in watches}
    needed |= {f"drift.reading.{one}" for one in get_args(Reading)} | {f"drift.label.{one}" for one in labels}
    for language in LANGUAGES:
        assert needed - load_catalog(LOCALE, language).ids == set()
