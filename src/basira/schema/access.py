"""The roles, and the principal that asks.

Enters: roles as they are granted. Leaves: a principal with its roles and scopes. Never here: a route; a
secret.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from basira.schema.errors import Phrase, UsageError
from basira.schema.text import ALLOWED_SIGNS, find_odd, fold_identifier

Role = Literal["inspector", "analyst", "manager", "data_scientist", "auditor", "administrator", "system"]
ROLES: tuple[Role, ...] = get_args(Role)

# Held by API keys, never by a person.
SYSTEM: Role = "system"
# What one sees in these roles is not bound to an office, unless they are given for one.
_EVERYWHERE: frozenset[Role] = frozenset(ROLES) - {"inspector", SYSTEM}
# Roles that may be given for one office alone; an inspector's always is.
OF_OFFICE: frozenset[Role] = frozenset({"inspector", "analyst", "manager"})
LONGEST_OFFICE = 80
_SCOPE = re.compile(r"[a-z_]{1,40}:[a-z_]{1,20}")


@dataclass(frozen=True, order=True)
class Grant:
    """A role given to a person. ``office``: for an inspector, the own one; for an analyst or a manager of one office,
    that one; "" in every other role, which is then that of every office.

    >>> Grant("inspector")
    Traceback (most recent call last):
    ...
    basira.schema.errors.UsageError: Expected an office for the role inspector, found none.
    """

    role: Role
    office: str = ""

    def __post_init__(self) -> None:
        if self.role not in ROLES or self.role == SYSTEM:
            known = ", ".join(role for role in ROLES if role != SYSTEM)
            raise UsageError(
                "Expected a role ({known}), found {role!r}.",
                hint="Correct the role.",
                known=known,
                role=self.role,
            )
        is_bound = bool(self.office)
        if (self.role == "inspector" and not is_bound) or (is_bound and self.role not in OF_OFFICE):
            hint = "An inspector belongs to an office, an analyst or a manager may; the other roles see every office."
            if not is_bound:
                raise UsageError("Expected an office for the role {role}, found none.", hint=hint, role=self.role)
            raise UsageError(
                "Expected no office for the role {role}, found {office!r}.",
                hint=hint,
                role=self.role,
                office=self.office,
            )
        if self.office:
            _check_code(self.office)


@dataclass(frozen=True)
class Principal:
    """The caller: a person with roles, or a system with the scopes of its key.

    ``id``: user id or key id, what events and audit name as actor. ``offices``: those that a key is bound to; None:
    every one. ``must_change_password``: until it is changed, nothing else is allowed.
    """

    id: str
    kind: Literal["user", "key"]
    grants: tuple[Grant, ...] = ()
    scopes: frozenset[str] = frozenset()
    offices: frozenset[str] | None = None
    must_change_password: bool = False

    @property
    def roles(self) -> frozenset[Role]:
        """The roles, of whichever office; of a key, "system"."""
        return frozenset({SYSTEM}) if self.kind == "key" else frozenset(grant.role for grant in self.grants)

    def sees_office(self, office: str) -> bool:
        """Whether it may see what belongs to an office; codes are compared to the letter."""
        if self.kind == "key":
            return self.offices is None or office in self.offices
        own = self.own_offices
        return own is None or office in own

    @property
    def own_offices(self) -> frozenset[str] | None:
        """The offices that its roles, or its key, are bound to; None: it sees every office."""
        if self.kind == "key":
            return self.offices
        if any(not grant.office and grant.role in _EVERYWHERE for grant in self.grants):
            return None
        return frozenset(grant.office for grant in self.grants if grant.office)


def check_scopes(scopes: frozenset[str]) -> frozenset[str]:
    """The scopes of a key, such as "declarations:write". Raises UsageError when there is none, or one is malformed."""
    malformed = sorted(scope for scope in scopes if not _SCOPE.fullmatch(scope))
    if not scopes or malformed:
        found = repr(malformed[0]) if malformed else Phrase("none")
        raise UsageError(
            "Expected scopes such as declarations:write, found {found}.",
            hint="Give a key what it needs, and no more.",
            found=found,
        )
    return scopes


def check_office(office: str) -> str:
    """A code of an office as it may be given to a person or a key. Raises UsageError when it is not one.

    The form is that of declarations: the queue of an office written otherwise would always be empty. Codes recorded
    before there was one form are still read.
    """
    if (odd := find_odd(office)) is not None or fold_identifier(office) != office:
        right = fold_identifier(office)
        found = (
            Phrase("{office!r}, which is written {right!r}", office=office, right=right) if odd is None else odd.place
        )
        raise UsageError(
            "Expected the code of an office in {allowed}, found {found}.",
            hint="Write it as `basira target` shows it.",
            allowed=ALLOWED_SIGNS,
            found=found,
        )
    _check_code(office)
    return office


def _check_code(office: str) -> None:
    """Raise UsageError when it is no code of an office.

    Codes are kept in capitals, as they are read from declarations, and compared to the letter: nothing is folded when
    they are compared, so that nothing else can match.
    """
    is_plain = office.isprintable() and office == office.strip().upper()
    if not 1 <= len(office) <= LONGEST_OFFICE or not is_plain:
        raise UsageError(
            "Expected the code of an office in capitals, 1 to {longest_office} characters, found {office!r}.",
            hint="Write it as `basira target` shows it.",
            longest_office=LONGEST_OFFICE,
            office=office,
        )
