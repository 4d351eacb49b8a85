"""Codes that the field shares: countries, currencies, commodity codes, kinds of irregularity.

Enters: text. Leaves: the code in its one written form, or None. Never here: an administration's own
code lists (offices, procedures, rates): those are policy data.
"""

from __future__ import annotations

from functools import cache

# The order is the order of display. Sources: domain notes on valuation, classification, origin and
# quantity findings; "documents" is a missing or wrong supporting paper, "prohibited" includes counterfeit.
IRREGULARITY_KINDS: tuple[str, ...] = (
    "value",
    "classification",
    "origin",
    "quantity",
    "prohibited",
    "documents",
)

# Of a value whose currency nothing says.
DEFAULT_CURRENCY = "MAD"


@cache
def country_codes() -> frozenset[str]:
    """ISO 3166-1 alpha-2 codes, and XK (Kosovo), which customs use although ISO does not list it.

    >>> "MA" in country_codes(), "ZZ" in country_codes()
    (True, False)
    """
    import pycountry

    return frozenset(c.alpha_2 for c in pycountry.countries) | {"XK"}


@cache
def country_alpha3() -> dict[str, str]:
    """ISO 3166-1 alpha-3 to alpha-2."""
    import pycountry

    return {c.alpha_3: c.alpha_2 for c in pycountry.countries}


@cache
def currency_codes() -> frozenset[str]:
    """ISO 4217 alphabetic codes."""
    import pycountry

    return frozenset(c.alpha_3 for c in pycountry.currencies)


def format_code(commodity_code: str) -> str:
    """A commodity code as officers write it.

    >>> format_code("851713"), format_code("8517130000"), format_code("85")
    ('8517.13', '8517.13.00.00', '85')
    """
    head, rest = commodity_code[:4], commodity_code[4:]
    return ".".join([head, *(rest[i : i + 2] for i in range(0, len(rest), 2))])
