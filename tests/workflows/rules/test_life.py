"""A rule's life on record: versions kept, a second person, every step in the audit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from basira.rules.model import Rule
from basira.schema.access import Grant
from basira.schema.errors import NotFoundError, RuleError, StoreError, UsageError
from basira.storage.accounts.users import NewUser, create_user, set_active
from basira.storage.database.connection import Database
from basira.storage.record.activity import find_audit
from basira.storage.record.runs import Operations
from basira.storage.record.verify import verify
from basira.storage.rules.store import Act, add_step
from basira.workflows.rules.in_force import read_rule_set
from basira.workflows.rules.life import (
    compare_versions,
    read_rule_text,
    rules_in_force,
    show_all,
    show_version,
    take_step,
    write_version,
)
from basira.workflows.rules.vocabulary import make_vocabulary
from tests.rules.test_json_form import content

# In the past: the proof of the record rejects rows later than the clock.
NOW = datetime(2026, 3, 2, 9)
DATES = {"starts_on": "2026-03-01", "expires_on": "2026-08-31"}
VOCABULARY = make_vocabulary()


def rule(**changes: Any) -> Rule:
    return read_rule_text(json.dumps(content(**{**DATES, **changes})), VOCABULARY)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database(tmp_path / "operations.sqlite") as opened:
        with opened.write() as connection:
            for login, role in (("amina", "analyst"), ("badr", "manager"), ("chama", "analyst")):
                create_user(connection, NewUser(login, login, [Grant(role)]), actor="t", now=NOW)
            both = [Grant("analyst"), Grant("manager")]
            create_user(connection, NewUser("driss", "d", both), actor="t", now=NOW)
        yield opened


def make_live(database: Database, rule_id: str, *, author: str = "amina") -> None:
    take_step(database, rule_id, "tested", login=author, now=NOW, detail={"hits": 3})
    take_step(database, rule_id, "submitted", login=author, now=NOW)
    take_step(database, rule_id, "approved", login="badr", now=NOW, motive="Three findings in a month.")
    take_step(database, rule_id, "live", login="badr", now=NOW)


def test_a_rule_goes_live_with_two_persons_and_each_step_is_in_the_audit(database: Database) -> None:
    write_version(database, rule(), login="amina", now=NOW)
    make_live(database, "phones-cn")
    with database.read() as connection:
        [live] = rules_in_force(connection, on=NOW.date())
        assert rules_in_force(connection, on=date(2026, 9, 1)) == []
        audited = find_audit(connection, subject="rule/phones-cn/1")
    assert (live.rule, live.status) == (rule(), "live")
    assert sorted(event["action"] for event in audited) == [
        "rule.approved", "rule.draft", "rule.live", "rule.submitted", "rule.tested",
    ]  # fmt: skip
    with Operations(database.place, create=False) as operations:
        assert verify(operations).faults == ()


def test_an_approver_who_is_the_author_changes_nothing(database: Database) -> None:
    write_version(database, rule(), login="driss", now=NOW)
    take_step(database, "phones-cn", "tested", login="driss", now=NOW)
    take_step(database, "phones-cn", "submitted", login="driss", now=NOW)
    with pytest.raises(RuleError) as caught:
        take_step(database, "phones-cn", "approved", login="driss", now=NOW, motive="Mine is good.")
    assert caught.value.reason == "same_person"
    with database.read() as connection:
        assert show_version(connection, "phones-cn", on=NOW.date()).status == "submitted"


def test_every_version_is_kept_and_two_are_compared(database: Database) -> None:
    write_version(database, rule(), login="amina", now=NOW)
    make_live(database, "phones-cn")
    write_version(database, rule(title="Phones", sample_share=0.3), login="chama", now=NOW)
    with database.read() as connection:
        versions = show_all(connection, on=NOW.date())
    assert [(one.stored.version, one.status) for one in versions] == [(1, "live"), (2, "draft")]
    assert compare_versions(versions[0].rule, versions[1].rule, VOCABULARY, "fr") == [
        '- title: "Phones from China"', '+ title: "Phones"', "- sample_share: 1.0", "+ sample_share: 0.3",
    ]  # fmt: skip
    assert compare_versions(versions[0].rule, versions[0].rule, VOCABULARY, "fr") == []


def test_of_two_editors_at_once_the_second_is_told(database: Database) -> None:
    write_version(database, rule(), login="amina", now=NOW)
    take_step(database, "phones-cn", "tested", login="amina", now=NOW, expected_number=1)
    with pytest.raises(RuleError) as caught:
        take_step(database, "phones-cn", "retired", login="badr", now=NOW, motive="x", expected_number=1)
    assert caught.value.reason == "changed_meanwhile"
    with database.read() as connection:
        stale = show_version(connection, "phones-cn", on=NOW.date()).steps[0]
    with pytest.raises(UsageError, match="meanwhile"), database.write() as connection:
        add_step(connection, stale, "live", Act("u", NOW))


def test_the_same_content_is_no_new_version(database: Database) -> None:
    write_version(database, rule(), login="amina", now=NOW)
    with pytest.raises(RuleError) as caught:
        write_version(database, rule(), login="amina", now=NOW)
    assert caught.value.reason == "same_content"


@pytest.mark.parametrize(("login", "error"), [("nobody", NotFoundError), ("badr", RuleError)])
def test_who_may_not_write_writes_nothing(database: Database, login: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        write_version(database, rule(), login=login, now=NOW)
    with database.read() as connection:
        assert show_all(connection, on=NOW.date()) == []


def test_an_account_out_of_use_takes_no_step(database: Database) -> None:
    write_version(database, rule(), login="amina", now=NOW)
    with database.write() as connection:
        from basira.storage.accounts.users import find_user

        user = find_user(connection, login="chama")
        assert user is not None
        set_active(connection, user.user_id, False, actor="t", now=NOW)
    with pytest.raises(NotFoundError):
        take_step(database, "phones-cn", "tested", login="chama", now=NOW)


def test_a_rule_that_is_over_is_not_submitted(database: Database) -> None:
    write_version(database, rule(), login="amina", now=NOW)
    take_step(database, "phones-cn", "tested", login="amina", now=NOW)
    with pytest.raises(RuleError) as caught:
        take_step(database, "phones-cn", "submitted", login="amina", now=datetime(2026, 9, 1))
    assert caught.value.reason == "expired"


@pytest.mark.parametrize("statement", ["UPDATE risk_rule SET author = 'x'", "DELETE FROM risk_rule_step"])
def test_what_is_recorded_is_never_changed(database: Database, statement: str) -> None:
    write_version(database, rule(), login="amina", now=NOW)
    with pytest.raises(StoreError, match="append-only"), database.write() as connection:
        connection.execute(sa.text(statement))


@pytest.mark.parametrize(
    "condition",
    [
        {"one_of": {"field": "importer_id", "values": ["001234567000089"]}},
        {"not": {"starts_with": {"field": "declarant_id", "prefixes": ["A"]}}},
    ],
)
def test_no_identifier_of_a_person_is_recorded_for_good(condition: dict[str, Any]) -> None:
    with pytest.raises(RuleError) as caught:
        rule(condition=condition)
    assert caught.value.reason == "personal_value"
    assert rule(condition={"is_missing": {"field": "importer_id"}}).condition is not None


@pytest.mark.parametrize(
    "text", ["", "{", "[" * 100_000, "5", "{}" + " " * 100_000, '{"rule_id": "a", "rule_id": "b"}']
)
def test_a_file_that_is_no_rule_is_a_fault(text: str) -> None:
    with pytest.raises(RuleError):
        read_rule_text(text, VOCABULARY)


def test_the_vocabulary_has_labels_in_three_languages() -> None:
    found = [VOCABULARY.find(word) for word in ("Pays d’origine", "بلد المنشأ", "country of origin", "origin_country")]
    assert {name and name.name for name in found} == {"origin_country"}
    hit_rate = VOCABULARY.find("importer_hit_rate_365d")
    assert hit_rate is not None
    assert (hit_rate.source, hit_rate.measure) == ("feature", "rate")


def test_a_version_that_begins_later_takes_the_place_of_the_one_before_on_its_first_day(database: Database) -> None:
    """No day is without a rule in between, and the same is read for decisions."""
    write_version(database, rule(), login="amina", now=NOW)
    make_live(database, "phones-cn")
    write_version(database, rule(title="Later", starts_on="2026-04-01"), login="amina", now=NOW)
    make_live(database, "phones-cn")
    days = (date(2026, 3, 31), date(2026, 4, 1))
    with database.read() as connection:
        shown = [[(one.stored.version, one.status) for one in show_all(connection, on=day)] for day in days]
        found = read_rule_set(connection)
    assert shown == [[(1, "live"), (2, "waiting")], [(1, "replaced"), (2, "live")]]
    holding = [[one.version for one in found.rules if one.rule.holds_on(day, "A")] for day in days]
    assert holding == [[1], [2]]


@pytest.fixture
def offices(database: Database) -> Database:
    """With an analyst and a manager of the office 101, and an analyst of 202."""
    with database.write() as connection:
        for login, grant in (
            ("nora", Grant("analyst", "101")),
            ("omar", Grant("manager", "101")),
            ("rim", Grant("analyst", "202")),
        ):
            create_user(connection, NewUser(login, login, [grant]), actor="t", now=NOW)
    return database


def reason(work: Any) -> str:
    with pytest.raises(RuleError) as caught:
        work()
    return caught.value.reason


def test_a_rule_of_an_office_lives_by_the_persons_of_that_office(offices: Database) -> None:
    write_version(offices, rule(offices=["101"]), login="nora", now=NOW)
    take_step(offices, "phones-cn", "tested", login="nora", now=NOW)
    assert reason(lambda: take_step(offices, "phones-cn", "submitted", login="rim", now=NOW)) == "other_office"
    take_step(offices, "phones-cn", "submitted", login="nora", now=NOW)
    assert reason(lambda: take_step(offices, "phones-cn", "approved", login="nora", now=NOW, motive="x")) == "no_right"
    take_step(offices, "phones-cn", "approved", login="omar", now=NOW, motive="Three findings.")
    take_step(offices, "phones-cn", "live", login="omar", now=NOW)
    with offices.read() as connection:
        [live] = rules_in_force(connection, on=NOW.date())
    assert live.rule.offices == ("101",)


@pytest.mark.parametrize("held", [[], ["202"], ["101", "202"]])
def test_a_person_of_an_office_writes_and_steps_no_rule_of_others(offices: Database, held: list[str]) -> None:
    mine = rule(offices=held)
    assert reason(lambda: write_version(offices, mine, login="nora", now=NOW)) == "other_office"
    with pytest.raises(NotFoundError):
        take_step(offices, "phones-cn", "tested", login="amina", now=NOW)
    write_version(offices, mine, login="amina", now=NOW)
    for login, state in (("nora", "tested"), ("omar", "approved"), ("omar", "retired")):
        assert reason(lambda: take_step(offices, "phones-cn", state, login=login, now=NOW)) == "other_office"  # noqa: B023
    # A new version for the own office would take the place of the rule everywhere.
    assert reason(lambda: write_version(offices, rule(offices=["101"]), login="nora", now=NOW)) == "other_office"


def test_persons_of_every_office_may_take_the_steps_of_a_local_rule(offices: Database) -> None:
    write_version(offices, rule(offices=["101"]), login="nora", now=NOW)
    take_step(offices, "phones-cn", "tested", login="nora", now=NOW)
    take_step(offices, "phones-cn", "submitted", login="nora", now=NOW)
    take_step(offices, "phones-cn", "approved", login="badr", now=NOW, motive="Seen.")


def test_who_writes_and_approves_a_local_rule_are_two_persons_in_whatever_roles(offices: Database) -> None:
    with offices.write() as connection:
        both = [Grant("analyst", "101"), Grant("manager", "101")]
        create_user(connection, NewUser("salma", "s", both), actor="t", now=NOW)
    write_version(offices, rule(offices=["101"]), login="salma", now=NOW)
    take_step(offices, "phones-cn", "tested", login="salma", now=NOW)
    take_step(offices, "phones-cn", "submitted", login="salma", now=NOW)
    with pytest.raises(RuleError) as caught:
        take_step(offices, "phones-cn", "approved", login="salma", now=NOW, motive="Mine.")
    assert caught.value.reason == "same_person"
