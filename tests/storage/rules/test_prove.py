"""Rules and the register of risks are held to the audit: each way to alter them is found."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date

import pytest
import sqlalchemy as sa

from basira.rules.register import Risk
from basira.storage.database.connection import Database
from basira.storage.record.runs import Operations
from basira.storage.rules.prove import prove_rules
from basira.workflows.records.audit import Record, prove
from basira.workflows.rules.register import write_entry
from tests.support.live_rules import WRITTEN, make_live, rule_content

RISK = Risk("phones", "Phones too low", "Valuation", 3, 4, "reduce", "Rules.", date(2030, 1, 1), rules=("heavy",))


@pytest.fixture
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    place = tmp_path_factory.mktemp("prove") / "operations.sqlite"
    with Operations(place):
        pass
    with Database(place) as opened:
        make_live(opened, rule_content("heavy", "net_mass_kg > 1000"))
        make_live(opened, rule_content("light", "net_mass_kg < 1"), state="shadow")
        write_entry(opened, RISK, login="amina", now=WRITTEN, expected=0, motive="Seen in a test.")
        yield opened


def faults_after(database: Database, statement: str) -> list[str]:
    with database.write() as connection:
        # What grows alone is held by triggers; who writes into the file itself takes them away first.
        rows = connection.execute(sa.text("select name from sqlite_master where type = 'trigger'"))
        for name in [row[0] for row in rows]:
            connection.exec_driver_sql(f'drop trigger "{name}"')
        assert connection.exec_driver_sql(statement).rowcount > 0
    with database.read() as connection:
        return prove_rules(connection)


def test_what_was_recorded_is_whole(database: Database) -> None:
    with database.read() as connection:
        assert prove_rules(connection) == []
    assert prove(Record(database.place, None)).is_whole


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("update risk_rule set content = replace(content, '1000', '9999') where rule_id = 'heavy'", "rule/heavy/1"),
        ("delete from risk_rule where rule_id = 'light'", "rule/light/1 is gone"),
        ("update risk_rule_step set state = 'live' where rule_id = 'light' and state = 'shadow'", "rule/light/1"),
        ("delete from risk_rule_step where rule_id = 'heavy' and state = 'live'", "rule/heavy/1"),
        ("update risk_rule_step set actor = 'u-other' where state = 'approved'", "the steps of rule/heavy/1"),
        ("update risk_rule_step set motive = 'Another.' where state = 'approved'", "the steps of rule/heavy/1"),
        ("update risk_rule_step set detail = '{' where state = 'tested'", "the steps of rule/heavy/1"),
        (
            "update risk_register set content = replace(content, '\"likelihood\":3', '\"likelihood\":1')",
            "risk/phones/1",
        ),
        ("update risk_register set motive = 'Another.'", "risk/phones/1"),
        ("delete from risk_register", "risk/phones/1 is gone"),
        (
            "insert into risk_rule_step (rule_id, number, version, state, actor, taken_at) "
            "values ('light', 6, 1, 'live', 'u-1', '2023-10-01T09:00:00')",
            "the steps of rule/light/1",
        ),
    ],
)
def test_each_way_to_alter_them_is_found(database: Database, statement: str, fault: str) -> None:
    found = faults_after(database, statement)
    assert any(fault in one for one in found), found


def test_a_digest_made_to_match_is_found_by_the_audit(database: Database) -> None:
    with database.read() as connection:
        content = connection.exec_driver_sql("select content from risk_register").scalar_one()
    changed = content.replace("Valuation", "Nobody")
    digest = hashlib.sha256(changed.encode()).hexdigest()
    found = faults_after(database, f"update risk_register set content = '{changed}', digest = '{digest}'")
    assert found == ["risk/phones/1 is not what the audit has"]


def test_the_proof_of_the_record_asks_it(database: Database) -> None:
    faults_after(database, "update risk_register set motive = 'Another.'")
    verified = prove(Record(database.place, None))
    assert any("risk/phones/1" in one for one in verified.faults)
