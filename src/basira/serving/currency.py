"""Amounts of a declaration in the history's currency: as sent, converted by dated rates, or rejected.

Enters: a declaration, the profiles and the rates in force; or what the record has of a conversion. Leaves: the
declaration with its amounts converted, why it is rejected, or the same. Never here: a rate of a later day than the
declaration's; another figure than files give; a guess of the history's currency where neither profiles nor rates serve
(nothing is then compared).
"""

from __future__ import annotations

import logging
import tomllib
from datetime import date
from pathlib import Path

from pydantic import ValidationError

from basira.decisions.recorded import ConversionValues, ItemConversion
from basira.ingest.mapping.model import RatesSource
from basira.ingest.rates import Rate, RateTable, read_rates
from basira.ingest.rows.convert import HEADER_AMOUNTS, convert_row
from basira.schema.codes import DEFAULT_CURRENCY
from basira.schema.days import day_of
from basira.schema.errors import MappingError, StoreError
from basira.schema.records import ItemRow
from basira.serving.decide.scoring import OpenProfiles
from basira.serving.message import Declaration, FieldFault, Rejected

_LOG = logging.getLogger("basira.service")


class RatesInForce:
    """The rates that a TOML file names in its section `[rates]`, as a mapping does; read anew when they change."""

    def __init__(self, path: Path) -> None:
        """Raises MappingError when there is no such section, or its table can't be read."""
        self._path = path
        self._seen, self._table = self._read()

    @property
    def table(self) -> RateTable:
        """The rates as read last."""
        return self._table

    def refresh(self) -> None:
        """Read them again when a file changed. A file that can't be read is skipped and logged."""
        try:
            if _state(self._path, self._source()) != self._seen:
                self._seen, self._table = self._read()
                _LOG.info("rates_taken", extra={"fields": {"digest": self._table.digest}})
        except MappingError as error:
            _LOG.error("rates_not_taken", extra={"fields": {"error": type(error).__name__, "message": error.message}})

    def _read(self) -> tuple[object, RateTable]:
        source = self._source()
        seen = _state(self._path, source)  # before the reading: what changes meanwhile is read again
        table = read_rates(self._path.parent / source.file, currency=source.currency, most_days=source.most_days)
        return seen, table

    def _source(self) -> RatesSource:
        try:
            section = tomllib.loads(self._path.read_text(encoding="utf-8-sig")).get("rates")
            return RatesSource.model_validate(section)
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError) as error:
            raise MappingError(
                "Expected a TOML file with a section [rates] at {path!r}, found: {error}.",
                hint="Name a mapping with [rates], or a file of this section alone: docs/reference/mapping.md.",
                path=str(self._path),
                error=str(error).splitlines()[0],
            ) from None


def _state(path: Path, source: RatesSource) -> object:
    try:
        return [(found.st_mtime_ns, found.st_size) for found in (path.stat(), (path.parent / source.file).stat())]
    except OSError:
        return None


def in_history_currency(declaration: Declaration, rates: RateTable | None) -> Declaration:
    """The declaration with its amounts converted, where each rate is known; else as it was sent."""
    if rates is None:
        return declaration
    found = [_rate_of(row, rates) for row in declaration.rows]
    if all(one is None for one in found):
        return declaration
    is_known = all(
        one is not None or _currency(row) == rates.currency for row, one in zip(declaration.rows, found, strict=True)
    )
    if not is_known or _is_mixed(declaration):
        return declaration
    return _convert(declaration, found, rates.currency)


def _rate_of(row: ItemRow, rates: RateTable) -> Rate | None:
    currency = _currency(row)
    return None if currency == rates.currency else rates.find(currency, day_of(row["declared_at"]))


def _convert(declaration: Declaration, found: list[Rate | None], currency: str) -> Declaration:
    rows = tuple(
        row if rate is None else convert_row(row, rate, currency)
        for row, rate in zip(declaration.rows, found, strict=True)
    )
    return Declaration(rows, declaration.has_version, declaration.rows)


def _currency(row: ItemRow) -> str:
    return str(row["value_currency"] or DEFAULT_CURRENCY)


def _is_mixed(declaration: Declaration) -> bool:
    """Whether items have several currencies while the header has amounts, whose currency is then unknown."""
    header = declaration.rows[0]
    return len({_currency(row) for row in declaration.rows}) > 1 and any(
        header[name] is not None for name in HEADER_AMOUNTS
    )


def currency_fault(declaration: Declaration, profiles: OpenProfiles, rates: RateTable | None) -> Rejected | None:
    """Why a declaration's values can't be set beside the history's; intake of files rejects the same rows."""
    if declaration.declared is None:
        fault = _no_rate(declaration, rates) if rates is not None and not _is_mixed(declaration) else None
        if fault := fault or _find_mixed(declaration):
            return Rejected((fault,), declaration.declaration_id)
    try:
        known = profiles.profiles().currencies
    except (StoreError, OSError):
        return None
    found = _currency(declaration.rows[0])
    if not known or found in known:
        return None
    expected = f"values in {' or '.join(known)}, as the history's; found {found}"
    return Rejected((FieldFault(None, "value_currency", "other_currency", expected),), declaration.declaration_id)


def _no_rate(declaration: Declaration, rates: RateTable) -> FieldFault | None:
    for row in declaration.rows:
        currency, day = _currency(row), day_of(row["declared_at"])
        if currency != rates.currency and rates.find(currency, day) is None:
            expected = f"{rates.expected}; found {rates.nearest(currency, day)}"
            return FieldFault(None, "value_currency", "no_rate", expected)
    return None


def _find_mixed(declaration: Declaration) -> FieldFault | None:
    """The first item in the list whose value is of another currency than the one before it."""
    first, *others = sorted(declaration.rows, key=lambda row: int(row["source_row"]))
    for row in others:
        if _currency(row) != _currency(first):
            expected = f"one currency in a declaration: {_currency(first)} as in item 1, not {_currency(row)}"
            return FieldFault(int(row["source_row"]), "value_currency", "currency_conflict", expected)
    return None


def conversion_values(declaration: Declaration, rates_digest: str) -> ConversionValues | None:
    """The record of a conversion, so that it can be repeated and shown; None where nothing was converted."""
    if declaration.declared is None:
        return None
    items: list[ItemConversion] = [
        {
            "item_number": row["item_number"],
            "declared_amount": row["declared_value_amount"],
            "declared_currency": row["declared_currency"],
            "rate": row["conversion_rate"],
            "rate_on": row["conversion_rate_on"].date().isoformat(),
        }
        for row in declaration.rows
        if row["declared_currency"] is not None
    ]
    return {"currency": declaration.rows[0]["value_currency"], "rates_digest": rates_digest, "items": items}


def recorded_rates(conversion: ConversionValues | None) -> tuple[str, dict[int, Rate]]:
    """The recorded conversion of an arrival: its target currency, and the rate of each item by number."""
    if conversion is None:
        return "", {}
    return str(conversion["currency"]), {
        int(item["item_number"]): Rate(float(item["rate"]), day_of(date.fromisoformat(item["rate_on"])))
        for item in conversion["items"]
    }


def convert_as_recorded(declaration: Declaration, conversion: ConversionValues | None) -> Declaration:
    """A recorded declaration with its amounts at the recorded rates, also when the rates have changed since."""
    currency, rates = recorded_rates(conversion)
    if not rates:
        return declaration
    return _convert(declaration, [rates.get(int(row["item_number"])) for row in declaration.rows], currency)
