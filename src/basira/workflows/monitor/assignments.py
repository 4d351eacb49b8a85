"""Who inspected whose declarations, from the results of a store, with what else is known of each control.

Enters: a store, two days. Leaves: pairs to be looked at, with labels, or their number by office. Never here: a verdict;
a control without an inspector or a moment (it is counted and left out).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

import numpy as np
import polars as pl

from basira.engines.engine import Engine
from basira.monitor.integrity import Controls, Integers, find_pairs
from basira.monitor.integrity_report import LabelledPair
from basira.schema.days import day_of
from basira.schema.errors import UsageError
from basira.storage.engine import fetch_frame, open_engine
from basira.storage.history.store import History, register
from basira.workflows.engine import EngineBounds

Kind = Literal["declarant", "importer"]
KINDS: tuple[Kind, ...] = get_args(Kind)
SHIFT_HOURS = 8

# `wait_hours`: from the declaration to its inspection. A row that is marked as not inspected is no control.
# Of the first version that the history holds: not 1 where a source sent only an amendment.
_CONTROLS = """with first_version as (
  select declaration_id, min(declaration_version) as declaration_version from items group by declaration_id
), declared as (
  select declaration_id, any_value(office) as office, any_value(declarant_id) as declarant_id,
    any_value(importer_id) as importer_id, min(declared_at) as declared_at
  from items join first_version using (declaration_id, declaration_version) group by declaration_id
), made as (
  select declaration_id, arg_min(inspector_id, known_at) as inspector_id, min(inspected_at) as inspected_at,
    bool_or(is_irregular is not null) as is_known, coalesce(bool_or(is_irregular), false) as is_found
  from outcomes where coalesce(is_inspected, true) and known_day <= $last group by declaration_id
)
select m.declaration_id, d.office, d.declarant_id, d.importer_id, m.inspector_id, m.inspected_at, m.is_known,
  m.is_found, date_diff('minute', d.declared_at, m.inspected_at) / 60.0 as wait_hours
from made m join declared d on d.declaration_id = m.declaration_id
where cast(coalesce(m.inspected_at, d.declared_at) as date) between $begin and $end
order by m.declaration_id"""


@dataclass(frozen=True)
class Encoded:
    """Controls as numbers, and the labels that the numbers stand for. ``rows``: the controls as a table, in the same
    order. ``left_out``: without an inspector, a party or a moment."""

    controls: Controls
    rows: pl.DataFrame
    inspectors: Sequence[str]
    parties: Sequence[str]
    left_out: int


@dataclass(frozen=True)
class LabelledPairs:
    """``controls``: with all that is needed; ``left_out``: without; ``tested``: pairs that could stand out."""

    controls: int
    left_out: int
    tested: int
    standing: tuple[LabelledPair, ...]


def read_controls(history: History, *, first: date, last: date, engine: EngineBounds | None = None) -> pl.DataFrame:
    """The controls made from ``first`` to ``last`` with what was known at the end of that day, one row each.

    Raises StoreError.
    """
    bounds = engine or EngineBounds()
    snapshot = history.verified_snapshot()
    with open_engine(reads=snapshot.all_files(), memory=bounds.memory, threads=bounds.threads) as con:
        register(con, snapshot)
        return _fetch(con, first, last)


def _fetch(con: Engine, first: date, last: date) -> pl.DataFrame:
    return fetch_frame(con, _CONTROLS, {"begin": first, "end": last, "last": day_of(last)})


def encode(controls: pl.DataFrame, kind: Kind, *, shift_hours: int = SHIFT_HOURS) -> Encoded:
    """Controls as numbers. ``shift_hours``: 1 to 24, length of a shift from midnight on; 24: the whole day.

    Raises UsageError for another length.
    """
    if not 1 <= shift_hours <= 24:
        raise UsageError(
            "Expected shifts of 1 to 24 hours, found {shift_hours}.",
            hint="For example 8, or 24.",
            shift_hours=shift_hours,
        )
    party = f"{kind}_id"
    whole = controls.filter(
        pl.col("inspector_id").is_not_null() & pl.col(party).is_not_null() & pl.col("inspected_at").is_not_null()
    )
    at = pl.col("inspected_at")
    stratum = whole.select(
        pl.concat_str(
            pl.col("office").fill_null(""),
            at.dt.date().cast(pl.String),
            (at.dt.hour() // shift_hours).cast(pl.String),
            separator="|",
        )
    ).to_series()
    inspectors, parties = _numbers(whole["inspector_id"]), _numbers(whole[party])
    coded = Controls(
        stratum=_numbers(stratum)[0],
        inspector=inspectors[0],
        party=parties[0],
        is_known=whole["is_known"].to_numpy(),
        is_found=whole["is_found"].to_numpy(),
    )
    return Encoded(coded, whole, inspectors[1], parties[1], controls.height - whole.height)


def _numbers(values: pl.Series) -> tuple[Integers, list[str]]:
    """Numbers from 0 in the order of the labels, and the labels."""
    labels, numbers = np.unique(values.to_numpy().astype(str), return_inverse=True)
    return numbers.astype(np.int64), [str(one) for one in labels]


def pairs_of(encoded: Encoded, *, kind: str = "") -> LabelledPairs:
    """The pairs to be looked at, with what else is known of their controls."""
    found = find_pairs(encoded.controls)
    coded, rows = encoded.controls, encoded.rows
    standing = []
    for pair in found.standing:
        theirs = coded.party == pair.party
        mine = theirs & (coded.inspector == pair.inspector)
        others = theirs & ~mine
        own, other = rows.filter(pl.Series(mine)), rows.filter(pl.Series(others))
        standing.append(
            LabelledPair(
                kind=kind,
                inspector=encoded.inspectors[pair.inspector],
                party=encoded.parties[pair.party],
                office=str(own["office"].mode().sort()[0] or ""),
                pair=pair,
                blank=own.height - int(own["is_known"].sum()),
                others=other.height,
                others_blank=other.height - int(other["is_known"].sum()),
                wait_hours=_median(own),
                others_wait_hours=_median(other),
            )
        )
    return LabelledPairs(len(coded.stratum), encoded.left_out, found.tested, tuple(standing))


def _median(rows: pl.DataFrame) -> float | None:
    waits = rows["wait_hours"].drop_nulls().to_numpy() if "wait_hours" in rows.columns else np.zeros(0)
    return float(np.median(waits)) if len(waits) else None
