"""An operator's page: volumes, prices beside the market, what inspections found, partners, months.

Enters: an operator, in one of three parts, and a period. Leaves: a page; the same as CSV and as a workbook, for those
who may take a file that names operators, with an entry in the audit. Never here: a person bound to an office, who is
shown what Basira knows of an operator as reasons alone; the operator's name in the audit, which no erasure reaches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from basira.api.http.dependencies import InService, KnownQuery, Now
from basira.api.http.problems import ProblemException
from basira.evaluate.shares import Share, share_of
from basira.render.catalogs import Catalog
from basira.render.workbook import Cell
from basira.schema.text import fold_identifier
from basira.serving.views.names import names_in
from basira.serving.views.past import Operator, operator_facts
from basira.storage.record.audit_log import AuditEvent, append_audit
from basira.web.access import Visitor, visit
from basira.web.calls import Call
from basira.web.errors import PageRoute
from basira.web.past import InDays, bars_of_months, days_in_address, in_turn
from basira.web.render import page, words_of
from basira.web.tables import Ending, Table, as_file
from basira.workflows.explore.facts import Days, Results
from basira.workflows.explore.operator import PARTS, OperatorFacts, Part

router = APIRouter(route_class=PageRoute)
PATH = "/operators"
ACTION = "operator.exported"
Reader = Annotated[Visitor, Depends(visit("operators:read"))]
Exporter = Annotated[Visitor, Depends(visit("operators:export"))]
COLUMNS = (
    "of",
    "name",
    "code",
    "origin",
    "declarations",
    "items",
    "value",
    "own",
    "market",
    "low",
    "median",
    "high",
    "ratio",
    "results",
    "irregular",
    "hit_rate",
    "hit_low",
    "hit_high",
    "revenue",
    "first",
    "last",
    "new_partners",
)


def _operator(
    part: Annotated[Part, Query()] = "importer_id", name: Annotated[str, Query(max_length=200)] = ""
) -> Operator:
    return Operator(part, fold_identifier(name) or name.strip())


InOperator = Annotated[Operator, Depends(_operator)]


def operator_address(part: str, name: str, path: str = PATH, days: Days | None = None) -> str:
    """The address of an operator's page or file."""
    values = {"part": part, "name": name, **({} if days is None else days_in_address(days))}
    return f"{path}?{urlencode({key: value for key, value in values.items() if value})}"


def rate_of(results: Results) -> Share:
    """How many of those with a result are irregular, with its interval."""
    return share_of(results.irregular, results.known)


@router.get(PATH)
async def get_operator(
    request: Request,
    visitor: Reader,
    operator: InOperator,
    days: InDays,
    _known: KnownQuery,
    service: InService,
    now: Now,
) -> Response:
    """What is known now of an operator; without a name the form that asks for one."""
    call = Call(request, visitor, service, now)
    return await in_turn(request, lambda: _page(call, operator, days))


def _page(call: Call, operator: Operator, days: Days) -> Response:
    facts = operator_facts(call.service, operator, days) if operator.name else None
    language = call.visitor.language
    months = facts.months if facts else ()
    return page(
        call.request,
        "operator.html",
        visitor=call.visitor,
        operator=operator,
        days=days,
        parts=PARTS,
        facts=facts,
        names=names_in(call.service).operators,
        rate_of=rate_of,
        places=_places(facts) if facts else None,
        busiest=max(months, key=lambda one: one.value, default=None),
        bars=bars_of_months(months, language),
        address=operator_address,
        path=PATH,
        today=call.today.isoformat(),
    )


@dataclass(frozen=True)
class _Places:
    """Of goods with a market, how many have a median unit value below its first quartile, or above its third."""

    compared: int
    below: int
    above: int


def _places(facts: OperatorFacts) -> _Places:
    priced = [one for one in facts.prices if one.median]
    below = sum(1 for one in priced if one.low is not None and one.own < one.low)
    above = sum(1 for one in priced if one.high is not None and one.own > one.high)
    return _Places(len(priced), below, above)


@router.get(f"{PATH}.{{ending}}")
async def get_operator_file(
    request: Request,
    visitor: Exporter,
    operator: InOperator,
    ending: Ending,
    days: InDays,
    service: InService,
    now: Now,
) -> Response:
    """All tables of the page, one line for each month, goods and partner. Raises 422 without a name."""
    if not operator.name:
        raise ProblemException(422, "invalid", "Expected an operator, found none.")
    call = Call(request, visitor, service, now)
    return await in_turn(request, lambda: _file(call, operator, days, ending))


def _file(call: Call, operator: Operator, days: Days, ending: Ending) -> Response:
    facts = operator_facts(call.service, operator, days)
    words = words_of(call.visitor.language)
    rows = _rows(facts, words)
    # Before the file leaves: one without an entry must not exist.
    with call.service.database.write() as connection:
        after = {"part": operator.part, "from": days.first.isoformat(), "to": days.last.isoformat(), "rows": len(rows)}
        append_audit(connection, AuditEvent(ACTION, "operators", call.visitor.user.user_id, after=after), now=call.now)
    header = [words.say(f"past.column.{name}") for name in COLUMNS]
    about: list[Sequence[Cell]] = [
        [words.say(f"field.{operator.part}"), operator.name],
        [words.say("figures.from"), days.first.isoformat()],
        [words.say("figures.to"), days.last.isoformat()],
        [words.say("past.currency"), facts.totals.currency or ""],
        [words.say("figures.simulated"), words.say("yes" if call.service.is_simulated else "no")],
    ]
    table = Table("operator", words.say("operator.title"), header, rows, about)
    return as_file(table, ending, today=call.today, language=call.visitor.language)


def _rows(facts: OperatorFacts, words: Catalog) -> list[Sequence[Cell]]:
    lines: list[dict[str, Cell]] = [
        {
            "of": words.say("operator.whole"),
            "name": facts.name,
            "declarations": facts.totals.declarations,
            "items": facts.totals.items,
            "value": round(facts.totals.value, 2),
            **_result_cells(facts.results),
        }
    ]
    lines += [
        {
            "of": words.say("past.month"),
            "name": one.name,
            "declarations": one.declarations,
            "items": one.items,
            "value": round(one.value, 2),
            "ratio": one.price_ratio,
            "new_partners": one.new_partners,
            **_result_cells(one.results),
        }
        for one in facts.months
    ]
    lines += [
        {
            "of": words.say("operator.prices"),
            "name": words.say(f"operator.level.{one.level}") if one.level else None,
            "code": one.code,
            "origin": one.origin,
            "items": one.items,
            "value": round(one.value, 2),
            "own": one.own,
            "market": one.others,
            "low": one.low,
            "median": one.median,
            "high": one.high,
            "ratio": one.ratio,
        }
        for one in facts.prices
    ]
    lines += [
        {
            "of": words.say(f"field.{one.part}"),
            "name": one.name,
            "declarations": one.declarations,
            "value": round(one.value, 2),
            "first": one.first.isoformat(),
            "last": one.last.isoformat(),
            **_result_cells(one.results),
        }
        for one in facts.partners
    ]
    return [[line.get(name) for name in COLUMNS] for line in lines]


def _result_cells(results: Results) -> dict[str, Cell]:
    """Empty where there is nothing to divide by."""
    rate, has_results = rate_of(results), results.known > 0
    return {
        "results": results.known,
        "irregular": results.irregular,
        "hit_rate": rate.rate,
        "hit_low": rate.low if has_results else None,
        "hit_high": rate.high if has_results else None,
        "revenue": round(results.revenue, 2),
    }
