"""The page of the operational database says what there is."""

from __future__ import annotations

import re

import pytest

import basira.storage.accounts.tables
import basira.storage.rules.tables  # noqa: F401 - their tables join the metadata
from basira.schema.access import ROLES
from basira.storage.accounts.sessions import LockOut
from basira.storage.accounts.users import SHORTEST_PASSWORD, new_hasher
from basira.storage.database.tables import FORMAT, METADATA, REVISION
from basira.storage.record.events import EVENT_KINDS
from tests.support.tree import ROOT

PAGE = ROOT / "docs" / "reference" / "operations-database.md"


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read_text(encoding="utf-8")


def first_cells(page: str) -> set[str]:
    return set(re.findall(r"^\| `(\w+)` \|", page, flags=re.M))


def test_every_table_kind_and_role_is_on_the_page(page):
    assert {*METADATA.tables, *EVENT_KINDS, *ROLES} - first_cells(page) == set()


def test_the_page_names_nothing_that_is_not_there(page):
    assert first_cells(page) - {*METADATA.tables, *EVENT_KINDS, *ROLES} == set()


def test_the_page_says_the_format_in_force(page):
    assert f"The format of this version is {FORMAT}, revision `{REVISION}`." in page
    assert f"| {FORMAT} | `{REVISION}` |" in page


def test_the_page_says_the_limits_in_force(page):
    rule, hasher = LockOut(), new_hasher()
    minutes = int(rule.window.total_seconds() / 60)
    told = (
        f"{rule.failures} failures of one login, or {rule.address_failures} from one address, within {minutes} minutes"
    )
    assert told in page
    assert f"argon2id, {hasher.memory_cost // 1024} MiB, {hasher.time_cost} passes; {SHORTEST_PASSWORD} to" in page
