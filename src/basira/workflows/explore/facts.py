"""The items of the history that a question is about, with the results known now, as tables of an engine.

Enters: an engine with a snapshot, conditions, days. Leaves: tables `amended`, `picked`, `result`. Never here: an
earlier version of a declaration that was amended; a result that became known after ``known_until``.

Other than features, which know no more than the previous day, this is the present: what a declaration says now, and
what is known of it now.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta

from basira.engines.engine import Engine
from basira.schema.days import date_of, day_of
from basira.schema.sql import quote_identifier
from basira.storage.engine import open_engine
from basira.storage.history.store import History, register
from basira.workflows.engine import EngineBounds


@dataclass(frozen=True)
class Days:
    """From ``first`` to ``last``, both included, by the day of declaration. ``known_until``: the last day whose results
    count."""

    first: date
    last: date
    known_until: date


@dataclass(frozen=True)
class Condition:
    """A column of `items` that has a value. ``is_prefix``: or begins with it."""

    column: str
    value: str
    is_prefix: bool = False


@dataclass(frozen=True)
class Totals:
    """Of some items. ``value``, ``tax``: sums in ``currency``, the most frequent one (None without any amount);
    ``other_currency``: items whose amounts are in another, and not in the sums. ``mass_kg``: net. ``first``, ``last``:
    days of the first and the last declaration; None without any."""

    declarations: int
    items: int
    value: float
    tax: float
    mass_kg: float
    currency: str | None
    other_currency: int
    offices: int
    first: date | None
    last: date | None


@dataclass(frozen=True)
class Results:
    """What inspections found, counted in whatever a reader looks at: ``known`` with a result, of which ``irregular``.
    ``revenue``: found by them, in the currency of the results."""

    known: int
    irregular: int
    revenue: float


# What is read of an item; `k` is its key, as far as results need it.
COLUMNS = (
    "declaration_id",
    "item_number",
    "declared_day",
    "office",
    "importer_id",
    "declarant_id",
    "exporter_id",
    "commodity_code",
    "origin_country",
    "customs_value_amount",
    "value_currency",
    "total_tax_amount",
    "net_mass_kg",
)
AMENDED = """select declaration_id, max(declaration_version) as latest from items
where declaration_version > 1 group by declaration_id"""
# Where only the first of a declaration's versions is not the newest, most of them need no comparison.
IS_NEWEST = "(a.latest is null or a.latest = i.declaration_version)"


@dataclass(frozen=True)
class Past:
    """The newest snapshot on an engine. ``first``, ``last``: days of the first and the last declaration that it holds;
    None of an empty one."""

    con: Engine
    first: date | None
    last: date | None

    def months(self, days: Days) -> list[str]:
        """The months of a period that the history covers, YYYY-MM, in order; those without a declaration, too. Of other
        months nothing is known, which is not zero."""
        if self.first is None or self.last is None:
            return []
        return months_of(max(days.first, self.first), min(days.last, self.last))


@contextmanager
def open_past(history: History, bounds: EngineBounds) -> Iterator[Past]:
    """The newest snapshot on an engine, with the table `amended`. Raises UsageError when ``bounds.seconds`` are over,
    and as `History.snapshot`."""
    snapshot = history.snapshot()
    entries = snapshot.tables["items"]
    first = [one.first_day for one in entries if one.first_day is not None]
    last = [one.last_day for one in entries if one.last_day is not None]
    with open_engine(
        reads=snapshot.all_files(), memory=bounds.memory, threads=bounds.threads, seconds=bounds.seconds
    ) as con:
        register(con, snapshot)
        con.create_table("amended", AMENDED)
        yield Past(con, date_of(min(first)) if first else None, date_of(max(last)) if last else None)


def pick_items(con: Engine, conditions: Sequence[Condition], days: Days, *, columns: Sequence[str] = COLUMNS) -> None:
    """Make the table `picked`: the items of the declarations' newest versions that meet every condition."""
    shown = ", ".join(f"i.{quote_identifier(name)}" for name in columns)
    con.create_table(
        "picked",
        f"""select {shown} from items i left join amended a on a.declaration_id = i.declaration_id
where i.declared_day between $first and $last and {IS_NEWEST} and {conditions_sql(conditions)}""",
        {"first": day_of(days.first), "last": day_of(days.last), **condition_values(conditions)},
    )


def conditions_sql(conditions: Sequence[Condition]) -> str:
    """The conditions on `items i` as SQL; its parameters are those of `condition_values`."""
    return " and ".join(["true", *(_condition_sql(one, number) for number, one in enumerate(conditions))])


def _condition_sql(one: Condition, number: int) -> str:
    column = quote_identifier(one.column)
    if one.is_prefix:  # the interval says the same, and lets whole parts of a file be passed over
        return (
            f"i.{column} between $value_{number} and $value_{number} || chr(1114111) "
            f"and starts_with(i.{column}, $value_{number})"
        )
    return f"i.{column} = $value_{number}"


def condition_values(conditions: Sequence[Condition]) -> dict[str, object]:
    """The parameters of `conditions_sql`."""
    return {f"value_{number}": one.value for number, one in enumerate(conditions)}


def find_results(con: Engine, days: Days) -> None:
    """Make the table `result` of the declarations in `picked`: the last result of each item, 0 for a result of the
    whole declaration; only those that say whether there is an irregularity."""
    con.create_table(
        "result",
        """with latest as (
  select o.declaration_id, coalesce(o.item_number, 0) as item_number, o.is_irregular, o.is_inspected,
    o.additional_revenue_amount as revenue
  from outcomes o semi join picked p on p.declaration_id = o.declaration_id
  where o.known_day <= $known
  qualify row_number() over (
    partition by o.declaration_id, coalesce(o.item_number, 0)
    order by o.known_at desc, o.received_at desc, o.source desc, o.source_row desc
  ) = 1
)
select declaration_id, item_number, is_irregular, coalesce(revenue, 0) as revenue from latest
where is_irregular is not null and coalesce(is_inspected, true)""",
        {"known": day_of(days.known_until)},
    )


def find_totals(con: Engine) -> Totals:
    """Of the items in `picked`."""
    ((declarations, items, mass, offices, first, last, currency),) = con.fetch_rows(
        """select count(distinct declaration_id), count(*), coalesce(sum(net_mass_kg), 0), count(distinct office),
  min(declared_day), max(declared_day), mode(value_currency) from picked"""
    )
    ((value, tax, other),) = con.fetch_rows(
        """select coalesce(sum(customs_value_amount) filter (value_currency is not distinct from $currency), 0),
  coalesce(sum(total_tax_amount) filter (value_currency is not distinct from $currency), 0),
  count(*) filter (value_currency is distinct from $currency) from picked""",
        {"currency": currency},
    )
    return Totals(
        declarations,
        items,
        float(value),
        float(tax),
        float(mass),
        currency,
        other,
        offices,
        None if first is None else date_of(first),
        None if last is None else date_of(last),
    )


def months_of(first: date, last: date) -> list[str]:
    """The months of a period, YYYY-MM, in order; none of one that ends before it begins.

    >>> months_of(date(2025, 12, 31), date(2026, 1, 1))
    ['2025-12', '2026-01']
    """
    month, found = first.replace(day=1), []
    while month <= last:
        found.append(month.isoformat()[:7])
        month = (month + timedelta(days=32)).replace(day=1)
    return found
