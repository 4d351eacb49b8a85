"""Options that several commands share, and the progress of long work.

Enters: nothing. Leaves: option types and a progress context. Never here: a command.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from basira.cli.messages import keep_language, messages, reader_language
from basira.render.shown import echo, terminal
from basira.schema.errors import StoreError, UsageError

if TYPE_CHECKING:
    from basira.workflows.engine import EngineBounds
    from basira.workflows.stores import History

INTERRUPTED = 130
# Wider than any line: nothing is folded or cut.
UNFOLDED = 100_000
DEFAULT_STORE = Path("basira-store")


class Language(StrEnum):
    """Languages of what officers read."""

    fr = "fr"
    en = "en"
    ar = "ar"


AsOfOption = Annotated[str, typer.Option("--as-of", help="Last day whose facts may be used, YYYY-MM-DD.")]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Seed of everything random.")]
LanguageOption = Annotated[
    Language,
    typer.Option(
        "--language",
        "-l",
        envvar="BASIRA_LANGUAGE",
        callback=keep_language,
        help="Language of lists, reports and messages; by default that of the machine's locale, else French.",
    ),
]
ModelOption = Annotated[str, typer.Option("--model", help="Model version; the latest that fits by default.")]
LiveModelOption = Annotated[
    str, typer.Option("--model", help="Model version; the live one by default. Any other is for a preview.")
]
OutcomesOption = Annotated[
    list[Path] | None,
    typer.Option("--outcomes", help="File of results, for declarations that have none of their own; may be repeated."),
]
OutcomesMappingOption = Annotated[
    str, typer.Option("--outcomes-mapping", help="Mapping of the files of results, or the name of a shipped one.")
]
PolicyOption = Annotated[
    str, typer.Option("--policy", help="Policy folder, or the name of a shipped one (morocco, example).")
]
TrustOption = Annotated[
    list[str] | None,
    typer.Option("--trust", help="Feature that may foretell results however well ('model': all together); repeatable."),
]
MemoryOption = Annotated[str, typer.Option("--memory", help="Memory that the query engine may use.")]


class Engines(StrEnum):
    """What computes."""

    duckdb = "duckdb"
    spark = "spark"


EngineOption = Annotated[
    Engines,
    typer.Option(
        "--engine",
        help="What computes: duckdb, on this machine, or spark. On Sail the results are the same; on Spark with Java"
        " one amount may differ in its last bit.",
    ),
]
MasterOption = Annotated[
    str,
    typer.Option(
        "--master",
        help="Of Spark: sc://HOST:PORT (Spark Connect), local[N] (here, with Java) or sail (here, without Java).",
    ),
]


def engine_bounds(memory: str, engine: Engines, master: str) -> EngineBounds:
    """The bounds of a computation, with Spark where it is asked for. Raises UsageError when only one of the two is."""
    from basira.workflows.engine import EngineBounds

    if (engine is Engines.spark) != bool(master):
        raise UsageError(
            "Expected --engine spark and --master together, found one without the other.",
            hint="For example --engine spark --master sc://spark.example:15002.",
        )
    if master:
        os.environ.setdefault("RUST_LOG", "error")  # Sail would write each step of its own on standard error
    return EngineBounds(memory=memory, master=master)


def open_console(*, stderr: bool = False, quiet: bool = False) -> Console:
    """The console of a command. A terminal folds lines at its width, and so does COLUMNS where it is set.

    In a file or a pipe each line stays whole: a search finds its words, and no path or value is cut. Text of any origin
    stays text, without control of the terminal.
    """
    console = terminal(stderr=stderr, quiet=quiet)
    if not console.is_terminal and not os.environ.get("COLUMNS"):
        console.width = UNFOLDED
    return console


def open_history(store: Path) -> History:
    """The store, which must be there already."""
    if not store.exists():
        raise StoreError(
            "Expected a store at {store!r}, found nothing.",
            hint="Run `basira ingest FILE --mapping M` first, or name the store with --store.",
            store=str(store),
        )
    from basira.workflows.stores import open_store

    return open_store(store)


def show_json(body: object) -> None:
    """Print a value as JSON, alone on standard output; days and paths as text. Raises ValueError for a NaN."""
    echo(json.dumps(body, ensure_ascii=False, indent=1, default=str, allow_nan=False))


def ask_person(given: str = "") -> str:
    """The value to erase or to look for: as given, else asked for on a terminal, else the first line of standard input.

    As an argument, every process of the machine could read it, and the shell's history would keep it.
    """
    if given not in ("", "-"):
        return given
    if sys.stdin.isatty():
        return str(typer.prompt(messages(reader_language()).say("ask.value"), err=True))
    return sys.stdin.readline().rstrip("\r\n")


@contextmanager
def interruptible(words: str) -> Iterator[None]:
    """On Ctrl-C: these words on standard error, and exit code 130."""
    try:
        yield
    except KeyboardInterrupt:
        open_console(stderr=True).print(words)
        raise typer.Exit(INTERRUPTED) from None


@contextmanager
def steps(title: str, *, quiet: bool, interrupted: str = "") -> Iterator[Callable[[int, int, str], None]]:
    """A progress bar by steps, on standard error; Ctrl-C ends with the words ``interrupted`` and exit code 130.

    Without words of its own: that nothing was written, in the language of the command.
    """
    interrupted = interrupted or messages(reader_language()).say("interrupted.nothing")
    console = open_console(stderr=True)
    bar = Progress(
        TextColumn("{task.description:<58}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
    )
    task = bar.add_task(title, total=None)

    def advance(done: int, total: int, what: str) -> None:
        bar.update(task, completed=done, total=total, description=f"{title}: {what}")

    with interruptible(interrupted), bar:
        yield advance
