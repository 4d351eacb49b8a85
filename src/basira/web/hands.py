"""Who has a declaration in hand, as its page shows it and lets it be changed.

Enters: a declaration's number and office, a visitor. Leaves: what the page shows. Never here: a right of its own; a
change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from basira.api.auth.permissions import Scope, granting
from basira.schema.access import Principal
from basira.serving.officers import Asker
from basira.serving.service import Service
from basira.serving.status import StatusName
from basira.storage.record.officers import find_in_hand, list_inspectors
from basira.web.access import Visitor
from basira.web.lanes import Lanes
from basira.web.people import names_of_people


@dataclass(frozen=True)
class Hands:
    """``officer``: who has it in hand, by name; "" for nobody. ``since``: ISO 8601. ``is_own``: the visitor has it.
    ``may_take``, ``may_give``: the forms that are shown. ``is_chosen``: the policy chooses who is next. ``officers``:
    to choose from, user id and name. ``seen``: the sequence of who has it, 0 for nobody."""

    officer: str
    since: str
    is_own: bool
    may_take: bool
    may_give: bool
    is_chosen: bool
    officers: tuple[tuple[str, str], ...]
    seen: int

    @property
    def is_of_other(self) -> bool:
        """Whether another officer has it."""
        return bool(self.officer) and not self.is_own


def asker_of(visitor: Visitor) -> Asker:
    """The visitor as the functions of `basira.serving.officers` take one."""
    return Asker(
        visitor.principal.id, visitor.principal.sees_office, has_at_office(visitor.everything, "hands:give_any")
    )


def has_at_office(principal: Principal, scope: Scope) -> Callable[[str], bool]:
    """Whether a person has a scope at an office."""
    narrowed = replace(principal, grants=granting(principal.grants, scope))
    return lambda office: bool(narrowed.grants) and narrowed.sees_office(office)


def hands_of(
    service: Service, declaration_id: str, office: str, status: StatusName, *, visitor: Visitor, lanes: Lanes
) -> Hands:
    """Who has a declaration in hand, and what the visitor may change of it."""
    own, everything = visitor.principal.id, visitor.everything
    may_any = has_at_office(everything, "hands:give_any")(office)
    with service.database.read() as connection:
        in_hand = find_in_hand(connection, [declaration_id]).get(declaration_id)
        officer = (in_hand.officer if in_hand else None) or ""
        may_give = status != "cancelled" and ((officer == own and visitor.may("hands:give")) or may_any)
        to = [one for one in list_inspectors(connection, office) if one != officer] if may_give else []
    names = names_of_people(service, [*to, officer])
    chosen_by = lanes.policy.officers.chosen_by if lanes.policy else "officer"
    may_take = not officer and status == "waiting" and has_at_office(everything, "hands:take")(office)
    return Hands(
        officer=names.get(officer, officer),
        since=in_hand.since if in_hand else "",
        is_own=officer == own,
        may_take=may_take and chosen_by == "officer",
        may_give=may_give,
        is_chosen=chosen_by != "officer" and not may_any,
        officers=tuple(sorted(((one, names.get(one, one)) for one in to), key=lambda pair: (pair[1], pair[0]))),
        seen=in_hand.sequence if in_hand else 0,
    )
