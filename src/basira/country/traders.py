"""Who trades what with whom: traders, their suppliers, their lines of goods, their declarants.

Enters: a scenario, its nomenclature and markets, a random stream. Leaves: a frozen `Traders`. Never
here: fraud (that is conduct); a trader is drawn before anyone knows what he will do.

Three levels, each a run of consecutive rows of the one above: a trader has relationships (one
supplier, one route, one office, one procedure), a relationship has lines (one commodity code, one
origin, one price). An item is one use of a line.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from basira.country.arithmetic import Bools, Floats, Ints, between, draw, exp, log, offsets, unique_numbers
from basira.country.markets import Markets
from basira.country.nomenclature import SECTORS, WORDINGS, Nomenclature
from basira.country.scenario import PROCEDURES, Scenario

RESERVE = 0.5  # identities kept for phoenix firms, as a part of the traders


@dataclass(frozen=True)
class Traders:
    """Arrays by trader (``trader_*``), relationship (``tie_*``), line (``line_*``), supplier, declarant."""

    ice: tuple[str, ...]  # identifiers; the first ones are the traders' own, the rest are kept for new identities
    trader_sector: Ints
    trader_born: Ints  # day number
    trader_gone: Ints
    trader_is_oea: Bools
    trader_payment: Ints
    trader_address: Ints  # shared by some: for networks
    trader_manager: Ints
    trader_phone: Ints

    tie_trader: Ints
    tie_supplier: Ints
    tie_country: Ints  # country of dispatch
    tie_mode: Ints
    tie_office: Ints
    tie_procedure: Ints
    tie_declarant: Ints
    tie_from: Ints  # day number of its first consignment
    tie_weight: Floats
    tie_items: Floats  # mean items per declaration
    tie_incoterm: Ints
    tie_first_line: Ints  # one entry more than ties

    line_tie: Ints
    line_code: Ints
    line_origin: Ints
    line_log_price: Floats  # tier and supplier, log
    line_log_quantity: Floats
    line_packing: Floats  # gross mass over net mass
    line_wording: Ints
    line_claims: Bools  # claims the preference it has a right to

    supplier: tuple[str, ...]
    declarant: tuple[str, ...]
    procedures: tuple[str, ...]
    office_code: tuple[str, ...]
    office_inspectors: Ints


INCOTERMS: tuple[str, ...] = ("FOB", "CFR", "CIF", "EXW", "FCA", "DAP")
INCOTERM_HAS_FREIGHT = np.array([False, True, True, False, False, True])


def make_traders(scenario: Scenario, nomenclature: Nomenclature, markets: Markets, rng: np.random.Generator) -> Traders:
    """Draw the traders of a scenario; expected shares by procedure and office are the scenario's."""
    trade, n = scenario.trade, scenario.trade.importers
    sectors = len(SECTORS)
    sector_weight = np.diff(nomenclature.cumulative_weight[nomenclature.sector_start])
    sector = draw(rng, sector_weight, n)
    size = exp(rng.standard_normal(n) * trade.importer_size_spread)
    procedures = tuple(trade.procedures)
    main_procedure = draw(rng, np.array([trade.procedures[p] for p in procedures]), n)
    years = scenario.days / 365.25
    changing = min(0.9, trade.turnover_per_year * years)
    first, last = markets.first_day, markets.first_day + scenario.days
    born = np.where(rng.random(n) < changing, rng.integers(first, last, n), first - rng.integers(30, 4000, n))
    gone = np.where(
        rng.random(n) < changing, np.maximum(born, first) + rng.integers(30, scenario.days + 60, n), last + 9999
    )

    # Suppliers: each sells one sector's goods from one country.
    suppliers = max(sectors * 4, int(n * 1.3))
    supplier_sector = np.sort(draw(rng, sector_weight, suppliers))
    supplier_country = _by_sector(rng, markets.weight, supplier_sector)
    supplier_price = rng.standard_normal(suppliers) * trade.price_spread_supplier
    supplier_start = offsets(np.bincount(supplier_sector, minlength=sectors))
    supplier_use = np.concatenate(([0.0], np.cumsum(exp(rng.standard_normal(suppliers) * 1.2))))

    # Relationships.
    ties = 1 + np.minimum(11, (rng.standard_exponential(n) * (0.7 + np.minimum(2.5, size * 0.35))).astype(np.int64))
    tie_trader = np.repeat(np.arange(n), ties)
    t = len(tie_trader)
    wanders = rng.random(t) < 0.12  # a purchase outside the trader's own sector
    tie_sector = np.where(wanders, draw(rng, sector_weight, t), sector[tie_trader])
    tie_supplier = between(rng, supplier_use, supplier_start[tie_sector], supplier_start[tie_sector + 1])
    empty = supplier_start[tie_sector] == supplier_start[tie_sector + 1]
    tie_supplier[empty] = rng.integers(0, suppliers, int(empty.sum()))
    tie_sector = supplier_sector[tie_supplier]
    country = supplier_country[tie_supplier]
    other = draw(rng, np.array([trade.procedures[p] for p in procedures]), t)
    procedure = np.where(rng.random(t) < 0.2, other, main_procedure[tie_trader])
    by_air = rng.random(t) < np.where(np.isin(tie_sector, (6, 8)), 0.35, 0.08)
    mode = np.where(by_air, 4, markets.mode[country])
    office = _offices(scenario, rng, mode)
    declarants = trade.declarants
    declarant_use = exp(rng.standard_normal(declarants) * 1.0)
    own = draw(rng, declarant_use, n)
    declarant = np.where(rng.random(t) < 0.15, draw(rng, declarant_use, t), own[tie_trader])
    within = exp(rng.standard_normal(t) * 1.0)
    weight = size[tie_trader] * within / np.bincount(tie_trader, weights=within)[tie_trader]
    items = 1 + (trade.items_per_declaration - 1) * np.minimum(6.0, exp(rng.standard_normal(t) * 0.7 - 0.245))
    # New suppliers and goods come in over time.
    newly = rng.random(t) < min(0.8, trade.new_relationships_per_year * years)
    tie_from = np.where(newly, rng.integers(first, last, t), first - 9999)
    present = np.clip(
        np.minimum(gone[tie_trader], last) - np.maximum(np.maximum(born[tie_trader], tie_from), first), 0, None
    ) / (last - first)
    weight = _fit_shares(
        weight,
        present,
        tie_trader,
        trade.largest_trader_share,
        (procedure, np.array([trade.procedures[p] for p in procedures])),
        (office, np.array([o.share for o in trade.offices])),
    )
    # Lines of goods.
    lines = 1 + np.minimum(39, (rng.standard_exponential(t) * (1.5 + items)).astype(np.int64))
    line_tie = np.repeat(np.arange(t), lines)
    m = len(line_tie)
    s = tie_sector[line_tie]
    code = between(rng, nomenclature.cumulative_weight, nomenclature.sector_start[s], nomenclature.sector_start[s + 1])
    origin = country[line_tie].copy()
    elsewhere = rng.random(m) < 0.14  # a supplier who resells goods made elsewhere
    origin[elsewhere] = _by_sector(rng, markets.weight, s[elsewhere])
    tier = rng.choice(np.array([-1.0, 0.0, 0.0, 0.0, 1.0]), size=m) * trade.price_spread_code
    log_price = tier + supplier_price[tie_supplier[line_tie]] + rng.standard_normal(m) * 0.12
    # The usual consignment: larger for cheap goods, so that its value stays within a few decades.
    consignment = 10.6 + 1.1 * rng.standard_normal(m) + 0.12 * np.minimum(6, size[tie_trader[line_tie]])
    log_unit_value = nomenclature.log_value_per_kg[code] + log(nomenclature.kg_per_unit)[code]
    return Traders(
        ice=tuple(f"00{number}0000{number % 97:02d}" for number in unique_numbers(rng, 9, n + int(n * RESERVE) + 50)),
        trader_sector=sector,
        trader_born=born,
        trader_gone=gone,
        trader_is_oea=_draw_operators(scenario, rng, size, born, first),
        trader_payment=rng.choice(np.array([0, 0, 1]), size=n),
        trader_address=_draw_attribute(rng, n, 0.10),
        trader_manager=_draw_attribute(rng, n, 0.07),
        trader_phone=_draw_attribute(rng, n, 0.08),
        tie_trader=tie_trader,
        tie_supplier=tie_supplier,
        tie_country=country,
        tie_mode=mode,
        tie_office=office,
        tie_procedure=procedure,
        tie_declarant=declarant,
        tie_from=tie_from,
        tie_weight=weight,
        tie_items=items,
        tie_incoterm=rng.choice(np.array([0, 0, 0, 1, 2, 2, 3, 4, 5]), size=t),
        tie_first_line=offsets(lines),
        line_tie=line_tie,
        line_code=code,
        line_origin=origin,
        line_log_price=log_price,
        line_log_quantity=consignment - log_unit_value,
        line_packing=1.03 + 0.14 * rng.random(m),
        line_wording=rng.choice(np.arange(WORDINGS), size=m, p=[0.2, 0.2, 0.15, 0.08, 0.12, 0.15, 0.07, 0.03]),
        line_claims=rng.random(m) < 0.85,
        supplier=tuple(f"F{number}" for number in unique_numbers(rng, 8, suppliers)),
        declarant=tuple(f"D{number}" for number in unique_numbers(rng, 5, declarants)),
        procedures=procedures,
        office_code=tuple(o.code for o in trade.offices),
        office_inspectors=np.array([o.inspectors for o in trade.offices]),
    )


