"""Who examines a declaration that waits: taken by an officer, handed over, or given as the policy says.

Enters: a service, a declaration's number or an office, who asks. Leaves: who has it in hand now, or why nothing was
changed. Never here: a declaration taken from an officer unknowingly; a change without its audit event.

Each change is one transaction that locks the chains before it looks: of two officers at once the second one reads what
the first one did.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa

from basira.selection.officers import choose_officer
from basira.selection.policy.model import Policy
from basira.serving.changes.change import LONGEST_MOTIVE, SHORTEST_MOTIVE
from basira.serving.service import Service
from basira.serving.views.declaration import known_declaration
from basira.storage.record.chain import is_storable
from basira.storage.record.officers import (
    Giving,
    InHand,
    count_in_hand,
    find_in_hand,
    give,
    list_free,
    list_inspectors,
    lock_officers,
)

# Given in one transaction, which holds up every other writer: some tenths of a second.
MOST_AT_ONCE = 200
Obstacle = Literal["held", "policy", "not_waiting", "not_yours", "no_officer", "same_officer", "motive"]


@dataclass(frozen=True)
class Asker:
    """Who asks. ``sees``: whether they may see an office. ``may_give_any``: whether they may hand over, at an office,
    what another officer has, and to whom they choose."""

    user_id: str
    sees: Callable[[str], bool]
    may_give_any: Callable[[str], bool] = lambda _: False


@dataclass(frozen=True)
class Unchanged:
    """Why nothing was changed. ``in_hand``: who has the declaration, where that is why."""

    obstacle: Obstacle
    in_hand: InHand | None = None


@dataclass(frozen=True)
class HandOver:
    """``to``: a user id; "": nobody, or whom the policy chooses. ``motive``: 3 to 500 characters. ``seen``: the
    sequence of who had it when the person looked, 0 for nobody."""

    to: str
    motive: str
    seen: int


def officer_of(service: Service, declaration_id: str) -> InHand | None:
    """Who has a declaration in hand; None when nobody has."""
    with service.database.read() as connection:
        found = find_in_hand(connection, [declaration_id]).get(declaration_id)
    return found if found is not None and found.officer is not None else None


def take(service: Service, declaration_id: str, *, by: Asker, now: datetime) -> InHand | Unchanged:
    """Take a declaration that waits and nobody has. Taking one's own again changes nothing.

    Raises NotFoundError for a declaration that the person may not see, StoreError.
    """
    _, status = known_declaration(service.database, declaration_id, sees=by.sees)
    policy = service.policy(now.date())
    with service.database.write() as connection:
        lock_officers(connection)
        in_hand = find_in_hand(connection, [declaration_id]).get(declaration_id)
        if in_hand is not None and in_hand.officer == by.user_id:
            return in_hand
        if in_hand is not None and in_hand.officer is not None:
            return Unchanged("held", in_hand)
        if status.name != "waiting":
            return Unchanged("not_waiting")
        if policy.officers.chosen_by != "officer":
            return Unchanged("policy")
        if by.user_id not in list_inspectors(connection, status.office):
            return Unchanged("no_officer")
        return give(connection, Giving(declaration_id, status.office, by.user_id, "taken", by.user_id), now=now)


def hand_over(
    service: Service, declaration_id: str, wanted: HandOver, *, by: Asker, now: datetime
) -> InHand | Unchanged:
    """Hand a declaration over: the own one, or any where the person may. Where the policy chooses, only who may give
    any names the next officer; for others it is chosen again, among the other inspectors of the office.

    Raises NotFoundError for a declaration that the person may not see, StoreError.
    """
    _, status = known_declaration(service.database, declaration_id, sees=by.sees)
    motive = wanted.motive.strip()
    if not SHORTEST_MOTIVE <= len(motive) <= LONGEST_MOTIVE or not is_storable(motive):
        return Unchanged("motive")
    policy = service.policy(now.date())
    with service.database.write() as connection:
        lock_officers(connection)
        in_hand = find_in_hand(connection, [declaration_id]).get(declaration_id)
        has_it = None if in_hand is None else in_hand.officer
        is_free_to_choose = by.may_give_any(status.office)
        if (0 if in_hand is None else in_hand.sequence) != wanted.seen:
            return Unchanged("held", in_hand)
        if has_it != by.user_id and not is_free_to_choose:
            return Unchanged("not_yours", in_hand)
        if status.name == "cancelled":
            return Unchanged("not_waiting")
        officers = list_inspectors(connection, status.office)
        chosen_by = ""
        to: str | None = wanted.to or None
        among: tuple[str, ...] = ()
        if policy.officers.chosen_by != "officer" and not is_free_to_choose:
            others = [one for one in officers if one != has_it]
            if not others:
                return Unchanged("no_officer")
            chosen_by, among = policy.officers.chosen_by, tuple(others)
            to = _choose(connection, service, policy, declaration_id, others, wanted.seen)
        elif to is not None and to not in officers:
            return Unchanged("no_officer")
        if to == has_it:
            return Unchanged("same_officer", in_hand)
        giving = Giving(
            declaration_id, status.office, to, "handed_over", by.user_id, chosen_by, among=among, motive=motive
        )
        return give(connection, giving, now=now)


def distribute(service: Service, office: str, *, by: Asker, now: datetime) -> int | Unchanged:
    """Give what waits at an office and nobody has to its inspectors, as the policy says; how many, at most
    `MOST_AT_ONCE`. ``office``: one that the person may see. Raises StoreError."""
    policy = service.policy(now.date())
    chosen_by = policy.officers.chosen_by
    if chosen_by == "officer":
        return Unchanged("policy")
    with service.database.write() as connection:
        lock_officers(connection)
        officers = list_inspectors(connection, office)
        if not officers:
            return Unchanged("no_officer")
        loads = count_in_hand(connection, officers)
        free = list_free(connection, office, intensity=policy.intensity, limit=MOST_AT_ONCE)
        for number, sequence in free:
            to = choose_officer(loads, chosen_by, seed=service.seed, of=_draw_of(number, sequence))
            loads[to] += 1
            giving = Giving(number, office, to, "assigned", by.user_id, chosen_by, tuple(officers))
            give(connection, giving, now=now)
    return len(free)


def _choose(
    connection: sa.Connection, service: Service, policy: Policy, number: str, officers: list[str], sequence: int
) -> str:
    loads = count_in_hand(connection, officers)
    return choose_officer(loads, policy.officers.chosen_by, seed=service.seed, of=_draw_of(number, sequence))


def _draw_of(number: str, sequence: int) -> str:
    """What a draw is of: another one once the declaration was given, and the same until then, however often asked."""
    return f"{number}\n{sequence}"
