"""`basira monitor`: what changed, and what is to be looked at.

Enters: options. Leaves: tables on the screen, files. Never here: a test, an estimate.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from basira.cli.db import DatabaseOption, record_of
from basira.cli.ingest import DEFAULT_STORE, JsonOption, StoreOption
from basira.cli.options import Language, LanguageOption, MemoryOption, open_history, steps
from basira.cli.reports import show_report
from basira.render.shown import echo
from basira.schema.days import parse_day
from basira.schema.errors import UsageError

if TYPE_CHECKING:
    from basira.monitor.drift_report import Words

app = typer.Typer(
    no_args_is_help=True, help="What changed in trade, fraud, recording and model; what is to be looked at."
)

OutOption = Annotated[
    list[Path] | None, typer.Option("--out", "-o", help="Also write it: .html or .json; may be repeated.")
]
AsOfOption = Annotated[str, typer.Option("--as-of", help="Last day that counts, YYYY-MM-DD; today by default.")]


@app.command("drift")
def drift(
    first: Annotated[
        str, typer.Option("--from", help="First day, YYYY-MM-DD; 1 January of the year before by default.")
    ] = "",
    as_of: AsOfOption = "",
    alarms: Annotated[
        float, typer.Option("--alarms", min=0.01, max=100, help="False alarms a year that are bearable, all together.")
    ] = 1.0,
    out: OutOption = None,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    memory: MemoryOption = "2GB",
    as_json: JsonOption = False,
) -> None:
    """Watch inputs, scores, calibration, findings, delays and completeness of results; say what to do about an alarm.

    May be looked at every day: the alarms of a year are bounded, not those of a look.

    Example: basira monitor drift --as-of 2024-03-31 --out changes.html
    """
    from basira import __version__
    from basira.monitor.drift_report import describe_drift, write_words
    from basira.workflows.engine import EngineBounds
    from basira.workflows.monitor.watch import watch

    check_endings(out)
    history = open_history(store)
    with steps("monitor", quiet=as_json):
        found = watch(
            history,
            record_of(store, database).place,
            first=parse_day(first, name="--from") if first else None,
            as_of=parse_day(as_of, name="--as-of") if as_of else date.today(),
            alarms_a_year=alarms,
            engine=EngineBounds(memory=memory),
        )
    words = describe_drift(found, language.value)
    body = json.dumps(asdict(found), ensure_ascii=False, indent=1, default=date.isoformat)
    for path in out or []:
        if path.suffix == ".html":
            write_words(words, path, language=language.value, is_simulated=found.is_simulated, software=__version__)
    show_words(words, body, out, language, is_simulated=found.is_simulated, as_json=as_json)


@app.command("integrity")
def integrity(
    by: Annotated[str, typer.Option("--by", help="Your login: an auditor sees pairs, a manager their number.")],
    first: Annotated[str, typer.Option("--from", help="First day of controls, YYYY-MM-DD.")],
    last: Annotated[str, typer.Option("--to", help="Last day of controls, YYYY-MM-DD; later results do not count.")],
    shift_hours: Annotated[
        int, typer.Option("--shift-hours", min=1, max=24, help="Length of a shift, from midnight on; 24: whole days.")
    ] = 8,
    out: OutOption = None,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    memory: MemoryOption = "2GB",
    as_json: JsonOption = False,
) -> None:
    """Compare who inspected whom with an assignment by chance within office, day and shift: what is to be looked at.

    It proves nothing of anyone. Each look is audited.

    Example: basira monitor integrity --by a.alami --from 2024-01-01 --to 2024-03-31
    """
    from basira import __version__
    from basira.monitor.drift_report import write_words
    from basira.monitor.integrity_report import describe_integrity
    from basira.workflows.engine import EngineBounds
    from basira.workflows.monitor.integrity import Asked, look_at_pairs
    from basira.workflows.targeting.score import check_period

    check_endings(out)
    begin, end = parse_day(first, name="--from"), parse_day(last, name="--to")
    check_period(begin, end)
    history = open_history(store)
    with steps("monitor", quiet=as_json):
        found = look_at_pairs(
            history,
            record_of(store, database).place,
            Asked(by, begin, end, shift_hours),
            now=datetime.now(),
            engine=EngineBounds(memory=memory),
        )
    words = describe_integrity(found, language.value)
    body = json.dumps(asdict(found), ensure_ascii=False, indent=1, default=date.isoformat)
    for path in out or []:
        if path.suffix == ".html":
            write_words(words, path, language=language.value, is_simulated=found.is_simulated, software=__version__)
    show_words(words, body, out, language, is_simulated=found.is_simulated, as_json=as_json)


def check_endings(out: Sequence[Path] | None) -> None:
    """Raises UsageError for a file that is neither a page nor JSON."""
    for path in out or []:
        if path.suffix not in (".html", ".json"):
            raise UsageError(
                "--out: expected .html or .json, found {file!r}.",
                hint="Give one of these endings.",
                file=path.name,
            )


def show_words(
    words: Words, body: str, out: Sequence[Path] | None, language: Language, *, is_simulated: bool, as_json: bool
) -> None:
    """Write the JSON files, then show the report, or its JSON."""
    from basira.render.writing import write_whole

    for path in out or []:
        if path.suffix == ".json":
            write_whole(path, f"{body}\n".encode())
    if as_json:
        echo(body)
        return
    lines = (words.title, words.period, *words.sentences)
    show_report(lines, words.tables, out or [], language.value, is_simulated=is_simulated)
