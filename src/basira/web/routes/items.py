"""Items of the past, looked up by number, operator, code, origin, words of the description, office and day.

Enters: what the address asks. Leaves: a page of items, the latest declaration first, each with where its declaration is
now; the same as CSV and as a workbook, for those who may take a file that names operators, with an entry in the audit.
Never here: a person bound to an office; what was looked for in the audit, which may name a person.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from basira.api.http.dependencies import InService, KnownQuery, Now
from basira.api.http.problems import ProblemException
from basira.render.workbook import Cell
from basira.schema.text import fold_identifier
from basira.serving.admissible import folded_office
from basira.serving.views.names import names_in
from basira.serving.views.past import found_items
from basira.storage.record.audit_log import AuditEvent, append_audit
from basira.storage.record.search import FoundDeclaration, find_declarations
from basira.web.access import Visitor, visit
from basira.web.calls import Call
from basira.web.errors import PageRoute
from basira.web.lanes import lanes_on
from basira.web.past import InDays, days_in_address, in_turn
from basira.web.render import page, words_of
from basira.web.routes.goods import Goods, InGoods
from basira.web.routes.operators import operator_address
from basira.web.routes.queue import declaration_address, offices_of
from basira.web.routes.search import result_of
from basira.web.tables import Ending, Table, as_file
from basira.workflows.explore.facts import Days
from basira.workflows.explore.search import FoundItem, ItemSearch, PageAsked, Place

router = APIRouter(route_class=PageRoute)
PATH = "/items"
ACTION = "items.exported"
PAGE_ROWS = 50
# A file is written no further than this: nothing is left out unsaid.
MOST_ROWS = 10_000
MOST_WORDS = 8
Reader = Annotated[Visitor, Depends(visit("operators:read"))]
Exporter = Annotated[Visitor, Depends(visit("operators:export"))]
COLUMNS = ("declaration", "item", "day", "office", "importer", "code", "origin", "description", "value", "currency")
_PLACE = re.compile(r"(-?[0-9]{1,8})\.([0-9]{1,6})\.(.{1,200})")


@dataclass(frozen=True)
class Asked:
    """What the address says. Texts are empty where nothing is asked."""

    number: str
    operator: str
    words: str
    office: str
    goods: Goods

    @property
    def wanted(self) -> ItemSearch:
        """The same for the history."""
        return ItemSearch(
            prefix=fold_identifier(self.number) or self.number,
            operator=fold_identifier(self.operator) or self.operator,
            code=self.goods.code,
            origin=self.goods.origin,
            office=folded_office(self.office) or "",
            words=tuple(self.words.split()[:MOST_WORDS]),
        )

    def address(self, days: Days, path: str = PATH, **more: str) -> str:
        """An address with these filters."""
        values = {
            "number": self.number,
            "operator": self.operator,
            "words": self.words,
            "office": self.office,
            "code": self.goods.code,
            "origin": self.goods.origin,
            **days_in_address(days),
            **more,
        }
        return f"{path}?{urlencode({name: value for name, value in values.items() if value})}"


def _asked(
    goods: InGoods,
    number: Annotated[str, Query(max_length=200)] = "",
    operator: Annotated[str, Query(max_length=200)] = "",
    words: Annotated[str, Query(max_length=200)] = "",
    office: Annotated[str, Query(max_length=80)] = "",
) -> Asked:
    """Raises 422 for more words than are looked for: those left out would find too much."""
    if len(words.split()) > MOST_WORDS:
        raise ProblemException(422, "invalid", f"Expected at most {MOST_WORDS} words, found more.")
    return Asked(number.strip(), operator.strip(), " ".join(words.split()), office.strip(), goods)


InAsked = Annotated[Asked, Depends(_asked)]


def _cursor(cursor: Annotated[str, Query(max_length=220)] = "") -> Place | None:
    """Where the page before ended. Raises 422 for another text."""
    if not cursor:
        return None
    if not (found := _PLACE.fullmatch(cursor)):
        raise ProblemException(422, "invalid", "Expected the place where a page ends, found another text.")
    return Place(int(found[1]), found[3], int(found[2]))


InCursor = Annotated[Place | None, Depends(_cursor)]


@router.get(PATH)
async def get_items(
    request: Request,
    visitor: Reader,
    asked: InAsked,
    days: InDays,
    after: InCursor,
    _known: KnownQuery,
    service: InService,
    now: Now,
) -> Response:
    """What is found, the latest declaration first."""
    call = Call(request, visitor, service, now)
    return await in_turn(request, lambda: _page(call, asked, days, after))


def _page(call: Call, asked: Asked, days: Days, after: Place | None) -> Response:
    found = found_items(call.service, asked.wanted, days, PageAsked(PAGE_ROWS + 1, after))
    shown = found.items[:PAGE_ROWS]
    with call.service.database.read() as connection:
        known = find_declarations(connection, {one.declaration_id for one in shown})
    next_page = ""
    if len(found.items) > PAGE_ROWS:
        place = shown[-1].place
        next_page = asked.address(days, cursor=f"{place.day}.{place.item_number}.{place.declaration_id}")
    return page(
        call.request,
        "items.html",
        visitor=call.visitor,
        asked=asked,
        days=days,
        rows=[_Row(one, known.get(one.declaration_id)) for one in shown],
        lanes=lanes_on(call.service, call.today, call.visitor.language),
        offices=offices_of(call.visitor, call.service, call.today),
        names=names_in(call.service).operators,
        history_until=found.history_until,
        result_of=result_of,
        operator_address=operator_address,
        next_page=next_page,
        first_page=asked.address(days) if after else "",
        csv=asked.address(days, f"{PATH}.csv"),
        xlsx=asked.address(days, f"{PATH}.xlsx"),
        today=call.today.isoformat(),
    )


@dataclass(frozen=True)
class _Row:
    """A line of the page. ``now``: where its declaration is; None for one that was never decided here."""

    item: FoundItem
    now: FoundDeclaration | None

    @property
    def address(self) -> str:
        """Of the declaration's page; "" where it has none."""
        return declaration_address(self.item.declaration_id) if self.now else ""


