"""A rule on the declarations of a past period: what it would have hit, and what is known of those.

Enters: a store, rules, a period, what may be known; the probabilities of inspection that decisions recorded. Leaves:
hits a day and office, results with their correction, examples. Never here: a feature that knows more than
the day before its declaration; a result that became known later than ``as_of``; a rate where nothing was inspected.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from basira.features.catalog.catalog import FEATURE
from basira.rules.bulk import DECLARATION, HIT, NO_HIT, UNKNOWN
from basira.rules.evaluate import compile_condition, judge
from basira.rules.findings import find_reasons, say_finding, say_outcome, without_persons
from basira.rules.lists.dated import DatedLists
from basira.rules.model import Condition, Rule
from basira.rules.names import Vocabulary
from basira.rules.values import Facts, ListValues
from basira.rules.worth import HitRate, Inspected, estimate_hit_rate
from basira.schema.errors import UsageError
from basira.workflows.engine import Pause, no_pause
from basira.workflows.rules.dated import judge_period, lists_of
from basira.workflows.rules.period import Period

_EXAMPLES = 10


@dataclass(frozen=True)
class OfficeDay:
    """The hits of one office on one day."""

    office: str
    day: date
    declarations: int
    hits: int


@dataclass(frozen=True)
class BackTest:
    """What a rule would have done in a period.

    ``unknown``: declarations of which it says neither hit nor no hit. ``rate``: of its hits, see `rules.worth`.
    ``revenue_found``: recovered from inspected hits, in the value currency; of what was not inspected nothing is known.
    ``examples``: ids of hits with a finding first; ``needless``: of inspected hits without one; ``missed``: of
    declarations with a finding that it does not hit.
    """

    rule_id: str
    first: date
    last: date
    declarations: int
    hits: int
    unknown: int
    office_days: tuple[OfficeDay, ...]
    rate: HitRate
    findings_in_all: int
    revenue_found: float
    examples: tuple[str, ...]
    needless: tuple[str, ...]
    missed: tuple[str, ...]

    @property
    def busiest(self) -> OfficeDay | None:
        """The office and day with the most hits."""
        return max(self.office_days, key=lambda one: one.hits, default=None)


def back_test(
    rule: Rule,
    period: Period,
    vocabulary: Vocabulary,
    lists: Mapping[str, ListValues] | DatedLists,
    *,
    probabilities: Mapping[str, float] | None = None,
    outcome: pl.Series | None = None,
) -> BackTest:
    """The rule on every declaration of the period, whatever its own dates; its offices count.

    ``outcome``: what `judge_rule` gave for the same, where it is known already.
    ``lists``: over time, each declaration is judged by those of its own day; or the same for all of them.
    ``probabilities``: of inspection by declaration id, as decisions recorded them; without one the rate is unknown.
    """
    found = judge_rule(rule, period, vocabulary, lists) if outcome is None else outcome
    judged = period.declarations.with_columns(outcome=found)
    hits = judged.filter(pl.col("outcome") == HIT)
    inspected = hits.filter(pl.col("is_irregular").is_not_null())
    by_day = (
        judged.group_by("office", "day")
        .agg(declarations=pl.len(), hits=(pl.col("outcome") == HIT).sum())
        .sort("office", "day")
    )
    known = probabilities or {}
    findings = inspected.filter(pl.col("is_irregular"))
    missed = judged.filter(pl.col("is_irregular") & (pl.col("outcome") != HIT))
    return BackTest(
        rule_id=rule.rule_id,
        first=period.first,
        last=period.last,
        declarations=judged.height,
        hits=hits.height,
        unknown=judged.filter(pl.col("outcome") == UNKNOWN).height,
        office_days=tuple(OfficeDay(**row) for row in by_day.filter(pl.col("hits") > 0).iter_rows(named=True)),
        rate=estimate_hit_rate(
            hits.height,
            [
                Inspected(bool(row["is_irregular"]), known.get(row["declaration_id"]) or None)
                for row in inspected.iter_rows(named=True)
            ],
        ),
        findings_in_all=judged.filter(pl.col("is_irregular")).height,
        revenue_found=float(inspected["revenue"].sum() or 0.0),
        examples=_ids(findings),
        needless=_ids(inspected.filter(~pl.col("is_irregular"))),
        missed=_ids(missed),
    )


def judge_one(
    condition: Condition,
    period: Period,
    vocabulary: Vocabulary,
    lists: Mapping[str, ListValues] | DatedLists,
    *,
    pause: Pause = no_pause,
) -> pl.Series:
    """The outcome of a condition on each declaration of the period, in order: see `rules.bulk`. ``pause``: as for
    `judge_period`."""
    days = period.declarations["day"]
    return judge_period(period.items, days, [condition], vocabulary, lists, pause=pause)["0"]


def _ids(frame: pl.DataFrame) -> tuple[str, ...]:
    return tuple(frame["declaration_id"].head(_EXAMPLES).to_list())


def judge_rule(
    rule: Rule,
    period: Period,
    vocabulary: Vocabulary,
    lists: Mapping[str, ListValues] | DatedLists,
    *,
    pause: Pause = no_pause,
) -> pl.Series:
    """The outcome of a rule, of whatever dates, on each declaration of the period: no hit outside its offices."""
    outcome = judge_one(rule.condition, period, vocabulary, lists, pause=pause)
    if not rule.offices:
        return outcome
    is_own = period.declarations["office"].is_in(rule.offices)
    return pl.select(pl.when(is_own).then(outcome).otherwise(pl.lit(NO_HIT, outcome.dtype))).to_series()


@dataclass(frozen=True)
class Tried:
    """What a rule says of one declaration, with its reasons in one language."""

    declaration_id: str
    outcome: str
    sentences: tuple[str, ...]


def facts_of(period: Period, number: int) -> Facts:
    """What rules read of one declaration of the period, by its position."""
    rows = period.items.filter(pl.col(DECLARATION) == number).to_dicts()
    return Facts(rows, {name: [one[name] for one in rows] for name in period.items.columns if name in FEATURE})


@dataclass(frozen=True)
class Asked:
    """What is asked of a try. ``language``: of the sentences; ``declaration_id``: this one alone; ``most``: else so
    many at most; ``hides_persons``: without values that may name a person, and without free texts."""

    language: str
    declaration_id: str | None = None
    most: int = 5
    hides_persons: bool = False


def try_rule(
    condition: Condition,
    period: Period,
    vocabulary: Vocabulary,
    lists: Mapping[str, ListValues] | DatedLists,
    asked: Asked,
    *,
    pause: Pause = no_pause,
) -> list[Tried]:
    """The verdict and its reasons: of one declaration, or of the first of the period that hit, then that are unknown.

    ``pause``: called between its parts. Raises UsageError when the declaration is not of the period.
    """
    outcome = judge_one(condition, period, vocabulary, lists, pause=pause)
    judged = period.declarations.with_columns(outcome=outcome, number=pl.int_range(pl.len()))
    if asked.declaration_id is None:
        wanted = (
            judged.filter(pl.col("outcome") != 0).sort("outcome", descending=True, maintain_order=True).head(asked.most)
        )
    else:
        wanted = judged.filter(pl.col("declaration_id") == asked.declaration_id)
        if wanted.is_empty():
            raise UsageError(
                "Expected the declaration {declaration_id!r} in the period, found none.",
                hint="Give --from and --to around its day.",
                declaration_id=asked.declaration_id,
            )
    found = []
    for row in wanted.iter_rows(named=True):
        pause()
        facts, of_day = facts_of(period, row["number"]), lists_of(lists, row["day"])
        verdict = judge(condition, compile_condition(condition, vocabulary, of_day), facts, vocabulary, of_day)
        sentences = [say_outcome(verdict, vocabulary, asked.language)]
        reasons = find_reasons(condition, facts, vocabulary, of_day)
        if asked.hides_persons:
            reasons = tuple(without_persons(one, vocabulary) for one in reasons)
        sentences += [say_finding(one, vocabulary, asked.language) for one in reasons]
        found.append(Tried(row["declaration_id"], verdict.outcome, tuple(sentences)))
    return found
