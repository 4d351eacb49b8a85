"""What the last night found, for the pages.

Enters: a service, who looks. Leaves: reports of the night. Never here: a report that is computed in a request; pairs
for anyone but an auditor, or a look at them that is not audited.
"""

from __future__ import annotations

from datetime import date, datetime

from basira.monitor.integrity_report import IntegrityReport
from basira.schema.access import Principal
from basira.serving.service import Service
from basira.workflows.monitor.integrity import level_of, record_look, show_to
from basira.workflows.monitor.night import LatestNight, read_latest_night


def read_service_night(service: Service, *, today: date) -> LatestNight | None:
    """The latest night of the service's store, not later than today; None without one. Raises StoreError."""
    return None if service.store is None else read_latest_night(service.store, until=today)


def look_at_kept_pairs(
    service: Service, night: LatestNight, who: Principal, *, now: datetime
) -> IntegrityReport | None:
    """Who inspected whom, as far as the person may see it; the look is audited. None without such a report.

    ``who``: with the roles that have the right. Raises UsageError for a person who is neither auditor nor manager;
    StoreError.
    """
    if night.integrity is None:
        return None
    level = level_of(who.roles)
    record_look(service.database, who.id, level, night.integrity, now=now)
    return show_to(night.integrity, level)
