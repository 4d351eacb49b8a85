"""A declaration that the service decided, in words: its decision, and its later events.

Enters: a store, a declaration's number. Leaves: the text, or false, when the service knows no such declaration. Never
here: a new assessment (`basira replay --office` makes it again).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from basira.cli.options import open_console
from basira.render.shown import echo

if TYPE_CHECKING:
    from basira.schema.json_values import JsonObject
    from basira.serving.views.answers import DecisionBody, DeclarationBody, ItemBody
    from basira.workflows.stores import History


def explain_online(
    history: History, declaration: str, database: str, *, language: str, as_json: bool, full: bool = False
) -> bool:
    """Show what the service recorded of a declaration; False when a run decided on it later, or it recorded nothing."""
    found = _find_history(history, declaration, database, language)
    if found is None:
        return False
    if as_json:
        echo(json.dumps(found, ensure_ascii=False, indent=1))
        return True
    _show(open_console(), found, language, full=full)
    return True


def _find_history(history: History, declaration: str, database: str, language: str) -> DeclarationBody | None:
    from basira.cli.db import record_of
    from basira.schema.errors import NotFoundError
    from basira.serving.views.declaration import declaration_history
    from basira.workflows.stores import open_operations

    place = record_of(history.root, database).place
    if not database and not Path(place).is_file():
        return None
    with open_operations(place) as operations:
        runs = operations.find_decisions(declaration)
        try:
            found = declaration_history(operations.database, declaration, language=language, sees=lambda _: True)
        except NotFoundError:
            return None
        if runs:
            later = operations.get_run(runs[0]["run_id"])["created_at"]
            if later > found["standing"]["since"]:
                return None
    return found


def _result_text(result: JsonObject) -> str:
    """What an inspection found, named as the schema names it; "" for what is no result."""
    shown = ((name, value if isinstance(value, str) else json.dumps(value)) for name, value in result.items())
    return ", ".join(f"{name} {value}" for name, value in shown)


def _goods(found: DeclarationBody, version: int) -> dict[int, tuple[str, str]]:
    """Code and description of each item of a version, "" where it was sent without."""
    from basira.schema.codes import format_code

    sent = (step.get("content") for step in found["history"] if step["declaration_version"] == version)
    return {
        int(item["item_number"]): (format_code(item.get("commodity_code") or ""), item.get("description") or "")
        for content in sent
        if content
        for item in content["items"]
    }


def _explained_items(found: DeclarationBody, last: DecisionBody) -> Sequence[ItemBody]:
    """The items of the last decision; with the reasons of its re-selection, when one recorded them."""
    steps = [step for step in found["history"] if step.get("decision_id") == last["decision_id"]]
    made = [step["items"] for step in steps if step.get("items")]
    return made[-1] if made else last["items"]


def _show(console: Console, found: DeclarationBody, language: str, *, full: bool) -> None:
    from basira.cli.explain import show_sentences
    from basira.explain.words import catalog_of
    from basira.render.numbers import format_money, format_percent
    from basira.serving.views.decision import reselected_text

    catalog, standing = catalog_of(language), found["standing"]
    head = f"{found['declaration_id']} · {standing['since'][:16]} · {standing['office']} · {standing['lane']}"
    console.print(Text(f"{head} · {catalog.say('status.' + standing['status'])}", style="bold"))
    last = found["decisions"][-1]
    goods = _goods(found, last["declaration_version"])
    ground = str(last["basis_text"])
    console.print(Text(reselected_text(ground, language=language) if standing["is_reselected"] else ground))
    explanation = found.get("explanation")
    if explanation is not None:
        names = {number: " · ".join(part for part in pair if part) for number, pair in goods.items()}
        said = {**explanation, "items": _sentences(_explained_items(found, last), explanation["item_numbers"])}
        show_sentences(console, said, catalog, has_reasons=explanation["has_reasons"], goods=names)
    elif last["fraud_probability"] is not None:
        colon, amount = (
            catalog.say("list.colon"),
            format_money(last["expected_revenue"], last["currency"], language=language),
        )
        chance = format_percent(last["fraud_probability"], language=language)
        console.print(
            Text(f"{catalog.say('list.probability')}{colon}{chance}, {catalog.say('list.expected')}{colon}{amount}")
        )
    if last["fallback"] and last["fraud_probability"] is None:
        console.print(Text(catalog.say("list.no_answer")))
    if full or explanation is None:
        _show_items(console, found, last, goods)
    for step in found["history"]:
        after = (step.get("after") or {}).get("lane") or step.get("lane") or ""
        kind, result = catalog.say(f"event.{step['kind']}"), _result_text(step.get("result") or {})
        parts = (step["at"][:16], kind, after, step["by"], step.get("motive"), result)
        console.print(Text(" · ".join(part for part in parts if part), style="dim"))
    console.print(f"{last['decision_id']} · {last['versions'].get('model')}", style="dim", markup=False)


def _show_items(
    console: Console,
    found: DeclarationBody,
    last: DecisionBody,
    goods: Mapping[int, tuple[str, str]],
) -> None:
    """Every recorded reason, verification and reference value."""
    conversion = last.get("conversion")
    converted = {item["item_number"]: item["text"] for item in conversion["items"]} if conversion else {}
    for item in _explained_items(found, last):
        named = (f"#{item['item_number']}", *goods.get(item["item_number"], ()))
        console.print(Text(" · ".join(part for part in named if part), style="bold"))
        lines = [f"· {converted[item['item_number']]}"] if item["item_number"] in converted else []
        lines += [f"· {reason['text']}" for reason in item["reasons"]]
        lines += [f"→ {verify['text']}" for verify in item["verify"]]
        for line in (*lines, *(f"· {one['text']}" for one in item["references"])):
            console.print(Padding(Text(line), (0, 0, 0, 3), expand=False))


def _sentences(items: Sequence[ItemBody], order: Sequence[int]) -> list[dict[str, object]]:
    """What is shown of each item, in the order of the explanation: its reasons by their rank, what to verify."""
    from basira.serving.views.explained import shown_reasons

    by_number = {item["item_number"]: item for item in items}
    return [
        {
            "item_number": number,
            "reasons": [reason["text"] for reason in shown_reasons(by_number[number])],
            "verify": [verify["text"] for verify in by_number[number]["verify"]],
        }
        for number in order
        if number in by_number
    ]
