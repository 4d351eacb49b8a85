"""One result, completed and checked.

Enters: rows of the outcome side. Leaves: the same rows with what follows from them, and the rows that
contradict themselves. Never here: another row, the store.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from basira.schema.codes import IRREGULARITY_KINDS

KIND_COLUMNS = tuple(f"is_irregular_{kind}" for kind in IRREGULARITY_KINDS)


@dataclass(frozen=True)
class RejectedResult:
    """A rejected result: its source row, and why."""

    row: int
    field: str | None
    code: str
    value: str | None
    expected: str


def complete_results(
    outcomes: pl.DataFrame, *, declared_days: pl.Series | None = None
) -> tuple[pl.DataFrame, tuple[RejectedResult, ...]]:
    """Derive what follows from a result, and reject what contradicts itself.

    - `is_irregular` absent: true when a kind is true; false when every kind the source has is false.
      A blank kind leaves it unknown: blank is not compliant.
    - `is_inspected` absent: true when `is_irregular` is known, because a result comes from an inspection.
    - Rejected (`contradiction`): not irregular with a kind or a severity above 0; a result without
      inspection. Rejected (`known_before_declared`): known on a day before the declaration's.

    ``declared_days``: day number of each row's declaration, when the source has it. Columns that are absent
    stay absent, except the two derived ones. Returns the accepted rows, and the rejected.
    """
    if not len(outcomes):
        return outcomes, ()
    frame = outcomes
    for name in ("is_irregular", "is_inspected"):
        if name not in frame.columns:
            frame = frame.with_columns(pl.lit(None, dtype=pl.Boolean).alias(name))
    kinds = [name for name in KIND_COLUMNS if name in frame.columns]
    none: pl.Expr = pl.lit(False)
    any_kind = pl.any_horizontal(pl.col(kinds).fill_null(False)) if kinds else none
    no_kind = pl.all_horizontal(~pl.col(kinds).fill_null(True)) if kinds else none
    frame = frame.with_columns(
        pl.coalesce(
            "is_irregular",
            pl.when(any_kind).then(True).when(no_kind).then(False).otherwise(None),
        ).alias("is_irregular")
    ).with_columns(
        pl.coalesce("is_inspected", pl.when(pl.col("is_irregular").is_not_null()).then(True)).alias("is_inspected")
    )
    severe = pl.col("severity") > 0 if "severity" in frame.columns else none
    clean = ~pl.col("is_irregular")
    checks: list[tuple[str, str, str, str, pl.Expr]] = [
        (
            "is_irregular",
            "contradiction",
            "compliant",
            "no kind of irregularity on a compliant result",
            clean & any_kind,
        ),
        ("severity", "contradiction", "compliant", "severity 0 on a compliant result", clean & severe),
        (
            "is_inspected",
            "contradiction",
            "not inspected",
            "no result without an inspection",
            ~pl.col("is_inspected") & pl.col("is_irregular").is_not_null(),
        ),
    ]
    if declared_days is not None:
        late = pl.col("known_at").dt.epoch("d") < declared_days
        checks.append(("known_at", "known_before_declared", "", "a known date on or after the declaration's", late))
    rejected: dict[int, RejectedResult] = {}
    for field, code, value, expected, condition in checks:
        found = frame.filter(condition.fill_null(False))
        for row, known in zip(found["source_row"].to_list(), found["known_at"].to_list(), strict=True):
            rejected.setdefault(row, RejectedResult(row, field, code, value or str(known), expected))
    accepted = frame.filter(~pl.col("source_row").is_in(list(rejected))) if rejected else frame
    return accepted, tuple(rejected.values())
