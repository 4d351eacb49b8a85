"""What is declared of what was shipped: honest, mistaken or false.

Enters: shipments, the plan, the state, a random stream. Leaves: a `Block`: the items as declared,
beside the truth about each. Never here: selection and inspection.

Every item is rounded, written and taxed by the same code after the falsification, whatever its
truth: no artefact of form distinguishes the false from the honest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from basira.country.arithmetic import Bools, Floats, Ints
from basira.country.conduct import (
    ATPA,
    FALSE_ORIGIN,
    MISCLASSIFICATION,
    OVER_INVOICING,
    PROHIBITED,
    QUANTITY,
    UNDERVALUATION,
    Plan,
)
from basira.country.foundation import Foundation
from basira.country.nomenclature import WORDINGS, Nomenclature
from basira.country.scenario import DELIBERATE, KIND_OF, SCHEMES, Scenario
from basira.country.state import State, is_active
from basira.country.taxes import Taxes, taxes_of
from basira.country.trade import Shipments
from basira.country.traders import is_export, is_home
from basira.schema.codes import IRREGULARITY_KINDS

ERROR_VALUE, ERROR_CLASSIFICATION, ERROR_QUANTITY, ERROR_DOCUMENTS = range(len(DELIBERATE), len(SCHEMES))
_KIND = np.array([IRREGULARITY_KINDS.index(KIND_OF[s]) for s in SCHEMES])


@dataclass(frozen=True)
class Block:
    """Items of a block of days, as declared and as they were; one entry per item unless said."""

    shipments: Shipments
    code: Ints
    origin: Ints
    agreement: Ints  # 0: no preference claimed
    quantity: Floats
    net_kg: Floats
    gross_kg: Floats
    invoice: Floats  # invoice currency
    value: Floats  # CIF, MAD
    freight: Floats  # by declaration, MAD; NaN where the invoice contains it
    insurance: Floats  # by declaration
    wording: Ints
    taxes: Taxes

    scheme: Ints  # index into SCHEMES, -1 regular
    kind: Ints  # index into IRREGULARITY_KINDS, -1 regular
    severity: Floats  # how visible: 1 plain, towards 0 when tiny
    evaded: Floats  # MAD
    true_value: Floats
    true_quantity: Floats
    true_net_kg: Floats


def declare(shipments: Shipments, foundation: Foundation, *, state: State, rng: np.random.Generator) -> Block:
    """Decide each item's conduct and write its declaration."""
    s, scenario, plan = shipments, foundation.scenario, foundation.plan
    traders, nomenclature, markets = foundation.traders, foundation.nomenclature, foundation.markets
    trader = s.trader[s.declaration]
    day = s.item_day
    scheme = _schemes(s, trader, day, scenario, plan, state, rng)
    code, origin, quantity = s.code.copy(), s.origin.copy(), s.quantity.copy()
    net, gross, price, wording = s.net_kg.copy(), s.gross_kg.copy(), s.unit_price.copy(), s.wording.copy()
    severity = np.ones(len(code))
    bold = state.boldness[trader]
    conduct = scenario.conduct

    def rows_of(number: int) -> tuple[Ints, Floats]:
        rows = np.flatnonzero(scheme == number)
        return rows, rng.random(len(rows))

    rows, u = rows_of(UNDERVALUATION)
    cut = bold[rows] * (conduct.cut_lowest + (conduct.cut_highest - conduct.cut_lowest) * u)
    price[rows] *= 1 - cut
    severity[rows] = np.minimum(1, 0.25 + cut / 0.4)

    rows, u = rows_of(MISCLASSIFICATION)
    code[rows] = plan.line_sibling[s.line[rows]]
    rewritten = rows[u < 0.45]
    wording[rewritten] = code[rewritten] * WORDINGS + wording[rewritten] % WORDINGS

    rows, u = rows_of(FALSE_ORIGIN)
    origin[rows] = plan.line_accomplice[s.line[rows]]

    rows, u = rows_of(QUANTITY)
    kept = 1 - bold[rows] * (0.25 + 0.5 * u)
    quantity[rows] = _whole(nomenclature, code[rows], quantity[rows] * kept)
    # The papers follow the false quantity; the scales at the port see the gross mass.
    net[rows] *= 0.5 + 0.5 * kept
    severity[rows] = np.minimum(1, 0.3 + (1 - kept))

    rows, u = rows_of(OVER_INVOICING)
    price[rows] *= 1 + bold[rows] * (0.5 + 2.5 * u)

    rows, u = rows_of(PROHIBITED)
    code[rows] = plan.line_sibling[s.line[rows]]
    price[rows] *= 0.55 + 0.4 * u
    light = 0.7 + 0.5 * rng.random(len(rows))
    net[rows] *= light
    quantity[rows] = _whole(nomenclature, code[rows], quantity[rows] * light)

    rows, u = rows_of(ERROR_VALUE)
    price[rows] *= 0.8 + 0.25 * u
    severity[rows] = 0.5
    rows, u = rows_of(ERROR_CLASSIFICATION)
    low, high = nomenclature.sibling_start[code[rows]], nomenclature.sibling_end[code[rows]]
    code[rows] = low + (code[rows] - low + 1 + (u * (high - low - 1)).astype(np.int64)) % (high - low)
    rows, u = rows_of(ERROR_QUANTITY)
    quantity[rows] = _whole(nomenclature, code[rows], quantity[rows] * (0.85 + 0.2 * u))
    severity[rows] = 0.6

    by_mass = np.array([unit == "KG" for unit in nomenclature.unit])[code]
    net = np.where(by_mass, quantity, net)  # one number declared twice, true or false
    agreement = np.where(traders.line_claims[s.line] | (scheme == FALSE_ORIGIN), markets.agreement[origin], 0)
    procedure = traders.tie_procedure[s.tie][s.declaration]
    home, outward = is_home(traders)[procedure], is_export(traders)[procedure]
    agreement = np.where(home, agreement, 0)
    charges = np.where(outward, 0.0, s.charges)

    rate = s.exchange_rate[s.declaration]
    price, threshold_rows = _under_threshold(price, quantity, rate, charges, scheme, scenario, rng)
    severity[threshold_rows] = np.maximum(severity[threshold_rows], 0.3)
    included = s.has_freight[s.declaration]
    goods = np.maximum(0.01, np.round(_round_price(price) * quantity, 2))
    invoice = np.where(included, np.round(goods * (1 + charges), 2), goods)
    value = np.maximum(0.01, np.round(goods * rate * (1 + charges), 2))
    true_value = np.maximum(
        0.01, np.round(np.round(_round_price(s.unit_price) * s.quantity, 2) * rate * (1 + charges), 2)
    )
    net, gross = _round_mass(net), np.maximum(_round_mass(gross), _round_mass(net))
    taxes = taxes_of(
        nomenclature,
        code=code,
        day=day,
        value=value,
        quantity=quantity,
        remaining_duty=markets.remaining_duty[agreement],
        is_taxed=home,
    )
    return Block(
        shipments=s,
        code=code,
        origin=origin,
        agreement=agreement,
        quantity=quantity,
        net_kg=net,
        gross_kg=gross,
        invoice=invoice,
        value=value,
        freight=_charge_of(s, goods * rate * np.maximum(0.0, charges - 0.003), outward),
        insurance=_charge_of(s, goods * rate * np.minimum(0.003, charges), outward),
        wording=wording,
        taxes=taxes,
        scheme=scheme,
        kind=np.where(scheme >= 0, _KIND[scheme], -1),
        severity=severity,
        evaded=_evasion(s, scheme, taxes, true_value, foundation, day=day, home=home),
        true_value=true_value,
        true_quantity=s.quantity,
        true_net_kg=_round_mass(s.net_kg),
    )


