"""What was found and what was missed in a period, by the chances of inspection that were logged.

Enters: a store, the record of decisions, two days. Leaves: a `Proof`. Never here: an estimate where no control could
reach: it is counted and left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from basira.monitor.domains import DomainEstimate, estimate_domains
from basira.monitor.estimate import ESTIMATORS, Estimate, Flags, Floats, Sampled, estimate_total, level_for_every_day
from basira.monitor.proof import Lane, Measure, Proof
from basira.monitor.response import Response, bounds_of_missing, response_chances
from basira.monitor.worth import Worth, naive_rate, share_of, worth_of
from basira.schema.errors import UsageError
from basira.storage.history.store import History
from basira.workflows.engine import EngineBounds
from basira.workflows.proof.population import OFFICERS, SOURCES, Population, read_population

DOMAINS = ("office", "chapter", "origin")
_YEAR = 365
# Of an unselected declaration: by what it would have been inspected.
_RANDOM = SOURCES.index("random")


def prove(
    history: History,
    place: str | Path,
    *,
    first: date,
    last: date,
    as_of: date,
    engine: EngineBounds | None = None,
) -> Proof:
    """Estimate the irregularity and the revenue gap of the declarations decided from ``first`` to ``last``.

    Raises UsageError when nothing was decided, or no declaration had a chance to be inspected; StoreError.
    """
    population = read_population(history, place, first=first, last=last, as_of=as_of, engine=engine)
    table = population.table.filter((pl.col("inclusion_probability") > 0) & (pl.col("inclusion_probability") <= 1))
    if table.is_empty():
        raise UsageError(
            "Expected declarations with a chance of inspection, found none.",
            hint="Without a random control nothing can be said of what was released: set one in the policy.",
        )
    samples = samples_of(table)
    response, in_sample = samples.response, samples.rate.is_known
    is_irregular = table["is_irregular"].fill_null(value=False).to_numpy()
    sources = _sources(population.table)
    inclusion = table["inclusion_probability"].to_numpy()
    part = ((last - first).days + 1) / _YEAR
    selected = table["is_selected"].to_numpy()
    return Proof(
        first=first,
        last=last,
        as_of=as_of,
        currency=str(population.table["currency"].drop_nulls().first() or "MAD"),
        is_simulated=population.is_simulated,
        declarations=population.table.height,
        covered=table.height,
        selected=int(selected.sum()),
        carried_out=int(in_sample.sum()),
        outside=population.table.height - table.height,
        decided_again=population.decided_again,
        cancelled=population.cancelled,
        not_in_history=population.not_in_history,
        reselected=int(population.table["reselected_to"].is_not_null().sum()),
        models=sorted(population.table["model_version"].drop_nulls().unique().to_list()),
        policies=int(population.table["policy_digest"].n_unique()),
        response=dict(zip(SOURCES, (float(x) for x in response.shares), strict=False)),
        naive=naive_rate(sources),
        missing_bounds=bounds_of_missing(inclusion, selected, in_sample, is_irregular),
        rate=_measure("rate", samples.rate, table, part),
        gap=_measure("gap", samples.gap, table, part),
        lanes=_lanes(population),
        sources=sources,
    )


@dataclass(frozen=True)
class Samples:
    """Of the same declarations: whether each is irregular, and the revenue at stake in it."""

    response: Response
    rate: Sampled
    gap: Sampled


def samples_of(table: pl.DataFrame) -> Samples:
    """The declarations of a `Population`, those with a chance of inspection, as samples."""
    response, in_sample = _responses(table)
    is_irregular = table["is_irregular"].fill_null(value=False).to_numpy()
    prior, stake = _expectations(table)
    rate = Sampled(response.chance, in_sample, is_irregular.astype(np.float64), prior, np.ones(len(prior)))
    amounts = table["revenue"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    has_amount = in_sample & (~is_irregular | np.isfinite(amounts))
    values = np.where(is_irregular & np.isfinite(amounts), np.maximum(amounts, 0.0), 0.0)
    return Samples(response, rate, Sampled(response.chance, has_amount, values, prior, stake))


def _responses(table: pl.DataFrame) -> tuple[Response, Flags]:
    """The chances, and which rows are in the sample: selected by the system, inspected, with a known result.

    What an officer added is no part of the sample: it had no chance that is known. What an officer released counts as
    not carried out.
    """
    selected = table["is_selected"].to_numpy()
    number = {source: n for n, source in enumerate(SOURCES)}
    source = np.array(
        [number.get(basis, _RANDOM) if s else _RANDOM for basis, s in zip(table["basis"], selected, strict=True)],
        dtype=np.int64,
    )
    is_known = selected & table["is_known"].to_numpy()
    late: Floats = table["late"].to_numpy()
    inclusion: Floats = table["inclusion_probability"].to_numpy()
    return response_chances(inclusion, source, selected, is_known, late=late), is_known


def _expectations(table: pl.DataFrame) -> tuple[Floats, Floats]:
    """The model's probability and the amount that it expected of an irregular declaration; averages without a score."""
    prior = table["fraud_probability"].cast(pl.Float64)
    prior = prior.fill_null(prior.mean() if prior.count() else 0.05).clip(1e-6, 1.0)
    stake = table["expected_revenue"].cast(pl.Float64) / prior
    middle = stake.filter(stake > 0).median()
    return prior.to_numpy(), stake.fill_null(middle or 1.0).clip(1.0).to_numpy()


def _measure(name: str, sampled: Sampled, table: pl.DataFrame, part: float) -> Measure:
    """``part``: of a year that the period is: it may be looked at every day of it."""
    totals: dict[str, Estimate | None] = {name: estimate_total(sampled, name) for name in ESTIMATORS}
    domains = {by: estimate_domains(sampled, table[by].to_list(), totals["difference"]) for by in DOMAINS}
    whole = DomainEstimate("", table.height, int(sampled.is_known.sum()), totals["difference"], 1.0)
    always = estimate_total(sampled, level=level_for_every_day(part))
    return Measure(name, totals, whole, always, float(sampled.value[sampled.is_known].sum()), domains)


def _lanes(population: Population) -> list[Lane]:
    found = []
    for (lane,), part in sorted(population.table.group_by("lane"), key=lambda pair: str(pair[0])):
        known = int(part["is_known"].sum())
        hits = int(part.filter("is_known")["is_irregular"].sum())
        found.append(Lane(str(lane), part.height, known, hits, share_of(hits, known)))
    return found


def _sources(table: pl.DataFrame) -> list[Worth]:
    """Of each source in the order of `SOURCES`, then what officers inspected although it was released."""
    found = []
    for source in (*SOURCES, OFFICERS):
        if source == OFFICERS:
            picked = pl.col("is_known") | (pl.col("reselected_to").fill_null("") == "inspect")
            part = table.filter(~pl.col("is_selected") & picked)
        else:
            part = table.filter(pl.col("is_selected") & (pl.col("basis") == source))
        if part.height:
            revenue = part["revenue"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
            irregular = part["is_irregular"].fill_null(value=False).to_numpy()
            found.append(worth_of(source, part["is_known"].to_numpy(), irregular, revenue))
    return found
