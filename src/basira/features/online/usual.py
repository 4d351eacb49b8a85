"""The usual share of duties and taxes of goods: the median of comparable imports of the past year.

Enters: profiles, a commodity code, perhaps a country of origin. Leaves: the share, of how many imports, at which level
of comparables. Never here: a share of fewer imports than a reference needs; results of inspections.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from basira.features.catalog.references import MINIMUM_COUNT
from basira.features.online.keys import NULL, key_of, record_struct
from basira.features.online.lookup import Profiles
from basira.features.online.plan import catalog_digest, profile_columns

_THOUSANDTHS = 1000


@dataclass(frozen=True)
class UsualTaxes:
    """``share``: all duties and taxes over customs value, the median. ``count``: of so many imports. ``level``: of the
    code and origin, or of the code."""

    share: float
    count: int
    level: Literal["code_origin", "code"]


def find_usual_taxes(profiles: Profiles, commodity_code: str, origin_country: str | None) -> UsualTaxes | None:
    """The usual share of a code from an origin; of the code where that has too few imports; None where both have, or
    the profiles are of another catalog. A median that is no number above 0 counts as none."""
    if profiles.catalog != catalog_digest():
        return None
    levels: list[tuple[Literal["code_origin", "code"], list[str]]] = [("code", [commodity_code])]
    if origin_country is not None:
        levels.insert(0, ("code_origin", [commodity_code, origin_country]))
    records = profiles.find([key_of(f"ref_{name}", parts) for name, parts in levels])
    for (name, _), record in zip(levels, records, strict=True):
        if record is None:
            continue
        relation = f"ref_{name}"
        figures = dict(zip(profile_columns(relation), record_struct(relation).unpack(record), strict=True))
        count, median = int(figures["count_tax_share"]), int(figures["median_tax_share"])
        if count >= MINIMUM_COUNT and median != NULL:
            return UsualTaxes(math.exp(median / _THOUSANDTHS), count, name)
    return None
