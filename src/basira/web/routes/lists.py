"""Lists that rules name, as pages: each with its entries and changes; a new list, an entry added, an entry ended.

Enters: forms. Leaves: pages, files; changes on record by `workflows.rules.lists`, each with its event in the audit.
Never here: a file that names operators (docs/decisions/0026); an entry changed or removed: it ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, get_args

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import RedirectResponse, Response

from basira.api.http.dependencies import InService, KnownQuery, Now
from basira.api.http.problems import ProblemException
from basira.render.workbook import Cell
from basira.rules.lists.model import CLOSE_ENOUGH, LIST_KINDS, Ending, Entry, ListHeader, ListKind, Matching
from basira.rules.lists.snoozes import PREFIX
from basira.schema.errors import Phrase, RuleError
from basira.serving.rules import said_in
from basira.serving.service import Service
from basira.storage.rules.lists import StoredList
from basira.web.access import Visitor, send, visit
from basira.web.calls import Call
from basira.web.errors import PageRoute
from basira.web.forms import Fields, Form, read_day, read_seen
from basira.web.people import names_of_people
from basira.web.render import page, words_of
from basira.web.tables import Ending as FileEnding
from basira.web.tables import Table, as_file
from basira.workflows.rules.lists import (
    ListShown,
    ShownEntry,
    add_to_list,
    create_list,
    end_in_list,
    show_list,
    show_lists,
)

router = APIRouter(route_class=PageRoute)
PATH = "/lists"
Reader = Annotated[Visitor, Depends(visit("lists:read"))]
Writer = Annotated[Visitor, Depends(send("lists:write"))]
Name = Annotated[str, Path(min_length=1, max_length=80)]
_OF_LIST = f"{PATH}/{{name}}"
# Whose entries name operators: they stand on pages and in no file.
UNWRITTEN: frozenset[str] = frozenset({"operators", "addresses"})
MATCHINGS: tuple[Matching, ...] = get_args(Matching)
CHANGES_SHOWN = 20
_DONE = ("made", "added", "ended")


@dataclass(frozen=True)
class ListLine:
    """A list on a page. ``of_rule``: the rule whose snoozes it holds; "" for a list that rules name."""

    stored: StoredList
    entries: int

    @property
    def of_rule(self) -> str:
        """See the class."""
        name = self.stored.name
        return name.removeprefix(PREFIX) if name.startswith(PREFIX) else ""


@dataclass(frozen=True)
class Said:
    """A fault in the person's language: what is wrong, what to do."""

    detail: str
    hint: str


def _lines(service: Service) -> list[ListLine]:
    with service.database.read() as connection:
        return [ListLine(stored, count) for stored, count in show_lists(connection)]


@router.get(PATH)
def get_lists(request: Request, visitor: Reader, _known: KnownQuery, service: InService) -> Response:
    """Every list, and how many entries it has had."""
    return page(request, "lists.html", visitor=visitor, lines=_lines(service), may_write=visitor.may("lists:write"))


@router.get(f"{PATH}.csv")
def get_lists_csv(visitor: Reader, _known: KnownQuery, service: InService, now: Now) -> Response:
    """The lists, without their entries, for a spreadsheet."""
    return _lists_file(visitor, service, now, "csv")


@router.get(f"{PATH}.xlsx")
def get_lists_xlsx(visitor: Reader, _known: KnownQuery, service: InService, now: Now) -> Response:
    """The same as a workbook."""
    return _lists_file(visitor, service, now, "xlsx")


def _lists_file(visitor: Visitor, service: Service, now: datetime, ending: FileEnding) -> Response:
    words = words_of(visitor.language)
    header = [words.say(f"list.column.{name}") for name in ("name", "title", "kind", "owner", "entries")]

    def cells(one: ListLine) -> list[Cell]:
        kind = words.say(f"list.kind.{one.stored.kind}")
        return [one.stored.name, one.stored.title, kind, one.stored.owner, one.entries]

    table = Table("lists", words.say("lists.title"), header, [cells(one) for one in _lines(service)])
    return as_file(table, ending, today=now.date(), language=visitor.language)


