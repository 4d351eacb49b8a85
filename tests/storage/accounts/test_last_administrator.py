"""Two administrators put out of use at once: one of the two changes is rejected, on both databases."""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import datetime

import pytest

from basira.schema.access import Grant
from basira.schema.errors import UsageError
from basira.storage.accounts import users
from basira.storage.accounts.users import NewUser, create_user, erase_user, get_user, set_active, set_grants
from basira.storage.database.connection import Database

NOW = datetime(2026, 3, 2, 12)


def retired(connection, user_id):
    set_active(connection, user_id, False, actor="t", now=NOW)


def demoted(connection, user_id):
    set_grants(connection, user_id, [], actor="t", now=NOW)


def erased(connection, user_id):
    erase_user(connection, user_id, actor="t", motive="asked", now=NOW)


@pytest.mark.parametrize("change", [retired, demoted, erased])
def test_of_two_administrators_one_stays(place, change, monkeypatch):
    with Database(place) as database:
        with database.write() as connection:
            both = [
                create_user(
                    connection, NewUser(name, display_name=name, grants=[Grant("administrator")]), actor="t", now=NOW
                )
                for name in ("one", "two")
            ]
        # Without a lock both have looked before either has committed.
        barrier, require = threading.Barrier(2), users.require_administrator

        def looked(*arguments):
            require(*arguments)
            with suppress(threading.BrokenBarrierError):
                barrier.wait(timeout=0.5)

        monkeypatch.setattr(users, "require_administrator", looked)
        refused: list[UsageError] = []

        def work(user_id):
            try:
                with database.write() as connection:
                    change(connection, user_id)
            except UsageError as error:
                refused.append(error)

        threads = [threading.Thread(target=work, args=(user_id,)) for user_id in both]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(refused) == 1
        with database.read() as connection:
            found = [get_user(connection, user_id) for user_id in both]
        assert sum(user.is_active and bool(user.grants) for user in found) == 1
