"""Part D: what is not known, and the smallest samples that would settle it.

Enters: declarations as part B prepares them. Leaves: the part "unknowns". Never here: a rate of the uninspected made of
the inspected: where no random control speaks, the sample is computed for an assumed rate, and that is said.

A plain draw of n of N declarations estimates a rate p within plus or minus w, 19 times in 20, for
n0 = z² p (1 - p) / w² and n = n0 / (1 + (n0 - 1) / N) (Cochran 1977, section 4.4). A designed draw takes more where
results vary more: its variance is (sum of W s)² / n in place of p (1 - p) / n, W the share of a stratum and s its
standard deviation (Neyman 1934). Its gain is estimated from results of inspections, which are not those of a random
control: a designed draw is right whatever they are, and only as much narrower as they are right.
"""

from __future__ import annotations

import math

import polars as pl

from basira.diagnose.findings import ALL, Cell, Column, Finding, Part, Said, Table, Unjudged
from basira.diagnose.statistics import share_of

_Z2 = 1.959964**2
# Plus or minus, in share: of everything that was released, of one office, of one class of operators.
WITHIN_ALL, WITHIN_PART = 0.01, 0.03
ASSUMED_RATE = 0.05
FEWEST = 30
FEWEST_RELEASED = 200
# Of strata of few results: so many results at the general rate are added.
_PRIOR = 20.0
# Relative, of the revenue gap.
WITHIN_GAP = 0.25


def sample_size(rate: float, within: float, population: int) -> int:
    """How many of ``population`` a plain draw needs to estimate a share near ``rate`` within plus or minus ``within``.

    >>> sample_size(0.05, 0.01, 10**9), sample_size(0.05, 0.01, 2000)
    (1825, 955)
    """
    first = _Z2 * rate * (1 - rate) / within**2
    return min(population, math.ceil(first / (1 + (first - 1) / population) - 1e-9))


def judge_unknowns(declared: pl.DataFrame, *, is_random_sound: bool) -> Part:
    """The part "unknowns": the rate of irregularity among what was released, in all, by office, by programme; and the
    revenue gap. ``is_random_sound``: nothing says that the random control is picked; else it counts for nothing."""
    released = declared.filter(~pl.col("is_selected"))
    if released.is_empty():
        return Part("unknowns", unjudged=(Unjudged("nothing_released", ("x_lane",)),))
    drawn = declared.filter(pl.col("is_random") & pl.col("is_known") & is_random_sound)
    gain = _design_gain(declared)
    rows = [_row("unknown.released", ALL, released, drawn, WITHIN_ALL, gain)]
    for (office,), part in sorted(released.group_by("office"), key=lambda pair: str(pair[0])):
        if part.height >= FEWEST_RELEASED:
            own = drawn.filter(pl.col("office") == office)
            rows.append(_row("unknown.office", str(office), part, own, WITHIN_PART, gain))
    if declared["is_oea"].null_count() < declared.height:
        for truth, name in ((True, "OEA"), (False, "–")):
            part, own = (frame.filter(pl.col("is_oea") == truth) for frame in (released, drawn))
            if part.height >= FEWEST_RELEASED:
                rows.append(_row("unknown.programme", name, part, own, WITHIN_PART, gain))
    columns = (
        *(Column("unknown", "word"), Column("group", "code"), Column("released", "count")),
        *(Column("drawn_so_far", "count"), Column("rate_today", "share"), Column("assumed_rate", "share")),
        *(Column("within", "share"), Column("plain_sample", "count"), Column("designed_sample", "count")),
    )
    tables = [Table("unknowns.samples", columns, tuple(rows), shown=20)]
    money = _gap_row(declared, released)
    if money is not None:
        money_columns = (
            *(Column("revenue_results", "count"), Column("spread", "number"), Column("within", "share")),
            Column("plain_sample", "count"),
        )
        tables.append(Table("unknowns.gap", money_columns, (money,)))
    findings = []
    if drawn.height < int(str(rows[0][7])):
        values = {
            "released": Said(released.height, "count"),
            "drawn": Said(drawn.height, "count"),
            "plain": Said(int(str(rows[0][7])), "count"),
            "designed": Said(int(str(rows[0][8])), "count"),
            "within": Said(WITHIN_ALL, "share"),
        }
        findings.append(Finding("released_unknown", "low", "unknowns.samples", values))
    return Part("unknowns", tuple(tables), tuple(findings))


def _row(
    question: str, group: str, released: pl.DataFrame, drawn: pl.DataFrame, within: float, gain: float
) -> tuple[Cell, ...]:
    found = share_of(int(drawn["is_irregular"].sum()), drawn.height)
    # The half of the interval nearer to one half: the sample then suffices for every rate that is still possible.
    rate = ASSUMED_RATE if drawn.height < FEWEST else min(0.5, max(found.value or 0.0, (found.high + found.low) / 2))
    plain = sample_size(rate, within, released.height)
    return (
        *(question, group, released.height, drawn.height, found, rate, within, plain),
        max(min(plain, FEWEST), math.ceil(plain * gain)),
    )


def _design_gain(declared: pl.DataFrame) -> float:
    """The variance of a designed draw over that of a plain one of the same size, by strata of chapter and value."""
    third = (pl.col("value").fill_null(0.0).rank("ordinal") * 3 / pl.len()).ceil()
    strata = (
        declared.with_columns(third=third)
        .group_by("chapter", "third")
        .agg(
            pl.len().alias("n"),
            pl.col("is_known").sum().alias("known"),
            (pl.col("is_known") & pl.col("is_irregular")).sum().alias("found"),
        )
    )
    known, found = int(strata["known"].sum()), int(strata["found"].sum())
    if not 0 < found < known:
        return 1.0
    rate = found / known
    own = (strata["found"] + _PRIOR * rate) / (strata["known"] + _PRIOR)
    weight = strata["n"] / declared.height
    mean = float((weight * own).sum())
    designed = float((weight * (own * (1 - own)).sqrt()).sum()) ** 2
    return min(1.0, designed / (mean * (1 - mean)))


def _gap_row(declared: pl.DataFrame, released: pl.DataFrame) -> tuple[Cell, ...] | None:
    known = declared.filter(pl.col("is_known"))
    amounts = known["revenue"].fill_null(0.0)
    mean, spread = amounts.mean(), amounts.std()
    if known.height < FEWEST or not isinstance(mean, float) or not isinstance(spread, float) or mean <= 0:
        return None
    relative = spread / mean
    first = _Z2 * (relative / WITHIN_GAP) ** 2
    size = min(released.height, math.ceil(first / (1 + (first - 1) / max(1, released.height))))
    return known.height, relative, WITHIN_GAP, size