@router.get(f"{PATH}/new", dependencies=[Depends(visit("lists:write"))])
def get_new(request: Request, visitor: Reader, _known: KnownQuery) -> Response:
    """The form of a new list."""
    return _new(request, visitor, {"kind": "operators", "matching": "exact"}, None)


@router.post(f"{PATH}/new")
def post_new(request: Request, visitor: Writer, form: Form, service: InService, now: Now) -> Response:
    """Make the list; the form again with the fault where it can't be made."""
    kind: dict[str, ListKind] = {one: one for one in LIST_KINDS}
    matching: dict[str, Matching] = {one: one for one in MATCHINGS}
    if form.get("kind") not in kind or form.get("matching") not in matching:
        detail = Phrase(
            "Expected a kind of {kinds} and a comparison of {comparisons}, found others.",
            kinds=", ".join(kind),
            comparisons=", ".join(matching),
        )
        raise ProblemException(422, "invalid", detail, hint="Choose one of each in the form.")
    header = ListHeader(
        form.get("name", "").strip(),
        kind[form["kind"]],
        form.get("title", ""),
        form.get("owner", ""),
        matching[form["matching"]],
        CLOSE_ENOUGH,
    )
    try:
        made = create_list(service.database, header, login=visitor.user.login or "", now=now)
    except RuleError as error:
        return _new(request, visitor, form, Said(*said_in(error, visitor.language)))
    return RedirectResponse(f"{PATH}/{made.name}?done=made", 303)


@router.get(f"{_OF_LIST}/entries.csv")
def get_entries_csv(visitor: Reader, name: Name, _known: KnownQuery, service: InService, now: Now) -> Response:
    """The entries of a list that names no operator, for a spreadsheet."""
    return _entries_file(visitor, service, name, now, "csv")


@router.get(f"{_OF_LIST}/entries.xlsx")
def get_entries_xlsx(visitor: Reader, name: Name, _known: KnownQuery, service: InService, now: Now) -> Response:
    """The same as a workbook."""
    return _entries_file(visitor, service, name, now, "xlsx")


def _entries_file(visitor: Visitor, service: Service, name: str, now: datetime, ending: FileEnding) -> Response:
    words = words_of(visitor.language)
    found = _show(service, name)
    if found.header.kind in UNWRITTEN:
        raise ProblemException(403, "forbidden", "Expected a list that names no operator, found one that does.")
    header = [words.say(f"entry.column.{one}") for one in ("number", "value", "from", "until", "source", "reason")]
    rows: list[list[Cell]] = [
        [
            one.number,
            one.entry.value if one.entry else None,
            one.starts_on.isoformat(),
            one.ends_on.isoformat() if one.ends_on else None,
            one.entry.source if one.entry else None,
            one.entry.reason if one.entry else None,
        ]
        for one in found.entries
    ]
    return as_file(Table("entries", name, header, rows), ending, today=now.date(), language=visitor.language)


@router.get(_OF_LIST)
def get_list(
    request: Request,
    visitor: Reader,
    name: Name,
    _known: KnownQuery,
    service: InService,
    now: Now,
    done: Annotated[str, Query(max_length=20)] = "",
    over: Annotated[str, Query(max_length=3)] = "",
) -> Response:
    """One list: the entries in force, with ``over=yes`` those that are over too; the form of a new entry; changes."""
    return _list(Call(request, visitor, service, now), name, done=done, with_over=over == "yes")


