"""`basira show`: a declaration as the store has it.

Enters: a declaration's number. Leaves: what was declared, decided and found, on the screen or as JSON. Never here: a
new assessment.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.padding import Padding
from rich.text import Text

from basira.cli.ingest import DEFAULT_STORE, JsonOption, StoreOption
from basira.cli.messages import messages
from basira.cli.options import Language, LanguageOption, open_console, open_history
from basira.render.shown import echo


def show(
    declaration: Annotated[str, typer.Argument(help="Number of the declaration.")],
    store: StoreOption = DEFAULT_STORE,
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Show a declaration: its latest version as declared, the decisions on it, the results of its inspections.

    Example: basira show 301-2023-0008327 --language en
    """
    from basira.explain.words import catalog_of, field_word
    from basira.explain.words_figures import Speaker
    from basira.render.numbers import format_date, format_money
    from basira.schema.codes import format_code
    from basira.workflows.records.declaration import show_declaration

    code = language.value
    body = show_declaration(open_history(store), declaration, language=code)
    if as_json:
        echo(json.dumps(body, ensure_ascii=False, indent=1))
        return
    catalog, console = catalog_of(code), open_console()
    colon = catalog.say("list.colon")

    def pairs(row: Mapping[str, Any], *, without: tuple[str, ...] = ()) -> str:
        currency = str(row.get("value_currency") or "")
        said = Speaker(catalog, currency, {"invoice_currency": body["declared"].get("invoice_currency"), **row})
        shown = (
            f"{field_word(name, language=code)}{colon}{said.field_value(name, name)}"
            for name, value in row.items()
            if value is not None and name not in without
        )
        # Isolates keep codes in order on a page; many terminals draw them as boxes.
        return " · ".join(shown).translate({0x2068: None, 0x2069: None})

    currencies = [str(row["value_currency"]) for row in (body["declared"], *body["items"]) if row.get("value_currency")]

    def results(row: Mapping[str, Any]) -> str:
        said, own = Speaker(catalog, currencies[0] if currencies else "", row), messages(code)
        shown = (f"{own.say(f'outcome.{name}')}{colon}{said.field_value(name, name)}" for name in row)
        return " · ".join(shown).translate({0x2068: None, 0x2069: None})

    console.print(Text(catalog.say("show.title", declaration=body["declaration_id"]), style="bold"))
    console.print(Text(pairs(body["declared"], without=("declaration_id",))))
    console.print(Text(catalog.say("show.items"), style="bold"))
    for item in body["items"]:
        currency = item.get("value_currency") or ""
        head = [catalog.say("list.item", number=str(item["item_number"])), format_code(item["commodity_code"] or "")]
        head += [item["description"] or "", format_money(item["customs_value_amount"], currency, language=code)]
        console.print(Text(" · ".join(part for part in head if part)))
        rest = pairs(
            item,
            without=("item_number", "commodity_code", "description", "customs_value_amount", "value_currency"),
        )
        console.print(Padding(Text(rest, style="dim"), (0, 0, 0, 3), expand=False))
    console.print(Text(catalog.say("show.decisions"), style="bold"))
    for one in body["decisions"]:
        day = format_date(one["day"], language=code)
        console.print(Text(f"{day} · {one['office']} · {one['lane_label']} · {one['basis_label']} · {one['run_id']}"))
    if not body["decisions"]:
        console.print(Text(catalog.say("show.none")))
    console.print(Text(catalog.say("show.results"), style="bold"))
    for row in body["results"]:
        console.print(Text(results(row)))
    if not body["results"]:
        console.print(Text(catalog.say("show.no_results")))
