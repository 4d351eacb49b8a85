"""Every declaration of the record, looked up by where it is now: by number, office, lane, source, result and day.

Enters: what the address asks. Leaves: a page of rows, the latest lane first; the same as CSV and as a workbook. Never
here: a person bound to an office; an operator's identifier, which docs/decisions/0026 keeps out of lists.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal, cast, get_args
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response, StreamingResponse

from basira.api.http.dependencies import InService, KnownQuery, Now
from basira.api.http.problems import ProblemException
from basira.render.catalogs import Catalog
from basira.render.languages import direction
from basira.render.spreadsheet import csv_text, decimal_comma
from basira.render.workbook import XLSX, Cell, Sheet, workbook_bytes
from basira.schema.errors import Phrase
from basira.schema.text import fold_identifier
from basira.serving.admissible import folded_office
from basira.serving.service import Service
from basira.storage.record.search import (
    DeclarationSearch,
    FoundDeclaration,
    Place,
    Result,
    count_found,
    search_declarations,
)
from basira.web.access import Visitor, visit
from basira.web.errors import PageRoute
from basira.web.forms import read_day
from basira.web.lanes import Lane, Lanes, lanes_on
from basira.web.render import page, words_of
from basira.web.routes.figures import source_name
from basira.web.routes.queue import declaration_address, offices_of

router = APIRouter(route_class=PageRoute)
PATH = "/declarations"
PAGE_ROWS = 50
# What is found is counted, and written as a workbook, no further than this; the CSV goes on, row by row.
MOST_COUNTED = 10_000
PART_ROWS = 1_000
SOURCES = ("mandatory", "rule", "model", "random", "officer", "fallback", "exempt", "none")
PLACES: tuple[Place, ...] = get_args(Place)
RESULTS: tuple[Result, ...] = get_args(Result)
COLUMNS = ("declaration", "office", "lane", "source", "status", "given_at", "inspected_at", "result", "revenue")
# Of those who see the figures of every office: they alone are shown where a selection came from.
Reader = Annotated[Visitor, Depends(visit("figures:read"))]


@dataclass(frozen=True)
class Asked:
    """What the address says. Texts are empty where nothing is asked."""

    number: str
    office: str
    lane: str
    source: str
    status: str
    result: str
    first: str
    last: str

    @property
    def wanted(self) -> DeclarationSearch:
        """The same for the database. Raises 422 for an invalid day, and for a period that ends before it begins."""
        first, last = read_day(self.first, "from"), read_day(self.last, "to")
        if first and last and last < first:
            raise ProblemException(422, "invalid", "Expected a last day after the first, found one before.")
        return DeclarationSearch(
            prefix=(fold_identifier(self.number) or self.number) or None,
            office=folded_office(self.office) or None,
            lane=self.lane or None,
            source=self.source or None,
            place=cast("Place", self.status) if self.status else None,
            result=cast("Result", self.result) if self.result else None,
            first=first,
            last=last,
        )

    def address(self, path: str, **more: str) -> str:
        """An address with these filters."""
        values = {
            "number": self.number,
            "office": self.office,
            "lane": self.lane,
            "source": self.source,
            "status": self.status,
            "result": self.result,
            "from": self.first,
            "to": self.last,
            **more,
        }
        return f"{path}?{urlencode({name: value for name, value in values.items() if value})}"


@dataclass(frozen=True)
class _States:
    """The choices of the address. Another value is refused: it would be taken for an empty record."""

    source: Annotated[str, Query(max_length=40)] = ""
    status: Literal["", "waiting", "inspected", "released", "cancelled"] = ""
    result: Literal["", "irregular", "compliant", "none"] = ""


def _asked(
    states: Annotated[_States, Depends()],
    number: Annotated[str, Query(max_length=200)] = "",
    office: Annotated[str, Query(max_length=80)] = "",
    lane: Annotated[str, Query(max_length=80)] = "",
    first: Annotated[str, Query(alias="from", max_length=10)] = "",
    last: Annotated[str, Query(alias="to", max_length=10)] = "",
) -> Asked:
    if states.source and states.source not in SOURCES:
        raise ProblemException(422, "invalid", "Expected a source of selection, found another text.")
    return Asked(number.strip(), office.strip(), lane.strip(), states.source, states.status, states.result, first, last)


InAsked = Annotated[Asked, Depends(_asked)]


@router.get(PATH)
def get_declarations(
    request: Request,
    visitor: Reader,
    asked: InAsked,
    _known: KnownQuery,
    service: InService,
    now: Now,
    cursor: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
) -> Response:
    """What is found, the latest lane first."""
    wanted = asked.wanted
    with service.database.read() as connection:
        found = search_declarations(connection, wanted, before=cursor, limit=PAGE_ROWS + 1)
        total = count_found(connection, wanted, most=MOST_COUNTED + 1)
    lanes, words = lanes_on(service, now.date(), visitor.language), words_of(visitor.language)
    shown = found[:PAGE_ROWS]
    return page(
        request,
        "search.html",
        visitor=visitor,
        asked=asked,
        offices=offices_of(visitor, service, now.date()),
        lanes=list(lanes.known.values()),
        sources=[(name, source_name(name, words)) for name in SOURCES],
        places=PLACES,
        results=RESULTS,
        rows=[_row(one, lanes, words) for one in shown],
        total=min(total, MOST_COUNTED),
        is_more=total > MOST_COUNTED,
        next_page=asked.address(PATH, cursor=str(shown[-1].sequence)) if len(found) > PAGE_ROWS else "",
        first_page=asked.address(PATH) if cursor else "",
        csv=asked.address(f"{PATH}.csv"),
        xlsx=asked.address(f"{PATH}.xlsx") if total <= MOST_COUNTED else "",
        today=now.date().isoformat(),
    )


@dataclass(frozen=True)
class _Row:
    """A line of the page. ``source``: in the person's language."""

    found: FoundDeclaration
    address: str
    lane: Lane
    source: str
    result: Result


