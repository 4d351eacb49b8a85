"""Entries in one form, within their bounds; what is in force on a day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from basira.rules.lists.model import (
    Entry,
    ListHeader,
    ListKind,
    require_once,
    settle_entry,
    settle_header,
    settle_snooze,
    values_of,
)
from basira.rules.lists.snoozes import find_snooze, list_of
from basira.rules.model import Effect, Rule
from basira.rules.values import Facts, Listed, ListValues
from basira.schema.errors import RuleError
from tests.rules.test_json_form import content, read

DAY = date(2026, 3, 1)
HEADER = ListHeader("watched", "operators", "Watched", "Risk office")


def entry(value: str = "IMP 1", *, starts: date = DAY, ends: date | None = None) -> Entry:
    return Entry(value, starts, ends, "inspection", "three findings")


@pytest.mark.parametrize(
    ("kind", "written", "value"),
    [("origins", " cn", "CN"), ("products", "٨٥١٧", "8517"), ("operators", "Société–1", "Société-1")],
)
def test_a_value_has_the_form_of_declarations(kind: ListKind, written: str, value: str) -> None:
    assert settle_entry(entry(written), kind).value == value


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        ("origins", "China", "entry_form"),
        ("products", "phones", "entry_form"),
        ("operators", " ", "entry_form"),
        ("operators", "A" * 201, "entry_form"),
        ("operators", "IMP\N{CYRILLIC SMALL LETTER A}", "odd_character"),
    ],
)
def test_a_value_that_no_declaration_could_have_is_refused(kind: ListKind, value: str, reason: str) -> None:
    with pytest.raises(RuleError) as raised:
        settle_entry(entry(value), kind)
    assert (raised.value.reason, raised.value.place) == (reason, "value")


def test_an_entry_without_a_reason_or_with_an_end_before_its_start_is_refused() -> None:
    with pytest.raises(RuleError, match="reason"):
        settle_entry(replace(entry(), reason=" "), "operators")
    with pytest.raises(RuleError, match="until"):
        settle_entry(entry(ends=DAY - timedelta(days=1)), "operators")


def test_an_entry_holds_from_its_first_to_its_last_day() -> None:
    entries = [entry("A", ends=DAY), entry("B", starts=DAY + timedelta(days=1))]
    on = [values_of(HEADER, entries, on=DAY + timedelta(days=n)).values for n in (-1, 0, 1)]
    assert on == [frozenset(), {"A"}, {"B"}]


def test_a_value_is_on_a_list_once_at_a_time() -> None:
    require_once([entry(ends=DAY), entry(starts=DAY + timedelta(days=1))])
    with pytest.raises(RuleError, match="IMP 1 twice"):
        require_once([entry(ends=DAY), entry(starts=DAY)])


def test_the_longest_prefix_is_the_entry_that_is_shown() -> None:
    header = replace(HEADER, kind="products")
    listed = values_of(header, [entry("85"), entry("8517")], on=DAY)
    assert listed.find("85171300") == Listed("8517")
    assert listed.find("8703") is None


def test_a_list_of_names_says_how_close() -> None:
    header = settle_header(replace(HEADER, matching="name", least_closeness=0.9))
    listed = values_of(header, [entry("Guangzhou Xinhua Trading")], on=DAY)
    found = listed.find("GUANGZOU XINHUA TRADING LTD")
    assert found is not None
    assert (found.entry, 0.9 < found.closeness < 1) == ("Guangzhou Xinhua Trading", True)


@pytest.mark.parametrize(
    "changes", [{"name": "Two words"}, {"matching": "name", "least_closeness": 0.1}, {"owner": ""}]
)
def test_a_header_that_is_not_well_formed_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(RuleError):
        settle_header(replace(HEADER, **changes))  # type: ignore[arg-type]


def test_a_snooze_ends_within_180_days() -> None:
    settle_snooze(entry(ends=DAY + timedelta(days=179)), today=DAY)
    for ends in (None, DAY + timedelta(days=180)):
        with pytest.raises(RuleError, match="180"):
            settle_snooze(entry(ends=ends), today=DAY)
    with pytest.raises(RuleError, match="from"):
        settle_snooze(entry(starts=DAY - timedelta(days=1), ends=DAY), today=DAY)


def test_a_rule_sleeps_for_the_operator_alone_and_never_when_it_is_mandatory() -> None:
    rule: Rule = read(content())
    snoozes = {list_of(rule.rule_id): ListValues(frozenset({"IMP 1"}))}
    assert find_snooze(rule, Facts([{"importer_id": "IMP 1"}]), snoozes) == "importer_id"
    assert find_snooze(rule, Facts([{"importer_id": "IMP 2", "exporter_id": None}]), snoozes) is None
    assert find_snooze(rule, Facts([{"importer_id": "IMP 1"}]), {}) is None
    mandatory = replace(rule, effect=Effect(lane="rouge", is_mandatory=True))
    assert find_snooze(mandatory, Facts([{"importer_id": "IMP 1"}]), snoozes) is None
