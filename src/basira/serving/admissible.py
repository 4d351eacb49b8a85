"""Which offices there are: a code in the one way that intake writes it, and the policy's own list of them.

Enters: a code, a declaration, the policy. Leaves: the code; or why it is rejected. Never here: a guess which office was
meant.
"""

from __future__ import annotations

from basira.decisions.candidate import ONLY_OFFICE
from basira.schema.text import fold_identifier
from basira.selection.policy.model import Policy
from basira.serving.message import Declaration, FieldFault, Rejected

# In the words of a fault.
_MOST_NAMED = 20


def folded_office(text: str) -> str:
    """An office's code as it is read from declarations; "" when there is none."""
    return fold_identifier(text.strip()).upper()


def unlisted_office(declaration: Declaration, policy: Policy) -> Rejected | None:
    """Why a declaration is of no office of the policy; None when it is of one, or when the policy lists none."""
    office = declaration.rows[0]["office"] or ONLY_OFFICE
    fault = office_fault(office, policy, field="office")
    return None if fault is None else Rejected((fault,), declaration.declaration_id)


def office_fault(office: str, policy: Policy, *, field: str) -> FieldFault | None:
    """What is wrong with a code that the policy's list lacks."""
    if not policy.offices or office in policy.offices:
        return None
    more = ", ..." if len(policy.offices) > _MOST_NAMED else ""
    return FieldFault(None, field, "unknown_office", ", ".join(policy.offices[:_MOST_NAMED]) + more)