def open_share(
    traders: Traders, *, first: int, last: int, start: Ints | None = None, end: Ints | None = None
) -> Floats:
    """By relationship: the part of the days ``first`` to ``last - 1`` on which it trades.

    ``start``/``end``: a narrower span by trader (a spell of fraud).
    """
    who = traders.tie_trader
    begins = np.maximum(np.maximum(traders.trader_born[who], traders.tie_from), first)
    ends = np.minimum(traders.trader_gone[who], last)
    if start is not None and end is not None:
        begins, ends = np.maximum(begins, start[who]), np.minimum(ends, end[who])
    share: Floats = np.clip(ends - begins, 0, None) / (last - first)
    return share


def is_home(traders: Traders) -> Bools:
    """By procedure index: goods are released for home use and taxed."""
    return np.array([PROCEDURES[p] == "home" for p in traders.procedures])


def is_export(traders: Traders) -> Bools:
    """By procedure index: goods leave the country."""
    return np.array([PROCEDURES[p] == "export" for p in traders.procedures])


def _by_sector(rng: np.random.Generator, weights: Floats, sector: Ints) -> Ints:
    """A country for each row, by the weights of the row's sector."""
    countries = weights.shape[1]
    cumulative = np.concatenate(([0.0], np.cumsum(weights.ravel())))
    country: Ints = between(rng, cumulative, sector * countries, (sector + 1) * countries) - sector * countries
    return country


