"""The explorer of goods: volumes, unit values, controls and what they found, by code and origin.

Enters: how a commodity code begins, an origin, a period. Leaves: a page; the same as CSV and as a workbook. Never here:
an operator; a person bound to an office.
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
from basira.render.catalogs import Catalog
from basira.render.numbers import format_count, format_number
from basira.render.workbook import Cell
from basira.serving.views.past import goods_facts
from basira.web.access import Visitor, visit
from basira.web.calls import Call
from basira.web.errors import PageRoute
from basira.web.past import InDays, bars_of, bars_of_months, days_in_address, in_turn
from basira.web.render import page, words_of
from basira.web.routes.operators import rate_of
from basira.web.tables import Ending, Table, as_file
from basira.workflows.explore.facts import Days
from basira.workflows.explore.goods import GoodsFacts, GoodsPart

router = APIRouter(route_class=PageRoute)
PATH = "/goods"
Reader = Annotated[Visitor, Depends(visit("figures:read"))]
COLUMNS = (
    "of",
    "name",
    "items",
    "value",
    "low",
    "median",
    "high",
    "results",
    "irregular",
    "hit_rate",
    "hit_low",
    "hit_high",
    "revenue",
)
_CODE = re.compile(r"[0-9]{0,20}")
_ORIGIN = re.compile(r"[A-Z]{2}")


@dataclass(frozen=True)
class Goods:
    """What the address asks. ``code``: digits, how a code begins; ``origin``: two letters; "" for whichever."""

    code: str
    origin: str

    def address(self, days: Days, path: str = PATH) -> str:
        """An address with these filters."""
        values = {"code": self.code, "origin": self.origin, **days_in_address(days)}
        return f"{path}?{urlencode({name: value for name, value in values.items() if value})}"


def _goods(code: Annotated[str, Query(max_length=40)] = "", origin: Annotated[str, Query(max_length=10)] = "") -> Goods:
    """Raises 422 for what is no code and no country: it would be taken for goods that nobody declared."""
    digits, country = re.sub(r"[ .]", "", code), origin.strip().upper()
    if not _CODE.fullmatch(digits):
        raise ProblemException(422, "invalid", "Expected digits of a commodity code, found another text.")
    if country and not _ORIGIN.fullmatch(country):
        raise ProblemException(422, "invalid", "Expected a country of two letters, found another text.")
    return Goods(digits, country)


InGoods = Annotated[Goods, Depends(_goods)]


@router.get(PATH)
async def get_goods(
    request: Request, visitor: Reader, goods: InGoods, days: InDays, _known: KnownQuery, service: InService, now: Now
) -> Response:
    """The goods that are asked for; all of them where nothing is."""
    call = Call(request, visitor, service, now)
    return await in_turn(request, lambda: _page(call, goods, days))


def _page(call: Call, goods: Goods, days: Days) -> Response:
    facts = goods_facts(call.service, goods.code, goods.origin, days)
    language = call.visitor.language
    return page(
        call.request,
        "goods.html",
        visitor=call.visitor,
        goods=goods,
        days=days,
        facts=facts,
        rate_of=rate_of,
        busiest=max(facts.months, key=lambda one: one.value, default=None),
        month_bars=bars_of_months(facts.months, language),
        value_bars=bars_of(
            [
                f"{format_number(one.low, language=language)} – {format_number(one.high, language=language)}"
                for one in facts.bins
            ],
            [float(one.items) for one in facts.bins],
            [format_count(one.items, language=language) for one in facts.bins],
        ),
        narrower=lambda name: _narrower(goods, facts, name).address(days),
        csv=goods.address(days, f"{PATH}.csv"),
        xlsx=goods.address(days, f"{PATH}.xlsx"),
        today=call.today.isoformat(),
    )


def _narrower(goods: Goods, facts: GoodsFacts, name: str) -> Goods:
    """The same with one of the parts alone."""
    return Goods(name, goods.origin) if facts.by == "commodity_code" else Goods(goods.code, name)


@router.get(f"{PATH}.{{ending}}")
async def get_goods_file(
    request: Request, visitor: Reader, goods: InGoods, ending: Ending, days: InDays, service: InService, now: Now
) -> Response:
    """All tables of the page, one line for each month, part and step of unit values."""
    call = Call(request, visitor, service, now)
    return await in_turn(request, lambda: _file(call, goods, days, ending))


def _file(call: Call, goods: Goods, days: Days, ending: Ending) -> Response:
    facts = goods_facts(call.service, goods.code, goods.origin, days)
    words = words_of(call.visitor.language)
    about: list[Sequence[Cell]] = [
        [words.say("goods.code"), goods.code or words.say("all")],
        [words.say("field.origin_country"), goods.origin or words.say("all")],
        [words.say("figures.from"), days.first.isoformat()],
        [words.say("figures.to"), days.last.isoformat()],
        [words.say("past.currency"), facts.totals.currency or ""],
        [words.say("figures.simulated"), words.say("yes" if call.service.is_simulated else "no")],
    ]
    header = [words.say(f"past.column.{name}") for name in COLUMNS]
    table = Table("goods", words.say("goods.title"), header, _rows(facts, words), about)
    return as_file(table, ending, today=call.today, language=call.visitor.language)


def _rows(facts: GoodsFacts, words: Catalog) -> list[Sequence[Cell]]:
    whole = GoodsPart(None, facts.totals.items, facts.totals.value, facts.unit_values, facts.results)
    rows = [_cells(words.say("operator.whole"), whole)]
    rows += [_cells(words.say("past.month"), one) for one in facts.months]
    rows += [_cells(words.say(f"goods.by.{facts.by}"), one) for one in facts.parts]
    nothing: list[Cell] = [None] * (len(COLUMNS) - 7)
    rows += [
        [words.say("goods.distribution"), None, one.items, None, one.low, None, one.high, *nothing]
        for one in facts.bins
    ]
    return rows


def _cells(of: str, one: GoodsPart) -> Sequence[Cell]:
    """In the order of the columns."""
    rate, has_results = rate_of(one.results), one.results.known > 0
    return [
        of,
        one.name,
        one.items,
        round(one.value, 2),
        one.unit_values.low,
        one.unit_values.median,
        one.unit_values.high,
        one.results.known,
        one.results.irregular,
        rate.rate,
        rate.low if has_results else None,
        rate.high if has_results else None,
        round(one.results.revenue, 2),
    ]
