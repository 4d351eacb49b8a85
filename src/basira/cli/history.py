"""`basira history`: the history of declarations, fed from the service's record.

Enters: a store, a database. Leaves: what became of what was recorded. Never here: the taking in
(`workflows.online_history`).
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime

import typer

from basira.cli.db import DatabaseOption, record_of
from basira.cli.ingest import DEFAULT_STORE, JsonOption, StoreOption, WaitOption, reading_progress, show_reports

# Taken in, but for something that is in quarantine.
REFUSED = 11
# Events that are set aside, told one by one.
_MOST_TOLD = 20

app = typer.Typer(no_args_is_help=True, help="The history: take in what the service recorded.")


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
        body = {
            "files": [asdict(report) for report in done.reports], "events": done.events, "snapshot": done.snapshot,
            "set_aside": [asdict(one) for one in done.set_aside],
        }  # fmt: skip
        typer.echo(json.dumps(body, ensure_ascii=False, indent=1))
    elif not done.reports:
        typer.echo(f"Nothing new: {done.events:,} events recorded, snapshot {done.snapshot}.")
    else:
        show_reports(done.reports, snapshot=done.snapshot, store=store, as_json=False)
    for one in done.set_aside[:_MOST_TOLD]:
        names = f" ({', '.join(one.names)})" if one.names else ""
        typer.echo(f"Set aside: event {one.event} of the record: {one.reason}{names}.", err=True)
    if len(done.set_aside) > _MOST_TOLD:
        typer.echo(f"Set aside: {len(done.set_aside):,} events in all; --json names each.", err=True)
    if refused := sum(report.quarantined for report in done.reports):
        typer.echo(
            f"{refused:,} rows that the service had acknowledged were refused, and the history lacks them: "
            "basira quarantine list.",
            err=True,
        )
        raise typer.Exit(REFUSED)
