"""What a strategy sees, and what it may answer.

Enters: the items of a period, what is known so far, the budget. Leaves: `Chosen`, checked. Never here:
a result that is not yet known, the truth, the world itself.

A strategy is a pure function of its view: the same view gives the same choice. What it did before is in
the view too, so that a run that was interrupted goes on exactly as if it had not been.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from basira.models.risk.fit import TrainingItems
from basira.schema.errors import Phrase, UsageError

Floats = NDArray[np.float64]


class Knowledge(Protocol):
    """What the administration knows on the day before the period. Each call computes; nothing is changed."""

    def labelled(self) -> pl.DataFrame:
        """Earlier items with a known result: declared columns, ``item_id``, ``known_day``, ``is_irregular`` (boolean),
        ``revenue`` (amount, 0 for regular items; what it is: the world's ``revenue_basis``)."""
        ...

    def declared(self) -> pl.DataFrame:
        """All earlier items, inspected or not: declared columns and ``item_id``."""
        ...

    def training(self) -> TrainingItems:
        """Earlier items with a known result, with Basira's features as they were when the items were declared."""
        ...

    def training_with_planted(self) -> TrainingItems:
        """The same, with frauds planted in copies of earlier items that are not known to be irregular; also without any
        result. Asked before `features`, it costs little more."""
        ...

    def features(self) -> pl.DataFrame:
        """Basira's features of the period's items, one row each, with ``item_id``."""
        ...


@dataclass(frozen=True)
class PastPeriod:
    """An earlier choice of the same run."""

    period: int
    selected: tuple[str, ...]
    notes: Mapping[str, float]


@dataclass(frozen=True)
class View:
    """What a strategy sees.

    ``period``: 0 is the first. ``first_day``: days since 1970-01-01. ``k``: how many to choose, at least 1
    and at most the number of items. ``items``: declared columns and ``item_id``, one row per item.
    """

    period: int
    first_day: int
    k: int
    seed: int
    items: pl.DataFrame
    knowledge: Knowledge
    past: tuple[PastPeriod, ...] = ()

    def rng(self, purpose: int) -> np.random.Generator:
        """A generator of this seed, period and purpose."""
        return np.random.default_rng([self.seed, self.period, purpose])

    def features(self) -> pl.DataFrame:
        """Basira's features, one row per row of ``items`` and in their order."""
        return self.items.select("item_id").join(
            self.knowledge.features(), on="item_id", how="left", maintain_order="left"
        )

    def among(self, is_left: NDArray[np.bool_], k: int) -> View:
        """The same view of some of the items, with another budget."""
        return replace(self, items=self.items.filter(pl.Series(is_left)), k=k)


@dataclass(frozen=True)
class Chosen:
    """A strategy's answer.

    ``inclusion``: probability, before any draw, of each chosen item to be chosen; None: unknown.
    ``notes``: figures that the strategy wants to find again in `PastPeriod.notes`, and that are recorded.
    ``fit_cpu_seconds``: of the CPU time, what went into learning.
    """

    ids: tuple[str, ...]
    inclusion: tuple[float, ...] | None = None
    notes: Mapping[str, float] = field(default_factory=dict)
    fit_cpu_seconds: float = 0.0


@dataclass(frozen=True)
class Strategy:
    """A way of choosing.

    ``source``: the paper it comes from, or "ours". ``uses_features``: Basira's features. ``needs``: libraries of the
    optional extra ``deep`` that it can't choose without. ``is_told``: it is given the truth of the past, see
    `basira.laboratory.strategies.ceiling`; no way of choosing.
    """

    name: str
    meaning: str
    source: str
    choose: Callable[[View], Chosen]
    uses_features: bool = False
    needs: tuple[str, ...] = ()
    is_told: bool = False


def check_choice(name: str, chosen: Chosen, view: View) -> None:
    """Reject an answer that is not exactly ``view.k`` different items of the period.

    Raises
    ------
    UsageError : too many, too few, repeated or unknown ids, or impossible inclusion probabilities; it
        names the strategy.
    """
    hint = Phrase(
        "Correct the strategy {name!r}: it must return view.k different values of view.items['item_id'].", name=name
    )
    if len(chosen.ids) != view.k:
        what = Phrase("too many") if len(chosen.ids) > view.k else Phrase("too few")
        raise UsageError(
            "strategy {name!r}: expected {k} items, found {ids_count}: {what}.",
            hint=hint,
            name=name,
            k=view.k,
            ids_count=len(chosen.ids),
            what=what,
        )
    if len(set(chosen.ids)) != len(chosen.ids):
        seen: set[str] = set()
        twice = next(i for i in chosen.ids if i in seen or seen.add(i))  # type: ignore[func-returns-value]  # add gives None
        raise UsageError(
            "strategy {name!r}: expected different items, found {twice!r} twice.",
            hint=hint,
            name=name,
            twice=twice,
        )
    unknown = set(chosen.ids) - set(view.items["item_id"].to_list())
    if unknown:
        raise UsageError(
            "strategy {name!r}: expected items of period {period}, found {unknown!r}, which is not one.",
            hint=hint,
            name=name,
            period=view.period,
            unknown=min(unknown),
        )
    if chosen.inclusion is not None and (
        len(chosen.inclusion) != view.k or not all(0 < p <= 1 for p in chosen.inclusion)
    ):
        raise UsageError(
            "strategy {name!r}: expected {k} inclusion probabilities over 0 and up to 1, found others.",
            hint="Return one probability per chosen item, or None.",
            name=name,
            k=view.k,
        )


def top(scores: Floats, view: View) -> tuple[str, ...]:
    """The ``view.k`` items of highest score; equal scores and missing ones (last) in a drawn order."""
    if len(scores) != len(view.items):
        raise UsageError(
            "Expected one score per item ({items_count}), found {scores_count}.",
            hint="Score every item.",
            items_count=len(view.items),
            scores_count=len(scores),
        )
    tie = view.rng(1).permutation(len(scores))
    order = np.lexsort((tie, -np.nan_to_num(scores, nan=-np.inf, posinf=np.inf, neginf=-np.inf)))
    return tuple(view.items["item_id"].gather(order[: view.k]).to_list())
