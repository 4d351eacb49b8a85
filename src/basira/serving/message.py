"""A declaration or a result as the schema's JSON, read by the rules that hold for files.

Enters: a parsed JSON value. Leaves: typed rows, or `Rejected` with every fault. Never here: a rule of its own, the
store, a fault that is left out.

Each item becomes a row of text, as a line of a JSON-lines file does, and goes through the same `parse_batch`; what only
JSON can hold is checked before: types, moments with a zone (made local, as the host's clock is), NaN as a text. A
declaration whose every value is plain is read by `PlainRows`, which gives the same rows in a hundredth of the time.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Required, TypedDict, cast

from basira.decisions.recorded import Content
from basira.feedback.results import complete_results
from basira.ingest.mapping.columns import without_absent
from basira.ingest.mapping.model import ITEM_SIDE, OUTCOME_SIDE, load_mapping
from basira.ingest.mapping.model import Mapping as SourceMapping
from basira.ingest.parse.codes import DIGITS_HINT
from basira.ingest.parse.numbers import PERCENT_HINT
from basira.ingest.readers.source import SourceBatch, batch_of_records
from basira.ingest.rows.parse import parse_batch
from basira.ingest.rows.plain import PlainRows
from basira.ingest.rows.shape import shape_items, shape_outcomes
from basira.schema.fields import DECLARATION_FIELDS, EXTRA_PREFIX, FIELDS, ITEM_FIELDS, OUTCOME_FIELDS
from basira.schema.json_values import JsonObject
from basira.schema.names import MOST_OF_A_SOURCE, RULE, invalid_own_names
from basira.schema.records import ItemRow
from basira.storage.record.chain import is_storable

HEADER = tuple(field.name for field in DECLARATION_FIELDS)
ITEM = tuple(field.name for field in ITEM_FIELDS)
PERSONAL = frozenset(field.name for field in FIELDS if field.personal)
# What the sender writes as they like, which may name persons; a source's own x_ fields are texts too.
TEXTS = frozenset(f.name for f in FIELDS if f.type == "text" and not f.personal and f.name != "declaration_id")
MOST_ITEMS = 1_000
# What a declaration may cost is counted before any work on it. As columns it is a table: a row for each item, a column
# for each name that any of them has, the header's texts in every row. A thousand items with all the schema's fields and
# forty more of their own are 75,000 cells, and some 2,000,000 characters.
MOST_CELLS = 100_000
MOST_CHARACTERS = 4_000_000
# Of one value. A description that a person reads has a few hundred; a number has 30 digits at most.
MOST_VALUE_CHARACTERS = 10_000
_MOST_BITS = 128
# Of several declarations, read as one table: some 20 ms, between which others get their turn. To begin one takes as
# long.
_CELLS_TOGETHER = 20_000
# So much later than now a declaration or a result is dated at most: clocks differ, and zones; a mistyped year is more.
MOST_AHEAD = timedelta(days=1)
# What the record's columns hold of them.
_LONGEST = {"declaration_id": 200, "office": 80}
_LONGEST_NAME = 100
# Of one object, reported names that the schema does not have.
_MOST_UNKNOWN = 10
# Of one declaration, reported names of its own.
_MOST_ODD = 10
# Of one declaration, reported item numbers that repeat.
_MOST_REPEATED = 10
# Of one declaration, reported values that are too long.
_MOST_BEYOND = 10
# Of a code of an odd number of digits: a message has no mapping that defines how many there should be.
_LEADING_ZERO = ", sent as a text with its leading zero"
# Written as a number or true it would be an office of its own, with slots of its own.
_ONLY_TEXT = frozenset({"office"})
_NUMBERS = frozenset(field.name for field in FIELDS if field.type in ("amount", "measure", "rate", "integer"))
_ZONED = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)",
    re.IGNORECASE,
)

_HEADER_NAMES, _ITEM_NAMES = frozenset(HEADER), frozenset(ITEM)
_HEADER_RECORDED = tuple(n for n in HEADER if n not in PERSONAL and n != "declaration_version")
_HEADER_WITHOUT_TEXTS = tuple(n for n in _HEADER_RECORDED if n not in TEXTS)
_HEADER_TEXTS = tuple(n for n in _HEADER_RECORDED if n in TEXTS)
_ITEM_WITHOUT_TEXTS = tuple(n for n in ITEM if n not in TEXTS)
_ITEM_TEXTS = tuple(n for n in ITEM if n in TEXTS)
_RESULT = tuple(field.name for field in OUTCOME_FIELDS)


@dataclass(frozen=True)
class FieldFault:
    """One thing wrong: in which item (None: the declaration), which field, and the quarantine's stable code."""

    item: int | None
    field: str | None
    code: str
    expected: str


