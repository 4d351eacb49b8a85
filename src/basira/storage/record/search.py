"""Declarations of the record, looked up by what is known of where each is now.

Enters: what to look for. Leaves: rows, the latest lane first, a page at a time. Never here: a payload; a personal
value.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import sqlalchemy as sa

from basira.schema.days import text_after
from basira.storage.database.tables import DECLARATION_STATUS
from basira.storage.record.figures import OFFICER

Place = Literal["waiting", "inspected", "released", "cancelled"]
Result = Literal["irregular", "compliant", "none"]


@dataclass(frozen=True)
class DeclarationSearch:
    """What to look for; None: whatever. ``prefix``: how the number begins, as it is recorded. ``source``: a basis, or
    "officer". ``result``: of all results so far, "none" where no result says. ``first``, ``last``: days on which the
    lane in force was given, both included."""

    prefix: str | None = None
    office: str | None = None
    lane: str | None = None
    source: str | None = None
    place: Place | None = None
    result: Result | None = None
    first: date | None = None
    last: date | None = None


@dataclass(frozen=True, slots=True)
class FoundDeclaration:
    """Where a declaration is now. ``sequence``: of the event that gave the lane in force, at ``given_at`` (ISO 8601,
    local). ``source``: a basis, or "officer". ``inspected_at``: of the first result in this lane; None without.
    ``is_irregular``: of all results; None where none says. ``found_revenue``: in the currency of the results; None
    where none states any."""

    declaration_id: str
    office: str
    lane: str
    source: str
    place: Place
    sequence: int
    given_at: str
    inspected_at: str | None
    is_irregular: bool | None
    found_revenue: float | None


_STATUS = DECLARATION_STATUS.c
_of_source = sa.case((_STATUS.is_reselected, OFFICER), else_=_STATUS.basis)
_of_place = sa.case(
    (_STATUS.is_cancelled, "cancelled"),
    (_STATUS.is_inspected, "inspected"),
    (_STATUS.inspects, "waiting"),
    else_="released",
)
_RESULTS: dict[Result, sa.ColumnElement[bool]] = {
    "irregular": _STATUS.is_irregular.is_(sa.true()),
    "compliant": _STATUS.is_irregular.is_(sa.false()),
    "none": _STATUS.is_irregular.is_(None),
}
_FOUND = sa.select(
    _STATUS.declaration_id,
    _STATUS.office,
    _STATUS.lane,
    _of_source,
    _of_place,
    _STATUS.sequence,
    _STATUS.given_at,
    _STATUS.inspected_at,
    _STATUS.is_irregular,
    _STATUS.found_revenue,
)


def find_declarations(connection: sa.Connection, declaration_ids: Iterable[str]) -> dict[str, FoundDeclaration]:
    """Where each of some declarations (a few hundred at most) is now, by number; those that were never decided here are
    left out."""
    rows: Iterable[Sequence[Any]] = connection.execute(_FOUND.where(_STATUS.declaration_id.in_(list(declaration_ids))))
    found = (FoundDeclaration(*row) for row in rows)
    return {one.declaration_id: one for one in found}


def search_declarations(
    connection: sa.Connection, wanted: DeclarationSearch, *, before: int | None = None, limit: int
) -> list[FoundDeclaration]:
    """At most ``limit`` declarations, that whose lane was given last first. ``before``: only those of a lower sequence,
    as the last row of the page before says; a declaration whose lane changes meanwhile moves to the front."""
    query = _FOUND.where(*_conditions(wanted))
    if before is not None:
        query = query.where(_STATUS.sequence < before)
    rows: Iterable[Sequence[Any]] = connection.execute(query.order_by(_STATUS.sequence.desc()).limit(limit))
    return [FoundDeclaration(*row) for row in rows]


def count_found(connection: sa.Connection, wanted: DeclarationSearch, *, most: int) -> int:
    """How many there are, counted no further than ``most``."""
    found = sa.select(sa.literal(1)).select_from(DECLARATION_STATUS).where(*_conditions(wanted)).limit(most)
    return int(connection.execute(sa.select(sa.func.count()).select_from(found.subquery())).scalar_one())


def _conditions(wanted: DeclarationSearch) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if wanted.prefix is not None:
        # Not LIKE, for which SQLite takes small letters for large ones, nor an interval, which collation decides.
        found.append(sa.func.substr(_STATUS.declaration_id, 1, len(wanted.prefix)) == wanted.prefix)
    if wanted.office is not None:
        found.append(_STATUS.office == wanted.office)
    if wanted.lane is not None:
        found.append(_STATUS.lane == wanted.lane)
    if wanted.source is not None:
        found.append(_of_source == wanted.source)
    if wanted.place is not None:
        found.append(_of_place == wanted.place)
    if wanted.result is not None:
        found.append(_RESULTS[wanted.result])
    if wanted.first is not None:
        found.append(_STATUS.given_at >= wanted.first.isoformat())
    if wanted.last is not None:
        found.append(_STATUS.given_at < text_after(wanted.last))
    return found