@router.get(f"{PATH}.{{ending}}")
async def get_items_file(
    request: Request, visitor: Exporter, asked: InAsked, ending: Ending, days: InDays, service: InService, now: Now
) -> Response:
    """All that is found. Raises 422 where it is more than `MOST_ROWS`."""
    call = Call(request, visitor, service, now)
    return await in_turn(request, lambda: _file(call, asked, days, ending))


def _file(call: Call, asked: Asked, days: Days, ending: Ending) -> Response:
    found = found_items(call.service, asked.wanted, days, PageAsked(MOST_ROWS + 1)).items
    if len(found) > MOST_ROWS:
        raise ProblemException(422, "invalid", f"Expected at most {MOST_ROWS} items, found more.")
    # Before the file leaves: one without an entry must not exist.
    with call.service.database.write() as connection:
        after = {**days_in_address(days), "rows": len(found)}
        append_audit(connection, AuditEvent(ACTION, "items", call.visitor.user.user_id, after=after), now=call.now)
    words = words_of(call.visitor.language)
    about: list[Sequence[Cell]] = [
        [words.say("figures.from"), days.first.isoformat()],
        [words.say("figures.to"), days.last.isoformat()],
        [words.say("figures.simulated"), words.say("yes" if call.service.is_simulated else "no")],
    ]
    header = [words.say(f"past.column.{name}") for name in COLUMNS]
    table = Table("items", words.say("past.items"), header, [_cells(one) for one in found], about)
    return as_file(table, ending, today=call.today, language=call.visitor.language)


def _cells(one: FoundItem) -> Sequence[Cell]:
    """In the order of the columns."""
    return [
        one.declaration_id,
        one.item_number,
        one.declared_on.isoformat(),
        one.office,
        one.importer_id,
        one.code,
        one.origin,
        one.description,
        one.value,
        one.currency,
    ]
