"""Which fields are there, by office and month.

Enters: counts of present values. Leaves: tables, findings, fields that are absent. Never here: whether a value is right
(`basira.diagnose.data.validity`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from basira.diagnose.findings import Cell, Column, Finding, Said, Table
from basira.diagnose.statistics import share_of

# What targeting rests on. Of the others an absent value may be the truth: a preference that nobody claims.
NEEDED = (
    *("office", "procedure", "declarant_id", "importer_id", "exporter_id", "transport_mode", "dispatch_country"),
    *("commodity_code", "description", "origin_country", "quantity", "quantity_unit", "gross_mass_kg", "net_mass_kg"),
    *("invoice_currency", "incoterm", "customs_value_amount", "duty_amount", "total_tax_amount", "is_oea"),
)
# Of an office or a month: fewer items say nothing, and a share this far below that of the others is a finding.
FEWEST_ITEMS = 100
LOW_SHARE, HIGH_SHARE = 0.8, 0.95
_KEYS = ("at_office", "month")


@dataclass(frozen=True)
class Absent:
    """``fields``: needed ones of which the period has not a single value."""

    fields: tuple[str, ...]


def fields_of(counts: pl.DataFrame) -> list[str]:
    """The fields that are counted, see `judge_completeness`."""
    return [name for name in counts.columns if name not in (*_KEYS, "items")]


def filled_shares(counts: pl.DataFrame) -> dict[str, float]:
    """By field the share of items with a value, see `judge_completeness`."""
    items = int(counts["items"].sum())
    return {name: int(counts[name].sum()) / items for name in fields_of(counts)}


def judge_completeness(counts: pl.DataFrame) -> tuple[tuple[Table, ...], tuple[Finding, ...], Absent]:
    """Tables by field, and by field, office and month; findings; absent fields.

    ``counts``: one row an office and month: ``at_office`` ("" none), ``month`` (as 202304), ``items``, and for each
    field a column of its name with how many items have a value.
    """
    fields = fields_of(counts)
    total = int(counts["items"].sum())
    by_office, by_month = (counts.group_by(key).agg(pl.exclude(*_KEYS).sum()) for key in _KEYS)
    rows: list[tuple[Cell, ...]] = []
    findings: list[Finding] = []
    absent = []
    for name in fields:
        present = int(counts[name].sum())
        if present == 0:
            absent += [name] if name in NEEDED else []
            rows.append((name, 0, total, share_of(0, total), None, None, None, None))
            continue
        office, office_share = _lowest(by_office, "at_office", name)
        month, month_share = _lowest(by_month, "month", name)
        rows.append((name, present, total, share_of(present, total), office, office_share, month, month_share))
        if name in NEEDED:
            findings += _findings(name, by_office, by_month)
    rows.sort(key=lambda row: (row[0] not in NEEDED, row[1]))
    columns = (
        *(Column("field", "field"), Column("present", "count"), Column("items", "count"), Column("share", "share")),
        *(Column("lowest_office", "code"), Column("lowest_office_share", "share")),
        *(Column("lowest_month", "month"), Column("lowest_month_share", "share")),
    )
    cells = Table(
        "data.completeness.cells",
        (
            *(Column("field", "field"), Column("office", "code"), Column("month", "month")),
            *(Column("present", "count"), Column("items", "count"), Column("share", "share")),
        ),
        tuple(_cells(counts, fields)),
        shown=0,
    )
    return (Table("data.completeness", columns, tuple(rows), shown=24), cells), tuple(findings), Absent(tuple(absent))


def _lowest(frame: pl.DataFrame, key: str, name: str) -> tuple[str | int | None, float | None]:
    """Where the share is lowest, of those with enough items."""
    enough = frame.filter(pl.col("items") >= FEWEST_ITEMS)
    if enough.is_empty():
        return None, None
    shares = enough.select(key, (pl.col(name) / pl.col("items")).alias("share")).sort("share", key)
    return shares[key][0], float(shares["share"][0])


def _findings(name: str, by_office: pl.DataFrame, by_month: pl.DataFrame) -> Iterator[Finding]:
    for key, frame in (("at_office", by_office), ("month", by_month)):
        present, items = int(frame[name].sum()), int(frame["items"].sum())
        for where, own, size in frame.sort(key).select(key, name, "items").iter_rows():
            others = items - size
            if size < FEWEST_ITEMS or others < FEWEST_ITEMS:
                continue
            share = own / size
            if share < LOW_SHARE and (present - own) / others > HIGH_SHARE:
                values = {
                    "field": Said(name, "field"),
                    "where": Said(where, "month" if key == "month" else "code"),
                    "share": Said(share, "share"),
                    "others": Said((present - own) / others, "share"),
                    "items": Said(size, "count"),
                }
                yield Finding(f"incomplete_{key.removeprefix('at_')}", "medium", "data.completeness.cells", values)
    present, items = int(by_office[name].sum()), int(by_office["items"].sum())
    if present / items < LOW_SHARE:
        values = {"field": Said(name, "field"), "share": Said(present / items, "share"), "items": Said(items, "count")}
        yield Finding("incomplete_field", "medium", "data.completeness", values)


def _cells(counts: pl.DataFrame, fields: list[str]) -> Iterator[tuple[Cell, ...]]:
    ordered = counts.sort(*_KEYS)
    for name in fields:
        for office, month, present, items in ordered.select(*_KEYS, name, "items").iter_rows():
            if present < items:
                yield name, office, month, present, items, present / items
