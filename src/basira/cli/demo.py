"""`basira demo`: the whole walk on a simulated administration, in one command.

Enters: a folder. Leaves: the world, the store, the list, the report; and what to do next. Never here:
a step of its own.
"""

from __future__ import annotations

import json
import shutil
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from basira.cli.evaluate import metrics_table
from basira.cli.ingest import JsonOption
from basira.cli.messages import messages, say_number
from basira.cli.next_command import next_command
from basira.cli.options import Language, LanguageOption, SeedOption, open_console, steps
from basira.render.shown import echo
from basira.schema.errors import UsageError

if TYPE_CHECKING:
    from basira.workflows.demo import Step


def demo(
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder to make; a folder that a demo made before is replaced.")
    ] = Path("demo"),
    seed: SeedOption = 1,
    language: LanguageOption = Language.fr,
    online: Annotated[
        bool,
        typer.Option(
            "--online",
            help="Instead: the country up to today, today's declarations decided, and a person for each role, for "
            "`basira serve` and its pages.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a simulated administration, learn from its inspections, target its next day, show how good it is."""
    from basira.explain.inspection_list.terminal import terminal_list
    from basira.render.numbers import format_percent
    from basira.workflows.demo import MARK, POLICY, demonstrate

    said = messages(language.value)
    if out.exists():
        if not (out / MARK).is_file():
            raise UsageError(
                "--out: expected a folder that does not exist, or one made by a demo, found {out!r}.",
                hint="Choose another with --out.",
                out=str(out),
            )
        shutil.rmtree(out)

    def step(title: str) -> AbstractContextManager[Any]:
        # What a step is called where it is taken; in the catalog under the same name.
        shown = said.say(f"demo.step.{title}") if said.has(f"demo.step.{title}") else title
        if not as_json:
            open_console(stderr=True).print(f"• {shown} …", style="dim", markup=False)
        return steps(shown, quiet=as_json)

    if online:
        _prepare_online(out, language, seed=seed, step=step, as_json=as_json)
        return
    made = demonstrate(out, seed=seed, now=datetime.now(), language=language.value, step=step)
    metrics = made.evaluation.metrics
    if as_json:
        body = {
            "out": str(out),
            "run_id": made.targeted.run.run_id,
            "metrics": metrics,
            "files": [str(f) for f in made.files],
        }
        echo(json.dumps(body, ensure_ascii=False, indent=1))
        return
    console = open_console()
    lanes = {lane.id: lane.label.text(language.value) for lane in made.policy.lanes}
    for part in terminal_list(made.targeted.listing, language=language.value, lane_names=lanes, most=2):
        console.print(part)
    console.print()
    console.print(metrics_table(metrics, "all", language=language.value))
    ours = metrics["models"]["basira"]["slices"]["all"]["precision"]["10"]
    money = metrics["models"]["basira_revenue"]["slices"]["all"]["revenue"]["10"]
    legacy = metrics.get("legacy_inspected_share")
    shares = {
        name: format_percent(share, language=language.value)
        for name, share in (("found", ours), ("revenue", money), ("inspected", legacy))
    }
    console.print(said.say("demo.worth", **shares), markup=False)
    for path in made.files:
        console.print(said.say("written", path=str(path)), markup=False, soft_wrap=True)
    store = made.store
    run, first = made.targeted.run, made.targeted.listing.lines[:1]
    console.print(said.say("next"), style="bold")
    speak = ("--language", language.value)
    for line in (
        *(next_command("explain", line.declaration_id, *speak, store=store) for line in first),
        next_command("replay", run.run_id, store=store),
        next_command("target", "--day", run.day, "--policy", POLICY, *speak, "--preview", store=store),
        "basira mapping suggest --help",
    ):
        console.print("  " + line, markup=False, soft_wrap=True)


def _prepare_online(out: Path, language: Language, *, seed: int, step: Step, as_json: bool) -> None:
    import secrets

    from basira.serving.demo import PEOPLE, prepare_demo

    password = secrets.token_urlsafe(12)
    made = prepare_demo(out, password=password, seed=seed, now=datetime.now(), step=step)
    people = [{"login": login, "role": grant.role, "office": grant.office or None} for login, _, grant in PEOPLE]
    if as_json:
        body = {
            "store": str(made.store),
            "decided": made.decided,
            "inspected": made.inspected,
            "password": password,
            "people": people,
        }
        echo(json.dumps(body, ensure_ascii=False, indent=1))
        return
    console, said = open_console(), messages(language.value)
    counts = {
        name: say_number(n, language.value) for name, n in (("decided", made.decided), ("inspected", made.inspected))
    }
    console.print(said.say("demo.day", **counts), markup=False)
    console.print(said.say("demo.people"), markup=False)
    for one in people:
        role = said.say(f"role.{one['role']}")
        console.print(f"  {one['login']:<15} {role} {one['office'] or ''}".rstrip(), markup=False)
    console.print(said.say("demo.password", password=password), markup=False, soft_wrap=True)
    console.print(said.say("next"), style="bold")
    console.print("  BASIRA_DEVELOPMENT=yes " + next_command("serve", store=made.store), markup=False, soft_wrap=True)
