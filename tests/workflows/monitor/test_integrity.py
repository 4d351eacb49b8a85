"""Auditors see pairs, managers their number, others nothing; each look is on record."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest
import sqlalchemy as sa

from basira.monitor.integrity_report import IntegrityReport, describe_integrity
from basira.render.languages import LANGUAGES
from basira.schema.access import Grant, Role
from basira.schema.errors import UsageError
from basira.storage.accounts.users import NewUser, create_user
from basira.storage.database.connection import Database
from basira.storage.database.tables import AUDIT_EVENT
from basira.storage.history.store import History
from basira.workflows.monitor.assignments import encode, pairs_of, read_controls
from basira.workflows.monitor.integrity import LOOKED, Asked, look_at_pairs
from basira.workflows.stores import operations_of
from tests.support.workflow_world import AS_OF, ENGINE, NOW, World, store_of

FIRST = AS_OF - timedelta(days=303)
ROLES: tuple[Role, ...] = ("auditor", "manager", "analyst")


@pytest.fixture(scope="module")
def steered(world: World, tmp_path_factory: pytest.TempPathFactory) -> tuple[History, str, str]:
    """Results of which one officer made most of the busiest declarant's, without a finding."""
    folder = tmp_path_factory.mktemp("steered")
    ids = world.declarations.select("declaration_id", "declarant_id", "office").unique("declaration_id")
    both = world.outcomes.join(ids, on="declaration_id").filter(pl.col("is_inspected"))
    controls = both.group_by("declarant_id", "office").agg(pl.col("declaration_id").n_unique().alias("controls"))
    declarant, office, _ = controls.sort("controls", "declarant_id").row(-1)
    theirs = (pl.col("declarant_id") == declarant) & (pl.col("office") == office)
    officer = both.filter(theirs)["inspector_id"].mode().sort()[0]
    # All of a week in one shift, so that so small a world has something to draw from.
    moved = both.with_columns(
        pl.when(theirs).then(pl.lit(officer)).otherwise("inspector_id").alias("inspector_id"),
        pl.when(theirs).then(False).otherwise("is_irregular").alias("is_irregular"),
        (pl.col("inspected_at").dt.truncate("1w") + pl.duration(hours=9)).alias("inspected_at"),
    ).drop("declarant_id", "office")
    history = store_of(folder, world.declarations, moved)
    with Database(operations_of(history)) as opened, opened.write() as connection:
        for role in ROLES:
            create_user(connection, NewUser(role, role, [Grant(role)]), actor="t", now=NOW)
    return history, officer, declarant


def look(history: History, login: str) -> IntegrityReport:
    asked = Asked(login, FIRST, NOW.date())
    return look_at_pairs(history, operations_of(history), asked, now=NOW, engine=ENGINE)


def looks(history: History) -> list[str]:
    """What the audit says of each look, in order."""
    query = sa.select(AUDIT_EVENT.c.after).where(AUDIT_EVENT.c.action == LOOKED).order_by(AUDIT_EVENT.c.sequence)
    with Database(operations_of(history), create=False) as opened, opened.read() as connection:
        return list(connection.execute(query).scalars())


def test_an_auditor_sees_the_pair_and_a_manager_its_office(steered: tuple[History, str, str]) -> None:
    history, officer, declarant = steered
    seen = look(history, "auditor")
    assert seen.pairs is not None
    assert (officer, declarant) in {(one.inspector, one.party) for one in seen.pairs if one.kind == "declarant"}
    counted = look(history, "manager")
    assert counted.pairs is None
    assert counted.offices == seen.offices
    assert sum(one.declarants for one in counted.offices) >= 1
    words = describe_integrity(counted, "fr", strict=True)
    shown = " ".join(cell for table in words.tables for row in table.rows for cell in row)
    assert officer not in shown
    assert declarant not in shown


def test_others_see_nothing_and_each_look_is_audited(steered: tuple[History, str, str]) -> None:
    history, _, _ = steered
    with pytest.raises(UsageError, match="auditor or manager"):
        look(history, "analyst")
    before = looks(history)
    look(history, "manager")
    after = looks(history)
    assert len(after) == len(before) + 1
    assert '"as":"manager"' in after[-1]


def test_a_result_of_later_is_no_evidence(steered: tuple[History, str, str]) -> None:
    history, _, _ = steered
    whole = read_controls(history, first=FIRST, last=NOW.date(), engine=ENGINE)
    middle = AS_OF - timedelta(days=100)
    part = read_controls(history, first=FIRST, last=middle, engine=ENGINE)
    assert 0 < part.height < whole.height
    assert part.filter(pl.col("inspected_at").dt.date() > middle).is_empty()


def test_controls_without_an_officer_are_counted_and_left_out(steered: tuple[History, str, str]) -> None:
    controls = read_controls(steered[0], first=FIRST, last=NOW.date(), engine=ENGINE)
    some = controls.with_row_index("n").with_columns(
        pl.when(pl.col("n") < 5).then(None).otherwise("inspector_id").alias("inspector_id")
    )
    made = pairs_of(encode(some, "declarant"))
    assert (made.left_out, made.controls) == (5, controls.height - 5)
    with pytest.raises(UsageError, match="shifts"):
        encode(controls, "declarant", shift_hours=25)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_are_there_in_each_language_and_accuse_nobody(
    steered: tuple[History, str, str], language: str
) -> None:
    words = describe_integrity(look(steered[0], "auditor"), language, strict=True)
    said = " ".join((words.title, *words.sentences, *(table.note for table in words.tables))).lower()
    assert not [word for word in ("fraud", "guilt", "coupable", "suspect", "corrupt", "مذنب", "فساد") if word in said]
    assert all(len(row) == len(words.tables[0].header) for row in words.tables[0].rows)
