"""The life of a version of a rule: which step may follow which, and who may take it.

Enters: the steps taken so far, the step wanted, who asks. Leaves: the state after it, or `RuleError`. Never here: a
clock, a store; a way around the second person.

draft, tested on the past, submitted, approved by another person, shadow or live; retired by a person, or expired by its
own date. A new version is a new life: the one that is live stays so until the new one takes its place.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, get_args

from basira.rules.faults import rule_fault
from basira.rules.model import Rule
from basira.schema.access import Grant, Role
from basira.schema.errors import RuleError

State = Literal["draft", "tested", "submitted", "approved", "shadow", "live", "retired"]
Status = Literal[
    "draft", "tested", "submitted", "approved", "waiting", "shadow", "live", "replaced", "expired", "retired"
]
STATES: tuple[State, ...] = get_args(State)

# Who may take the step to a state, and from which states. A rejected submission is a draft again.
_FROM: Mapping[State, tuple[State, ...]] = {
    "draft": ("submitted",),
    "tested": ("draft", "tested"),
    "submitted": ("tested",),
    "approved": ("submitted",),
    "shadow": ("approved",),
    "live": ("approved", "shadow"),
    "retired": ("draft", "tested", "submitted", "approved", "shadow", "live"),
}
AUTHORS: frozenset[Role] = frozenset({"analyst", "data_scientist"})
_APPROVERS: frozenset[Role] = frozenset({"manager"})
MAY: Mapping[State, frozenset[Role]] = {
    "draft": AUTHORS | _APPROVERS,
    "tested": AUTHORS | _APPROVERS,
    "submitted": AUTHORS,
    "approved": _APPROVERS,
    "shadow": _APPROVERS,
    "live": _APPROVERS,
    "retired": AUTHORS | _APPROVERS,
}
# These account for what others did: they take a reason.
_WITH_MOTIVE: frozenset[State] = frozenset({"approved", "retired"})


@dataclass(frozen=True)
class Step:
    """A step as it was taken: the state that it led to, of which version, by whom."""

    version: int
    state: State
    actor: str


def roles_over(grants: Iterable[Grant], offices: Iterable[Collection[str]]) -> frozenset[Role]:
    """The roles that a person has over a rule. ``offices``: of each of its versions, where it holds; empty: everywhere.

    A role that was given for one office counts when every version holds at such offices alone: a rule of an office is
    written and approved by its own persons, or by those of every office; a national rule by the latter alone, and it
    does not become local by a new version.

    >>> bound = [Grant("analyst", "101")]
    >>> sorted(roles_over(bound, [["101"]])), sorted(roles_over(bound, [["101"], []])), sorted(roles_over(bound, []))
    (['analyst'], [], [])
    """
    held, versions = list(grants), [frozenset(one) for one in offices]
    found = {grant.role for grant in held if not grant.office or grant.role == "inspector"}
    for role in {grant.role for grant in held} - found:
        own = {grant.office for grant in held if grant.role == role}
        if versions and all(one and one <= own for one in versions):
            found.add(role)
    return frozenset(found)


def require_own(grants: Iterable[Grant], offices: Iterable[Collection[str]], allowed: frozenset[Role]) -> None:
    """Raise `RuleError` for a person whose role is one of ``allowed``, but of other offices than the rule's."""
    held, versions = list(grants), list(offices)
    own = sorted({grant.office for grant in held if grant.role in allowed and grant.office})
    if own and not roles_over(held, versions) & allowed:
        others = sorted({office for one in versions for office in one} - set(own))
        raise rule_fault("other_office", expected=", ".join(own), found=", ".join(others) or "*")


def require_writer(roles: frozenset[Role]) -> None:
    """Raise `RuleError` for a person who may not write rules."""
    _require_role(AUTHORS, roles)


def check_step(
    steps: Sequence[Step], version: int, wanted: State, *, actor: str, roles: frozenset[Role], motive: str = ""
) -> None:
    """Whether a step may be taken. Raises `RuleError`: not from this state, not by this role, not by the author.

    ``steps``: of the rule, of all its versions, in order. The author of a version approves it in no role; nor does a
    person who submitted it.
    """
    of_version = [step for step in steps if step.version == version]
    state = of_version[-1].state
    _require_role(MAY[wanted], roles)
    if state not in _FROM[wanted]:
        raise (
            rule_fault("no_backtest")
            if (wanted, state) == ("submitted", "draft")
            else rule_fault("state", expected=", ".join(_FROM[wanted]), found=state)
        )
    if wanted == "approved" and actor in {step.actor for step in of_version if step.state in ("draft", "submitted")}:
        raise rule_fault("same_person", found=actor)
    if wanted in _WITH_MOTIVE and not motive.strip():
        raise rule_fault("motive")


def open_steps(steps: Sequence[Step], version: int, *, actor: str, roles: frozenset[Role]) -> tuple[State, ...]:
    """The states to which a person may take a version now; where a step takes a motive, with one."""
    found = []
    for state in STATES:
        try:
            check_step(steps, version, state, actor=actor, roles=roles, motive=".")
        except RuleError:
            continue
        found.append(state)
    return tuple(found)


def takes_motive(state: State) -> bool:
    """Whether the step to a state needs a motive; on all others it may stand."""
    return state in _WITH_MOTIVE


def require_gate(tested: Mapping[str, Any] | None) -> None:
    """Raise `RuleError` when the back-test of a version did not pass the policy's gate. ``tested``: the detail of its
    latest test; one that was recorded before there was a gate passes."""
    gate = (tested or {}).get("gate") or {}
    for obstacle in gate.get("obstacles", ()):
        raise rule_fault(
            f"gate_{obstacle}",
            office=gate["office"],
            day=gate["day"],
            wanted=f"{gate['wanted']:.1f}",
            slots=gate["slots"],
            most=f"{gate['most_capacity_share']:.0%}",
        )


def status_of(
    steps: Sequence[Step], version: int, rule: Rule, *, on: date, starts: Mapping[int, date] | None = None
) -> Status:
    """What a version is on a day: its last state, and what its dates and the other versions make of it.

    ``starts``: the first day of each version of the rule: a later version takes the place of this one from its own
    first day on, which may be in the future; None, or absent: at once.
    """
    state = _last_state(steps, version)
    if state == "retired":
        return "retired"
    if on > rule.expires_on:
        return "expired"
    if state in ("live", "shadow"):
        order = [step.version for step in steps if step.state == state and _last_state(steps, step.version) == state]
        later = order[len(order) - order[::-1].index(version) :]
        if any((starts or {}).get(one, date.min) <= max(on, rule.starts_on) for one in later):
            return "replaced"
        return "waiting" if on < rule.starts_on else state
    return state


def _last_state(steps: Sequence[Step], version: int) -> State:
    return [step for step in steps if step.version == version][-1].state


def _require_role(allowed: frozenset[Role], roles: frozenset[Role]) -> None:
    if not allowed & roles:
        raise rule_fault("no_right", expected=", ".join(sorted(allowed)), found=", ".join(sorted(roles)) or "-")
