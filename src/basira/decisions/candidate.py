"""The declaration as selection sees it, made of its assessed items.

Enters: item rows, their assessments in the same order, their features. Leaves: a `Candidate`, the same for a batch and
for the service. Never here: a figure of a model's own; a copy of what the items already hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from basira.schema.records import Candidate, Figure, ItemAssessment, ItemRow
from basira.schema.stake import StakeScale

# One office stands in where a source names none: its whole flow is one queue.
ONLY_OFFICE = "ALL"

# What policies may match. Item values go one an item, in item order, so that a code and an origin meet on one item.
_MATCHED_ITEM = ("commodity_code", "origin_country")
_MATCHED_HEADER = ("dispatch_country", "importer_id", "exporter_id", "declarant_id", "procedure", "transport_mode")


class FeatureTable(Protocol):
    """Features of many items, by the catalog's names."""

    @property
    def names(self) -> Sequence[str]:
        """The features that it has."""
        ...

    def column(self, name: str) -> Sequence[Figure]:
        """One feature of every item. Raises KeyError for a name that it lacks."""
        ...


class ItemFeatures(Mapping[str, tuple[Figure, ...]]):
    """Features of a declaration's items by name, one value an item; looked up in a table when they are asked for."""

    def __init__(self, table: FeatureTable, positions: Sequence[int]) -> None:
        """``positions``: of the declaration's items in the table, in item order."""
        self._table, self._positions = table, positions

    def __getitem__(self, name: str) -> tuple[Figure, ...]:
        column = self._table.column(name)
        return tuple(column[position] for position in self._positions)

    def __iter__(self) -> Iterator[str]:
        return iter(self._table.names)

    def __len__(self) -> int:
        return len(self._table.names)


def make_candidate(
    rows: Sequence[ItemRow],
    assessments: Sequence[ItemAssessment],
    *,
    items: Sequence[ItemRow] | None = None,
    features: Mapping[str, Sequence[Figure]] | None = None,
    stake_scale: StakeScale | None = None,
) -> Candidate:
    """The declaration of these items: at least one of them irregular, revenue summed over them.

    ``rows``: declared values by field name, header values in each. ``assessments``: none when the model gave no answer;
    the scores are then None. ``items``: everything that was declared, where ``rows`` hold less. ``features``: None when
    nothing could describe the items. ``stake_scale``: of the model that assessed them.
    """
    first = rows[0]
    none_irregular = 1.0
    for one in assessments:
        none_irregular *= 1.0 - one.fraud_probability
    return Candidate(
        declaration_id=first["declaration_id"],
        declaration_version=int(first["declaration_version"]),
        office=first["office"] or ONLY_OFFICE,
        fraud_probability=1.0 - none_irregular if assessments else None,
        expected_revenue=float(sum(one.expected_revenue for one in assessments)) if assessments else None,
        is_oea=bool(first["is_oea"]),
        attributes={name: tuple(row[name] or "" for row in rows) for name in _MATCHED_ITEM}
        | {name: (first[name],) for name in _MATCHED_HEADER if first[name] is not None},
        stake_scale=stake_scale if assessments else None,
        items=rows if items is None else items,
        features={} if features is None else features,
    )
