"""`basira keys`: API keys of clearance systems.

Enters: options. Leaves: a token, once; the list of keys. Never here: a secret that is kept.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from basira.cli.db import DatabaseOption, record_of
from basira.cli.ingest import DEFAULT_STORE, JsonOption, StoreOption
from basira.cli.options import show_json
from basira.render.shown import echo

if TYPE_CHECKING:
    from pathlib import Path

    from basira.storage.accounts.api_keys import NewKey
    from basira.workflows.stores import Database

app = typer.Typer(no_args_is_help=True, help="API keys: made, listed, rotated, revoked.")

ByOption = Annotated[str, typer.Option("--by", help="Who does it, as the audit will name them.")]
DaysOption = Annotated[int, typer.Option("--days", min=1, max=3650, help="Days until it expires.")]


def open_database(store: Path, database: str, *, create: bool = False) -> Database:
    """The operational database of a store, or the one given by its URL. ``create``: make it when there is none, and
    report it; else its absence is an error, because a place that is misspelt must not look like an empty one."""
    from basira.workflows.stores import open_database, shown_place

    opened = open_database(record_of(store, database).place, create=create)
    if opened.is_new:
        echo(f"Made a new database: {shown_place(opened)}.", err=True)
    return opened


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="The system that will use it.")],
    by: ByOption,
    scope: Annotated[
        list[str],
        typer.Option("--scope", help="declarations:write and the others of docs/reference/roles.md; may be repeated."),
    ],
    office: Annotated[
        list[str] | None,
        typer.Option("--office", help="Bind it to this office; may be repeated. Every one by default."),
    ] = None,
    days: DaysOption = 365,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    as_json: JsonOption = False,
) -> None:
    """Make a key. The token is shown now and never again."""
    from basira.api.auth.permissions import OF_KEYS, unfit_scopes
    from basira.schema.errors import UsageError
    from basira.serving.admissible import folded_office
    from basira.storage.accounts.api_keys import create_key

    unknown, whole = unfit_scopes(scope, is_bound=bool(office))
    if unknown:
        raise UsageError(f"--scope: expected {', '.join(OF_KEYS)}, found {unknown[0]!r}.", hint="Give one of these.")
    if whole:
        raise UsageError(
            f"--office: expected scopes that are about one office, found {whole[0]!r}.", hint="Make a key of its own."
        )
    name = name.strip()
    if not name:
        raise UsageError("Expected the name of a system, found none.", hint="Give what will use the key, such as badr.")
    now = datetime.now()
    offices = [folded_office(one) for one in office] if office else None
    with open_database(store, database, create=True) as opened, opened.write() as connection:
        made = create_key(
            connection, name, scopes=scope, actor=by, now=now, expires_at=now + timedelta(days=days), offices=offices
        )
    _hand_over(made, f"Key {made.key_id} for {name}, {days} days.", as_json=as_json)


@app.command("list")
def list_all(store: StoreOption = DEFAULT_STORE, database: DatabaseOption = "", as_json: JsonOption = False) -> None:
    """Show every key, without its secret: who made it, what it may do, until when, when it was used."""
    from dataclasses import asdict

    from basira.storage.accounts.api_keys import list_keys

    with open_database(store, database) as opened, opened.read() as connection:
        keys = list_keys(connection)
    if as_json:
        shown = [
            {
                **asdict(key),
                "scopes": sorted(key.scopes),
                "offices": None if key.offices is None else sorted(key.offices),
            }
            for key in keys
        ]
        echo(json.dumps(shown, indent=1))
        return
    for key in keys:
        state = f"revoked {key.revoked_at[:10]}" if key.revoked_at else f"expires {key.expires_at[:10]}"
        used = key.last_used_at[:16] if key.last_used_at else "never"
        where = "every office" if key.offices is None else ", ".join(sorted(key.offices))
        echo(
            f"{key.key_id}  {key.name}  {', '.join(sorted(key.scopes))}  {where}  {state}  last used {used}  "
            f"made {key.created_at[:10]} by {key.created_by}"
        )


@app.command("rotate")
def rotate(
    key_id: Annotated[str, typer.Argument(help="As `basira keys list` shows it.")],
    by: ByOption,
    overlap_hours: Annotated[
        int, typer.Option("--overlap-hours", min=0, max=720, help="Hours for which the old one still works.")
    ] = 24,
    days: DaysOption = 365,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    as_json: JsonOption = False,
) -> None:
    """Make the successor of a key, with its name, scopes and offices. The token is shown now and never again."""
    from basira.storage.accounts.api_keys import rotate_key

    now = datetime.now()
    with open_database(store, database) as opened, opened.write() as connection:
        made = rotate_key(
            connection,
            key_id,
            actor=by,
            now=now,
            expires_at=now + timedelta(days=days),
            overlap=timedelta(hours=overlap_hours),
        )
    text = f"Key {made.key_id} follows {key_id}, which works for {overlap_hours} more hours."
    _hand_over(made, text, as_json=as_json)


@app.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(help="As `basira keys list` shows it.")],
    by: ByOption,
    motive: Annotated[str, typer.Option("--motive", help="Why; it is audited.")],
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    as_json: JsonOption = False,
) -> None:
    """End a key at once."""
    from basira.storage.accounts.api_keys import revoke_key

    with open_database(store, database) as opened, opened.write() as connection:
        before = revoke_key(connection, key_id, actor=by, motive=motive, now=datetime.now())
    if as_json:
        show_json({"key_id": key_id, "revoked_before": before})
        return
    echo(f"Key {key_id} was revoked on {before[:10]} already." if before else f"Key {key_id} revoked.")


def _hand_over(made: NewKey, text: str, *, as_json: bool) -> None:
    if as_json:
        echo(json.dumps({"key_id": made.key_id, "token": made.token}))
    else:
        echo(f"{text} Its token, shown this once:\n{made.token}")
