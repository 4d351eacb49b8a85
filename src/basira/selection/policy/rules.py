"""What a policy says of the rules that analysts write.

Enters: the values of the section `[rules]`. Leaves: a frozen record. Never here: a rule, a draw.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class RulesOfAnalysts(BaseModel):
    """How the rules that analysts write act."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fire_probability: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = Field(
        default=0.95,
        description="Probability with which a hit of a rule that is not mandatory acts, drawn and recorded. The hits "
        "that are let go are what the rule's worth is measured beside, and they keep its edge from being learned; 1 "
        "lets none go, and measures nothing.",
    )
    most_capacity_share: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = Field(
        default=0.5,
        description="A rule that wants a lane can be submitted only when its back-test asks for no more than this "
        "share of the slots of any office on any day.",
    )
    least_test_days: Annotated[int, Field(ge=0)] = Field(
        default=1, description="And only when the period of its back-test has at least so many days."
    )
