"""What the simulated country is made of before its first day, and what no day changes.

Enters: its parts. Leaves: one frozen value, which trade, falsification and inspection read. Never here: what a day
changes (`country.state`), a random number.
"""

from __future__ import annotations

from dataclasses import dataclass

from basira.country.conduct import Plan
from basira.country.markets import Markets
from basira.country.nomenclature import Nomenclature
from basira.country.prices import Departures
from basira.country.scenario import Scenario
from basira.country.traders import Traders


@dataclass(frozen=True)
class Foundation:
    """The parameters; the tariff; prices, currencies and agreements; who trades what; how prices
    depart from additive ones, None where they don't; who was planted to cheat."""

    scenario: Scenario
    nomenclature: Nomenclature
    markets: Markets
    traders: Traders
    departures: Departures | None
    plan: Plan
