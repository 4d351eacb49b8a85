"""The register of risks: versions, levels, overdue reviews first."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from basira.rules.register import Review, Risk
from basira.schema.errors import NotFoundError, RuleError
from basira.storage.database.connection import Database
from basira.storage.record.activity import find_audit
from basira.workflows.rules.life import write_version
from basira.workflows.rules.register import review_entry, show_entry, show_register, write_entry
from tests.workflows.rules.test_life import NOW, database, rule

__all__ = ["database"]
TODAY = NOW.date()
RISK = Risk("undervalued-phones", "Phones declared too low", "Valuation", 3, 4, "reduce", "Rules and training.",
            TODAY + timedelta(days=90))  # fmt: skip


def write(database: Database, risk: Risk = RISK, *, expected: int = 0, login: str = "amina") -> None:
    write_entry(database, risk, login=login, now=NOW, expected=expected)


def test_an_entry_is_kept_in_every_version_and_audited(database: Database) -> None:
    write_version(database, rule(), login="amina", now=NOW)
    write(database, replace(RISK, rules=("phones-cn", "phones-cn"), office=" casa-port "))
    review = TODAY + timedelta(days=180)
    looked = Review(review, "Fewer findings.", likelihood=1)
    review_entry(database, RISK.risk_id, looked, login="amina", now=NOW)
    with database.read() as connection:
        first, second = show_entry(connection, RISK.risk_id, on=TODAY)
        audited = find_audit(connection, action="risk.written")
    assert (first.risk.rules, first.risk.office, first.risk.level, first.risk.product) == (
        ("phones-cn",), "CASA-PORT", "high", 12,
    )  # fmt: skip
    assert (second.risk.level, second.risk.review_on, second.stored.motive) == ("moderate", review, "Fewer findings.")
    assert [event["subject"] for event in audited] == ["risk/undervalued-phones/2", "risk/undervalued-phones/1"]


def test_overdue_reviews_come_first_then_the_gravest(database: Database) -> None:
    write(database, replace(RISK, risk_id="small", likelihood=1, consequence=1, review_on=TODAY))
    write(database, RISK)
    write(database, replace(RISK, risk_id="grave", likelihood=5, consequence=5))
    with database.read() as connection:
        on_the_day = show_register(connection, on=TODAY)
        after = show_register(connection, on=TODAY + timedelta(days=1))
    assert [one.risk.risk_id for one in on_the_day] == ["grave", "undervalued-phones", "small"]
    assert (after[0].risk.risk_id, after[0].is_overdue) == ("small", True)
    review_entry(database, "small", Review(TODAY, "Over.", is_closed=True), login="amina", now=NOW)
    with database.read() as connection:
        assert not any(one.is_overdue for one in show_register(connection, on=TODAY + timedelta(days=1)))


@pytest.mark.parametrize(
    "changes",
    [
        {"likelihood": 0}, {"consequence": 6}, {"treatment": "ignore"}, {"owner": " "}, {"rules": ("none",)},
        {"review_on": date(2020, 1, 1)}, {"risk_id": "Two words"}, {"plan": ""},
    ],
)  # fmt: skip
def test_an_entry_that_is_not_well_formed_is_refused(database: Database, changes: dict[str, object]) -> None:
    with pytest.raises(RuleError):
        write(database, replace(RISK, **changes))  # type: ignore[arg-type]
    with database.read() as connection:
        assert show_register(connection, on=TODAY) == []


def test_two_editors_a_manager_alone_and_a_risk_that_is_absent_are_refused(database: Database) -> None:
    write(database)
    with pytest.raises(RuleError, match="changed meanwhile"):
        write(database)
    with pytest.raises(RuleError):
        write(database, expected=1, login="badr")
    with pytest.raises(RuleError):
        review_entry(database, RISK.risk_id, Review(TODAY, " "), login="amina", now=NOW)
    with database.read() as connection, pytest.raises(NotFoundError):
        show_entry(connection, "none", on=TODAY)
