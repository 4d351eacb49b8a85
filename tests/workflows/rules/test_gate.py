"""What a rule must reach before it is submitted: it fills no office's day."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from basira.rules.faults import say_fault
from basira.rules.model import Effect
from basira.rules.worth import estimate_hit_rate
from basira.schema.errors import RuleError
from basira.storage.database.connection import Database
from basira.storage.rules.store import list_steps
from basira.workflows.rules.backtest import BackTest, OfficeDay
from basira.workflows.rules.gate import gate_of, loads_of
from basira.workflows.rules.life import read_rule_text, take_step, write_version
from basira.workflows.rules.vocabulary import make_vocabulary
from tests.support.live_rules import WRITTEN, add_persons, rule_content
from tests.support.selection_world import MONDAY, counts, policy

RULE = read_rule_text(json.dumps(rule_content("phones", "origin_country = 'CN'")), make_vocabulary())
# Ten slots in the lane orange and the lighter one, and one more in the heavier, which the rule does not ask for.
ROOM = policy(capacity=[{"office": "*", "lanes": counts(4, 6, 1)}])


def past(*hits: int) -> BackTest:
    days = tuple(OfficeDay("A", date(2021, 1, 4 + n), 100, one) for n, one in enumerate(hits))
    return BackTest(
        rule_id="phones", first=MONDAY, last=date(2021, 1, 3 + len(hits)), declarations=100 * len(hits),
        hits=sum(hits), unknown=0, office_days=days, rate=estimate_hit_rate(sum(hits), []), findings_in_all=0,
        revenue_found=0.0, examples=(), needless=(), missed=(),
    )  # fmt: skip


def test_the_load_is_the_hits_that_act_on_the_slots_of_the_lane_and_lighter_ones() -> None:
    [one] = loads_of(RULE, past(4), lambda _: ROOM)
    assert (one.wanted, one.slots) == (pytest.approx(4 * 0.95), 10)
    assert one.share == pytest.approx(0.38)
    assert loads_of(replace(RULE, effect=Effect(tag="seen")), past(4), lambda _: ROOM) == ()


def test_a_rule_that_fills_a_day_does_not_pass_and_one_that_does_not_passes() -> None:
    assert gate_of(RULE, past(1, 5), lambda _: ROOM)["obstacles"] == []
    full = gate_of(RULE, past(1, 6), lambda _: ROOM)
    assert (full["obstacles"], full["office"], full["day"]) == (["capacity"], "A", "2021-01-05")
    closed = policy(capacity=[{"office": "*", "lanes": counts(0, 0, 1)}])
    assert gate_of(RULE, past(1), lambda _: closed)["obstacles"] == ["capacity"]


def test_the_policy_asks_for_days_and_has_the_lane() -> None:
    longer = policy(rules={"least_test_days": 3})
    assert gate_of(RULE, past(0, 0), lambda _: longer)["obstacles"] == ["days"]
    purple = replace(RULE, effect=Effect(lane="purple"))
    assert gate_of(purple, past(0), lambda _: ROOM)["obstacles"] == ["lane"]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database(tmp_path / "operations.sqlite") as opened:
        with opened.write() as connection:
            add_persons(connection)
        write_version(opened, RULE, login="amina", now=WRITTEN)
        yield opened


def test_such_a_rule_cannot_be_submitted_and_nothing_is_changed(database: Database) -> None:
    gate: Any = gate_of(RULE, past(9), lambda _: ROOM)
    take_step(database, "phones", "tested", login="amina", now=WRITTEN, detail={"gate": gate})
    with pytest.raises(RuleError) as fault:
        take_step(database, "phones", "submitted", login="amina", now=WRITTEN)
    for language in ("fr", "en", "ar"):
        said = say_fault(fault.value, language, strict=True).translate({0x2068: None, 0x2069: None})
        assert "50%" in said.replace("\xa0", "").replace(" %", "%")
        assert "10" in said
    with database.read() as connection:
        assert [step.state for step in list_steps(connection, "phones")] == ["draft", "tested"]
    # A better test, of a version that asks for less, takes its place.
    take_step(
        database, "phones", "tested", login="amina", now=WRITTEN,
        detail={"gate": dict(gate_of(RULE, past(2), lambda _: ROOM))},
    )  # fmt: skip
    assert take_step(database, "phones", "submitted", login="amina", now=WRITTEN).state == "submitted"
