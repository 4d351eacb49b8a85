"""Assessing declarations: scores, reasons, references and candidates for selection.

Enters: a connection with the history, the items wanted, `as_of`, a model. Leaves: per item what the
model says, per declaration a candidate. Never here: lanes, the record, the clock.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, overload

import numpy as np
import polars as pl

from basira.decisions.candidate import ItemFeatures, make_candidate
from basira.engines.engine import Engine
from basira.explain.reasons import EVIDENCE, explain_items
from basira.features.batch.comparables import find_comparables
from basira.features.batch.compute import compute_features
from basira.features.catalog.catalog import EXPECTED_PRICES, REASONS
from basira.models.risk.risk_model import RiskModel
from basira.schema.records import Candidate, Figure, ItemAssessment, ItemRow
from basira.schema.stake import StakeScale
from basira.storage.engine import fetch_frame
from basira.workflows.engine import Progress, silent
from basira.workflows.targeting.score import KEY

# Declared values that reasons quote, lists show and policies match.
_HEADER = (
    "declared_at",
    "declared_day",
    "office",
    "procedure",
    "declarant_id",
    "importer_id",
    "exporter_id",
    "transport_mode",
    "dispatch_country",
    "is_oea",
)
_ITEM = (
    "commodity_code",
    "description",
    "origin_country",
    "preference",
    "quantity",
    "quantity_unit",
    "gross_mass_kg",
    "net_mass_kg",
    "customs_value_amount",
    "value_currency",
    "duty_rate",
    "total_tax_amount",
    "declared_value_amount",
    "declared_currency",
    "conversion_rate",
    "conversion_rate_on",
)


class _Columns:
    """A frame of features by column, each turned into Python numbers once, when it is first asked for."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self.names = tuple(name for name in frame.columns if name not in KEY)
        self._frame, self._known = frame, dict[str, Sequence[Figure]]()

    def column(self, name: str) -> Sequence[Figure]:
        if name not in self._known:
            if name not in self.names:
                raise KeyError(name)
            self._known[name] = self._frame[name].to_list()
        return self._known[name]


class _Declared(Sequence[ItemRow]):
    """All declared values of some items; turned into Python values when they are asked for."""

    def __init__(self, frame: pl.DataFrame, positions: Sequence[int]) -> None:
        self._frame, self._positions = frame, positions

    def __len__(self) -> int:
        return len(self._positions)

    @overload
    def __getitem__(self, number: int) -> ItemRow: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[ItemRow]: ...
    def __getitem__(self, number: int | slice) -> ItemRow | Sequence[ItemRow]:
        if isinstance(number, slice):
            return _Declared(self._frame, self._positions[number])
        return self._frame.row(self._positions[number], named=True)


@dataclass(frozen=True)
class Assessed:
    """Everything assessed in one go. ``declared``: all that was declared of each item; ``rows``: per item its number
    and what reasons quote and lists show, in the same order.

    ``of``: declaration id to the positions of its items, in order. ``features``: as computed, same order.
    ``stake_scale``: of the model.
    """

    features: pl.DataFrame
    declared: pl.DataFrame
    rows: list[dict[str, Any]]
    assessments: list[ItemAssessment]
    of: Mapping[str, list[int]]
    digests: Mapping[str, str]
    stake_scale: StakeScale | None = None

    def candidates(self) -> list[Candidate]:
        """All declarations as selection sees them, in order of their ids."""
        table = _Columns(self.features)
        return [
            make_candidate(
                [self.rows[p] for p in positions],
                [self.assessments[p] for p in positions],
                items=_Declared(self.declared, positions),
                features=ItemFeatures(table, positions),
                stake_scale=self.stake_scale,
            )
            for positions in self.of.values()
        ]