@dataclass(frozen=True)
class Rejected:
    """A body that is rejected. ``is_conflict``: it contradicts what is recorded, rather than the schema.
    ``status``: the declaration's, as answers show it, where that helps."""

    faults: tuple[FieldFault, ...]
    declaration_id: str | None = None
    is_conflict: bool = False
    status: Mapping[str, object] | None = None


class OutcomeRow(TypedDict, total=False):
    """An inspection result: the schema's fields of `OUTCOMES` that have a value, of which these are checked further.
    ``known_at``: always there."""

    item_number: int
    known_at: Required[datetime]
    inspected_at: datetime
    is_irregular: bool
    additional_revenue_amount: float
    inspection_lane: str
    inspector_id: str


@dataclass(frozen=True)
class Declaration:
    """A valid declaration: its items as rows of the schema's `ITEMS`, header repeated, in order of item number.

    ``has_version``: the sender gave the version; else Basira numbers it. ``declared``: the same rows as they were sent,
    where the amounts of ``rows`` were converted; None: nothing was.
    """

    rows: tuple[ItemRow, ...]
    has_version: bool
    declared: tuple[ItemRow, ...] | None = None

    @property
    def declaration_id(self) -> str:
        return str(self.rows[0]["declaration_id"])

    @property
    def version(self) -> int:
        return int(self.rows[0]["declaration_version"])

    def with_version(self, version: int) -> Declaration:
        """The same under another version number."""
        rows, declared = (
            None if those is None else tuple({**row, "declaration_version": version} for row in those)
            for those in (self.rows, self.declared)
        )
        return replace(self, rows=rows or (), declared=declared)

    def content(self) -> Content:
        """Header and items as they were sent, as JSON values, nothing personal, nulls and the version left out."""
        return self._values(_HEADER_RECORDED, [*ITEM, *self._extras()])

    def content_without_texts(self) -> Content:
        """The same without free texts."""
        return self._values(_HEADER_WITHOUT_TEXTS, _ITEM_WITHOUT_TEXTS)

    def texts(self) -> Content | None:
        """The free texts alone, in the places that they have in `content`; None when there are none."""
        found = self._values(_HEADER_TEXTS, [*_ITEM_TEXTS, *self._extras()])
        return found if found["header"] or any(found["items"]) else None

    def _values(self, header: Sequence[str], item: Sequence[str]) -> Content:
        rows = self.declared or self.rows
        return {"header": json_values(rows[0], header), "items": [json_values(row, item) for row in rows]}

    def _extras(self) -> list[str]:
        return [name for name in self.rows[0] if name.startswith(EXTRA_PREFIX)]

    def personal(self) -> dict[str, str]:
        """The personal values of the header."""
        return {name: self.rows[0][name] for name in HEADER if name in PERSONAL and self.rows[0][name] is not None}


def read_declaration(body: object, *, received_at: datetime) -> Declaration | Rejected:
    """One declaration of a JSON object: the header's fields and ``items``."""
    parts = _parts(body)
    if isinstance(parts, Rejected):
        return parts
    plain = _plainly(parts, received_at)
    return plain or read_by_columns(parts.header, parts.items, parts.declaration_id, received_at=received_at)


def read_recorded(body: object, *, received_at: datetime) -> Declaration | Rejected:
    """Read a declaration of the record. An earlier version may have taken it: its own names and its size are not
    checked. Its names lead to values, and never into a statement."""
    parts = _parts(body, is_recorded=True)
    if isinstance(parts, Rejected):
        return parts
    plain = _plainly(parts, received_at)
    if plain is not None:
        return plain
    (found,) = _by_columns([parts], received_at)
    return found


def read_declarations(
    bodies: Sequence[object], *, received_at: datetime, pause: Callable[[], None] = lambda: None
) -> list[Declaration | Rejected]:
    """Each of several, as `read_declaration` reads it alone, in a tenth of the time. ``pause``: called before each
    group of those that are read together."""
    found: list[Declaration | Rejected | None] = [read_plainly(body, received_at=received_at) for body in bodies]
    parts = [_parts(body) for body, one in zip(bodies, found, strict=True) if one is None]
    read = iter(_by_columns([one for one in parts if isinstance(one, _Parts)], received_at, pause))
    return [next(read) if one is None else one for one in found]


