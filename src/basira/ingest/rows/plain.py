"""Rows that are plainly valid, read one by one: what `parse_batch` and `shape_items` give, for a message of few rows.

Enters: the header and the items of one declaration as JSON values, named as the schema. Leaves: the same typed rows as
the columnar path, or None: not plain, ask that path. Never here: a refusal, a repair, a value that the columnar path
would read otherwise (a property test compares the two on both sides of every edge).

Columns are for files. For three rows they cost 11 ms, of which all but a tenth is starting one operation after another.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, time
from typing import Any

from basira.ingest.mapping.model import Column, SourceFormat
from basira.ingest.mapping.model import Mapping as SourceMapping
from basira.ingest.parse.codes import EXPONENT
from basira.schema.codes import DEFAULT_CURRENCY, country_codes, currency_codes
from basira.schema.days import day_of
from basira.schema.errors import MappingError
from basira.schema.fields import DECLARATION_FIELDS, ITEM_FIELDS, Field
from basira.schema.json_values import JsonObject
from basira.schema.names import MOST_OF_A_SOURCE, is_own_name
from basira.schema.tables import ITEMS
from basira.schema.text import find_odd, fold_identifier

Row = dict[str, Any]
Read = Callable[[Any], Any]

_COMMODITY = re.compile(r"(?!00)(?:[0-9]{2}){1,6}")
# The written forms that no reader of dates can take for another one; seconds up to 59.
_MOMENT = re.compile(
    r"[0-9]{4}-(?:0[1-9]|1[0-2])-[0-3][0-9](?:[T ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{6})?)?)?"
)
# What a spreadsheet writes in front: of an error, of a formula, of a text.
_MARKED = ("#", "Err", '="', "'", "\u2018", "\u2019")
_HEADER = frozenset(field.name for field in DECLARATION_FIELDS)
_REQUIRED = tuple(field.name for field in DECLARATION_FIELDS + ITEM_FIELDS if field.required)


class _NotPlainError(Exception):
    """A value that the columnar path must look at."""


class PlainRows:
    """The reader of one mapping whose columns are named as the schema's fields and written in the plain way."""

    def __init__(self, mapping: SourceMapping) -> None:
        """Raises MappingError for a mapping that translates anything but words of codes: its rows are never plain."""
        fields = {field.name: field for field in DECLARATION_FIELDS + ITEM_FIELDS}
        plain = SourceFormat(absent_columns=mapping.source.absent_columns)
        is_plain = mapping.source == plain and not mapping.constants and not mapping.extra and not mapping.outcome
        if not is_plain or any(
            column != Column(column=name, values=column.values if fields[name].type == "code" else {})
            for name, column in mapping.fields.items()
        ):
            raise MappingError(
                "Expected a mapping that names its columns as the schema and translates nothing, found {mapping!r}.",
                hint="Read this source by columns.",
                mapping=mapping.name,
            )
        self._nulls = frozenset(mapping.source.null_values)
        self._first = datetime.combine(mapping.source.earliest, time.min)
        self._last = datetime.combine(mapping.source.latest, time.max)
        self._readers = {
            name: _but(column.values, self._reader(fields[name])) if column.values else self._reader(fields[name])
            for name, column in mapping.fields.items()
        }

    def read(
        self, header: JsonObject, items: Sequence[JsonObject], *, source: str, received_at: datetime
    ) -> list[Row] | None:
        """The rows of the schema's `ITEMS`, one an item, in order of item number; None when a value is not plain.

        An item without a number has that of its place in the list.
        """
        try:
            return self._rows(header, items, source, received_at)
        except _NotPlainError:
            return None

    def _rows(self, header: JsonObject, items: Sequence[JsonObject], source: str, received_at: datetime) -> list[Row]:
        shared, extras = self._values(header)
        own = [self._values(item) for item in items]
        if not _HEADER.issuperset(shared) or any(not _HEADER.isdisjoint(values) for values, _ in own):
            raise _NotPlainError
        # A column that stands on any row has the rows' own values and no default.
        currency = None if any("value_currency" in values for values, _ in own) else DEFAULT_CURRENCY
        names = dict.fromkeys(name for _, found in own for name in found)
        if len(names) + len(extras) > MOST_OF_A_SOURCE:  # a name in both counts twice: then the other path counts
            raise _NotPlainError
        bare = {**_BARE, **names, "value_currency": currency}
        rows: list[Row] = []
        for number, (values, found) in enumerate(own, 1):
            row = {**bare, **shared, **extras, **values, **found}
            if row["item_number"] is None:
                row["item_number"] = number
            if row["declaration_version"] is None:
                row["declaration_version"] = 1
            if None in [row[name] for name in _REQUIRED]:
                raise _NotPlainError
            row["declared_day"] = day_of(row["declared_at"])
            row["source"], row["source_row"], row["received_at"] = source, number, received_at
            rows.append(row)
        numbers = [row["item_number"] for row in rows]
        if len(set(numbers)) < len(numbers):
            raise _NotPlainError
        return sorted(rows, key=lambda row: int(row["item_number"]))

    def _values(self, given: JsonObject) -> tuple[Row, Row]:
        """The fields' values, and the extras'."""
        values: Row = {}
        extras: Row = {}
        readers = self._readers
        for name, value in given.items():
            reader = readers.get(name)
            if reader is not None:
                values[name] = None if value is None else reader(value)
            elif is_own_name(name):
                extras[name] = None if value is None else self._text(value)
            else:
                raise _NotPlainError
        return values, extras

    # --- one value -------------------------------------------------------------------------------

    def _reader(self, field: Field) -> Read:
        if field.type == "text":
            return self._text if field.is_prose else self._identifier
        if field.type == "code":
            return self._code
        if field.type == "commodity":
            return self._commodity
        if field.type in ("country", "currency"):
            return _one_of(country_codes() if field.type == "country" else currency_codes(), self._nulls)
        if field.type == "timestamp":
            return self._moment
        if field.type == "flag":
            return _flag
        return _number(field)

    def _text(self, value: Any) -> str | None:
        if type(value) is not str:
            raise _NotPlainError
        if value in self._nulls:
            return None
        if value != value.strip() or "\x00" in value or value.startswith(_MARKED):
            raise _NotPlainError
        if not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                raise _NotPlainError from None
        return value

    def _code(self, value: Any) -> str | None:
        text = self._identifier(value)
        if text is None:
            return None
        if not text.isascii():
            raise _NotPlainError
        return text.upper()

    def _identifier(self, value: Any) -> str | None:
        text = self._text(value)
        if text is not None and EXPONENT in text:
            raise _NotPlainError
        if text is None or (text.isascii() and text.isprintable() and "  " not in text):
            return text
        if find_odd(text) is not None:
            raise _NotPlainError
        return fold_identifier(text) or None

    def _commodity(self, value: Any) -> str | None:
        if type(value) is not str or not _COMMODITY.fullmatch(value):
            raise _NotPlainError
        return value

    def _moment(self, value: Any) -> datetime:
        if type(value) is not str or not _MOMENT.fullmatch(value):
            raise _NotPlainError
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise _NotPlainError from None
        if not self._first <= moment <= self._last:
            raise _NotPlainError
        return moment


