"""The online demonstration: marked as simulated, a day decided, a person for each role who can log in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from basira.schema.access import ROLES, SYSTEM
from basira.schema.errors import UsageError
from basira.schema.shipped import shipped
from basira.serving.demo import PEOPLE, prepare_demo
from basira.serving.service import ServiceSettings, open_service
from basira.storage.accounts.users import list_users
from basira.storage.record.events import QueueFilter, count_queue
from tests.support.access_world import PASSWORD

NOW = datetime(2026, 11, 30, 12, 0)


@contextmanager
def step(_title: str) -> Iterator[Any]:
    yield lambda *_: None


def test_each_role_has_a_person() -> None:
    assert {grant.role for _, _, grant in PEOPLE} == set(ROLES) - {SYSTEM}
    assert len({login for login, _, _ in PEOPLE}) == len(PEOPLE)


def test_a_folder_that_exists_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        prepare_demo(tmp_path, password=PASSWORD, seed=1, now=NOW, step=step)


@pytest.mark.slow
def test_a_day_is_decided_in_a_store_that_says_it_is_simulated(tmp_path: Path) -> None:
    made = prepare_demo(tmp_path / "demo", password=PASSWORD, seed=1, now=NOW, step=step, items=9_000)
    assert 0 < made.inspected < made.decided
    service = open_service(ServiceSettings(made.store, shipped("policies") / "morocco"), today=NOW.date())
    try:
        assert service.is_simulated
        assert service.model is not None
        assert service.profile_age_days(NOW.date()) == 0
        with service.database.read() as connection:
            assert {user.login for user in list_users(connection)} == {login for login, _, _ in PEOPLE}
            offices = service.policy(NOW.date()).offices
            day = NOW.date().isoformat()
            assert sum(count_queue(connection, QueueFilter(one, day)) for one in offices) == made.decided
            waiting = [QueueFilter(one, None, None, True, False) for one in offices]
            assert sum(count_queue(connection, one) for one in waiting) == made.inspected
    finally:
        service.close()
