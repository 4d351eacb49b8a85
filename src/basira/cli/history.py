"""`basira history`: synchronize the history with the service's record; verify it; repair it; erase a person from it.

Enters: a store, a database. Leaves: the result of the synchronization; which files are whole; what was erased. Never
here: the taking in (`serving.sync`), the proof (`storage.history.verify`), the erasing
(`workflows.records.history_erasure`).
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from basira.cli.db import DatabaseOption, record_of
from basira.cli.ingest import DEFAULT_STORE, JsonOption, StoreOption, WaitOption, reading_progress, show_reports
from basira.cli.next_command import next_command

if TYPE_CHECKING:
    from basira.workflows.records.audit import Record
    from basira.workflows.stores import VerifiedHistory

# Taken in, except for rows that are in quarantine.
REFUSED = 11
# Events that are set aside, listed one by one.
_MOST_TOLD = 20

app = typer.Typer(
    no_args_is_help=True, help="The history: take in what the service recorded; prove it, repair it, erase a person."
)


@app.command("sync")
def sync(
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    wait: WaitOption = 30.0,
    as_json: JsonOption = False,
) -> None:
    """Take the declarations, amendments and results of the service into the history, as if a file of them had come.

    Takes only what is new since the last time; running it again is harmless. Run it every night, before feedback, train
    and profiles build. Ends with 11 when a row was rejected: the service had acknowledged it, and the history lacks it.
    """
    from basira.serving.sync import sync_history
    from basira.workflows.stores import open_database, open_store

    history = open_store(store)
    with (
        open_database(record_of(store, database).place) as opened,
        reading_progress(quiet=as_json) as progress,
    ):
        done = sync_history(
            history, opened, now=datetime.now().replace(microsecond=0), progress=progress, wait_seconds=wait
        )
    if as_json:
        body = {
            "files": [asdict(report) for report in done.reports],
            "events": done.events,
            "snapshot": done.snapshot,
            "set_aside": [asdict(one) for one in done.set_aside],
        }
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
            f"{refused:,} rows that the service had acknowledged were rejected, and the history lacks them: "
            + next_command("quarantine", "list", store=store),
            err=True,
        )
        raise typer.Exit(REFUSED)


@app.command("verify")
def verify(store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """Hash every file of the history again, and name each that was changed or is gone; 5 when any is.

    Needs no database. `basira audit verify` does the same beside the record, and compares with heads kept elsewhere.
    """
    from time import perf_counter

    from basira.cli.options import steps
    from basira.workflows.stores import verify_store

    began = perf_counter()
    with steps("verify", quiet=as_json) as progress:
        found = verify_store(store, progress=progress)
    seconds = perf_counter() - began
    if as_json:
        body = {"is_whole": found.is_whole, **asdict(found), "seconds": seconds}
        typer.echo(json.dumps(body, ensure_ascii=False, indent=1))
    else:
        show_history(found, seconds)
    found.require_whole()


@app.command("repair")
def repair(
    to: Annotated[int | None, typer.Option("--to", min=0, help="Go back to this snapshot.")] = None,
    store: StoreOption = DEFAULT_STORE,
    wait: WaitOption = 30.0,
    as_json: JsonOption = False,
) -> None:
    """Put the last whole snapshot in force, or the one of --to, when CURRENT was changed or restored from elsewhere.

    Removes nothing: later files are moved into the folder set-aside of the store.
    """
    from basira.workflows.stores import repair_store

    done = repair_store(store, to=to, wait_seconds=wait)
    if as_json:
        body = {**asdict(done), "folder": None if done.folder is None else str(done.folder)}
        typer.echo(json.dumps(body, ensure_ascii=False, indent=1))
        return
    named = "nothing readable" if done.before is None else str(done.before)
    typer.echo(f"Snapshot {done.number} is in force; CURRENT named {named}.")
    if done.folder is not None:
        typer.echo(f"{done.set_aside:,} later files were moved to {done.folder}.")


def prove_history(record: Record, heads: Path | None, *, quiet: bool) -> tuple[VerifiedHistory | None, float]:
    """Verify the history of a record, against the head in a file of heads; return the seconds that it took, too."""
    from time import perf_counter

    from basira.cli.options import steps
    from basira.workflows.records.history_proof import history_head, prove_history

    kept = None if heads is None else history_head(heads.read_text(encoding="utf-8"), where=str(heads))
    began = perf_counter()
    with steps("verify", quiet=quiet) as progress:
        found = prove_history(record, kept=kept, progress=progress)
    return found, perf_counter() - began


def show_history(found: VerifiedHistory | None, seconds: float) -> None:
    """Print what a proof of the history found."""
    if found is None:
        typer.echo("The history is not on this machine (--store): its files were not checked.")
        return
    for fault in found.faults:
        typer.echo(f"FAULT: {fault}")
    megabytes = found.size_bytes / 1e6
    typer.echo(
        f"History{' whole' if found.is_whole else ''}: {found.snapshots:,} snapshots, {found.files:,} files, "
        f"{megabytes:,.1f} MB in {seconds:.2f} s ({megabytes / max(seconds, 1e-9):,.0f} MB/s)."
    )
    if found.erased:
        typer.echo(f"Erased with a person's data, of earlier snapshots: {found.erased:,} files.")
    if found.adopted or found.older:
        what = (
            f"{found.adopted:,} adopted" if found.adopted else f"{found.older:,} not adopted yet (the next commit does)"
        )
        typer.echo(
            f"Manifests of the older kind: {what}. Their hashes prove that nothing was changed since, not before."
        )


@app.command("erase")
def erase(
    motive: Annotated[str, typer.Option("--motive", help="Who asked for it, or which rule; it is audited.")],
    by: Annotated[str, typer.Option("--by", help="Who erases, as the audit will name them.")],
    preview: Annotated[bool, typer.Option("--preview", help="Print what it would reach, and change nothing.")] = False,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    wait: WaitOption = 30.0,
    as_json: JsonOption = False,
) -> None:
    """Take a person's value out of the history, for good: an identifier becomes a random pseudonym, a text is emptied.

    Asks for the value, or reads it from the first line of standard input. Files of earlier snapshots that held it are
    removed: runs that rest on them can't be replayed any more. After `basira audit erase`, in a quiet hour; then train
    and build profiles again.
    """
    from basira.cli.options import ask_person, steps
    from basira.workflows.records.history_erasure import erase_history, preview_history

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
    if done.register_entries:
        typer.echo(f"{done.register_entries:,} entries of the register of names {what} removed.")
    if done.left:
        typer.echo(f"{done.left:,} rows have it in a declaration's number or a code, which stay.")
    if done.removed and not preview:
        typer.echo("Now train again, and build profiles with --keep 1: both rest on what was erased.")
