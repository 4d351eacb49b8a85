"""Rules suggested from results, and the fewest of the live ones that keep their findings.

Enters: a store, a period, what may be known, the probabilities of inspection that decisions recorded. Leaves: drafts
that say they were made by machine; which live rules the findings rest on. Never here: a rule on record, or retired.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from basira.rules import model
from basira.rules.bulk import DECLARATION, HIT
from basira.rules.lists.dated import DatedLists
from basira.rules.model import Condition, Effect, Rule
from basira.rules.names import Vocabulary
from basira.rules.prune import Pruned, expect_findings, prune
from basira.rules.suggest import Results, Suggestion
from basira.schema.errors import UsageError
from basira.workflows.rules.dated import judge_period
from basira.workflows.rules.period import Period

# A suggestion may read these: declared values, and features that an analyst knows.
READ: tuple[str, ...] = (
    "office",
    "procedure",
    "transport_mode",
    "dispatch_country",
    "commodity_code",
    "origin_country",
    "preference",
    "customs_value_amount",
    "net_mass_kg",
    "package_count",
    "duty_rate",
    "importer_hit_rate_365d",
    "exporter_hit_rate_365d",
    "declarant_hit_rate_365d",
    "value_per_kg_vs_reference",
)
TAG = "machine-made"
# A result inspected with a smaller probability weighs no more: one of them would decide alone.
_LEAST_PROBABILITY = 0.02
_FIRST_PART = 0.7
_FEWEST = 200


def conditions_to_read(vocabulary: Vocabulary) -> list[Condition]:
    """Conditions that make `backtest.read_period` read what a suggestion may."""
    return [model.AnyItem(model.IsMissing(name)) for name in READ if name in vocabulary.names]


def split_results(period: Period, probabilities: Mapping[str, float]) -> tuple[Results, Results]:
    """The inspected declarations of a period in the order of their days: the first seven tenths, and those after.

    ``probabilities``: of inspection by declaration; where none is recorded the weight is 1. Raises UsageError with
    fewer than 200 results.
    """
    numbered = period.declarations.with_row_index("number")
    known = numbered.filter(pl.col("is_irregular").is_not_null()).sort("day", "declaration_id")
    if known.height < _FEWEST:
        raise UsageError(
            f"Expected {_FEWEST} results or more in the period, found {known.height}.", hint="Choose a longer period."
        )
    # No day is in both parts.
    day = known["day"][int(known.height * _FIRST_PART)]
    first, later = known.filter(pl.col("day") < day), known.filter(pl.col("day") >= day)
    return _results(period, first, probabilities), _results(period, later, probabilities)


def _results(period: Period, part: pl.DataFrame, probabilities: Mapping[str, float]) -> Results:
    place = pl.DataFrame({DECLARATION: part["number"], "new": range(part.height)}).with_columns(
        pl.col(DECLARATION).cast(period.items.schema[DECLARATION])
    )
    items = period.items.join(place, on=DECLARATION).sort("new", maintain_order=True)
    weights = [1.0 / max(_LEAST_PROBABILITY, probabilities.get(name, 1.0)) for name in part["declaration_id"]]
    return Results(items.drop(DECLARATION).rename({"new": DECLARATION}), part["is_irregular"].to_list(), weights)


def draft_of(one: Suggestion, number: int, *, lane: str, starts_on: date, days: int) -> Rule:
    """A suggestion as a rule to draft: its identifier, reason and tag say that a machine made it."""
    learned, later = one.learned, one.later
    return Rule(
        rule_id=f"machine-{starts_on:%Y%m%d}-{number:02d}",
        title=f"Machine-made suggestion {number}",
        condition=one.condition,
        effect=Effect(lane=lane, tag=TAG),
        starts_on=starts_on,
        expires_on=starts_on + timedelta(days=days - 1),
        reason=(
            f"Made by machine. Learned: {learned.findings} findings of {learned.hits} inspected hits, rate "
            f"{learned.rate:.3f} against {learned.usual:.3f} of all. Later: {later.findings} of {later.hits}, "
            f"{later.rate:.3f} (from {later.low:.3f}) against {later.usual:.3f}."
        ),
    )


@dataclass(frozen=True)
class PrunedRules:
    """``kept``: identifiers of the rules that the findings rest on; ``others``: of the rest. ``figures``: of the
    expected findings of all hits; ``past_share``: of the findings that were made, weighted, what the kept ones hit."""

    kept: tuple[str, ...]
    others: tuple[str, ...]
    figures: Pruned
    past_share: float


def prune_rules(
    rules: list[Rule],
    period: Period,
    vocabulary: Vocabulary,
    lists: DatedLists,
    probabilities: Mapping[str, float],
    *,
    keep: float,
) -> PrunedRules:
    """The fewest rules that keep a share of the findings to expect of their hits in a period (`rules.prune`), by its
    results, weighted as `split_results` does.

    A mandatory rule is always kept, and is not counted: it does not stand for what it finds. Raises UsageError without
    rules that are not mandatory.
    """
    asked = [one for one in rules if not one.effect.is_mandatory]
    if not asked:
        raise UsageError("Expected rules that are not mandatory, found none.", hint="`basira rules list` shows them.")
    days = period.declarations["day"]
    judged = judge_period(period.items, days, [one.condition for one in asked], vocabulary, lists)
    offices = period.declarations["office"]
    hits = np.column_stack(
        [
            ((judged[str(n)] == HIT) & (offices.is_in(one.offices) if one.offices else True)).to_numpy()
            for n, one in enumerate(asked)
        ]
    )
    results = period.declarations["is_irregular"].to_list()
    weights = [
        1.0 / max(_LEAST_PROBABILITY, probabilities.get(name, 1.0)) for name in period.declarations["declaration_id"]
    ]
    figures = prune(hits, expect_findings(hits, results, weights).tolist(), keep=keep)
    kept = tuple(asked[position].rule_id for position in figures.kept)
    worth = np.where([bool(one) for one in results], weights, 0.0) * hits.any(axis=1)
    stays = hits[:, list(figures.kept)].any(axis=1)
    past = float(worth[stays].sum() / worth.sum()) if worth.any() else 1.0
    return PrunedRules(kept, tuple(one.rule_id for one in asked if one.rule_id not in kept), figures, past)
