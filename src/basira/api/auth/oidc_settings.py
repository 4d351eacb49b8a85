"""The OpenID provider and what its claims are worth here, from a TOML file.

Enters: the path that BASIRA_OIDC names. Leaves: frozen settings; from a user's claims, roles. Never here: a request to
the provider; a role that the mapping does not name.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from basira.schema.access import OF_OFFICE, Grant, Role, check_office
from basira.schema.errors import UsageError
from basira.schema.json_values import JsonObject

Unknown = Literal["refuse", "create"]
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_KNOWN = frozenset(
    {"issuer", "client_id", "client_secret_file", "scopes", "claim", "unknown", "name_claim", "login_claim", "roles"}
)
# Asymmetric alone: with a symmetric one the provider's public key, or the client's secret, could sign.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519")


@dataclass(frozen=True)
class RoleRule:
    """One value of the claim and the role it stands for.

    ``value``: to the letter; for a role of one office it may end in ``*``, whose match is the office.
    """

    value: str
    role: Role
    office: str = ""

    def grant(self, value: str) -> Grant | None:
        """The role that a value of the claim gives; None when the value differs, or has no valid office."""
        if not self.value.endswith("*"):
            return Grant(self.role, self.office) if value == self.value else None
        start = self.value[:-1]
        if not value.startswith(start):
            return None
        try:
            return Grant(self.role, check_office(value[len(start) :]))
        except UsageError:
            return None


@dataclass(frozen=True)
class OidcSettings:
    """``claim``: dotted path to the groups or roles in the id token. ``unknown``: what happens to a new person."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    scopes: tuple[str, ...] = ("openid", "profile")
    claim: str = "groups"
    login_claim: str = "preferred_username"
    name_claim: str = "name"
    unknown: Unknown = "refuse"
    roles: tuple[RoleRule, ...] = ()

    def grants(self, claims: JsonObject) -> tuple[Grant, ...]:
        """The roles of a person with these claims: what the mapping names, no more."""
        found: Any = claims
        for part in self.claim.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        values = [found] if isinstance(found, str) else found if isinstance(found, list) else []
        grants = [rule.grant(value) for value in values if isinstance(value, str) for rule in self.roles]
        return tuple(sorted({grant for grant in grants if grant is not None}))


def load_oidc(path: Path) -> OidcSettings:
    """The settings in a file. Raises UsageError, which names the invalid entry."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(
            "BASIRA_OIDC: expected a TOML file at {path}, found: {error}.",
            hint="Correct it.",
            path=path,
            error=error,
        ) from None
    if unknown := sorted(set(content) - _KNOWN):
        raise _wrong(unknown[0], f"one of {', '.join(sorted(_KNOWN))}", "an entry that has no meaning")
    issuer = _text(content, "issuer")
    if not is_safe_url(issuer) or urlsplit(issuer).query or urlsplit(issuer).fragment:
        raise _wrong("issuer", "an https address without a query", repr(issuer))
    claim = _text(content, "claim", "groups")
    policy = _text(content, "unknown", "refuse")
    if policy not in get_args(Unknown):
        raise _wrong("unknown", "refuse or create", repr(policy))
    scopes = content.get("scopes", ["openid", "profile"])
    if not isinstance(scopes, list) or "openid" not in scopes or not all(isinstance(s, str) for s in scopes):
        raise _wrong("scopes", 'a list with "openid"', repr(scopes))
    return OidcSettings(
        issuer=issuer,
        client_id=_text(content, "client_id"),
        client_secret=_secret(path.parent / _text(content, "client_secret_file")),
        scopes=tuple(scopes),
        claim=claim,
        login_claim=_text(content, "login_claim", "preferred_username"),
        name_claim=_text(content, "name_claim", "name"),
        unknown="create" if policy == "create" else "refuse",
        roles=_roles(content.get("roles", [])),
    )


def is_safe_url(url: object) -> bool:
    """Whether an address may be asked for secrets: https, or this machine."""
    if not isinstance(url, str):
        return False
    parts = urlsplit(url)
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL))


def _roles(entries: Any) -> tuple[RoleRule, ...]:
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise _wrong("roles", "tables [[roles]]", repr(entries))
    rules = []
    for entry in entries:
        if not set(entry) <= {"value", "role", "office"} or not all(isinstance(v, str) for v in entry.values()):
            raise _wrong("roles", "value, role and perhaps office, each a text", repr(entry))
        value, role, office = entry.get("value", ""), entry.get("role", ""), entry.get("office", "")
        is_open = value.endswith("*")
        if not value.rstrip("*") or "*" in value[:-1] or (is_open and (office or role not in OF_OFFICE)):
            raise _wrong(
                "roles", 'a value; it ends in "*" only for a role of one office, and then names none', repr(entry)
            )
        # Raises when the role or its office is invalid.
        Grant(role, "A" if is_open else office and check_office(office))
        rules.append(RoleRule(value, role, office))
    return tuple(rules)


def _text(content: JsonObject, name: str, default: str | None = None) -> str:
    value = content.get(name, default)
    if not isinstance(value, str) or not value.strip():
        raise _wrong(name, "a text", repr(value))
    return value


def _secret(path: Path) -> str:
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise _wrong("client_secret_file", "a file that can be read", type(error).__name__) from None
    if not secret:
        raise _wrong("client_secret_file", "a secret in the file", "nothing")
    return secret


def _wrong(name: str, expected: str, found: str) -> UsageError:
    return UsageError(
        "BASIRA_OIDC: {name}: expected {expected}, found {found}.",
        hint="Correct the file.",
        name=name,
        expected=expected,
        found=found,
    )