@router.post(f"{_OF_LIST}/entries")
def post_entry(request: Request, visitor: Writer, name: Name, form: Form, service: InService, now: Now) -> Response:
    """Add an entry; the page again with the fault where it can't be added."""
    starts, ends = read_day(form.get("from", ""), "from"), read_day(form.get("until", ""), "until")
    seen = read_seen(form)
    entry = Entry(form.get("value", ""), starts or now.date(), ends, form.get("source", ""), form.get("reason", ""))
    try:
        login = visitor.user.login or ""
        add_to_list(service.database, name, [entry], login=login, now=now, expected=seen)
    except RuleError as error:
        said = Said(*said_in(error, visitor.language))
        return _list(Call(request, visitor, service, now), name, fault=said, fields=form)
    return RedirectResponse(f"{PATH}/{name}?done=added", 303)


@router.get(f"{_OF_LIST}/entries/{{number}}/end", dependencies=[Depends(visit("lists:write"))])
def get_end(
    request: Request, visitor: Reader, name: Name, number: int, _known: KnownQuery, service: InService, now: Now
) -> Response:
    """What the end of an entry changes, before it ends."""
    return _end(Call(request, visitor, service, now), name, number)


@router.post(f"{_OF_LIST}/entries/{{number}}/end")
def post_end(
    request: Request, visitor: Writer, name: Name, number: int, form: Form, service: InService, now: Now
) -> Response:
    """End the entry, with a motive; the page again with the fault where it can't end then."""
    ends_on = read_day(form.get("until", ""), "until") or now.date() - timedelta(days=1)
    ending = Ending(number, ends_on, form.get("motive", ""))
    try:
        end_in_list(
            service.database,
            name,
            ending,
            login=visitor.user.login or "",
            now=now,
            expected=read_seen(form),
        )
    except RuleError as error:
        said = Said(*said_in(error, visitor.language))
        return _end(Call(request, visitor, service, now), name, number, fault=said, fields=form)
    return RedirectResponse(f"{PATH}/{name}?done=ended", 303)


def _show(service: Service, name: str) -> ListShown:
    with service.database.read() as connection:
        return show_list(connection, name)


def _new(request: Request, visitor: Visitor, fields: Fields, fault: Said | None) -> Response:
    return page(
        request,
        "list_new.html",
        visitor=visitor,
        status=422 if fault else 200,
        fields=fields,
        fault=fault,
        kinds=LIST_KINDS,
        matchings=MATCHINGS,
        may_write=visitor.may("lists:write"),
    )


def _list(
    call: Call,
    name: str,
    *,
    done: str = "",
    with_over: bool = False,
    fault: Said | None = None,
    fields: Fields | None = None,
) -> Response:
    found = _show(call.service, name)
    entries = [one for one in found.entries if with_over or one.ends_on is None or one.ends_on >= call.today]
    changes = found.changes[-CHANGES_SHOWN:]
    return page(
        call.request,
        "list.html",
        visitor=call.visitor,
        status=422 if fault else 200,
        found=found,
        entries=entries,
        over_count=len(found.entries) - sum(one.ends_on is None or one.ends_on >= call.today for one in found.entries),
        with_over=with_over,
        changes=changes,
        names=names_of_people(call.service, [one.actor for one in changes]),
        is_written=found.header.kind not in UNWRITTEN,
        is_snoozes=name.startswith(PREFIX),
        may_write=call.visitor.may("lists:write"),
        done=done if done in _DONE else "",
        fault=fault,
        fields=fields or {"from": call.today.isoformat()},
        today=call.today,
    )


def _end(
    call: Call,
    name: str,
    number: int,
    *,
    fault: Said | None = None,
    fields: Fields | None = None,
) -> Response:
    found = _show(call.service, name)
    entry: ShownEntry | None = next((one for one in found.entries if one.number == number), None)
    if entry is None or not call.visitor.may("lists:write"):
        raise ProblemException(404, "not_found", "Expected an entry of this list that you may end, found none.")
    return page(
        call.request,
        "list_end.html",
        visitor=call.visitor,
        status=422 if fault else 200,
        found=found,
        one=entry,
        fault=fault,
        fields=fields or {},
        yesterday=(call.today - timedelta(days=1)).isoformat(),
    )
