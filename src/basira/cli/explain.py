"""`basira explain`: why a declaration is where it is, from the record.

Enters: a declaration's number. Leaves: its latest decision in words. Never here: a new assessment.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

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
    """Say why a declaration was put in its lane: reasons with their figures, what to verify, reference values.

    One that no run decided on, but the service did, is shown with everything that happened to it.
    """
    from basira.cli.explain_online import explain_online
    from basira.explain.words import say, say_basis, say_reference, say_verify
    from basira.render.numbers import format_money, format_percent
    from basira.schema.errors import NotFoundError
    from basira.schema.text import fold_identifier
    from basira.selection.policy.load import restore_policy
    from basira.workflows.targeting.record import currency_of, find_decisions

    history = open_history(store)
    # As it was recorded, or in the one written form that intake gives.
    for number in dict.fromkeys((declaration, fold_identifier(declaration))):
        if not run and explain_online(history, number, database, language=language.value, as_json=as_json):
            return
    found = find_decisions(history, declaration)
    chosen = [pair for pair in found if not run or pair[0].run_id == run]
    if not chosen:
        raise NotFoundError(
            f"Expected a decision on {declaration!r} in run {run!r}, found decisions in "
            + ", ".join(pair[0].run_id for pair in found) + ".",
            hint="Name one of these runs, or none for the latest.",
        )  # fmt: skip
    header, decision = chosen[0]
    said = language.value
    currency = currency_of(history, header, declaration)
    items: list[dict[str, Any]] = [
        {
            "item_number": item.item_number,
            "fraud_probability": item.fraud_probability,
            "expected_revenue": item.expected_revenue,
            "reasons": [say(reason, language=said, currency=currency) for reason in item.reasons],
            "verify": [
                say_verify(
                    kind, language=said, currency=currency, reference=item.references[0] if item.references else None
                )
                for kind in item.verify
            ],
            "references": [say_reference(r, language=said, currency=currency) for r in item.references],
            "comparables": sorted({c for r in item.references for c in r.comparables}),
        }
        for item in decision.items
    ]
    policy = restore_policy(header.policy_text)
    lane = policy.lane(decision.lane).label.text(said)
    entry = policy.find_mandatory(decision.detail) if decision.basis == "mandatory" else None
    ground = "" if entry is None else entry.reason.text(said)
    body = {
        "declaration_id": declaration,
        "declaration_version": decision.declaration_version,
        "run_id": header.run_id,
        "day": header.day.isoformat(),
        "as_of": header.as_of.date().isoformat(),
        "model_version": header.model_version,
        "office": decision.office,
        "lane": decision.lane,
        "lane_label": lane,
        "basis": decision.basis,
        "basis_label": say_basis(decision.basis, language=said, detailed=True, ground=ground),
        "detail": decision.detail,
        "inclusion_probability": decision.inclusion_probability,
        "fraud_probability": decision.fraud_probability,
        "expected_revenue": decision.expected_revenue,
        "items": items,
        "entry_hash": decision.entry_hash,
        "other_runs": [pair[0].run_id for pair in found if pair[0].run_id != header.run_id],
    }
    if as_json:
        echo(json.dumps(body, ensure_ascii=False, indent=1))
        return
    console = open_console()
    console.print(Text(f"{declaration} · {body['day']} · {decision.office} · {lane}", style="bold"))
    console.print(Text(str(body["basis_label"])))
    if decision.fraud_probability is not None and decision.expected_revenue is not None:
        console.print(
            f"P = {format_percent(decision.fraud_probability, language=said)}, "
            f"E = {format_money(decision.expected_revenue, currency, language=said)}, "
            f"π = {format_percent(decision.inclusion_probability, language=said)}",
            markup=False,
        )
    for item in items:
        console.print(Text(f"#{item['item_number']}", style="bold"))
        for name in ("reasons", "verify", "references"):
            for line in item[name]:
                console.print(Padding(Text(("→ " if name == "verify" else "· ") + line), (0, 0, 0, 3)))
        if item["comparables"]:
            console.print(Padding(Text("≈ " + ", ".join(item["comparables"])), (0, 0, 0, 3)))
    console.print(f"{header.run_id} · {header.model_version} · {decision.entry_hash[:16]}", style="dim", markup=False)