def read_plainly(body: object, *, received_at: datetime) -> Declaration | Rejected | None:
    """Read it where that takes no time; None where it needs columns, which take some 8 ms."""
    parts = _parts(body)
    return parts if isinstance(parts, Rejected) else _plainly(parts, received_at)


@dataclass(frozen=True)
class _Parts:
    """A declaration's header and items, with unchecked values. ``declaration_id``: None when it is not a text.
    ``is_recorded``: it comes from the record; its own names are not checked again."""

    header: JsonObject
    items: Sequence[JsonObject]
    declaration_id: str | None
    is_recorded: bool = False


def _parts(body: object, *, is_recorded: bool = False) -> _Parts | Rejected:
    if not isinstance(body, dict):
        return _reject(None, None, "bad_json", "a JSON object: a declaration with its items")
    named = body.get("declaration_id")
    declaration_id = named if isinstance(named, str) and is_storable(named) else None
    items = body.get("items")
    if not isinstance(items, list) or not 1 <= len(items) <= MOST_ITEMS or not all(isinstance(i, dict) for i in items):
        is_list = isinstance(items, list) and all(isinstance(item, dict) for item in items)
        code = "missing" if not items else "out_of_range" if is_list else "bad_json"
        return _reject(declaration_id, "items", code, f"a list of 1 to {MOST_ITEMS:,} objects")
    header = {name: value for name, value in body.items() if name != "items"}
    if not is_recorded and (faults := _beyond(header, items)):
        return Rejected(faults, declaration_id)
    if "declared_at" in header:
        header["declared_at"] = _local(header["declared_at"])
    return _Parts(header, items, declaration_id, is_recorded)


def _beyond(header: JsonObject, items: Sequence[JsonObject]) -> tuple[FieldFault, ...]:
    """What makes a declaration too costly to read, in time that grows with its bytes alone."""
    names: set[str] = set(header)
    faults: list[FieldFault] = []
    characters = 0
    for place, values in enumerate((header, *items)):
        names.update(values)
        length = 0
        for name, value in values.items():
            if isinstance(value, str):
                length += len(value)
                if len(value) > MOST_VALUE_CHARACTERS:
                    faults.append(_too_long(name, place, f"at most {MOST_VALUE_CHARACTERS:,} characters"))
            elif isinstance(value, int) and value.bit_length() > _MOST_BITS:  # to write it as text takes its square
                faults.append(_too_long(name, place, "a number of fewer digits"))
        characters += length if place else length * len(items)
    if len(names) * len(items) > MOST_CELLS:
        most = f"at most {MOST_CELLS:,} cells, which are items times the different names among them"
        faults.append(FieldFault(None, "items", "out_of_range", f"{most}; found {len(items):,} times {len(names):,}"))
    if characters > MOST_CHARACTERS:
        most = f"at most {MOST_CHARACTERS:,} characters, the header's counted for each item"
        faults.append(FieldFault(None, "items", "out_of_range", f"{most}; found {characters:,}"))
    return tuple(faults[:_MOST_BEYOND])


def _too_long(name: str, place: int, expected: str) -> FieldFault:
    shown = name[:_LONGEST_NAME] if name.isprintable() else None
    return FieldFault(place or None, shown, "out_of_range", expected)


def _local(value: object) -> object:
    """A moment with Z or an offset as the host's local time, as the schema's moments are; any other value as it is."""
    if not isinstance(value, str) or not _ZONED.fullmatch(value):
        return value
    try:
        return datetime.fromisoformat(value.upper()).astimezone().replace(tzinfo=None).isoformat()
    except (ValueError, OverflowError, OSError):  # no such day or offset, or beyond a clock's range
        return value


def _plainly(parts: _Parts, received_at: datetime) -> Declaration | None:
    rows = _plain(is_recorded=parts.is_recorded).read(parts.header, parts.items, source="api", received_at=received_at)
    if rows is None or any(len(rows[0][name] or "") > most for name, most in _LONGEST.items()):
        return None
    if rows[0]["declared_at"] > received_at + MOST_AHEAD:
        return None
    return Declaration(tuple(rows), parts.header.get("declaration_version") is not None)


def read_by_columns(
    header: JsonObject, items: Sequence[JsonObject], declaration_id: str | None, *, received_at: datetime
) -> Declaration | Rejected:
    """Read it by the columnar path of files, with any values; find every fault."""
    (found,) = _by_columns([_Parts(header, items, declaration_id)], received_at)
    return found


