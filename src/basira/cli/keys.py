"""`basira keys`: API keys of clearance systems.

Enters: options. Leaves: a token, once; what is known of keys. Never here: a secret that is kept.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from basira.cli.db import DatabaseOption, record_of
from basira.cli.ingest import DEFAULT_STORE, JsonOption, StoreOption

if TYPE_CHECKING:
    from pathlib import Path

    from basira.storage.operations_database import Database

app = typer.Typer(no_args_is_help=True, help="API keys: made, listed, revoked.")

ByOption = Annotated[str, typer.Option("--by", help="Who does it, as the audit will name them.")]


def _database(store: Path, database: str) -> Database:
    from basira.storage.operations_database import Database

    return Database(record_of(store, database).place)


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="The system that will use it.")],
    by: ByOption,
    scope: Annotated[
        list[str],
        typer.Option(
            "--scope",
            help="declarations:write, declarations:read, outcomes:write, queue:read, metrics:read; may be repeated.",
        ),
    ],
    days: Annotated[int, typer.Option(min=1, max=3650, help="Days until it expires.")] = 365,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    as_json: JsonOption = False,
) -> None:
    """Make a key. The token is shown now and never again."""
    from typing import get_args

    from basira.api.access import Scope
    from basira.schema.errors import UsageError
    from basira.storage.access_keys import create_key

    known = get_args(Scope)
    if unknown := sorted(set(scope) - set(known)):
        raise UsageError(f"--scope: expected {', '.join(known)}, found {unknown[0]!r}.", hint="Give one of these.")
    now = datetime.now()
    with _database(store, database) as opened, opened.write() as connection:
        made = create_key(connection, name, scopes=scope, actor=by, now=now, expires_at=now + timedelta(days=days))
    if as_json:
        typer.echo(json.dumps({"key_id": made.key_id, "token": made.token}))
    else:
        typer.echo(f"Key {made.key_id} for {name}, {days} days. Its token, shown this once:\n{made.token}")


@app.command("list")
def list_all(store: StoreOption = DEFAULT_STORE, database: DatabaseOption = "", as_json: JsonOption = False) -> None:
    """Show every key, without its secret."""
    from dataclasses import asdict

    from basira.storage.access_keys import list_keys

    with _database(store, database) as opened, opened.read() as connection:
        keys = list_keys(connection)
    if as_json:
        typer.echo(json.dumps([{**asdict(key), "scopes": sorted(key.scopes)} for key in keys], indent=1))
        return
    for key in keys:
        state = f"revoked {key.revoked_at[:10]}" if key.revoked_at else f"expires {key.expires_at[:10]}"
        used = key.last_used_at[:16] if key.last_used_at else "never"
        typer.echo(f"{key.key_id}  {key.name}  {', '.join(sorted(key.scopes))}  {state}  last used {used}")


@app.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(help="As `basira keys list` shows it.")],
    by: ByOption,
    motive: Annotated[str, typer.Option("--motive", help="Why; it is audited.")],
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
) -> None:
    """End a key at once."""
    from basira.storage.access_keys import revoke_key

    with _database(store, database) as opened, opened.write() as connection:
        revoke_key(connection, key_id, actor=by, motive=motive, now=datetime.now())
    typer.echo(f"Key {key_id} revoked.")
