"""Running the feature plan on an engine.

Enters: an engine with the views `items` and `outcomes`, the items wanted, `as_of`. Leaves: a
table with one row of features per item wanted. Never here: which items, or what is done with them.
"""

from __future__ import annotations

from collections.abc import Callable

from basira.engines.engine import Engine
from basira.features.batch.sql import (
    EVERYTHING,
    join_statement,
    prepare_statements,
    price_statements,
    profile_statement,
    reference_statement,
)
from basira.features.catalog.entities import ENTITIES
from basira.features.catalog.habits import WEEKLY_TABLES
from basira.features.catalog.references import LEVELS
from basira.schema.fields import EXTRA_PREFIX

# Bounds the memory of the join: some twenty hash tables of this many rows at most.
ROWS_A_RUN = 1_000_000

# A day's targeting takes the narrow plan: each wanted day pools its comparables anew, so it pays for few days only.
NARROW_SHARE = 5
NARROW_DAYS = 3

Progress = Callable[[int, int, str], None]


def _silent(done: int, total: int, what: str) -> None:
    """Report no progress."""


def compute_features(
    con: Engine,
    wanted: str,
    *,
    as_of_day: int,
    into: str,
    items: str = "items",
    has_expected: bool = True,
    progress: Progress = _silent,
) -> int:
    """Compute the features of the items in the relation ``wanted``, knowing nothing after ``as_of_day``.

    An item declared on day d sees the history of the days before d, and none after ``as_of_day``:
    an item of a later day is described as on the day after ``as_of_day``. Results count from the
    day they became known. Both bounds are strict: neither the item's own day nor its own result is
    ever in its features.

    Temporary tables first_version, wanted_key, facts, results, events, gaps, p_..., q_..., u_... and w_... are made on
    the way, replacing any of these names, and dropped at the end.

    Parameters
    ----------
    wanted : name of a table or view with declaration_id, declaration_version, item_number. Repeated
        rows count once; rows that the history does not hold are left out.
    as_of_day : last day of history allowed, days since 1970-01-01, its end included.
    into : name of the table to create: identification, then the catalog's columns in order, then
        one category column per ``x_`` column of the history.
    has_expected : with the features of `EXPECTED_PRICES`, which are evidence for reasons; without them the others are
        the same to the bit.
    items : the relation of the items: the view `items`, or one that has its rows and, under higher numbers, further
        versions of their declarations. A version that is not the first is in nobody's history.

    Returns the number of rows, one per distinct item wanted that the history holds.
    """
    steps = 5 + 1 + 1 + len(ENTITIES) + len(LEVELS) + 1
    done = 0

    def step(what: str) -> None:
        nonlocal done
        progress(done, steps, what)
        done += 1

    extras = tuple(c for c in con.columns(items) if c.startswith(EXTRA_PREFIX))
    for table, query in prepare_statements(wanted, items):
        step("history")
        con.create_table(table, query, {"as_of_day": as_of_day})
    is_narrow = _is_narrow(con)
    step("usual prices")
    for table, query in price_statements(has_expected=has_expected):
        con.create_table(table, query)
    for e in (EVERYTHING, *ENTITIES):
        step(e.name)
        con.create_table(*profile_statement(e, is_narrow=is_narrow, has_expected=has_expected))
    for level in LEVELS:
        step(f"reference values: {level.meaning}")
        con.create_table(*reference_statement(level, is_narrow=is_narrow, has_expected=has_expected))
    step("join")
    described = join_statement(extras, items, has_expected=has_expected)
    for n, run in enumerate(_runs(con)):
        if n == 0:
            con.create_table(into, described, run)
        else:
            con.execute(f"insert into {into} {described}", run)
    for name in ("first_version", "wanted_key", "facts", "results", "events", "gaps"):
        con.execute(f"drop table if exists {name}")
    for e in (EVERYTHING, *ENTITIES):
        con.execute(f"drop table if exists p_{e.name}")
    for name in WEEKLY_TABLES:
        con.execute(f"drop table if exists u_{name}")
        con.execute(f"drop table if exists w_{name}")
    for level in LEVELS:
        con.execute(f"drop table if exists q_{level.name}")
    progress(steps, steps, "done")
    return int(con.fetch_rows(f"select count(*) from {into}")[0][0])


def _is_narrow(con: Engine) -> bool:
    """Whether the items wanted are few beside the history and see it from few days: a day's targeting, one item."""
    [(wanted, rows, days)] = con.fetch_rows(
        "select count(target_id), count(*), count(distinct case when target_id is not null then day end) from facts"
    )
    return bool(wanted * NARROW_SHARE <= rows and days <= NARROW_DAYS)


def _runs(con: Engine) -> list[dict[str, int]]:
    """Runs of whole declared days with about `ROWS_A_RUN` wanted items each; one run when none is wanted.

    Each as the parameters of `join_statement`.
    """
    days = con.fetch_rows("select declared_day, count(*), min(day), max(day) from wanted_key group by 1 order by 1")
    runs: list[dict[str, int]] = []
    size = ROWS_A_RUN
    for declared, count, low, high in days:
        if size >= ROWS_A_RUN:
            runs.append({"first": declared, "last": declared, "low": low, "high": high})
            size = 0
        run = runs[-1]
        runs[-1] = {**run, "last": declared, "low": min(run["low"], low), "high": max(run["high"], high)}
        size += count
    return runs or [{"first": 0, "last": 0, "low": 0, "high": 0}]
