"""Persons with an account, as an administrator keeps them: the list, one person, a new one, what changes one.

Enters: filters, forms. Leaves: pages, files; accounts made and changed by `storage.accounts`, each change audited in
its transaction. Never here: a password that an administrator chose, or that is shown twice; an end of anything without
a page that says first what it does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, get_args
from urllib.parse import urlencode

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import RedirectResponse, Response

from basira.api.http.dependencies import InService, KnownQuery, Now
from basira.api.http.problems import ProblemException
from basira.render.workbook import Cell
from basira.schema.access import Grant, Role
from basira.schema.errors import UsageError
from basira.serving.admissible import folded_office
from basira.serving.service import Service
from basira.storage.accounts.sessions import find_open_sessions, revoke_sessions, unlock_login
from basira.storage.accounts.users import (
    NewUser,
    User,
    UserSearch,
    create_user,
    erase_user,
    find_user,
    find_users,
    get_user,
    hash_password,
    new_password,
    normalised_login,
    set_active,
    set_grants,
    set_password,
)
from basira.storage.database.freed import free_deleted
from basira.storage.record.activity import Part, find_audit, names_of
from basira.web.access import Visitor, send, visit
from basira.web.calls import Call
from basira.web.errors import PageRoute
from basira.web.forms import Fields, Form
from basira.web.grants_form import CHOICES, OF_PERSONS, RolesError, grants_fields, read_grants
from basira.web.lanes import lanes_on
from basira.web.render import page, words_of
from basira.web.tables import Ending, Table, as_file

router = APIRouter(route_class=PageRoute)
PATH = "/people"
PAGE_ROWS = 50
EVENTS_SHOWN = 20
Reader = Annotated[Visitor, Depends(visit("access:read"))]
Writer = Annotated[Visitor, Depends(send("access:write"))]
UserId = Annotated[str, Path(min_length=1, max_length=40)]
# What is done to an account after a page has shown what it does.
Act = Literal["deactivate", "activate", "password", "sessions", "unlock", "erase"]
ACTS: tuple[Act, ...] = get_args(Act)
WITH_MOTIVE: frozenset[Act] = frozenset({"sessions", "erase"})
_DONE = (*ACTS, "roles", "made", "erase_left")
_OF_PERSON = f"{PATH}/{{user_id}}"


@dataclass(frozen=True)
class _Asked:
    """What the address of the list says; texts are empty where nothing is asked."""

    text: str
    role: str
    office: str
    state: str

    @property
    def wanted(self) -> UserSearch:
        is_active = {"active": True, "inactive": False}.get(self.state)
        return UserSearch(self.text, self.role, folded_office(self.office), is_active)

    def address(self, path: str, page_number: int = 1) -> str:
        values = {
            "text": self.text,
            "role": self.role,
            "office": self.office,
            "state": self.state,
            "page": str(page_number) if page_number > 1 else "",
        }
        query = urlencode({name: value for name, value in values.items() if value})
        return f"{path}?{query}" if query else path


def _asked(
    text: Annotated[str, Query(max_length=200)] = "",
    role: Role | Literal[""] = "",
    office: Annotated[str, Query(max_length=80)] = "",
    state: Literal["active", "inactive", ""] = "",
) -> _Asked:
    return _Asked(text.strip(), role, office.strip(), state)


InAsked = Annotated[_Asked, Depends(_asked)]


@router.get(PATH)
def get_people(
    request: Request,
    visitor: Reader,
    asked: InAsked,
    _known: KnownQuery,
    service: InService,
    number: Annotated[int, Query(alias="page", ge=1, le=100_000)] = 1,
) -> Response:
    """Every account in the order of logins, with its roles."""
    with service.database.read() as connection:
        found, total = find_users(connection, asked.wanted, offset=(number - 1) * PAGE_ROWS, limit=PAGE_ROWS)
    return page(
        request,
        "people.html",
        visitor=visitor,
        asked=asked,
        people=found,
        total=total,
        roles=OF_PERSONS,
        csv=asked.address(f"{PATH}.csv"),
        xlsx=asked.address(f"{PATH}.xlsx"),
        before=asked.address(PATH, number - 1) if number > 1 else "",
        after=asked.address(PATH, number + 1) if number * PAGE_ROWS < total else "",
    )


@router.get(f"{PATH}.csv")
def get_people_csv(visitor: Reader, asked: InAsked, _known: KnownQuery, service: InService, now: Now) -> Response:
    """All that is found for a spreadsheet."""
    return _file(visitor, asked, service, now, "csv")


@router.get(f"{PATH}.xlsx")
def get_people_xlsx(visitor: Reader, asked: InAsked, _known: KnownQuery, service: InService, now: Now) -> Response:
    """All that is found as a workbook."""
    return _file(visitor, asked, service, now, "xlsx")


def _file(visitor: Visitor, asked: _Asked, service: Service, now: datetime, ending: Ending) -> Response:
    words = words_of(visitor.language)
    with service.database.read() as connection:
        found, _ = find_users(connection, asked.wanted)

    def cells(one: User) -> list[Cell]:
        roles = ", ".join(f"{words.say(f'role.{grant.role}')} {grant.office}".strip() for grant in one.grants)
        state = words.say("person.active" if one.is_active else "person.inactive")
        return [one.login, one.display_name, roles, state, one.user_id]

    header = [words.say(name) for name in ("login.login", "account.name", "account.roles", "status", "person.id")]
    table = Table("people", words.say("people.title"), header, [cells(one) for one in found])
    return as_file(table, ending, today=now.date(), language=visitor.language)


@router.get(f"{PATH}/new", dependencies=[Depends(visit("access:write"))])
def get_new(request: Request, visitor: Reader, _known: KnownQuery, service: InService, now: Now) -> Response:
    """The form of a new account."""
    return _new(request, visitor, service, now, {}, fault="")


@router.post(f"{PATH}/new")
def post_new(request: Request, visitor: Writer, form: Form, service: InService, now: Now) -> Response:
    """Make the account, and show its first password once; the form again where it can't be made."""
    login, name = form.get("login", "").strip(), form.get("name", "").strip()
    subject = form.get("subject", "").strip()
    try:
        grants = read_grants(form, _offices(service, visitor, now))
        _require_fit(login, name, subject, service)
        password = "" if subject else new_password()
        hashed = hash_password(password) if password else None
        new = NewUser(
            login, display_name=name or login, grants=grants, password_hash=hashed, oidc_subject=subject or None
        )
        with service.database.write() as connection:
            user_id = create_user(connection, new, actor=visitor.principal.id, now=now)
    except RolesError as error:
        return _new(request, visitor, service, now, form, fault=error.message)
    except UsageError:  # another administrator was quicker, or a sign that can't be kept
        return _new(request, visitor, service, now, form, fault="person.fault.login")
    return _once(request, visitor, service, user_id, password) if password else _to(user_id, "made")


