"""`basira replay`: a recorded run, or an office's online day, replayed and compared.

Enters: a run, or an office and a day. Leaves: whether the results are the same; exit code 9 when not. Never here: a
tolerance.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from basira.cli.db import DatabaseOption, record_of
from basira.cli.ingest import DEFAULT_STORE, JsonOption, StoreOption
from basira.cli.messages import messages, say_number
from basira.cli.options import Language, LanguageOption, MemoryOption, PolicyOption, open_console, open_history, steps
from basira.render.numbers import format_date


def replay(
    run: Annotated[str, typer.Argument(help="Run to replay, as `basira target` named it.")] = "",
    store: StoreOption = DEFAULT_STORE,
    declaration: Annotated[str, typer.Option(help="Compare only this declaration's decision.")] = "",
    office: Annotated[str, typer.Option(help="Instead of a run: an office whose online day is replayed.")] = "",
    day: Annotated[str, typer.Option(help="With --office: its day, YYYY-MM-DD.")] = "",
    policy: PolicyOption = "morocco",
    database: DatabaseOption = "",
    memory: MemoryOption = "2GB",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Make a recorded run again from its snapshot, model, policy and seed, and compare it bit for bit.

    With --office and --day: what the service decided there, from the recorded declarations. Scores are compared where
    the profiles of that night are still kept; what could not be compared is listed.
    """
    from basira.schema.errors import UsageError

    if bool(run) == bool(office) or bool(office) != bool(day):
        raise UsageError(
            "Expected a run, or --office and --day, found both, neither or half.", hint="basira replay RUN"
        )
    if office:
        _replay_online(
            store,
            database,
            policy,
            office=office,
            day=day,
            declaration=declaration,
            language=language.value,
            as_json=as_json,
        )
        return
    from basira.workflows.engine import EngineBounds
    from basira.workflows.targeting.record import replay as repeat

    history = open_history(store)
    with steps("replay", quiet=as_json) as progress:
        report = repeat(
            history, run, declaration_id=declaration or None, engine=EngineBounds(memory=memory), progress=progress
        )
    if as_json:
        differences = [
            {
                "declaration_id": d.declaration_id,
                "field": d.field,
                "recorded": str(d.recorded),
                "replayed": str(d.replayed),
            }
            for d in report.differences
        ]
        typer.echo(
            json.dumps(
                {
                    "run_id": run,
                    "is_same": report.is_same,
                    "checked": report.checked,
                    "differences": differences,
                    "missing": report.missing,
                    "unexpected": report.unexpected,
                },
                ensure_ascii=False,
                indent=1,
            )
        )
    report.require_same()
    if not as_json:
        said, number = messages(language.value), say_number(report.checked, language.value)
        same = said.say_count("replay.same", report.checked, run=run, n=number)
        open_console().print(same, markup=False, soft_wrap=True)


def _replay_online(
    store: Path, database: str, policy: str, *, office: str, day: str, declaration: str, language: str, as_json: bool
) -> None:
    from basira.schema.days import parse_day
    from basira.selection.policy.load import find_policy
    from basira.serving.replay import open_record, replay_online
    from basira.workflows.stores import open_database

    root = open_history(store).root
    with open_database(record_of(store, database).place) as opened:
        service = open_record(root, opened, find_policy(policy))
        on = parse_day(day, name="--day")
        report = replay_online(service, root, office, on, declaration_id=declaration or None)
    if as_json:
        differences = [
            {
                "declaration_id": d.declaration_id,
                "field": d.field,
                "recorded": str(d.recorded),
                "replayed": str(d.replayed),
            }
            for d in report.differences
        ]
        body = {
            "office": office,
            "day": day,
            "is_same": report.is_same,
            "lanes": report.lanes,
            "scores": report.scores,
            "is_state_same": report.is_state_same,
            "differences": differences,
            "missing": report.missing,
        }
        typer.echo(json.dumps(body, ensure_ascii=False, indent=1))
    report.require_same()
    if as_json:
        return
    console = open_console()
    said = messages(language)
    same = said.say(
        "replay.online",
        office=office,
        day=format_date(on, language=language),
        lanes=say_number(report.lanes, language),
        scores=say_number(report.scores, language),
    )
    console.print(same, markup=False, soft_wrap=True)
    for what, count in report.missing.items():
        missing = said.say("replay.not_compared", n=say_number(count, language), what=what)
        console.print(missing, markup=False, soft_wrap=True)
