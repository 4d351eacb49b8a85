"""The state of an office's day made again from the record, when its text is torn.

Enters: a connection, an office, the day, the policy. Leaves: a state that counts every recorded lane. Never here: a
write: whoever decides next writes it at the sequence that stands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime

import sqlalchemy as sa

from basira.selection.online_forecast import plan_day
from basira.selection.online_recovery import RecordedArrival, recovered_day
from basira.selection.online_state import OnlineState
from basira.selection.online_tally import Tally
from basira.selection.places import BEYOND_CAPACITY
from basira.selection.policy import Policy
from basira.storage.operations_events import find_day, find_queue


def rebuilt_day(
    connection: sa.Connection, office: str, policy: Policy, *, day: date, past: Sequence[tuple[date, Tally]],
    sequence: int,
) -> OnlineState:  # fmt: skip
    """The state of a day whose text can't be read. ``past``: as for `plan_day`. ``sequence``: of the row that is."""
    plan = plan_day(office, policy, day=day, past=past)
    arrivals: list[RecordedArrival] = []
    seen: set[str] = set()
    for row in find_day(connection, office, day.isoformat()):
        payload = row["payload"]
        if row["kind"] != "decision" or row["declaration_id"] in seen:
            continue
        seen.add(row["declaration_id"])
        arrivals.append(
            RecordedArrival(
                datetime.fromisoformat(payload["decided_at"]), payload["fraud_probability"],
                payload["expected_revenue"], payload["basis"], payload["detail"],
            )
        )  # fmt: skip
    used: Counter[str] = Counter()
    beyond: Counter[str] = Counter()
    for row in find_queue(connection, office, day.isoformat()):
        if row["payload"].get("inspects"):
            (beyond if row["payload"].get("detail") == BEYOND_CAPACITY else used)[row["lane"]] += 1
    return recovered_day(plan, policy, arrivals=arrivals, used=used, beyond=beyond, sequence=sequence)
