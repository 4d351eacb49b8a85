"""The decisions of a group recorded: states, events, personal values, answers, in as few round trips as there can be.

Enters: events, the states of offices at the sequences that they were made from, answers under their keys. Leaves: all
of it recorded, or the word that somebody else was quicker. Never here: what a state or an event means.

Two round trips to PostgreSQL: the states with the lock and the end of the chain, then everything that hangs on that end
with the commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from basira.storage.operations_chain import append_statements, end_statements, linked, read_end
from basira.storage.operations_events import Event, event_rows
from basira.storage.operations_online import (
    KeyedAnswer,
    NewState,
    answers_statement,
    are_saved,
    purge_statement,
    state_statements,
)
from basira.storage.operations_personal import values_statement
from basira.storage.operations_together import Sender


def record_group(
    sender: Sender, events: Sequence[Event], *, states: Sequence[NewState], answers: Sequence[KeyedAnswer],
    now: datetime, expires_at: datetime, purges: bool = False,
) -> bool:  # fmt: skip
    """Record a group in the sender's transaction; False, and then it is to be rolled back, when a state was written by
    somebody else meanwhile.

    ``expires_at``: until when the answers are kept. ``purges``: remove those that have expired first. Raises StoreError
    when an event lacks what its kind needs; the sender's transaction fails when an event, a key or a first state of an
    office's day is recorded already.
    """
    # Before the locks whatever needs none.
    rows, values = event_rows(events, now=now)
    places = state_statements(states, now=now)
    outcomes = sender.send(*places, *end_statements(sender, "event"))
    if not are_saved(outcomes[: len(places)]):
        return False
    last = read_end(outcomes)
    appended = linked("event", rows, last, now=now)
    sender.send_last(
        *append_statements("event", appended, last),
        values_statement(values),
        *([purge_statement(now=now)] if purges else []),
        answers_statement(answers, now=now, expires_at=expires_at),
    )
    return True
