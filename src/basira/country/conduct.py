"""Who cheats, how, on which goods: planted before the first day, and changed by what happens.

Enters: a scenario, its traders, tariff, markets and a random stream. Leaves: a `Conduct`: the frozen
plan, and the state that a country carries from block to block. Never here: what is declared
(falsification) or what is found (inspection).

The plan fixes, for each line of goods and each scheme, the probability that an item uses it. Those
probabilities are scaled so that the expected shares, weighted by how often each line is used, are the
scenario's: the truth's rates are known before anything is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from basira.country.arithmetic import Bools, Floats, Ints, draw, exp
from basira.country.markets import Markets
from basira.country.nomenclature import SECTORS, Nomenclature
from basira.country.scenario import DELIBERATE, SCHEMES, Scenario
from basira.country.traders import Traders, is_export, is_home, open_share

CONDUCTS: tuple[str, ...] = ("honest", "negligent", "opportunist", "organised")
NEGLIGENT, OPPORTUNIST, ORGANISED = 1, 2, 3
UNDERVALUATION, MISCLASSIFICATION, FALSE_ORIGIN, QUANTITY, ATPA, OVER_INVOICING, PROHIBITED = range(7)


@dataclass(frozen=True)
class Plan:
    """What is planted. ``line_usage``: (deliberate schemes, lines) probability that an item uses it."""

    trader_conduct: Ints
    trader_scheme: Ints  # index into DELIBERATE, -1 for the honest
    spell_start: Ints
    spell_end: Ints
    declarant_is_bent: Bools
    line_usage: Floats  # (lines,) for the trader's own scheme
    line_allows: Bools  # the line could serve its trader's own scheme
    line_error: Floats  # (4, lines) for the four honest errors
    line_accomplice: Ints  # country whose preference false origin would claim
    line_sibling: Ints  # the code misclassification would declare
    wave_lines: tuple[Bools, ...]
    declared_rates: dict[str, float]  # expected share of items by scheme, waves and answers apart
    collusive_inspector: Ints  # office-wide inspector numbers, one per pair
    collusive_declarant: Ints
    collusive_office: Ints
    inspector_skill: Floats  # (offices, officers): 1 for the best
    first_day: int


def make_plan(
    scenario: Scenario, traders: Traders, nomenclature: Nomenclature, markets: Markets, rng: np.random.Generator
) -> Plan:
    """Plant the conduct of a scenario."""
    conduct = scenario.conduct
    n, first = len(traders.trader_sector), markets.first_day
    bent = rng.random(len(traders.declarant)) < 0.12
    length = np.maximum(14, (rng.standard_exponential(n) * conduct.spell_days).astype(np.int64))
    # Spells begin uniformly over the period and one mean length before it: about as many at all times.
    start = first - conduct.spell_days + (rng.random(n) * (scenario.days + conduct.spell_days)).astype(np.int64)
    organised = rng.random(n) < conduct.organised_share * np.where(traders.trader_is_oea, 0.2, 1.0)

    sibling = _siblings(nomenclature, traders)
    accomplice = _accomplices(traders, markets, rng)
    eligible = _eligible(traders, nomenclature, markets, sibling, accomplice, organised)
    involved = rng.random(len(traders.line_tie)) < 0.9  # a fraudster cheats on part of his goods: always the same part
    raw = _raw_usage(scenario, traders, nomenclature, eligible, involved, organised)
    exposed = _exposure(scenario, traders, markets, start, start + length)
    race = rng.standard_exponential(n) / _temptation(scenario, traders, nomenclature, markets, bent, rng)
    scheme = _recruit(scenario, traders, raw, exposed, race)

    chosen = scheme >= 0
    kind = np.where(chosen, np.where(organised, ORGANISED, OPPORTUNIST), 0)
    kind = np.where(~chosen & (rng.random(n) < conduct.negligent_share), NEGLIGENT, kind)
    line_scheme = scheme[traders.tie_trader[traders.line_tie]]
    own = np.take_along_axis(eligible, np.maximum(line_scheme, 0)[None, :], axis=0)[0] & (line_scheme >= 0)
    own_raw = np.where(own, np.take_along_axis(raw, np.maximum(line_scheme, 0)[None, :], axis=0)[0], 0.0)
    usage, rates = _scale(scenario, own_raw, exposed, line_scheme)
    error, error_rates = _errors(scenario, traders, markets, kind)
    rates |= error_rates
    pair_office, pair_inspector, pair_declarant = _pairs(scenario, traders, bent, rng)
    return Plan(
        trader_conduct=kind,
        trader_scheme=scheme,
        spell_start=start,
        spell_end=start + length,
        declarant_is_bent=bent,
        line_usage=usage,
        line_allows=own,
        line_error=error,
        line_accomplice=accomplice,
        line_sibling=sibling,
        wave_lines=_waves(scenario, traders, nomenclature, markets, eligible, rng),
        declared_rates=rates,
        collusive_inspector=pair_inspector,
        collusive_declarant=pair_declarant,
        collusive_office=pair_office,
        inspector_skill=1
        - scenario.administration.inspector_spread
        * rng.random((len(traders.office_code), int(traders.office_inspectors.max()))),
        first_day=first,
    )


def _temptation(
    scenario: Scenario,
    traders: Traders,
    nomenclature: Nomenclature,
    markets: Markets,
    bent: Bools,
    rng: np.random.Generator,
) -> Floats:
    """Odds of becoming a fraudster by what an officer could see: sector, origins, declarant, age, status."""
    n, contrast = len(traders.trader_sector), scenario.conduct.risk_contrast
    sector_effect = rng.permutation(np.linspace(-1.3, 1.5, len(SECTORS)))
    country_effect = rng.standard_normal(len(markets.country)) * 0.6 - markets.price_level * 1.5
    by_tie = country_effect[traders.tie_country] + 1.6 * bent[traders.tie_declarant]
    held = np.bincount(traders.tie_trader, weights=by_tie, minlength=n) / np.bincount(traders.tie_trader, minlength=n)
    duty = nomenclature.duty[0][traders.line_code]
    trader_of_line = traders.tie_trader[traders.line_tie]
    mean_duty = np.bincount(trader_of_line, weights=duty, minlength=n) / np.bincount(trader_of_line, minlength=n)
    young = traders.trader_born > markets.first_day - 400
    log_odds = sector_effect[traders.trader_sector] + held + 6.0 * mean_duty + 0.7 * young
    log_odds = log_odds - 1.8 * traders.trader_is_oea
    return exp(np.clip(contrast * log_odds, -20, 20))


def _siblings(nomenclature: Nomenclature, traders: Traders) -> Ints:
    """For each line the code of the same heading with the lowest duty; its neighbour when it has it itself."""
    duty, best = nomenclature.duty[0], np.zeros(len(nomenclature.code), np.int64)
    for code in range(len(nomenclature.code)):
        low, high = int(nomenclature.sibling_start[code]), int(nomenclature.sibling_end[code])
        group = duty[low:high]
        cheapest = low + int(np.argmin(group))
        best[code] = cheapest if cheapest != code else low + (code - low + 1) % (high - low)
    return best[traders.line_code]


def _accomplices(traders: Traders, markets: Markets, rng: np.random.Generator) -> Ints:
    """A country with an agreement, the likelier the more it trades; one per line."""
    free = np.where((markets.agreement > 0) & (markets.remaining_duty[markets.agreement] < 0.1), 1.0, 0.0)
    total = np.cumsum(markets.weight, axis=0)[-1]
    by_tie = draw(rng, free * total, len(traders.tie_trader))
    return by_tie[traders.line_tie]


def _eligible(
    traders: Traders, nomenclature: Nomenclature, markets: Markets, sibling: Ints, accomplice: Ints, organised: Bools
) -> Bools:
    """(deliberate schemes, lines): where each scheme could pay."""
    duty = nomenclature.duty[0]
    procedure = traders.tie_procedure[traders.line_tie]
    home = is_home(traders)[procedure]
    outward = is_export(traders)[procedure]
    suspended = ~home & ~outward
    by_organised = organised[traders.tie_trader[traders.line_tie]]
    no_right = markets.agreement[traders.line_origin] == 0
    out = np.zeros((len(DELIBERATE), len(procedure)), np.bool_)
    out[UNDERVALUATION] = home
    out[MISCLASSIFICATION] = home & (duty[sibling] < duty[traders.line_code] - 0.01)
    out[FALSE_ORIGIN] = home & no_right & (duty[traders.line_code] > 0.05) & (accomplice != traders.line_origin)
    out[QUANTITY] = home
    out[ATPA] = suspended & (duty[traders.line_code] > 0.05)
    out[OVER_INVOICING] = (home & (duty[traders.line_code] < 0.05)) | outward
    out[PROHIBITED] = (
        (home | suspended) & by_organised & np.isin(nomenclature.sector[traders.line_code], (0, 2, 4, 6, 8))
    )
    return out


def _raw_usage(
    scenario: Scenario, traders: Traders, nomenclature: Nomenclature, eligible: Bools, involved: Bools, organised: Bools
) -> Floats:
    """(deliberate schemes, lines): natural probability that an item uses the scheme, were its trader to cheat."""
    incentive = scenario.conduct.tax_incentive
    by_duty = 1 - incentive + incentive * nomenclature.duty[0][traders.line_code] / 0.4
    habit = np.where(organised, 0.95, 0.7)[traders.tie_trader[traders.line_tie]]
    out = np.where(eligible & involved, habit * np.minimum(1.0, by_duty), 0.0)
    for flat in (OVER_INVOICING, PROHIBITED, ATPA):  # these don't save duties of the code declared
        out[flat] = np.where(eligible[flat] & involved, habit * 0.6, 0.0)
    return out


def _exposure(scenario: Scenario, traders: Traders, markets: Markets, start: Ints, end: Ints) -> Floats:
    """Each line's part of all items that falls in its trader's spell of fraud."""
    first, last = markets.first_day, markets.first_day + scenario.days
    in_spell = open_share(traders, first=first, last=last, start=start, end=end)
    tie = traders.tie_weight * traders.tie_items * in_spell
    total = float(np.cumsum(item_weight(traders, markets, scenario))[-1])
    share: Floats = tie[traders.line_tie] * line_share(traders) / total
    return share


def _recruit(scenario: Scenario, traders: Traders, raw: Floats, exposed: Floats, race: Floats) -> Ints:
    """One scheme per fraudster; -1 for the others.

    Scheme by scheme, the rarest first, traders join in order of temptation until their natural usage
    reaches the scheme's share of items. No trader carries more than a tenth of a scheme.
    """
    n = len(race)
    trader = traders.tie_trader[traders.line_tie]
    targets = _targets(scenario)
    scheme = np.full(n, -1)
    for number in sorted(range(len(DELIBERATE)), key=lambda s: (targets[DELIBERATE[s]], s)):
        target = targets[DELIBERATE[number]]
        potential = np.bincount(trader, weights=raw[number] * exposed, minlength=n)
        if number == ATPA:  # temporary admission is diverted by firms made for it, which don't last
            lasts = traders.trader_gone - traders.trader_born
            order = np.argsort(race * np.where(lasts < 500, 1.0, 20.0), kind="stable")
        else:
            order = np.argsort(race, kind="stable")
        free = (scheme[order] < 0) & (potential[order] > 0) & (potential[order] <= target / 10)
        candidates = order[free]
        reached = np.cumsum(potential[candidates])
        scheme[candidates[: int(np.searchsorted(reached, target)) + 1]] = number if target > 0 else -1
    return scheme


def _targets(scenario: Scenario) -> dict[str, float]:
    """Expected share of all items by scheme."""
    shares = {s: scenario.conduct.schemes.get(s, 0.0) for s in SCHEMES}
    return {s: scenario.conduct.irregular_rate * share / sum(shares.values()) for s, share in shares.items()}


def _scale(scenario: Scenario, raw: Floats, exposed: Floats, line_scheme: Ints) -> tuple[Floats, dict[str, float]]:
    """Scale the probabilities so that each scheme's expected share of items is the scenario's.

    Where the traders of a scheme are too few, the cap at .95 leaves it short: the rates returned say so.
    """
    targets = _targets(scenario)
    usage = np.zeros(len(raw))
    rates: dict[str, float] = {}
    for number, name in enumerate(DELIBERATE):
        rows = np.flatnonzero((line_scheme == number) & (raw > 0))
        rates[name] = 0.0
        if targets[name] == 0 or len(rows) == 0:
            continue
        factor = 1.0
        for _ in range(60):  # the cap makes it a fixed point, reached in a few turns
            reached = float(np.cumsum(exposed[rows] * np.minimum(0.95, raw[rows] * factor))[-1])
            factor = min(1e6, factor * min(4.0, targets[name] / max(reached, 1e-12)))
        usage[rows] = np.minimum(0.95, raw[rows] * factor)
        rates[name] = float(np.cumsum(exposed[rows] * usage[rows])[-1])
    return usage, rates


def _errors(scenario: Scenario, traders: Traders, markets: Markets, kind: Ints) -> tuple[Floats, dict[str, float]]:
    """Probability of each honest error by line: more from the negligent, fewer from authorised operators."""
    weight = item_weight(traders, markets, scenario)
    total = float(np.cumsum(weight)[-1])
    care = np.where(kind == NEGLIGENT, 5.0, 1.0) * np.where(traders.trader_is_oea, 0.5, 1.0)
    by_line = care[traders.tie_trader[traders.line_tie]]
    mean = float(np.cumsum(weight * by_line)[-1]) / total
    targets = _targets(scenario)
    rates: dict[str, float] = {}
    error = np.zeros((len(SCHEMES) - len(DELIBERATE), len(by_line)))
    for number, name in enumerate(SCHEMES[len(DELIBERATE) :]):
        error[number] = np.minimum(0.5, targets[name] * by_line / mean)
        rates[name] = float(np.cumsum(weight * error[number])[-1]) / total
    return error, rates


def item_weight(traders: Traders, markets: Markets, scenario: Scenario) -> Floats:
    """Expected relative number of items of each line over the whole period."""
    open_days = open_share(traders, first=markets.first_day, last=markets.first_day + scenario.days)
    tie = traders.tie_weight * traders.tie_items * open_days
    return tie[traders.line_tie] * line_share(traders)


def line_share(traders: Traders) -> Floats:
    """Part of its tie's items that a line gets: `trade` draws floor(n u^2), so line k gets sqrt steps."""
    count = np.diff(traders.tie_first_line)[traders.line_tie]
    place = np.arange(len(traders.line_tie)) - traders.tie_first_line[traders.line_tie]
    return np.sqrt((place + 1) / count) - np.sqrt(place / count)


