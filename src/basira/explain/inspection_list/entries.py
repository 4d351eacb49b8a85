"""The declarations of a list with their explanations, numbered in the order in which they stand on paper.

Enters: an `InspectionList`, a language, a reader. Leaves: entries. Never here: files; a lane that is decided.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from basira.explain.explanation import Case, Explanation, Reader, Surroundings, explain
from basira.explain.sentences import ExplanationText, say_explanation
from basira.schema.records import DeclarationLine, InspectionList


@dataclass(frozen=True)
class Entry:
    """One declaration of a list. ``number``: its place on the list, from 1 in each office."""

    number: int
    line: DeclarationLine
    explanation: Explanation
    text: ExplanationText


def list_entries(
    inspections: InspectionList, *, language: str, reader: Reader = "unit", strict: bool = False
) -> list[Entry]:
    """Every declaration of the list, office by office and lane by lane in the list's order.

    For the unit, within a lane those without a reason worth telling stand last. For an inspector they stand in the
    order of arrival, in which nothing distinguishes a random control from another.
    """
    entries = []
    for line in inspections.lines:
        explanation = explain(case_of(line, inspections), reader=reader)
        text = say_explanation(explanation, language=language, strict=strict)
        entries.append(Entry(0, line, explanation, text))
    offices = {office: place for place, office in enumerate(dict.fromkeys(line.office for line in inspections.lines))}
    lanes = {lane: place for place, lane in enumerate(_lanes(inspections))}

    def key(entry: Entry) -> tuple[object, ...]:
        line = entry.line
        where = (offices[line.office], lanes[line.selection.lane])
        if reader == "inspector":
            return (*where, line.declared_at, line.declaration_id)
        return (*where, not entry.explanation.is_telling)

    entries.sort(key=key)
    counts: dict[str, int] = {}
    numbered = []
    for entry in entries:
        counts[entry.line.office] = counts.get(entry.line.office, 0) + 1
        numbered.append(replace(entry, number=counts[entry.line.office]))
    return numbered


def case_of(line: DeclarationLine, inspections: InspectionList) -> Case:
    """A line of a list as an explanation needs it."""
    return Case(
        basis=line.selection.basis,
        currency=line.value_currency,
        fraud_probability=line.fraud_probability,
        expected_revenue=line.expected_revenue,
        items=tuple(item.assessment for item in line.items),
        examines=line.examines,
        around=Surroundings(inspections.average_probability, inspections.large_stakes),
        ground=line.ground,
        notes=line.notes,
        has_answer=line.fraud_probability is not None,
    )


def only_office(inspections: InspectionList, office: str) -> InspectionList:
    """The list of one office."""
    return replace(
        inspections,
        lines=tuple(line for line in inspections.lines if line.office == office),
        capacity=tuple(use for use in inspections.capacity if use.office == office),
        released={name: count for name, count in inspections.released.items() if name == office},
    )


def offices_of(inspections: InspectionList) -> tuple[str, ...]:
    """The offices in the list's order, then those with capacity or released declarations only."""
    return tuple(
        dict.fromkeys(
            [
                *(line.office for line in inspections.lines),
                *(use.office for use in inspections.capacity),
                *inspections.released,
            ]
        )
    )


def _lanes(inspections: InspectionList) -> Iterable[str]:
    """Lanes from the most intensive to the least: within every office the lines stand so."""
    known = list(dict.fromkeys(use.lane for use in inspections.capacity))[::-1]
    return dict.fromkeys([*known, *(line.selection.lane for line in inspections.lines)])