def _by_columns(
    several: Sequence[_Parts], received_at: datetime, pause: Callable[[], None] = lambda: None
) -> list[Declaration | Rejected]:
    """Each as if it were alone: a column is parsed row by row, and one that a declaration lacks is empty in its rows,
    so all share batches. A batch costs by its columns, however few rows it has: one for each set of columns would let a
    list of declarations cost a hundred times what its bytes say."""
    found: dict[int, Declaration | Rejected] = {}
    tables: list[_Table] = []
    for n, parts in enumerate(several):
        records = _records(parts)
        if isinstance(records, Rejected):
            found[n] = records
        else:
            tables.append(_Table.of(n, records))
    for group in _batches(tables):
        pause()
        found |= _read_together(group, several, received_at)
    return [found[n] for n in range(len(several))]


@dataclass(frozen=True)
class _Table:
    """One declaration's rows of text. ``number``: its place among several; ``columns``: the schema's that it has;
    ``own``: its own names, each of which the rows hold under the name of its place (`_stand_in`)."""

    number: int
    rows: Sequence[dict[str, str | None]]
    columns: frozenset[str]
    own: tuple[str, ...]

    @classmethod
    def of(cls, number: int, records: Sequence[dict[str, str | None]]) -> _Table:
        names = dict.fromkeys(name for record in records for name in record)
        own = tuple(name for name in names if name.startswith(EXTRA_PREFIX))
        if not own:
            return cls(number, records, frozenset(names), ())
        places = {name: _stand_in(place) for place, name in enumerate(own)}
        rows = [{places.get(name, name): text for name, text in record.items()} for record in records]
        return cls(number, rows, frozenset(names) - frozenset(own), own)

    def row(self, shaped: ItemRow, place: int) -> ItemRow:
        """A row of the batch as this declaration's: its own names again, and no other one's."""
        row = {name: value for name, value in shaped.items() if not name.startswith(EXTRA_PREFIX)}
        row |= {name: shaped[_stand_in(number)] for number, name in enumerate(self.own)}
        return row | {"source_row": place}

    def restore_names(self, text: str) -> str:
        """Put this declaration's own names back into a fault's text."""
        return _STAND_IN.sub(lambda found: self.own[int(found[1])], text)


def _stand_in(place: int) -> str:
    """The name by which a batch holds the own name at a place. It has a noncharacter, which a fault removes from a
    sender's text."""
    return f"{EXTRA_PREFIX}\ufdd0{place}\ufdd0"


_STAND_IN = re.compile(f"{EXTRA_PREFIX}\ufdd0([0-9]+)\ufdd0")


def _batches(tables: Sequence[_Table]) -> Iterator[Sequence[_Table]]:
    """In order, those that are read together: at most `_CELLS_TOGETHER`, or one alone."""
    group: list[_Table] = []
    columns: frozenset[str] = frozenset()
    rows = own = 0
    for table in tables:
        wider, most_own = columns | table.columns, max(own, len(table.own))
        if group and (rows + len(table.rows)) * (len(wider) + most_own) > _CELLS_TOGETHER:
            yield group
            group, rows, wider, most_own = [], 0, table.columns, len(table.own)
        group.append(table)
        rows, columns, own = rows + len(table.rows), wider, most_own
    if group:
        yield group


def _read_together(
    group: Sequence[_Table], several: Sequence[_Parts], received_at: datetime
) -> dict[int, Declaration | Rejected]:
    batch, mapping = _batch(
        [row for table in group for row in table.rows],
        "basira",
        frozenset(ITEM_SIDE),
        is_recorded=any(several[table.number].is_recorded for table in group),
    )
    parsed = parse_batch(batch, mapping)
    # Of each row of the batch the declaration, and the place among its items.
    places = [(table, place) for table in group for place in range(1, len(table.rows) + 1)]
    faults: dict[int, list[FieldFault]] = {}
    for refusal in parsed.refusals:
        table, place = places[refusal.row - 1]
        # Every row repeats the header, so its fault would be reported once an item.
        item = None if refusal.field in _HEADER_NAMES else place
        expected = table.restore_names(refusal.expected).replace(PERCENT_HINT, "").replace(DIGITS_HINT, _LEADING_ZERO)
        field = refusal.field and table.restore_names(refusal.field)
        faults.setdefault(table.number, []).append(FieldFault(item, field, refusal.code, expected))
    rows: dict[int, list[ItemRow]] = {}
    if len(faults) < len(group):
        shaped = shape_items(parsed.items, mapping, source="api", received_at=received_at)
        for row in shaped.to_pylist():
            table, place = places[row["source_row"] - 1]
            rows.setdefault(table.number, []).append(table.row(row, place))
    found: dict[int, Declaration | Rejected] = {}
    for n in (table.number for table in group):
        found[n] = (
            Rejected(tuple(dict.fromkeys(faults[n])), several[n].declaration_id)
            if n in faults
            else _from_rows(rows.get(n, []), several[n], received_at)
        )
    return found


