"""The state of an office's day, rebuilt from the record when its text is damaged.

Enters: a connection, an office, the day, the policy. Leaves: a state that counts every recorded lane. Never here: a
write: the next decision writes it at the current sequence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date

import sqlalchemy as sa

from basira.decisions.events import Assignment, read_records
from basira.decisions.judged import wish_of
from basira.decisions.records import Decision
from basira.schema.detail import read_detail
from basira.selection.online.forecast import plan_day
from basira.selection.online.recovery import RecordedArrival, recover_day
from basira.selection.online.state import OnlineState
from basira.selection.online.tally import Tally
from basira.selection.policy.model import Policy
from basira.serving.record import Known, find_known_of_many
from basira.serving.status import cancellation_of, is_inspection, lanes_of
from basira.storage.record.events import find_day

_AT_A_TIME = 200


def rebuild_day(
    connection: sa.Connection,
    office: str,
    policy: Policy,
    *,
    day: date,
    past: Sequence[tuple[date, Tally]],
    sequence: int,
) -> OnlineState:
    """The state of a day whose text can't be read. ``past``: as for `plan_day`. ``sequence``: of the row that is."""
    plan = plan_day(office, policy, day=day, past=past)
    inspecting = {lane.id: number for number, lane in enumerate(policy.lanes) if lane.inspects}
    arrivals: list[RecordedArrival] = []
    seen: set[str] = set()
    lanes: dict[str, None] = {}
    for one in read_records(find_day(connection, office, day.isoformat())):
        lanes.setdefault(one.declaration_id)
        if not isinstance(one, Decision) or one.declaration_id in seen:
            continue
        seen.add(one.declaration_id)
        arrivals.append(
            RecordedArrival(
                one.moment,
                one.fraud_probability,
                one.expected_revenue,
                one.basis,
                one.detail_fields.rule_id,
                one.stake_scale,
                wish_of(one.rules, inspecting),
            )
        )
    used: Counter[str] = Counter()
    beyond: Counter[str] = Counter()
    names = list(lanes)
    for start in range(0, len(names), _AT_A_TIME):
        for known in find_known_of_many(connection, names[start : start + _AT_A_TIME]).values():
            for assignment in _with_slots(known, office, day):
                (beyond if read_detail(assignment.detail).is_beyond_capacity else used)[assignment.lane] += 1
    return recover_day(plan, policy, arrivals=arrivals, used=used, beyond=beyond, sequence=sequence)


def _with_slots(known: Known, office: str, day: date) -> Iterator[Assignment]:
    """The records that gave a declaration a slot of the day that is still taken: the lane is in force, or the
    declaration was inspected in it before it got another lane or was cancelled."""
    lanes = lanes_of(known)
    for assignment, end in zip(lanes, [*lanes[1:], cancellation_of(known)], strict=True):
        if (assignment.office, assignment.day) != (office, day.isoformat()) or not assignment.inspects:
            continue
        if end is None or any(is_inspection(one, after=assignment) for one in known if one.sequence < end.sequence):
            yield assignment