_BARE: Row = dict.fromkeys(ITEMS.names)


def _one_of(codes: frozenset[str], nulls: frozenset[str]) -> Read:
    def read(value: Any) -> str | None:
        if type(value) is not str:
            raise _NotPlainError
        if value in codes:
            return value
        if value in nulls:
            return None
        raise _NotPlainError

    return read


def _but(words: Iterable[str], read: Read) -> Read:
    """A reader of codes that leaves words with another meaning to the columnar path."""
    translated = {word.upper() for word in words}

    def read_other(value: Any) -> str | None:
        code: str | None = read(value)
        if code in translated:
            raise _NotPlainError
        return code

    return read_other


def _flag(value: Any) -> bool:
    if type(value) is not bool:
        raise _NotPlainError
    return value


def _number(field: Field) -> Read:
    if field.lowest is None or field.highest is None:
        raise MappingError(
            "Expected a closed range of {field}, found none.",
            hint="Complete the schema.",
            field=field.name,
        )
    low, high, is_whole = field.lowest, field.highest, field.type == "integer"

    def read(value: Any) -> float | int:
        # A truth value is a whole number to Python; NaN is outside every range.
        kind = type(value)
        if (kind is not int and (kind is not float or is_whole)) or not low <= value <= high:
            raise _NotPlainError
        return value if is_whole else float(value)

    return read
