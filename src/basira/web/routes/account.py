"""A person's own page: roles, another password.

Enters: a session; the current password and a new one. Leaves: the page; a new session after the change. Never here:
another person's account.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError

from basira.api.http.dependencies import Now
from basira.api.http.problems import ProblemException
from basira.api.routes.session import InAccess, InDatabase, InDesk, PasswordChange, post_password
from basira.schema.errors import UsageError
from basira.web.access import Visitor, send_as_person, visit_as_person
from basira.web.errors import PageRoute
from basira.web.forms import Form
from basira.web.render import page

router = APIRouter(route_class=PageRoute)


@router.get("/account")
def get_account(request: Request, visitor: Annotated[Visitor, Depends(visit_as_person)], changed: str = "") -> Response:
    """Who is logged in, in which roles, and the form of another password."""
    return page(request, "account.html", visitor=visitor, message="changed" if changed else "", fault="")


@router.post("/account/password")
async def post_account_password(
    request: Request,
    form: Form,
    visitor: Annotated[Visitor, Depends(send_as_person)],
    access: InAccess,
    database: InDatabase,
    now: Now,
    desk: InDesk,
) -> Response:
    """Change the password, as `POST /api/v1/session/password` does: every other session ends."""
    fault, status = "", 422
    new = form.get("new_password", "")
    if new != form.get("new_password_again", ""):
        fault = "differs"
    else:
        try:
            body = PasswordChange(current_password=form.get("current_password", ""), new_password=new)
            done = await post_password(body, request, visitor.principal, access, database, now, desk)
        except ValidationError:
            fault = "missing"
        except UsageError:
            fault = "unfit"
        except ProblemException as error:
            if error.code not in ("login_refused", "locked", "no_password"):
                raise
            fault, status = error.code, error.status_code
    if fault:
        status = 422 if status == 401 else status
        return page(request, "account.html", visitor=visitor, status=status, message="", fault=fault)
    answer = RedirectResponse("/account?changed=yes", 303)
    answer.raw_headers.extend(header for header in done.raw_headers if header[0] == b"set-cookie")
    return answer
