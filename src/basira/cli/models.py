"""`basira models`: the models of the store, and their cards.

Enters: options. Leaves: a table or a card. Never here: a model's files.
"""

from __future__ import annotations

import json
from datetime import date
from typing import Annotated

import typer
from rich.table import Table

from basira.cli.ingest import DEFAULT_STORE, JsonOption, StoreOption
from basira.cli.next_command import next_command
from basira.cli.options import open_console, open_history

app = typer.Typer(no_args_is_help=True, help="Fitted models: list them, read a card.")


@app.command("list")
def list_models(store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """The models of the store, the latest knowledge first."""
    from basira.workflows.stores import open_models

    cards = open_models(open_history(store).root).cards()
    if as_json:
        typer.echo(json.dumps(cards, ensure_ascii=False, indent=1))
        return
    console = open_console()
    if not cards:
        train = next_command("train", "--as-of", date.today(), store=store)
        console.print(f"No model yet. Make one: {train}", markup=False, soft_wrap=True, highlight=False)
        return
    table = Table()
    for name in ("version", "knows up to", "made at", "software"):
        table.add_column(name)
    for name in ("items", "irregular", "AUC later", "Brier later"):
        table.add_column(name, justify="right")
    for card in cards:
        late = card["later_items"]
        shown = [f"{late[n]:.3f}" if n in late else "–" for n in ("auc", "brier")]
        table.add_row(
            card["version"],
            card["as_of"],
            card["created_at"],
            card["software"],
            f"{card['training']['rows']:,}",
            f"{card['training']['irregular']:,}",
            *shown,
        )
    console.print(table)


@app.command("show")
def show_model(
    version: Annotated[str, typer.Argument(help="Version, as `models list` shows it.")],
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """A model's card: what it was fitted on, how, how good it was, what it uses most."""
    from basira.models.risk.files import read_card
    from basira.workflows.stores import open_models

    card = read_card(open_models(open_history(store).root).folder(version))
    if as_json:
        typer.echo(json.dumps(card, ensure_ascii=False, indent=1))
        return
    console = open_console()
    importance = card.pop("importance")
    files = card.pop("files")
    card["numbers"] = f"{len(card['numbers'])} numeric features"
    card["categories"] = ", ".join(name for name, _ in card["categories"])
    console.print_json(json.dumps(card))
    table = Table(title="What the trees gain most from")
    table.add_column("feature")
    table.add_column("share of gain", justify="right")
    for name, share in list(importance.items())[:15]:
        table.add_row(name, f"{share:.1%}")
    console.print(table)
    console.print(f"{len(files)} booster files, each checked against its hash when the model is read.")
