"""Which officer has a declaration in hand: a table of what is so now, and the audit events that made it so.

Enters: a connection inside a transaction, a change, who makes it, when. Leaves: the officer in charge, loads, what
nobody has in hand. Never here: who may take or give (`basira.serving.officers`); a change without its audit event.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa

from basira.storage.accounts.tables import APP_USER, USER_ROLE
from basira.storage.database.connection import lock_chains
from basira.storage.database.tables import AUDIT_EVENT, DECLARATION_OFFICER, DECLARATION_STATUS
from basira.storage.record.audit_log import AuditEvent, append_audit
from basira.storage.record.personal import batches

# taken: by the officer. assigned: chosen as the policy says. handed_over: by one person to another, or to nobody.
Change = Literal["taken", "assigned", "handed_over"]
_SUBJECT = "declaration/"
_ACTIONS: tuple[str, ...] = ("declaration.taken", "declaration.assigned", "declaration.handed_over")
_AT_A_TIME = 500


@dataclass(frozen=True, slots=True)
class InHand:
    """Who has a declaration in hand. ``officer``: a user id; None: it was given back. ``since``: ISO 8601.
    ``sequence``: of the audit event that says so."""

    officer: str | None
    since: str
    sequence: int


@dataclass(frozen=True)
class Giving:
    """A declaration that gets an officer. ``officer``: None: it is given back. ``chosen_by``, ``among``: how one was
    chosen, and among whom; "" and empty for a person's own choice. ``motive``: "" for none."""

    declaration_id: str
    office: str
    officer: str | None
    change: Change
    actor: str
    chosen_by: str = ""
    among: tuple[str, ...] = ()
    motive: str = ""


def lock_officers(connection: sa.Connection) -> None:
    """Be the only one to give declarations until the transaction ends: before the look at who has one."""
    lock_chains(connection)


def find_in_hand(connection: sa.Connection, declaration_ids: Sequence[str]) -> dict[str, InHand]:
    """Who has each of some declarations in hand; one that nobody ever had, or that is another office's since, is
    absent."""
    held, place = DECLARATION_OFFICER.c, DECLARATION_STATUS.c
    found: dict[str, InHand] = {}
    for batch in batches(list(dict.fromkeys(declaration_ids)), _AT_A_TIME):
        query = (
            sa.select(held.declaration_id, held.officer, held.since, held.sequence)
            .join(DECLARATION_STATUS, place.declaration_id == held.declaration_id)
            .where(held.declaration_id.in_(batch), held.office == place.office)
        )
        found |= {row[0]: InHand(*row[1:]) for row in connection.execute(query)}
    return found


def give(connection: sa.Connection, giving: Giving, *, now: datetime) -> InHand:
    """Record who has a declaration in hand from now on, with the audit event that says so."""
    own = DECLARATION_OFFICER.c
    before = connection.execute(
        sa.select(own.officer).where(own.declaration_id == giving.declaration_id)
    ).scalar_one_or_none()
    row = append_audit(
        connection,
        AuditEvent(
            action=f"declaration.{giving.change}",
            subject=f"{_SUBJECT}{giving.declaration_id}",
            actor=giving.actor,
            before={"officer": before},
            after={
                "officer": giving.officer,
                "office": giving.office,
                **({"chosen_by": giving.chosen_by, "among": list(giving.among)} if giving.chosen_by else {}),
            },
            motive=giving.motive or None,
        ),
        now=now,
    )
    values = {
        "office": giving.office,
        "officer": giving.officer,
        "since": row["recorded_at"],
        "sequence": row["sequence"],
    }
    of_one = sa.update(DECLARATION_OFFICER).where(own.declaration_id == giving.declaration_id).values(values)
    if connection.execute(of_one).rowcount == 0:
        connection.execute(DECLARATION_OFFICER.insert(), {"declaration_id": giving.declaration_id, **values})
    return InHand(giving.officer, row["recorded_at"], row["sequence"])


def list_inspectors(connection: sa.Connection, office: str) -> list[str]:
    """The user ids of the active inspectors of an office, sorted."""
    query = (
        sa.select(USER_ROLE.c.user_id)
        .join(APP_USER, APP_USER.c.user_id == USER_ROLE.c.user_id)
        .where(USER_ROLE.c.role == "inspector", USER_ROLE.c.office == office, APP_USER.c.is_active.is_(sa.true()))
        .order_by(USER_ROLE.c.user_id)
    )
    return list(connection.execute(query).scalars())


