"""Items of the past, looked up by what was declared: number, operator, code, origin, words of the description, days.

Enters: a store, what to look for, days, where the page before ended. Leaves: items, the latest declaration first, a
page at a time. Never here: an earlier version of a declaration that was amended.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from basira.schema.days import date_of, day_of
from basira.storage.history.store import History
from basira.workflows.engine import EngineBounds
from basira.workflows.explore.facts import IS_NEWEST, Condition, Days, condition_values, conditions_sql, open_past


@dataclass(frozen=True)
class ItemSearch:
    """What to look for; "" and (): whatever. ``prefix``: how the declaration's number begins; ``code``: how the
    commodity code begins. ``operator``: in whichever part. ``words``: parts of the description, each of which it has;
    accents and capitals are the same."""

    prefix: str = ""
    operator: str = ""
    code: str = ""
    origin: str = ""
    office: str = ""
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Place:
    """Where a page ends: the last item on it."""

    day: int
    declaration_id: str
    item_number: int


@dataclass(frozen=True)
class FoundItem:
    """An item of a declaration's newest version. ``value``: in ``currency``; None where none was declared."""

    declaration_id: str
    item_number: int
    declared_on: date
    office: str | None
    importer_id: str | None
    code: str
    origin: str | None
    description: str | None
    value: float | None
    currency: str | None

    @property
    def place(self) -> Place:
        """Where a page ends that ends with this item."""
        return Place(day_of(self.declared_on), self.declaration_id, self.item_number)


@dataclass(frozen=True)
class FoundItems:
    """A page. ``history_until``: day of the last declaration in the history; None of an empty one."""

    items: list[FoundItem]
    history_until: date | None


@dataclass(frozen=True)
class PageAsked:
    """``limit``: items at most; ``after``: where the page before ended."""

    limit: int
    after: Place | None = None


def search_items(
    history: History, wanted: ItemSearch, days: Days, asked: PageAsked, *, bounds: EngineBounds
) -> FoundItems:
    """Items that meet everything that is wanted, the latest day first, then by number and item. Raises UsageError when
    it takes longer than ``bounds`` allow, StoreError for a damaged store."""
    conditions = _conditions(wanted)
    values = {"first": day_of(days.first), "last": day_of(days.last), **condition_values(conditions)}
    values |= {"operator": wanted.operator, "limit": asked.limit}
    values |= {f"word_{number}": word for number, word in enumerate(wanted.words)}
    if asked.after is not None:
        place = asked.after
        values |= {"day": place.day, "declaration": place.declaration_id, "item": place.item_number}
    met = " and ".join(
        [
            conditions_sql(conditions),
            _OPERATOR if wanted.operator else "true",
            *(_word_sql(number) for number in range(len(wanted.words))),
            _AFTER if asked.after is not None else "true",
        ]
    )
    with open_past(history, bounds) as past:
        rows = past.con.fetch_rows(
            f"""select i.declaration_id, i.item_number, i.declared_day, i.office, i.importer_id, i.commodity_code,
  i.origin_country, i.description, i.customs_value_amount, i.value_currency
from items i left join amended a on a.declaration_id = i.declaration_id
where i.declared_day between $first and $last and {IS_NEWEST} and {met}
order by i.declared_day desc, i.declaration_id, i.item_number limit $limit""",
            values,
        )
        found = [FoundItem(number, item, date_of(day), *rest) for number, item, day, *rest in rows]
        return FoundItems(found, past.last)


_OPERATOR = "(i.importer_id = $operator or i.declarant_id = $operator or i.exporter_id = $operator)"
_AFTER = "(-i.declared_day, i.declaration_id, i.item_number) > (-$day, $declaration, $item)"


def _word_sql(number: int) -> str:
    """Whether the description has a word, as people type it: without regard to accents and capitals."""
    return f"contains(strip_accents(lower(i.description)), strip_accents(lower($word_{number})))"


def _conditions(wanted: ItemSearch) -> list[Condition]:
    return [
        Condition(column, value, is_prefix)
        for column, value, is_prefix in (
            ("declaration_id", wanted.prefix, True),
            ("commodity_code", wanted.code, True),
            ("origin_country", wanted.origin, False),
            ("office", wanted.office, False),
        )
        if value
    ]
