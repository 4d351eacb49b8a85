"""The figures of a period, as a manager reads them.

Enters: days, an office. Leaves: a page, the same as CSV and as a workbook. Never here: a figure of one person; an
office that the person may not see.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from basira.api.http.dependencies import InService, KnownQuery, Now
from basira.api.http.problems import ProblemException
from basira.api.routes.figures import period_of
from basira.evaluate.shares import Share
from basira.render.catalogs import Catalog
from basira.render.languages import direction
from basira.render.spreadsheet import csv_text, decimal_comma
from basira.render.workbook import XLSX, Cell, Sheet, workbook_bytes
from basira.serving.views.figures import Figures, Report, make_report
from basira.storage.record.figures import Period
from basira.web.access import Visitor, visit
from basira.web.bars import Bar
from basira.web.errors import PageRoute
from basira.web.forms import read_day
from basira.web.lanes import lanes_on
from basira.web.render import page, words_of
from basira.web.routes.queue import offices_of

router = APIRouter(route_class=PageRoute)
Reader = Annotated[Visitor, Depends(visit("figures:read"))]
_COLUMNS = (
    "declared",
    "selected",
    "carried_out",
    "carried_out_rate",
    "control_rate",
    "results",
    "irregular",
    "hit_rate",
    "hit_low",
    "hit_high",
    "revenue",
)


def _period(
    visitor: Reader,
    now: Now,
    first: Annotated[str, Query(alias="from", max_length=10)] = "",
    last: Annotated[str, Query(alias="to", max_length=10)] = "",
    office: Annotated[str, Query(max_length=100)] = "",
) -> Period:
    """The period of an address. Raises 403 for an office that the person may not see, 422 for invalid days."""
    period = period_of(read_day(first, "from"), read_day(last, "to"), office, today=now.date())
    if visitor.own_offices is not None and period.office not in visitor.own_offices:
        raise ProblemException(403, "forbidden", "Expected an office that you may see, found another.")
    return period


InPeriod = Annotated[Period, Depends(_period)]


def _address(path: str, period: Period) -> str:
    values = {"from": period.first.isoformat(), "to": period.last.isoformat(), "office": period.office or ""}
    return f"{path}?{urlencode({name: value for name, value in values.items() if value})}"


@router.get("/figures")
def get_figures(
    request: Request, visitor: Reader, period: InPeriod, _known: KnownQuery, service: InService, now: Now
) -> Response:
    """The figures: whether the selected controls were carried out first."""
    report = make_report(service, period)
    lanes = lanes_on(service, period.last, visitor.language)
    words = words_of(visitor.language)
    return page(
        request,
        "figures.html",
        visitor=visitor,
        report=report,
        period=period,
        before=period.before(),
        offices=offices_of(visitor, service, now.date()),
        lanes=lanes,
        source_name=lambda name: source_name(name, words),
        by_office=[_bar(name, one.carried_out) for name, one in report.offices.items()],
        by_source=[_bar(source_name(name, words), one.hit) for name, one in report.sources.items() if one.hit.of],
        csv=_address("/figures.csv", period),
        xlsx=_address("/figures.xlsx", period),
        earlier=_address("/figures", period.before()),
        today=now.date().isoformat(),
    )


def _bar(label: str, share: Share) -> Bar:
    return Bar(label, share.rate, share.low, share.high) if share.of else Bar(label, None)


@router.get("/figures.csv")
def get_figures_csv(visitor: Reader, period: InPeriod, _known: KnownQuery, service: InService) -> Response:
    """Every figure of the page for a spreadsheet, one line for each office and source."""
    words = words_of(visitor.language)
    lines: list[list[object]] = [[words.say(f"figures.column.{name}") for name in ("of", "name", *_COLUMNS)]]
    for of, name, figures in _lines(make_report(service, period), words):
        lines.append([of, name, *(_text(value) for value in _cells(figures))])
    return _file(("\ufeff" + csv_text(lines)).encode(), "text/csv; charset=utf-8", period, "csv")


@router.get("/figures.xlsx")
def get_figures_xlsx(visitor: Reader, period: InPeriod, _known: KnownQuery, service: InService) -> Response:
    """The same as a workbook, whose figures are numbers."""
    words = words_of(visitor.language)
    report = make_report(service, period)
    header = [words.say(f"figures.column.{name}") for name in ("of", "name", *_COLUMNS)]
    rows = [[of, name, *_cells(figures)] for of, name, figures in _lines(report, words)]
    days: list[list[Cell]] = [
        [words.say("figures.from"), period.first.isoformat()],
        [words.say("figures.to"), period.last.isoformat()],
        [words.say("office"), period.office or words.say("all")],
        [words.say("figures.simulated"), words.say("yes") if service.is_simulated else words.say("no")],
    ]
    sheets = [
        Sheet(words.say("figures.title"), header, rows),
        Sheet(words.say("figures.about"), [words.say("figures.about"), ""], days),
    ]
    content = workbook_bytes(sheets, is_right_to_left=direction(visitor.language) == "rtl")
    return _file(content, XLSX, period, "xlsx")


def _lines(report: Report, words: Catalog) -> Iterator[tuple[str, str, Figures]]:
    yield words.say("figures.whole"), "", report.whole
    yield words.say("figures.before"), "", report.before
    for name, figures in report.offices.items():
        yield words.say("office"), name, figures
    for name, figures in report.sources.items():
        yield words.say("figures.source"), source_name(name, words), figures


def _cells(one: Figures) -> Sequence[int | float | None]:
    """In the order of the columns; None where there is nothing to divide by."""
    has_results = one.hit.of > 0
    return (
        one.declared,
        one.selected.hits,
        one.carried_out.hits,
        one.carried_out.rate,
        one.control.rate,
        one.hit.of,
        one.hit.hits,
        one.hit.rate,
        one.hit.low if has_results else None,
        one.hit.high if has_results else None,
        round(one.revenue, 2),
    )


def _text(value: float | None) -> object:
    return decimal_comma(value, digits=4) if isinstance(value, float) else value


def _file(content: bytes, media_type: str, period: Period, ending: str) -> Response:
    name = f"figures-{period.first.isoformat()}-{period.last.isoformat()}.{ending}"
    return Response(content, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def source_name(name: str, words: Catalog) -> str:
    """A source in the person's language; a name that this version does not know as it is."""
    message = f"source.{name}"
    return words.say(message) if words.has(message) else name