def _records(parts: _Parts) -> list[dict[str, str | None]] | Rejected:
    """The items as rows of text, header repeated, as in a file."""
    faults = _find_unknown(parts.header, _HEADER_NAMES, None)
    for number, item in enumerate(parts.items, 1):
        faults += _find_unknown(item, _ITEM_NAMES, number)
    if not parts.is_recorded:
        faults += _odd_names(parts)
    # As in a file without item numbers: each item has its place in the list.
    numbered = [
        item if item.get("item_number") is not None else {**item, "item_number": n}
        for n, item in enumerate(parts.items, 1)
    ]
    records = [_texts({**parts.header, **item}, faults, n) for n, item in enumerate(numbered, 1)]
    return Rejected(tuple(dict.fromkeys(faults)), parts.declaration_id) if faults else records


def _from_rows(rows: list[ItemRow], parts: _Parts, received_at: datetime) -> Declaration | Rejected:
    if not rows:  # nothing but spaces: an empty line, in a file
        return _reject(parts.declaration_id, "declaration_id", "missing", "a value: the field is required")
    rows.sort(key=lambda row: int(row["item_number"]))
    for name, most in _LONGEST.items():
        if len(rows[0][name] or "") > most:
            return _reject(None, name, "out_of_range", f"at most {most} characters")
    if rows[0]["declared_at"] > received_at + MOST_AHEAD:
        latest = f"a moment not after {received_at + MOST_AHEAD:%Y-%m-%dT%H:%M}, a day from now"
        return _reject(parts.declaration_id, "declared_at", "date_out_of_range", latest)
    if faults := _find_repeated(rows):
        return Rejected(faults, parts.declaration_id)
    return Declaration(tuple(rows), parts.header.get("declaration_version") is not None)


def _find_repeated(rows: Sequence[ItemRow]) -> tuple[FieldFault, ...]:
    """Faults of item numbers that an earlier item of the list has; the first few."""
    firsts: dict[int, int] = {}
    faults = []
    for row in sorted(rows, key=lambda row: int(row["source_row"])):
        number, place = int(row["item_number"]), int(row["source_row"])
        first = firsts.setdefault(number, place)
        if first != place:
            expected = f"each item number once; {number} is that of item {first} in the list too"
            faults.append(FieldFault(place, "item_number", "duplicate_id", expected))
    return tuple(faults[:_MOST_REPEATED])


@cache
def _plain(*, is_recorded: bool) -> PlainRows:
    return PlainRows(_mapping("basira", is_recorded=is_recorded))


def read_outcome(body: object, declaration_id: str, *, received_at: datetime) -> OutcomeRow | Rejected:
    """One inspection result of a JSON object, completed as results of files are."""
    if not isinstance(body, dict):
        return _reject(declaration_id, None, "bad_json", "a JSON object: an inspection result")
    if body.get("declaration_id") not in (None, declaration_id):
        return _reject(declaration_id, "declaration_id", "unknown_declaration", "the declaration of the address")
    faults = _find_unknown(body, frozenset(OUTCOME_SIDE), None)
    moments = {name: _local(body[name]) for name in ("known_at", "inspected_at") if name in body}
    record = _texts({**body, **moments, "declaration_id": declaration_id}, faults, None)
    if faults:
        return Rejected(tuple(faults), declaration_id)
    parsed = parse_batch(*_batch([record], "basira-outcomes", frozenset(OUTCOME_SIDE)))
    if parsed.refusals:
        return Rejected(tuple(FieldFault(None, r.field, r.code, r.expected) for r in parsed.refusals), declaration_id)
    if not len(parsed.outcomes):
        return _reject(
            declaration_id, None, "missing", "a result: at least is_inspected or is_irregular, or a found value"
        )
    if "known_at" not in parsed.outcomes.columns:
        return _reject(declaration_id, "known_at", "missing", "a value: the field is required")
    results, contradictions = complete_results(parsed.outcomes)
    if contradictions:
        first = contradictions[0]
        return _reject(declaration_id, first.field, first.code, first.expected)
    row = shape_outcomes(results, source="api", received_at=received_at).to_pylist()[0]
    return cast("OutcomeRow", {name: row[name] for name in _RESULT if row[name] is not None})


