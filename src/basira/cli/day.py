"""What `basira target` shows besides the list: yesterday's results first, and what a second run of a day changes.

Enters: what the workflow found, a language. Leaves: lines and tables on the screen; a person's answer. Never here: a
count of its own, a record.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.table import Table

from basira.cli.messages import messages, say_number
from basira.cli.next_command import next_command

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from basira.workflows.targeting.earlier import EarlierRun, PreviousResults

# Declarations of a changed day that are named.
MOST_CHANGES = 20


def show_previous_results(console: Console, found: PreviousResults, *, language: str, store: Path) -> None:
    """The results of the last list, a line for each lane and source; where none is known, how to take them in."""
    catalog = messages(language)
    table = results_table(found, language=language)
    console.print(table)
    if not sum(one.inspected for one in found.lanes):
        command = next_command("feedback", "list.xlsx", store=store)
        console.print(catalog.say("results.none", command=command), markup=False, soft_wrap=True)
    console.print()


def results_table(found: PreviousResults, *, language: str) -> Table:
    """The table of `show_previous_results`; the last line sums up all lanes."""
    from basira.explain.words import say_basis
    from basira.render.numbers import format_date

    catalog = messages(language)
    table = Table(
        title=catalog.say(
            "results.title",
            day=format_date(found.day.isoformat(), language=language),
            until=format_date(found.known_until.isoformat(), language=language),
        ),
        title_justify="left",
    )
    for name in ("lane", "basis"):
        table.add_column(catalog.say(f"results.{name}"))
    for name in ("selected", "inspected", "irregular", "revenue"):
        table.add_column(catalog.say(f"results.{name}", currency=found.currency), justify="right")
    for one in found.lanes:
        figures = (one.selected, one.inspected, one.irregular, one.revenue_amount)
        lane, basis = one.lane_labels[language], say_basis(one.basis, language=language)
        table.add_row(lane, basis, *(say_number(figure, language) for figure in figures))
    totals = (
        sum(one.selected for one in found.lanes),
        sum(one.inspected for one in found.lanes),
        sum(one.irregular for one in found.lanes),
        sum(one.revenue_amount for one in found.lanes),
    )
    table.add_row(catalog.say("results.all"), "", *(say_number(total, language) for total in totals), style="bold")
    return table


def show_changes(
    console: Console, found: EarlierRun, day: date, *, language: str, lane_names: Mapping[str, str]
) -> None:
    """What a second run of a day changes of the recorded one."""
    from basira.render.numbers import format_date

    catalog = messages(language)
    console.print(
        catalog.say(
            "again.title",
            day=format_date(day.isoformat(), language=language),
            run=found.run_id,
            at=f"{format_date(found.created_at.date().isoformat(), language=language)} {found.created_at:%H:%M}",
        ),
        style="bold yellow",
        markup=False,
        soft_wrap=True,
    )
    if not found.changes:
        console.print(catalog.say("again.same"), markup=False)
        return
    count = len(found.changes)
    console.print(
        catalog.say_count(
            "again.changed",
            count,
            n=say_number(count, language),
            before=say_number(found.inspected_before, language),
            after=say_number(found.inspected_after, language),
        ),
        markup=False,
    )
    absent = catalog.say("again.absent")
    for one in found.changes[:MOST_CHANGES]:
        before, after = (absent if lane is None else lane_names.get(lane, lane) for lane in (one.before, one.after))
        line = catalog.say(
            "again.line", declaration=one.declaration_id, office=one.office or "–", before=before, after=after
        )
        console.print("  " + line, markup=False, soft_wrap=True)
    if count > MOST_CHANGES:
        more = count - MOST_CHANGES
        console.print("  " + catalog.say_count("again.more", more, n=say_number(more, language)), markup=False)


def ask_again(language: str) -> bool:
    """Whether a person wants the new list recorded; asked on the terminal."""
    return typer.confirm(messages(language).say("again.ask"), default=False, err=True)
