"""What changed: the trade, the fraud, the recording of results, or the model's view of them.

Enters: what was declared by day, what was decided and found by declaration. Leaves: watches with their alarms, and what
they say together. Never here: a store; a value that was not known at the end of the day of looking.

A result counts at an age of its own (`SOON`, `SETTLED` days after the declaration), whatever is known by then: so the
past stays as it was when it is looked at again, and an alarm of last month is found again tonight.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

import numpy as np
import polars as pl

from basira.monitor.detect import Change, Integers, Results, Series, find_changes, find_miscalibration
from basira.monitor.streams import level_series, log_counts, logit, mix_series, share_series
from basira.schema.codes import IRREGULARITY_KINDS

About = Literal["trade", "recording", "fraud", "model"]
ABOUT: tuple[About, ...] = get_args(About)
Reading = Literal["quiet", "trade", "recording", "fraud", "fraud_and_trade", "fraud_or_recording", "model"]

# Ages in days at which results count.
SOON = 15
SETTLED = 45
# Alarms of the last so many days are read together.
TOGETHER = 60
# Offices and values of a composition beyond the largest ones are one.
MOST_OFFICES = 12
MOST_VALUES = 20
# How wrong the odds of a model may be before it is an alarm.
MARGIN = 1.5
# Up to these departures from the days before, nothing departed: of logarithms (a fifth of the volume, a twentieth of
# the price), of a share, of the mean logit of scores.
LEAST = {"volume": 0.2, "price": 0.05, "other_rate": 0.002, "score": 0.05}
MIXES = ("chapter", "origin", "procedure", "office", "transport_mode", "preference")
MISSING = ("importer_id", "declarant_id", "origin_country", "net_mass_kg", "description")
_SCORE_EDGES = np.array([-5.0, -4.0, -3.0, -2.0, -1.0, 0.0, 1.0])


@dataclass(frozen=True)
class Facts:
    """What there is to be watched.

    ``mixes``: ``day``, ``attribute`` (one of `MIXES`), ``value``, ``items``. ``levels``, one row a day: ``day``,
    ``items``, ``declarations``, ``price`` (median logarithm of value per kg beyond what was usual of each code and
    preference in the first days; null: none), ``other_rate`` (share of items with another duty rate than then) and
    ``missing_<field>`` of `MISSING` (counts). ``decided``, one row a declaration: ``day``, ``office``,
    ``model_version``, ``fraud_probability`` (null: without), ``basis``, ``is_selected``, ``row_day`` (of the first row
    of results; null: none), ``known_day`` (of the first result; null: none), ``irregular_day`` (of the first finding;
    null: none), and ``kind_<name>`` of `IRREGULARITY_KINDS`. Days are numbers since 1970.
    """

    mixes: pl.DataFrame
    levels: pl.DataFrame
    decided: pl.DataFrame


@dataclass(frozen=True)
class Alarm:
    """A change of one watch. ``detail``: of a composition the values that departed most, with how much, in shares of
    all, since the change."""

    about: About
    watch: str
    label: str
    change: Change
    detail: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Watch:
    """One thing that is watched. ``values``: how many were looked at; 0: nothing to look at. ``label``: an office, a
    field, a kind; "" the whole. ``last``: the latest level; None without a value."""

    about: About
    name: str
    label: str
    values: int
    last: float | None
    alarms: tuple[Alarm, ...]


@dataclass(frozen=True)
class Drift:
    """``threshold``: of evidence; ``reading``: of the alarms noticed in the last `TOGETHER` days; ``recent``: those.
    ``year``: alarms noticed in the last 365 days, by what they are about."""

    threshold: float
    alarms_a_year: float
    watches: tuple[Watch, ...]
    recent: tuple[Alarm, ...]
    reading: Reading
    year: dict[About, int]


@dataclass(frozen=True)
class DriftReport:
    """``first``, ``as_of``: the days looked at, both included. ``declarations``: declared then; ``decided``: with a
    decision on record; ``results``: of these, with a known result."""

    first: date
    as_of: date
    is_simulated: bool
    declarations: int
    decided: int
    results: int
    drift: Drift


@dataclass(frozen=True)
class _Asked:
    """A watch before it is looked at. ``series``: several follow one another, a new model's after the old one's."""

    about: About
    name: str
    label: str
    series: tuple[Series | Results, ...]
    explain: Callable[[int, int], tuple[tuple[str, float], ...]] | None = None


def watch_drift(facts: Facts, *, as_of: int, alarms_a_year: float = 1.0) -> Drift:
    """Look at everything on the evening of day ``as_of``.

    ``alarms_a_year``: false ones, at most, of all watches together while nothing changes; each watch gets an even part.
    """
    asked = [*_trade(facts), *_recording(facts), *_fraud(facts), *_model(facts)]
    threshold = 365.0 * max(1, len(asked)) / alarms_a_year
    watches = tuple(_look(one, as_of, threshold) for one in asked)
    alarms = sorted((alarm for one in watches for alarm in one.alarms), key=lambda one: -one.change.noticed)
    recent = tuple(one for one in alarms if one.change.noticed > as_of - TOGETHER)
    year = {about: sum(a.about == about and a.change.noticed > as_of - 365 for a in alarms) for about in ABOUT}
    return Drift(threshold, alarms_a_year, watches, recent, read_together(one.about for one in recent), year)


def read_together(abouts: Iterable[About]) -> Reading:
    """What alarms of one time say together.

    Results that come otherwise than before make rates move that did not: with an alarm of recording, one of fraud is
    not believed by itself. Trade that changed while results go on as the model expects asks nothing of the model.

    >>> read_together(["trade", "fraud"]), read_together(["recording", "fraud"]), read_together([])
    ('fraud_and_trade', 'fraud_or_recording', 'quiet')
    """
    kinds = set(abouts)
    if "fraud" in kinds:
        return "fraud_or_recording" if "recording" in kinds else "fraud_and_trade" if "trade" in kinds else "fraud"
    for one in ("recording", "trade", "model"):
        if one in kinds:
            return one
    return "quiet"


def _look(asked: _Asked, as_of: int, threshold: float) -> Watch:
    alarms: list[Alarm] = []
    values, last = 0, None
    for one in asked.series:
        if isinstance(one, Results):
            found = find_miscalibration(one, as_of=as_of, threshold=threshold, margin=MARGIN)
            seen = int(np.searchsorted(one.known, as_of, side="right"))
            last = float(one.is_irregular[:seen].mean()) if seen else last
        else:
            found = find_changes(one, as_of=as_of, threshold=threshold)
            seen = int(np.searchsorted(one.known, as_of, side="right"))
            last = float(one.levels[seen - 1]) if seen else last
        values += seen
        for change in found:
            detail = () if asked.explain is None else asked.explain(change.since, change.noticed)
            alarms.append(Alarm(asked.about, asked.name, asked.label, change, detail))
    return Watch(asked.about, asked.name, asked.label, values, last, tuple(alarms))


def _trade(facts: Facts) -> list[_Asked]:
    levels = facts.levels.sort("day")
    days = _whole(levels, "day")
    asked = [
        _Asked(
            "trade",
            "volume",
            "",
            (level_series("volume", days, log_counts(_whole(levels, "declarations")), least=LEAST["volume"], cycle=7),),
        )
    ]
    for name in ("price", "other_rate"):
        values = levels[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
        asked.append(_Asked("trade", name, "", (level_series(name, days, values, least=LEAST[name]),)))
    for attribute in MIXES:
        part = facts.mixes.filter(pl.col("attribute") == attribute)
        asked.append(_mix("trade", attribute, part.select("day", "value", "items")))
    return asked


def _mix(about: About, name: str, counted: pl.DataFrame) -> _Asked:
    """The composition of days by value: the largest ones, and the others as one."""
    totals = counted.group_by("value").agg(pl.col("items").sum()).sort(["items", "value"], descending=[True, False])
    # The largest of the first third of days, so that no later day chooses what an earlier one is compared by.
    first = counted.filter(pl.col("day") <= _early(counted))
    largest = first.group_by("value").agg(pl.col("items").sum()).sort(["items", "value"], descending=[True, False])
    kept = largest["value"].head(MOST_VALUES).to_list()
    names = [*kept, "…"] if totals.height > len(kept) else kept
    wide = (
        counted.with_columns(pl.when(pl.col("value").is_in(kept)).then("value").otherwise(pl.lit("…")).alias("value"))
        .group_by("day", "value")
        .agg(pl.col("items").sum())
        .pivot("value", index="day", values="items")
        .fill_null(0)
        .sort("day")
    )
    columns = [wide[one].to_numpy() if one in wide.columns else np.zeros(wide.height, np.int64) for one in names]
    counts = np.stack(columns, axis=1).astype(np.int64) if columns else np.zeros((wide.height, 0), np.int64)
    series, departs = mix_series(name, _whole(wide, "day"), counts)

    def explain(since: int, noticed: int) -> tuple[tuple[str, float], ...]:
        rows = (series.days >= since) & (series.days <= noticed)
        mean = departs[rows].mean(axis=0)
        order = np.argsort(-np.abs(mean), kind="stable")[:3]
        return tuple((names[int(at)], float(mean[at])) for at in order)

    return _Asked(about, name, "", (series,), explain)


def _early(counted: pl.DataFrame) -> int:
    """The last day of the first 90 days."""
    first = counted["day"].min()
    return 0 if first is None else int(first) + 90  # type: ignore[arg-type]  # a day is an integer


def _recording(facts: Facts) -> list[_Asked]:
    levels = facts.levels.sort("day")
    days, items = _whole(levels, "day"), _whole(levels, "items")
    asked = []
    for field in MISSING:
        series = share_series("missing", days, (_whole(levels, f"missing_{field}"), items), label=field, least=100)
        asked.append(_Asked("recording", "missing", field, (series,)))
    selected = facts.decided.filter("is_selected")
    offices = selected.filter(pl.col("day") <= _early(selected))["office"].value_counts(sort=True)
    for office in sorted(offices["office"].head(MOST_OFFICES).to_list()):
        part = selected.filter(pl.col("office") == office)
        series = _shares("results_by_office", part, _known_by(SETTLED), lag=SETTLED, label=office)
        asked.append(_Asked("recording", "results_by_office", office, (series,)))
    soon = _shares("results_soon", selected, _known_by(SOON), lag=SOON)
    rows = selected.filter(pl.col("row_day") <= pl.col("day") + SETTLED)
    blank = _shares("blank", rows, ~_known_by(SETTLED), lag=SETTLED)
    asked += [_Asked("recording", "results_soon", "", (soon,)), _Asked("recording", "blank", "", (blank,))]
    without = pl.all_horizontal([~pl.col(f"kind_{kind}") for kind in IRREGULARITY_KINDS])
    unnamed = _shares("kind_unnamed", _hits(selected), without)
    return [*asked, _Asked("recording", "kind_unnamed", "", (unnamed,))]


def _fraud(facts: Facts) -> list[_Asked]:
    selected = facts.decided.filter("is_selected")
    known = selected.filter(_known_by(SETTLED))
    drawn = known.filter(pl.col("basis") == "random")
    irregular = pl.col("irregular_day").is_not_null() & (pl.col("irregular_day") <= pl.col("day") + SETTLED)
    soon = pl.col("irregular_day").is_not_null() & (pl.col("irregular_day") <= pl.col("day") + SOON)
    asked = [
        _Asked("fraud", "hits_random", "", (_shares("hits_random", drawn, irregular, lag=SETTLED, least=30),)),
        _Asked("fraud", "hits_soon", "", (_shares("hits_soon", selected, soon, lag=SOON, least=60),)),
    ]
    for name, basis in (("calibration_random", "random"), ("calibration_model", "model")):
        part = known.filter((pl.col("basis") == basis) & pl.col("fraud_probability").is_not_null())
        asked.append(_Asked("fraud", name, "", tuple(_results(name, one, irregular) for one in _by_model(part))))
    hits = _hits(selected)
    for kind in IRREGULARITY_KINDS:
        series = _shares("kind", hits, pl.col(f"kind_{kind}"), label=kind)
        asked.append(_Asked("fraud", "kind", kind, (series,)))
    return asked


def _model(facts: Facts) -> list[_Asked]:
    scored = facts.decided.filter(pl.col("fraud_probability").is_not_null())
    means, shares = [], []
    for part in _by_model(scored):
        values = part.with_columns(pl.Series("logit", logit(part["fraud_probability"].to_numpy())))
        by_day = values.group_by("day").agg(pl.col("logit").mean(), pl.len()).filter(pl.col("len") >= 20).sort("day")
        means.append(level_series("score", _whole(by_day, "day"), by_day["logit"].to_numpy(), least=LEAST["score"]))
        bins = np.searchsorted(_SCORE_EDGES, values["logit"].to_numpy())
        frame = pl.DataFrame({"day": values["day"], "bin": bins})
        wide = np.zeros((frame["day"].n_unique(), len(_SCORE_EDGES) + 1), np.int64)
        days, at = np.unique(frame["day"].to_numpy(), return_inverse=True)
        np.add.at(wide, (at, bins), 1)
        shares.append(mix_series("score_mix", days.astype(np.int64), wide)[0])
    without = _shares("unscored", facts.decided, pl.col("fraud_probability").is_null(), lag=0, least=100)
    return [
        _Asked("model", "score", "", tuple(means)),
        _Asked("model", "score_mix", "", tuple(shares)),
        _Asked("model", "unscored", "", (without,)),
    ]


def _known_by(age: int) -> pl.Expr:
    return pl.col("known_day").is_not_null() & (pl.col("known_day") <= pl.col("day") + age)


def _hits(selected: pl.DataFrame) -> pl.DataFrame:
    """Findings by the day on which they were known, not declared: what they are of does not wait for the late ones."""
    return selected.filter(pl.col("irregular_day").is_not_null()).with_columns(pl.col("irregular_day").alias("day"))


def _by_model(frame: pl.DataFrame) -> Sequence[pl.DataFrame]:
    """One after the other, in the order in which models began to decide."""
    return frame.sort("day").partition_by("model_version", maintain_order=True)


def _results(name: str, part: pl.DataFrame, irregular: pl.Expr) -> Results:
    ordered = part.sort("day")
    days = _whole(ordered, "day")
    chance = ordered["fraud_probability"].cast(pl.Float64).to_numpy()
    return Results(name, days, days + SETTLED, chance, ordered.select(irregular).to_series().to_numpy())


def _shares(name: str, frame: pl.DataFrame, part: pl.Expr, *, lag: int = 0, label: str = "", least: int = 20) -> Series:
    by_day = frame.group_by("day").agg(part.sum().cast(pl.Int64).alias("part"), pl.len().alias("whole")).sort("day")
    counts = (_whole(by_day, "part"), _whole(by_day, "whole"))
    return share_series(name, _whole(by_day, "day"), counts, label=label, lag=lag, least=least)


def _whole(frame: pl.DataFrame, column: str) -> Integers:
    return frame[column].fill_null(0).cast(pl.Int64).to_numpy()
