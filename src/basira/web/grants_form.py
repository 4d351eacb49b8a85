"""The roles of a person as fields of a form.

Enters: the fields of a form, or roles; the offices that the policy lists. Leaves: roles, or the name of the message
that says what is wrong; fields. Never here: who may give a role.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from basira.schema.access import OF_OFFICE, ROLES, SYSTEM, Grant, Role, check_office
from basira.schema.errors import UsageError
from basira.serving.admissible import folded_office
from basira.web.forms import Fields

OF_PERSONS: tuple[Role, ...] = tuple(role for role in ROLES if role != SYSTEM)
# Of the roles that may be given for one office, those that need not be; each is a choice of its own.
LOCAL: tuple[Role, ...] = tuple(role for role in OF_PERSONS if role in OF_OFFICE and role != "inspector")
OFFICES = "offices"


def local_name(role: Role) -> str:
    """The name of the choice "this role, for the offices alone"."""
    return f"{role}-of-office"


# The choices of a form, in order.
CHOICES: tuple[str, ...] = tuple(
    name for role in OF_PERSONS for name in (role, *([local_name(role)] if role in LOCAL else []))
)


class RolesError(Exception):
    """What is wrong with the roles of a form. ``message``: its name in the catalog."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def read_grants(form: Fields, listed: Sequence[str]) -> tuple[Grant, ...]:
    """The roles that a form gives, each once. ``listed``: the offices of the policy; empty: any code is an office.

    Raises RolesError: a role of an office without one, an office without such a role, an unknown office.
    """
    chosen = [name for name in CHOICES if form.get(f"role-{name}") == "yes"]
    national = [role for role in OF_PERSONS if role in chosen and role != "inspector"]
    local = [role for role in OF_PERSONS if (role if role == "inspector" else local_name(role)) in chosen]
    offices = read_offices(form.get(OFFICES, ""), listed)
    if bool(local) != bool(offices):
        raise RolesError("person.fault.office_missing" if local else "person.fault.office_without")
    return tuple(
        sorted({Grant(role) for role in national} | {Grant(role, office) for role in local for office in offices})
    )


def read_offices(text: str, listed: Sequence[str]) -> list[str]:
    """The codes of offices in a text, parted by commas, semicolons or blanks. Raises RolesError for one that is
    malformed or not listed."""
    found = dict.fromkeys(folded_office(part) for part in re.split(r"[,;\s]+", text) if part)
    for office in found:
        try:
            check_office(office)
        except UsageError:
            raise RolesError("person.fault.office_malformed") from None
        if listed and office not in listed:
            raise RolesError("person.fault.office_unknown")
    return list(found)


def grants_fields(grants: Iterable[Grant]) -> Fields:
    """The fields of a form that gives these roles."""
    held = list(grants)
    return {
        **{
            f"role-{local_name(grant.role) if grant.office and grant.role in LOCAL else grant.role}": "yes"
            for grant in held
        },
        OFFICES: ", ".join(dict.fromkeys(grant.office for grant in held if grant.office)),
    }
