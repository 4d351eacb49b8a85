"""What the history allows: which families of figures its fields and its length support.

Enters: which fields are filled, what the period holds. Leaves: a table, findings. Never here: a model.
"""

from __future__ import annotations

from dataclasses import dataclass

from basira.diagnose.findings import Cell, Column, Finding, Said, Table
from basira.diagnose.statistics import share_of

# By family of features what its figures are made of. A family is there when every field is filled often enough.
FAMILIES: dict[str, tuple[str, ...]] = {
    "price_per_kg": ("commodity_code", "customs_value_amount", "net_mass_kg"),
    "price_per_unit": ("commodity_code", "customs_value_amount", "quantity", "quantity_unit"),
    "price_by_origin": ("commodity_code", "customs_value_amount", "net_mass_kg", "origin_country"),
    "price_by_supplier": ("commodity_code", "customs_value_amount", "net_mass_kg", "exporter_id"),
    "importer_record": ("importer_id",),
    "declarant_record": ("declarant_id",),
    "office_record": ("office",),
    "mass_per_package": ("gross_mass_kg", "package_count"),
    "route": ("origin_country", "dispatch_country"),
    "taxes": ("duty_amount", "total_tax_amount"),
    "programme": ("is_oea",),
}
ENOUGH = 0.5
# Fewer findings than this, and nothing is learned from them.
FEWEST_FINDINGS = 200
FEWEST_MONTHS = 12


@dataclass(frozen=True)
class Held:
    """Of the period: ``months``, ``results`` (declarations with a known one), ``findings``, ``importers``, and how many
    of these declared at least five times."""

    months: int
    results: int
    findings: int
    importers: int
    known_importers: int


def judge_history(filled: dict[str, float], held: Held) -> tuple[tuple[Table, ...], tuple[Finding, ...]]:
    """Tables of families and of what is held; findings. ``filled``: by field the share of items with a value."""
    rows: list[tuple[Cell, ...]] = []
    for family, fields in FAMILIES.items():
        lowest = min(fields, key=lambda name: filled.get(name, 0.0))
        share = filled.get(lowest, 0.0)
        rows.append((f"family.{family}", ", ".join(fields), lowest, share, "yes" if share >= ENOUGH else "no"))
    columns = (
        *(Column("family", "word"), Column("fields", "fields"), Column("weakest_field", "field")),
        *(Column("filled", "share"), Column("possible", "word")),
    )
    facts: list[tuple[Cell, ...]] = [
        ("held.months", held.months, None),
        ("held.results", held.results, None),
        ("held.findings", held.findings, share_of(held.findings, held.results)),
        ("held.importers", held.importers, None),
        ("held.known_importers", held.known_importers, share_of(held.known_importers, held.importers)),
    ]
    findings = []
    if held.findings < FEWEST_FINDINGS:
        values = {"findings": Said(held.findings, "count"), "needed": Said(FEWEST_FINDINGS, "count")}
        findings.append(Finding("few_findings", "medium", "data.held", values))
    if held.months < FEWEST_MONTHS:
        values = {"months": Said(held.months, "count"), "needed": Said(FEWEST_MONTHS, "count")}
        findings.append(Finding("short_history", "low", "data.held", values))
    held_columns = (Column("held", "word"), Column("number", "count"), Column("share", "share"))
    return (Table("data.families", columns, tuple(rows)), Table("data.held", held_columns, tuple(facts))), tuple(
        findings
    )
