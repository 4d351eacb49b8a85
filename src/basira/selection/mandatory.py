"""Which mandatory entry a declaration falls under.

Enters: the entries of a policy that hold on a day, and candidates. Leaves: the entry, or None. Never
here: lanes and slots (see `allocate`).

`Candidate.attributes` is keyed by the schema's field names (`match.commodity_code`, ...). Item fields hold one
value per item, in item order, "" where unknown: then commodity and origin must meet on the *same* item.
When the two tuples differ in length the items can't be paired, and any value of each is enough:
a list errs towards inspecting.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date

from basira.schema.records import Candidate
from basira.schema.text import fold_digits, fold_identifier
from basira.selection.policy.model import MATCH_FIELDS, Mandatory, Policy

_ITEM_FIELDS = ("commodity_code", "origin_country")


def in_one_form(candidate: Candidate) -> Candidate:
    """The candidate with its office and what lists match in their one written form (`schema/text.py`).

    Intake gives no other. A history may hold values that were taken in before it did: a list must find these too.
    """
    attributes = {
        name: tuple((fold_digits if name == "commodity_code" else fold_identifier)(value) for value in values)
        for name, values in candidate.attributes.items()
    }
    return replace(candidate, office=fold_identifier(candidate.office), attributes=attributes)


class MandatoryList:
    """The entries in force on a day, indexed by their first condition.

    Lists may name thousands of operators, and 100,000 declarations a day pass through them: a candidate is
    compared only with the entries that one of its own values points to.
    """

    def __init__(self, policy: Policy, day: date) -> None:
        in_force = [entry for entry in policy.mandatory if entry.holds_on(day)]
        # The most intensive lane first, then the order of the file: the first match is the answer.
        self._entries = sorted(in_force, key=lambda entry: -policy.intensity[entry.lane])
        self._conditions = [_conditions(entry) for entry in self._entries]
        self._index: dict[tuple[str, str], list[int]] = {}
        self._prefix_lengths: set[int] = set()
        for place, conditions in enumerate(self._conditions):
            # An operator narrows more than a commodity or a country does, so it is the better pointer.
            name = min(conditions, key=_POINTER_ORDER.index)
            for value in conditions[name]:
                self._index.setdefault((name, value), []).append(place)
                if name == "commodity_code":
                    self._prefix_lengths.add(len(value))
        self._pointers = sorted({name for name, _ in self._index})

    def find(self, candidate: Candidate) -> Mandatory | None:
        """The most intensive entry that the declaration falls under, or None."""
        best: int | None = None
        for name in self._pointers:
            for value in self._keys(name, candidate.attributes.get(name, ())):
                for place in self._index.get((name, value), ()):
                    if (best is None or place < best) and _matches(self._conditions[place], candidate):
                        best = place
        return None if best is None else self._entries[best]

    def _keys(self, name: str, values: Sequence[str]) -> Iterable[str]:
        if name != "commodity_code":
            return values
        return {value[:length] for value in values for length in self._prefix_lengths}


_POINTER_ORDER = (
    "importer_id",
    "exporter_id",
    "declarant_id",
    "commodity_code",
    "origin_country",
    "dispatch_country",
    "procedure",
)


def _conditions(entry: Mandatory) -> dict[str, frozenset[str]]:
    return {name: frozenset(values) for name in MATCH_FIELDS if (values := getattr(entry.match, name))}


def _meets(name: str, value: str, accepted: frozenset[str]) -> bool:
    if name == "commodity_code":
        return any(value.startswith(prefix) for prefix in accepted)
    return value in accepted


def _matches(conditions: dict[str, frozenset[str]], candidate: Candidate) -> bool:
    attributes = candidate.attributes
    for name, accepted in conditions.items():
        if not any(_meets(name, value, accepted) for value in attributes.get(name, ())):
            return False
    if all(name in conditions for name in _ITEM_FIELDS):
        codes, origins = (attributes[name] for name in _ITEM_FIELDS)
        if len(codes) == len(origins):
            return any(
                _meets("commodity_code", code, conditions["commodity_code"]) and origin in conditions["origin_country"]
                for code, origin in zip(codes, origins, strict=True)
            )
    return True
