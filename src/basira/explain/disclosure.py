"""What is withheld from an inspector of a decision, in one list.

Enters: a decision, an item or a reason as it is shown to others. Leaves: the same without what is withheld. Never here:
the check whether a caller is an inspector; a value of its own.

An inspector who knows that a control was drawn at random, or that the model expects nothing, looks less closely, and
what the random control estimates is then too low (docs/decisions/0013-what-an-inspector-is-told.md). The order of a
queue is withheld for the same reason: an inspector's has no order of expected revenue.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

Part = Literal["decision", "item", "reason"]

# How selection works, which also a trader could use; and what the model expects.
WITHHELD: Mapping[Part, frozenset[str]] = {
    "decision": frozenset({"detail", "inclusion_probability", "fraud_probability", "expected_revenue", "rules"}),
    "item": frozenset({"fraud_probability", "revenue_if_fraud", "expected_revenue", "kind_probabilities"}),
    "reason": frozenset({"contribution"}),
}
# Shown as one. A mandatory control keeps its name, which its list makes plain anyway.
_ALIKE = frozenset({"random", "model", "fallback"})


def withhold(part: Part, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values without those that are withheld from an inspector.

    >>> withhold("reason", {"code": "round_value", "contribution": 0.4})
    {'code': 'round_value'}
    """
    return {name: value for name, value in values.items() if name not in WITHHELD[part]}


def basis_for_inspectors(basis: str, *, has_answer: bool) -> str:
    """The basis that is shown to an inspector; ``has_answer``: whether the model gave an answer.

    Without an answer the model chose nothing, so a random control shows what all others of that hour show.

    >>> basis_for_inspectors("random", has_answer=True), basis_for_inspectors("random", has_answer=False)
    ('control', 'fallback')
    """
    if basis not in _ALIKE:
        return basis
    return "control" if has_answer else "fallback"
