"""`basira audit`: the record read, proved, its heads exported, personal data erased.

Enters: a store or a database's URL. Leaves: who did what; which parts are whole, exit code 5 when one is not. Never
here: the proof itself (`storage.record.verify`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from basira.cli.db import DatabaseOption, record_of
from basira.cli.ingest import DEFAULT_STORE, JsonOption, StoreOption
from basira.cli.messages import messages, say_number
from basira.cli.options import Language, LanguageOption
from basira.render.numbers import format_date
from basira.render.shown import echo, say_line

if TYPE_CHECKING:
    from basira.workflows.records.activity import TrailRow

app = typer.Typer(
    no_args_is_help=True, help="The audit: read the record, prove it, export its heads, erase personal data."
)


# The search is complete, and found the value.
FOUND = 11


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
    language: LanguageOption = Language.fr,
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
    said = messages(language.value)
    with open_database(record_of(store, database).place) as opened:
        if out is not None:
            _write(out, trail_csv(opened, of.value, wanted))
            if as_json:
                echo(json.dumps({"file": str(out)}))
            else:
                say_line(said.say("written", path=str(out)))
            return
        page = trail_page(opened, of.value, wanted, limit=limit)
    if as_json:
        echo(json.dumps(page, ensure_ascii=False, indent=1))
        return
    for row in page["rows"]:
        say_lines(_lines_of(row, page["names"], language.value))
    if not page["rows"]:
        say_line(said.say("audit.none"))
    elif page["next_cursor"] is not None:
        say_line(said.say("audit.more", n=say_number(limit, language.value)))


@app.command("runs")
def runs(
    day: Annotated[str, typer.Option("--day", help="Only of this day of targeting, YYYY-MM-DD.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many, the latest.")] = 50,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
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
    said = messages(language.value)
    for run in found:
        line = said.say(
            "audit.run",
            run=run["run_id"],
            day=format_date(run["day"], language=language.value),
            at=run["created_at"][:16].replace("T", " "),
            n=say_number(run["decision_count"], language.value),
            model=run["model_version"],
            snapshot=str(run["snapshot"]),
        )
        say_line(line)
    if not found:
        say_line(said.say("audit.no_run"))


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
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Compute every hash again, and name each row that was changed, removed, inserted or moved. When the history is on
    this machine, name its changed files too."""
    from basira.cli.history import prove_history, show_history
    from basira.workflows.records.audit import prove
    from basira.workflows.records.history_proof import load_heads

    said = messages(language.value)
    kept = [] if heads is None else load_heads(heads)
    verified = prove(record_of(store, database), kept=kept)
    history, seconds = prove_history(record_of(store, database), heads, quiet=as_json)
    if as_json:
        found = {} if history is None else {"history": {**asdict(history), "seconds": seconds}}
        is_whole = verified.is_whole and (history is None or history.is_whole)
        echo(json.dumps({"is_whole": is_whole, **asdict(verified), **found}, ensure_ascii=False, indent=1))
    else:
        show_history(history, seconds, language.value)
        for fault in verified.faults:
            say_line(said.say("fault", fault=fault))
    verified.require_whole()
    if history is not None:
        history.require_whole()
    if not as_json:
        counts = {
            "events": verified.events,
            "runs": verified.runs,
            "decisions": verified.decisions,
            "audit": verified.audit_events,
            "kept": verified.personal_values,
            "erased": verified.erased,
        }
        shown = {name: say_number(count, language.value) for name, count in counts.items()}
        say_line(said.say("audit.whole", **shown))
        number = say_number(verified.heads_compared, language.value)
        say_line(
            said.say_count("audit.heads_match", verified.heads_compared, n=number)
            if kept
            else said.say("audit.no_heads")
        )


