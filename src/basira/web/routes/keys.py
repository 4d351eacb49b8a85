"""The keys of systems, as an administrator keeps them: the list, a new one, its successor, its end.

Enters: filters, forms. Leaves: pages, files; keys made, followed and ended by `storage.accounts.api_keys`, each change
audited in its transaction. Never here: a token that is shown twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import RedirectResponse, Response

from basira.api.auth.permissions import OF_KEYS, SCOPES, unfit_scopes
from basira.api.http.dependencies import InService, KnownQuery, Now
from basira.api.http.problems import ProblemException
from basira.render.workbook import Cell
from basira.schema.errors import UsageError
from basira.serving.service import Service
from basira.storage.accounts.api_keys import ApiKey, NewKey, create_key, get_key, list_keys, revoke_key, rotate_key
from basira.storage.record.activity import names_of
from basira.web.access import Visitor, send, visit
from basira.web.calls import Call
from basira.web.errors import PageRoute
from basira.web.forms import Fields, Form
from basira.web.grants_form import RolesError, read_offices
from basira.web.lanes import lanes_on
from basira.web.render import page, words_of
from basira.web.tables import Ending, Table, as_file

router = APIRouter(route_class=PageRoute)
PATH = "/keys"
Reader = Annotated[Visitor, Depends(visit("access:read"))]
Writer = Annotated[Visitor, Depends(send("access:write"))]
KeyId = Annotated[str, Path(min_length=1, max_length=40)]
State = Literal["in_force", "expired", "revoked"]
Act = Literal["revoke", "rotate"]
DEFAULT_DAYS, MOST_DAYS = 365, 3650
OVERLAP_HOURS, MOST_OVERLAP_HOURS = 24, 720
# A key that ends within so many days is marked: the system that uses it would stop.
SOON_DAYS = 30


@dataclass(frozen=True)
class KeyLine:
    """A key on a page. ``ends_soon``: it is in force, has no successor, and ends within a month."""

    key: ApiKey
    state: State
    ends_soon: bool


def line_of(key: ApiKey, now: datetime) -> KeyLine:
    """A key with its state at a moment."""
    ends = datetime.fromisoformat(key.expires_at)
    state: State = "revoked" if key.revoked_at else "expired" if ends <= now else "in_force"
    is_soon = state == "in_force" and key.replaced_by is None and ends <= now + timedelta(days=SOON_DAYS)
    return KeyLine(key, state, is_soon)


@dataclass(frozen=True)
class _Asked:
    """What the address of the list says. ``state``: "" for every key."""

    text: str
    state: State | Literal["all"]

    def address(self, path: str) -> str:
        return f"{path}?{urlencode({'text': self.text, 'state': self.state})}"


def _asked(text: Annotated[str, Query(max_length=200)] = "", state: State | Literal["all"] = "in_force") -> _Asked:
    return _Asked(text.strip(), state)


InAsked = Annotated[_Asked, Depends(_asked)]


@router.get(PATH)
def get_keys(
    request: Request,
    visitor: Reader,
    asked: InAsked,
    _known: KnownQuery,
    service: InService,
    now: Now,
    done: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """The keys, by default those in force."""
    lines, names = _lines(service, asked, now)
    return page(
        request,
        "keys.html",
        visitor=visitor,
        asked=asked,
        lines=lines,
        names=names,
        done=done if done == "revoke" else "",
        csv=asked.address(f"{PATH}.csv"),
        xlsx=asked.address(f"{PATH}.xlsx"),
    )


def _lines(service: Service, asked: _Asked, now: datetime) -> tuple[list[KeyLine], dict[str, str]]:
    """The keys that are asked for, and the logins of those who made them."""
    with service.database.read() as connection:
        keys = list_keys(connection)
        names = names_of(connection, [key.created_by for key in keys])
    lines = [line_of(key, now) for key in keys if asked.text.casefold() in key.name.casefold()]
    return [one for one in lines if asked.state in ("all", one.state)], names


@router.get(f"{PATH}.csv")
def get_keys_csv(visitor: Reader, asked: InAsked, _known: KnownQuery, service: InService, now: Now) -> Response:
    """The same for a spreadsheet."""
    return _file(visitor, asked, service, now, "csv")


@router.get(f"{PATH}.xlsx")
def get_keys_xlsx(visitor: Reader, asked: InAsked, _known: KnownQuery, service: InService, now: Now) -> Response:
    """The same as a workbook."""
    return _file(visitor, asked, service, now, "xlsx")


def _file(visitor: Visitor, asked: _Asked, service: Service, now: datetime, ending: Ending) -> Response:
    words = words_of(visitor.language)
    lines, names = _lines(service, asked, now)

    def cells(one: KeyLine) -> list[Cell]:
        key = one.key
        offices = words.say("all") if key.offices is None else ", ".join(sorted(key.offices))
        made_by = names.get(key.created_by, key.created_by)
        state = words.say(f"key.state.{one.state}")
        scopes = ", ".join(sorted(key.scopes))
        return [key.key_id, key.name, scopes, offices, state, key.expires_at, key.last_used_at, made_by, key.created_at]

    columns = ("id", "system", "scopes", "offices", "state", "expires", "used", "by", "made")
    header = [words.say(f"key.column.{name}") for name in columns]
    table = Table("keys", words.say("keys.title"), header, [cells(one) for one in lines])
    return as_file(table, ending, today=now.date(), language=visitor.language)


@router.get(f"{PATH}/new", dependencies=[Depends(visit("access:write"))])
def get_new(request: Request, visitor: Reader, _known: KnownQuery, service: InService, now: Now) -> Response:
    """The form of a new key."""
    return _new(request, visitor, service, now, {"days": str(DEFAULT_DAYS)}, fault="")


@router.post(f"{PATH}/new")
def post_new(request: Request, visitor: Writer, form: Form, service: InService, now: Now) -> Response:
    """Make the key, and show its token once; the form again where it can't be made."""
    name, days = form.get("name", "").strip(), _whole(form.get("days", ""), MOST_DAYS)
    scopes = [name.removeprefix("scope-") for name, value in form.items() if name.startswith("scope-") and value]
    try:
        offices = read_offices(form.get("offices", ""), _offices(service, visitor, now))
    except RolesError as error:
        return _new(request, visitor, service, now, form, fault=error.message)
    unknown, whole = unfit_scopes(scopes, is_bound=bool(offices))
    fault = ""
    if not 1 <= len(name) <= 200 or not name.isprintable():
        fault = "key.fault.name"
    elif not scopes or unknown:
        fault = "key.fault.scopes"
    elif whole:
        fault = "key.fault.whole"
    elif not days:
        fault = "key.fault.days"
    if fault or days is None:
        return _new(request, visitor, service, now, form, fault=fault)
    with service.database.write() as connection:
        made = create_key(
            connection,
            name,
            scopes=scopes,
            actor=visitor.principal.id,
            now=now,
            expires_at=now + timedelta(days=days),
            offices=offices or None,
        )
    return _once(request, visitor, made, name)


