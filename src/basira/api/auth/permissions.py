"""Who may do what: one table of scopes by role, one of routes by scope.

Enters: nothing. Leaves: the tables, from which the routes' checks, docs/reference/roles.md and the tests of access are
made. Never here: a check; a route that is in no row is a failing test.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from basira.schema.access import Grant, Role

Scope = Literal[
    "declarations:write",
    "declarations:read",
    "outcomes:write",
    "reselections:write",
    "reselections:lower",
    "cancellations:write",
    "queue:read",
    "hands:take",
    "hands:give",
    "hands:give_any",
    "documents:read",
    "quarantine:read",
    "audit:read",
    "deeds:read",
    "metrics:read",
    "figures:read",
    "rules:read",
    "rules:write",
    "lists:read",
    "lists:write",
    "risks:read",
    "risks:write",
    "access:read",
    "access:write",
    "models:read",
    "models:write",
    "operators:read",
    "operators:export",
    "integrity:read",
]
# The reach of a role's right: every office, or the own one with some fields left out.
Reach = Literal["all", "own_hidden"]
# A route that takes no scope: public, for persons without a session yet (login), or for every person who is logged in.
Door = Literal["open", "login", "person"]

# Hidden from persons who are bound to an office: how selection works, and that a control was drawn at random. An
# inspector who knows that nothing speaks against a declaration looks less closely, and the estimates from random
# control are then too low.
HIDDEN = (
    "`detail` and `inclusion_probability` are left out",
    "`basis` and `basis_text` say `control` for what the model chose and for what was drawn at random alike",
    "what the model expects is left out (`fraud_probability`, `expected_revenue`, of an item also `revenue_if_fraud` "
    "and `kind_probabilities`, of a reason its `contribution`), and the queue is in order of lane and arrival, not of "
    "revenue",
)


@dataclass(frozen=True)
class ScopeRule:
    """What a scope allows, and each role that has it with its reach. A key has the scopes it was made with.

    ``is_whole``: what it shows is of every office at once, so a key that is bound to some can't have it.
    ``is_of_pages``: no route of the API takes it, so no key can have it.
    """

    meaning: str
    roles: Mapping[Role, Reach]
    is_whole: bool = False
    is_of_pages: bool = False


@dataclass(frozen=True)
class RouteRule:
    """A route and what it takes."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    needs: Scope | Door


_EVERYBODY: Mapping[Role, Reach] = {
    "inspector": "own_hidden",
    "analyst": "all",
    "manager": "all",
    "data_scientist": "all",
    "auditor": "all",
}

