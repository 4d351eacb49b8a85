"""A rule on the declarations of a past period: what it would have hit, and what is known of those.

Enters: a store, rules, a period, what may be known; the probabilities of inspection that decisions recorded. Leaves:
hits a day and office, results with their correction, examples. Never here: a feature that knows more than
the day before its declaration; a result that became known later than ``as_of``; a rate where nothing was inspected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from basira.decisions.candidate import ONLY_OFFICE
from basira.engines.engine import Engine
from basira.features.batch.compute import compute_features
from basira.features.catalog.catalog import FEATURE
from basira.feedback.labels import label_items
from basira.rules import model
from basira.rules.bulk import DECLARATION, HIT, NO_HIT, UNKNOWN
from basira.rules.derived import DERIVED
from basira.rules.evaluate import compile_condition, judge
from basira.rules.findings import find_reasons, say_finding, say_outcome
from basira.rules.lists.dated import DatedLists
from basira.rules.model import Condition, Rule
from basira.rules.names import Vocabulary
from basira.rules.values import Facts, ListValues
from basira.rules.worth import HitRate, Inspected, estimate_hit_rate
from basira.schema.days import day_of
from basira.schema.errors import UsageError
from basira.storage.engine import fetch_frame, fetch_value, open_engine
from basira.storage.history.store import History, register
from basira.workflows.engine import EngineBounds, Progress, silent
from basira.workflows.rules.dated import judge_period, lists_of
from basira.workflows.targeting.score import check_period

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


@dataclass(frozen=True)
class Period:
    """The declarations of a period as rules read them.

    ``items``: for `judge_many`. ``declarations``: one row each, in order: id, office, day, whether irregular (null: not
    known), revenue, ``known_on`` (day of the result, null without one). Read with operators also ``operator`` (null:
    not declared), ``is_oea``, ``earlier`` (declarations of the operator before the period) and ``is_found_before`` (a
    finding on it was known before the period).
    """

    first: date
    last: date
    items: pl.DataFrame
    declarations: pl.DataFrame


@dataclass(frozen=True)
class PeriodDays:
    """From ``first`` to ``last``, both included. ``as_of``: last day whose results count, not before ``last``."""

    first: date
    last: date
    as_of: date


def read_period(
    history: History,
    conditions: Sequence[Condition],
    vocabulary: Vocabulary,
    days: PeriodDays,
    *,
    engine: EngineBounds | None = None,
    progress: Progress = silent,
    with_operators: bool = False,
) -> Period:
    """The declarations of a period in their first version, with the columns that the conditions read.

    ``with_operators``: also who declared, and what was known of them the day before the period. Features are computed
    only when a condition reads one: each as of the day before its declaration. Raises UsageError for
    a period that is empty, or ends before it begins, or of which no result may be known.
    """
    first, last, as_of = days.first, days.last, days.as_of
    check_period(first, last)
    if as_of < last:
        raise UsageError(
            "Expected results known until a day not before the last one ({last}), found {as_of}.",
            hint="Give a later --as-of, or an earlier --to.",
            last=last,
            as_of=as_of,
        )
    engine = engine or EngineBounds()
    snapshot = history.verified_snapshot()
    with open_engine(reads=snapshot.all_files(), memory=engine.memory, threads=engine.threads) as con:
        register(con, snapshot)
        # An amendment may be a consequence of the inspection: a rule sees what was first declared.
        con.create_table("of_period", _FIRST_VERSIONS, {"first": day_of(first), "last": day_of(last)})
        if not fetch_value(con, "select count(*) from of_period"):
            raise UsageError(
                "Expected declarations from {first} to {last}, found none in this store.",
                hint="Choose other days, or ingest the declarations first.",
                first=first,
                last=last,
            )
        joined = ""
        if wanted := _features(conditions, vocabulary):
            compute_features(con, "of_period", as_of_day=day_of(last), into="described", progress=progress)
            joined = f"join described using ({_KEY})"
        items = fetch_frame(
            con, f"select * from items join of_period using ({_KEY}) {joined} order by declaration_id, item_number"
        )
        label_items(con, as_of_day=day_of(as_of), into="label")
        declarations = _declarations(con)
        if with_operators:
            declarations = declarations.join(_operators(con, first), on="declaration_id", maintain_order="left")
    order = pl.col("declaration_id").rle_id().alias(DECLARATION)
    known = {"declaration_id", *(name for name in vocabulary.names if name in items.columns)}
    columns = [name for name in items.columns if name in known and (name not in FEATURE or name in wanted)]
    return Period(first, last, items.select(order, *columns), declarations)


def back_test(
    rule: Rule,
    period: Period,
    vocabulary: Vocabulary,
    lists: Mapping[str, ListValues] | DatedLists,
    *,
    probabilities: Mapping[str, float] | None = None,
) -> BackTest:
    """The rule on every declaration of the period, whatever its own dates; its offices count.

    ``lists``: over time, each declaration is judged by those of its own day; or the same for all of them.
    ``probabilities``: of inspection by declaration id, as decisions recorded them; without one the rate is unknown.
    """
    judged = period.declarations.with_columns(outcome=judge_rule(rule, period, vocabulary, lists))
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


_FIRST_VERSIONS = """with first_version as (
  select declaration_id, min(declaration_version) as declaration_version from items group by declaration_id
)
select declaration_id, declaration_version, item_number
from items join first_version using (declaration_id, declaration_version)
where declared_day between $first and $last"""
_KEY = "declaration_id, declaration_version, item_number"


def _declarations(con: Engine) -> pl.DataFrame:
    frame = fetch_frame(
        con,
        f"""select i.declaration_id, coalesce(min(i.office), '{ONLY_OFFICE}') as office,
  min(i.declared_day) as declared_day, bool_or(l.is_irregular) as is_irregular, coalesce(sum(l.revenue), 0) as revenue,
  max(l.known_day) as known_day
