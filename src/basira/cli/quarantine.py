"""`basira quarantine`: the rejected rows of files and the declarations that the service rejected.

Enters: options. Leaves: lines, a workbook or a CSV file, reports. Never here: a row of a file deleted.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from basira.cli.db import DatabaseOption
from basira.cli.ingest import DEFAULT_STORE, JsonOption, StoreOption, WaitOption, reading_progress, show_reports
from basira.cli.keys import ByOption
from basira.cli.messages import messages, say_number, say_reason
from basira.cli.next_command import next_command
from basira.cli.options import Language, LanguageOption
from basira.render.shown import echo, say_line

if TYPE_CHECKING:
    from basira.serving.views.answers import RejectedPage

    class _Online(RejectedPage):
        limits_reached: list[str]


app = typer.Typer(no_args_is_help=True, help="Rejected rows: list them, correct them, send them again.")

CodeOption = Annotated[str | None, typer.Option("--code", help="Only rows rejected for this reason.")]
FileOption = Annotated[str | None, typer.Option("--file", help="Only rows of this file.")]


@app.command("list")
def list_rows(
    code: CodeOption = None,
    file_name: FileOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many rows.")] = 50,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Show rejected rows with the reason, the value found and what was expected; after them, the declarations that the
    service rejected and has not taken since."""
    from basira.workflows.intake.quarantine import count_quarantine, list_quarantine
    from basira.workflows.stores import open_store

    history = open_store(store)
    rows = list_quarantine(history, code=code, file_name=file_name, limit=limit)
    counts = count_quarantine(history)
    online = None if file_name else _online(store, database, code=code, limit=limit)
    if as_json:
        body = {
            "total": sum(counts.values()),
            "counts": [{"file_name": name, "code": reason, "rows": count} for (name, reason), count in counts.items()],
            "rows": [asdict(row) for row in rows],
            "online": online,
        }
        typer.echo(_json(body))
        return
    if online:
        _show_online(online, language.value)
    said = messages(language.value)
    if not rows:
        say_line(said.say("quarantine.none"))
        return
    for row in rows:
        why = f"{row.field or '-'}: {say_reason(row.code, language.value)}"
        value = repr(_printable(row.value or ""))
        found = said.say("quarantine.found", value=value) if row.value else said.say("quarantine.found_nothing")
        expected = said.say("quarantine.expected", expected=row.expected)
        place = said.say("quarantine.row", row=str(row.source_row))
        _line(row.quarantine_id, row.file_name, place, why, found, expected)
    for (name, reason), count in counts.items():
        say_line(
            said.say(
                "take_in.reason",
                file=_printable(name),
                n=say_number(count, language.value),
                reason=say_reason(reason, language.value),
            )
        )
    total = say_number(sum(counts.values()), language.value)
    say_line(said.say("quarantine.shown", n=say_number(len(rows), language.value), total=total))


def _online(store: Path, database: str, *, code: str | None, limit: int) -> _Online | None:
    """What the service rejected; None where there is no operational database."""
    from basira.app import quota_of_environment
    from basira.cli.db import record_of
    from basira.serving.views.rejected import list_reached_limits, rejected_page
    from basira.workflows.stores import open_database

    quota = quota_of_environment()
    place = record_of(store, database).place
    if not database and not Path(place).is_file():
        return None
    with open_database(place) as opened:
        page = rejected_page(opened, code=code, limit=limit)
        return {**page, "limits_reached": list_reached_limits(opened, quota, now=datetime.now())}


def _show_online(online: _Online, language: str) -> None:
    for line in online["limits_reached"]:
        typer.echo(line)
    if not online["total"]:
        return
    said = messages(language)
    for row in online["rows"]:
        reasons = ", ".join(
            f"{fault['field'] or '-'}: {say_reason(fault['code'], language)}" for fault in row["faults"]
        )
        sent = said.say("quarantine.sent", n=say_number(row["times"], language), at=row["last_at"][:16])
        number = row["declaration_id"] or said.say("quarantine.no_number")
        _line(row["quarantine_id"], number, said.say("quarantine.by", client=row["client"]), sent, reasons)
    shown = say_number(len(online["rows"]), language)
    say_line(said.say("quarantine.online", n=shown, total=say_number(online["total"], language)))


def _line(quarantine_id: str, *cells: str) -> None:
    """The id first and whole: `show` and `retry` are given it."""
    say_line("  ".join((quarantine_id, *(_printable(cell) for cell in cells))))


@app.command("show")
def show(
    quarantine_id: Annotated[str, typer.Argument(help="Of a declaration that the service rejected, q-...")],
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    as_json: JsonOption = False,
) -> None:
    """Print a declaration that the service rejected, as it was sent, with its faults: correct it and send it again.

    It is JSON, asked for or not.
    """
    del as_json
    from basira.cli.db import record_of
    from basira.serving.views.rejected import rejected_declaration
    from basira.workflows.stores import open_database

    with open_database(record_of(store, database).place) as opened:
        found = rejected_declaration(opened, quarantine_id)
    typer.echo(_json(found))


