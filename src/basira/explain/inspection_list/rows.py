"""An inspection list as flat rows, one per item: the same columns for CSV and for the workbook.

Enters: an `InspectionList`, a language. Leaves: columns with stable names and rows of plain values.
Never here: files, the order of the list (it comes ordered).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from basira.explain.words import say, say_basis, say_conversion, say_verify
from basira.schema.records import DeclarationLine, InspectionList, ItemLine, Reference

Cell = str | int | float | bool | None
Kind = Literal["text", "long_text", "count", "amount", "measure", "probability", "flag"]
REASON_COLUMNS = 5


@dataclass(frozen=True)
class Column:
    """``name`` is stable and English, for programs; ``message`` is its heading for people."""

    name: str
    message: str
    kind: Kind = "text"


COLUMNS: tuple[Column, ...] = (
    Column("office", "field.office"),
    Column("rank", "list.rank", "count"),
    Column("lane", "list.lane"),
    Column("basis", "list.basis"),
    Column("declaration_id", "list.declaration"),
    Column("declaration_version", "field.declaration_version", "count"),
    Column("declared_at", "list.declared_at"),
    Column("importer_id", "list.importer"),
    Column("declarant_id", "list.declarant"),
    Column("exporter_id", "list.exporter"),
    Column("item_number", "field.item_number", "count"),
    Column("commodity_code", "column.commodity_code"),
    Column("description", "field.description", "long_text"),
    Column("origin_country", "list.origin"),
    Column("customs_value_amount", "list.value", "amount"),
    Column("value_currency", "column.currency"),
    Column("conversion", "column.conversion", "long_text"),
    Column("net_mass_kg", "field.net_mass_kg", "measure"),
    Column("quantity", "list.quantity", "measure"),
    Column("quantity_unit", "column.unit"),
    Column("declaration_fraud_probability", "list.probability", "probability"),
    Column("declaration_expected_revenue", "list.expected", "amount"),
    Column("inclusion_probability", "list.inclusion", "probability"),
    Column("fraud_probability", "column.item_probability", "probability"),
    Column("revenue_if_fraud", "column.revenue_if_fraud", "amount"),
    Column("expected_revenue", "column.item_expected", "amount"),
    *(Column(f"reason_{n}", "column.reason", "long_text") for n in range(1, REASON_COLUMNS + 1)),
    Column("verify", "list.verify", "long_text"),
    Column("reference_measure", "column.reference_measure"),
    Column("reference_declared", "column.reference_declared", "measure"),
    Column("reference_low", "column.reference_low", "measure"),
    Column("reference_median", "column.reference_median", "measure"),
    Column("reference_high", "column.reference_high", "measure"),
    Column("reference_count", "column.reference_count", "count"),
    Column("comparables", "list.comparables", "long_text"),
    Column("model_version", "list.model"),
    Column("policy", "list.policy"),
    Column("run_id", "list.run"),
    Column("is_simulated", "column.simulated", "flag"),
)


def list_rows(
    inspections: InspectionList, *, language: str, lane_names: Mapping[str, str] | None = None
) -> list[dict[str, Cell]]:
    """One row per item of each listed declaration, in the list's order; keys are the names of `COLUMNS`.

    ``lane_names``: the policy's word for each lane; a lane without one shows its code.
    """
    return [
        _row(inspections, line, item, language, lane_names or {}) for line in inspections.lines for item in line.items
    ]


def first_reference(item: ItemLine, kind: str = "") -> Reference | None:
    """The item's first reference, or the first that serves to verify ``kind`` ("value", "quantity")."""
    fits = {"value": ("value_per_kg", "value_per_unit"), "quantity": ("kg_per_unit",)}
    for reference in item.assessment.references:
        if not kind or reference.measure in fits.get(kind, ()):
            return reference
    return None


def verify_sentences(line: DeclarationLine, item: ItemLine, *, language: str) -> list[str]:
    """What to verify on the item, with the interval of comparables where one fits."""
    return [
        say_verify(kind, language=language, currency=line.value_currency, reference=first_reference(item, kind))
        for kind in item.assessment.verify
    ]


def reason_sentences(line: DeclarationLine, item: ItemLine, *, language: str) -> list[str]:
    return [say(r, language=language, currency=line.value_currency) for r in item.assessment.reasons]


def _row(
    inspections: InspectionList, line: DeclarationLine, item: ItemLine, language: str, lane_names: Mapping[str, str]
) -> dict[str, Cell]:
    found, selection, reference = item.assessment, line.selection, first_reference(item)
    reasons = reason_sentences(line, item, language=language)
    row: dict[str, Cell] = dict.fromkeys(c.name for c in COLUMNS)
    row.update(
        office=line.office,
        rank=selection.rank,
        lane=lane_names.get(selection.lane, selection.lane),
        basis=say_basis(selection.basis, language=language, ground=line.ground),
        declaration_id=line.declaration_id,
        declaration_version=line.declaration_version,
        declared_at=line.declared_at,
        importer_id=line.header.get("importer_id"),
        declarant_id=line.header.get("declarant_id"),
        exporter_id=line.header.get("exporter_id"),
        item_number=found.item_number,
        commodity_code=item.commodity_code,
        description=item.description,
        origin_country=item.origin_country,
        customs_value_amount=item.customs_value_amount,
        value_currency=line.value_currency,
        conversion=None if item.conversion is None else say_conversion(item.conversion, language=language),
        net_mass_kg=item.net_mass_kg,
        quantity=item.quantity,
        quantity_unit=item.quantity_unit,
        declaration_fraud_probability=line.fraud_probability,
        declaration_expected_revenue=line.expected_revenue,
        inclusion_probability=selection.inclusion_probability,
        fraud_probability=found.fraud_probability,
        revenue_if_fraud=found.revenue_if_fraud,
        expected_revenue=found.expected_revenue,
        verify=" | ".join(verify_sentences(line, item, language=language)) or None,
        model_version=inspections.model_version,
        policy=inspections.policy,
        run_id=inspections.run_id,
        is_simulated=inspections.is_simulated,
    )
    row.update({f"reason_{n}": text for n, text in enumerate(reasons[:REASON_COLUMNS], start=1)})
    if reference is not None:
        row.update(
            reference_measure=reference.measure,
            reference_declared=reference.declared,
            reference_low=reference.low,
            reference_median=reference.median,
            reference_high=reference.high,
            reference_count=reference.count,
            comparables=" ".join(reference.comparables) or None,
        )
    return row
