"""An inspection list as flat rows, one per item: the same columns for CSV and for the workbook.

Enters: an `InspectionList`, a language, a reader. Leaves: columns with stable names and rows of plain values.
Never here: files, the order of the list (it comes ordered).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from basira.explain.explanation import Reader
from basira.explain.inspection_list.entries import Entry, list_entries
from basira.explain.words import say_basis, say_conversion
from basira.schema.records import InspectionList, ItemLine, Reference

Cell = str | int | float | bool | None
Kind = Literal["text", "long_text", "count", "amount", "measure", "probability", "flag", "day"]
REASON_COLUMNS = 3
VERIFY_COLUMNS = 3


@dataclass(frozen=True)
class Column:
    """``name`` is stable and English, for programs; ``message`` is its heading for people. ``is_withheld``: an
    inspector's list is without it."""

    name: str
    message: str
    kind: Kind = "text"
    is_withheld: bool = False


COLUMNS: tuple[Column, ...] = (
    Column("office", "field.office"),
    Column("number", "list.number", "count"),
    Column("lane", "list.lane"),
    Column("lane_code", "column.lane_code"),
    Column("basis", "list.basis", is_withheld=True),
    Column("why", "column.why", "long_text"),
    Column("declaration_id", "list.declaration"),
    Column("declaration_version", "field.declaration_version", "count"),
    Column("declared_at", "list.declared_at"),
    Column("importer_id", "list.importer"),
    Column("importer_name", "column.importer_name"),
    Column("declarant_id", "list.declarant"),
    Column("declarant_name", "column.declarant_name"),
    Column("exporter_id", "list.exporter"),
    Column("exporter_name", "column.exporter_name"),
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
    *(Column(f"reason_{n}", "column.reason", "long_text") for n in range(1, REASON_COLUMNS + 1)),
    *(Column(f"verify_{n}", "column.verify", "long_text") for n in range(1, VERIFY_COLUMNS + 1)),
    Column("reference_measure", "column.reference_measure"),
    Column("reference_declared", "column.reference_declared", "measure"),
    Column("reference_low", "column.reference_low", "measure"),
    Column("reference_median", "column.reference_median", "measure"),
    Column("reference_high", "column.reference_high", "measure"),
    Column("reference_count", "column.reference_count", "count"),
    Column("comparables", "list.comparables", "long_text"),
    Column("declaration_fraud_probability", "list.probability", "probability", is_withheld=True),
    Column("declaration_potential_revenue", "column.potential", "amount", is_withheld=True),
    Column("declaration_expected_revenue", "list.expected", "amount", is_withheld=True),
    Column("inclusion_probability", "list.inclusion", "probability", is_withheld=True),
    Column("fraud_probability", "column.item_probability", "probability", is_withheld=True),
    Column("revenue_if_fraud", "column.revenue_if_fraud", "amount", is_withheld=True),
    Column("expected_revenue", "column.item_expected", "amount", is_withheld=True),
    Column("model_version", "list.model", is_withheld=True),
    Column("policy", "list.policy"),
    Column("run_id", "list.run"),
    Column("is_simulated", "column.simulated", "flag"),
)


def columns_for(reader: Reader) -> tuple[Column, ...]:
    """The columns that a reader is shown."""
    return tuple(column for column in COLUMNS if reader == "unit" or not column.is_withheld)


def list_rows(
    inspections: InspectionList,
    *,
    language: str,
    reader: Reader = "unit",
    lane_names: Mapping[str, str] | None = None,
) -> list[dict[str, Cell]]:
    """One row per item of each listed declaration, in the order of `list_entries`; keys are the names of `COLUMNS`.

    ``lane_names``: the policy's word for each lane; a lane without one shows its code. What an inspector is not shown
    is None.
    """
    shown = {column.name for column in columns_for(reader)}
    return [
        {name: value if name in shown else None for name, value in row.items()}
        for entry in list_entries(inspections, language=language, reader=reader)
        for item in entry.line.items
        for row in (_row(inspections, entry, item, language, lane_names or {}),)
    ]


def _row(
    inspections: InspectionList, entry: Entry, item: ItemLine, language: str, lane_names: Mapping[str, str]
) -> dict[str, Cell]:
    line = entry.line
    found, selection = item.assessment, line.selection
    text, stakes = entry.text.of_item(found.item_number), entry.explanation.stakes
    reference = _first_reference(entry, found.item_number)
    row: dict[str, Cell] = dict.fromkeys(c.name for c in COLUMNS)
    row.update(
        office=line.office,
        number=entry.number,
        lane=lane_names.get(selection.lane, selection.lane),
        lane_code=selection.lane,
        basis=say_basis(selection.basis, language=language, ground=line.ground),
        why=entry.text.why,
        declaration_id=line.declaration_id,
        declaration_version=line.declaration_version,
        declared_at=line.declared_at,
        importer_id=line.header.get("importer_id"),
        declarant_id=line.header.get("declarant_id"),
        exporter_id=line.header.get("exporter_id"),
        **{
            f"{party}_name": inspections.operator_names.get(line.header.get(f"{party}_id") or "")
            for party in ("importer", "declarant", "exporter")
        },
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
        declaration_potential_revenue=None if stakes is None else stakes.potential,
        declaration_expected_revenue=line.expected_revenue,
        inclusion_probability=selection.inclusion_probability,
        fraud_probability=found.fraud_probability,
        revenue_if_fraud=found.revenue_if_fraud,
        expected_revenue=found.expected_revenue,
        model_version=inspections.model_version,
        policy=inspections.policy,
        run_id=inspections.run_id,
        is_simulated=inspections.is_simulated,
    )
    if text is not None:
        row.update({f"reason_{n}": one for n, one in enumerate(text.reasons[:REASON_COLUMNS], start=1)})
        row.update({f"verify_{n}": one for n, one in enumerate(text.verify[:VERIFY_COLUMNS], start=1)})
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


def _first_reference(entry: Entry, number: int) -> Reference | None:
    """The reference that stands beside a verification of the item, or else its first."""
    for item in entry.explanation.items:
        if item.item_number == number:
            named = [one.reference for one in item.verify if one.reference is not None]
            return next(iter([*named, *item.references]), None)
    return None
