"""The reasons of declarations whose lane inspects.

Enters: scored declarations, the model. Leaves: for each its items as they are recorded. Never here: a declaration that
fails because its reasons do.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from basira.decisions.recorded import ItemValues, item_values
from basira.models.risk.risk_model import RiskModel
from basira.schema.records import ItemAssessment
from basira.serving.decide.precedence import Pause, in_slices
from basira.serving.decide.scoring import Scored, items_with_reasons

_LOG = logging.getLogger("basira.service")
# Items written as JSON values: some ten milliseconds.
_BETWEEN_PAUSES = 200


def explain(
    scored: Mapping[int, Scored], model: RiskModel | None, *, pause: Pause
) -> Mapping[int, Sequence[ItemValues]]:
    """The items of each, with reasons where there is a score, under the same numbers; explained in one call."""
    if not scored:
        return {}
    explained = _reasons(list(scored.values()), model, pause)
    return {
        number: [item_values(item) for item in in_slices(items, pause, size=_BETWEEN_PAUSES)]
        for number, items in zip(scored, explained, strict=True)
    }


def _reasons(inspected: Sequence[Scored], model: RiskModel | None, pause: Pause) -> list[tuple[ItemAssessment, ...]]:
    """Items with their reasons, all in one call; when it fails, one after the other; an item that still fails has no
    reasons: a lane matters more than its reasons."""
    try:
        return items_with_reasons(inspected, model, pause=pause)
    except Exception as error:  # any error of the reasons
        if len(inspected) > 1:
            return [items for one in inspected for items in _reasons([one], model, pause)]
        _LOG.error("reasons_failed", extra={"fields": {"error": type(error).__name__}})
        return [inspected[0].items]


def recorded_items(scored: Scored, explained: Sequence[ItemValues] | None) -> Sequence[ItemValues]:
    """The items as they are recorded: without a score there are no items, and reasons only where they are known."""
    if scored.fallback is not None:
        return ()
    return explained or [item_values(item) for item in scored.items]
