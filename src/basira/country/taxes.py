"""Duties and taxes of items: dated rates, preferences, suspension.

Enters: codes, days, values, quantities, agreements. Leaves: `Taxes`, in MAD rounded to 2 decimals.
Never here: who pays or evades.

Import duty (DI) on the CIF value; parafiscal levy (TPI) 0.25 % of it; excise by quantity; VAT on
CIF + DI + TPI + excise (domain notes, section 2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from basira.country.arithmetic import Bools, Floats, Ints
from basira.country.nomenclature import Nomenclature

TPI_RATE = 0.0025


@dataclass(frozen=True)
class Taxes:
    """Rates (0 to 1) and amounts (MAD), one entry per item."""

    duty_rate: Floats
    vat_rate: Floats
    duty: Floats
    vat: Floats
    excise: Floats
    total: Floats


def taxes_of(
    nomenclature: Nomenclature,
    *,
    code: Ints,
    day: Ints,
    value: Floats,
    quantity: Floats,
    remaining_duty: Floats,
    is_taxed: Bools,
) -> Taxes:
    """Compute the taxes of items.

    ``value``: CIF, MAD. ``remaining_duty``: part of the ordinary duty left by the preference claimed,
    1 without preference. ``is_taxed``: False for suspensive procedures and exports, which pay nothing.
    """
    period = nomenclature.period_of(day)
    # Products of short decimals carry noise in the last bits: rounding keeps 0.1 * 1.0 as 0.1.
    duty_rate = np.round(nomenclature.duty[period, code] * remaining_duty, 6)
    vat_rate = nomenclature.vat[period, code]
    due = is_taxed.astype(np.float64)
    duty = np.round(value * duty_rate * due, 2)
    levy = np.round(value * TPI_RATE * due, 2)
    excise = np.round(nomenclature.excise_per_unit[code] * quantity * due, 2)
    vat = np.round((value * due + duty + levy + excise) * vat_rate, 2)
    return Taxes(
        duty_rate=duty_rate,
        vat_rate=vat_rate,
        duty=duty,
        vat=vat,
        excise=excise,
        total=np.round(duty + levy + excise + vat, 2),
    )
