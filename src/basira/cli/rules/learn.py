"""`basira rules suggest` and `prune`: drafts learned from results; which live rules the findings rest on.

Enters: options. Leaves: files of JSON for `basira rules import`, figures. Never here: a rule on record, or retired: a
person does either.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from basira.cli.db import DatabaseOption
from basira.cli.ingest import DEFAULT_STORE, JsonOption, StoreOption
from basira.cli.keys import open_database
from basira.cli.messages import messages, say_number
from basira.cli.options import Language, LanguageOption, MemoryOption, open_history, show_json, steps
from basira.cli.rules.commands import FromOption, ToOption
from basira.render.shown import echo, say_line


def suggest_rules(
    first: FromOption,
    last: ToOption,
    as_of: Annotated[str, typer.Option("--as-of", help="Last day whose results count, YYYY-MM-DD.")],
    lane: Annotated[str, typer.Option("--lane", help="Lane that the drafts want.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the drafts, a file of JSON each.")],
    most: Annotated[int, typer.Option("--most", min=1, max=50, help="How many at most.")] = 10,
    days: Annotated[int, typer.Option("--days", min=1, max=366, help="How long a draft holds.")] = 180,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    memory: MemoryOption = "2GB",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Learn short rules from the results of a period: found in the first seven tenths, held against the rest.

    Nothing is recorded: look at the files, then `basira rules import`. Their tag and reason say that a machine made
    them.
    """
    from basira.render.writing import write_whole
    from basira.rules.json_form import write_rule
    from basira.rules.suggest import suggest
    from basira.rules.write import write_text
    from basira.schema.days import parse_day
    from basira.workflows.engine import EngineBounds
    from basira.workflows.rules.learn import conditions_to_read, draft_of, split_results
    from basira.workflows.rules.lists import read_probabilities
    from basira.workflows.rules.period import PeriodDays, read_period
    from basira.workflows.rules.vocabulary import make_vocabulary

    begin, end, known = (
        parse_day(text, name=name) for text, name in ((first, "--from"), (last, "--to"), (as_of, "--as-of"))
    )
    vocabulary, today = make_vocabulary(), datetime.now().date()
    with open_database(store, database) as opened:
        probabilities = read_probabilities(opened, first=begin, last=end)
    with steps("read", quiet=as_json) as progress:
        period = read_period(
            open_history(store),
            conditions_to_read(vocabulary),
            vocabulary,
            PeriodDays(first=begin, last=end, as_of=known),
            engine=EngineBounds(memory=memory),
            progress=progress,
        )
    found = suggest(*split_results(period, probabilities), vocabulary, most=most)
    drafts = [draft_of(one, n, lane=lane, starts_on=today, days=days) for n, one in enumerate(found, 1)]
    for draft in drafts:
        written = json.dumps(write_rule(draft), ensure_ascii=False, indent=1)
        write_whole(out / f"{draft.rule_id}.json", f"{written}\n".encode())
    if as_json:
        echo(json.dumps([write_rule(draft) for draft in drafts], ensure_ascii=False, indent=1))
        return
    for draft in drafts:
        echo(f"{draft.rule_id}: {write_text(draft.condition, vocabulary, language.value)}")
        echo(f"   {draft.reason}")
    if not drafts:
        echo("No rule held in the later results.")


def prune_live(
    first: FromOption,
    last: ToOption,
    as_of: Annotated[str, typer.Option("--as-of", help="Last day whose results count, YYYY-MM-DD.")],
    keep: Annotated[float, typer.Option("--keep", min=0.01, max=1, help="Share of the findings to keep.")] = 0.95,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    memory: MemoryOption = "2GB",
    as_json: JsonOption = False,
) -> None:
    """Show the fewest live rules that keep most of the findings to expect of them, and what the others cost.

    Expected are those of every hit of a period, by the results of the inspected ones: of the findings that were made
    the fewest rules are those that chance favoured, and keep less later.

    Mandatory rules are left out. Nothing is retired: `basira rules retire` does it, one by one, with a reason.
    """
    from basira.schema.days import parse_day
    from basira.workflows.engine import EngineBounds
    from basira.workflows.rules.learn import prune_rules
    from basira.workflows.rules.life import read_live
    from basira.workflows.rules.lists import read_dated, read_probabilities
    from basira.workflows.rules.period import PeriodDays, read_period

    begin, end, known = (
        parse_day(text, name=name) for text, name in ((first, "--from"), (last, "--to"), (as_of, "--as-of"))
    )
    with open_database(store, database) as opened:
        vocabulary, lists = read_dated(opened)
        rules = read_live(opened, on=datetime.now().date())
        probabilities = read_probabilities(opened, first=begin, last=end)
    with steps("read", quiet=as_json) as progress:
        period = read_period(
            open_history(store),
            [one.condition for one in rules],
            vocabulary,
            PeriodDays(first=begin, last=end, as_of=known),
            engine=EngineBounds(memory=memory),
            progress=progress,
        )
    found = prune_rules(rules, period, vocabulary, lists, probabilities, keep=keep)
    if as_json:
        echo(json.dumps(asdict(found), indent=1))
        return
    figures = found.figures
    echo(f"Keep {len(found.kept)}: {', '.join(found.kept) or '-'}")
    echo(f"Others {len(found.others)}: {', '.join(found.others) or '-'}")
    proved = ", proved the fewest" if figures.is_smallest else ""
    echo(
        f"{figures.share:.1%} of the findings to expect, {found.past_share:.1%} of those made, "
        f"{figures.controls:,} of {figures.controls_before:,} hits{proved}."
    )


def prepare(
    first: FromOption,
    last: ToOption,
    store: StoreOption = DEFAULT_STORE,
    memory: MemoryOption = "2GB",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Compute the features of a period once, and keep them in the store: rules are then tried and tested on it in
    seconds. To be run again after every `ingest` or `feedback`, at night; without it each test computes them."""
    from basira.schema.days import parse_day
    from basira.workflows.engine import EngineBounds
    from basira.workflows.rules.period import prepare_features

    begin, end = (parse_day(text, name=name) for text, name in ((first, "--from"), (last, "--to")))
    with steps("features", quiet=as_json) as progress:
        count = prepare_features(open_history(store), begin, end, engine=EngineBounds(memory=memory), progress=progress)
    if as_json:
        show_json({"items": count})
        return
    said = messages(language.value)
    say_line(said.say_count("rules.prepared", count, n=say_number(count, language.value)))
