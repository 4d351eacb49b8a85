"""Rules of analysts made live in an operational database, with the two persons that it takes."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from basira.rules.json_form import write_condition
from basira.rules.lifecycle import State
from basira.rules.text import parse_condition
from basira.schema.access import Grant
from basira.storage.accounts.users import NewUser, create_user, find_user
from basira.storage.database.connection import Database
from basira.workflows.rules.life import read_rule_text, take_step, write_version
from basira.workflows.rules.lists import known_vocabulary
from basira.workflows.rules.vocabulary import make_vocabulary

# In the past: the proof of the record rejects rows later than the clock.
WRITTEN = datetime(2023, 10, 1, 9)


def rule_content(rule_id: str, text: str, *, begins: date = date(2023, 10, 1), **changes: Any) -> dict[str, Any]:
    """The JSON of a rule of half a year that wants the lane orange, unless ``effect`` says otherwise."""
    return {
        "rule_id": rule_id,
        "title": f"Title of {rule_id}",
        "reason": "Seen in a test.",
        "condition": write_condition(parse_condition(text, make_vocabulary())),
        "effect": {"lane": "orange"},
        "sample_share": 1.0,
        "offices": [],
        "starts_on": begins.isoformat(),
        "expires_on": (begins + timedelta(days=180)).isoformat(),
        **changes,
    }


def add_persons(connection: sa.Connection, *, now: datetime = WRITTEN) -> None:
    """An analyst and a manager, once."""
    for login, role in (("amina", "analyst"), ("badr", "manager")):
        if find_user(connection, login=login) is None:
            create_user(connection, NewUser(login, login, [Grant(role)]), actor="t", now=now)


def make_live(database: Database, content: dict[str, Any], *, now: datetime = WRITTEN, state: State = "live") -> None:
    """Write a version and take it as far as ``state``: live, or shadow."""
    with database.write() as connection:
        add_persons(connection, now=now)
    rule = read_rule_text(json.dumps(content), known_vocabulary(database))
    write_version(database, rule, login="amina", now=now)
    take_step(database, rule.rule_id, "tested", login="amina", now=now, detail={"hits": 3})
    take_step(database, rule.rule_id, "submitted", login="amina", now=now)
    take_step(database, rule.rule_id, "approved", login="badr", now=now, motive="Seen in tests.")
    take_step(database, rule.rule_id, state, login="badr", now=now)