def _schemes(
    s: Shipments, trader: Ints, day: Ints, scenario: Scenario, plan: Plan, state: State, rng: np.random.Generator
) -> Ints:
    """The scheme of each item, -1 for none: the trader's own, else a wave's, else an honest error."""
    u = rng.random(len(trader))
    scheme = np.full(len(trader), -1)
    active = is_active(plan, state, trader, day)
    own = active & (u < state.line_usage[s.line])
    scheme[own] = plan.trader_scheme[trader[own]]
    for wave, lines in zip(scenario.waves, plan.wave_lines, strict=True):
        first = (wave.starts_on - scenario.starts_on).days
        last = (wave.ends_on - scenario.starts_on).days
        since = day - (int(plan.first_day) + first)
        during = (since >= 0) & (since <= last - first) & (state.paused_until[trader] <= day)
        joined = during & lines[s.line] & (rng.random(len(trader)) < wave.usage) & (scheme < 0)
        scheme[joined] = DELIBERATE.index(wave.scheme)
    slip = rng.random(len(trader))
    reached = np.zeros(len(trader))
    for number in range(len(plan.line_error)):
        probability = plan.line_error[number][s.line]
        hit = (slip >= reached) & (slip < reached + probability) & (scheme < 0)
        scheme[hit] = len(DELIBERATE) + number
        reached = reached + probability
    return scheme


