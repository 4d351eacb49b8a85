"""A block of days of honest trade: what really crossed the border.

Enters: traders, tariff, markets, state, a range of days, a random stream. Leaves: `Shipments`, arrays
by declaration and by item. Never here: what is declared (falsification), who is inspected.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from basira.country.arithmetic import Floats, Ints, draw, exp
from basira.country.foundation import Foundation
from basira.country.nomenclature import WORDINGS, Nomenclature
from basira.country.state import State
from basira.country.traders import INCOTERM_HAS_FREIGHT

ITEMS_MOST = 40
SHIFT = 3600  # declarations are registered from 8:00, mostly before 18:00


@dataclass(frozen=True)
class Shipments:
    """Declarations in order of registration, and their items in order of number."""

    tie: Ints  # by declaration
    trader: Ints
    day: Ints
    second: Ints  # of the day
    office: Ints
    declarant: Ints
    identity: Ints
    currency: Ints
    exchange_rate: Floats
    has_freight: np.ndarray[tuple[int], np.dtype[np.bool_]]  # the invoice already contains it
    first_item: Ints  # one entry more than declarations

    declaration: Ints  # by item: row of its declaration
    line: Ints
    code: Ints
    origin: Ints
    quantity: Floats  # in the code's unit
    net_kg: Floats
    gross_kg: Floats
    unit_price: Floats  # invoice currency per unit, goods only, before rounding
    charges: Floats  # freight and insurance as a share of the goods' value
    wording: Ints

    @property
    def item_day(self) -> Ints:
        """Day number of each item."""
        return self.day[self.declaration]


def declarations_per_day(activity: Floats, total: float) -> Ints:
    """Whole numbers of declarations, day by day, that follow the activity and add up to the total.

    >>> declarations_per_day(np.array([1.0, 1.0, 2.0]), 10.0).tolist()
    [2, 3, 5]
    """
    reached = np.floor(np.cumsum(activity) * (total / np.cumsum(activity)[-1]) + 1e-9)
    return np.diff(np.concatenate(([0.0], reached))).astype(np.int64)


def ship(
    foundation: Foundation,
    *,
    state: State,
    first_day: int,
    per_day: Ints,
    rng: np.random.Generator,
    prices: np.random.Generator,
) -> Shipments:
    """Draw the shipments of the days ``first_day`` to ``first_day + len(per_day) - 1``.

    ``prices``: the stream of prices that are not additive; nothing is drawn from it where they are.
    """
    traders, nomenclature, markets = foundation.traders, foundation.nomenclature, foundation.markets
    trade, departures = foundation.scenario.trade, foundation.departures
    middle = first_day + len(per_day) // 2
    alive = (traders.trader_born <= middle) & (middle < traders.trader_gone)
    weight = traders.tie_weight * (alive[traders.tie_trader] & (traders.tie_from <= middle))
    n = int(per_day.sum())
    tie = draw(rng, weight, n)
    day = np.repeat(first_day + np.arange(len(per_day)), per_day)
    # Two thirds in office hours, the rest in the evening: electronic declarations come at all hours.
    second = 8 * SHIFT + (rng.random(n) * np.where(rng.random(n) < 0.85, 10, 15) * SHIFT).astype(np.int64)
    order = np.lexsort((second, day))
    day, second = day[order], second[order]
    trader = traders.tie_trader[tie]
    country = traders.tie_country[tie]
    currency = np.where(rng.random(n) < 0.9, markets.currency[country], markets.currencies.index("USD"))
    rate = markets.exchange_rate[markets.week_of(day), currency]

    count = 1 + np.minimum(
        ITEMS_MOST - 1, (rng.standard_exponential(n) * (traders.tie_items[tie] - 0.55)).astype(np.int64)
    )
    first_item = np.concatenate(([0], np.cumsum(count)))
    of = np.repeat(np.arange(n), count)
    m = len(of)
    u = rng.random(m)
    low, high = traders.tie_first_line[tie[of]], traders.tie_first_line[tie[of] + 1]
    line = low + np.minimum((u * u * (high - low)).astype(np.int64), high - low - 1)
    code, origin = traders.line_code[line], traders.line_origin[line]

    usual = rng.random(m) < trade.repeat_share
    quantity = exp(traders.line_log_quantity[line] + np.where(usual, 0.0, 0.55 * rng.standard_normal(m)))
    kg = nomenclature.kg_per_unit[code]
    by_piece = _is_by_piece(nomenclature)[code]
    quantity = np.maximum(np.where(by_piece, 1.0, 0.1), np.round(quantity, 1))
    quantity = np.where(by_piece, np.rint(quantity), quantity)
    by_mass = _is_by_mass(nomenclature)[code]
    spread = np.where(usual | by_mass, 0.0, 0.06 * rng.standard_normal(m))
    net = quantity * kg * exp(spread)
    gross = net * (traders.line_packing[line] + np.where(usual, 0.0, 0.015 * rng.random(m)))

    week = markets.week_of(day[of])
    log_price = (
        nomenclature.log_value_per_kg[code]
        + markets.price_of_origin[code, origin]
        + markets.price_level[origin]
        + traders.line_log_price[line]
        + markets.price_over_time[week, nomenclature.sector[code]]
        # a quarter of the consignments are invoiced from the price list
        + np.where(usual, 0.0, trade.price_spread_item * rng.standard_normal(m))
        # larger lots are cheaper
        - 0.04 * np.clip(rng.standard_normal(m), -2, 2)
    )
    if departures is not None:
        log_price = log_price + departures.of_consignments(
            day=day[of], tie=tie[of], sector=nomenclature.sector[code], origin=origin, markets=markets, rng=prices
        )
    unit_price = exp(log_price) * kg / rate[of]
    by_air = traders.tie_mode[tie[of]] == 4
    charges = markets.freight_share[country[of]] * (0.7 + 0.6 * rng.random(m)) * np.where(by_air, 1.6, 1.0) + 0.003
    # A trader words his goods his own way, not always.
    wording = np.where(rng.random(m) < 0.8, traders.line_wording[line], rng.integers(0, WORDINGS, m))
    return Shipments(
        tie=tie,
        trader=trader,
        day=day,
        second=second,
        office=state.tie_office[tie],
        declarant=state.tie_declarant[tie],
        identity=state.identity[trader],
        currency=currency,
        exchange_rate=rate,
        has_freight=INCOTERM_HAS_FREIGHT[traders.tie_incoterm[tie]],
        first_item=first_item,
        declaration=of,
        line=line,
        code=code,
        origin=origin,
        quantity=quantity,
        net_kg=net,
        gross_kg=gross,
        unit_price=unit_price,
        charges=charges,
        wording=code * WORDINGS + wording,
    )


def _is_by_piece(nomenclature: Nomenclature) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.array([unit in ("U", "PR") for unit in nomenclature.unit])


def _is_by_mass(nomenclature: Nomenclature) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.array([unit == "KG" for unit in nomenclature.unit])
