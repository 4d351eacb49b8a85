"""What analysts' rules said of a declaration, as a decision records it; and what those that act want together.

Enters: verdicts as JSON values, the lanes of a policy. Leaves: the types of these values, a `Wish`. Never here: a
rule's meaning; a personal value or a free text (both must stay erasable, and a verdict is kept for good).

Recorded are rules that hit, and those of which it is unknown; every other rule in force was no hit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NotRequired, TypedDict

from basira.schema.json_values import JsonObject
from basira.schema.records import Wish


class ReadValue(TypedDict):
    """A value that a condition read; null: absent. ``is_withheld``: it may name a person, or is a free text."""

    name: str
    value: NotRequired[str | float | bool | None]
    is_withheld: NotRequired[bool]


class ConditionValues(TypedDict):
    """One condition of a rule that hits. ``truth``: null where it is unknown. ``item``: number of the item that it was
    read on, from 1; null for the declaration. ``counted``: of a count of items, those that meet it and those that may.
    """

    condition: JsonObject
    truth: bool | None
    item: int | None
    read: Sequence[ReadValue]
    counted: NotRequired[Sequence[int]]


class JudgedValues(TypedDict):
    """What one rule said.

    ``digest``: SHA-256 of the version's content. ``is_shadow``: it changes nothing. ``fields``: of an unknown or an
    error, the names that decide it. Of a hit: ``items``, numbers from 1, of a rule on any item; ``probability`` with
    which it acts, before the draw; ``acts``; ``sleeps``, for an operator of the declaration; ``wants``, the rule's
    effect; ``is_least``, the lane that it wants is the least: the order of the model may give a more intensive one
    (absent from what was recorded before there was this, where it may not); ``title``; ``conditions``.
    """

    rule_id: str
    version: int
    digest: str
    is_shadow: bool
    outcome: Literal["hit", "unknown", "error"]
    fields: NotRequired[Sequence[str]]
    items: NotRequired[Sequence[int]]
    probability: NotRequired[float]
    acts: NotRequired[bool]
    sleeps: NotRequired[bool]
    wants: NotRequired[JsonObject]
    is_least: NotRequired[bool]
    title: NotRequired[str]
    conditions: NotRequired[Sequence[ConditionValues]]


LEAST_WEIGHT, MOST_WEIGHT = 0.1, 10.0


def wish_of(judged: Sequence[JudgedValues], intensity: Mapping[str, int]) -> Wish | None:
    """What the rules that act want together; None when none acts, or none wants anything of selection.

    ``intensity``: of the lanes that a policy has, 0 for release; a lane that it lacks or that releases is none. Of
    several that want a lane, the mandatory one goes first, then the one that wants the most intensive lane, then the
    order of the record. Weights are multiplied, within 0.1 to 10. A lane goes before an exemption.
    """
    acting = [one for one in judged if one.get("acts")]
    effects = [one.get("wants", {}) for one in acting]
    wanting = [one for one in acting if intensity.get(one.get("wants", {}).get("lane", ""), 0)]
    weight = 1.0
    for effect in effects:
        weight *= float(effect.get("weight", 1.0))
    weight = min(MOST_WEIGHT, max(LEAST_WEIGHT, weight))
    is_exempt = any(effect.get("is_exempt", False) for effect in effects)
    if not wanting:
        return Wish(weight=weight, is_exempt=is_exempt) if is_exempt or weight != 1.0 else None

    def order(one: JudgedValues) -> tuple[bool, int]:
        return bool(one["wants"].get("is_mandatory", False)), intensity[one["wants"]["lane"]]

    first = max(wanting, key=order)
    lane, is_mandatory = first["wants"]["lane"], bool(first["wants"].get("is_mandatory", False))
    return Wish(lane, first["rule_id"], is_mandatory, weight, is_exempt, first.get("is_least", False))


def rule_of(judged: Sequence[JudgedValues], rule_id: str) -> JudgedValues | None:
    """What the rule of that id said that acts; None when none of that id does."""
    return next((one for one in judged if one["rule_id"] == rule_id and one.get("acts")), None)