def _offices(scenario: Scenario, rng: np.random.Generator, mode: Ints) -> Ints:
    """An office that serves the mode; where none does, any office."""
    share = np.array([o.share for o in scenario.trade.offices])
    out = np.zeros(len(mode), np.int64)
    for value in (1, 3, 4):
        rows = np.flatnonzero(mode == value)
        serves = np.array([f"{value:02d}" in o.modes for o in scenario.trade.offices])
        out[rows] = draw(rng, np.where(serves, share, 0.0) if serves.any() else share, len(rows))
    return out


def _fit_shares(weight: Floats, present: Floats, trader: Ints, largest: float, *margins: tuple[Ints, Floats]) -> Floats:
    """Scale weights in turn until each margin has its shares (iterative proportional fitting).

    ``present``: part of the period in which each row trades; it weighs in the shares.

    No trader keeps more than ``largest`` of the whole: a single firm must not be the scenario.
    """
    for _ in range(30):
        held = np.bincount(trader, weights=weight * present)
        weight = weight * np.minimum(1.0, largest * np.cumsum(weight * present)[-1] / np.maximum(held, 1e-300))[trader]
        for group, share in margins:
            held = np.bincount(group, weights=weight * present, minlength=len(share))
            wanted = np.where(held > 0, share, 0.0)
            wanted = wanted / np.cumsum(wanted)[-1]
            weight = weight * (wanted / np.where(held > 0, held, 1.0))[group]
    return weight


def _draw_operators(scenario: Scenario, rng: np.random.Generator, size: Floats, born: Ints, first: int) -> Bools:
    """Authorised operators: old firms, the larger the likelier."""
    rank = size * exp(rng.standard_normal(len(size)) * 0.6) * (born < first - 700)
    count = round(scenario.trade.oea_share * len(size))
    out = np.zeros(len(size), np.bool_)
    out[np.argsort(-rank, kind="stable")[:count]] = True
    return out & (rank > 0)


def _draw_attribute(rng: np.random.Generator, n: int, share: float) -> Ints:
    """Attribute numbers, most their own, some another trader's."""
    own = np.arange(n)
    return np.where(rng.random(n) < share, rng.integers(0, n, n), own)
