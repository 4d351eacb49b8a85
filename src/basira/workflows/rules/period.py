"""The declarations of a past period as rules read them.

Enters: a store, the conditions that are asked, days, what may be known. Leaves: a `Period`. Never here: a feature that
knows more than the day before its declaration; a result that became known later than ``as_of``; a verdict.

Of the items only the columns that the conditions read are taken: of three million items that is most of the time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from basira.decisions.candidate import ONLY_OFFICE
from basira.engines.engine import Engine
from basira.features.batch.compute import compute_features
from basira.features.catalog.catalog import FEATURE
from basira.features.online.plan import catalog_digest
from basira.feedback.labels import label_items
from basira.rules import model
from basira.rules.bulk import DECLARATION
from basira.rules.derived import DERIVED
from basira.rules.evaluate import CURRENCY_FIELD
from basira.rules.model import Condition
from basira.rules.names import Vocabulary
from basira.schema.days import day_of
from basira.schema.errors import UsageError
from basira.schema.sql import quote_identifier
from basira.storage.described import KEY, find_features, keep_features
from basira.storage.engine import fetch_frame, open_engine
from basira.storage.history.store import History, Snapshot, register
from basira.workflows.engine import EngineBounds, Progress, silent
from basira.workflows.targeting.score import check_period


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
    offices: frozenset[str] | None = None,
) -> Period:
    """The declarations of a period in their first version, with the columns that the conditions read.

    ``offices``: those of these offices alone; None: all.
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
    with open_engine(
        reads=snapshot.all_files(), memory=engine.memory, threads=engine.threads, seconds=engine.seconds
    ) as con:
        register(con, snapshot)
        fields, wanted = _fields(conditions, vocabulary)
        whole = _read_items(con, days, [one for one in fields if one in con.columns("items")])
        if whole.is_empty():
            raise UsageError(
                "Expected declarations from {first} to {last}, found none in this store.",
                hint="Choose other days, or ingest the declarations first.",
                first=first,
                last=last,
            )
        if wanted:
            kept = find_features(history.root, features_digest(snapshot), first, last, sorted(wanted))
            if kept is not None and whole.select(KEY).equals(kept.select(KEY)):
                whole = pl.concat([whole, kept.drop(KEY)], how="horizontal")
            else:
                whole = _with_features(con, whole, sorted(wanted), as_of_day=day_of(last), progress=progress)
        label_items(con, as_of_day=day_of(as_of), into="label")
        declarations = _declarations(con, whole, days, with_operators=with_operators)
    columns = [name for name in whole.columns if name in wanted or name in fields]
    return _of_offices(
        Period(first, last, whole.select(DECLARATION, "declaration_id", *columns), declarations), offices
    )


def _of_offices(period: Period, offices: frozenset[str] | None) -> Period:
    """The declarations of some offices, numbered anew. Raises UsageError without any."""
    if offices is None:
        return period
    own = period.declarations.with_row_index(DECLARATION).filter(pl.col("office").is_in(sorted(offices)))
    if own.is_empty():
        raise UsageError(
            "Expected declarations of {offices} from {first} to {last}, found none in this store.",
            hint="Choose other days.",
            offices=", ".join(sorted(offices)),
            first=period.first,
            last=period.last,
        )
    numbers = own.select(pl.col(DECLARATION).cast(period.items.schema[DECLARATION]))
    items = period.items.join(numbers, on=DECLARATION, how="semi", maintain_order="left")
    return Period(period.first, period.last, items.with_columns(pl.col(DECLARATION).rle_id()), own.drop(DECLARATION))


def prepare_features(
    history: History, first: date, last: date, *, engine: EngineBounds | None = None, progress: Progress = silent
) -> int:
    """Compute the features of every item of a period, as of the day before its declaration, and keep them: rules on
    that period, or a part of it, are then tested without computing any, until the history changes. The number of items.

    Raises UsageError for a period that is empty or ends before it begins.
    """
    check_period(first, last)
    engine = engine or EngineBounds()
    snapshot = history.verified_snapshot()
    with open_engine(
        reads=snapshot.all_files(), memory=engine.memory, threads=engine.threads, seconds=engine.seconds
    ) as con:
        register(con, snapshot)
        whole = _read_items(con, PeriodDays(first, last, last), ())
        if whole.is_empty():
            raise UsageError(
                "Expected declarations from {first} to {last}, found none in this store.",
                hint="Choose other days, or ingest the declarations first.",
                first=first,
                last=last,
            )
        con.register("of_period", whole.select(*KEY, "declared_day").to_arrow())
        compute_features(con, "of_period", as_of_day=day_of(last), into="described", progress=progress)
        columns = ", ".join(quote_identifier(name) for name in (*KEY, "declared_day", *sorted(FEATURE)))
        joined = f"described join of_period using ({', '.join(KEY)})"
        ordered = f"select {columns} from {joined} order by declaration_id, item_number"
        batches = con.fetch_batches(ordered, rows=_ROWS_A_BATCH)
        return keep_features(history.root, features_digest(snapshot), first, last, batches)


