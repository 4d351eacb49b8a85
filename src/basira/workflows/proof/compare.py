"""A model in the shadow against the live one: what it would have found of the days that it was tried beside.

Enters: a store, the record, a version, two days. Leaves: a `Comparison`. Never here: a promotion; an estimate from a
result that the shadow's own training knew (its stages see to that: it knows nothing of the days it is tried on).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

import polars as pl

from basira.monitor.estimate import Estimate, Sampled
from basira.monitor.off_policy import OffPolicy, gain_of, value_of
from basira.schema.errors import UsageError
from basira.storage.history.store import History
from basira.workflows.engine import EngineBounds
from basira.workflows.models.shadow import read_shadow
from basira.workflows.proof.population import read_population
from basira.workflows.proof.prove import samples_of

Verdict = Literal["more", "fewer", "not shown", "refused"]


@dataclass(frozen=True)
class Compared:
    """Of findings, or of revenue (an amount): what the live model's and the other's inspections find in the mean, and
    the gain with its interval. ``verdict``: "refused": the results hardly speak for the other."""

    live: OffPolicy
    other: OffPolicy
    gain: Estimate | None
    verdict: Verdict


@dataclass(frozen=True)
class Comparison:
    """``declarations``: of runs that the model was tried beside; ``runs_without``: runs of the period without it."""

    version: str
    first: date
    last: date
    as_of: date
    currency: str
    is_simulated: bool
    declarations: int
    results: int
    runs_without: int
    findings: Compared
    revenue: Compared


def compare_shadow(
    history: History,
    place: str | Path,
    version: str,
    *,
    first: date,
    last: date,
    as_of: date,
    engine: EngineBounds | None = None,
) -> Comparison:
    """What ``version`` would have found of the declarations that batch runs decided, beside what the live model did.

    Raises UsageError when it was tried beside no run of the period, or nothing was decided; StoreError.
    """
    population = read_population(history, place, first=first, last=last, as_of=as_of, engine=engine)
    runs = population.table["run_id"].drop_nulls().unique().sort().to_list()
    shadow, missing = read_shadow(history, runs, version)
    if shadow.is_empty():
        raise UsageError(
            "Expected runs from {first} to {last} beside which {version} was tried, found none.",
            hint="Put it in the shadow first (basira models shadow); then `basira target` tries it beside each run.",
            first=first,
            last=last,
            version=version,
        )
    other = shadow.select("run_id", "declaration_id", pl.col("inclusion_probability").alias("wanted"))
    both = population.table.join(other, on=("run_id", "declaration_id"))
    table = both.filter((pl.col("inclusion_probability") > 0) & (pl.col("inclusion_probability") <= 1))
    if table.is_empty():
        raise UsageError(
            "Expected declarations with a chance of inspection, found none.",
            hint="Without a random control nothing can be said of what was released.",
        )
    samples = samples_of(table)
    unreachable = float(both["wanted"].sum()) - float(table["wanted"].sum())
    return Comparison(
        version=version,
        first=first,
        last=last,
        as_of=as_of,
        currency=str(table["currency"].drop_nulls().first() or "MAD"),
        is_simulated=population.is_simulated,
        declarations=table.height,
        results=int(samples.rate.is_known.sum()),
        runs_without=len(missing),
        findings=_compare(samples.rate, table, unreachable),
        revenue=_compare(samples.gap, table, unreachable),
    )


def _compare(sampled: Sampled, table: pl.DataFrame, unreachable: float) -> Compared:
    now, wanted = table["inclusion_probability"].to_numpy(), table["wanted"].to_numpy()
    live = value_of(sampled, now)
    other = value_of(sampled, wanted, unreachable=unreachable)
    gain = gain_of(sampled, now, wanted)
    if other.support.refusal or live.support.refusal or gain is None:
        return Compared(live, other, None, "refused")
    verdict: Verdict = "more" if gain.low > 0 else "fewer" if gain.high < 0 else "not shown"
    return Compared(live, other, gain, verdict)
