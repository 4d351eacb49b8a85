"""`basira explain`: why a declaration has its lane, from the record.

Enters: a declaration's number. Leaves: its latest decision in words. Never here: a new assessment.
"""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.padding import Padding
from rich.text import Text

from basira.cli.db import DatabaseOption
from basira.cli.ingest import DEFAULT_STORE, JsonOption, StoreOption
from basira.cli.options import Language, LanguageOption, open_console, open_history
from basira.render.shown import echo


def explain(
    declaration: Annotated[str, typer.Argument(help="Number of the declaration.")],
    store: StoreOption = DEFAULT_STORE,
    run: Annotated[str, typer.Option(help="Run to explain; the latest that decided on it by default.")] = "",
    language: LanguageOption = Language.fr,
    database: DatabaseOption = "",
    as_json: JsonOption = False,
) -> None:
    """Explain why a declaration has its lane: reasons with their figures, what to verify, reference values.

    A declaration that the service decided, and no run, is shown with all its events.
    """
    from basira.cli.explain_online import explain_online
    from basira.render.numbers import format_money, format_percent
    from basira.schema.text import fold_identifier
    from basira.workflows.targeting.explanation import explain_decision

    history = open_history(store)
    # As it was recorded, or in the one written form that intake gives.
    for number in dict.fromkeys((declaration, fold_identifier(declaration))):
        if not run and explain_online(history, number, database, language=language.value, as_json=as_json):
            return
    body = explain_decision(history, declaration, run=run, language=language.value)
    if as_json:
        echo(json.dumps(body, ensure_ascii=False, indent=1))
        return
    code = language.value
    console = open_console()
    console.print(Text(f"{declaration} · {body['day']} · {body['office']} · {body['lane_label']}", style="bold"))
    console.print(Text(str(body["basis_label"])))
    if body["fraud_probability"] is not None and body["expected_revenue"] is not None:
        console.print(
            f"P = {format_percent(body['fraud_probability'], language=code)}, "
            f"E = {format_money(body['expected_revenue'], body['currency'], language=code)}, "
            f"π = {format_percent(body['inclusion_probability'], language=code)}",
            markup=False,
        )
    for item in body["items"]:
        console.print(Text(f"#{item['item_number']}", style="bold"))
        if "conversion" in item:
            console.print(Padding(Text("· " + item["conversion"]), (0, 0, 0, 3)))
        for name in ("reasons", "verify", "references"):
            for line in item[name]:
                console.print(Padding(Text(("→ " if name == "verify" else "· ") + line), (0, 0, 0, 3)))
        if item["comparables"]:
            console.print(Padding(Text("≈ " + ", ".join(item["comparables"])), (0, 0, 0, 3)))
    console.print(f"{body['run_id']} · {body['model_version']} · {body['entry_hash'][:16]}", style="dim", markup=False)