def features_digest(snapshot: Snapshot) -> str:
    """Of everything that the features of a state of the history rest on: its files, and the catalog's statements."""
    return hashlib.sha256(f"{snapshot.digest} {catalog_digest()}".encode()).hexdigest()[:32]


_ROWS_A_BATCH = 100_000
# What is read of the items beside what the conditions ask for.
_HEADER = (*KEY, "declared_day", "office", "importer_id", "is_oea")
# An amendment may be a consequence of the inspection: a rule sees what was first declared. Nearly every declaration has
# one version, so the first ones are looked for among the others alone.
_FIRST_VERSIONS = """with first_version as (
  select declaration_id, min(declaration_version) as first_number from items
  where declaration_id in (select declaration_id from items where declaration_version <> 1) group by declaration_id
)
select {columns}
from items left join first_version using (declaration_id)
where declared_day between $first and $last and (first_number is null or declaration_version = first_number)
order by declaration_id, item_number"""


def _read_items(con: Engine, days: PeriodDays, fields: Sequence[str]) -> pl.DataFrame:
    """The items of the period in the order of declarations and items, numbered by declaration."""
    columns = ", ".join(quote_identifier(name) for name in dict.fromkeys((*_HEADER, *fields)))
    found = fetch_frame(
        con, _FIRST_VERSIONS.format(columns=columns), {"first": day_of(days.first), "last": day_of(days.last)}
    )
    return found.with_columns(pl.col("declaration_id").rle_id().alias(DECLARATION))


def _with_features(
    con: Engine, items: pl.DataFrame, wanted: Sequence[str], *, as_of_day: int, progress: Progress
) -> pl.DataFrame:
    con.register("of_period", items.select(KEY).to_arrow())
    compute_features(con, "of_period", as_of_day=as_of_day, into="described", progress=progress)
    columns = ", ".join(quote_identifier(name) for name in wanted)
    described = fetch_frame(con, f"select {', '.join(KEY)}, {columns} from described")
    return items.join(described, on=KEY, how="left", maintain_order="left")


def _declarations(con: Engine, items: pl.DataFrame, days: PeriodDays, *, with_operators: bool) -> pl.DataFrame:
    """One row a declaration, in the order of the items."""
    result = fetch_frame(
        con,
        """select declaration_id, declaration_version, bool_or(is_irregular) as is_irregular, sum(revenue) as revenue,
  max(known_day) as known_day
from label group by declaration_id, declaration_version""",
    )
    found = items.group_by(DECLARATION, maintain_order=True).agg(
        pl.col("declaration_id", "declaration_version").first(),
        pl.col("office").min().fill_null(ONLY_OFFICE),
        day=pl.col("declared_day").min(),
        operator=pl.col("importer_id").min().replace("", None),
        # Null: no item says.
        is_oea=pl.when(pl.col("is_oea").is_not_null().any()).then(pl.col("is_oea").fill_null(value=False).any()),
    )
    found = found.join(result, on=("declaration_id", "declaration_version"), how="left", maintain_order="left")
    found = found.with_columns(
        pl.col("revenue").fill_null(0.0),
        pl.col("day").cast(pl.Int32).cast(pl.Date),
        known_on=pl.col("known_day").cast(pl.Int32).cast(pl.Date),
    )
    names = ["declaration_id", "office", "is_irregular", "revenue", "day", "known_on"]
    if with_operators:
        before = _operators_before(con, days.first)
        found = found.join(before, left_on="operator", right_on="importer_id", how="left", maintain_order="left")
        found = found.with_columns(pl.col("earlier").fill_null(0), pl.col("is_found_before").fill_null(value=False))
        names += ["operator", "is_oea", "earlier", "is_found_before"]
    return found.select(names)


def _operators_before(con: Engine, first: date) -> pl.DataFrame:
    """What was known of each operator the day before the period."""
    before = day_of(first) - 1
    label_items(con, as_of_day=before, into="label_before")
    return fetch_frame(
        con,
        """with found as (
  select distinct i.importer_id
  from items i join label_before l on l.declaration_id = i.declaration_id and l.item_number = i.item_number
  where l.is_irregular and i.importer_id is not null
), declared as (
  select importer_id, count(distinct declaration_id) as earlier
  from items where declared_day <= $before and importer_id is not null group by importer_id
)
select coalesce(d.importer_id, f.importer_id) as importer_id, coalesce(d.earlier, 0) as earlier,
  f.importer_id is not null as is_found_before
from declared d full join found f on f.importer_id = d.importer_id""",
        {"before": before},
    )


def _fields(conditions: Sequence[Condition], vocabulary: Vocabulary) -> tuple[frozenset[str], frozenset[str]]:
    """The fields that the conditions read, and the features of the catalog, also through a derived value."""
    read = {name for condition in conditions for one in model.walk(condition) for name in model.field_names(one)}
    for name in tuple(read):
        if vocabulary.names[name].source == "derived":
            read.update(DERIVED[name].inputs)
    features = frozenset(name for name in read if name in FEATURE)
    # An amount is one of a currency.
    return frozenset(read - features | {CURRENCY_FIELD, "item_number"}), features