from items i join of_period using (declaration_id, declaration_version, item_number)
left join label l on l.declaration_id = i.declaration_id and l.item_number = i.item_number
group by i.declaration_id, i.declaration_version order by i.declaration_id, i.declaration_version""",
    )
    return frame.with_columns(
        day=pl.col("declared_day").cast(pl.Int32).cast(pl.Date),
        known_on=pl.col("known_day").cast(pl.Int32).cast(pl.Date),
    ).drop("declared_day", "known_day")


def _operators(con: Engine, first: date) -> pl.DataFrame:
    """Who declared, one row a declaration of the period."""
    before = day_of(first) - 1
    label_items(con, as_of_day=before, into="label_before")
    con.create_table(
        "of_operator",
        """select importer_id, count(distinct declaration_id) as earlier
from items where declared_day <= $before and importer_id is not null group by importer_id""",
        {"before": before},
    )
    return fetch_frame(
        con,
        """with found as (
  select distinct i.importer_id
  from items i join label_before l on l.declaration_id = i.declaration_id and l.item_number = i.item_number
  where l.is_irregular and i.importer_id is not null
), declared as (
  select declaration_id, nullif(min(importer_id), '') as operator, bool_or(is_oea) as is_oea
  from items join of_period using (declaration_id, declaration_version, item_number) group by declaration_id
)
select d.*, coalesce(o.earlier, 0) as earlier, f.importer_id is not null as is_found_before
from declared d left join of_operator o on o.importer_id = d.operator
left join found f on f.importer_id = d.operator""",
    )


def _features(conditions: Sequence[Condition], vocabulary: Vocabulary) -> frozenset[str]:
    """The features of the catalog that the conditions read, also through a derived value."""
    read = {name for condition in conditions for one in model.walk(condition) for name in model.field_names(one)}
    for name in tuple(read):
        if vocabulary.names[name].source == "derived":
            read.update(DERIVED[name].inputs)
    return frozenset(name for name in read if name in FEATURE)


def judge_one(
    condition: Condition, period: Period, vocabulary: Vocabulary, lists: Mapping[str, ListValues] | DatedLists
) -> pl.Series:
    """The outcome of a condition on each declaration of the period, in order: see `rules.bulk`."""
    days = period.declarations["day"].to_list()
    return judge_period(period.items, days, [condition], vocabulary, lists)["0"]


def _ids(frame: pl.DataFrame) -> tuple[str, ...]:
    return tuple(frame["declaration_id"].head(_EXAMPLES).to_list())


def judge_rule(
    rule: Rule, period: Period, vocabulary: Vocabulary, lists: Mapping[str, ListValues] | DatedLists
) -> pl.Series:
    """The outcome of a rule, of whatever dates, on each declaration of the period: no hit outside its offices."""
    outcome = judge_one(rule.condition, period, vocabulary, lists)
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


def try_rule(
    condition: Condition,
    period: Period,
    vocabulary: Vocabulary,
    lists: Mapping[str, ListValues] | DatedLists,
    *,
    language: str,
    declaration_id: str | None = None,
    most: int = 5,
) -> list[Tried]:
    """The verdict and its reasons: of one declaration, or of the first of the period that hit, then that are unknown.

    Raises UsageError when the declaration is not of the period.
    """
    outcome = judge_one(condition, period, vocabulary, lists)
    judged = period.declarations.with_columns(outcome=outcome, number=pl.int_range(pl.len()))
    if declaration_id is None:
        wanted = judged.filter(pl.col("outcome") != 0).sort("outcome", descending=True, maintain_order=True).head(most)
    else:
        wanted = judged.filter(pl.col("declaration_id") == declaration_id)
        if wanted.is_empty():
            raise UsageError(
                "Expected the declaration {declaration_id!r} in the period, found none.",
                hint="Give --from and --to around its day.",
                declaration_id=declaration_id,
            )
    found = []
    for row in wanted.iter_rows(named=True):
        facts, of_day = facts_of(period, row["number"]), lists_of(lists, row["day"])
        verdict = judge(condition, compile_condition(condition, vocabulary, of_day), facts, vocabulary, of_day)
        sentences = [say_outcome(verdict, vocabulary, language)]
        sentences += [
            say_finding(one, vocabulary, language) for one in find_reasons(condition, facts, vocabulary, of_day)
        ]
        found.append(Tried(row["declaration_id"], verdict.outcome, tuple(sentences)))
    return found
