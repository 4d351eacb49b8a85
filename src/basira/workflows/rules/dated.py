"""Rules put to the declarations of a period, each with the lists of its own day.

Enters: the items of a period, the day of each declaration, conditions, the lists over time. Leaves: the outcome of each
condition for each declaration. Never here: an entry of a later day than the declaration's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from basira.rules import model
from basira.rules.bulk import DECLARATION, judge_many
from basira.rules.lists.dated import DatedLists
from basira.rules.model import Condition
from basira.rules.names import Vocabulary
from basira.rules.values import ListValues
from basira.workflows.engine import Pause, no_pause

# Declarations between two pauses: close names are compared a text at a time, everything else by columns.
AT_A_TIME = 20_000


def lists_of(lists: Mapping[str, ListValues] | DatedLists, day: date) -> Mapping[str, ListValues]:
    """The lists on a day; those of no day are the same on every one."""
    return lists.on(day) if isinstance(lists, DatedLists) else lists


def judge_period(
    items: pl.DataFrame,
    days: pl.Series,
    conditions: Sequence[Condition],
    vocabulary: Vocabulary,
    lists: Mapping[str, ListValues] | DatedLists,
    *,
    pause: Pause = no_pause,
) -> pl.DataFrame:
    """The outcome of each condition for each declaration: see `rules.bulk.judge_many`.

    ``days``: of each declaration, in their order. ``pause``: called between some thousands of declarations, so that
    one that raises ends the work soon; without it they are judged at once.
    """
    asks_lists = any(isinstance(one, model.InList) for condition in conditions for one in model.walk(condition))
    if not isinstance(lists, DatedLists) or not asks_lists or days.is_empty():
        return _judge(items, conditions, vocabulary, lists_of(lists, date.min), pause)
    # All days of one stretch have the same lists: each stretch is judged at once.
    stretches = {day: lists.stretch_of(day) for day in days.unique()}
    of_declaration = pl.DataFrame(
        {"stretch": days.replace_strict(stretches, return_dtype=pl.Int64), "day": days}
    ).with_row_index(DECLARATION)
    of_declaration = of_declaration.with_columns(pl.col(DECLARATION).cast(items.schema[DECLARATION]))
    parts = []
    for _, part in of_declaration.group_by("stretch", maintain_order=True):
        own = items.join(part.select(DECLARATION), on=DECLARATION, how="semi", maintain_order="left")
        numbered = own.with_columns(pl.col(DECLARATION).rle_id())
        outcomes = _judge(numbered, conditions, vocabulary, lists.on(part["day"][0]), pause)
        parts.append(outcomes.with_columns(part[DECLARATION]))
    return pl.concat(parts).sort(DECLARATION).drop(DECLARATION)


def _judge(
    items: pl.DataFrame,
    conditions: Sequence[Condition],
    vocabulary: Vocabulary,
    lists: Mapping[str, ListValues],
    pause: Pause,
) -> pl.DataFrame:
    positions = items[DECLARATION]
    count = 0 if items.is_empty() else int(positions[-1]) + 1
    if pause is no_pause or count <= AT_A_TIME:
        return judge_many(items, conditions, vocabulary, lists)
    starts = [positions.search_sorted(number) for number in range(0, count, AT_A_TIME)]
    parts = []
    for number, start in enumerate(starts):
        pause()
        end = starts[number + 1] if number + 1 < len(starts) else items.height
        part = items.slice(start, end - start).with_columns(pl.col(DECLARATION) - positions[start])
        parts.append(judge_many(part, conditions, vocabulary, lists))
    return pl.concat(parts)
