"""What a policy says of the random control, and the kinds of values that its other parts share.

Enters: values of a policy file. Leaves: types. Never here: a draw.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Stratum = Literal["is_oea", "procedure", "transport_mode"]
Design = Literal["plain", "thirds"]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]


class Part(BaseModel):
    """A part of a policy: frozen, and without fields that are not its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class RandomControl(Part):
    """The random control: what measures compliance, and what keeps every declaration possible to inspect."""

    share: Share = Field(description="Share of each office's declarations of the day (mandatory ones apart).")
    minimum: Count = Field(default=0, description="At least this many declarations per office and day.")
    lane: str = Field(description="Lane of the random control, one for all declarations; it must be one that inspects.")
    strata: tuple[Stratum, ...] = Field(
        default=(),
        description="Attributes whose groups are each represented in proportion: is_oea, procedure, transport_mode. "
        "Groups that expect less than one draw are put together.",
    )
    design: Design = Field(
        default="plain",
        description="plain: every declaration alike; thirds: above a floor, a third even, a third by the root of the "
        "fraud probability, a third by the tax at stake times that root, so that the same number of controls measures "
        "the revenue gap better. The service draws plainly.",
    )