@router.get(f"{PATH}/{{key_id}}/{{act}}", dependencies=[Depends(visit("access:write"))])
def get_act(
    request: Request, visitor: Reader, key_id: KeyId, act: Act, _known: KnownQuery, service: InService, now: Now
) -> Response:
    """What the end of a key, or its successor, would change, before it is done."""
    fields = {"days": str(DEFAULT_DAYS), "hours": str(OVERLAP_HOURS)}
    return _preview(Call(request, visitor, service, now), key_id, act, fields=fields)


@router.post(f"{PATH}/{{key_id}}/{{act}}")
def post_act(
    request: Request, visitor: Writer, key_id: KeyId, act: Act, form: Form, service: InService, now: Now
) -> Response:
    """Do it. The token of a successor is shown once; after an end back to the list."""
    by = visitor.principal.id
    if act == "revoke":
        motive = form.get("motive", "").strip()
        if not motive:
            return _preview(Call(request, visitor, service, now), key_id, act, fault="person.fault.motive", fields=form)
        with service.database.write() as connection:
            revoke_key(connection, key_id, actor=by, motive=motive, now=now)
        return RedirectResponse(f"{PATH}?done=revoke", 303)
    days, hours = _whole(form.get("days", ""), MOST_DAYS), _whole(form.get("hours", ""), MOST_OVERLAP_HOURS)
    if not days or hours is None:
        return _preview(Call(request, visitor, service, now), key_id, act, fault="key.fault.days", fields=form)
    try:
        with service.database.write() as connection:
            name = get_key(connection, key_id).name
            made = rotate_key(
                connection,
                key_id,
                actor=by,
                now=now,
                expires_at=now + timedelta(days=days),
                overlap=timedelta(hours=hours),
            )
    except UsageError:
        return _preview(Call(request, visitor, service, now), key_id, act, fault="key.fault.ended", fields=form)
    return _once(request, visitor, made, name)


def _whole(text: str, most: int) -> int | None:
    """A whole number from 0 to ``most``; None for another text."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 6 and int(text) <= most else None


def _offices(service: Service, visitor: Visitor, now: datetime) -> tuple[str, ...]:
    policy = lanes_on(service, now.date(), visitor.language).policy
    return policy.offices if policy else ()


def _new(
    request: Request, visitor: Visitor, service: Service, now: datetime, fields: Fields, *, fault: str
) -> Response:
    return page(
        request,
        "key_new.html",
        visitor=visitor,
        status=422 if fault else 200,
        fields=fields,
        fault=fault,
        scopes=[(name, SCOPES[name].is_whole) for name in OF_KEYS],
        offices=_offices(service, visitor, now),
    )


def _once(request: Request, visitor: Visitor, made: NewKey, name: str) -> Response:
    return page(
        request,
        "once.html",
        visitor=visitor,
        recorded="key",
        title="once.key.title",
        text="once.key.text",
        of=f"{name} · {made.key_id}",
        secret=made.token,
        back=PATH,
        back_label="once.key.back",
    )


def _preview(
    call: Call,
    key_id: str,
    act: Act,
    *,
    fault: str = "",
    fields: Fields,
) -> Response:
    with call.service.database.read() as connection:
        line = line_of(get_key(connection, key_id), call.now)
    if line.state != "in_force" or (act == "rotate" and line.key.replaced_by):
        raise ProblemException(404, "not_found", "Expected a key in force, found one that ended or has a successor.")
    return page(
        call.request,
        "key_act.html",
        visitor=call.visitor,
        status=422 if fault else 200,
        line=line,
        act=act,
        fault=fault,
        fields=fields,
    )
