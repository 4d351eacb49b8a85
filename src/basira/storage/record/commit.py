"""The decisions of a group recorded: states, events, personal values, answers, in as few round trips as there can be.

Enters: events, the states of offices at the sequences that they were made from, answers under their keys. Leaves: all
of it recorded, or the report that another writer was quicker. Never here: what a state or an event means.

Two round trips to PostgreSQL: the states with the lock and the end of the chain, then everything that hangs on that end
with the commit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from basira.storage.database.pipeline import Sender
from basira.storage.online.office_state import (
    NewAnswers,
    NewState,
    answers_statements,
    are_saved,
    state_statements,
)
from basira.storage.record.chain import append_statements, end_statements, link, read_end
from basira.storage.record.events import EventRows, count_statements, have_as_many
from basira.storage.record.personal import values_statement


def record_group(
    sender: Sender,
    events: EventRows,
    *,
    states: Sequence[NewState],
    answers: NewAnswers,
    now: datetime,
    known: Mapping[str, int] | None = None,
) -> bool:
    """Record a group in the sender's transaction. False, and then the caller rolls back, when another writer wrote a
    state meanwhile, or a declaration of ``known`` has a new event.

    ``known``: how many events each declaration had when it was looked up.

    ``events``: their `event_rows`, made before the transaction: those of a thousand items take as long to write down as
    ten plain declarations to decide, which wait for the same locks. Raises StoreError when the clock is ahead (see
    `read_end`); the sender's transaction fails when an event, a key or a first state of an office's day is recorded
    already.
    """
    places = state_statements(states, now=now)
    ends = end_statements(sender, "event")
    # Counted behind the lock, when no other writer can append.
    seen = known or {}
    outcomes = sender.send(*places, *ends, *count_statements(seen))
    behind = len(places) + len(ends)
    if not are_saved(outcomes[: len(places)]) or not have_as_many(outcomes[behind:], seen.values()):
        return False
    last = read_end(outcomes[len(places) : behind], now=now)
    appended = link("event", events.rows, last, now=now)
    sender.send_last(
        *append_statements("event", appended, last),
        values_statement(events.values),
        *answers_statements(answers, now=now),
    )
    return True


def keep_answers(sender: Sender, answers: NewAnswers, *, now: datetime) -> None:
    """Keep the answers alone, of what is recorded already; as `record_group`."""
    sender.send_last(*answers_statements(answers, now=now))
