"""A declaration that the service decided, in words: its decision, and what happened to it.

Enters: a store, a declaration's number. Leaves: the text, or the word that the service knows no such declaration. Never
here: a new assessment (`basira replay --office` makes it again).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

if TYPE_CHECKING:
    from basira.storage.history import History


def explain_online(history: History, declaration: str, database: str, *, language: str, as_json: bool) -> bool:
    """Show what the service recorded of a declaration; False when a run decided on it later, or it recorded nothing."""
    found = _recorded(history, declaration, database, language)
    if found is None:
        return False
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=1))
        return True
    _show(Console(), found, language)
    return True


def _recorded(history: History, declaration: str, database: str, language: str) -> dict[str, Any] | None:
    from basira.cli.db import record_of
    from basira.schema.errors import NotFoundError
    from basira.storage.operations import Operations
    from basira.workflows.profiles import read_profiles
    from basira.workflows.serve_context import Service
    from basira.workflows.serve_history import declaration_history

    place = record_of(history.root, database).place
    if not database and not Path(place).is_file():
        return None
    with Operations(place, create=False) as operations:
        runs = operations.find_decisions(declaration)
        reading = Service(
            database=operations.database, policies=history.root, profiles=read_profiles(history.root), model=None,
            seed=0, language=language,
        )  # fmt: skip
        try:
            found = declaration_history(reading, declaration, sees=lambda _: True)
        except NotFoundError:
            return None
        if runs:
            later = operations.get_run(runs[0]["run_id"])["created_at"]
            if later > found["standing"]["since"]:
                return None
    return found


def _said(result: Mapping[str, Any]) -> str:
    """What an inspection found, named as the schema names it; "" for what is no result."""
    shown = ((name, value if isinstance(value, str) else json.dumps(value)) for name, value in result.items())
    return ", ".join(f"{name} {value}" for name, value in shown)


def _show(console: Console, found: Mapping[str, Any], language: str) -> None:
    from basira.explain.words import say_reference
    from basira.render.numbers import format_money, format_percent
    from basira.schema.records import Reference

    standing = found["standing"]
    head = f"{found['declaration_id']} · {standing['since'][:16]} · {standing['office']} · {standing['lane']}"
    console.print(Text(f"{head} · {standing['status']}", style="bold"))
    last = found["decisions"][-1]
    console.print(Text(str(last["basis_text"])))
    if last["fraud_probability"] is not None:
        console.print(
            f"P = {format_percent(last['fraud_probability'], language=language)}, "
            f"E = {format_money(last['expected_revenue'], last['currency'], language=language)}, "
            f"π = {format_percent(last['inclusion_probability'], language=language)}",
            markup=False,
        )
    elif last["fallback"]:
        console.print(f"? {last['fallback']}", markup=False)
    for item in last["items"]:
        console.print(Text(f"#{item['item_number']}", style="bold"))
        references = [
            say_reference(Reference(**{**one, "comparables": ()}), language=language, currency=last["currency"])
            for one in item["references"]
        ]
        lines = [f"· {reason['text']}" for reason in item["reasons"]]
        lines += [f"→ {verify['text']}" for verify in item["verify"]]
        for line in (*lines, *(f"· {text}" for text in references)):
            console.print(Padding(Text(line), (0, 0, 0, 3)))
    for step in found["history"]:
        after = (step.get("after") or {}).get("lane") or step.get("lane") or ""
        parts = (step["at"][:16], step["kind"], after, step["by"], step.get("motive"), _said(step.get("result") or {}))
        console.print(Text(" · ".join(part for part in parts if part), style="dim"))
    console.print(f"{last['decision_id']} · {last['versions'].get('model')}", style="dim", markup=False)
