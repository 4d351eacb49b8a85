"""The laboratory, from Python.

Enters: strategies, a world. Leaves: a row for each strategy, seed and period. Never here: how a strategy or the loop
works (`basira.laboratory`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from basira.interface.store import PathLike, Store
from basira.laboratory.report.figures import summary
from basira.laboratory.runs.many import Workers, run_all
from basira.laboratory.runs.sources import make_plan
from basira.laboratory.strategies.estimator import make_strategy
from basira.laboratory.worlds.view import Strategy
from basira.models.estimators import Estimator
from basira.schema.days import check_day


@dataclass(frozen=True)
class Comparison:
    """What came out.

    ``rows``: one row per strategy, seed and period; its columns stand in docs/reference/laboratory.md. ``summary``: one
    row per strategy, best first: over all periods, means over the seeds.
    """

    rows: pl.DataFrame
    summary: pl.DataFrame


def compare(
    strategies: Sequence[str | Strategy],
    data: str | Store | Sequence[PathLike],
    *,
    mapping: PathLike = "",
    outcomes: Sequence[PathLike] = (),
    outcomes_mapping: PathLike = "",
    estimators: Mapping[str, Estimator] | None = None,
    rate: float | Sequence[float] = 0.1,
    seeds: Sequence[int] = (1,),
    start: date | None = None,
    periods: int | None = None,
    period_days: int = 7,
    delay_days: int = 0,
    initial_labels: float = 1.0,
    items: int | None = None,
    out: PathLike | None = None,
    jobs: int = 2,
    memory: str = "2GB",
) -> Comparison:
    """Compare ways of choosing what to inspect, period after period: only what was chosen gets a result.

    Parameters
    ----------
    strategies
        Names (``basira lab strategies`` lists them), or a `Strategy` of your own.
    data
        A world: the name of a scenario of the simulated country (or its TOML file), a store with results, or labelled
        files. Of a store, what it holds now is played.
    mapping
        Of the files: a mapping file, or the name of a shipped one.
    outcomes, outcomes_mapping
        Results in files of their own, for files of declarations that have none, and their mapping.
    estimators
        Estimators by name, see `Store.train_estimator`: each is a strategy that inspects the most probable items,
        fitted anew in each period on the results known by then.
    rate
        Share inspected, over 0 and up to 1; several: one a period, the last one stays.
    seeds
        Of the country, of draws, of the labels kept; one run each.
    start
        First day of the first period; None: half-way.
    periods, period_days
        How many (None: to the end), and how many days each.
    delay_days
        Files and stores: days from a period's end to its results.
    initial_labels
        Share of the earlier results that is known at the start, 0 to 1.
    items
        Scenario: expected number of items in all; None: the scenario's own.
    out
        Folder of results: the same call goes on where it was interrupted, and strategies may be added. None: nothing
        is kept.
    jobs, memory
        Runs of named strategies at once, a process with one thread each; memory of each one's query engine. Your own
        strategies and estimators run in this process, one after the other.

    Returns
    -------
    Comparison

    Raises
    ------
    NotFoundError
        An unknown strategy or mapping.
    UsageError
        No strategy, no world, results that nothing can be learned from, an impossible setting, what is no estimator, a
        strategy or an estimator that fails; another plan in ``out``.
    StoreError, MappingError, SourceError
        As `Store.ingest`.

    Examples
    --------
    >>> import basira as bs
    >>> bs.compare(["random", "no such"], "small")
    Traceback (most recent call last):
    ...
    basira.schema.errors.NotFoundError: Expected a strategy, found 'no such'.
    """
    own = [make_strategy(name, estimator) for name, estimator in (estimators or {}).items()]
    is_store, is_scenario = isinstance(data, Store), isinstance(data, str)
    plan = make_plan(
        scenario=data if isinstance(data, str) else "",
        store=data.history.root if isinstance(data, Store) else None,
        data=() if is_store or is_scenario else [Path(one) for one in data],  # type: ignore[union-attr]
        mapping=str(mapping),
        outcomes=[Path(one) for one in outcomes],
        outcomes_mapping=str(outcomes_mapping),
        rates=(rate,) if isinstance(rate, int | float) else tuple(rate),
        starts_on=None if start is None else check_day(start, name="start").isoformat(),
        periods=periods,
        period_days=period_days,
        delay_days=delay_days,
        initial_labels=initial_labels,
        items=items,
    )
    folder = tempfile.TemporaryDirectory(prefix="basira-compare-") if out is None else nullcontext(out)
    with folder as place:
        rows = run_all(plan, [*strategies, *own], seeds, Path(place), workers=Workers(jobs=jobs, memory=memory))
    return Comparison(rows, summary(rows))