def count_in_hand(connection: sa.Connection, officers: Sequence[str]) -> dict[str, int]:
    """How many declarations wait for each of some officers, of whichever office; 0 for none."""
    held, place = DECLARATION_OFFICER.c, DECLARATION_STATUS.c
    query = (
        sa.select(held.officer, sa.func.count())
        .join(DECLARATION_STATUS, place.declaration_id == held.declaration_id)
        .where(held.officer.in_(list(officers)), held.office == place.office, *_waits())
        .group_by(held.officer)
    )
    return dict.fromkeys(officers, 0) | {str(row[0]): int(row[1]) for row in connection.execute(query)}


def list_free(
    connection: sa.Connection, office: str, *, intensity: Mapping[str, int], limit: int
) -> list[tuple[str, int]]:
    """What waits at an office and nobody has in hand, the most intensive lane first, then by arrival: the number, and
    the sequence of the audit event that gave it back, 0 for none. ``limit``: so many."""
    place, held = DECLARATION_STATUS.c, DECLARATION_OFFICER.c
    rank = sa.case(*((place.lane == name, level) for name, level in intensity.items()), else_=0) if intensity else None
    query = (
        sa.select(place.declaration_id, sa.func.coalesce(held.sequence, 0))
        .join(DECLARATION_OFFICER, held.declaration_id == place.declaration_id, isouter=True)
        .where(place.office == office, *_waits(), sa.not_(is_in_hand()))
        .order_by(*([] if rank is None else [rank.desc()]), place.sequence)
        .limit(limit)
    )
    return [(str(number), int(sequence)) for number, sequence in connection.execute(query)]


def is_in_hand(officer: str | None = None) -> sa.ColumnElement[bool]:
    """Of a row of `declaration_status`: whether an officer of its office has it in hand; this one, where named."""
    held, place = DECLARATION_OFFICER.alias().c, DECLARATION_STATUS.c
    wanted = held.officer.is_not(None) if officer is None else held.officer == officer
    return sa.exists(
        sa.select(sa.literal(1))
        .where(held.declaration_id == place.declaration_id, held.office == place.office, wanted)
        .correlate(DECLARATION_STATUS)
    )


def _waits() -> tuple[sa.ColumnElement[bool], ...]:
    place = DECLARATION_STATUS.c
    return place.inspects.is_(sa.true()), place.is_inspected.is_(sa.false()), place.is_cancelled.is_(sa.false())


def officer_faults(connection: sa.Connection) -> Iterator[str]:
    """What is wrong with who has which declaration in hand: a row that is not what the last audit event of its
    declaration says, a declaration whose row is gone. As many as there are; nothing is held in memory."""
    own, audit, later = DECLARATION_OFFICER.c, AUDIT_EVENT.c, AUDIT_EVENT.alias().c
    subject = sa.literal(_SUBJECT) + own.declaration_id
    is_overtaken = sa.exists().where(
        later.subject == subject, later.action.in_(_ACTIONS), later.sequence > own.sequence
    )
    query = (
        sa.select(DECLARATION_OFFICER, audit.subject, audit.action, audit.recorded_at, audit.after, is_overtaken)
        .join(AUDIT_EVENT, audit.sequence == own.sequence, isouter=True)
        .order_by(own.declaration_id)
    )
    for number, office, officer, since, _, of, action, recorded_at, after, overtaken in connection.execute(query):
        said = json.loads(after) if action in _ACTIONS and of == f"{_SUBJECT}{number}" else {}
        if overtaken or (said.get("office"), said.get("officer"), recorded_at) != (office, officer, since):
            yield f"the officer of declaration {number}: expected what its last audit event says, found another"
    gone = sa.select(sa.func.min(audit.subject)).where(
        audit.action.in_(_ACTIONS),
        ~sa.exists().where(own.declaration_id == sa.func.substr(audit.subject, len(_SUBJECT) + 1)),
    )
    if (of := connection.execute(gone).scalar()) is not None:
        yield f"the officer of {of}: its row is gone"
