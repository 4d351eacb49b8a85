"""The names of the persons whom pages show.

Enters: opaque ids. Leaves: names. Never here: a login; the name of a system.
"""

from __future__ import annotations

from collections.abc import Iterable

from basira.serving.service import Service
from basira.storage.accounts.users import find_display_names


def names_of_people(service: Service, actors: Iterable[str]) -> dict[str, str]:
    """The names of the persons who did something, the id where a name was erased; systems are left out."""
    with service.database.read() as connection:
        return find_display_names(connection, actors)
