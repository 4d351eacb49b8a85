"""The detail of a selection beside its basis, and the one text that it is recorded as.

Enters: the fields of a `Selection`; a recorded text. Leaves: the text; the fields. Never here: which rule, which lane.

Records keep the text (`detail` of a decision), because their hashes cover it: those of every version read the same way.
Programs read the fields.
"""

from __future__ import annotations

from typing import NamedTuple

from basira.schema.records import Selection

BEYOND_CAPACITY = "beyond_capacity"
LANE_FULL = "lane_full"
LANE_KEPT = "earlier_lane_kept"
NO_STATE = "no_state"

# Alone these are a whole text, so no rule may have one of them as its id.
RESERVED = frozenset({BEYOND_CAPACITY, LANE_KEPT, NO_STATE})


class Detail(NamedTuple):
    """The fields of `Selection` that a recorded text holds; see there."""

    rule_id: str = ""
    is_lane_full: bool = False
    is_beyond_capacity: bool = False
    kept_lane: bool = False
    is_without_state: bool = False


def detail_text(selection: Selection) -> str:
    """The text that a selection is recorded with.

    >>> arms = Selection("D1", 1, "A", "red", "mandatory", 1.0, None, rule_id="arms-93")
    >>> detail_text(arms)
    'arms-93'
    """
    if selection.kept_lane:
        return LANE_KEPT
    if selection.is_without_state:
        return NO_STATE
    if selection.is_beyond_capacity:  # in whatever lane: no slot was left in the rule's either
        return f"{selection.rule_id} {BEYOND_CAPACITY}".lstrip()
    return f"{selection.rule_id} {LANE_FULL}" if selection.is_lane_full else selection.rule_id


def read_detail(text: str) -> Detail:
    """The fields of a recorded text, of whatever version.

    >>> read_detail("arms-93 lane_full")
    Detail(rule_id='arms-93', is_lane_full=True, is_beyond_capacity=False, kept_lane=False, is_without_state=False)
    """
    if text in RESERVED:
        return Detail(
            is_beyond_capacity=text == BEYOND_CAPACITY, kept_lane=text == LANE_KEPT, is_without_state=text == NO_STATE
        )
    rule_id, _, more = text.partition(" ")
    return Detail(rule_id, is_lane_full=more == LANE_FULL, is_beyond_capacity=more == BEYOND_CAPACITY)
