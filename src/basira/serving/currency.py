"""Of which currency a declaration's values are, against the history that they are compared with.

Enters: a declaration, the profiles in force. Leaves: why it is refused, or None. Never here: a conversion; a guess of
the history's currency where no profiles serve (nothing is then compared).
"""

from __future__ import annotations

from basira.ingest.rows.shape import DEFAULT_CURRENCY
from basira.schema.errors import StoreError
from basira.serving.decide.scoring import OpenProfiles
from basira.serving.message import Declaration, FieldFault, Refused


def other_currency(declaration: Declaration, profiles: OpenProfiles) -> Refused | None:
    """Why a declaration's values can't be set beside the history's; intake of files refuses the same rows."""
    try:
        known = profiles.profiles().currencies
    except (StoreError, OSError):
        return None
    found = declaration.rows[0]["value_currency"] or DEFAULT_CURRENCY
    if not known or found in known:
        return None
    expected = f"values in {' or '.join(known)}, as the history's; found {found}"
    fault = FieldFault(None, "value_currency", "other_currency", expected)
    return Refused((fault,), declaration.declaration_id)
