"""The life of a version: which step follows which, by whom, and never without a second person."""

from __future__ import annotations

from datetime import date
from itertools import product
from typing import Any

import pytest

from basira.rules.faults import say_fault
from basira.rules.json_form import read_rule
from basira.rules.lifecycle import STATES, State, Step, check_step, require_gate, require_writer, status_of
from basira.schema.access import Role
from basira.schema.errors import RuleError
from tests.rules.test_json_form import content

ANALYST: frozenset[Role] = frozenset({"analyst"})
MANAGER: frozenset[Role] = frozenset({"manager"})
BOTH = ANALYST | MANAGER
WAY: tuple[State, ...] = ("draft", "tested", "submitted", "approved", "shadow", "live", "retired")


def steps(*states: State, version: int = 1, actor: str = "u-author") -> list[Step]:
    return [Step(version, state, actor) for state in states]


def fault(taken: list[Step], wanted: State, **changes: Any) -> str:
    given = {"actor": "u-other", "roles": BOTH, "motive": "Seen in 2025.", **changes}
    try:
        check_step(taken, taken[-1].version, wanted, **given)
    except RuleError as error:
        return error.reason
    return ""


def test_the_whole_way() -> None:
    for number in range(1, len(WAY)):
        assert fault(steps(*WAY[:number]), WAY[number]) == ""


def test_no_other_step_is_taken() -> None:
    allowed = {(one, WAY[WAY.index(one) + 1]) for one in WAY[:-1]}
    allowed |= {(one, "retired") for one in WAY[:-1]}
    allowed |= {("submitted", "draft"), ("tested", "tested"), ("approved", "live")}
    taken = {pair for pair in product(STATES, STATES) if fault(steps(pair[0]), pair[1]) == ""}
    assert taken == allowed


def test_a_version_is_tested_on_the_past_before_it_is_submitted() -> None:
    assert fault(steps("draft"), "submitted") == "no_backtest"


@pytest.mark.parametrize("roles", [MANAGER, BOTH])
def test_the_author_approves_in_no_role(roles: frozenset[Role]) -> None:
    taken = steps("draft", "tested", "submitted")
    assert fault(taken, "approved", actor="u-author", roles=roles) == "same_person"


def test_the_one_who_submitted_does_not_approve() -> None:
    taken = [*steps("draft", "tested"), Step(1, "submitted", "u-second")]
    assert fault(taken, "approved", actor="u-second") == "same_person"
    assert fault(taken, "approved", actor="u-third") == ""


def test_an_approval_of_another_version_says_nothing_of_this_one() -> None:
    taken = [*steps("draft", "tested", "submitted", "approved"), *steps("draft", version=2)]
    assert fault(taken, "live") == "state"


@pytest.mark.parametrize(
    ("wanted", "before", "roles"),
    [
        ("approved", "submitted", ANALYST),
        ("live", "approved", ANALYST),
        ("submitted", "tested", MANAGER),
        ("retired", "live", frozenset({"inspector"})),
        ("retired", "live", frozenset()),
    ],
)
def test_a_step_takes_its_role(wanted: State, before: State, roles: frozenset[Role]) -> None:
    assert fault(steps(before), wanted, roles=roles) == "no_right"


def test_only_authors_write() -> None:
    require_writer(ANALYST)
    with pytest.raises(RuleError):
        require_writer(MANAGER)


def test_approval_and_retirement_take_a_motive() -> None:
    assert fault(steps("submitted"), "approved", motive=" ") == "motive"
    assert fault(steps("live"), "retired", motive="") == "motive"


def test_dates_make_it_wait_and_expire() -> None:
    rule = read_rule(content())[0]
    taken = steps("draft", "tested", "submitted", "approved", "live")
    days = {date(2026, 11, 30): "waiting", date(2026, 12, 1): "live", date(2027, 5, 31): "live"}
    assert {day: status_of(taken, 1, rule, on=day) for day in days} == days
    assert status_of(taken, 1, rule, on=date(2027, 6, 1)) == "expired"
    assert status_of([*taken, *steps("retired")], 1, rule, on=date(2027, 6, 1)) == "retired"


def test_the_live_version_stays_until_another_takes_its_place() -> None:
    rule, on = read_rule(content())[0], date(2026, 12, 1)
    live = steps("draft", "tested", "submitted", "approved", "live")
    draft = [*live, *steps("draft", version=2)]
    assert (status_of(draft, 1, rule, on=on), status_of(draft, 2, rule, on=on)) == ("live", "draft")
    taken = [*draft, *steps("tested", "submitted", "approved", "live", version=2)]
    assert (status_of(taken, 1, rule, on=on), status_of(taken, 2, rule, on=on)) == ("replaced", "live")
    retired = [*taken, *steps("retired", version=2)]
    assert status_of(retired, 1, rule, on=on) == "live"


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("fr", "trouvé à A le 2021-01-05 : places 1, déclarations que la règle y prend en moyenne 1,9."),
        ("en", "found at A on 2021-01-05: slots 1, declarations that the rule takes on average 1.9."),
    ],
)
def test_the_gate_names_slots_and_the_average_that_the_rule_takes(language: str, said: str) -> None:
    gate = {
        "obstacles": ["capacity"],
        "office": "A",
        "day": "2021-01-05",
        "wanted": 1.9,
        "slots": 1,
        "most_capacity_share": 0.3,
    }
    with pytest.raises(RuleError) as found:
        require_gate({"gate": gate})
    assert say_fault(found.value, language, strict=True).endswith(said)
