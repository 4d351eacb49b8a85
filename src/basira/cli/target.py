"""`basira target`: a day's declarations into lanes, with reasons, recorded.

Enters: options. Leaves: the list on the screen and in files, and a recorded run. Never here: a choice.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from basira.cli.ingest import DEFAULT_STORE, JsonOption, StoreOption
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
        int | None, typer.Option(min=0, help="Seed of the random control; drawn afresh, and recorded, by default.")
    ] = None,
    most: Annotated[int, typer.Option(min=1, help="Declarations shown per office on the screen.")] = 10,
    preview: Annotated[bool, typer.Option("--preview", help="Show the list without recording any decision.")] = False,
    memory: MemoryOption = "2GB",
    as_json: JsonOption = False,
) -> None:
    """Put a day's declarations in lanes under each office's capacity, give the reasons, and record every decision.

    Example: basira target --day 2024-01-22 --out list.html --out list.xlsx --by-office --for inspector
    """
    from basira.explain.inspection_list import files as inspection_list
    from basira.explain.inspection_list.terminal import terminal_list
    from basira.selection.policy.load import find_policy, load_policy
    from basira.serving.admissible import folded_office
    from basira.workflows.engine import EngineBounds
    from basira.workflows.models.shadow import try_shadows
    from basira.workflows.models.stages import live_model
    from basira.workflows.stores import operations_of
    from basira.workflows.targeting.record import record
    from basira.workflows.targeting.score import choose_model
    from basira.workflows.targeting.target import order_day
    from basira.workflows.targeting.target import target as choose

    on = parse_day(day, name="--day")
    order = order_day(
        on,
        as_of=parse_day(as_of, name="--as-of") if as_of else None,
        seed=seed,
        office=folded_office(office) or None,
        any_office=any_office,
    )
    for path in out or []:
        if path.suffix not in _WRITERS:
            raise UsageError(
                f"--out: expected .csv, .xlsx or .html, found {path.name!r}.", hint="Give one of these endings."
            )
    history = open_history(store)
    rules = load_policy(find_policy(policy), on)
    if preview and model:  # what is not recorded decides nothing: any model may be looked at
        chosen = choose_model(history, as_of=order.as_of, version=model)
    else:
        chosen = live_model(history, operations_of(history), as_of=order.as_of, version=model)
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
    tried: list[Shadowed] = []
    if not preview:
        record(history, found)
        with steps("target", quiet=as_json, interrupted="Interrupted. The run was recorded already.") as progress:
            tried = try_shadows(
                history,
                operations_of(history),
                found.run,
                order,
                rules,
                engine=EngineBounds(memory=memory),
                progress=progress,
            )
    lanes = {lane.id: lane.label.text(language.value) for lane in rules.lanes}
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
        body = {**asdict(found.listing), "run_id": None if preview else found.run.run_id, "seed": order.seed}
        echo(json.dumps(body, ensure_ascii=False, indent=1))
        return
    console = open_console()
    for shown in terminal_list(
        found.listing, language=language.value, lane_names=lanes, most=most, reader=for_reader.value
    ):
        console.print(shown)
    if preview:
        console.print("Preview: nothing was recorded.")
    else:
        console.print(
            f"Run {found.run.run_id} recorded: {len(found.decisions):,} decisions. "
            f"Again, the same: {next_command('replay', found.run.run_id, store=store)}",
            markup=False,
            soft_wrap=True,
        )
    for one in tried:
        said = f"tried beside it: {one.path}" if one.path else f"could not be tried: {one.fault}"
        console.print(f"Shadow {one.version} {said}", markup=False, soft_wrap=True)
    for path in written:
        console.print(f"Written: {path}", markup=False, soft_wrap=True)
