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
from basira.cli.messages import messages, say_number
from basira.cli.next_command import next_command
from basira.cli.options import Language, LanguageOption
from basira.render.numbers import format_number
from basira.render.shown import say_line

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
    language: LanguageOption = Language.fr,
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
    said = messages(language.value)
    if as_json:
        body = {
            "files": [asdict(report) for report in done.reports],
            "events": done.events,
            "snapshot": done.snapshot,
            "set_aside": [asdict(one) for one in done.set_aside],
        }
        typer.echo(json.dumps(body, ensure_ascii=False, indent=1, default=str))
    elif not done.reports:
        events = say_number(done.events, language.value)
        say_line(said.say("history.nothing_new", events=events, snapshot=str(done.snapshot)))
    else:
        show_reports(done.reports, snapshot=done.snapshot, store=store, as_json=False, language=language.value)
    for one in done.set_aside[:_MOST_TOLD]:
        names = f" ({', '.join(one.names)})" if one.names else ""
        line = said.say("history.set_aside", event=str(one.event), reason=one.reason, names=names)
        say_line(line, err=True)
    if (aside := len(done.set_aside)) > _MOST_TOLD:
        say_line(said.say_count("history.set_aside_all", aside, n=say_number(aside, language.value)), err=True)
    if refused := sum(report.quarantined for report in done.reports):
        see = next_command("quarantine", "list", store=store)
        number = say_number(refused, language.value)
        say_line(said.say_count("history.refused", refused, n=number, command=see), err=True)
        raise typer.Exit(REFUSED)


@app.command("verify")
def verify(
    store: StoreOption = DEFAULT_STORE,
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
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
        show_history(found, seconds, language.value)
    found.require_whole()


@app.command("repair")
def repair(
    to: Annotated[int | None, typer.Option("--to", min=0, help="Go back to this snapshot.")] = None,
    store: StoreOption = DEFAULT_STORE,
    wait: WaitOption = 30.0,
    language: LanguageOption = Language.fr,
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
    said = messages(language.value)
    before = said.say("history.unreadable") if done.before is None else str(done.before)
    say_line(said.say("history.in_force", number=str(done.number), before=before))
    if done.folder is not None:
        number = say_number(done.set_aside, language.value)
        say_line(said.say_count("history.moved", done.set_aside, n=number, folder=str(done.folder)))


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


def show_history(found: VerifiedHistory | None, seconds: float, language: str) -> None:
    """Print what a proof of the history found."""
    said = messages(language)
    if found is None:
        say_line(said.say("history.elsewhere"))
        return
    for fault in found.faults:
        say_line(said.say("fault", fault=fault))
    megabytes = found.size_bytes / 1e6
    values = {
        "snapshots": say_number(found.snapshots, language),
        "files": say_number(found.files, language),
        "size": format_number(megabytes, language=language, digits=1),
        "seconds": format_number(seconds, language=language, digits=2),
        "rate": say_number(megabytes / max(seconds, 1e-9), language),
    }
    say_line(said.say("history.whole", **values) if found.is_whole else said.say("history.broken", **values))
    if found.erased:
        say_line(said.say_count("history.erased_files", found.erased, n=say_number(found.erased, language)))
    if found.adopted:
        say_line(said.say("history.adopted", n=say_number(found.adopted, language)))
    elif found.older:
        say_line(said.say("history.not_adopted", n=say_number(found.older, language)))


@app.command("erase")
def erase(
    motive: Annotated[str, typer.Option("--motive", help="Who asked for it, or which rule; it is audited.")],
    by: Annotated[str, typer.Option("--by", help="Who erases, as the audit will name them.")],
    preview: Annotated[bool, typer.Option("--preview", help="Print what it would reach, and change nothing.")] = False,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    wait: WaitOption = 30.0,
    language: LanguageOption = Language.fr,
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
    said = messages(language.value)
    interrupted = said.say("interrupted.history")
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
    values = {
        "rows": say_number(done.rows, language.value),
        "rewritten": say_number(done.rewritten, language.value),
        "removed": say_number(done.removed, language.value),
        "snapshot": str(done.snapshot),
    }
    say_line(said.say("history.would_erase", **values) if preview else said.say("history.erased", **values))
    if names := done.register_entries:
        number = say_number(names, language.value)
        say_line(
            said.say_count("history.names_preview", names, n=number)
            if preview
            else said.say_count("history.names", names, n=number)
        )
    if done.left:
        say_line(said.say_count("history.stays", done.left, n=say_number(done.left, language.value)))
    if done.removed and not preview:
        say_line(said.say("history.train_again"))
