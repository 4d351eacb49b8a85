"""Does a mapping fit a file? Asked before the first row is read.

Enters: a source's columns and a mapping. Leaves: nothing, or a MappingError with the closest guesses.
Never here: a row.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from basira.ingest.mapping.model import ITEM_SIDE, OUTCOME_SIDE, Mapping
from basira.ingest.readers.source import Source
from basira.schema.errors import MappingError, Phrase, join_phrases

# Without these an open source (JSON lines, XML), whose optional columns may come late, is the wrong file.
_ALWAYS = ("declaration_id", "declared_at", "commodity_code", "known_at")


def mapped_columns(mapping: Mapping) -> dict[str, str]:
    """Source column to the place in the mapping that names it."""
    named: dict[str, str] = {}
    for section in ("fields", "outcome"):
        for name, column in getattr(mapping, section).items():
            for source_column in column.names:
                named.setdefault(source_column, f"[{section}] {name}")
    if mapping.kinds is not None:
        named.setdefault(mapping.kinds.column, "[outcome] kinds")
    for name, source_column in mapping.extra.items():
        named.setdefault(source_column, f"[extra] {name}")
    return named


def missing_columns(source: Source, mapping: Mapping) -> dict[str, str]:
    """Columns that the mapping names and the source does not have, with their place in the mapping."""
    present = set(source.columns)
    missing = {name: place for name, place in mapped_columns(mapping).items() if name not in present}
    if mapping.source.absent_columns == "empty":
        required = {name for name, field in {**ITEM_SIDE, **OUTCOME_SIDE}.items() if field.required}
        missing = {name: place for name, place in missing.items() if place.split()[-1] in required}
    if source.is_open:
        missing = {name: place for name, place in missing.items() if place.split()[-1] in _ALWAYS}
        for section in (mapping.fields, mapping.outcome):
            for field, column in section.items():
                if field in _ALWAYS and any(name in present for name in column.names):
                    missing = {name: place for name, place in missing.items() if place.split()[-1] != field}
    return missing


def without_absent(mapping: Mapping, columns: Iterable[str]) -> Mapping:
    """The mapping without the fields whose column the source lacks, where the mapping allows it to."""
    if mapping.source.absent_columns == "error":
        return mapping
    present = set(columns)
    return mapping.model_copy(
        update={
            section: {
                name: column for name, column in getattr(mapping, section).items() if present.intersection(column.names)
            }
            for section in ("fields", "outcome")
        }
    )


def require_decided(mapping: Mapping) -> None:
    """Raise MappingError when the mapping holds open doubts (`[doubts]`): two readings fit, and none is chosen."""
    if not mapping.doubts:
        return
    listed = " ".join(f"{subject}: {text}" for subject, text in mapping.doubts.items())
    raise MappingError(
        "Expected a mapping without open doubts, {mapping!r} has {count}. {listed}",
        hint="Decide each: write the option that is right beside the field (the mapping names the choices), then "
        "remove its line from [doubts].",
        mapping=mapping.name,
        count=len(mapping.doubts),
        listed=listed,
    )


def check_columns(source: Source, mapping: Mapping) -> None:
    """Raise MappingError when the mapping names columns that the source does not have, or when other sheets of the
    workbook could be the table too and it names none."""
    if source.alike and not mapping.source.sheet:
        raise MappingError(
            "Expected one sheet with this header in {file}, found more: {sheet!r}, {alike}.",
            hint='Say in [source] of the mapping, or with --sheet, which is read: its name, or sheet = "*" for all.',
            file=source.path.name,
            sheet=source.sheet,
            alike=", ".join(map(repr, source.alike)),
        )
    missing = missing_columns(source, mapping)
    if not missing:
        return
    lines = []
    for name, place in missing.items():
        near = difflib.get_close_matches(name, source.columns, n=2, cutoff=0.5)
        closest = ", ".join(map(repr, near))
        lines.append(
            Phrase("{column!r} (for {field}; closest: {closest})", column=name, field=place, closest=closest)
            if near
            else Phrase("{column!r} (for {field})", column=name, field=place)
        )
    hint = Phrase("Correct the mapping, or make one for this file with 'basira mapping suggest'.")
    if len(source.columns) == 1:
        hint = Phrase("The file has one column only: is the separator in [source] the right one? {advice}", advice=hint)
    raise MappingError(
        "The mapping {mapping!r} does not fit {file}: missing column(s) {lines}. The file has: {columns}.",
        hint=hint,
        mapping=mapping.name,
        file=source.path.name,
        lines=join_phrases(lines, ", "),
        columns=", ".join(map(repr, source.columns[:60])),
    )
