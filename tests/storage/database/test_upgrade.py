"""The database is made and upgraded by name, whole or not at all, and the same on both engines."""

from __future__ import annotations

import threading
from datetime import date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import basira.storage.accounts.tables
import basira.storage.rules.tables  # noqa: F401 - their tables join the metadata
from basira.decisions import TargetingRun, decide
from basira.schema.errors import StoreError
from basira.schema.records import Candidate, Selection
from basira.storage.database.connection import Database
from basira.storage.database.tables import FORMAT, METADATA, REVISION
from basira.storage.database.upgrade import Upgraded, upgrade
from basira.storage.record.audit_log import AuditEvent, append_audit
from basira.storage.record.events import Event, QueueFilter, append_event, count_queue
from basira.storage.record.runs import Operations
from basira.storage.record.verify import export_heads, verify

NOW = datetime(2026, 3, 6, 12)


def config(connection: sa.Connection | None = None) -> Config:
    made = Config()
    made.set_main_option("script_location", "basira.storage.database:migrations")
    made.attributes["connection"] = connection
    return made


def make_format_1(place: str) -> None:
    """A database as the first version made it: without a table of revisions."""
    engine = sa.create_engine(place)
    with engine.begin() as connection:
        command.upgrade(config(connection), "0001")
        connection.exec_driver_sql("DROP TABLE alembic_version")
        run = (
            "INSERT INTO targeting_run VALUES ('r{n}', {n}, '2026-01-0{d}T20:00:00', '2026-01-05', 'x', 1, 'm', 'p', "
            "'{{}}', 1, 's', '{{}}', 'i', '', 0, 0, 'a', 'b', 'c{n}')"
        )
        for number, day in ((1, 3), (2, 4), (3, 3)):
            connection.exec_driver_sql(run.format(n=number, d=day))
    engine.dispose()


def schema(place: str) -> dict[str, str]:
    """Every object of a SQLite database, with its text."""
    engine = sa.create_engine(place)
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT type || ' ' || name, coalesce(sql, '') FROM sqlite_master").all()
    engine.dispose()
    return dict(tuple(row) for row in rows)


def test_a_new_database_is_at_the_newest_revision(empty_place):
    assert upgrade(empty_place) == Upgraded(None, FORMAT, REVISION)
    engine = sa.create_engine(empty_place)
    with engine.connect() as connection:
        assert MigrationContext.configure(connection).get_current_revision() == REVISION
    engine.dispose()
    assert ScriptDirectory.from_config(config()).get_current_head() == REVISION


def test_the_revisions_make_the_tables_that_the_program_uses(empty_place):
    upgrade(empty_place)
    engine = sa.create_engine(empty_place)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, METADATA)
    engine.dispose()
    assert differences == []


def test_an_earlier_database_is_rejected_until_it_is_upgraded(empty_place):
    make_format_1(empty_place)
    with pytest.raises(StoreError, match=rf"format {FORMAT} .* found format 1") as raised:
        Operations(empty_place)
    assert "basira db upgrade" in raised.value.hint
    assert upgrade(empty_place) == Upgraded(1, FORMAT, REVISION)
    assert upgrade(empty_place) == Upgraded(FORMAT, FORMAT, REVISION)
    Operations(empty_place, create=False).close()


def test_an_upgrade_keeps_the_runs_and_writes_down_their_heads(empty_place):
    make_format_1(empty_place)
    upgrade(empty_place)
    with Operations(empty_place) as operations, operations.database.read() as connection:
        assert len(operations.find_runs()) == 3
        heads = connection.exec_driver_sql("SELECT stream, day, sequence, head_hash FROM chain_head ORDER BY day").all()
    # Run 3 says an earlier day than run 2: the last one recorded closes its own day.
    assert [tuple(h) for h in heads] == [("targeting", "2026-01-03", 3, "c3"), ("targeting", "2026-01-04", 2, "c2")]


