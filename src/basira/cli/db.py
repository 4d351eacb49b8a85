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
from basira.cli.messages import messages, say_number
from basira.cli.next_command import next_command
from basira.cli.options import Language, LanguageOption
from basira.render.shown import say_line

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
def upgrade(
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Bring the database to this version's format, all at once or not at all; make its tables when it is empty.

    Make a backup first: there is no way back but restoring it.
    """
    from basira.workflows.records.audit import upgrade_record

    done = upgrade_record(record_of(store, database))
    if as_json:
        typer.echo(json.dumps(asdict(done)))
        return
    said, revision = messages(language.value), str(done.revision)
    if done.before is None:
        say_line(said.say("db.made", format=str(done.after), revision=revision))
    elif done.before == done.after:
        say_line(said.say("db.already", format=str(done.after)))
    else:
        say_line(said.say("db.upgraded", before=str(done.before), after=str(done.after), revision=revision))


@app.command("backup")
def backup(
    folder: Annotated[Path, typer.Argument(help="Folder of the backup: absent or empty.")],
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Copy the database while it is in use, and write down the history's snapshot and the chain heads with it."""
    from basira.workflows.records.audit import back_up_record

    made = back_up_record(record_of(store, database), folder, now=datetime.now())
    if as_json:
        typer.echo(json.dumps({"folder": str(folder), **asdict(made)}, indent=1))
        return
    said, size = messages(language.value), say_number(made.size_bytes, language.value)
    say_line(said.say("db.backed_up", size=size, path=str(folder / made.file), format=str(made.database_format)))
    if made.snapshot is None:
        say_line(said.say("db.no_history"))
    else:
        say_line(said.say("db.with_snapshot", snapshot=str(made.snapshot)))


@app.command("restore")
def restore(
    folder: Annotated[Path, typer.Argument(help="Folder of a backup.")],
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Put a backup where there is nothing, then prove it. Never overwrites a database."""
    from basira.workflows.records.audit import restore_record

    said = messages(language.value)
    done = restore_record(folder, record_of(store, database))
    if as_json:
        proof = None if done.verified is None else {"is_whole": done.verified.is_whole, "faults": done.verified.faults}
        typer.echo(json.dumps({**asdict(done.backup), "verified": proof}, indent=1))
    elif done.verified is None:
        # A URL holds a password, and is printed nowhere.
        words, place = (("--database", Path(database)), None) if database and "://" not in database else ((), store)
        upgrade_it = next_command("db", "upgrade", *words, store=place)
        if "://" in database:
            upgrade_it += f" {said.say('db.same_database')}"
        say_line(said.say("db.restored_old", format=str(done.backup.database_format), command=upgrade_it))
    else:
        counts = {
            "runs": done.verified.runs,
            "decisions": done.verified.decisions,
            "events": done.verified.events,
            "audit": done.verified.audit_events,
        }
        shown = {name: say_number(count, language.value) for name, count in counts.items()}
        say_line(said.say("db.restored", **shown))
    if done.verified is not None:
        done.verified.require_whole()
        if not as_json:
            say_line(said.say("db.chains"))


@app.command("compact")
def compact(
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Write the tables anew, so that the files hold nothing of what was erased. Run it in a quiet hour: it stops every
    writer.

    As the owner of the tables, on PostgreSQL; those that hold personal data, there. Needs room for a second copy.
    """
    from basira.workflows.records.audit import compact_record

    left = compact_record(record_of(store, database))
    if as_json:
        typer.echo(json.dumps({"left": left}))
        return
    said = messages(language.value)
    for sentence in left:
        say_line(said.say("left_to_do", what=sentence))
    if not left:
        say_line(said.say("db.compacted"))


@app.command("grants")
def grants(as_json: JsonOption = False) -> None:
    """Print the SQL that makes PostgreSQL's roles and gives each what it needs and no more."""
    from importlib.resources import files

    text = (files("basira.storage.database.migrations") / "postgresql_roles.sql").read_text(encoding="utf-8")
    typer.echo(json.dumps({"sql": text}) if as_json else text, nl=as_json)
