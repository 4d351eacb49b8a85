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
from basira.cli.messages import messages, reader_language, say_number
from basira.cli.options import Language, LanguageOption, show_json
from basira.render.numbers import format_date
from basira.render.shown import echo, say_line

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
        say_line(messages(reader_language()).say("keys.new_database", place=shown_place(opened)), err=True)
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
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Make a key. The token is shown now and never again."""
    from basira.api.auth.permissions import OF_KEYS, unfit_scopes
    from basira.schema.errors import UsageError
    from basira.serving.admissible import folded_office
    from basira.storage.accounts.api_keys import create_key

    unknown, whole = unfit_scopes(scope, is_bound=bool(office))
    if unknown:
        raise UsageError(
            "--scope: expected {scopes}, found {unknown!r}.",
            hint="Give one of these.",
            scopes=", ".join(OF_KEYS),
            unknown=unknown[0],
        )
    if whole:
        raise UsageError(
            "--office: expected scopes that are about one office, found {whole!r}.",
            hint="Make a key of its own.",
            whole=whole[0],
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
    number = say_number(days, language.value)
    text = messages(language.value).say_count("keys.made", days, key=made.key_id, name=name, n=number)
    _hand_over(made, text, language, as_json=as_json)


@app.command("list")
def list_all(
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
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
    said = messages(language.value)

    def day(moment: str) -> str:
        return format_date(moment[:10], language=language.value)

    for key in keys:
        state = (
            said.say("keys.revoked_on", day=day(key.revoked_at))
            if key.revoked_at
            else said.say("keys.expires_on", day=day(key.expires_at))
        )
        used = said.say("keys.used", at=key.last_used_at[:16]) if key.last_used_at else said.say("keys.never_used")
        where = said.say("keys.everywhere") if key.offices is None else ", ".join(sorted(key.offices))
        made = said.say("keys.made_by", day=day(key.created_at), who=key.created_by)
        say_line("  ".join((key.key_id, key.name, ", ".join(sorted(key.scopes)), where, state, used, made)))
    if not keys:
        say_line(said.say("keys.none"))


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
    language: LanguageOption = Language.fr,
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
    number = say_number(overlap_hours, language.value)
    text = messages(language.value).say_count("keys.follows", overlap_hours, key=made.key_id, before=key_id, n=number)
    _hand_over(made, text, language, as_json=as_json)


@app.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(help="As `basira keys list` shows it.")],
    by: ByOption,
    motive: Annotated[str, typer.Option("--motive", help="Why; it is audited.")],
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """End a key at once."""
    from basira.storage.accounts.api_keys import revoke_key

    with open_database(store, database) as opened, opened.write() as connection:
        before = revoke_key(connection, key_id, actor=by, motive=motive, now=datetime.now())
    if as_json:
        show_json({"key_id": key_id, "revoked_before": before})
        return
    said = messages(language.value)
    if before:
        day = format_date(before[:10], language=language.value)
        say_line(said.say("keys.revoked_before", key=key_id, day=day))
    else:
        say_line(said.say("keys.revoked", key=key_id))


def _hand_over(made: NewKey, text: str, language: Language, *, as_json: bool) -> None:
    if as_json:
        echo(json.dumps({"key_id": made.key_id, "token": made.token}))
    else:
        say_line(f"{text} {messages(language.value).say('keys.token')}")
        echo(made.token)
