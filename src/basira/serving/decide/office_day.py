"""The state of an office's day made again from the record, when its text is torn.

Enters: a connection, an office, the day, the policy. Leaves: a state that counts every recorded lane. Never here: a
write: whoever decides next writes it at the sequence that stands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from basira.schema.detail import read_detail
from basira.selection.online.forecast import plan_day
from basira.selection.online.recovery import RecordedArrival, recovered_day
from basira.selection.online.state import OnlineState
from basira.selection.online.tally import Tally
from basira.selection.policy.model import Policy
from basira.serving.status import day_of, is_inspection
from basira.storage.record.events import find_day, find_events_of_many

Row = Mapping[str, Any]

_AT_A_TIME = 200


def rebuilt_day(
    connection: sa.Connection, office: str, policy: Policy, *, day: date, past: Sequence[tuple[date, Tally]],
    sequence: int,
) -> OnlineState:  # fmt: skip
    """The state of a day whose text can't be read. ``past``: as for `plan_day`. ``sequence``: of the row that is."""
    plan = plan_day(office, policy, day=day, past=past)
    arrivals: list[RecordedArrival] = []
    seen: set[str] = set()
    lanes: dict[str, None] = {}
    for row in find_day(connection, office, day.isoformat()):
        payload = row["payload"]
        lanes.setdefault(row["declaration_id"])
        if row["kind"] != "decision" or row["declaration_id"] in seen:
            continue
        seen.add(row["declaration_id"])
        arrivals.append(
            RecordedArrival(
                datetime.fromisoformat(payload["decided_at"]), payload["fraud_probability"],
                payload["expected_revenue"], payload["basis"], read_detail(payload["detail"]).rule_id,
            )
        )  # fmt: skip
    used: Counter[str] = Counter()
    beyond: Counter[str] = Counter()
    names = list(lanes)
    for start in range(0, len(names), _AT_A_TIME):
        for known in find_events_of_many(connection, names[start : start + _AT_A_TIME]).values():
            for given in _with_places(known, office, day):
                is_beyond = read_detail(given["payload"].get("detail", "")).is_beyond_capacity
                (beyond if is_beyond else used)[given["lane"]] += 1
    return recovered_day(plan, policy, arrivals=arrivals, used=used, beyond=beyond, sequence=sequence)


def _with_places(known: Sequence[Row], office: str, day: date) -> Iterator[Row]:
    """Of a declaration's events those that gave it a place of the day which is not free again: the lane is in force, or
    it was inspected in it before it got another one or was cancelled."""
    lanes = [event for event in known if event["lane"] is not None]
    cancelled = next((event for event in known if event["kind"] == "cancellation"), None)
    for given, end in zip(lanes, [*lanes[1:], cancelled], strict=True):
        if (given["office"], day_of(given)) != (office, day.isoformat()) or not given["payload"].get("inspects"):
            continue
        if end is None or any(is_inspection(one, after=given) for one in known if one["sequence"] < end["sequence"]):
            yield given