def test_a_record_of_the_first_version_verifies_after_its_upgrade(empty_place):
    with Operations(empty_place) as operations:
        run = TargetingRun(
            "run-1",
            datetime(2021, 1, 3),
            date(2021, 1, 4),
            datetime(2021, 1, 4),
            3,
            "m",
            "d",
            "{}",
            7,
            "0",
            {},
            "e",
            "",
            1,
        )
        row = decide(
            "run-1",
            Selection("D1", 1, "A", "red", "model", 0.1, 1),
            candidate=Candidate("D1", 1, "A", 0.2, 3.0),
            items=(),
            inputs_digest="f",
        )
        operations.record_run(run.row(), [row.row()])
    engine = sa.create_engine(empty_place)
    with engine.begin() as connection:  # back to what the first version had made
        for table in reversed(METADATA.sorted_tables):
            if table.name not in ("operations_format", "targeting_run", "decision"):
                connection.exec_driver_sql(f"DROP TABLE {table.name}")
        connection.exec_driver_sql("DROP TABLE alembic_version")
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("DROP FUNCTION basira_chain_head_end")
        connection.exec_driver_sql("UPDATE operations_format SET format = 1")
    engine.dispose()
    upgrade(empty_place)
    with Operations(empty_place) as operations:
        verified = verify(operations)
    assert (verified.faults, verified.runs, verified.decisions) == ((), 1, 1)


def test_a_record_of_format_5_verifies_after_its_upgrade_and_goes_on(empty_place):
    engine = sa.create_engine(empty_place)
    rows = (Path(__file__).parent / "format_5.sql").read_text(encoding="utf-8").splitlines()
    with engine.begin() as connection:
        command.upgrade(config(connection), "0005")
        for row in rows:
            if not row.startswith("--"):
                connection.exec_driver_sql(row)
    engine.dispose()
    with pytest.raises(StoreError, match=rf"format {FORMAT} .* found format 5"):
        Operations(empty_place, create=False)
    assert upgrade(empty_place) == Upgraded(5, FORMAT, REVISION)
    with Operations(empty_place, create=False) as operations:
        with operations.database.read() as connection:
            kept = export_heads(connection)
        verified = verify(operations, kept=kept)
        assert (verified.faults, verified.events, verified.erased, len(kept)) == ((), 8, 3, 7)
        with operations.database.write() as connection:
            later = append_event(connection, Event("e", "outcome", "D8", "k", {"known_at": "x"}), now=NOW)
            append_audit(connection, AuditEvent("a", subject="s", actor="u"), now=NOW)
            # Of the two around midnight each is in the queue of its own moment.
            counts = [count_queue(connection, QueueFilter("A", f"2026-03-0{day}")) for day in (4, 5)]
        assert (later["sequence"], later["day"], counts) == (9, "2026-03-06", [1, 1])
        run = TargetingRun("run-3", NOW, NOW.date(), NOW, 3, "m", "d", "{}", 7, "0", {}, "e", "", 0)
        operations.record_run(run.row(), [])
        assert verify(operations, kept=kept).faults == ()


def test_upgraded_and_new_are_the_same_to_the_letter(tmp_path):
    old, new = f"sqlite:///{tmp_path / 'old.sqlite'}", f"sqlite:///{tmp_path / 'new.sqlite'}"
    make_format_1(old)
    upgrade(old)
    upgrade(new)
    assert schema(old) == schema(new)


def test_an_upgrade_that_fails_leaves_the_database_as_it_was(empty_place):
    make_format_1(empty_place)
    engine = sa.create_engine(empty_place)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE login_attempt (mine INTEGER)")  # among the last tables that are made
    with pytest.raises(StoreError, match="already exists"):
        upgrade(empty_place)
    assert set(sa.inspect(engine).get_table_names()) == {
        "operations_format",
        "targeting_run",
        "decision",
        "login_attempt",
    }
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT format FROM operations_format").scalar() == 1
    engine.dispose()


def test_a_later_format_is_left_alone(place):
    engine = sa.create_engine(place)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE operations_format SET format = 99")
    engine.dispose()
    with pytest.raises(StoreError, match="or earlier, found format 99"):
        upgrade(place)


def test_a_database_of_something_else_is_rejected(empty_place):
    engine = sa.create_engine(empty_place)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE customers (id INTEGER)")
    engine.dispose()
    for opened in (upgrade, Database):
        with pytest.raises(StoreError, match="found tables customers"):
            opened(empty_place)


def test_an_empty_database_is_not_made_unless_asked(postgresql):
    with postgresql.database() as url, pytest.raises(StoreError, match="found an empty database"):
        Operations(url, create=False)


def test_two_first_openings_at_once_make_one_database(empty_place):
    failures: list[BaseException] = []

    def opened() -> None:
        try:
            Database(empty_place).close()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=opened) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert upgrade(empty_place).before == FORMAT
