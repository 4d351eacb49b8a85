"""Amounts of other currencies into the history's, by dated rates: rows of a batch, rows of one message.

Enters: typed values as declared, rates. Leaves: the same in the history's currency, with what was declared beside them.
Never here: a rate of a later day; a row that is converted in part; another arithmetic for files than for messages.

Of each row the amounts in the value currency are multiplied by the rate, once, without rounding. The invoice stays in
its own currency, so the exchange rate, which leads from it to the values, is multiplied too.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time
from typing import Any

import polars as pl

from basira.ingest.rates import Amounts, Rate, Rates, RateTable
from basira.ingest.rows.faults import Fault
from basira.schema.codes import DEFAULT_CURRENCY
from basira.schema.days import date_of
from basira.schema.fields import DECLARATION_FIELDS, ITEM_FIELDS, OUTCOME_FIELDS
from basira.schema.records import ItemRow

Columns = dict[str, pl.Series]
_CONVERTED = frozenset(
    field.name
    for field in DECLARATION_FIELDS + ITEM_FIELDS + OUTCOME_FIELDS
    if (field.type == "amount" and field.unit == "value currency") or field.name == "exchange_rate"
)
# Of the declaration: one rate must lead from all of its items to it.
HEADER_AMOUNTS = tuple(field.name for field in DECLARATION_FIELDS if field.name in _CONVERTED)


def convert_columns(
    items: Columns, outcomes: Columns, rates: Rates, rows: pl.Series
) -> tuple[Columns, Columns, list[Fault]]:
    """Columns of a batch, converted; and the rows for which no rate is known. ``rows``: their numbers."""
    currencies = items.get("value_currency", pl.Series([DEFAULT_CURRENCY]).new_from_index(0, len(rows)))
    currencies = currencies.fill_null(DEFAULT_CURRENCY)
    places = (currencies != rates.currency).arg_true()
    if not len(places):
        return items, outcomes, []
    days = items["declared_at"].dt.epoch("d")
    columns = (column.gather(places).to_list() for column in (rows, currencies, days))
    found = rates.find_all([Amounts(*row) for row in zip(*columns, strict=True)])
    frame = pl.DataFrame(
        {
            "place": places,
            "rate": pl.Series([one and one.value for one in found], dtype=pl.Float64),
            "day": pl.Series([one and one.day for one in found], dtype=pl.Int32),
        }
    )
    spread = pl.DataFrame({"place": pl.int_range(len(rows), dtype=pl.UInt32, eager=True)}).join(
        frame.cast({"place": pl.UInt32}), on="place", how="left", maintain_order="left"
    )
    rate, day = spread["rate"], spread["day"]
    converted = {
        **{name: _times(values, rate) if name in _CONVERTED else values for name, values in items.items()},
        "value_currency": _where(rate, pl.lit(rates.currency), currencies),
        "declared_value_amount": _where(rate, items.get("customs_value_amount", pl.lit(None)), None, pl.Float64),
        "declared_currency": _where(rate, currencies, None),
        "conversion_rate": rate,
        "conversion_rate_on": day.cast(pl.Date).cast(pl.Datetime("us")),
    }
    results = {name: _times(values, rate) if name in _CONVERTED else values for name, values in outcomes.items()}
    faults = _unknown(rates, currencies, days, places, found)
    return {name: values.alias(name) for name, values in converted.items()}, results, faults


def _where(rate: pl.Series, then: Any, otherwise: Any, dtype: Any = pl.String) -> pl.Series:
    return pl.select(pl.when(rate.is_not_null()).then(then).otherwise(otherwise).cast(dtype)).to_series()


def _times(values: pl.Series, rate: pl.Series) -> pl.Series:
    return _where(rate, values * rate, values, pl.Float64).alias(values.name)


def _unknown(
    rates: Rates, currencies: pl.Series, days: pl.Series, places: pl.Series, found: Sequence[Rate | None]
) -> list[Fault]:
    if not isinstance(rates, RateTable):
        return []
    missing = [
        place for place, one in zip(places.to_list(), found, strict=True) if one is None and days[place] is not None
    ]
    if not missing:
        return []
    mask = pl.Series([False]).new_from_index(0, len(days)).scatter(missing, True)
    nearest = {place: rates.nearest(currencies[place], days[place]) for place in missing}
    shown = pl.Series([nearest.get(place) for place in range(len(days))], dtype=pl.String)
    return [Fault("value_currency", "no_rate", rates.expected, mask, currencies, shown)]


def convert_row(row: ItemRow, rate: Rate, currency: str) -> dict[str, object]:
    """One row of a message, converted to ``currency``: figure for figure what `convert_columns` makes of it."""
    declared = row["value_currency"] or DEFAULT_CURRENCY
    return {
        **row,
        **{name: row[name] * rate.value for name in _CONVERTED if row.get(name) is not None},
        "value_currency": currency,
        "declared_value_amount": row["customs_value_amount"],
        "declared_currency": declared,
        "conversion_rate": rate.value,
        "conversion_rate_on": datetime.combine(date_of(rate.day), time()),
    }