def _waves(
    scenario: Scenario,
    traders: Traders,
    nomenclature: Nomenclature,
    markets: Markets,
    eligible: Bools,
    rng: np.random.Generator,
) -> tuple[Bools, ...]:
    """The lines that each wave recruits."""
    out = []
    position = {country: i for i, country in enumerate(markets.country)}
    for wave in scenario.waves:
        concerned = eligible[DELIBERATE.index(wave.scheme)]
        if wave.chapters:
            concerned = concerned & np.isin(nomenclature.chapter[traders.line_code], [int(c) for c in wave.chapters])
        if wave.origins:
            concerned = concerned & np.isin(traders.line_origin, [position[o] for o in wave.origins if o in position])
        joins = rng.random(len(traders.trader_sector)) < wave.recruits
        out.append(concerned & joins[traders.tie_trader[traders.line_tie]])
    return tuple(out)


def _pairs(scenario: Scenario, traders: Traders, bent: Bools, rng: np.random.Generator) -> tuple[Ints, Ints, Ints]:
    """Collusive pairs: a declarant who serves fraudsters, and an inspector of the office he uses most."""
    count = scenario.administration.collusive_pairs
    declarants, offices = len(traders.declarant), len(traders.office_code)
    use = np.bincount(
        traders.tie_declarant * offices + traders.tie_office,
        weights=traders.tie_weight,
        minlength=declarants * offices,
    ).reshape(declarants, offices)
    order = np.argsort(-(np.max(use, axis=1) * np.where(bent, 1e6, 1.0)), kind="stable")[:count]
    office = np.argmax(use[order], axis=1) if len(order) else np.zeros(0, np.int64)
    inspector = (rng.random(len(order)) * traders.office_inspectors[office]).astype(np.int64)
    return office, inspector, order
