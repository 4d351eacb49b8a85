"""`basira history`: the history of declarations, fed from the service's record, and rid of a person's data.

Enters: a store, a database. Leaves: what became of what was recorded; what was erased. Never here: the taking in
(`workflows.online_history`), the erasing (`workflows.history_erase`).
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer

from basira.cli.db import DatabaseOption, record_of
from basira.cli.ingest import DEFAULT_STORE, JsonOption, StoreOption, WaitOption, reading_progress, show_reports

# Taken in, but for something that is in quarantine.
REFUSED = 11

app = typer.Typer(no_args_is_help=True, help="The history: take in what the service recorded, erase a person.")


@app.command("sync")
def sync(
    store: StoreOption = DEFAULT_STORE, database: DatabaseOption = "", wait: WaitOption = 30.0,
    as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Take the declarations, amendments and results of the service into the history, as if a file of them had come.

    Only what is new since the last time; to run it again is harmless. Every night, before feedback, train and
    profiles build. Ends with 11 when anything was refused: the service had acknowledged it, and the history lacks it.
    """
    from basira.storage.history import History
    from basira.storage.operations_database import Database
    from basira.workflows.online_history import sync_history

    history = History.open(store)
    with (
        Database(record_of(store, database).place, create=False) as opened,
        reading_progress(quiet=as_json) as progress,
    ):
        done = sync_history(
            history, opened, now=datetime.now().replace(microsecond=0), progress=progress, wait_seconds=wait
        )
    if as_json:
        body = {"files": [asdict(report) for report in done.reports], "events": done.events, "snapshot": done.snapshot}
        typer.echo(json.dumps(body, ensure_ascii=False, indent=1))
    elif not done.reports:
        typer.echo(f"Nothing new: {done.events:,} events recorded, snapshot {done.snapshot}.")
    else:
        show_reports(done.reports, snapshot=done.snapshot, store=store, as_json=False)
    if refused := sum(report.quarantined for report in done.reports):
        typer.echo(
            f"{refused:,} rows that the service had acknowledged were refused, and the history lacks them: "
            "basira quarantine list.",
            err=True,
        )
        raise typer.Exit(REFUSED)


@app.command("erase")
def erase(
    motive: Annotated[str, typer.Option("--motive", help="Who asked for it, or which rule; it is audited.")],
    by: Annotated[str, typer.Option("--by", help="Who erases, as the audit will name them.")],
    preview: Annotated[bool, typer.Option("--preview", help="Say what it would reach, and change nothing.")] = False,
    store: StoreOption = DEFAULT_STORE, database: DatabaseOption = "", wait: WaitOption = 30.0,
    as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Take a person's value out of the history, for good: an identifier becomes a random pseudonym, a text is emptied.

    Asks for the value, or reads it from the first line of standard input. Files of earlier snapshots that held it are
    removed: runs that rest on them can't be replayed any more. After `basira audit erase`, in a quiet hour; then train
    and build profiles again.
    """
    from basira.cli.options import ask_person, steps
    from basira.workflows.history_erase import erase_history, preview_history

    person, record = ask_person(), record_of(store, database)
    interrupted = "Interrupted. The history is as it was, or without the value; the same command goes on with the rest."
    with steps("history erase", quiet=as_json, interrupted=interrupted) as progress:
        if preview:
            done = preview_history(record, person, progress=progress)
        else:
            done = erase_history(
                record, person, actor=by, motive=motive, now=datetime.now(), progress=progress, wait_seconds=wait
            )
    if as_json:
        typer.echo(json.dumps({"is_preview": preview, **asdict(done)}, indent=1))
        return
    what = "would be" if preview else "were"
    typer.echo(
        f"{done.rows:,} rows {what} rid of it; {done.rewritten:,} files {what} written anew and {done.removed:,} "
        f"removed, earlier snapshots' among them. Snapshot {done.snapshot} is in force."
    )
    if done.left:
        typer.echo(f"{done.left:,} rows have it in a declaration's number or a code, which stay.")
    if done.removed and not preview:
        typer.echo("Now train again, and build profiles with --keep 1: both rest on what was erased.")