@app.command()
def expire(
    by: ByOption,
    days: Annotated[
        int | None,
        typer.Option("--days", min=0, help="Not sent again for so many days; BASIRA_QUARANTINE_DAYS (90) by default."),
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Erase the declarations that the service rejected and that were not sent again for a while; rows of files stay.

    Run it every night. The audit names each of them, and never its content.
    """
    from basira.app import quota_of_environment
    from basira.cli.db import record_of
    from basira.serving.views.rejected import expire_rejected
    from basira.workflows.stores import open_database

    if days is None:
        days = quota_of_environment().days
    place = record_of(store, database).place
    if not database and not Path(place).is_file():
        count = 0  # no service ever served from this store
    else:
        with open_database(place) as opened:
            count = expire_rejected(opened, days=days, actor=by, now=datetime.now)
    if as_json:
        typer.echo(json.dumps({"erased": count}))
    else:
        said, number = messages(language.value), say_number(count, language.value)
        say_line(said.say_count("quarantine.erased", count, n=number, days=str(days)))


def _json(content: Mapping[str, object]) -> str:
    """Indented JSON, in which every unprintable character is escaped: it must not move a terminal's cursor."""
    text = json.dumps(content, ensure_ascii=False, indent=1, default=str)
    return "".join(sign if sign.isprintable() or sign == "\n" else json.dumps(sign)[1:-1] for sign in text)


def _printable(cell: str) -> str:
    """A cell's beginning, without the characters that would move a terminal's cursor."""
    return "".join(sign if sign.isprintable() else " " for sign in cell[:80])


@app.command()
def export(
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write: .xlsx with text cells, or CSV.")],
    code: CodeOption = None,
    file_name: FileOption = None,
    store: StoreOption = DEFAULT_STORE,
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Write rejected rows to a workbook or a CSV file: correct the source's columns, then `retry --corrected`.

    In a workbook every cell is text: a spreadsheet damages no code, date or long number.
    """
    from basira.workflows.intake.quarantine import export_quarantine
    from basira.workflows.stores import open_store

    count = export_quarantine(open_store(store), out, code=code, file_name=file_name)
    if as_json:
        echo(json.dumps({"rows": count, "file": str(out)}))
    else:
        retry_them = next_command("quarantine", "retry", "--corrected", out, store=store)
        said, number = messages(language.value), say_number(count, language.value)
        say_line(said.say_count("quarantine.written", count, n=number, path=str(out), command=retry_them))


@app.command()
def retry(
    corrected: Annotated[
        Path | None,
        typer.Option("--corrected", help="A corrected file of 'quarantine export'; only its rows are sent."),
    ] = None,
    mapping: Annotated[
        str | None, typer.Option("--mapping", "-m", help="A better mapping than the one the rows were read by.")
    ] = None,
    ids: Annotated[list[str] | None, typer.Option("--id", help="Only this row; may be repeated.")] = None,
    allow_new_identifiers: Annotated[
        bool,
        typer.Option("--allow-new-identifiers", help="Corrections may change a declaration's number or an item's."),
    ] = False,
    store: StoreOption = DEFAULT_STORE,
    wait: WaitOption = 30.0,
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Send rejected rows again: as they are (a declaration came in meanwhile), corrected, or with a better mapping.

    A correction that changes the number of a declaration or an item needs a confirmation; without a terminal to ask
    (--json, a script), nothing is stored without --allow-new-identifiers.
    """
    from basira.ingest.mapping.model import load_mapping
    from basira.render.error_texts import say_phrase
    from basira.workflows.intake.quarantine import Corrections, find_changed_identifiers, retry_quarantine
    from basira.workflows.stores import open_store

    chosen = None if mapping is None else load_mapping(mapping)
    history = open_store(store)
    if corrected is not None and not allow_new_identifiers and not as_json and sys.stdin.isatty():
        changes = find_changed_identifiers(history, corrected, mapping=chosen)
        for change in changes:
            say_line(say_phrase(change.phrase, language.value))
        said, number = messages(language.value), say_number(len(changes), language.value)
        question = said.say_count("quarantine.ask", len(changes), n=number)
        allow_new_identifiers = bool(changes) and typer.confirm(question)
    with reading_progress(quiet=as_json) as progress:
        report = retry_quarantine(
            history,
            received_at=datetime.now().replace(microsecond=0),
            corrections=None if corrected is None else Corrections(corrected, allow_new_identifiers),
            mapping=chosen,
            ids=ids or None,
            progress=progress,
            wait_seconds=wait,
        )
    show_reports(
        report.files,
        snapshot=report.snapshot,
        store=store,
        as_json=as_json,
        language=language.value,
        left=report.left,
        new_identifiers=report.new_identifiers,
    )
    if not as_json:
        number = say_number(report.left, language.value)
        say_line(messages(language.value).say_count("quarantine.left", report.left, n=number))