def _whole(nomenclature: Nomenclature, code: Ints, quantity: Floats) -> Floats:
    """Quantities as a declaration writes them: whole pieces, tenths of the rest."""
    by_piece = np.array([unit in ("U", "PR") for unit in nomenclature.unit])[code]
    return np.where(by_piece, np.maximum(1.0, np.rint(quantity)), np.maximum(0.1, np.round(quantity, 1)))


def _under_threshold(
    price: Floats,
    quantity: Floats,
    rate: Floats,
    charges: Floats,
    scheme: Ints,
    scenario: Scenario,
    rng: np.random.Generator,
) -> tuple[Floats, Ints]:
    """Undervaluers who land just over the threshold go just under it."""
    threshold = scenario.conduct.threshold_amount
    value = price * quantity * rate * (1 + charges)
    rows = np.flatnonzero((scheme == UNDERVALUATION) & (value > threshold) & (value < 1.35 * threshold))
    price = price.copy()
    price[rows] *= threshold * (0.93 + 0.068 * rng.random(len(rows))) / value[rows]
    return price, rows


def _round_price(price: Floats) -> Floats:
    """Invoices give cents, and ten-thousandths for what costs less than ten."""
    return np.where(price < 10, np.maximum(0.0001, np.round(price, 4)), np.round(price, 2))


def _round_mass(mass: Floats) -> Floats:
    return np.where(mass < 100, np.maximum(0.001, np.round(mass, 3)), np.round(mass, 1))


def _charge_of(s: Shipments, by_item: Floats, outward: Bools) -> Floats:
    """Sum to the declaration; NaN where the invoice already contains it, or nothing is carried in."""
    total = np.round(np.bincount(s.declaration, weights=by_item, minlength=len(s.tie)), 2)
    return np.where(s.has_freight | outward[s.first_item[:-1]], np.nan, total)


def _evasion(
    s: Shipments,
    scheme: Ints,
    declared: Taxes,
    true_value: Floats,
    foundation: Foundation,
    *,
    day: Ints,
    home: Bools,
) -> Floats:
    """Duties and taxes that the truth would have cost, less those declared; never negative."""
    out = np.zeros(len(scheme))
    rows = np.flatnonzero((scheme >= 0) & (scheme != ERROR_DOCUMENTS))
    if len(rows) == 0:
        return out
    traders, markets = foundation.traders, foundation.markets
    right = np.where(traders.line_claims[s.line[rows]], markets.agreement[s.origin[rows]], 0)
    due = taxes_of(
        foundation.nomenclature,
        code=s.code[rows],
        day=day[rows],
        value=true_value[rows],
        quantity=s.quantity[rows],
        remaining_duty=markets.remaining_duty[right],
        is_taxed=home[rows] | (scheme[rows] == ATPA),  # a diverted admission owes what was suspended
    )
    out[rows] = np.maximum(0.0, np.round(due.total - declared.total[rows], 2))
    return out
