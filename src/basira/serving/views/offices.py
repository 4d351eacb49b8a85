"""The offices, as an administrator looks after them: who inspects, what waits, how much a day can take.

Enters: a service, today. Leaves: a line for each office. Never here: a change: offices and capacities are policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date

from basira.schema.errors import PolicyError
from basira.selection.policy.model import Policy
from basira.serving.service import Service
from basira.serving.views.names import names_in
from basira.storage.accounts.users import count_inspectors
from basira.storage.record.figures import Period, count_statuses, count_waiting


@dataclass(frozen=True)
class OfficeLine:
    """``name``: of the register, "" where it has none. ``inspectors``: active ones. ``waiting``: declarations, of any
    day. ``declared``: today. ``capacity``: of today, by inspecting lane; empty without a policy or where the policy
    does not list the office. ``is_listed``: the policy lists it, or lists none."""

    code: str
    name: str
    inspectors: int
    waiting: int
    declared: int
    capacity: Mapping[str, int]
    is_listed: bool

    @property
    def lacks_inspector(self) -> bool:
        """Whether nobody can carry out what waits here."""
        return self.inspectors == 0 and (self.waiting > 0 or any(self.capacity.values()))


def list_offices(service: Service, today: date) -> list[OfficeLine]:
    """Every office of the policy of today, of an inspector, or in which a declaration waits. Raises StoreError."""
    policy: Policy | None = None
    with suppress(PolicyError):
        policy = service.policy(today)
    with service.database.read() as connection:
        inspectors = count_inspectors(connection)
        waiting = count_waiting(connection)
        counts = count_statuses(connection, Period(today, today))
    declared: dict[str, int] = {}
    for one in counts:
        declared[one.office] = declared.get(one.office, 0) + one.count
    names = names_in(service).offices
    listed = policy.offices if policy else ()
    return [
        OfficeLine(
            code=code,
            name=names.get(code, ""),
            inspectors=inspectors.get(code, 0),
            waiting=waiting.get(code, 0),
            declared=declared.get(code, 0),
            capacity=_capacity(policy, code, today, declared.get(code, 0)) if code in listed or not listed else {},
            is_listed=code in listed or not listed,
        )
        for code in sorted({*listed, *inspectors, *waiting, *declared})
    ]


def _capacity(policy: Policy | None, office: str, day: date, day_total: int) -> dict[str, int]:
    if policy is None:
        return {}
    return {
        lane.id: policy.capacity_of(office, lane.id, day=day, day_total=day_total)
        for lane in policy.lanes
        if lane.inspects
    }
