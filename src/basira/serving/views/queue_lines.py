"""An office's queue as a page shows it: of each declaration one line.

Enters: as `serving.views.queue`. Leaves: lines with the first reason in words, and the kinds of what to verify. Never
here: more than the API's queue has; the sentences of all reasons, which take longer to say than all else together.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from basira.decisions.events import Reselection
from basira.serving.service import Service
from basira.serving.status import Status, StatusName
from basira.serving.views.decision import basis_line, reselected_text
from basira.serving.views.explained import reason_line
from basira.serving.views.queue import Queue, find_page


@dataclass(frozen=True)
class QueueLine:
    """``since``: when the lane was given, ISO 8601. ``reason``: the first one in words; without any, why it is in its
    lane. ``verify``: kinds of irregularity, each once. ``is_reselected``: an officer gave the lane."""

    declaration_id: str
    lane: str
    status: StatusName
    since: str
    reason: str
    verify: tuple[str, ...]
    is_reselected: bool


@dataclass(frozen=True)
class Lines:
    """Lines of a queue. ``total``: of the whole queue, filtered. ``next_cursor``: where to go on; None at the end."""

    lines: tuple[QueueLine, ...]
    total: int
    next_cursor: str | None


def queue_lines(
    service: Service, queue: Queue, *, limit: int | None = None, cursor: str | None = None, today: date | None = None
) -> Lines:
    """The declarations of a queue in its order. Parameters and errors: see `queue_page`."""
    statuses, total, next_cursor = find_page(service, queue, limit=limit, cursor=cursor, today=today)
    lines = (_line(one, queue.language, is_secret_hidden=queue.is_secret_hidden) for one in statuses)
    return Lines(tuple(lines), total, next_cursor)


def _line(one: Status, language: str, *, is_secret_hidden: bool) -> QueueLine:
    change = one.assignment if isinstance(one.assignment, Reselection) else None
    items = (change.items if change is not None else None) or one.decision.items
    # There is nothing to be read into a random control, unless an officer picked it; an inspector must not know it.
    has_reasons = one.decision.basis != "random" or change is not None or is_secret_hidden
    reason = reason_line(items, language=language, currency=one.decision.currency) if has_reasons else ""
    if not reason:
        reason = basis_line(one.decision, language=language, is_secret_hidden=is_secret_hidden)
        reason = reason if change is None else reselected_text(reason, language=language)
    return QueueLine(
        declaration_id=one.assignment.declaration_id,
        lane=one.lane,
        status=one.name,
        since=one.assignment.recorded_at,
        reason=reason,
        verify=tuple(dict.fromkeys(code for item in items for code in item["verify"])),
        is_reselected=change is not None,
    )
