"""The roles of a person as fields of a form.

Enters: the fields of a form, or roles; the offices that the policy lists. Leaves: roles, or the name of the message
that says what is wrong; fields. Never here: who may give a role.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from basira.schema.access import ROLES, SYSTEM, Grant, Role, check_office
from basira.schema.errors import UsageError
from basira.serving.admissible import folded_office
from basira.web.forms import Fields

OF_PERSONS: tuple[Role, ...] = tuple(role for role in ROLES if role != SYSTEM)
OFFICES = "offices"


class RolesError(Exception):
    """What is wrong with the roles of a form. ``message``: its name in the catalog."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def read_grants(form: Fields, listed: Sequence[str]) -> tuple[Grant, ...]:
    """The roles that a form gives, each once. ``listed``: the offices of the policy; empty: any code is an office.

    Raises RolesError: an inspector without an office, an office without an inspector, an unknown office.
    """
    roles = [role for role in OF_PERSONS if form.get(f"role-{role}") == "yes"]
    offices = read_offices(form.get(OFFICES, ""), listed)
    if ("inspector" in roles) != bool(offices):
        raise RolesError("person.fault.office_missing" if "inspector" in roles else "person.fault.office_without")
    return tuple(
        sorted(
            {Grant(role, office) for role in roles for office in (offices if role == "inspector" else [""])},
        )
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
        **{f"role-{grant.role}": "yes" for grant in held},
        OFFICES: ", ".join(grant.office for grant in held if grant.office),
    }
