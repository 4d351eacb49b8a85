"""A declaration as the store has it: what was declared, what was decided, what was found.

Enters: a store, a declaration's number. Leaves: JSON values. Never here: a new assessment; a declared value beside a
found one as if they were one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from basira.decisions.records import Decision, TargetingRun
from basira.explain.words import say_basis
from basira.schema.errors import NotFoundError
from basira.schema.fields import DECLARATION_FIELDS, ITEM_FIELDS, OUTCOME_FIELDS
from basira.schema.text import fold_identifier
from basira.selection.policy.load import restore_policy
from basira.storage.engine import fetch_frame, open_engine
from basira.storage.history.store import History, register
from basira.workflows.targeting.record import find_decisions, operations_of


def show_declaration(history: History, declaration: str, *, language: str = "fr") -> dict[str, Any]:
    """A declaration's latest version, the decisions of runs on it, the latest first, and its results by known day.

    ``declared_at`` and other moments are ISO 8601; absent values are None. The lane and its basis are in ``language``.

    Raises NotFoundError when the store has no declaration of this number.
    """
    snapshot = history.verified_snapshot()
    with open_engine(reads=snapshot.all_files()) as con:
        register(con, snapshot)
        for number in dict.fromkeys((declaration, fold_identifier(declaration))):
            items = fetch_frame(
                con,
                "select * from items where declaration_id = $id qualify declaration_version = "
                "max(declaration_version) over () order by item_number",
                {"id": number},
            ).to_dicts()
            if items:
                break
        else:
            raise NotFoundError(
                "Expected declaration {declaration!r} in the store, found none of this number.",
                hint="Check the number, or ingest its file first.",
                declaration=declaration,
            )
        results = fetch_frame(
            con, "select * from outcomes where declaration_id = $id order by known_at, item_number", {"id": number}
        ).to_dicts()
    header, per_item, found = (
        [field.name for field in fields] for fields in (DECLARATION_FIELDS, ITEM_FIELDS, OUTCOME_FIELDS)
    )
    return {
        "declaration_id": number,
        "is_simulated": snapshot.is_simulated,
        "declared": {name: _plain(items[0].get(name)) for name in header},
        "items": [{name: _plain(item.get(name)) for name in per_item} for item in items],
        "decisions": _decisions(history, number, language),
        "results": [
            {name: _plain(row[name]) for name in found if row.get(name) is not None and name != "declaration_id"}
            for row in results
        ],
    }


def _decisions(history: History, declaration: str, language: str) -> list[dict[str, Any]]:
    if not operations_of(history).is_file():
        return []
    try:
        found = find_decisions(history, declaration)
    except NotFoundError:
        return []
    return [_decision(run, decision, language) for run, decision in found]


def _decision(run: TargetingRun, decision: Decision, language: str) -> dict[str, Any]:
    lane = restore_policy(run.policy_text).lane(decision.lane)
    return {
        "run_id": run.run_id,
        "day": run.day.isoformat(),
        "declaration_version": decision.declaration_version,
        "office": decision.office,
        "lane": decision.lane,
        "lane_label": lane.label.text(language),
        "basis": decision.basis,
        "basis_label": say_basis(decision.basis, language=language),
        "fraud_probability": decision.fraud_probability,
        "expected_revenue": decision.expected_revenue,
    }


def _plain(value: object) -> object:
    return value.isoformat(sep=" ") if isinstance(value, datetime) else value
