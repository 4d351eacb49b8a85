"""The declarations of a test, made of its items, as the policy would have ranked them.

Enters: the tested items with their truth, what the model says of each, an order. Leaves: `DeclarationOutcomes`. Never
here: a figure of the comparison (`basira.evaluate.circuits`).
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from basira.evaluate.circuits import DeclarationOutcomes
from basira.models.risk.risk_model import Predictions
from basira.schema.stake import StakeScale, balanced_values
from basira.selection.policy.model import Objective


def tested_declarations(
    test: pl.DataFrame,
    predicted: Predictions,
    objective: Objective,
    scale: StakeScale | None,
    *,
    revenue: NDArray[np.float64] | None,
) -> DeclarationOutcomes:
    """One entry a declaration: irregular when an item is, its revenue and expected revenue those of its items.

    ``test``: the items, with ``was_inspected``, ``is_irregular`` and ``inspection_lane``; ``predicted`` and ``revenue``
    (amounts, None where none is recorded) in its order. A blend of both orders is taken as expected revenue.
    """
    items = test.select(
        "declaration_id", "office", "declared_day", "was_inspected", "is_irregular", "inspection_lane"
    ).with_columns(
        none_irregular=1.0 - pl.Series(predicted.fraud_probability),
        expected=pl.Series(predicted.expected_revenue),
        revenue=pl.lit(0.0) if revenue is None else pl.Series(revenue),
    )
    rows = items.group_by("declaration_id", maintain_order=True).agg(
        pl.concat_str(pl.col("office").first().fill_null(""), pl.col("declared_day").first(), separator="|").alias(
            "queue"
        ),
        pl.col("was_inspected").any(),
        pl.col("is_irregular").cast(pl.Boolean).any(),
        pl.col("inspection_lane").drop_nulls().first(),
        (1.0 - pl.col("none_irregular").product()).alias("probability"),
        pl.col("expected").sum(),
        pl.col("revenue").sum(),
    )
    probability, expected = rows["probability"].to_numpy(), rows["expected"].to_numpy()
    if objective.order == "balanced":
        value = np.array(balanced_values(probability, expected, scale, exponent=objective.stake_exponent))
    else:
        value = probability if objective.order == "findings" else expected
    return DeclarationOutcomes(
        queue=rows["queue"].to_list(),
        is_inspected=rows["was_inspected"].fill_null(False).to_numpy(),
        lane=rows["inspection_lane"].to_list(),
        is_irregular=rows["is_irregular"].fill_null(False).to_numpy(),
        revenue=None if revenue is None else rows["revenue"].to_numpy(),
        value=value,
    )
