"""Who looks at a page: the checks of the API, for a browser.

Enters: a request, a form. Leaves: a visitor: the principal, the session's CSRF token, the language. Never here: a right
of its own; a page for an API key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from fastapi import Request

from basira.api.auth.authenticate import authorize, hides_secrets, may, principal_of
from basira.api.auth.cookies import session_cookie
from basira.api.auth.permissions import Scope
from basira.api.http.problems import ProblemException
from basira.schema.access import Principal
from basira.storage.accounts.sessions import csrf_token, is_csrf_token
from basira.storage.accounts.users import User, get_user
from basira.web.forms import Form
from basira.web.language import language_of
from basira.web.uploads import Upload, read_upload

TOKEN_FIELD = "csrf_token"  # noqa: S105 - the name of a field


@dataclass(frozen=True)
class Visitor:
    """A person who looks at a page. ``principal``: with only the roles that have the page's scope, or with all where
    the page has none. ``everything``: with all roles, for what leads to other pages."""

    principal: Principal
    everything: Principal
    user: User
    csrf_token: str
    language: str

    @property
    def hides_secrets(self) -> bool:
        """Whether what selection knows is left out (docs/decisions/0013)."""
        return hides_secrets(self.principal)

    def may(self, scope: Scope) -> bool:
        """Whether the person has a scope, in whichever role."""
        return may(self.everything, scope)

    @property
    def own_offices(self) -> tuple[str, ...] | None:
        """The offices to which the page's scope is bound; None: it sees every office."""
        offices = tuple(sorted({grant.office for grant in self.principal.grants if grant.office}))
        is_bound = all(grant.office for grant in self.principal.grants)
        return offices if is_bound else None


def visit(scope: Scope) -> Callable[[Request], Visitor]:
    """A dependency of pages that show: the visitor, when they have the scope. Raises as `authorize`."""

    def visitor(request: Request) -> Visitor:
        return _visitor(request, scope, None)

    return visitor


def send(scope: Scope) -> Callable[[Request, Form], Visitor]:
    """A dependency of pages that take a form: the visitor, when they have the scope, and the form has the session's
    token. Raises as `authorize`."""

    def visitor(request: Request, form: Form) -> Visitor:
        return _visitor(request, scope, form.get(TOKEN_FIELD, ""))

    return visitor


def send_file(scope: Scope) -> Callable[[Request], Visitor]:
    """A dependency of pages that take a file: the visitor, when they have the scope, before the body is read. The route
    reads it by `read_sent_file`. Raises as `authorize`."""

    def visitor(request: Request) -> Visitor:
        token = session_cookie(request, request.app.state.access.settings)
        return _visitor(request, scope, csrf_token(token or ""))

    return visitor


def require_token(request: Request, given: str) -> None:
    """Raise 403 unless a form has the token of its session."""
    token = session_cookie(request, request.app.state.access.settings) or ""
    if not is_csrf_token(given or request.headers.get("x-csrf-token", ""), token):
        raise ProblemException(403, "csrf", "Expected the session's token in the form, found another one or none.")


async def read_sent_file(request: Request) -> Upload:
    """The form with a file of a request, with the session's token; without the token nothing else is said of it.

    Raises 403 for the token, then as `read_upload`.
    """
    try:
        upload = read_upload(await request.body(), request.headers.get("content-type", ""))
    except ProblemException:
        require_token(request, "")
        raise
    require_token(request, upload.fields.get(TOKEN_FIELD, ""))
    return upload


def visit_as_person(request: Request) -> Visitor:
    """A dependency: the person who is logged in, even with a password that must be changed first."""
    return _of_person(request, principal_of(_without_key(request), is_change_forced=False))


def send_as_person(request: Request, form: Form) -> Visitor:
    """The same, of a form with the session's token."""
    found = principal_of(_without_key(request), is_change_forced=False, form_token=form.get(TOKEN_FIELD, ""))
    return _of_person(request, found)


def find_visitor(request: Request) -> Visitor | None:
    """The person who is logged in, for pages that anyone may see; None without a session."""
    try:
        return visit_as_person(request)
    except ProblemException:
        return None


def _visitor(request: Request, scope: Scope, form_token: str | None) -> Visitor:
    found = authorize(_without_key(request), scope, form_token=form_token)
    everything = principal_of_session(request)
    return replace(_of_person(request, everything), principal=found)


def principal_of_session(request: Request) -> Principal:
    """The person with all roles; the request was authorized before."""
    access = request.app.state.access
    found: Principal | None = access.sessions(session_cookie(request, access.settings) or "")
    if found is None:
        raise ProblemException(401, "unauthorized", "Expected a session, found one that has just ended.")
    return found


def _without_key(request: Request) -> Request:
    """Pages are for people: the header of a key is a mistake, and must not widen what a session shows."""
    if "x-api-key" in request.headers:
        raise ProblemException(403, "forbidden", "Expected the session of a person, found an API key.")
    return request


def _of_person(request: Request, found: Principal) -> Visitor:
    state = request.app.state
    with state.service.database.read() as connection:
        user = get_user(connection, found.id)
    token = session_cookie(request, state.access.settings) or ""
    return Visitor(found, found, user, csrf_token(token), language_of(request))
