"""Which rows of the test period form a slice: all, seen and novel pairs, new importers, new codes, offices.

Enters: the items a model learned from and the items it is tested on. Leaves: one mask per slice, in
the test's row order. Never here: labels, scores.

Data that repeats itself flatters a memory. "seen_pair" (the same commodity code and net mass were in
the training items) and "novel_pair" are always told apart, so that the first never stands for the second.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
PAIR = ("commodity_code", "net_mass_kg")

# Smaller slices say nothing: with 200 rows the interval of a precision at 10 % is wider than .3.
_OFFICE_ROWS = 500
_OFFICES = 8


def build_slices(train: pl.DataFrame, test: pl.DataFrame, *, offices: int = _OFFICES) -> dict[str, Bools]:
    """Masks by slice name, each of shape (test rows,).

    "all"; "seen_pair", "novel_pair" (a null net mass is never a seen pair); "known_importer",
    "new_importer"; "known_code", "new_code"; "office:<code>" for at most ``offices`` offices of 500 test
    rows or more, the largest first. A slice whose columns are absent, or that would be empty, is left
    out, except the pair slices, which are there whenever the net mass is a column.
    ``train``: every item whose label the model could learn, whatever its label.
    """
    slices: dict[str, Bools] = {"all": np.ones(len(test), dtype=bool)}
    for seen, novel, names in (
        ("seen_pair", "novel_pair", PAIR),
        ("known_importer", "new_importer", ("importer_id",)),
        ("known_code", "new_code", ("commodity_code",)),
    ):
        if set(names) <= set(train.columns) & set(test.columns):
            mask = occurs_in(train, test, names)
            if names == PAIR or (mask.any() and not mask.all()):
                slices[seen], slices[novel] = mask, ~mask
    if "office" in test.columns:
        counts = test["office"].drop_nulls().value_counts(sort=True).filter(pl.col("count") >= _OFFICE_ROWS)
        largest = counts.sort("count", "office", descending=[True, False])["office"].head(offices)
        for office in largest if len(largest) > 1 else ():
            slices[f"office:{office}"] = (test["office"] == office).fill_null(False).to_numpy()
    return slices


def occurs_in(train: pl.DataFrame, test: pl.DataFrame, names: Sequence[str]) -> Bools:
    """Whether each test row's values of ``names`` occur together in a training row; a null never does.

    >>> train = pl.DataFrame({"commodity_code": ["851713"], "net_mass_kg": [12.5]})
    >>> test = pl.DataFrame({"commodity_code": ["851713", "851713"], "net_mass_kg": [12.5, 13.0]})
    >>> occurs_in(train, test, ("commodity_code", "net_mass_kg")).tolist()
    [True, False]
    """
    keys = list(names)
    known = train.select(keys).drop_nulls().unique().with_columns(_seen=pl.lit(True))
    found = test.select(keys).join(known, on=keys, how="left", maintain_order="left")["_seen"]
    return found.fill_null(False).to_numpy().astype(bool)
