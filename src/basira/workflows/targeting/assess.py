"""Assessing declarations: scores, reasons, references and candidates for selection.

Enters: a connection with the history, the items wanted, `as_of`, a model. Leaves: per item what the
model says, per declaration a candidate. Never here: lanes, the record, the clock.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb
import numpy as np
import polars as pl

from basira.explain.reasons import explain_items, family_of
from basira.features.batch.comparables import find_comparables
from basira.features.batch.compute import compute_features
from basira.features.catalog.catalog import CATALOG
from basira.models.risk.risk_model import RiskModel
from basira.schema.records import Candidate, ItemAssessment
from basira.storage.engine import fetch_frame
from basira.workflows.targeting.score import KEY, ONLY_OFFICE
from basira.workflows.train import Progress, silent

# Declared values that reasons quote, lists show and policies match.
_HEADER = (
    "declared_at", "declared_day", "office", "procedure", "declarant_id", "importer_id", "exporter_id",
    "transport_mode",
    "dispatch_country", "is_oea",
)  # fmt: skip
_ITEM = (
    "commodity_code", "description", "origin_country", "preference", "quantity", "quantity_unit", "gross_mass_kg",
    "net_mass_kg", "customs_value_amount", "value_currency", "duty_rate", "total_tax_amount",
)  # fmt: skip
# What policies may match. Item values go one an item, in item order, so that a code and an origin meet on one item.
_MATCHED_ITEM = ("commodity_code", "origin_country")
_MATCHED_HEADER = ("dispatch_country", "importer_id", "exporter_id", "declarant_id", "procedure", "transport_mode")


@dataclass(frozen=True)
class Assessed:
    """Everything assessed in one go. ``rows``: per item its number and declared values.

    ``of``: declaration id to the positions of its items, in order. ``features``: as computed, same order.
    """

    features: pl.DataFrame
    rows: list[dict[str, Any]]
    assessments: list[ItemAssessment]
    of: Mapping[str, list[int]]
    digests: Mapping[str, str]

    def candidate(self, declaration_id: str) -> Candidate:
        """The declaration as selection sees it: at least one item irregular, revenue summed over items."""
        positions = self.of[declaration_id]
        return candidate_of([self.rows[p] for p in positions], [self.assessments[p] for p in positions])

    def candidates(self) -> list[Candidate]:
        """All declarations, in order of their ids."""
        return [self.candidate(declaration_id) for declaration_id in self.of]


def candidate_of(rows: Sequence[Mapping[str, Any]], assessments: Sequence[ItemAssessment]) -> Candidate:
    """The declaration of these item rows, with their assessments in the same order."""
    first = rows[0]
    none_irregular = 1.0
    for one in assessments:
        none_irregular *= 1.0 - one.fraud_probability
    return Candidate(
        declaration_id=first["declaration_id"],
        declaration_version=int(first["declaration_version"]),
        office=first["office"] or ONLY_OFFICE,
        fraud_probability=1.0 - none_irregular,
        expected_revenue=float(sum(one.expected_revenue for one in assessments)),
        is_oea=bool(first["is_oea"]),
        attributes={name: tuple(row[name] or "" for row in rows) for name in _MATCHED_ITEM}
        | {name: (first[name],) for name in _MATCHED_HEADER if first[name] is not None},
    )


def assess(
    con: duckdb.DuckDBPyConnection, wanted: str, *, as_of_day: int, model: RiskModel, progress: Progress = silent
) -> Assessed:
    """Features, scores and declared values of the items in the relation ``wanted``; no reasons yet."""
    compute_features(con, wanted, as_of_day=as_of_day, into="assessed", progress=progress)
    order = ", ".join(KEY)
    features = fetch_frame(con, f"select * from assessed order by {order}")
    declared = fetch_frame(
        con,
        f"select {', '.join((*KEY, *_HEADER, *_ITEM))} from items semi join assessed using ({order}) order by {order}",
    )
    con.execute("drop table assessed")
    predictions = model.predict(features)
    kinds = sorted(predictions.kind_probabilities)
    assessments = [
        ItemAssessment(
            item_number=int(number),
            fraud_probability=float(predictions.fraud_probability[i]),
            revenue_if_fraud=float(predictions.revenue_if_fraud[i]),
            expected_revenue=float(predictions.expected_revenue[i]),
            kind_probabilities={k: float(predictions.kind_probabilities[k][i]) for k in kinds},
        )
        for i, number in enumerate(features["item_number"])
    ]
    # Declared values alone: the features of every item as Python numbers would be most of the time and memory.
    rows = declared.rows(named=True)
    of: dict[str, list[int]] = {}
    for i, row in enumerate(rows):
        of.setdefault(row["declaration_id"], []).append(i)
    return Assessed(features, rows, assessments, of, _digests(features, of))


def with_reasons(
    con: duckdb.DuckDBPyConnection, assessed: Assessed, declarations: Sequence[str], *, model: RiskModel, as_of_day: int
) -> Assessed:
    """The same, with reasons, verifications and references for the items of ``declarations``."""
    positions = [p for declaration_id in declarations for p in assessed.of[declaration_id]]
    if not positions:
        return assessed
    features = assessed.features[positions]
    rows = [own | assessed.rows[p] for own, p in zip(features.rows(named=True), positions, strict=True)]
    families = {f.name: family_of(f.name, f.reason, f.entity) for f in CATALOG}
    families |= {name: name for name in model.encoding.categories}
    before = min(min(int(row["declared_day"]) for row in rows), as_of_day + 1)
    asked = {
        (row["commodity_code"], row["origin_country"] if row["value_per_kg_reference_level"] == 0 else None)
        for row in rows
    } | {(row["commodity_code"], None) for row in rows if row["value_per_unit_reference_level"] is not None}
    evidence = explain_items(
        model.contributions(features),
        model.encoding.names,
        families,
        rows,
        kinds=[assessed.assessments[p].kind_probabilities for p in positions],
        comparables=find_comparables(con, asked, before_day=before),
    )
    assessments = list(assessed.assessments)
    for p, found in zip(positions, evidence, strict=True):
        assessments[p] = replace(
            assessments[p], reasons=found.reasons, verify=found.verify, references=found.references
        )
    return replace(assessed, assessments=assessments)


def _digests(features: pl.DataFrame, of: Mapping[str, list[int]]) -> dict[str, str]:
    """Per declaration the SHA-256 of its items' features: the inputs on which its decision rests."""
    texts = [c for c in features.columns if features.schema[c] == pl.String]
    numbers = features.drop(texts).cast(pl.Float64).to_numpy()
    # NaN and null are one thing to the trees; one bit pattern for both keeps the digest the same.
    numbers = np.ascontiguousarray(np.where(np.isnan(numbers), np.nan, numbers))
    words = features.select(pl.concat_str([pl.col(c).fill_null("\0") for c in texts], separator="\x1f"))
    lines = words.to_series().to_list()
    found = {}
    for declaration_id, positions in of.items():
        digest = hashlib.sha256()
        for p in positions:
            digest.update(numbers[p].tobytes())
            digest.update(lines[p].encode())
        found[declaration_id] = digest.hexdigest()
    return found
