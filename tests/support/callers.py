"""Persons of three roles who call the service one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from basira.schema.access import Grant, Principal
from basira.serving.service import Service
from basira.storage.accounts.users import NewUser, create_user
from tests.support.api_world import Desk, at


@dataclass
class Caller:
    """Who calls next."""

    now: Principal


def create_people(service: Service) -> dict[str, Principal]:
    """An analyst, a manager and an auditor, by login."""
    with service.database.write() as connection:
        return {
            login: Principal(
                create_user(connection, NewUser(login, login, [Grant(role)]), actor="t", now=at(8)),
                "user",
                grants=(Grant(role),),
            )
            for login, role in (("amina", "analyst"), ("badr", "manager"), ("zineb", "auditor"))
        }


def send(desk: Desk, path: str, body: object) -> Any:
    return desk.client.post(f"/api/v1/{path}", json=body)
