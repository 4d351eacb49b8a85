"""The country in motion: declarations come out, a choice is inspected, traders answer, results arrive late.

Enters: a scenario, a seed, and block by block the choice of what to inspect. Leaves: `DayResult`.
Never here: files. `make_world` is this loop with the legacy selectivity choosing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from basira.country.arithmetic import Bools, Ints, Streams, exp
from basira.country.conduct import Plan, make_plan
from basira.country.falsification import Block, declare
from basira.country.faults import Planted, add_selection, plant_faults, spoil_declarations, spoil_results
from basira.country.foundation import Foundation
from basira.country.inspection import inspect
from basira.country.markets import make_markets
from basira.country.nomenclature import make_nomenclature
from basira.country.prices import make_departures
from basira.country.reactions import react, remember_arrivals
from basira.country.scenario import Scenario
from basira.country.selectivity import BASES, LANES, make_rulebook, rules_hit, select
from basira.country.state import new_state
from basira.country.tables import (
    DECLARATIONS,
    RESULTS,
    Lists,
    declaration_ids,
    declarations_table,
    known_before,
    outcomes_table,
    truth_table,
)
from basira.country.trade import declarations_per_day, ship
from basira.country.traders import Traders, make_traders, open_share
from basira.schema.errors import UsageError

# An Arrow column of ids is taken too; pyarrow has no types of its own.
Choice: TypeAlias = Sequence[str] | Mapping[str, str] | Bools | Any


@dataclass(frozen=True)
class DayResult:
    """What a period gave, once its inspections are done.

    ``declarations``: the items declared in the period (schema `DECLARATIONS`). ``outcomes``: what the
    administration learned by the end of the period, of inspections of this and earlier periods (schema
    `RESULTS`). ``truth``: what the items were; for evaluation only, never for a strategy.
    """

    first_day: date
    last_day: date
    declarations: pa.Table
    outcomes: pa.Table
    truth: pa.Table
    inspected_items: int


class LiveCountry:
    """A simulated country that runs period by period.

    Parameters
    ----------
    scenario : the country.
    seed : any whole number from 0; the same seed makes the same country on every machine.
    period_days : days between two choices, and between two answers of the traders; the scenario's
        ``block_days`` when absent. 7 for weekly work.

    >>> from basira.country import load_scenario
    >>> country = LiveCountry(load_scenario("small", changes={"items": 600}), 1)
    >>> first = country.declarations.column("declaration_id").unique()[:3]
    >>> result = country.step(country.day, first)
    >>> result.inspected_items >= 3, country.day.isoformat()
    (True, '2023-01-08')
    """

    def __init__(self, scenario: Scenario, seed: int, *, period_days: int | None = None) -> None:
        if seed < 0:
            raise UsageError(
                "seed: expected a whole number from 0, found {seed}.",
                hint="Give for example --seed 1.",
                seed=seed,
            )
        if period_days is not None and period_days < 1:
            raise UsageError(
                "period_days: expected at least 1, found {period_days}.",
                hint="Give 1 for days, 7 for weeks.",
                period_days=period_days,
            )
        self.scenario = scenario
        self.seed = seed
        self.period_days = period_days or scenario.block_days
        self._streams = Streams(seed)
        self._nomenclature = make_nomenclature(scenario, self._streams.of("nomenclature"))
        self._markets = make_markets(scenario, self._nomenclature, self._streams.of("markets"))
        self._traders = make_traders(scenario, self._nomenclature, self._markets, self._streams.of("traders"))
        departures = make_departures(
            scenario, self._traders, self._nomenclature, self._markets, self._streams.of("prices")
        )
        if departures is not None:
            own = self._traders.line_log_price + departures.line_log_price
            self._traders = replace(self._traders, line_log_price=own)
        self._plan = make_plan(scenario, self._traders, self._nomenclature, self._markets, self._streams.of("conduct"))
        self._foundation = Foundation(
            scenario, self._nomenclature, self._markets, self._traders, departures, self._plan
        )
        self._state = new_state(self._traders, self._plan, self._streams.of("conduct", 1))
        self._rulebook = make_rulebook(
            scenario, self._traders, self._nomenclature, self._markets, self._plan, self._streams.of("selectivity")
        )
        self._planted = plant_faults(scenario.faults, self._traders, self._plan, self._streams.of("faults"))
        self._lists = Lists.of(self._nomenclature, self._markets, self._traders)
        self._per_day = declarations_per_day(
            self._markets.activity, scenario.items / _mean_items(self._traders, self._markets.first_day, scenario)
        )
        self._number = 0
        self._pending = RESULTS.empty_table()
        self._importer_of: dict[str, int] = {}  # of declarations with a finding still on its way
        self._block: Block | None = None
        self._ids = pa.array([], pa.string())
        self._declarations = DECLARATIONS.empty_table()
        self._open()

    @property
    def day(self) -> date:
        """First day of the period that awaits a choice; the day after the last when it is over."""
        return self.scenario.starts_on + timedelta(days=self._number * self.period_days)

    @property
    def last_day(self) -> date:
        """Last day of the period that awaits a choice."""
        return min(self.day + timedelta(days=self.period_days - 1), self.scenario.ends_on)

    @property
    def is_over(self) -> bool:
        """The scenario's last day has passed."""
        return self.day > self.scenario.ends_on

    @property
    def declarations(self) -> pa.Table:
        """The items that await a choice (schema `DECLARATIONS`); empty when it is over."""
        return self._declarations

    @property
    def traders(self) -> Traders:
        """The traders as first drawn."""
        return self._traders

    @property
    def plan(self) -> Plan:
        """What was planted: truth, for evaluation only."""
        return self._plan

    @property
    def planted(self) -> Planted:
        """Whom the administration's planted faults concern: truth, for evaluation only."""
        return self._planted

    @property
    def renamed(self) -> tuple[tuple[int, int, int, int], ...]:
        """Phoenix firms so far: day number, trader, old and new identity."""
        return tuple(self._state.renamed)

    def step(self, day: date, inspected: Choice) -> DayResult:
        """Inspect a choice among the waiting declarations, and go to the next period.

        Parameters
        ----------
        day : must be `day`; it is asked for so that no caller loses count.
        inspected : declaration ids; or a mapping of ids to lanes (``ORANGE``, ``ROUGE_PARTIEL``,
            ``ROUGE_INTEGRAL``; full inspection without one); or a boolean array with one entry per
            row of `declarations`, to inspect single items.

        Raises
        ------
        UsageError : another day, an unknown or repeated id, an unknown lane, a mask of another length.
        """
        block = self._awaiting(day)
        lane, items = self._lanes(inspected, block)
        return self._close(block, lane, np.where(lane > 0, BASES.index("strategy"), 0), items=items)

    def step_legacy(self) -> DayResult:
        """Let the legacy selectivity choose, and go to the next period."""
        block = self._awaiting(self.day)
        rng = self._streams.of("selectivity", self._number + 1)
        lane, basis = select(
            block,
            scenario=self.scenario,
            traders=self._traders,
            rulebook=self._rulebook,
            state=self._state,
            rng=rng,
            planted=self._planted,
        )
        not_done = (lane > 0) & (rng.random(len(lane)) < self.scenario.administration.not_done_share)
        return self._close(block, lane, basis, not_done=not_done)

    def unknown_outcomes(self) -> pa.Table:
        """Results recorded but not yet known at the end of the last period (schema `RESULTS`)."""
        return self._pending

    def _awaiting(self, day: date) -> Block:
        if self._block is None:
            raise UsageError(
                "Expected a day of the scenario, found its end ({ends_on}) passed.",
                hint="Stop when is_over is True.",
                ends_on=self.scenario.ends_on,
            )
        if day != self.day:
            raise UsageError(
                "day: expected {day}, found {day_2}.",
                hint="Step the periods in order.",
                day=self.day,
                day_2=day,
            )
        return self._block

    def _open(self) -> None:
        if self.is_over:
            self._block, self._declarations = None, DECLARATIONS.empty_table()
            return
        first = (self.day - self.scenario.starts_on).days
        last = (self.last_day - self.scenario.starts_on).days
        shipments = ship(
            self._foundation,
            state=self._state,
            first_day=self._markets.first_day + first,
            per_day=self._per_day[first : last + 1],
            rng=self._streams.of("trade", self._number),
            prices=self._streams.of("prices", self._number + 1),
        )
        act = self._streams.of("act", self._number)
        self._block = declare(
            shipments,
            self._foundation,
            state=self._state,
            rng=act,
        )
        self._ids = declaration_ids(self._block, self._state)
        self._declarations = declarations_table(
            self._block,
            self._ids,
            traders=self._traders,
            markets=self._markets,
            lists=self._lists,
            rng=self._streams.of("trade", 10**6 + self._number),
        )
        remember_arrivals(self._block, self._state)

    def _close(
        self, block: Block, lane: Ints, basis: Ints, *, items: Bools | None = None, not_done: Bools | None = None
    ) -> DayResult:
        first, last = self.day, self.last_day
        findings = inspect(
            block,
            lane,
            self._foundation,
            rng=self._streams.of("inspection", self._number),
            items=items,
            not_done=not_done,
        )
        chance = self._streams.of("faults", self._number + 1)
        findings = spoil_results(block, findings, scenario=self.scenario, rng=chance)
        results = outcomes_table(block, findings, lane, self._ids, lists=self._lists, not_done=not_done)
        truth = truth_table(block, findings, basis, self._ids, plan=self._plan, lists=self._lists)
        declarations = self._spoil(block, lane, basis, results, chance)
        react(
            block,
            findings,
            scenario=self.scenario,
            traders=self._traders,
            plan=self._plan,
            state=self._state,
            rng=self._streams.of("answer", self._number),
        )
        of = block.shipments.declaration
        with_finding = np.unique(of[findings.is_found])
        names = self._ids.take(pa.array(with_finding)).to_pylist()
        self._importer_of |= dict(zip(names, block.shipments.identity[with_finding].tolist(), strict=True))
        known = self._learn(results, last)
        self._number += 1
        self._open()
        return DayResult(
            first_day=first,
            last_day=last,
            declarations=declarations,
            outcomes=known,
            truth=truth,
            inspected_items=int(findings.is_inspected.sum()),
        )

    def _spoil(self, block: Block, lane: Ints, basis: Ints, results: pa.Table, rng: np.random.Generator) -> pa.Table:
        """The declarations as the files of a faulty administration have them."""
        faults, declarations = self.scenario.faults, self._declarations
        if faults.records_selection:
            rules = rules_hit(
                block,
                rulebook=self._rulebook,
                state=self._state,
                planted=self._planted,
                codes=self._lists.code.to_pylist(),
                countries=self._lists.country.to_pylist(),
            )
            declarations = add_selection(declarations, block, lane=lane, basis=basis, rules=rules, rng=rng)
        return spoil_declarations(declarations, results, faults=faults, rng=rng)

    def _learn(self, results: pa.Table, last: date) -> pa.Table:
        """Split what is recorded into what is known by now and what is still on its way."""
        waiting = pa.concat_tables([self._pending, results])
        now = known_before(waiting, last + timedelta(days=1))
        known, self._pending = waiting.filter(pa.array(now)), waiting.filter(pa.array(~now)).combine_chunks()
        self._note_findings(known)
        return known.sort_by([("known_at", "ascending"), ("declaration_id", "ascending"), ("item_number", "ascending")])

    def _note_findings(self, known: pa.Table) -> None:
        """The administration's memory, used by the legacy rules only."""
        found = known.filter(pc.equal(known.column("is_irregular"), True))
        if found.num_rows == 0:
            return
        day = found.column("known_at").cast(pa.int64()).to_numpy() // (86400 * 10**6)
        identity = np.array([self._importer_of[d] for d in found.column("declaration_id").to_pylist()])
        np.maximum.at(self._state.identity_last_finding, identity, day)

    def _lanes(self, inspected: Choice, block: Block) -> tuple[Ints, Bools | None]:
        n = len(block.shipments.tie)
        if isinstance(inspected, np.ndarray) and inspected.dtype == np.bool_:
            if len(inspected) != len(block.code):
                raise UsageError(
                    "inspected: expected a mask of {code_count} items, found {inspected_count}.",
                    hint="Give one entry per row of declarations, or a list of declaration ids.",
                    code_count=len(block.code),
                    inspected_count=len(inspected),
                )
            lane = np.zeros(n, np.int64)
            lane[block.shipments.declaration[inspected]] = LANES.index("ROUGE_INTEGRAL")
            return lane, inspected
        if isinstance(inspected, pa.Array | pa.ChunkedArray | np.ndarray):
            inspected = inspected.tolist() if isinstance(inspected, np.ndarray) else inspected.to_pylist()
        place = {name: row for row, name in enumerate(self._ids.to_pylist())}
        lane = np.zeros(n, np.int64)
        for name in inspected:
            chosen = inspected[name] if isinstance(inspected, Mapping) else "ROUGE_INTEGRAL"
            if name not in place:
                raise UsageError(
                    "inspected: expected a declaration of {day} to {last_day}, found {name!r}.",
                    hint="Choose among the ids of declarations.",
                    day=self.day,
                    last_day=self.last_day,
                    name=name,
                )
            if chosen not in LANES:
                raise UsageError(
                    "inspected: expected a lane of {lanes}, found {chosen!r}.",
                    hint="Name one of them.",
                    lanes=", ".join(LANES),
                    chosen=chosen,
                )
            if lane[place[name]] > 0:
                raise UsageError(
                    "inspected: found {name!r} twice.",
                    hint="Name each declaration once.",
                    name=name,
                )
            lane[place[name]] = LANES.index(chosen)
        return lane, None


def _mean_items(traders: Traders, first_day: int, scenario: Scenario) -> float:
    """Expected items per declaration over the whole period."""
    weight = traders.tie_weight * open_share(traders, first=first_day, last=first_day + scenario.days)
    # trade: 1 + min(39, floor(E * a)); mean of the floor of an exponential of mean a is q/(1-q), q = e^(-1/a)
    q = exp(-1.0 / np.maximum(0.02, traders.tie_items - 0.55))
    mean = 1 + q * (1 - exp(39.0 * -1.0 / np.maximum(0.02, traders.tie_items - 0.55))) / (1 - q)
    return float(np.cumsum(weight * mean)[-1] / np.cumsum(weight)[-1])
