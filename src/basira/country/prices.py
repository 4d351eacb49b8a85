"""Prices that are not the sum of a code's, an origin's and a supplier's part: contracts, qualities, seasons.

Enters: a scenario's rule of prices, its traders and markets, a random stream of its own. Leaves: a frozen `Departures`:
what a line's and a consignment's price adds to the additive one. Never here: fraud, quantities, a draw from another
purpose's stream; a country without a rule draws nothing here.

    ln price = additive price
             + the supplier's own price of the code                  (of the line, always the same)
             + the level of the contract, less what the market has done since the contract began
             + the premium of a consignment of the better quality
             + the season of the sector in the country of origin
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from basira.country.arithmetic import Bools, Floats, Ints
from basira.country.markets import Markets, wave
from basira.country.nomenclature import SECTORS, Nomenclature
from basira.country.scenario import PriceRule, Scenario
from basira.country.traders import Traders


@dataclass(frozen=True)
class Departures:
    """How prices depart from the additive ones. Arrays by line, relationship (``tie_*``), sector and country.

    ``line_log_price``: the supplier's own price of the line's code, log. ``tie_level``: log, by contract.
    ``tie_phase``: days by which a relationship's contracts begin before the scenario's first day.
    ``season_phase``: (sectors, countries), part of a year.
    """

    rule: PriceRule
    line_log_price: Floats
    tie_has_contract: Bools
    tie_phase: Ints
    tie_level: Floats
    season_phase: Floats

    def of_consignments(
        self,
        *,
        day: Ints,
        tie: Ints,
        sector: Ints,
        origin: Ints,
        markets: Markets,
        rng: np.random.Generator,
    ) -> Floats:
        """What time and quality add to the price of each item, log; the line's own part is in its price already.

        ``day``: day numbers. ``rng``: of the block.
        """
        since = day - markets.first_day
        number = (since + self.tie_phase[tie]) // self.rule.contract_days
        began = np.maximum(0, number * self.rule.contract_days - self.tie_phase[tie])
        market = markets.price_over_time[since // 7, sector] - markets.price_over_time[began // 7, sector]
        agreed = np.where(self.tie_has_contract[tie], self.tie_level[tie, number] - market, 0.0)
        better = np.where(rng.random(len(day)) < self.rule.premium_share, self.rule.premium, 0.0)
        season = self.rule.origin_season * wave(since / 365.25 + self.season_phase[sector, origin])
        return agreed + better + season


def make_departures(
    scenario: Scenario, traders: Traders, nomenclature: Nomenclature, markets: Markets, rng: np.random.Generator
) -> Departures | None:
    """Draw the departures of a scenario; None where its rule has none, and then nothing is drawn."""
    rule = scenario.prices
    if rule == PriceRule():
        return None
    # The supplier's price of a code is one for all who buy it.
    pair = traders.tie_supplier[traders.line_tie] * len(nomenclature.code) + traders.line_code
    pairs, which = np.unique(pair, return_inverse=True)
    own = rng.standard_normal(len(pairs)) * rule.supplier_by_code
    ties = len(traders.tie_trader)
    contracts = scenario.days // rule.contract_days + 2
    return Departures(
        rule=rule,
        line_log_price=own[which],
        tie_has_contract=rng.random(ties) < rule.contract_share,
        tie_phase=rng.integers(0, rule.contract_days, ties),
        tie_level=rng.standard_normal((ties, contracts)) * rule.contract_spread,
        season_phase=rng.random((len(SECTORS), len(markets.country))),
    )
