"""The names of the persons whom pages show.

Enters: opaque ids. Leaves: names. Never here: a login; the name of a system.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from basira.schema.errors import NotFoundError
from basira.serving.service import Service
from basira.storage.accounts.users import get_user


def names_of_people(service: Service, actors: Iterable[str]) -> dict[str, str]:
    """The names of the persons who did something, the id where a name was erased; systems are left out."""
    names = {}
    with service.database.read() as connection:
        for actor in set(actors):
            with suppress(NotFoundError):
                names[actor] = get_user(connection, actor).display_name or actor
    return names
