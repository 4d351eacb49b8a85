"""PostgreSQL's roles: each may do what it must, and the database rejects the rest."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib.resources import files

import pytest

from basira.schema.access import Grant
from basira.schema.errors import StoreError
from basira.storage.accounts.api_keys import create_key
from basira.storage.accounts.sessions import Attempt, log_in, purge_access, start_session
from basira.storage.accounts.users import NewUser, create_user, set_grants
from basira.storage.database.connection import Database
from basira.storage.database.tables import METADATA
from basira.storage.online.office_state import Answer, KeyedAnswer, purge_answers, save_answer, save_state
from basira.storage.record.erasure import erase
from basira.storage.record.events import Event, append_event
from basira.storage.record.personal import values_of_person
from basira.storage.record.runs import Operations
from basira.storage.record.verify import verify
from basira.workflows.records import audit as workflow
from basira.workflows.records.audit import Erasure, Record
from tests.support.postgres import Server

NOW = datetime(2026, 3, 2, 12)
OUTCOME = Event("e1", "outcome", "D1", "u", {"known_at": "x"}, {"importer_id": "ICE-1"})


@pytest.fixture(scope="module")
def granted(postgresql: Server) -> Iterator[str]:
    """A database with the roles granted, twice, and a user in each."""
    from basira.storage.database.upgrade import upgrade

    script = files("basira.storage.database.migrations") / "postgresql_roles.sql"
    with postgresql.database() as url:
        upgrade(url)
        name = url.split("/")[3].partition("?")[0]
        psql = ["psql", "-q", "-X", "-v", "ON_ERROR_STOP=1", "-h", postgresql.folder, "-U", "basira_test", "-d", name]
        for _ in range(2):
            subprocess.run([*psql, "-f", str(script)], check=True, capture_output=True, text=True)
        users = [f"CREATE ROLE t_{role} LOGIN IN ROLE basira_{role}" for role in ("app", "auditor", "privacy")]
        postgresql.execute(*users, "CREATE ROLE t_nobody LOGIN")
        with Database(url) as database, database.write() as connection:
            append_event(connection, OUTCOME, now=NOW)
        yield url


def as_user(url: str, role: str) -> Database:
    return Database(url.replace("basira_test@", f"t_{role}@"), create=False)


def test_the_service_does_all_its_work(granted):
    with as_user(granted, "app") as database:
        with database.write() as connection:
            append_event(
                connection, Event("e2", "outcome", "D2", "u", {"known_at": "x"}, {"importer_id": "B"}), now=NOW
            )
            save_state(connection, "A", "2026-03-02", state="{}", expected_sequence=0, now=NOW)
            save_state(connection, "A", "2026-03-02", state="{}", expected_sequence=1, now=NOW)
            save_answer(connection, KeyedAnswer("k", "r", "x", "d", Answer(200, "")), now=NOW, expires_at=NOW)
            purge_answers(connection, now=NOW)
            user = create_user(
                connection, NewUser("a", display_name="A", grants=[Grant("auditor")]), actor="u", now=NOW
            )
            set_grants(connection, user, [Grant("manager")], actor="u", now=NOW)
            create_key(connection, "k", scopes=["a:b"], actor="u", now=NOW, expires_at=NOW + timedelta(1))
            start_session(connection, user, now=NOW, lifetime=timedelta(1))
            purge_access(connection, now=NOW, keep=timedelta(1))
        assert log_in(database, Attempt("nobody", "x" * 12, "::1"), now=NOW).outcome == "refused"


def test_an_auditor_proves_everything(granted):
    with Operations(granted.replace("basira_test@", "t_auditor@"), create=False) as operations:
        assert verify(operations).is_whole


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        *(
            ("app", f"{verb} {table}{rest}")
            for table in ("event", "decision", "targeting_run", "audit_event")
            for verb, rest in (("DELETE FROM", ""), ("UPDATE", " SET previous_hash = ''"), ("TRUNCATE", ""))
        ),
        *(("app", f"DELETE FROM {table}") for table in ("risk_list_entry", "risk_list_change", "risk_list_value")),
        ("app", "UPDATE risk_list_value SET content = ''"),
        ("app", "DELETE FROM personal_value"),
        ("app", "UPDATE personal_value SET value = ''"),
        ("app", "DELETE FROM chain_head"),
        ("app", "DELETE FROM app_user"),
        ("app", "DROP TABLE event"),
        ("app", "ALTER TABLE event DISABLE TRIGGER ALL"),
        ("app", "SET session_replication_role = replica"),
        ("app", "CREATE TABLE mine (x int)"),
        ("auditor", "INSERT INTO selection_state VALUES ('B', 'd', 1, '', '')"),
        ("auditor", "DELETE FROM personal_value"),
        ("auditor", "SELECT password_hash FROM app_user"),
        ("auditor", "SELECT secret_digest FROM api_key"),
        ("auditor", "SELECT * FROM user_session"),
        ("privacy", "DELETE FROM event"),
        ("privacy", "UPDATE personal_value SET value = ''"),
        ("privacy", "SELECT * FROM app_user"),
    ],
)
def test_a_role_may_not_do_what_it_need_not(granted, role, statement):
    refused = pytest.raises(StoreError, match=r"permission denied|must be owner")
    with as_user(granted, role) as database, refused, database.write() as connection:
        connection.exec_driver_sql(statement)


LAST = "FROM event ORDER BY sequence DESC LIMIT 1"


@pytest.mark.parametrize("role", ["app", "privacy"])
@pytest.mark.parametrize(
    "statements",
    [
        [f"INSERT INTO chain_head SELECT 'event', '2099-01-01', sequence, entry_hash {LAST}"],
        ["INSERT INTO chain_head VALUES ('event', '2099-01-01', 99, 'x')"],
        ["UPDATE chain_head SET sequence = 99, head_hash = 'x'"],
        # A table of one's own by the same name, which stands before the right one in the path of names.
        [
            "CREATE TEMPORARY TABLE event (sequence bigint, day text, entry_hash text)",
            "INSERT INTO pg_temp.event VALUES (99, '2099-01-01', 'x')",
            "INSERT INTO public.chain_head VALUES ('event', '2099-01-01', 99, 'x')",
        ],
    ],
)
def test_a_role_writes_no_head_but_through_the_chain(granted, role, statements):
    refused = pytest.raises(StoreError, match=r"names the last row|permission denied for table event")
    with as_user(granted, role) as database, refused, database.write() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def test_the_service_reads_every_table(granted):
    tables = sorted(METADATA.tables)
    asked = ", ".join(f"has_table_privilege('basira_app', '{name}', 'SELECT')" for name in tables)
    with Database(granted) as database, database.read() as connection:
        may = connection.exec_driver_sql(f"SELECT {asked}").one()
    assert [name for name, may_read in zip(tables, may, strict=True) if not may_read] == []


def test_who_has_no_role_reads_nothing(granted):
    with pytest.raises(StoreError, match="permission denied"):
        as_user(granted, "nobody")


def test_personal_data_is_erased_by_the_role_for_it(granted):
    as_auditor = granted.replace("basira_test@", "t_auditor@")
    with Operations(as_auditor, create=False) as operations:
        before = verify(operations).erased
    with as_user(granted, "privacy") as database:
        assert erase(database, values_of_person("ICE-1"), actor="dpo", motive="request", now=lambda: NOW) == 1
    with Operations(as_auditor, create=False) as operations:
        assert (verify(operations).faults, verify(operations).erased - before) == ((), 1)


def test_who_may_not_vacuum_is_shown_the_command_for_the_owner(granted):
    with Database(granted) as database, database.write() as connection:
        append_event(
            connection, Event("e9", "outcome", "D9", "u", {"known_at": "x"}, {"importer_id": "ICE-9"}), now=NOW
        )
    place = granted.replace("basira_test@", "t_privacy@")
    done = workflow.erase(Record(place, None), Erasure("dpo", "request", person="ICE-9"), now=lambda: NOW)
    assert done.count == 1
    assert done.left[0].startswith("As the owner of the tables, run: VACUUM personal_value, ")
