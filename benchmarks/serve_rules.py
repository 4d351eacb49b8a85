"""Live rules of analysts in the record of a served world: written, tested, approved by a second person, made live.

Enters: a world, a database's address, how many, the day. Leaves: rules on record, as the workflows make them. Each is
around a declaration of the world, as analysts write them: a heading and an origin, then a figure; one in twenty without
either. Everything is simulated.
"""

from __future__ import annotations

import json
import random
from datetime import datetime, timedelta
from typing import Any

from serve_world import ServedWorld

from basira.rules.json_form import write_condition
from basira.rules.text import parse_condition
from basira.schema.access import Grant
from basira.schema.errors import RuleError
from basira.storage.accounts.users import NewUser, create_user
from basira.storage.database.connection import Database
from basira.workflows.rules.life import read_rule_text, take_step, write_version
from basira.workflows.rules.lists import known_vocabulary

_DAYS = 90


def make_rules_live(world: ServedWorld, database: str, count: int, *, now: datetime, seed: int = 1) -> None:
    """Put so many rules in force from the day of ``now`` on. The database is there already."""
    templates = json.loads(world.templates.read_text(encoding="utf-8"))
    draw = random.Random(seed)  # noqa: S311 - a seeded draw of test rules
    with Database(database) as opened:
        with opened.write() as connection:
            for login, role in (("bench-analyst", "analyst"), ("bench-manager", "manager")):
                create_user(connection, NewUser(login, login, [Grant(role)]), actor="benchmark", now=now)  # type: ignore[arg-type]
        vocabulary = known_vocabulary(opened)
        for number in range(count):
            text = _text(draw, draw.choice(templates))
            content = {
                "rule_id": f"bench-{number:04d}",
                "title": f"Rule {number} of a benchmark",
                "reason": "Made to be judged.",
                "condition": write_condition(parse_condition(text, vocabulary)),
                "effect": {"lane": "yellow"},
                "sample_share": 1.0,
                "offices": [],
                "starts_on": now.date().isoformat(),
                "expires_on": (now.date() + timedelta(days=_DAYS)).isoformat(),
            }
            rule = read_rule_text(json.dumps(content), vocabulary)
            try:
                write_version(opened, rule, login="bench-analyst", now=now)
            except RuleError as error:
                raise SystemExit(f"{text}: {error.message}") from error
            for state, login, motive in (
                ("tested", "bench-analyst", ""),
                ("submitted", "bench-analyst", ""),
                ("approved", "bench-manager", "A benchmark."),
                ("live", "bench-manager", ""),
            ):
                take_step(opened, rule.rule_id, state, login=login, now=now, motive=motive)  # type: ignore[arg-type]


def _text(draw: random.Random, declaration: dict[str, Any]) -> str:
    item = draw.choice(declaration["items"])
    code, origin = item["commodity_code"][:4], item.get("origin_country") or "CN"
    goods = f"commodity_code starts with '{code}'"
    if draw.random() < 0.05:
        return f"customs_value_amount > {draw.randint(10**6, 10**8)}"
    forms = (
        f"{goods} and origin_country = '{origin}' and net_mass_kg > {draw.randint(1, 5000)} kg",
        f"{goods} and value_per_kg < {draw.randint(1, 900)}",
        f"{goods} and origin_country = '{origin}' and importer_hit_rate_365d > {draw.randint(5, 40)} %",
        f"{goods} and value_per_kg < 0.5 * value_per_kg_reference",
    )
    return draw.choice(forms)