def json_values(row: Mapping[str, object], names: Sequence[str]) -> JsonObject:
    """The values that are there, moments as texts."""
    values = {name: row[name] for name in names if row.get(name) is not None}
    return {n: v.isoformat() if isinstance(v, datetime) else v for n, v in values.items()}


def _reject(declaration_id: str | None, field: str | None, code: str, expected: str) -> Rejected:
    return Rejected((FieldFault(None, field, code, expected),), declaration_id)


def _find_unknown(values: JsonObject, known: frozenset[str], item: int | None) -> list[FieldFault]:
    odd = [name for name in values if name not in known and not name.startswith(EXTRA_PREFIX)]
    expected = f"only fields of the schema, or of the sender's own: {RULE}"
    shown = dict.fromkeys(_shorten(name) for name in odd[:_MOST_UNKNOWN])
    return [FieldFault(item, name, "column_count", expected) for name in shown]


def _shorten(name: str) -> str | None:
    """A name is the sender's text, of any length: as much of it as helps to find it."""
    return name[:_LONGEST_NAME] if name.isprintable() else None


def _odd_names(parts: _Parts) -> list[FieldFault]:
    """Faults of the sender's own names: those that can't be kept, each where it comes first; too many of them."""
    firsts: dict[str, int | None] = {}
    for number, values in ((None, parts.header), *enumerate(parts.items, 1)):
        for name in values:
            if name.startswith(EXTRA_PREFIX):
                firsts.setdefault(name, number)
    odd = [(firsts[name], _shorten(name)) for name in invalid_own_names(firsts)[:_MOST_ODD]]
    if len(firsts) > MOST_OF_A_SOURCE:
        odd.append((None, None))
    return [FieldFault(item, name, "bad_name", RULE) for item, name in dict.fromkeys(odd)]


def _texts(values: JsonObject, faults: list[FieldFault], number: int | None) -> dict[str, str | None]:
    texts: dict[str, str | None] = {}
    for given, value in values.items():
        name = given if is_storable(given) else ""  # an odd one is a fault already, and would not fit in the answer
        item = None if given in _HEADER_NAMES else number  # every row repeats the header
        if name in _ONLY_TEXT and not (value is None or isinstance(value, str)):
            faults.append(FieldFault(item, name, "bad_json", "a text"))
        elif name in _NUMBERS and isinstance(value, str) and value.strip().lower() == "nan":
            # In a file it is how a program writes "nothing"; JSON has null for that.
            faults.append(FieldFault(item, name, "not_finite", "a number, or null"))
        elif isinstance(value, bool):
            texts[name] = "true" if value else "false"
        elif value is None or isinstance(value, str):
            if value is not None and not is_storable(value):
                faults.append(FieldFault(item, name, "bad_json", "text without NUL or half a character"))
            texts[name] = value
        elif isinstance(value, float) and not math.isfinite(value):
            faults.append(FieldFault(item, name, "not_finite", "a number"))
        elif isinstance(value, int | float):
            texts[name] = json.dumps(value)
        else:
            faults.append(FieldFault(item, name, "bad_json", "a text, a number, true, false or null"))
    return texts


def _batch(
    records: list[dict[str, str | None]], mapping: str, known: frozenset[str], *, is_recorded: bool = False
) -> tuple[SourceBatch, SourceMapping]:
    rows = list(range(1, len(records) + 1))
    required = tuple(name for name in ("declaration_id", "declared_at", "commodity_code", "known_at") if name in known)
    batch = batch_of_records(records, rows, [], 0, required)
    reading = without_absent(_mapping(mapping, is_recorded=is_recorded), batch.frame.columns)
    extras = {n.removeprefix(EXTRA_PREFIX): n for n in batch.frame.columns if n.startswith(EXTRA_PREFIX)}
    return batch, reading.model_copy(update={"extra": extras}) if reading.has_items else reading


def claims_none(preference: str) -> bool:
    """Whether a text is a word by which a preference is not claimed."""
    return preference.lower() in _none_words()


@cache
def _none_words() -> frozenset[str]:
    return frozenset(word.lower() for word in _mapping("basira").fields["preference"].values)


@cache
def _mapping(name: str, *, is_recorded: bool = False) -> SourceMapping:
    mapping = load_mapping(name)
    return mapping.as_recorded() if is_recorded else mapping
