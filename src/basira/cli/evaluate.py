"""`basira evaluate`: our model beside the baselines, on files split by the user or on the store's own results.

Enters: options. Leaves: metrics.json and report.html, and the main figures on the screen. Never here:
a figure's computation.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from typer.core import TyperCommand

from basira.cli.ingest import DEFAULT_STORE, JsonOption, StoreOption, reading_progress
from basira.cli.messages import messages, say_number
from basira.cli.options import (
    Language,
    LanguageOption,
    MemoryOption,
    OutcomesMappingOption,
    OutcomesOption,
    SeedOption,
    TrustOption,
    open_console,
    open_history,
    steps,
)
from basira.schema.days import parse_day
from basira.schema.errors import UsageError
from basira.schema.json_values import JsonObject


class ManyFiles(TyperCommand):
    """Accept `--train A B` for `--train A --train B`, as people write it."""

    _MANY = ("--train", "--valid", "--test", "--outcomes")

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]  # click's own Context
        """Repeat the option before each further file."""
        spread: list[str] = []
        current = ""
        for arg in args:
            if arg.startswith("-"):
                name, given, _ = arg.partition("=")
                current = name if name in self._MANY else ""
                if current and given:
                    spread.append(arg)
                    continue
            elif current and spread[-1] != current:
                spread.append(current)
            spread.append(arg)
        return super().parse_args(ctx, spread)


def evaluate(
    mapping: Annotated[
        str, typer.Option("--mapping", "-m", help="Mapping of the files, or the name of a shipped one.")
    ] = "",
    train: Annotated[list[Path] | None, typer.Option(help="Labelled file to learn from; may be repeated.")] = None,
    valid: Annotated[
        list[Path] | None, typer.Option(help="Labelled file to choose and calibrate on; may be repeated.")
    ] = None,
    test: Annotated[list[Path] | None, typer.Option(help="Labelled file to test on; may be repeated.")] = None,
    outcomes: OutcomesOption = None,
    outcomes_mapping: OutcomesMappingOption = "",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder for metrics.json and report.html.")] = None,
    store: StoreOption = DEFAULT_STORE,
    as_of: Annotated[
        str, typer.Option("--as-of", help="Without files: back-test on the store's results known on this day.")
    ] = "",
    seed: SeedOption = 1,
    language: LanguageOption = Language.fr,
    resamples: Annotated[int, typer.Option(min=20, help="Bootstrap resamples for the 95 % intervals.")] = 1000,
    trust: TrustOption = None,
    policy: Annotated[
        str,
        typer.Option(
            "--policy", help="Policy whose order is measured: a folder or a shipped name; without it balanced."
        ),
    ] = "",
    memory: MemoryOption = "2GB",
    as_json: JsonOption = False,
) -> None:
    """Compare the model with the baselines: precision, recall and revenue by share inspected, with intervals.

    Either give files (--mapping, --train, --test, --out), or a store and a day (--as-of) to test on the latest
    fifth of its own inspection results. Several files: --train A.csv --train B.csv, or --train A.csv B.csv. Results
    in files of their own: --outcomes, with a mapping of their own.
    """
    from basira.evaluate.report import write_metrics, write_report
    from basira.ingest.mapping.model import load_mapping
    from basira.selection.policy.load import find_policy, load_policy
    from basira.selection.policy.model import Objective
    from basira.workflows.engine import EngineBounds
    from basira.workflows.evaluation import evaluate as evaluation
    from basira.workflows.evaluation.backtests import keep_backtest
    from basira.workflows.examine import sentences_of

    engine = EngineBounds(memory=memory)
    policy_day = parse_day(as_of, name="--as-of") if as_of else datetime.now().date()
    objective = load_policy(find_policy(policy), policy_day).objective if policy else Objective()
    terms = evaluation.Terms(seed, resamples, trust or (), objective=objective)
    if out is not None and out.exists() and not out.is_dir():
        raise UsageError(
            "--out: expected a folder, found the file {out!r}.",
            hint="Name a folder.",
            out=str(out),
        )
    if bool(outcomes) != bool(outcomes_mapping):
        raise UsageError(
            "Expected --outcomes and --outcomes-mapping together, found one of them.",
            hint="--outcomes RESULTS.csv --outcomes-mapping basira-outcomes",
        )
    if train or valid or test or mapping or outcomes:
        if not (train and test and mapping and out):
            raise UsageError(
                "Expected --mapping, --train, --test and --out together, found only some of them.",
                hint="basira evaluate --mapping M.toml --train PAST.csv --test LATER.csv --out FOLDER",
            )
        results = evaluation.SeparateResults(outcomes, load_mapping(outcomes_mapping)) if outcomes else None
        split = evaluation.SplitFiles(load_mapping(mapping), train, test, valid or [], results)
        with reading_progress(quiet=as_json) as reading, steps("evaluate", quiet=as_json) as progress:
            found = evaluation.evaluate_files(
                split, terms, now=datetime.now(), engine=engine, reading=reading, progress=progress
            )
        folder = out
        write_metrics(found.metrics, folder)
        write_report(found.metrics, found.curves, folder, language=language.value)
    else:
        if not as_of:
            raise UsageError(
                "Expected files (--mapping, --train, --test, --out) or a day (--as-of), found neither.",
                hint="basira evaluate --store S --as-of 2020-12-31",
            )
        history = open_history(store)
        on = parse_day(as_of, name="--as-of")
        with steps("back-test", quiet=as_json) as progress:
            found = evaluation.backtest(history, terms, as_of=on, engine=engine, progress=progress)
        folder = keep_backtest(history, found, as_of=on, language=language.value)
        if out is not None:
            write_metrics(found.metrics, out)
            write_report(found.metrics, found.curves, out, language=language.value)
            folder = out
    if as_json:
        typer.echo(json.dumps({"out": str(folder), **found.metrics}, ensure_ascii=False, indent=1))
        return
    console, said = open_console(), messages(language.value)
    for name in ("all", "novel_pair"):
        if name in found.metrics["models"]["basira"]["slices"]:
            console.print(metrics_table(found.metrics, name, language=language.value))
    refused = sum(q["rows"] for q in found.metrics.get("quarantined") or [])
    if refused:
        left_out = said.say_count("evaluate.left_out", refused, n=say_number(refused, language.value))
        console.print(left_out, markup=False)
    for sentence in sentences_of(found.metrics["model"]["notes"]):
        console.print(sentence, style="yellow", markup=False, soft_wrap=True)
    for name in ("report.html", "metrics.json"):
        console.print(said.say("written", path=str(folder / name)), markup=False, soft_wrap=True)


def metrics_table(metrics: JsonObject, slice_name: str, *, language: str) -> Table:
    """The main figures of one slice, a model a row."""
    from basira.evaluate.report import say_tested
    from basira.evaluate.words import LOCALE, model_name
    from basira.evaluate.words import slice_name as slice_word
    from basira.render.catalogs import load_catalog
    from basira.render.numbers import format_number, format_percent

    catalog, words = messages(language), load_catalog(LOCALE, language)
    first = metrics["models"]["basira"]["slices"][slice_name]
    table = Table(
        title=catalog.say(
            "evaluate.title",
            dataset=say_tested(metrics, words),
            slice=slice_word(slice_name, words),
            rows=say_number(first["rows"], language),
            irregular=say_number(first["positives"], language),
        )
    )
    table.add_column(catalog.say("evaluate.model"), no_wrap=True)
    for share in ("1", "5", "10"):
        table.add_column(catalog.say("evaluate.precision", share=share), justify="right")
    table.add_column(catalog.say("evaluate.revenue", share="10"), justify="right")
    for name in ("auc", "brier"):
        table.add_column(words.say(f"measure.{name}"), justify="right")
    for name, model in metrics["models"].items():
        s = model["slices"][slice_name]
        shares = [s["precision"][k] for k in ("1", "5", "10")] + [s["revenue"]["10"]]
        cells = [format_percent(c, language=language, digits=1) for c in shares]
        cells += [format_number(c, language=language, digits=3) for c in (s["auc"], s["brier"])]
        table.add_row(model_name(name, words), *cells, style="bold" if name == "basira" else "")
    return table
