"""`basira rules migrate`: criteria of another clearance system as files of rules, with a report of what was left.

Enters: a file of criteria. Leaves: files of JSON for `basira rules import`, the report. Never here: a rule on record.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from basira.cli.ingest import JsonOption
from basira.cli.lists import faults_in
from basira.cli.messages import messages, say_number
from basira.cli.options import Language, LanguageOption
from basira.render.shown import echo, say_line

if TYPE_CHECKING:
    from basira.rules.migration.carry import Migration


def migrate(
    file: Annotated[Path, typer.Argument(help="Criteria: CSV, or a text with one a line.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the rules, a file of JSON each.")],
    lane: Annotated[
        list[str] | None,
        typer.Option("--lane", help="Theirs and ours, such as Red=rouge_integral; repeatable. Others are left."),
    ] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=366, help="How long a rule holds without an end.")] = 180,
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Carry criteria over to rules, each whole or not at all, and report what was left and why.

    `ID: If HS code = 8517* And Origin in (CN, HK) Then Lane IS Red 50 %`; or a CSV with a column for each field, and
    `lane`. Nothing is recorded: look at the files, then `basira rules import`.
    """
    from basira.render.writing import write_whole
    from basira.rules.json_form import write_rule
    from basira.rules.migration.carry import carry_over
    from basira.rules.migration.criteria import read_table, read_text
    from basira.rules.names import fold_name
    from basira.schema.errors import SourceError, UsageError
    from basira.workflows.rules.vocabulary import make_vocabulary

    lanes: dict[str, str] = {}
    for pair in lane or ():
        theirs, sign, ours = pair.partition("=")
        if not (sign and theirs.strip() and ours.strip()):
            raise UsageError(
                "Expected --lane THEIRS=OURS, found {pair!r}.",
                hint="For example --lane Red=rouge.",
                pair=pair,
            )
        lanes[fold_name(theirs)] = ours.strip()
    try:
        content = file.read_bytes()
        text = "" if file.suffix.lower() == ".csv" else content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(
            "Expected a file in UTF-8 at {file!r}, found none that can be read.",
            hint="Name another file.",
            file=str(file),
        ) from error
    with faults_in(language):
        criteria = read_table(content) if file.suffix.lower() == ".csv" else read_text(text)
        found = carry_over(criteria, make_vocabulary(), lanes=lanes, today=datetime.now().date(), days=days)
    for one in found.carried:
        written = json.dumps(write_rule(one.rule), ensure_ascii=False, indent=1)
        write_whole(out / f"{one.rule.rule_id}.json", f"{written}\n".encode())
    _report(found, language, as_json)


def _report(found: Migration, language: Language, as_json: bool) -> None:
    from basira.rules.faults import say_fault
    from basira.rules.migration.carry import say_note

    if as_json:
        carried = [
            {"line": c.line, "rule_id": c.rule.rule_id, "notes": [say_note(note, language.value) for note in c.notes]}
            for c in found.carried
        ]
        behind = [(x.line, x.criterion_id, x.fault.reason, say_fault(x.fault, language.value)) for x in found.left]
        keys = ("line", "id", "reason", "words")
        values = {"carried": carried, "left": [dict(zip(keys, one, strict=True)) for one in behind]}
        echo(json.dumps(values, ensure_ascii=False, indent=1))
        return
    for one in found.carried:
        say_line(f"{one.line}  {one.rule.rule_id}")
        for note in one.notes:
            say_line(f"     {say_note(note, language.value)}")
    for left in found.left:
        say_line(f"{left.line}  ✗ {left.criterion_id}  {say_fault(left.fault, language.value)}")
    said = messages(language.value)
    for message, count in (("rules.carried", len(found.carried)), ("rules.left", len(found.left))):
        say_line(said.say_count(message, count, n=say_number(count, language.value)))