def assess(
    con: Engine,
    wanted: str,
    *,
    as_of_day: int,
    model: RiskModel,
    is_catalog_digested: bool = False,
    has_expected: bool = True,
    progress: Progress = silent,
) -> Assessed:
    """Features, scores and declared values of the items in the relation ``wanted``; no reasons yet.

    ``is_catalog_digested``: digests are of the whole catalog as it once was, not of what the model reads.
    ``has_expected``: with expected prices, which reasons and rules read; a model that reads them has them anyway.
    """
    compute_features(
        con,
        wanted,
        as_of_day=as_of_day,
        into="assessed",
        has_expected=has_expected or not EXPECTED_PRICES.isdisjoint(model.encoding.names),
        progress=progress,
    )
    order = ", ".join(KEY)
    features = fetch_frame(con, f"select * from assessed order by {order}")
    # The days first: so a history of years is not read through in all its columns.
    days = fetch_frame(
        con, f"select min(declared_day), max(declared_day) from items semi join assessed using ({order})"
    )
    first, last = days.row(0)
    declared = fetch_frame(
        con,
        f"select * from items semi join assessed using ({order}) where declared_day between $first and $last "
        f"order by {order}",
        {"first": first, "last": last},
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
    rows = declared.select(*KEY, *_HEADER, *_ITEM).rows(named=True)
    of: dict[str, list[int]] = {}
    for i, row in enumerate(rows):
        of.setdefault(row["declaration_id"], []).append(i)
    return Assessed(
        features,
        declared,
        rows,
        assessments,
        of,
        _digests(_digested(features, model, is_catalog_digested=is_catalog_digested), of),
        model.stake_scale,
    )


def with_reasons(
    con: Engine,
    assessed: Assessed,
    declarations: Sequence[str],
    *,
    model: RiskModel,
    as_of_day: int,
    version: int = EVIDENCE,
) -> Assessed:
    """The same, with reasons, verifications and references for the items of ``declarations``.

    ``version``: of the evidence, see `explain_items`.
    """
    positions = [p for declaration_id in declarations for p in assessed.of[declaration_id]]
    if not positions:
        return assessed
    features = assessed.features[positions]
    rows = [own | assessed.rows[p] for own, p in zip(features.rows(named=True), positions, strict=True)]
    before = min(min(int(row["declared_day"]) for row in rows), as_of_day + 1)
    asked = {(row["commodity_code"], origin) for row in rows for origin in (row["origin_country"], None)}
    evidence = explain_items(
        model.less_usual(model.contributions(features)),
        model.encoding.names,
        REASONS.with_categories(model.encoding.categories),
        rows,
        kinds=[assessed.assessments[p].kind_probabilities for p in positions],
        comparables=find_comparables(con, asked, before_day=before),
        version=version,
    )
    assessments = list(assessed.assessments)
    for p, found in zip(positions, evidence, strict=True):
        assessments[p] = replace(
            assessments[p], reasons=found.reasons, verify=found.verify, references=found.references
        )
    return replace(assessed, assessments=assessments)


# Came into the catalog after the last version whose runs digested all of it.
_CAME_LATER = frozenset({
    "usual_price", "price_gap", "importer_price_habit", "importer_low_price_rate", "importer_price_gap",
    "declarant_price_habit", "declarant_low_price_rate", "declarant_price_gap", "exporter_price_habit",
    "exporter_low_price_rate", "exporter_price_gap", "importer_exporter_price_habit",
    "importer_exporter_low_price_rate", "importer_exporter_price_gap", "preference_vs_importer",
    "preference_vs_exporter", "preference_vs_code_origin", "usual_duty_vs_chapter", "usual_duty_vs_heading",
    "usual_duty_vs_importer", "duty_vs_usual", "code_share_of_importer", "lower_price_ratio", "kg_per_unit_distance",
    *(
        f"expected_{measure}{ending}"
        for measure in ("value_per_kg", "value_per_unit")
        for ending in ("", "_deviation", "_code_count", "_origin_count", "_supplier_count")
    ),
    "value_per_kg_vs_expected", "value_per_kg_expected_z", "value_per_unit_vs_expected", "value_per_unit_expected_z",
    *(f"{e}_{n}" for e in ("importer", "declarant", "exporter", "importer_exporter") for n in ("prices", "low_prices")),
    *(f"{e}_usual_duty" for e in ("chapter", "heading", "code", "importer")),
})  # fmt: skip


def _digested(features: pl.DataFrame, model: RiskModel, *, is_catalog_digested: bool) -> pl.DataFrame:
    """Numbers of the items, and the features on which their scores rest: a later catalog changes nothing of them."""
    if is_catalog_digested:
        return features.drop(_CAME_LATER & set(features.columns))
    return features.select(*KEY, *(name for name in model.encoding.names if name not in KEY))


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