SCOPES: Mapping[Scope, ScopeRule] = {
    "declarations:write": ScopeRule("send declarations and get them decided", {}),
    "declarations:read": ScopeRule("read a declaration's decisions and results", _EVERYBODY),
    "outcomes:write": ScopeRule("record an inspection result", {"inspector": "own_hidden"}),
    "reselections:write": ScopeRule(
        "give a declaration another lane, with a motive", {"inspector": "own_hidden", "manager": "all"}
    ),
    "reselections:lower": ScopeRule("in a re-selection, give a less intensive lane", {"manager": "all"}),
    "cancellations:write": ScopeRule("cancel a declaration, with a motive", {"manager": "all"}),
    "queue:read": ScopeRule("read an office's queue", _EVERYBODY),
    "hands:take": ScopeRule(
        "take a declaration that waits and nobody has", {"inspector": "own_hidden"}, is_of_pages=True
    ),
    "hands:give": ScopeRule(
        "hand over the own declarations; have those that nobody has given as the policy says",
        {"inspector": "own_hidden", "manager": "all"},
        is_of_pages=True,
    ),
    "hands:give_any": ScopeRule(
        "hand over what another officer has, to an inspector of the office", {"manager": "all"}, is_of_pages=True
    ),
    # They may name persons and show faces: not for those who look at declarations as data.
    "documents:read": ScopeRule(
        "download the documents attached to results",
        {"inspector": "own_hidden", "analyst": "all", "manager": "all", "auditor": "all"},
        is_of_pages=True,
    ),
    "quarantine:read": ScopeRule(
        "read rejected declarations, as they were sent",
        {"analyst": "all", "auditor": "all", "administrator": "all"},
        is_whole=True,
    ),
    "audit:read": ScopeRule(
        "read who changed users, roles, keys and sessions, and erased what",
        {"auditor": "all", "administrator": "all"},
        is_whole=True,
    ),
    "deeds:read": ScopeRule(
        "read who did what to declarations, whichever", {"manager": "all", "auditor": "all"}, is_whole=True
    ),
    "figures:read": ScopeRule(
        "read what became of the selected controls, and what they found",
        {"analyst": "all", "manager": "all", "data_scientist": "all", "auditor": "all"},
        is_whole=True,
    ),
    "metrics:read": ScopeRule(
        "read the service's figures",
        {"manager": "all", "data_scientist": "all", "auditor": "all", "administrator": "all"},
        is_whole=True,
    ),
    "rules:read": ScopeRule(
        "read the rules of analysts, their versions and steps",
        {"analyst": "all", "manager": "all", "data_scientist": "all", "auditor": "all"},
        is_whole=True,
    ),
    "rules:write": ScopeRule(
        "write rules and take the steps of their lives that the role may take; a manager approves, never an author",
        {"analyst": "all", "manager": "all", "data_scientist": "all"},
        is_whole=True,
    ),
    # Entries name operators: a key that reads rules does not read them.
    "lists:read": ScopeRule(
        "read the lists that rules name, with their entries and changes",
        {"analyst": "all", "manager": "all", "data_scientist": "all", "auditor": "all"},
        is_whole=True,
    ),
    "lists:write": ScopeRule(
        "make lists, add and end entries, put a rule to sleep for an operator",
        {"analyst": "all", "data_scientist": "all"},
        is_whole=True,
    ),
    "risks:read": ScopeRule(
        "read the register of risks",
        {"analyst": "all", "manager": "all", "data_scientist": "all", "auditor": "all"},
        is_whole=True,
    ),
    "risks:write": ScopeRule("write and review risks", {"analyst": "all", "data_scientist": "all"}, is_whole=True),
    "access:read": ScopeRule(
        "see persons, their roles, the keys of systems, offices and settings on pages",
        {"auditor": "all", "administrator": "all"},
        is_whole=True,
        is_of_pages=True,
    ),
    "access:write": ScopeRule(
        "make and change accounts and keys on pages", {"administrator": "all"}, is_whole=True, is_of_pages=True
    ),
    "models:read": ScopeRule(
        "see the models, their stages and cards on pages",
        {"analyst": "all", "manager": "all", "data_scientist": "all", "auditor": "all"},
        is_whole=True,
        is_of_pages=True,
    ),
    "models:write": ScopeRule(
        "take the steps of a model's life that the role may take, on pages; a manager promotes, never alone",
        {"analyst": "all", "manager": "all", "data_scientist": "all"},
        is_whole=True,
        is_of_pages=True,
    ),
    # What Basira knows of an operator: docs/decisions/0039.
    "operators:read": ScopeRule(
        "look the past up by operator, and see all that is known of one, on pages",
        {"analyst": "all", "manager": "all", "data_scientist": "all", "auditor": "all"},
        is_whole=True,
        is_of_pages=True,
    ),
    "operators:export": ScopeRule(
        "take a file that names operators from pages; the audit says who did",
        {"analyst": "all", "auditor": "all"},
        is_whole=True,
        is_of_pages=True,
    ),
    # Pairs name inspectors: the page shows them to an auditor alone, and a manager their number.
    "integrity:read": ScopeRule(
        "see on pages who inspected whom more than chance explains: an auditor pairs, a manager their number",
        {"manager": "all", "auditor": "all"},
        is_whole=True,
        is_of_pages=True,
    ),
}
# Scopes of every office that an analyst or a manager of one office has all the same: rules are no secret from those
# who write rules, and which ones they write is bound to their office (`rules.lifecycle.roles_over`).
OF_OFFICES: frozenset[Scope] = frozenset({"rules:read", "rules:write"})
# What a key can be given.
OF_KEYS: tuple[Scope, ...] = tuple(name for name, rule in SCOPES.items() if not rule.is_of_pages)

