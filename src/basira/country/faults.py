"""Faults that are planted for the diagnostic to find: in what is selected, in results, in files.

Enters: the scenario's faults, a block, a random stream of their own. Leaves: the same block's results and declarations,
spoiled. Never here: a change of a world without faults: its files stay what they were, byte by byte.

What is spoiled in the files alone (units, overwritten values, selection's own fields) is not what the country's
selectivity saw: it is what an administration hands over.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import pyarrow as pa

from basira.country.arithmetic import Bools, Floats, Ints, exp
from basira.country.conduct import Plan
from basira.country.falsification import Block
from basira.country.inspection import Findings
from basira.country.scenario import Faults, Scenario
from basira.country.traders import Traders

# More than any other rule gives: what a dead rule hits is inspected.
DEAD_POINTS = 4.0
# Part of the trade that one dead rule hits.
_DEAD_SHARE = 0.008
# Hours from registration to release, by lane: medians.
_HOURS = (4.0, 20.0, 48.0, 72.0)
_BASES = ("", "RULE", "RANDOM", "RULE")
_LANES = ("VERT", "ORANGE", "ROUGE_PARTIEL", "ROUGE_INTEGRAL")
_TAXES = ("duty_amount", "vat_amount", "excise_amount", "total_tax_amount")
_VALUES = ("customs_value_amount", "invoice_amount")


@dataclass(frozen=True)
class Planted:
    """``is_favoured``: by trader. ``dead``: (rules, traders), whom a dead rule hits. ``repeated``: how many origin
    rules have a copy. ``chosen``: part of the random controls that are picked."""

    is_favoured: Bools
    dead: Bools
    repeated: int
    chosen: float

    @property
    def is_none(self) -> bool:
        """Nothing of what selection looks at is planted."""
        return not self.is_favoured.any() and len(self.dead) == 0 and self.chosen == 0

    def dead_hits(self, trader: Ints) -> Bools:
        """(rules, declarations): which are hit."""
        return self.dead[:, trader]

    def repeated_origins(self, points: Floats) -> list[int]:
        """The countries whose rule has a copy: the first ones that have a rule."""
        return [int(n) for n in np.flatnonzero(points > 0)[: self.repeated]]


def plant_faults(faults: Faults, traders: Traders, plan: Plan, rng: np.random.Generator) -> Planted:
    """Choose whom the faults concern."""
    n = len(traders.trader_sector)
    weight = np.bincount(traders.tie_trader, weights=traders.tie_weight, minlength=n)
    order = np.argsort(-weight, kind="stable")
    # An authorised operator is lighter by right, and the very largest would hide all others' figures.
    large = [int(t) for t in order[3:] if not traders.trader_is_oea[t]]
    favoured = np.zeros(n, np.bool_)
    favoured[large[: faults.favoured_importers]] = True
    dead = np.zeros((faults.dead_rules, n), np.bool_)
    honest = [int(t) for t in rng.permutation(np.flatnonzero((plan.trader_conduct == 0) & ~favoured))]
    total = float(np.cumsum(weight)[-1])
    for rule in range(faults.dead_rules):
        share = 0.0
        while honest and share < _DEAD_SHARE:
            trader = honest.pop()
            dead[rule, trader] = True
            share += float(weight[trader]) / total
    return Planted(favoured, dead, faults.overlapping_rules, faults.chosen_random)


def choose_among_small(block: Block, shuffled: Floats, *, share: float) -> Floats:
    """The draw's numbers by declaration, the smallest are chosen: on a ``share`` of days they go by the value."""
    if share == 0:
        return shuffled
    s = block.shipments
    value = np.bincount(s.declaration, weights=block.value, minlength=len(s.tie))
    place = np.empty(len(value))
    place[np.argsort(value, kind="stable")] = np.arange(len(value)) / max(1, len(value))
    is_picked = (s.office * 4096 + s.day) * 7919 % 1000 < 1000 * share
    return np.where(is_picked, place, shuffled)


def spoil_results(block: Block, findings: Findings, *, scenario: Scenario, rng: np.random.Generator) -> Findings:
    """Results left blank and results recorded late, by office."""
    faults, s = scenario.faults, block.shipments
    if not faults.blank_results and not faults.late_offices:
        return findings
    codes = [office.code for office in scenario.trade.offices]
    blank = np.array([faults.blank_results.get(code, 0.0) for code in codes])[s.office]
    later = np.array([faults.late_offices.get(code, 1.0) for code in codes])[s.office]
    is_blank = rng.random(len(blank)) < blank
    waited = findings.known_second - findings.inspected_second
    return replace(
        findings,
        is_recorded=findings.is_recorded & ~is_blank,
        leaves_blank=findings.leaves_blank | is_blank,
        known_second=findings.inspected_second + (waited * later).astype(np.int64),
    )


def add_selection(
    declarations: pa.Table, block: Block, *, lane: Ints, basis: Ints, rules: list[str], rng: np.random.Generator
) -> pa.Table:
    """The declarations with ``x_lane``, ``x_basis``, ``x_rules`` and ``x_released_at``, as a source may hold them."""
    s = block.shipments
    of = s.declaration
    hours = np.array(_HOURS)[lane] * exp(0.6 * rng.standard_normal(len(lane)))
    released = (s.day * 86400 + s.second + (hours * 3600).astype(np.int64)).astype("datetime64[s]")
    columns = {
        "x_lane": [_LANES[n] for n in lane.tolist()],
        "x_basis": [_BASES[n] or None for n in basis.tolist()],
        "x_rules": [text or None for text in rules],
        "x_released_at": [str(moment).replace("T", " ") for moment in released],
    }
    place = pa.array(of)
    for name, values in columns.items():
        declarations = declarations.append_column(name, pa.array(values, pa.string()).take(place))
    return declarations


def spoil_declarations(
    declarations: pa.Table, results: pa.Table, *, faults: Faults, rng: np.random.Generator
) -> pa.Table:
    """The declarations with found values in the place of declared ones, and in other units."""
    if faults.overwritten_share == 0 and not faults.unit_jumps:
        return declarations
    schema = declarations.schema
    frame = pl.DataFrame(declarations)
    if faults.overwritten_share:
        found = pl.DataFrame(results).select("declaration_id", "item_number", "found_value_amount").drop_nulls()
        found = found.filter(pl.Series(rng.random(found.height) < faults.overwritten_share, dtype=pl.Boolean))
        frame = frame.join(found, on=["declaration_id", "item_number"], how="left", maintain_order="left")
        ratio = (pl.col("found_value_amount") / pl.col("customs_value_amount")).fill_null(1.0)
        # To the cent, as the found value itself is.
        scaled = [(pl.col(name) * ratio).round(2) for name in (*_TAXES, *_VALUES)]
        frame = frame.with_columns(scaled).drop("found_value_amount")
    for jump in faults.unit_jumps:
        chapter = pl.col("commodity_code").str.slice(0, 2)
        at = (pl.col("office") == jump.office) & (pl.col("declared_at").dt.date() >= jump.on)
        if jump.chapters:
            at = at & chapter.is_in(jump.chapters)
        names = ("net_mass_kg", "gross_mass_kg") if jump.field == "net_mass_kg" else (*_VALUES, *_TAXES)
        frame = frame.with_columns(
            [pl.when(at).then(pl.col(name) * jump.factor).otherwise(pl.col(name)) for name in names]
        )
    return frame.to_arrow().cast(schema)
