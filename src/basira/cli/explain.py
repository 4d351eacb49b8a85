"""`basira explain`: why a declaration has its lane, from the record.

Enters: a declaration's number. Leaves: its latest decision in words. Never here: a new assessment.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from basira.cli.db import DatabaseOption
from basira.cli.ingest import DEFAULT_STORE, JsonOption, StoreOption
from basira.cli.options import Language, LanguageOption, open_console, open_history
from basira.render.shown import echo

if TYPE_CHECKING:
    from basira.render.catalogs import Catalog


def explain(
    declaration: Annotated[str, typer.Argument(help="Number of the declaration.")],
    store: StoreOption = DEFAULT_STORE,
    run: Annotated[str, typer.Option(help="Run to explain; the latest that decided on it by default.")] = "",
    language: LanguageOption = Language.fr,
    full: Annotated[
        bool, typer.Option("--full", help="Also every recorded reason, the reference values, and the trace.")
    ] = False,
    database: DatabaseOption = "",
    as_json: JsonOption = False,
) -> None:
    """Explain why a declaration has its lane: what is at stake, reasons with their figures, what to verify.

    Example: basira explain 301-2023-0008327 --language ar --full

    A declaration that the service decided, and no run, is shown with all its events.
    """
    from basira.cli.explain_online import explain_online
    from basira.schema.text import fold_identifier
    from basira.workflows.targeting.explanation import explain_decision

    history = open_history(store)
    # As it was recorded, or in the one written form that intake gives.
    for number in dict.fromkeys((declaration, fold_identifier(declaration))):
        if not run and explain_online(history, number, database, language=language.value, as_json=as_json, full=full):
            return
    body = explain_decision(history, declaration, run=run, language=language.value)
    if as_json:
        echo(json.dumps(body, ensure_ascii=False, indent=1))
        return
    console = open_console()
    show_explanation(console, body, language.value, full=full)


def show_explanation(console: Console, body: Mapping[str, Any], language: str, *, full: bool) -> None:
    """Print the explanation of a run's decision."""
    from basira.explain.words import catalog_of
    from basira.render.numbers import format_date, format_percent

    catalog = catalog_of(language)
    day = format_date(str(body["day"]), language=language)
    console.print(Text(f"{body['declaration_id']} · {day} · {body['office']} · {body['lane_label']}", style="bold"))
    explanation = body["explanation"]
    show_sentences(console, explanation, catalog, has_reasons=body["has_reasons"])
    show_rules(console, body["rules"])
    if not full:
        return
    for item in body["items"]:
        console.print(Text(catalog.say("list.item", number=str(item["item_number"])), style="bold"))
        lines = [*([item["conversion"]] if "conversion" in item else []), *item["reasons"], *item["references"]]
        for line in lines:
            console.print(_indented(f"· {line}"))
        if item["comparables"]:
            joined = ", ".join(item["comparables"])
            console.print(_indented(f"{catalog.say('list.comparables')}{catalog.say('list.colon')}{joined}"))
    chance = format_percent(body["inclusion_probability"], language=language, digits=1)
    console.print(_plain(f"{catalog.say('explain.inclusion')}{catalog.say('list.colon')}{chance}"), style="dim")
    trace = catalog.say(
        "explain.trace", run=body["run_id"], model=str(body["model_version"]), hash=str(body["entry_hash"])
    )
    console.print(_plain(trace), style="dim")


def show_sentences(
    console: Console,
    explanation: Mapping[str, Any],
    catalog: Catalog,
    *,
    has_reasons: bool,
    goods: Mapping[int, str] | None = None,
) -> None:
    """Print an explanation's sentences: why, the stakes, and of each item reasons and verifications. ``goods``: of each
    item, where they are known."""
    console.print(_plain(explanation["why"]))
    if explanation["stakes"]:
        console.print(_plain(explanation["stakes"]))
    if explanation["chance"] and explanation["chance"] not in explanation["why"]:
        console.print(_plain(f"{catalog.say('list.probability')}{catalog.say('list.colon')}{explanation['chance']}"))
    for item in explanation["items"]:
        named = catalog.say("list.item", number=str(item["item_number"]))
        what = (goods or {}).get(item["item_number"], "")
        console.print(Text(f"{named} – {what}" if what else named, style="bold"))
        if has_reasons:
            for line in item["reasons"] or (explanation["no_reason"],):
                console.print(_indented(f"• {line}"))
        for line in item["verify"]:
            console.print(_indented(f"→ {line}"))


def show_rules(console: Console, rules: Sequence[Sequence[str]]) -> None:
    """Print what each rule of analysts said that hit, or of which it was unknown."""
    for head, *lines in rules:
        console.print(_plain(head))
        for line in lines:
            console.print(_indented(f"· {line}"))


def _plain(text: str) -> Text:
    # Isolates keep codes in order on a page; many terminals draw them as boxes.
    return Text(text.translate({0x2068: None, 0x2069: None}))


def _indented(text: str) -> Padding:
    # Not filled up to the width, which in a file has no end.
    return Padding(_plain(text), (0, 0, 0, 3), expand=False)