ROUTES: tuple[RouteRule, ...] = (
    RouteRule("POST", "/api/v1/declarations", "declarations:write"),
    RouteRule("GET", "/api/v1/declarations/{declaration_id}", "declarations:read"),
    RouteRule("GET", "/api/v1/declarations/{declaration_id}/operators", "declarations:read"),
    RouteRule("POST", "/api/v1/declarations/{declaration_id}/outcome", "outcomes:write"),
    RouteRule("POST", "/api/v1/declarations/{declaration_id}/reselection", "reselections:write"),
    RouteRule("POST", "/api/v1/declarations/{declaration_id}/cancellation", "cancellations:write"),
    RouteRule("GET", "/api/v1/queue", "queue:read"),
    RouteRule("GET", "/api/v1/quarantine", "quarantine:read"),
    RouteRule("GET", "/api/v1/quarantine/{quarantine_id}", "quarantine:read"),
    RouteRule("GET", "/api/v1/audit", "audit:read"),
    RouteRule("GET", "/api/v1/deeds", "deeds:read"),
    RouteRule("GET", "/api/v1/figures", "figures:read"),
    RouteRule("GET", "/api/v1/rules", "rules:read"),
    RouteRule("GET", "/api/v1/rules/{rule_id}", "rules:read"),
    RouteRule("POST", "/api/v1/rules/check", "rules:write"),
    RouteRule("POST", "/api/v1/rules", "rules:write"),
    RouteRule("POST", "/api/v1/rules/try", "rules:write"),
    RouteRule("POST", "/api/v1/rules/{rule_id}/backtests", "rules:write"),
    RouteRule("POST", "/api/v1/rules/{rule_id}/steps", "rules:write"),
    RouteRule("POST", "/api/v1/rules/{rule_id}/snoozes", "lists:write"),
    RouteRule("GET", "/api/v1/lists", "lists:read"),
    RouteRule("POST", "/api/v1/lists", "lists:write"),
    RouteRule("GET", "/api/v1/lists/{name}", "lists:read"),
    RouteRule("GET", "/api/v1/lists/{name}/history", "lists:read"),
    RouteRule("POST", "/api/v1/lists/{name}/match", "lists:read"),
    RouteRule("POST", "/api/v1/lists/{name}/entries", "lists:write"),
    RouteRule("POST", "/api/v1/lists/{name}/entries/{entry}/end", "lists:write"),
    RouteRule("GET", "/api/v1/risks", "risks:read"),
    RouteRule("POST", "/api/v1/risks", "risks:write"),
    RouteRule("GET", "/api/v1/risks/{risk_id}", "risks:read"),
    RouteRule("POST", "/api/v1/risks/{risk_id}/reviews", "risks:write"),
    RouteRule("GET", "/api/v1/metrics", "metrics:read"),
    RouteRule("GET", "/api/v1/health", "open"),
    RouteRule("GET", "/api/v1/ready", "open"),
    RouteRule("POST", "/api/v1/session", "login"),
    RouteRule("GET", "/api/v1/session", "person"),
    RouteRule("DELETE", "/api/v1/session", "person"),
    RouteRule("POST", "/api/v1/session/password", "person"),
    RouteRule("GET", "/api/v1/session/oidc", "login"),
    RouteRule("GET", "/api/v1/session/oidc/callback", "login"),
)


def unfit_scopes(scopes: Iterable[str], *, is_bound: bool) -> tuple[list[str], list[str]]:
    """Of the scopes that a key is to have, those that no key can have, and those that a key can't have that is bound to
    offices (``is_bound``).

    >>> unfit_scopes(["queue:read", "audit:read", "all"], is_bound=True)
    (['all'], ['audit:read'])
    """
    wanted = sorted(set(scopes))
    unknown = [name for name in wanted if name not in OF_KEYS]
    whole: list[str] = [name for name in OF_KEYS if is_bound and name in wanted and SCOPES[name].is_whole]
    return unknown, whole


def granting(grants: Iterable[Grant], scope: Scope) -> tuple[Grant, ...]:
    """The roles of a person that have a scope; the other roles do not change its reach. A role that was given for one
    office has none that shows every office at once, but those of `OF_OFFICES`."""
    rule, is_of_offices = SCOPES[scope], scope in OF_OFFICES
    return tuple(
        grant
        for grant in grants
        if grant.role in rule.roles and (is_of_offices or not (grant.office and rule.is_whole))
    )
