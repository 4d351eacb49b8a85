"""The feature catalog's part about reasons, as a record: what a feature describes, what an officer verifies.

Enters: nothing. Leaves: `ReasonCatalog`, which the features fill and the explanations read. Never here: a feature, a
word, a number that shows whether a reason holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class PastResults:
    """An entity whose earlier results may be a reason.

    ``parent``: the entity whose rate is the usual one. ``code``: of the reason. ``code_digits``: how much of the
    commodity code belongs to the entity; 0: none. ``has_origin``: whether the country of origin does.
    """

    entity: str
    parent: str
    code: str
    code_digits: int
    has_origin: bool


@dataclass(frozen=True)
class ReasonCatalog:
    """Features by what they speak of.

    ``families``: feature to family of reasons; those without words are left out. ``verify``: family to what an officer
    is asked to verify; those that point at nothing in particular are left out. ``past``: family to its entities, from
    narrow to wide. ``references``: measure to levels of comparables, from narrow to wide, of which the first with
    enough comparables is shown; ``window_days``: how far back these go.
    """

    families: Mapping[str, str]
    verify: Mapping[str, str]
    past: Mapping[str, tuple[PastResults, ...]]
    references: Mapping[str, tuple[str, ...]]
    window_days: int

    def with_categories(self, names: Iterable[str]) -> ReasonCatalog:
        """With the categories that a source has of its own; each is a family for itself."""
        return replace(self, families={name: name for name in names} | dict(self.families))
