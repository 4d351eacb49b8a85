"""`basira db`: the operational database made, upgraded, copied, put back.

Enters: a store or a database's URL. Leaves: what was done. Never here: the doing (`workflows.records.audit`).
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from basira.cli.ingest import DEFAULT_STORE, JsonOption, StoreOption
from basira.cli.next_command import next_command

if TYPE_CHECKING:
    from basira.workflows.records.audit import Record

app = typer.Typer(no_args_is_help=True, help="The operational database: upgrade, back up, restore, grants.")

DatabaseOption = Annotated[
    str,
    typer.Option(
        "--database",
        envvar="BASIRA_DATABASE",
        help="URL of the database (postgresql+psycopg://...); by default the store's own SQLite file.",
    ),
]


def record_of(store: Path, database: str) -> Record:
    """The place of the record: the named database, or the store's; with the history, when it is here."""
    from basira.schema.errors import StoreError
    from basira.workflows.records.audit import Record
    from basira.workflows.stores import open_store
    from basira.workflows.targeting.record import operations_of

    if not database:
        history = open_store(store)
        return Record(operations_of(history), history)
    if "://" in database and "+" not in (scheme := database.partition("://")[0]) and scheme.startswith("postgres"):
        raise StoreError(
            "Expected a URL that names the driver, found {scheme}://.",
            hint="Write it postgresql+psycopg://...",
            scheme=scheme,
        )
    return Record(database, open_store(store) if (store / "CURRENT").is_file() else None)


@app.command("upgrade")
def upgrade(store: StoreOption = DEFAULT_STORE, database: DatabaseOption = "", as_json: JsonOption = False) -> None:
    """Bring the database to this version's format, all at once or not at all; make its tables when it is empty.

    Make a backup first: there is no way back but restoring it.
    """
    from basira.workflows.records.audit import upgrade_record

    done = upgrade_record(record_of(store, database))
    if as_json:
        typer.echo(json.dumps(asdict(done)))
    elif done.before is None:
        typer.echo(f"Made at format {done.after} (revision {done.revision}).")
    elif done.before == done.after:
        typer.echo(f"At format {done.after} already; nothing was changed.")
    else:
        typer.echo(f"Upgraded from format {done.before} to {done.after} (revision {done.revision}).")


@app.command("backup")
def backup(
    folder: Annotated[Path, typer.Argument(help="Folder of the backup: absent or empty.")],
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    as_json: JsonOption = False,
) -> None:
    """Copy the database while it is in use, and write down the history's snapshot and the chain heads with it."""
    from basira.workflows.records.audit import back_up_record

    made = back_up_record(record_of(store, database), folder, now=datetime.now())
    if as_json:
        typer.echo(json.dumps({"folder": str(folder), **asdict(made)}, indent=1))
        return
    typer.echo(f"{made.size_bytes:,} bytes in {folder / made.file}; format {made.database_format}.")
    if made.snapshot is None:
        typer.echo("No history on this machine: copy it from where it is.")
    else:
        typer.echo(f"It goes with snapshot {made.snapshot} of the history: copy the store's folder too.")


@app.command("restore")
def restore(
    folder: Annotated[Path, typer.Argument(help="Folder of a backup.")],
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    as_json: JsonOption = False,
) -> None:
    """Put a backup where there is nothing, then prove it. Never overwrites a database."""
    from basira.workflows.records.audit import restore_record

    done = restore_record(folder, record_of(store, database))
    if as_json:
        proof = None if done.verified is None else {"is_whole": done.verified.is_whole, "faults": done.verified.faults}
        typer.echo(json.dumps({**asdict(done.backup), "verified": proof}, indent=1))
    elif done.verified is None:
        # A URL holds a password, and is printed nowhere.
        words, place = (("--database", Path(database)), None) if database and "://" not in database else ((), store)
        upgrade_it = next_command("db", "upgrade", *words, store=place)
        if "://" in database:
            upgrade_it += " (with the same --database)"
        typer.echo(f"Restored, at format {done.backup.database_format}. Now upgrade it: {upgrade_it}")
    else:
        typer.echo(
            f"Restored: {done.verified.runs:,} runs, {done.verified.decisions:,} decisions, "
            f"{done.verified.events:,} events, {done.verified.audit_events:,} audit events."
        )
    if done.verified is not None:
        done.verified.require_whole()
        if not as_json:
            typer.echo("Every chain is whole, up to the heads that the backup wrote down.")


@app.command("compact")
def compact(store: StoreOption = DEFAULT_STORE, database: DatabaseOption = "", as_json: JsonOption = False) -> None:
    """Write the tables anew, so that the files hold nothing of what was erased. Run it in a quiet hour: it stops every
    writer.

    As the owner of the tables, on PostgreSQL; those that hold personal data, there. Needs room for a second copy.
    """
    from basira.workflows.records.audit import compact_record

    left = compact_record(record_of(store, database))
    if as_json:
        typer.echo(json.dumps({"left": left}))
        return
    typer.echo("\n".join(f"Left to do: {sentence}" for sentence in left) or "Written anew.")


@app.command("grants")
def grants(as_json: JsonOption = False) -> None:
    """Print the SQL that makes PostgreSQL's roles and gives each what it needs and no more."""
    from importlib.resources import files

    text = (files("basira.storage.database.migrations") / "postgresql_roles.sql").read_text(encoding="utf-8")
    typer.echo(json.dumps({"sql": text}) if as_json else text, nl=as_json)