def _row(one: FoundDeclaration, lanes: Lanes, words: Catalog) -> _Row:
    return _Row(
        one,
        declaration_address(one.declaration_id),
        lanes.of(one.lane),
        source_name(one.source, words),
        result_of(one),
    )


def result_of(one: FoundDeclaration) -> Result:
    """What its results say so far."""
    return "none" if one.is_irregular is None else "irregular" if one.is_irregular else "compliant"


@router.get(f"{PATH}.csv")
def get_declarations_csv(visitor: Reader, asked: InAsked, _known: KnownQuery, service: InService, now: Now) -> Response:
    """All that is found for a spreadsheet, however much it is."""
    words = words_of(visitor.language)
    lanes = lanes_on(service, now.date(), visitor.language)
    wanted = asked.wanted  # read before the answer begins, so that a fault is an error and no file
    lines = _csv_parts(service, wanted, lanes, words)
    return StreamingResponse(lines, headers=_named(now.date(), "csv"), media_type="text/csv; charset=utf-8")


@router.get(f"{PATH}.xlsx")
def get_declarations_xlsx(
    visitor: Reader, asked: InAsked, _known: KnownQuery, service: InService, now: Now
) -> Response:
    """All that is found as a workbook. Raises 422 where it is more than one takes: nothing is left out unsaid."""
    words = words_of(visitor.language)
    lanes = lanes_on(service, now.date(), visitor.language)
    with service.database.read() as connection:
        found = search_declarations(connection, asked.wanted, limit=MOST_COUNTED + 1)
    if len(found) > MOST_COUNTED:
        raise ProblemException(
            422, "invalid", Phrase("Expected at most {most} declarations, found more.", most=MOST_COUNTED)
        )
    rows: list[Sequence[Cell]] = [_cells(one, lanes, words) for one in found]
    about: list[Sequence[Cell]] = [
        [words.say("figures.simulated"), words.say("yes") if service.is_simulated else words.say("no")]
    ]
    sheets = [
        Sheet(words.say("search.title"), _header(words), rows),
        Sheet(words.say("figures.about"), [words.say("figures.about"), ""], about),
    ]
    content = workbook_bytes(sheets, is_right_to_left=direction(visitor.language) == "rtl")
    return Response(content, media_type=XLSX, headers=_named(now.date(), "xlsx"))


def _csv_parts(service: Service, wanted: DeclarationSearch, lanes: Lanes, words: Catalog) -> Iterator[str]:
    """A part at a time, each with a connection of its own: a slow reader must hold none."""
    yield "\ufeff" + csv_text([_header(words)])
    before: int | None = None
    while True:
        with service.database.read() as connection:
            found = search_declarations(connection, wanted, before=before, limit=PART_ROWS)
        yield csv_text([[_text(value) for value in _cells(one, lanes, words)] for one in found])
        if len(found) < PART_ROWS:
            return
        before = found[-1].sequence


def _header(words: Catalog) -> list[str]:
    return [words.say(f"search.column.{name}") for name in COLUMNS]


def _cells(one: FoundDeclaration, lanes: Lanes, words: Catalog) -> list[Cell]:
    """In the order of the columns. Moments are ISO 8601, local."""
    return [
        one.declaration_id,
        one.office,
        lanes.of(one.lane).label,
        source_name(one.source, words),
        words.say(f"status.{one.place}"),
        one.given_at,
        one.inspected_at,
        words.say(f"search.result.{result_of(one)}"),
        None if one.found_revenue is None else round(one.found_revenue, 2),
    ]


def _text(value: Cell) -> object:
    return decimal_comma(value, digits=2) if isinstance(value, float) else value


def _named(today: date, ending: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="declarations-{today.isoformat()}.{ending}"'}
