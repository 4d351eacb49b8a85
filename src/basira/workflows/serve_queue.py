"""An office's queue: what is to be inspected on a day, and what has been.

Enters: a service, an office and a day, filters, a place to go on from. Leaves: rows as JSON values, or as CSV. Never
here: a personal value; a cell that a spreadsheet would run.
"""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from basira.schema.errors import UsageError
from basira.storage.operations_events import find_by_ids, find_outcomes, find_queue
from basira.workflows.serve_context import Service
from basira.workflows.serve_history import change_body
from basira.workflows.serve_standing import Standing, Status, is_inspection
from basira.workflows.serve_words import decision_body

Row = Mapping[str, Any]

CSV_COLUMNS = (
    "declaration_id", "declaration_version", "office", "lane", "status", "basis_text", "fraud_probability",
    "expected_revenue", "currency", "reasons", "verify", "since", "given_by", "reselected_by", "motive",
)  # fmt: skip
# A spreadsheet takes text that begins so for a formula; an apostrophe before it makes it text again.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Page:
    """Rows of a queue. ``next_cursor``: where to go on; None at the end. ``total``: of the whole queue, filtered."""

    rows: tuple[dict[str, Any], ...]
    total: int
    next_cursor: str | None


def queue_page(
    service: Service, office: str, day: date, *, lane: str | None = None, status: Status | None = None,
    limit: int | None = None, cursor: str | None = None, is_secret_hidden: bool = False,
) -> Page:  # fmt: skip
    """The declarations whose lane was last given by an office on a day: the most intensive lane first, then by expected
    revenue. ``cursor``: as the page before gave it; what changed meanwhile stands where it belongs now. Raises
    UsageError on a cursor that is none.
    """
    after = _opened(cursor)
    with service.database.read() as connection:
        given = find_queue(connection, office, day.isoformat(), lane=lane)
        decisions = find_by_ids(connection, [row["decision_id"] for row in given if row["kind"] == "reselection"])
        results = find_outcomes(connection, [row["declaration_id"] for row in given])
    found: dict[str, list[Row]] = {}
    for result in results:
        found.setdefault(result["declaration_id"], []).append(result)
    if not given:
        return Page((), 0, None)  # a day on which no policy was in force has nothing to put in order
    intensity = service.policy(day).intensity
    standings = []
    for row in given:
        decision = decisions[row["decision_id"]] if row["kind"] == "reselection" else row
        is_inspected = any(is_inspection(event, after=row) for event in found.get(row["declaration_id"], ()))
        one = Standing(row, decision, None, is_inspected)
        if status is None or one.status == status:
            standings.append((_order(one, intensity), one))
    standings.sort(key=lambda pair: pair[0])
    rest = [pair for pair in standings if after is None or pair[0] > after]
    shown = rest[:limit]
    rows = (_row(one, service.language, is_secret_hidden=is_secret_hidden) for _, one in shown)
    next_cursor = _closed(shown[-1][0]) if len(shown) < len(rest) else None
    return Page(tuple(rows), len(standings), next_cursor)


def _order(one: Standing, intensity: Mapping[str, int]) -> tuple[float, float, float]:
    revenue = one.decision["payload"].get("expected_revenue") or 0.0
    return -float(intensity.get(one.lane, 0)), -float(revenue), float(one.given["sequence"])


def _closed(order: Sequence[float]) -> str:
    return base64.urlsafe_b64encode(json.dumps(list(order)).encode()).decode().rstrip("=")


def _opened(cursor: str | None) -> tuple[float, ...] | None:
    if cursor is None:
        return None
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        order = tuple(float(value) for value in values)
    except (ValueError, TypeError, OverflowError, RecursionError):
        order = ()
    if len(order) != 3:
        raise UsageError("Expected a cursor of the page before, found something else.", hint="Begin without a cursor.")
    return order


def _row(one: Standing, language: str, *, is_secret_hidden: bool) -> dict[str, Any]:
    """A decision as it is answered, with the lane in force and how it stands."""
    body = decision_body(one.decision, language=language, is_secret_hidden=is_secret_hidden)
    return body | {
        "lane": one.lane,
        "inspects": one.given["payload"].get("inspects"),
        "status": one.status,
        "since": one.given["recorded_at"],
        "given_by": one.given["event_id"],
        "reselection": change_body(one.given) if one.given["kind"] == "reselection" else None,
    }


def queue_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows of a queue for a spreadsheet: a line of names, `;` between cells, figures with a decimal point."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(CSV_COLUMNS)
    for row in rows:
        change = row["reselection"] or {}
        items = row["items"]
        flat = {
            **row,
            "reasons": " | ".join(reason["text"] for item in items for reason in item["reasons"][:3]),
            "verify": " | ".join(dict.fromkeys(verify["text"] for item in items for verify in item["verify"])),
            "reselected_by": change.get("by"),
            "motive": change.get("motive"),
        }
        writer.writerow([_cell(flat.get(name)) for name in CSV_COLUMNS])
    return "\ufeff" + out.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = str(value)
    return "'" + text if isinstance(value, str) and text.startswith(_FORMULA) else text
