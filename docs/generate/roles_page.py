"""docs/reference/roles.md, from the table of permissions.

Enters: `ROUTES`, `SCOPES`, `HIDDEN`. Leaves: Markdown. Never here: a permission of its own.
"""

from __future__ import annotations

from collections.abc import Mapping

from basira.api.auth.permissions import HIDDEN, OF_KEYS, ROUTES, SCOPES, Reach, RouteRule
from basira.schema.access import ROLES, SYSTEM, Role

_SHOWN: Mapping[Reach | None, str] = {"all": "all", "own_hidden": "own", None: "no"}


def roles_page() -> str:
    """docs/reference/roles.md."""
    people = [role for role in ROLES if role != SYSTEM]
    lines = [
        "# Roles and routes",
        "",
        "Made from `basira.api.auth.permissions` by `make docs`; the tests of access are made from the same tables:",
        "every route, with every role, with none, and with a key of each scope. How to give roles and keys:",
        "[access](../how-to/access.md).",
        "",
        "- **all**: every office. **own**: the offices of the role alone, without the hidden fields.",
        "- `system` is an API key: it may do what its scopes name, in every office or in those it is bound to, and",
        "  sees every field. A key that is bound to offices can't have: "
        + ", ".join(f"`{scope}`" for scope in OF_KEYS if SCOPES[scope].is_whole)
        + ".",
        "- Scopes of pages alone, which no key can have: "
        + ", ".join(f"`{scope}`" for scope in SCOPES if scope not in OF_KEYS)
        + ".",
        "- An analyst or a manager may be given for one office: **all** is then that office, a scope that a bound key",
        "  can't have is not theirs, but they read all rules, and write those that hold at that office alone.",
        "- A user with several roles may do what one of them allows, as far as that one reaches.",
        "- Hidden from who sees the own office alone:",
        *(f"  - {hidden};" for hidden in HIDDEN),
        "  - another office: its queue is 403, its declarations are not found.",
        "",
        "## Routes",
        "",
        "| route | needs | " + " | ".join(people) + " | system |",
        "|---|---|" + "---|" * (len(people) + 1),
        *(_route_row(rule, people) for rule in ROUTES),
        "",
        "`open`: no credential. `login`: no credential yet, limited by address. `person`: a session, of whatever role.",
        "",
        "## Scopes",
        "",
        "| scope | allows | " + " | ".join(people) + " |",
        "|---|---|" + "---|" * len(people),
        *(
            f"| `{scope}` | {rule.meaning} | " + " | ".join(_SHOWN[rule.roles.get(role)] for role in people) + " |"
            for scope, rule in SCOPES.items()
        ),
    ]
    return "\n".join(lines) + "\n"


def _route_row(rule: RouteRule, people: list[Role]) -> str:
    if rule.needs == "open" or rule.needs == "login":
        cells = ["yes"] * (len(people) + 1)
    elif rule.needs == "person":
        cells = [*["yes"] * len(people), "no"]
    else:
        cells = [*(_SHOWN[SCOPES[rule.needs].roles.get(role)] for role in people), "by its scopes"]
    return f"| `{rule.method} {rule.path}` | `{rule.needs}` | " + " | ".join(cells) + " |"
