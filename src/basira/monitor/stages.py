"""The life of a model: candidate, shadow, live, retired; which step may follow which, and who may take it.

Enters: the steps on record, the step wanted, who asks. Leaves: the stage of a version, the versions that may decide, or
`ModelError`. Never here: a store, a clock; a way around the second person.

A model begins as a candidate. It is live once a manager promotes it whom another person preceded: who trained it or put
it in the shadow. The one that was live before is then replaced: retired, and a rollback may bring it back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from basira.schema.access import Role
from basira.schema.errors import ModelError, NotFoundError, Phrase

Stage = Literal["candidate", "shadow", "live", "retired"]
STAGES: tuple[Stage, ...] = get_args(Stage)
# Who adopts the models of a store that has no step on record.
SOFTWARE = "basira"

_MANAGER: frozenset[Role] = frozenset({"manager"})
_MAKERS: frozenset[Role] = frozenset({"data_scientist", "analyst", "manager"})
MAY: Mapping[Stage, frozenset[Role]] = {
    "candidate": _MAKERS,
    "shadow": _MAKERS,
    "live": _MANAGER,
    "retired": _MAKERS,
}
_FROM: Mapping[Stage, tuple[Stage, ...]] = {
    "candidate": ("candidate",),
    "shadow": ("candidate",),
    "live": ("candidate", "shadow"),
    "retired": ("candidate", "shadow", "live"),
}


@dataclass(frozen=True)
class StageStep:
    """A step as it was taken. ``actor``: id of the person, or `SOFTWARE`. ``taken_at``: ISO 8601, "" for a step that is
    not on record yet. ``motive``: "" where none was given."""

    version: str
    stage: Stage
    actor: str
    taken_at: str = ""
    motive: str = ""


def adopt(versions: Sequence[str], motive: str) -> tuple[StageStep, ...]:
    """The steps of a store's models when none is on record: each was served once it was the newest, so each becomes
    live in its turn and the last one stays so.

    ``versions``: the earliest knowledge first.

    >>> live_version(adopt(["older", "newer"], "adopted"))
    'newer'
    """
    return tuple(StageStep(version, "live", SOFTWARE, motive=motive) for version in versions)


def live_version(steps: Sequence[StageStep]) -> str | None:
    """The version that decides: the last one that was made live, unless it was retired since. None: no model decides.

    >>> live_version([StageStep("a", "live", "u-1"), StageStep("a", "retired", "u-1")]) is None
    True
    """
    last = next((step for step in reversed(steps) if step.stage == "live"), None)
    return None if last is None or _last_step(steps, last.version) != "live" else last.version


def eligible_versions(steps: Sequence[StageStep]) -> tuple[str, ...]:
    """The versions that may decide, the live one first, then those that it replaced, the latest first.

    The others are for days of the past that the live one knows too much of. Empty when no model is live.

    >>> eligible_versions(adopt(["older", "newer"], "adopted"))
    ('newer', 'older')
    """
    if live_version(steps) is None:
        return ()
    made = dict.fromkeys(step.version for step in reversed(steps) if step.stage == "live")
    return tuple(version for version in made if _last_step(steps, version) == "live")


def stage_of(steps: Sequence[StageStep], version: str) -> Stage:
    """The stage of a version now: that of its last step; a live one that another replaced is retired; a version without
    a step is a candidate."""
    last = _last_step(steps, version)
    return "retired" if last == "live" and live_version(steps) != version else last or "candidate"


def check_step(
    steps: Sequence[StageStep], version: str, wanted: Stage, *, actor: str, roles: frozenset[Role], motive: str
) -> None:
    """Whether a person may take a step now.

    Raises ModelError: not from this stage, not in these roles, without a motive, or as the only person.
    """
    _require_role(MAY[wanted], roles)
    _require_motive(motive)
    found = stage_of(steps, version)
    if found not in _FROM[wanted]:
        raise ModelError(
            "Expected a model that is {first}, found {version} {found}.",
            hint="A model that was live once comes back with `basira models rollback`; any other is trained again.",
            first=" or ".join(_FROM[wanted]),
            version=version,
            found=found,
        )
    if wanted == "live":
        others = {step.actor for step in steps if step.version == version and step.stage in ("candidate", "shadow")}
        if not others - {actor, SOFTWARE}:
            raise ModelError(
                "Expected two persons for a model that decides, found one: nobody else trained {version} under a "
                "login or put it in the shadow.",
                hint="Let another person try it first: basira models shadow {version} --by LOGIN --motive WHY",
                version=version,
            )


def previous_version(steps: Sequence[StageStep], *, roles: frozenset[Role], motive: str) -> tuple[str | None, str]:
    """Which model a rollback takes away (None: none is live), and which one it brings back.

    Raises ModelError: not in these roles, without a motive; NotFoundError: no model was live before.
    """
    _require_role(_MANAGER, roles)
    _require_motive(motive)
    now = live_version(steps)
    made = dict.fromkeys(step.version for step in reversed(steps) if step.stage == "live")
    before = next((one for one in made if one != now and _last_step(steps, one) == "live"), None)
    if before is None:
        raise NotFoundError(
            "Expected a model that was live before, found none.",
            hint="Promote another one, or retire this one: the policy's fallback then decides.",
        )
    return now, before


def _last_step(steps: Sequence[StageStep], version: str) -> Stage | None:
    return next((step.stage for step in reversed(steps) if step.version == version), None)


def _require_role(allowed: frozenset[Role], roles: frozenset[Role]) -> None:
    if not allowed & roles:
        raise ModelError(
            "Expected the role {allowed}, found {roles}.",
            hint="Ask a person who has it; `basira users list` shows them.",
            allowed=", ".join(sorted(allowed)),
            roles=", ".join(sorted(roles)) or Phrase("none"),
        )


def _require_motive(motive: str) -> None:
    if not motive.strip():
        raise ModelError("Expected a motive, found none.", hint="Say why with --motive; it is audited.")
