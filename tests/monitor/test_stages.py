"""The life of a model: nothing but a live one decides, and two persons make one live."""

from __future__ import annotations

import pytest

from basira.monitor.stages import (
    SOFTWARE,
    STAGES,
    Stage,
    StageStep,
    adopt,
    check_step,
    eligible_versions,
    live_version,
    previous_version,
    stage_of,
)
from basira.schema.access import Role
from basira.schema.errors import ModelError, NotFoundError

MANAGER: frozenset[Role] = frozenset({"manager"})
SCIENTIST: frozenset[Role] = frozenset({"data_scientist"})


def step(version: str, stage: Stage, actor: str = "u-1") -> StageStep:
    return StageStep(version, stage, actor, "2026-03-02T09:00:00", "why")


def test_nothing_on_record_is_nothing_live() -> None:
    assert (live_version(()), eligible_versions(()), stage_of((), "a")) == (None, (), "candidate")


def test_a_version_that_another_replaced_is_retired_and_may_decide_older_days() -> None:
    steps = (*adopt(["a", "b"], "adopted"), step("c", "shadow"), step("c", "live", "u-2"))
    assert [stage_of(steps, one) for one in "abcd"] == ["retired", "retired", "live", "candidate"]
    assert eligible_versions(steps) == ("c", "b", "a")


def test_what_a_person_retired_never_decides_again() -> None:
    steps = (*adopt(["a", "b"], "adopted"), step("b", "retired"))
    assert live_version(steps) is None
    assert eligible_versions(steps) == ()
    assert stage_of(steps, "a") == "retired"
    # Brought back, `a` decides; `b` does not even decide the days that `a` knows too much of.
    assert eligible_versions((*steps, step("a", "live"))) == ("a",)


@pytest.mark.parametrize("stage", STAGES)
def test_a_live_model_needs_two_persons_whatever_came_before(stage: Stage) -> None:
    before = () if stage in ("live", "retired") else (step("a", stage, "u-1"),)
    with pytest.raises(ModelError, match="two persons"):
        check_step(before, "a", "live", actor="u-1", roles=MANAGER, motive="better")
    if before:
        check_step(before, "a", "live", actor="u-2", roles=MANAGER, motive="better")


def test_the_software_is_no_second_person() -> None:
    with pytest.raises(ModelError, match="two persons"):
        check_step((step("a", "candidate", SOFTWARE),), "a", "live", actor="u-1", roles=MANAGER, motive="better")


@pytest.mark.parametrize(
    ("steps", "wanted", "roles", "motive", "found"),
    [
        ((step("a", "shadow"),), "live", SCIENTIST, "better", "role manager"),
        ((), "shadow", frozenset[Role]({"auditor"}), "try it", "found auditor"),
        ((), "shadow", frozenset[Role](), "try it", "found none"),
        ((step("a", "shadow"),), "live", MANAGER, "  ", "motive"),
        ((step("a", "shadow"),), "shadow", SCIENTIST, "again", "a shadow"),
        ((step("a", "retired"),), "live", MANAGER, "again", "a retired"),
        ((step("a", "retired"),), "retired", MANAGER, "again", "a retired"),
        ((step("a", "shadow"), step("a", "live"), step("b", "live")), "live", MANAGER, "again", "a retired"),
    ],
)
def test_a_step_that_may_not_be_taken(
    steps: tuple[StageStep, ...], wanted: Stage, roles: frozenset[Role], motive: str, found: str
) -> None:
    with pytest.raises(ModelError, match=found):
        check_step(steps, "a", wanted, actor="u-9", roles=roles, motive=motive)


def test_a_rollback_brings_back_what_was_live_before_and_skips_what_was_retired() -> None:
    steps = (*adopt(["a", "b", "c"], "adopted"), step("b", "retired"))
    assert live_version(steps) == "c"
    assert previous_version(steps, roles=MANAGER, motive="alarms") == ("c", "a")


def test_a_rollback_after_the_live_one_was_retired() -> None:
    steps = (*adopt(["a", "b"], "adopted"), step("b", "retired"))
    assert previous_version(steps, roles=MANAGER, motive="none decides") == (None, "a")


def test_a_rollback_without_an_earlier_model_or_by_the_wrong_person() -> None:
    steps = adopt(["a"], "adopted")
    with pytest.raises(NotFoundError):
        previous_version(steps, roles=MANAGER, motive="alarms")
    with pytest.raises(ModelError, match="role manager"):
        previous_version((*steps, step("b", "live")), roles=SCIENTIST, motive="alarms")
    with pytest.raises(ModelError, match="motive"):
        previous_version((*steps, step("b", "live")), roles=MANAGER, motive="")