def _require_fit(login: str, name: str, subject: str, service: Service) -> None:
    kept = normalised_login(login)
    if not 1 <= len(kept) <= 200 or not kept.isprintable() or len(name) > 200:
        raise RolesError("person.fault.login")
    with service.database.read() as connection:
        if find_user(connection, login=kept) or (subject and find_user(connection, oidc_subject=subject)):
            raise RolesError("person.fault.taken")


@router.get(_OF_PERSON)
def get_person(
    request: Request,
    visitor: Reader,
    user_id: UserId,
    _known: KnownQuery,
    service: InService,
    now: Now,
    done: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """One account: who it is, the roles, the sessions, what was done to it, and what may be done."""
    return _person(Call(request, visitor, service, now), user_id, done=done)


@router.post(f"{_OF_PERSON}/roles")
def post_roles(
    request: Request, visitor: Writer, user_id: UserId, form: Form, service: InService, now: Now
) -> Response:
    """Replace the roles. Back to the page with the fault where they can't be."""

    def change(connection: sa.Connection) -> None:
        grants = read_grants(form, _offices(service, visitor, now))
        before = get_user(connection, user_id).grants
        if form.get("seen") != seen_of(before):
            raise RolesError("person.fault.changed")
        if set(read_grants(grants_fields(before), ())) != set(before):  # the form would give each role every office
            raise RolesError("person.fault.offices_differ")
        if set(grants) != set(before):
            set_grants(connection, user_id, grants, actor=visitor.principal.id, now=now)

    try:
        with service.database.write() as connection:
            change(connection)
    except RolesError as error:
        return _person(Call(request, visitor, service, now), user_id, fault=error.message, fields=form)
    except UsageError:
        return _person(Call(request, visitor, service, now), user_id, fault="person.fault.last", fields=form)
    return _to(user_id, "roles")


@router.get(f"{_OF_PERSON}/{{act}}", dependencies=[Depends(visit("access:write"))])
def get_act(
    request: Request, visitor: Reader, user_id: UserId, act: Act, _known: KnownQuery, service: InService, now: Now
) -> Response:
    """What an act would do to an account, before it is done."""
    return _preview(Call(request, visitor, service, now), user_id, act)


@router.post(f"{_OF_PERSON}/{{act}}")
def post_act(
    request: Request, visitor: Writer, user_id: UserId, act: Act, form: Form, service: InService, now: Now
) -> Response:
    """Do it. A new password is shown once; else back to the account."""
    by, motive = visitor.principal.id, form.get("motive", "").strip()
    with service.database.read() as connection:
        user = get_user(connection, user_id)
    if act in WITH_MOTIVE and not motive:
        return _preview(Call(request, visitor, service, now), user_id, act, fault="person.fault.motive", fields=form)
    if act == "erase" and normalised_login(form.get("login", "")) != (user.login or ""):
        return _preview(Call(request, visitor, service, now), user_id, act, fault="person.fault.confirm", fields=form)
    if act == "password" and not _has_password(user):
        raise ProblemException(422, "invalid", "Expected an account with a password, found another.")
    password = new_password() if act == "password" else ""
    hashed = hash_password(password) if password else ""
    do: dict[Act, Callable[[sa.Connection], object]] = {
        "activate": lambda to: set_active(to, user_id, True, actor=by, now=now),
        "deactivate": lambda to: set_active(to, user_id, False, actor=by, now=now),
        "password": lambda to: set_password(to, user_id, hashed, actor=by, now=now, must_change_password=True),
        "sessions": lambda to: revoke_sessions(to, user_id, actor=by, motive=motive, now=now),
        "unlock": lambda to: unlock_login(to, user_id, actor=by, now=now),
        "erase": lambda to: erase_user(to, user_id, actor=by, motive=motive, now=now),
    }
    try:
        with service.database.write() as connection:
            do[act](connection)
    except UsageError:
        return _preview(Call(request, visitor, service, now), user_id, act, fault="person.fault.last", fields=form)
    done: str = act
    if act == "erase" and free_deleted(service.database):
        done = "erase_left"
    return _once(request, visitor, service, user_id, password) if password else _to(user_id, done)


def seen_of(grants: tuple[Grant, ...]) -> str:
    """What a form holds of the roles that it was made with, so that a change meanwhile is noticed."""
    return hashlib.sha256(repr(sorted(grants)).encode()).hexdigest()[:16]


def _has_password(user: User) -> bool:
    return user.login is not None and user.oidc_subject is None


def _offices(service: Service, visitor: Visitor, now: datetime) -> tuple[str, ...]:
    policy = lanes_on(service, now.date(), visitor.language).policy
    return policy.offices if policy else ()


def _to(user_id: str, done: str) -> Response:
    return RedirectResponse(f"{PATH}/{user_id}?done={done}", 303)


def _new(
    request: Request, visitor: Visitor, service: Service, now: datetime, fields: Fields, *, fault: str
) -> Response:
    return page(
        request,
        "person_new.html",
        visitor=visitor,
        status=422 if fault else 200,
        fields=fields,
        fault=fault,
        roles=CHOICES,
        offices=_offices(service, visitor, now),
    )


def _once(request: Request, visitor: Visitor, service: Service, user_id: str, password: str) -> Response:
    with service.database.read() as connection:
        user = get_user(connection, user_id)
    return page(
        request,
        "once.html",
        visitor=visitor,
        recorded="person",
        title="once.password.title",
        text="once.password.text",
        of=user.login or user_id,
        secret=password,
        back=f"{PATH}/{user_id}",
        back_label="once.password.back",
    )


def _person(
    call: Call,
    user_id: str,
    *,
    done: str = "",
    fault: str = "",
    fields: Fields | None = None,
) -> Response:
    with call.service.database.read() as connection:
        user = get_user(connection, user_id)
        sessions = find_open_sessions(connection, user_id, now=call.now)
        events = find_audit(connection, Part(limit=EVENTS_SHOWN), subject=f"user/{user_id}")
        names = names_of(connection, [row["actor"] for row in events])
    return page(
        call.request,
        "person.html",
        visitor=call.visitor,
        status=422 if fault else 200,
        user=user,
        sessions=sessions,
        events=events,
        names=names,
        acts=_acts(user),
        done=done if done in _DONE else "",
        fault=fault,
        fields=grants_fields(user.grants) if fields is None else fields,
        seen=seen_of(user.grants),
        roles=CHOICES,
        offices=_offices(call.service, call.visitor, call.now),
    )


def _acts(user: User) -> list[Act]:
    """What may be done to an account now, the one that ends it last."""
    if user.login is None:
        return []
    wanted: list[Act] = ["password"] if _has_password(user) else []
    return [*wanted, "sessions", "unlock", "deactivate" if user.is_active else "activate", "erase"]


def _preview(
    call: Call,
    user_id: str,
    act: Act,
    *,
    fault: str = "",
    fields: Fields | None = None,
) -> Response:
    with call.service.database.read() as connection:
        user = get_user(connection, user_id)
        sessions = find_open_sessions(connection, user_id, now=call.now)
    if act not in _acts(user):
        raise ProblemException(404, "not_found", "Expected something that can be done to this account, found another.")
    return page(
        call.request,
        "person_act.html",
        visitor=call.visitor,
        status=422 if fault else 200,
        user=user,
        act=act,
        sessions=sessions,
        with_motive=act in WITH_MOTIVE,
        fault=fault,
        fields=fields or {},
    )
