"""Lists on record: whole changes, the lists of a day again, contents that can be erased."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from basira.rules.book import RuleBook
from basira.rules.bulk import HIT, NO_HIT
from basira.rules.lists.model import Ending, Entry, ListHeader
from basira.rules.lists.snoozes import list_of
from basira.rules.text import parse_condition
from basira.rules.values import Facts
from basira.schema.access import Grant
from basira.schema.errors import NotFoundError, RuleError, StoreError
from basira.storage.accounts.users import NewUser, create_user
from basira.storage.database.connection import Database
from basira.storage.record.activity import find_audit
from basira.workflows.records.audit import Erasure, Record, erase, prove
from basira.workflows.rules.dated import judge_period
from basira.workflows.rules.life import read_rule_text, write_version
from basira.workflows.rules.lists import (
    add_to_list,
    create_list,
    dated_lists,
    end_in_list,
    find_in_list,
    import_list,
    known_vocabulary,
    lists_on,
    show_list,
    snooze,
)
from tests.workflows.rules.test_life import rule

NOW = datetime(2026, 3, 2, 9)
TODAY = NOW.date()
HEADER = ListHeader("watched", "operators", "Operators to look at", "Risk office")


def entry(value: str, *, starts: date = TODAY, ends: date | None = None, reason: str = "three findings") -> Entry:
    return Entry(value, starts, ends, "inspection", reason)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database(tmp_path / "operations.sqlite") as opened:
        with opened.write() as connection:
            create_user(connection, NewUser("amina", "a", [Grant("analyst")]), actor="t", now=NOW)
            create_user(connection, NewUser("omar", "o", [Grant("inspector", "A")]), actor="t", now=NOW)
        create_list(opened, HEADER, login="amina", now=NOW)
        yield opened


def add(database: Database, *entries: Entry, now: datetime = NOW) -> None:
    add_to_list(database, "watched", entries, login="amina", now=now)


def values(database: Database, day: date, **asked: object) -> frozenset[str]:
    with database.read() as connection:
        return lists_on(connection, day, **asked).values["watched"].values  # type: ignore[arg-type]


def faults(database: Database) -> tuple[str, ...]:
    return prove(Record(database.place, None)).faults


def test_a_rule_finds_the_entries_in_force_on_its_day(database: Database) -> None:
    add(database, entry("IMP 1", ends=TODAY), entry("IMP 2", starts=TODAY + timedelta(days=1)))
    condition = parse_condition("importer_id in list 'watched'", known_vocabulary(database))
    vocabulary = known_vocabulary(database)
    written = read_rule_text(RULE, vocabulary)
    assert written.condition == condition
    for day, operator in ((TODAY, "IMP 1"), (TODAY + timedelta(days=1), "IMP 2")):
        with database.read() as connection:
            book = RuleBook([written], vocabulary, lists_on(connection, day).values)
        hits = [
            number for number in (1, 2, 3)
            if book.truths(Facts([{"importer_id": f"IMP {number}"}]), day=day, office="A")
        ]  # fmt: skip
        assert [f"IMP {number}" for number in hits] == [operator]


RULE = (
    '{"rule_id": "watched-operators", "title": "t", "reason": "r", "condition": {"in_list": {"field": "importer_id", '
    '"list": "watched"}}, "effect": {"lane": "orange"}, "starts_on": "2026-03-01", "expires_on": "2026-08-31"}'
)


def test_a_list_of_another_kind_than_the_field_is_refused(database: Database) -> None:
    with pytest.raises(RuleError) as raised:
        parse_condition("origin_country in list 'watched'", known_vocabulary(database))
    assert raised.value.reason == "list_kind"


def test_the_lists_of_a_decision_come_out_again_whatever_was_changed_since(database: Database) -> None:
    add(database, entry("IMP 1"))
    with database.read() as connection:
        used = lists_on(connection, TODAY)
    add(database, entry("IMP 2"), now=NOW + timedelta(hours=1))
    later = NOW + timedelta(days=1)
    end_in_list(database, "watched", Ending(1, TODAY, "Acquitted."), login="amina", now=later)
    tomorrow = later.date()
    assert values(database, tomorrow) == {"IMP 2"}
    assert values(database, TODAY) == {"IMP 1", "IMP 2"}
    assert values(database, tomorrow, changes=used.changes) == values(database, TODAY, until=NOW) == {"IMP 1"}
    with database.read() as connection:
        assert lists_on(connection, TODAY, changes={}).values == {}


def test_an_entry_counts_in_the_past_only_from_the_day_after_it_was_recorded(database: Database) -> None:
    add(database, entry("IMP 1", starts=date(2026, 1, 1)))
    vocabulary = known_vocabulary(database)
    condition = parse_condition("importer_id in list 'watched'", vocabulary)
    days = pl.Series([date(2026, 2, 1), TODAY, TODAY + timedelta(days=1)])
    items = pl.DataFrame({"declaration_position": [0, 0, 1, 2], "importer_id": ["IMP 1"] * 4})
    with database.read() as connection:
        as_known, as_of_today = dated_lists(connection), dated_lists(connection, is_known_always=True)
    assert judge_period(items, days, [condition], vocabulary, as_known)["0"].to_list() == [NO_HIT, NO_HIT, HIT]
    assert judge_period(items, days, [condition], vocabulary, as_of_today)["0"].to_list() == [HIT, HIT, HIT]
    mixed = days.gather([2, 0, 2])
    assert judge_period(items, mixed, [condition], vocabulary, as_known)["0"].to_list() == [HIT, NO_HIT, HIT]


def test_a_table_with_a_broken_row_changes_nothing(database: Database) -> None:
    table = b"value;from;source;reason\nIMP 1;2026-03-02;s;r\nIMP 2;never;s;r\n"
    assert import_list(database, "watched", table, login="amina", now=NOW)[0] == 0
    assert values(database, TODAY) == frozenset()
    table = table.replace(b"never", b"2026-03-02")
    assert import_list(database, "watched", table, login="amina", now=NOW) == (2, ())
    with pytest.raises(RuleError, match="twice"):
        import_list(database, "watched", table, login="amina", now=NOW)
    with database.read() as connection:
        shown = show_list(connection, "watched")
    assert [(one.action, one.entry_count) for one in shown.changes] == [("made", 0), ("added", 2)]
    assert faults(database) == ()


def test_two_editors_at_once_and_the_second_is_refused(database: Database) -> None:
    add_to_list(database, "watched", [entry("IMP 1")], login="amina", now=NOW, expected=1)
    with pytest.raises(RuleError) as raised:
        add_to_list(database, "watched", [entry("IMP 2")], login="amina", now=NOW, expected=1)
    assert raised.value.reason == "list_changed"
    assert values(database, TODAY) == {"IMP 1"}


def test_only_those_who_write_rules_write_lists(database: Database) -> None:
    for login, error in (("omar", RuleError), ("nobody", NotFoundError)):
        with pytest.raises(error):
            add_to_list(database, "watched", [entry("IMP 1")], login=login, now=NOW)
    with pytest.raises(RuleError) as raised:
        create_list(database, HEADER, login="amina", now=NOW)
    assert raised.value.reason == "list_exists"


def test_an_end_is_neither_before_yesterday_nor_later_than_it_was(database: Database) -> None:
    add(database, entry("IMP 1", ends=TODAY + timedelta(days=9)))
    for ends in (TODAY - timedelta(days=2), TODAY + timedelta(days=10)):
        with pytest.raises(RuleError, match="until"):
            end_in_list(database, "watched", Ending(1, ends, "m"), login="amina", now=NOW)
    with pytest.raises(RuleError):
        end_in_list(database, "watched", Ending(2, TODAY, "m"), login="amina", now=NOW)
    end_in_list(database, "watched", Ending(1, TODAY - timedelta(days=1), "m"), login="amina", now=NOW)
    assert values(database, TODAY) == frozenset()
    add(database, entry("IMP 1"))
    assert values(database, TODAY) == {"IMP 1"}


def test_a_name_is_found_with_its_closeness(database: Database) -> None:
    names = ListHeader("suppliers", "operators", "Suppliers", "Risk office", "name", 0.9)
    create_list(database, names, login="amina", now=NOW)
    add_to_list(database, "suppliers", [entry("شركة النسيج المغربي ش.م.م")], login="amina", now=NOW)
    with database.read() as connection:
        found = find_in_list(connection, "suppliers", "شركة النسج المغربي", on=TODAY)
        assert find_in_list(connection, "suppliers", "Atlas", on=TODAY) is None
    assert found is not None
    assert 0.9 <= found.closeness < 1


def test_a_person_is_erased_from_the_lists_and_the_record_holds(database: Database) -> None:
    add(database, entry("IMP 1", reason="Fatima ALAMI owns it"), entry("IMP 10"))
    record = Record(database.place, None)
    asked = Erasure(actor="t", motive="Request 7", person="Fatima ALAMI")
    assert erase(record, asked, now=lambda: NOW, is_preview=True).count == 1
    assert erase(record, asked, now=lambda: NOW).count == 1
    with database.read() as connection:
        of_day = lists_on(connection, TODAY)
        shown = show_list(connection, "watched")
        text = str(connection.execute(sa.text("SELECT group_concat(after) FROM audit_event")).scalar())
    assert (of_day.values["watched"].values, of_day.erased["watched"]) == ({"IMP 10"}, 1)
    assert [one.entry is None for one in shown.entries] == [True, False]
    assert "IMP" not in text
    assert faults(database) == ()


def test_retention_counts_from_the_end_of_an_entry(database: Database) -> None:
    add(database, entry("IMP 1", ends=TODAY), entry("IMP 2"))
    asked = Erasure(actor="t", motive="Retention", before=TODAY + timedelta(days=1))
    erase(Record(database.place, None), asked, now=lambda: NOW)
    assert values(database, TODAY) == {"IMP 2"}


@pytest.mark.parametrize(
    ("tamper", "words"),
    [
        ("UPDATE risk_list_value SET content = replace(content, 'IMP 1', 'IMP 2')", "was changed"),
        ("DELETE FROM risk_list_value", "is gone"),
        ("INSERT INTO risk_list_end VALUES ('watched', 1, 2, '2026-03-02')", "is not the one that the audit has"),
        ("INSERT INTO risk_list_entry VALUES ('watched', 2, 9, '2026-01-01', NULL, 'x')", "rows of no change"),
    ],
)
def test_what_was_changed_behind_the_audit_is_found(database: Database, tamper: str, words: str) -> None:
    add(database, entry("IMP 1"))
    with database.write() as connection:
        connection.execute(sa.text(tamper))
    assert any(words in fault for fault in faults(database))


@pytest.mark.parametrize("table", ["risk_list", "risk_list_change", "risk_list_entry"])
def test_what_is_recorded_of_a_list_stays(database: Database, table: str) -> None:
    add(database, entry("IMP 1"))
    with pytest.raises(StoreError), database.write() as connection:
        connection.execute(sa.text(f"DELETE FROM {table}"))


def test_a_snooze_is_an_entry_with_an_end_and_stands_in_the_audit(database: Database) -> None:
    write_version(database, rule(), login="amina", now=NOW)
    snooze(database, "phones-cn", entry("IMP 1", ends=TODAY + timedelta(days=30)), login="amina", now=NOW)
    with database.read() as connection:
        of_day = lists_on(connection, TODAY).values
        audited = find_audit(connection, subject=f"list/{list_of('phones-cn')}")
    assert of_day[list_of("phones-cn")].values == {"IMP 1"}
    assert [event["action"] for event in audited] == ["list.added", "list.made"]
    assert list_of("phones-cn") not in known_vocabulary(database).lists
    with pytest.raises(RuleError, match="180"):
        snooze(database, "phones-cn", entry("IMP 2", ends=TODAY + timedelta(days=200)), login="amina", now=NOW)
    with pytest.raises(NotFoundError):
        add_to_list(database, list_of("phones-cn"), [entry("IMP 2")], login="amina", now=NOW)


def test_a_mandatory_rule_never_sleeps(database: Database) -> None:
    write_version(database, rule(effect={"lane": "rouge", "is_mandatory": True}), login="amina", now=NOW)
    with pytest.raises(RuleError) as raised:
        snooze(database, "phones-cn", entry("IMP 1", ends=TODAY), login="amina", now=NOW)
    assert raised.value.reason == "snooze_mandatory"
