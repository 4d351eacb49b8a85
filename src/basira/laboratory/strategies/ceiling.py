"""The ceiling: what the same features and model would find, were every past item's truth known.

Enters: before a period, the simulated country's truth about every earlier item. Leaves: a strategy called
``oracle``. Never here: the truth of the coming period; a way for another strategy to learn the truth.

It is no way of choosing that an administration could have, and is in no ranking: it measures how much of
what these features can show a strategy reaches with the few, late and selected results it has. It spends
nothing on random control.

How it learns the truth: the loop gives `ToldKnowledge` to a strategy whose ``is_told`` is set, in a world that has
`CountryWorld.reveal_past`. Every other strategy gets the plain knowledge, which holds no truth and no world.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from basira.laboratory.strategies.ours import choose_by_model
from basira.laboratory.worlds.ledger import KnownAt
from basira.laboratory.worlds.live import CountryWorld
from basira.laboratory.worlds.view import Strategy
from basira.laboratory.worlds.world import World
from basira.models.risk.fit import TrainingItems
from basira.schema.errors import UsageError


@dataclass(frozen=True)
class ToldKnowledge:
    """A `basira.laboratory.worlds.view.Knowledge` whose training items are all earlier items, with their truth.

    ``truth``: ``item_id``, ``is_irregular``, ``revenue`` of every item of the past.
    """

    known: KnownAt
    truth: pl.DataFrame

    def labelled(self) -> pl.DataFrame:
        return self.known.labelled()

    def declared(self) -> pl.DataFrame:
        return self.known.declared()

    def features(self) -> pl.DataFrame:
        return self.known.features()

    def training(self) -> TrainingItems:
        past = self.known.past_features().join(
            self.truth.select("item_id", "is_irregular", "revenue"), on="item_id", how="inner", maintain_order="left"
        )
        irregular = past["is_irregular"].to_numpy().astype(bool)
        return TrainingItems(
            features=past.drop("item_id", "declared_day", "is_irregular", "revenue"),
            declared_day=past["declared_day"].to_numpy().astype(np.int64),
            is_irregular=irregular,
            revenue=np.where(irregular, past["revenue"].to_numpy(), np.nan),
            kinds={},
            weight=np.ones(len(past)),
        )

    def training_with_planted(self) -> TrainingItems:
        """The truth needs no planted frauds."""
        return self.training()


def tell(known: KnownAt, world: World, name: str) -> ToldKnowledge:
    """What a strategy that learns the truth sees.

    Raises
    ------
    UsageError : the world's truth is not known (a replay).
    """
    if not isinstance(world, CountryWorld):
        raise UsageError(
            "strategy {name!r}: expected a world whose truth is known, found recorded data.",
            hint="It measures the ceiling in the simulated country: give --scenario.",
            name=name,
        )
    return ToldKnowledge(known, world.reveal_past())


ORACLE = Strategy(
    "oracle",
    "Told what every past item was: the ceiling, no way of choosing.",
    "the truth",
    choose_by_model("balanced", control=0.0),
    uses_features=True,
    is_told=True,
)