@app.command("heads")
def heads(
    out: Annotated[
        Path, typer.Option("--out", "-o", help="File to write; keep it where this machine can't change it.")
    ],
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Write the heads of every chain and of the history to a file, for a later `audit verify --heads`."""
    from basira.workflows.records.history_proof import write_heads

    found = write_heads(record_of(store, database), out)
    if as_json:
        echo(json.dumps({"file": str(out), "heads": [asdict(head) for head in found]}, indent=1))
    else:
        said, number = messages(language.value), say_number(len(found), language.value)
        say_line(said.say_count("audit.heads_written", len(found), n=number, path=str(out)))


@app.command("clock-error")
def clock_error(
    motive: Annotated[str, typer.Option("--motive", help="Which clock was ahead, and how it is known; it is audited.")],
    by: Annotated[str, typer.Option("--by", help="The author of the explanation, as the audit will name them.")],
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
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
    said = messages(language.value)
    for one in found:
        line = said.say(
            "audit.clock",
            stream=one.stream,
            first=str(one.first),
            last=str(one.last),
            n=say_number(one.count, language.value),
            latest=one.latest,
        )
        say_line(line)
    if not found:
        say_line(said.say("audit.no_clock"))


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
    language: LanguageOption = Language.fr,
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
    said = messages(language.value)
    interrupted = said.say("interrupted.erasing")
    with steps("erase", quiet=as_json, interrupted=interrupted) as progress:
        done = erase_values(
            record_of(store, database),
            Erasure(by, motive, person=named, before=day),
            now=datetime.now,
            is_preview=preview,
            progress=progress,
        )
    number = say_number(done.count, language.value)
    if as_json:
        counts = {"erased": 0, "would_be_erased": done.count}
        echo(json.dumps(counts if preview else {"erased": done.count, "left": done.left}))
    elif preview:
        say_line(said.say_count("audit.would_erase", done.count, n=number))
    else:
        say_line(
            said.say_count("audit.erased", done.count, n=number) if done.count else said.say("audit.nothing_erased")
        )
        for sentence in done.left:
            say_line(said.say("left_to_do", what=sentence))


@app.command("where")
def where(
    also: Annotated[
        list[Path] | None,
        typer.Option("--also", help="Look through this folder or file too: backups, exported lists, logs. Repeatable."),
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """List every place that still holds a person's value, and what to do there: the proof of an erasure.

    Asks for the value, or reads it from the first line of standard input. Changes nothing, and never prints the value.
    Ends with 0 when no place holds it, and with 11 when a place does.
    """
    from basira.cli.options import ask_person, steps
    from basira.workflows.records.where import find_everywhere

    person, said = ask_person(), messages(language.value)
    with steps("where", quiet=as_json, interrupted=said.say("interrupted.plain")) as progress:
        found = find_everywhere(record_of(store, database), person, also=also or (), progress=progress)
    if as_json:
        echo(json.dumps(asdict(found), ensure_ascii=False, indent=1))
    else:
        for place in found.places:
            say_line(f"{say_number(place.count, language.value):>8}  {place.where}")
            say_line(f"          {place.advice}")
        for sentence in found.unread:
            say_line(said.say("audit.unread", what=sentence))
        if not found.places:
            say_line(said.say("audit.nowhere"))
    if found.places:
        raise typer.Exit(FOUND)


def say_lines(lines: Iterable[str]) -> None:
    for line in lines:
        say_line(line)


def _lines_of(row: TrailRow, names: Mapping[str, str], language: str) -> list[str]:
    said = messages(language)
    who = f"{row['by']} ({names[row['by']]})" if row["by"] in names else row["by"]
    subject = row["subject"]
    if (named := names.get(subject.rpartition("/")[2])) is not None:
        subject = f"{subject} ({named})"
    change = []
    if row["before"] is not None:
        change.append(said.say("audit.before", values=json.dumps(row["before"], ensure_ascii=False)))
    if row["after"] is not None:
        change.append(said.say("audit.after", values=json.dumps(row["after"], ensure_ascii=False)))
    why = [] if row["motive"] is None else [said.say("audit.motive", motive=row["motive"])]
    at = [] if row["office"] is None else [said.say("audit.at", office=row["office"])]
    head = f"{row['sequence']:>8}  {row['at'][:19]}  {row['action']}  {subject}"
    return ["  ".join([head, *at, said.say("audit.by", who=who)]), *(f"          {line}" for line in (*change, *why))]


def _write(path: Path, parts: Iterator[str]) -> None:
    from basira.render.writing import write_whole

    write_whole(path, (part.encode() for part in parts))
