"""How much is controlled, carried out, found, and what it brings: by lane, basis, office, operator class.

Enters: declarations as `prepare_declarations` leaves them. Leaves: tables, a curve, findings. Never here: a rate of
what was not inspected.
"""

from __future__ import annotations

import math

import numpy as np
import polars as pl
from scipy.stats import fisher_exact

from basira.diagnose.findings import ALL, Cell, Chart, Column, Finding, Interval, Said, Table
from basira.diagnose.statistics import Floats, share_of

FEWEST = 30
# More selected declarations than this without an inspection is a finding.
MOST_NOT_DONE = 0.10
DAYS_TO_ARRIVE = 90
# A hit rate surely below this is a finding of its own (COMCEC 2018 reports 3.4 % as typical of the field).
FEW_HITS = 0.05
# Rules that find no more than chance: said after so many random controls, when the difference is as likely as this,
# and the rules' rate is below so many times that of the random control.
ENOUGH_DRAWN = 200
NO_LIFT = 0.05
LOW_LIFT = 1.2
_DIMENSIONS = (("lane", "in_lane"), ("basis", "basis"), ("office", "office"), ("programme", "is_oea"))


def judge_rates(declared: pl.DataFrame) -> tuple[tuple[Table, ...], tuple[Finding, ...], tuple[Chart, ...]]:
    """Tables of rates and of what controls bring, findings, the Lorenz curve of revenue over controls."""
    rows = [_row("dimension.all", ALL, declared)]
    for name, column in _DIMENSIONS:
        if declared[column].null_count() == declared.height:
            continue
        groups = declared.filter(pl.col(column).is_not_null()).group_by(column)
        for (value,), part in sorted(groups, key=lambda pair: -pair[1].height):
            label = "OEA" if value is True else "–" if value is False else str(value)
            rows.append(_row(f"dimension.{name}", label, part))
    columns = (
        *(Column("dimension", "word"), Column("group", "code"), Column("declarations", "count")),
        *(Column("selected", "share"), Column("carried_out", "share"), Column("known_results", "count")),
        *(Column("hit_rate", "share"), Column("revenue", "money"), Column("revenue_per_control", "money")),
    )
    tables = [Table("targeting.rates", columns, tuple(rows), shown=30)]
    findings = _findings(declared)
    lorenz, charts = _lorenz(declared)
    return (*tables, *lorenz), tuple(findings), charts


def _row(dimension: str, label: str | None, part: pl.DataFrame) -> tuple[Cell, ...]:
    selected = part.filter("is_selected")
    known = part.filter("is_known")
    found = int(known["is_irregular"].sum())
    return (
        dimension,
        label,
        part.height,
        share_of(selected.height, part.height),
        share_of(int(selected["is_carried_out"].sum()), selected.height),
        known.height,
        share_of(found, known.height),
        float(known["revenue"].fill_null(0.0).sum()) if known["revenue"].null_count() < known.height else None,
        _per_control(known),
    )


def _per_control(known: pl.DataFrame) -> Interval:
    """Mean revenue of a control with a known result, its interval on the logarithm; None below two findings."""
    amounts: Floats = known["revenue"].fill_null(0.0).to_numpy()
    if len(amounts) < 2 or np.count_nonzero(amounts) < 2:
        return Interval(None, 0.0, 0.0)
    mean = float(amounts.mean())
    half = 1.959964 * float(amounts.std(ddof=1)) / math.sqrt(len(amounts)) / mean
    return Interval(mean, mean * math.exp(-half), mean * math.exp(half))


def _findings(declared: pl.DataFrame) -> list[Finding]:
    findings = []
    # A result that is on its way is none that is missing.
    old = declared.filter(pl.col("is_selected") & (pl.col("day") <= pl.col("day").max() - DAYS_TO_ARRIVE))
    for (office,), part in sorted(old.group_by("office"), key=lambda pair: str(pair[0])):
        not_done = share_of(int((~part["is_carried_out"]).sum()), part.height)
        if part.height >= FEWEST and not_done.low > MOST_NOT_DONE:
            values = {
                "office": Said(str(office), "code"),
                "share": Said(not_done.value, "share"),
                "selected": Said(part.height, "count"),
            }
            findings.append(Finding("not_carried_out", "high", "targeting.rates", values))
    known = declared.filter("is_known")
    rate = share_of(int(known["is_irregular"].sum()), known.height)
    if known.height >= FEWEST and rate.high < FEW_HITS:
        values = {"share": Said(rate.value, "share"), "known": Said(known.height, "count")}
        findings.append(Finding("few_hits", "medium", "targeting.rates", values))
    return findings + _lift(known)


def _lift(known: pl.DataFrame) -> list[Finding]:
    """Whether what rules and officers select is more often irregular than what chance selects."""
    drawn, chosen = known.filter("is_random"), known.filter(~pl.col("is_random"))
    if drawn.height < ENOUGH_DRAWN or chosen.height < ENOUGH_DRAWN:
        return []
    hits = [int(part["is_irregular"].sum()) for part in (chosen, drawn)]
    table = [[hits[0], chosen.height - hits[0]], [hits[1], drawn.height - hits[1]]]
    chance = float(fisher_exact(table, alternative="greater")[1])
    if chance < NO_LIFT or hits[0] / chosen.height > LOW_LIFT * hits[1] / drawn.height:
        return []
    values = {
        "chosen": Said(hits[0] / chosen.height, "share"),
        "drawn": Said(hits[1] / drawn.height, "share"),
        "controls": Said(drawn.height, "count"),
        "chance": Said(chance, "chance"),
    }
    return [Finding("no_lift", "medium", "targeting.rates", values)]


def _lorenz(declared: pl.DataFrame) -> tuple[tuple[Table, ...], tuple[Chart, ...]]:
    known = declared.filter("is_known")
    amounts: Floats = np.sort(known["revenue"].fill_null(0.0).to_numpy())[::-1]
    if len(amounts) < FEWEST or amounts.sum() <= 0:
        return (), ()
    running = np.cumsum(amounts) / amounts.sum()
    rows: list[tuple[Cell, ...]] = []
    for part in (0.01, 0.05, 0.1, 0.2, 0.5):
        count = max(1, int(part * len(amounts)))
        rows.append(("lorenz.top", part, count, float(running[count - 1])))
    none = int((~known["is_irregular"]).sum())
    rows.append(("lorenz.none", share_of(none, known.height), none, None))
    columns = (
        *(Column("controls_kind", "word"), Column("controls_share", "share"), Column("controls", "count")),
        Column("revenue_share", "share"),
    )
    places = np.unique(np.linspace(0, len(amounts) - 1, 200).astype(int))
    x = tuple(float(n + 1) / len(amounts) for n in places)
    chart = Chart("lorenz", (("controls", (0.0, *x), (0.0, *(float(v) for v in running[places]))),))
    return (Table("targeting.lorenz", columns, tuple(rows)),), (chart,)
