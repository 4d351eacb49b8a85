"""Where goods come from and what they cost there: countries, agreements, exchange rates, prices over time.

Enters: a scenario, a nomenclature, a random stream. Leaves: a frozen `Markets`. Never here: traders.
Countries are ISO 3166; agreement codes, price levels and freight shares are invented for the simulation.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from importlib import resources

import numpy as np

from basira.country.arithmetic import Floats, Ints, exp
from basira.country.nomenclature import SECTORS, Nomenclature
from basira.country.scenario import Scenario

# Rough levels in MAD, the start of a simulated walk; not quotations. [assumed]
_MAD_PER = {"MAD": 1.0, "EUR": 10.9, "USD": 10.0, "GBP": 12.7, "CHF": 11.3, "CNY": 1.4}
AGREEMENTS: tuple[str, ...] = ("", "UE", "AELE", "UK", "USA", "TURQUIE", "AGADIR", "ARABE", "ZLECAF")
# Part of the ordinary duty that remains under each agreement. [assumed]
_REMAINING_DUTY = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.4)


@dataclass(frozen=True)
class Markets:
    """Arrays over countries, currencies and weeks."""

    country: tuple[str, ...]
    weight: Floats  # (sectors, countries): how often a sector buys there
    price_level: Floats  # log, relative to the average
    agreement: Ints  # index into AGREEMENTS; 0 none
    remaining_duty: Floats  # by agreement
    currency: Ints  # by country, index into currencies
    currencies: tuple[str, ...]
    mode: Ints  # usual mode: 1 sea, 3 road, 4 air
    freight_share: Floats  # of the goods' value
    price_of_origin: Floats  # (codes, countries): log deviation
    exchange_rate: Floats  # (weeks, currencies): MAD per unit
    price_over_time: Floats  # (weeks, sectors): log
    activity: Floats  # (days,): relative number of declarations
    first_day: int

    def week_of(self, days: Ints) -> Ints:
        """Index of the week since the scenario's first day."""
        return (days - self.first_day) // 7


def make_markets(scenario: Scenario, nomenclature: Nomenclature, rng: np.random.Generator) -> Markets:
    """Draw the markets of a scenario."""
    source = resources.files("basira.country").joinpath("data", "countries.csv")
    rows = list(csv.DictReader(source.read_text(encoding="utf-8").splitlines(), delimiter=";"))
    base = np.array([float(r["weight"]) for r in rows])
    letters = [letter for letter, _, _, _ in SECTORS]
    # "A" in the data is agriculture: the same sector as food.
    strong = np.array(
        [[4.0 if letter in r["strong_in"].replace("A", "F") else 1.0 for r in rows] for letter in letters]
    )
    currencies = tuple(sorted(_MAD_PER))
    weeks, days = scenario.days // 7 + 2, scenario.days
    trade = scenario.trade
    return Markets(
        country=tuple(r["country"] for r in rows),
        weight=base * strong,
        price_level=np.array([float(r["price_level"]) for r in rows]),
        agreement=np.array([AGREEMENTS.index(r["agreement"]) for r in rows]),
        remaining_duty=np.array(_REMAINING_DUTY),
        currency=np.array([currencies.index(r["currency"]) for r in rows]),
        currencies=currencies,
        mode=np.array([int(r["mode"]) for r in rows]),
        freight_share=np.array([float(r["freight_share"]) for r in rows]),
        price_of_origin=rng.standard_normal((len(nomenclature.code), len(rows))) * trade.price_spread_origin,
        exchange_rate=_exchange_rates(rng, currencies, weeks),
        price_over_time=_prices(scenario, rng, weeks),
        activity=_activity(scenario, days),
        first_day=(scenario.starts_on - date(1970, 1, 1)).days,
    )


def _exchange_rates(rng: np.random.Generator, currencies: tuple[str, ...], weeks: int) -> Floats:
    steps = rng.standard_normal((weeks, len(currencies))) * 0.006
    steps[:, currencies.index("MAD")] = 0.0
    level = np.array([_MAD_PER[c] for c in currencies])
    walk = np.zeros_like(steps)
    for week in range(1, weeks):
        walk[week] = 0.97 * walk[week - 1] + steps[week]  # a managed currency comes back to its level
    return np.round(level * exp(walk), 4)


def _prices(scenario: Scenario, rng: np.random.Generator, weeks: int) -> Floats:
    """Inflation, a slow walk per sector, a yearly season per sector; log."""
    steps = rng.standard_normal((weeks, len(SECTORS))) * 0.007
    phase = rng.integers(0, 52, len(SECTORS))
    out = np.zeros_like(steps)
    level = np.zeros(len(SECTORS))
    for week in range(weeks):
        level = 0.99 * level + steps[week]
        season = 0.3 * scenario.trade.season_strength * wave((week + phase) / 52.0)
        out[week] = level + season + scenario.trade.inflation_per_year * week / 52.0
    return out


def _activity(scenario: Scenario, days: int) -> Floats:
    """Relative number of declarations by day: growth, season, a quiet August and quiet weekends."""
    number = np.arange(days)
    weekday = (scenario.starts_on.weekday() + number) % 7
    by_weekday = np.array([1.05, 1.1, 1.1, 1.08, 1.0, 0.35, 0.12])[weekday]
    year = number / 365.25
    season = 1 + 0.5 * scenario.trade.season_strength * wave(
        year + (scenario.starts_on.timetuple().tm_yday + 60) / 365.25
    )
    return by_weekday * season * np.maximum(0.05, 1 + scenario.trade.growth_per_year * year)


def wave(turns: Floats) -> Floats:
    """A smooth yearly wave between -1 and 1, made of a parabola (no sine: see arithmetic)."""
    x = turns - np.floor(turns)
    return np.where(x < 0.5, 16 * x * (0.5 - x), -16 * (x - 0.5) * (1 - x))
