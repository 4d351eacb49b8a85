"""What a policy says of who examines a declaration that waits.

Enters: the values of the section `[officers]`. Leaves: a frozen record. Never here: an officer, a draw.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

# officer: the one who takes it first. load: the one with the fewest that wait. random: the one drawn.
ChosenBy = Literal["officer", "load", "random"]


class Officers(BaseModel):
    """Who examines a declaration that waits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    chosen_by: ChosenBy = Field(
        default="officer",
        description="`officer`: each takes what waits, one after another. `load`: what waits is given to the inspector "
        "of the office who has the fewest that wait. `random`: the inspector is drawn. With the last two no inspector "
        "chooses a declaration or a colleague.",
    )
