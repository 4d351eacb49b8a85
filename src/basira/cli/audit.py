"""`basira audit`: the record read, proved, its heads exported, personal data erased.

Enters: a store or a database's URL. Leaves: who did what; which parts are whole, exit code 5 when one is not. Never
here: the proof itself (`storage.record.verify`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from basira.cli.db import DatabaseOption, record_of
from basira.cli.ingest import DEFAULT_STORE, JsonOption, StoreOption
from basira.render.shown import echo

if TYPE_CHECKING:
    from basira.workflows.records.activity import TrailRow

app = typer.Typer(
    no_args_is_help=True, help="The audit: read the record, prove it, export its heads, erase personal data."
)


# The search is complete, and found the value.
FOUND = 11
_COUNTED_TOO = "including texts of declarations, rejected declarations and stored answers"


class Of(StrEnum):
    """Which trail."""

    ACCESS = "access"
    DECLARATIONS = "declarations"


@app.command("list")
def list_trail(
    of: Annotated[
        Of,
        typer.Option("--of", help="access: users, roles, keys, sessions, erasures. declarations: their events."),
    ] = Of.ACCESS,
    actor: Annotated[str | None, typer.Option("--actor", help="Who did it: an id, a login or a key's name.")] = None,
    action: Annotated[
        str | None, typer.Option("--action", help="Such as user.roles_changed; of declarations, such as reselection.")
    ] = None,
    subject: Annotated[
        str | None, typer.Option("--subject", help="Such as user/u-...; of declarations, a number.")
    ] = None,
    office: Annotated[str | None, typer.Option("--office", help="Of declarations: only this office.")] = None,
    from_day: Annotated[str, typer.Option("--from", help="The first day, YYYY-MM-DD.")] = "",
    to_day: Annotated[str, typer.Option("--to", help="The last day, YYYY-MM-DD.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many, the latest.")] = 50,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write all that is found, without --limit, to this CSV file.")
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    as_json: JsonOption = False,
) -> None:
    """Who did what and when, the latest first, with what was before and after, and why."""
    from basira.schema.days import parse_day
    from basira.schema.errors import UsageError
    from basira.serving.admissible import folded_office
    from basira.workflows.records.activity import Wanted, trail_csv, trail_page
    from basira.workflows.stores import open_database

    if of is Of.ACCESS and office is not None:
        raise UsageError("Expected --office with --of declarations, found it without.", hint="Add --of declarations.")
    days = [parse_day(text, name=name) if text else None for text, name in ((from_day, "--from"), (to_day, "--to"))]
    wanted = Wanted(actor, action, subject, office and folded_office(office), *days)
    with open_database(record_of(store, database).place) as opened:
        if out is not None:
            _write(out, trail_csv(opened, of.value, wanted))
            echo(json.dumps({"file": str(out)}) if as_json else f"Written to {out}.")
            return
        page = trail_page(opened, of.value, wanted, limit=limit)
    if as_json:
        echo(json.dumps(page, ensure_ascii=False, indent=1))
        return
    for row in page["rows"]:
        echo(_line_of(row, page["names"]))
    if not page["rows"]:
        echo("No such event is recorded.")
    elif page["next_cursor"] is not None:
        echo(f"The latest {limit:,}; there are more: use a higher --limit, a period, or --out for all.")


@app.command("runs")
def runs(
    day: Annotated[str, typer.Option("--day", help="Only of this day of targeting, YYYY-MM-DD.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many, the latest.")] = 50,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    as_json: JsonOption = False,
) -> None:
    """The recorded runs of `basira target`, the latest first: each can be shown again by `basira replay`."""
    from basira.schema.days import parse_day
    from basira.workflows.stores import open_operations

    wanted = parse_day(day, name="--day").isoformat() if day else None
    with open_operations(record_of(store, database).place) as operations:
        found = operations.find_runs(day=wanted, limit=limit)
    if as_json:
        echo(json.dumps([{**run, "options": json.loads(run["options"])} for run in found], indent=1))
        return
    for run in found:
        echo(
            f"{run['run_id']}  day {run['day']}  made {run['created_at'][:16]}  {run['decision_count']:,} decisions  "
            f"model {run['model_version']}  snapshot {run['snapshot']}"
        )
    if not found:
        echo("No run is recorded; `basira target` makes one.")


@app.command("show")
def show(
    identity: Annotated[str, typer.Argument(metavar="ID", help="Of a decision, an event of a declaration, or a run.")],
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    as_json: JsonOption = False,
) -> None:
    """Print one whole record, as it was hashed, by its id; personal values stay apart. It is JSON, asked for or not."""
    del as_json
    from basira.workflows.records.activity import find_record

    echo(json.dumps(find_record(record_of(store, database).place, identity), ensure_ascii=False, indent=1))


@app.command("verify")
def verify(
    heads: Annotated[
        Path | None, typer.Option("--heads", help="Heads exported earlier: finds a tail that was cut off since.")
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    as_json: JsonOption = False,
) -> None:
    """Compute every hash again, and name each row that was changed, removed, inserted or moved. When the history is on
    this machine, name its changed files too."""
    from basira.cli.history import prove_history, show_history
    from basira.workflows.records.audit import prove
    from basira.workflows.records.history_proof import load_heads

    kept = [] if heads is None else load_heads(heads)
    verified = prove(record_of(store, database), kept=kept)
    history, seconds = prove_history(record_of(store, database), heads, quiet=as_json)
    if as_json:
        found = {} if history is None else {"history": {**asdict(history), "seconds": seconds}}
        is_whole = verified.is_whole and (history is None or history.is_whole)
        echo(json.dumps({"is_whole": is_whole, **asdict(verified), **found}, ensure_ascii=False, indent=1))
    else:
        show_history(history, seconds)
        for fault in verified.faults:
            echo(f"FAULT: {fault}")
    verified.require_whole()
    if history is not None:
        history.require_whole()
    if not as_json:
        echo(
            f"Whole: {verified.events:,} events of declarations decided online; {verified.runs:,} batch runs with "
            f"{verified.decisions:,} decisions; {verified.audit_events:,} changes of access and erasures; "
            f"{verified.personal_values:,} personal values kept, {verified.erased:,} erased."
        )
        compared = f"{verified.heads_compared:,} heads exported earlier still match."
        echo(compared if kept else "Compared with no exported heads: a tail cut off with its heads goes unseen.")


@app.command("heads")
def heads(
    out: Annotated[
        Path, typer.Option("--out", "-o", help="File to write; keep it where this machine can't change it.")
    ],
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    as_json: JsonOption = False,
) -> None:
    """Write the heads of every chain and of the history to a file, for a later `audit verify --heads`."""
    from basira.workflows.records.history_proof import write_heads

    found = write_heads(record_of(store, database), out)
    if as_json:
        echo(json.dumps({"file": str(out), "heads": [asdict(head) for head in found]}, indent=1))
    else:
        echo(f"{len(found):,} heads written to {out}.")


@app.command("clock-error")
def clock_error(
    motive: Annotated[str, typer.Option("--motive", help="Which clock was ahead, and how it is known; it is audited.")],
    by: Annotated[str, typer.Option("--by", help="The author of the explanation, as the audit will name them.")],
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    as_json: JsonOption = False,
) -> None:
    """Record that the rows later than the database's clock come from a clock that was ahead, so that the record
    verifies.

    Changes no row: the rows keep their moments. Set the clock first.
    """
    from basira.workflows.records.audit import explain_clock

    found = explain_clock(record_of(store, database), actor=by, motive=motive, now=datetime.now())
    if as_json:
        echo(json.dumps([asdict(one) for one in found], indent=1))
        return
    for one in found:
        echo(f"{one.count:,} rows of {one.stream}, {one.first} to {one.last}, up to {one.latest}: explained.")
    if not found:
        echo("No row is later than the database's clock: nothing was recorded.")


@app.command("erase")
def erase(
    motive: Annotated[str, typer.Option("--motive", help="Who asked for it, or which rule; it is audited.")],
    by: Annotated[str, typer.Option("--by", help="Who erases, as the audit will name them.")],
    person: Annotated[
        str,
        typer.Option(
            "--person",
            help="The value to erase wherever it occurs as whole words; - asks for it, or reads standard input, so "
            "that no list of processes shows it.",
        ),
    ] = "",
    before: Annotated[str, typer.Option("--before", help="Erase what was recorded before this day, YYYY-MM-DD.")] = "",
    preview: Annotated[bool, typer.Option("--preview", help="Print how many it would be, and erase nothing.")] = False,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    as_json: JsonOption = False,
) -> None:
    """Erase personal values and texts of the online record, for good; the chains stay whole.

    Works in parts, while the service runs. An interrupted erasure is audited, and the same command goes on with it.
    Then `basira history erase` for the history, and `basira audit where` to see which places still name the person.
    """
    from basira.cli.options import ask_person, steps
    from basira.schema.days import parse_exact_day
    from basira.workflows.records.audit import Erasure
    from basira.workflows.records.audit import erase as erase_values

    day = parse_exact_day(before, name="--before") if before else None
    named = ask_person(person) if person else None
    interrupted = "Interrupted. What was erased until then is audited; the same command goes on with the rest."
    with steps("erase", quiet=as_json, interrupted=interrupted) as progress:
        done = erase_values(
            record_of(store, database),
            Erasure(by, motive, person=named, before=day),
            now=datetime.now,
            is_preview=preview,
            progress=progress,
        )
    if preview:
        text = f"{done.count:,} personal values would be erased, {_COUNTED_TOO}. Nothing was erased."
        echo(json.dumps({"erased": 0, "would_be_erased": done.count}) if as_json else text)
        return
    text = f"{done.count:,} personal values erased, {_COUNTED_TOO}."
    if not done.count:
        text = "The online record has no such value: nothing was erased."
    echo(json.dumps({"erased": done.count, "left": done.left}) if as_json else text)
    if not as_json:
        for sentence in done.left:
            echo(f"Left to do: {sentence}")


@app.command("where")
def where(
    also: Annotated[
        list[Path] | None,
        typer.Option("--also", help="Look through this folder or file too: backups, exported lists, logs. Repeatable."),
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    as_json: JsonOption = False,
) -> None:
    """List every place that still holds a person's value, and what to do there: the proof of an erasure.

    Asks for the value, or reads it from the first line of standard input. Changes nothing, and never prints the value.
    Ends with 0 when no place holds it, and with 11 when a place does.
    """
    from basira.cli.options import ask_person, steps
    from basira.workflows.records.where import find_everywhere

    person = ask_person()
    with steps("where", quiet=as_json, interrupted="Interrupted.") as progress:
        found = find_everywhere(record_of(store, database), person, also=also or (), progress=progress)
    if as_json:
        echo(json.dumps(asdict(found), ensure_ascii=False, indent=1))
    else:
        for place in found.places:
            echo(f"{place.count:>8,}  {place.where}\n          {place.advice}")
        for sentence in found.unread:
            echo(f"NOT LOOKED AT: {sentence}")
        if not found.places:
            echo("No place that was searched holds it.")
    if found.places:
        raise typer.Exit(FOUND)


def _line_of(row: TrailRow, names: Mapping[str, str]) -> str:
    who = f"{row['by']} ({names[row['by']]})" if row["by"] in names else row["by"]
    subject = row["subject"]
    if (named := names.get(subject.rpartition("/")[2])) is not None:
        subject = f"{subject} ({named})"
    both = (("before", row["before"]), ("after", row["after"]))
    change = [f"{name} {json.dumps(values, ensure_ascii=False)}" for name, values in both if values is not None]
    why = [] if row["motive"] is None else [f"motive: {row['motive']}"]
    at = [] if row["office"] is None else [f"at {row['office']}"]
    head = f"{row['sequence']:>8}  {row['at'][:19]}  {row['action']}  {subject}"
    return "\n          ".join(["  ".join([head, *at, f"by {who}"]), *change, *why])


def _write(path: Path, parts: Iterator[str]) -> None:
    from basira.render.writing import write_whole

    write_whole(path, (part.encode() for part in parts))
