"""`basira target`: a day's declarations into lanes, with reasons, recorded.

Enters: options. Leaves: the list on the screen and in files, and a recorded run. Never here: a choice.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from basira.cli.day import ask_again, show_changes, show_previous_results
from basira.cli.ingest import DEFAULT_STORE, JsonOption, StoreOption
from basira.cli.messages import messages, say_number
from basira.cli.next_command import next_command
from basira.cli.options import (
    Language,
    LanguageOption,
    LiveModelOption,
    MemoryOption,
    PolicyOption,
    open_console,
    open_history,
    steps,
)
from basira.render.shown import echo
from basira.schema.days import parse_day
from basira.schema.errors import UsageError

if TYPE_CHECKING:
    from basira.workflows.models.shadow import Shadowed


class Readers(StrEnum):
    """Who reads a list."""

    unit = "unit"
    inspector = "inspector"


_WRITERS = {".csv": "write_csv", ".xlsx": "write_xlsx", ".html": "write_html"}


def target(
    day: Annotated[str, typer.Option("--day", help="Day whose declarations are targeted, YYYY-MM-DD.")],
    store: StoreOption = DEFAULT_STORE,
    policy: PolicyOption = "morocco",
    as_of: Annotated[
        str, typer.Option("--as-of", help="Last day whose facts may be used; the day before --day by default.")
    ] = "",
    office: Annotated[str, typer.Option(help="Only this office's declarations.")] = "",
    any_office: Annotated[
        bool, typer.Option("--any-office", help="Accept every code as an office, without the policy's list.")
    ] = False,
    out: Annotated[
        list[Path] | None,
        typer.Option("--out", "-o", help="Also write the list: .csv, .xlsx or .html; may be repeated."),
    ] = None,
    for_reader: Annotated[
        Readers, typer.Option("--for", help="Who reads the list: unit (everything) or inspector (decision 0013).")
    ] = Readers.unit,
    by_office: Annotated[
        bool, typer.Option("--by-office", help="Write one file an office: list.html gives list-OFFICE.html.")
    ] = False,
    language: LanguageOption = Language.fr,
    model: LiveModelOption = "",
    seed: Annotated[
        int | None,
        typer.Option(
            min=0, help="Seed of the random control; by default the day's own: previews and runs draw the same."
        ),
    ] = None,
    most: Annotated[int, typer.Option(min=1, help="Declarations shown per office on the screen.")] = 10,
    database: Annotated[
        str,
        typer.Option(
            "--database",
            envvar="BASIRA_DATABASE",
            help="URL of the database whose live model and rules of analysts hold; by default the store's own, "
            "where runs are kept.",
        ),
    ] = "",
    preview: Annotated[bool, typer.Option("--preview", help="Show the list without recording any decision.")] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Record a further run of a day that has one, without asking.")
    ] = False,
    memory: MemoryOption = "2GB",
    as_json: JsonOption = False,
) -> None:
    """Put a day's declarations in lanes under each office's capacity, give the reasons, and record every decision.

    Example: basira target --day 2024-01-22 --out list.html --out list.xlsx --by-office --for inspector

    First come the results of the last list. A second run of a day shows what it changes, and asks before it records.
    """
    from basira.explain.inspection_list import files as inspection_list
    from basira.explain.inspection_list.terminal import terminal_list
    from basira.selection.policy.load import find_policy, load_policy
    from basira.serving.admissible import folded_office
    from basira.workflows.engine import EngineBounds
    from basira.workflows.intake.register import with_names
    from basira.workflows.models.shadow import try_shadows
    from basira.workflows.models.stages import adopt_models, live_model
    from basira.workflows.stores import operations_of
    from basira.workflows.targeting.earlier import find_earlier_run, previous_results, seed_of_day
    from basira.workflows.targeting.record import record, rules_of
    from basira.workflows.targeting.score import choose_model
    from basira.workflows.targeting.target import order_day
    from basira.workflows.targeting.target import target as choose

    on = parse_day(day, name="--day")
    known = parse_day(as_of, name="--as-of") if as_of else None
    for path in out or []:
        if path.suffix not in _WRITERS:
            raise UsageError(
                "--out: expected .csv, .xlsx or .html, found {file!r}.",
                hint="Give one of these endings.",
                file=path.name,
            )
    history = open_history(store)
    order = order_day(
        on,
        as_of=known,
        # An order of days that can't be is rejected before a seed is kept for one.
        seed=0 if seed is None else seed,
        office=folded_office(office) or None,
        any_office=any_office,
        rules=rules_of(history, on, database),
    )
    place = database or operations_of(history)
    rules = load_policy(find_policy(policy), on)
    order = order if seed is not None else replace(order, seed=seed_of_day(history, on))
    if preview and model:  # what is not recorded decides nothing: any model may be looked at
        chosen = choose_model(history, as_of=order.as_of, version=model)
    else:
        chosen = live_model(history, place, as_of=order.as_of, version=model)
    with steps("target", quiet=as_json) as progress:
        found = choose(
            history,
            order,
            model=chosen,
            policy=rules,
            now=datetime.now(),
            language=language.value,
            engine=EngineBounds(memory=memory),
            progress=progress,
        )
    found = replace(found, listing=with_names(found.listing, history))
    lanes = {lane.id: lane.label.text(language.value) for lane in rules.lanes}
    console, said = open_console(), messages(language.value)
    before, earlier = previous_results(history, order), find_earlier_run(history, found)
    if before is not None and not as_json:
        show_previous_results(console, before, language=language.value, store=store)
    if earlier is not None and not preview and not again:
        changes_to = open_console(stderr=True)
        show_changes(changes_to, earlier, on, language=language.value, lane_names=lanes)
        if as_json or not sys.stdin.isatty():
            raise UsageError(
                "Expected a first run of {on}, found run {run_id} recorded already. Nothing was recorded.",
                hint="Repeat the command with --again to record one more, or with --preview to look only.",
                on=on,
                run_id=earlier.run_id,
            )
        if not ask_again(language.value):
            changes_to.print(said.say("again.kept", run=earlier.run_id), markup=False, soft_wrap=True)
            return
    tried: list[Shadowed] = []
    if not preview:
        adopt_models(history, place, now=found.run.created_at)
        record(history, found)
        with steps("target", quiet=as_json, interrupted=said.say("target.shadow_stopped")) as progress:
            tried = try_shadows(
                history, place, found.run, order, rules, engine=EngineBounds(memory=memory), progress=progress
            )
    written = []
    for path in out or []:
        parts = inspection_list.files_by_office(found.listing, path) if by_office else {path: found.listing}
        for place, part in parts.items():
            extra = {"software": found.run.software_version} if path.suffix == ".html" else {}
            getattr(inspection_list, _WRITERS[path.suffix])(
                part, place, language=language.value, lane_names=lanes, reader=for_reader.value, **extra
            )
            written.append(place)
    if as_json:
        # A preview has no run to explain or replay.
        body = {
            **asdict(found.listing),
            "run_id": None if preview else found.run.run_id,
            "seed": order.seed,
            "previous_results": None if before is None else asdict(before),
            "earlier_run": None if earlier is None else asdict(earlier),
        }
        echo(json.dumps(body, ensure_ascii=False, indent=1, default=str))
        return
    for shown in terminal_list(
        found.listing, language=language.value, lane_names=lanes, most=most, reader=for_reader.value
    ):
        console.print(shown)
    if preview:
        if earlier is not None:
            show_changes(console, earlier, on, language=language.value, lane_names=lanes)
        # With all that decides which list it is, so that the command records what was shown.
        words = (
            *("target", "--day", on),
            *(("--as-of", known) if known is not None else ()),
            *(("--office", order.office) if order.office else ()),
            *(("--any-office",) if any_office else ()),
            *(("--seed", seed) if seed is not None else ()),
            *("--policy", policy),
        )
        line = said.say("target.preview", command=next_command(*words, store=store))
    else:
        count = len(found.decisions)
        line = said.say_count(
            "target.recorded",
            count,
            run=found.run.run_id,
            n=say_number(count, language.value),
            command=next_command("replay", found.run.run_id, store=store),
        )
    console.print(line, markup=False, soft_wrap=True)
    for one in tried:
        line = (
            said.say("target.shadow_fault", model=one.version, fault=one.fault)
            if one.path is None
            else said.say("target.shadow", model=one.version)
        )
        console.print(line, markup=False, soft_wrap=True)
    for path in written:
        console.print(said.say("written", path=str(path)), markup=False, soft_wrap=True)
