"""The features of one declaration, from the profiles of the previous midnight: a look-up, never a query.

Enters: the items of one declaration, and profiles (see `basira.features.online.build`). Leaves: the same row
of features per item as `compute_features` with the same `as_of`, bit for bit, or `NotOnline`. Never here:
DuckDB on the way of a declaration, a file, the age of the profiles (the caller decides what is too old).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, cached_property
from operator import itemgetter
from struct import Struct
from typing import Any, Literal, Protocol

import polars as pl

from basira.features.catalog.catalog import ONLY_EVIDENCE
from basira.features.catalog.references import LEVELS
from basira.features.online.check import check_functions
from basira.features.online.compiler import Beginning, Compiled, Ending, compile_binding, compile_stages
from basira.features.online.functions import round_half_away
from basira.features.online.keys import DECLARATION, NULL, key_of, record_struct
from basira.features.online.plan import (
    PROFILED,
    REFERRED,
    SUMS,
    catalog_digest,
    key_parts,
    plans,
    profile_columns,
)
from basira.schema.days import date_of, day_of
from basira.schema.errors import StoreError, UsageError
from basira.schema.records import ItemRow
from basira.schema.tables import ITEM_KEY

Item = ItemRow
Figures = tuple[Any, ...]
# Items: some ten milliseconds.
_BETWEEN_PAUSES = 50


class Profiles(Protocol):
    """What is looked up; `basira.storage.profiles.reader` gives one.

    ``as_of_day``: the last day that the profiles count. ``catalog``: the `catalog_digest` they were built for.
    ``extras``: the history's ``x_`` columns.
    """

    @property
    def as_of_day(self) -> int: ...
    @property
    def catalog(self) -> str: ...
    @property
    def extras(self) -> tuple[str, ...]: ...
    def find(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The record of each key, None where there is none."""
        ...


@dataclass(frozen=True)
class NotOnline:
    """The profiles can't describe this declaration: take the batch path (`compute_features`).

    ``code``: "known_declaration": the history holds it already, so its features are as of the day before its first
    registration; "earlier_day": it is dated on or before ``as_of``, so its features count less than the profiles do.
    ``day``: of its first registration where the history holds it, else its own: profiles of the day before describe it.
    """

    code: Literal["known_declaration", "earlier_day"]
    message: str
    day: int


@dataclass(frozen=True)
class OnlineFeatures:
    """``rows``: one per item, in order of item number, values in the order of ``names``.

    ``names``: the identification, the catalog's columns without those of `ONLY_EVIDENCE`, and one category per ``x_``
    column. Numbers are floats already rounded to 32 bits (amounts are not); None for null. Most declarations are
    released, and nobody reads their evidence: see `complete`.
    """

    names: tuple[str, ...]
    types: tuple[str, ...]
    rows: tuple[Figures, ...]
    # Of the steps that gave each row; None where the evidence is among them.
    _values: tuple[list[Any], ...] | None = field(default=None, repr=False, compare=False)
    _program: _Ready | None = field(default=None, repr=False, compare=False)

    @property
    def all_names(self) -> tuple[str, ...]:
        """The names of `complete`, which is not computed for that."""
        return self.names if self._program is None else self._program.all_names

    @cached_property
    def complete(self) -> OnlineFeatures:
        """The same with the evidence, expected prices included: the columns of `compute_features`, in their order.

        Computed when it is first asked for, of the figures that the rest was computed of. Raises UsageError where a
        figure is too large for a 32-bit number, as the batch does.
        """
        if self._values is None or self._program is None:
            return self
        ready = self._program
        rows = tuple(
            tuple(map((*row, *ready.evidence(values)).__getitem__, ready.order))
            for row, values in zip(self.rows, self._values, strict=True)
        )
        return OnlineFeatures(ready.all_names, ready.all_types, rows)

    def frame(self) -> pl.DataFrame:
        """`complete` as a Polars frame, with the column types of the batch."""
        whole = self.complete
        schema = {name: _POLARS[kind] for name, kind in zip(whole.names, whole.types, strict=True)}
        return pl.DataFrame(whole.rows, schema=schema, orient="row")


_POLARS: Mapping[str, type[pl.DataType]] = {
    "FLOAT": pl.Float32,
    "DOUBLE": pl.Float64,
    "VARCHAR": pl.String,
    "INTEGER": pl.Int32,
}
_KEY_TYPES = ("VARCHAR", "INTEGER", "INTEGER")
_PYTHON: Mapping[str, tuple[type, ...]] = {
    "VARCHAR": (str,),
    "DOUBLE": (float, int),
    "INTEGER": (int,),
    "BIGINT": (int,),
    "BOOLEAN": (bool,),
    "TIMESTAMP": (datetime,),
}


@dataclass(frozen=True)
class _Relation:
    """How one relation is looked up. ``parts``: places of its key's parts among the item's outputs.

    ``measures``: places of the measures of which a level of comparables wants one; empty for entities.
    """

    name: str
    parts: tuple[int, ...]
    measures: tuple[int, ...]
    record: Struct
    unseen: Figures
    absent: Figures
    nullable: tuple[int, ...]


@dataclass(frozen=True)
class _Ready:
    """Everything made once from the catalog.

    ``evidence``: the columns of `ONLY_EVIDENCE`; ``features``: all others, under ``names``. ``order``: of a row of
    the others followed by these, the place of each column of ``all_names``.
    """

    item: Compiled
    features: Beginning
    evidence: Ending
    sources: tuple[tuple[str, str], ...]
    t_columns: int
    relations: tuple[_Relation, ...]
    names: tuple[str, ...]
    types: tuple[str, ...]
    all_names: tuple[str, ...]
    all_types: tuple[str, ...]
    order: tuple[int, ...]


@cache
def _ready(extras: tuple[str, ...]) -> _Ready:
    check_functions()
    bound = plans(extras)
    sources = tuple((column, kind) for _, column, kind in bound.item.inputs)
    places = {output.name: n for n, output in enumerate(bound.item.outputs)}
    t_layout = [output.name for output in bound.item.outputs[: bound.t_columns]]
    levels = {f"ref_{level.name}": level for level in LEVELS}
    relations = []
    for name, parts in key_parts().items():
        columns = profile_columns(name)
        is_level = name in levels
        absent = (None,) * len(columns)
        # Of an entity: counts of nothing, no day. Of a reference: no comparables.
        counts = tuple(
            0.0 if c in SUMS else 0 if c.startswith("count_") or c.endswith("_count") else None for c in columns
        )
        nothing = tuple(None if c.endswith("_day") else 0.0 if c in SUMS else 0 for c in columns)
        relations.append(
            _Relation(
                name,
                tuple(places[f"{name}_{n}"] for n in range(len(parts))),
                tuple(places[f"m_{m}"] for m in levels[name].measures) if is_level else (),
                record_struct(name),
                counts if is_level else nothing,
                absent,
                tuple(n for n, c in enumerate(columns) if c.endswith("_day") or c[:3] in ("med", "low", "hig")),
            )
        )
    layouts = {"t": t_layout} | {name: profile_columns(name) for name in (*PROFILED, *REFERRED)}
    outputs = bound.features.outputs
    usual = [o for o in outputs if o.name not in ONLY_EVIDENCE]
    late = [o.name for o in outputs if o.name in ONLY_EVIDENCE]
    features, evidence = compile_stages(bound.features, layouts, ONLY_EVIDENCE)
    names = (*ITEM_KEY, *(o.name for o in usual))
    all_names = (*ITEM_KEY, *(o.name for o in outputs))
    places = {name: n for n, name in enumerate((*names, *late))}
    return _Ready(
        item=compile_binding(bound.item, {"item": [name for name, _ in sources]}),
        features=features,
        evidence=evidence,
        sources=sources,
        t_columns=bound.t_columns,
        relations=tuple(relations),
        names=names,
        types=(*_KEY_TYPES, *(o.type for o in usual)),
        all_names=all_names,
        all_types=(*_KEY_TYPES, *(o.type for o in outputs)),
        order=tuple(places[name] for name in all_names),
    )


def prepare_online(extras: tuple[str, ...] = ()) -> None:
    """Make everything that is made once, so that the first declaration does not wait for it (about a second)."""
    _ready(extras)


def online_features(
    items: Sequence[Item], profiles: Profiles, *, pause: Callable[[], None] = lambda: None
) -> OnlineFeatures | NotOnline:
    """The features of every item of one declaration, as on the day after the profiles' last; evidence only in
    `OnlineFeatures.complete`.

    Parameters
    ----------
    items : all items of one version of one declaration, as rows of the schema's `ITEMS` (header repeated, None
        or absent for null, ``declared_at`` naive local time). All of them: the totals are over these rows.
    profiles : from a build by this version of the catalog.
    pause : called after each few items of many, so that others get their turn.

    An amendment of a declaration registered since ``as_of`` is described like a first version, as the batch does.
    Raises UsageError on rows that are not one declaration or not of the schema's types, StoreError when the
    profiles were built for another catalog.
    """
    if profiles.catalog != catalog_digest():
        raise StoreError(
            "Expected profiles of the catalog {value}, found {catalog}.",
            hint="Build the profiles anew with this version of Basira.",
            value=catalog_digest(),
            catalog=profiles.catalog,
        )
    ordered = _one_declaration(items)
    ready = _ready(profiles.extras)
    day = profiles.as_of_day + 1
    declaration_id = ordered[0]["declaration_id"]
    if (declared_day := min(day_of(item["declared_at"]) for item in ordered)) < day:
        return NotOnline(
            "earlier_day",
            f"The declaration is dated {date_of(declared_day)}; these profiles describe {date_of(day)} and later.",
            _first_day(declaration_id, profiles) or declared_day,
        )
    try:
        own = key_of(DECLARATION, [declaration_id])
        described, wanted = _describe(ordered, ready, day, pause)
    except UnicodeEncodeError as error:
        raise UsageError(
            "Expected text in Unicode, found a half of a surrogate pair ({reason}).",
            hint="Read the message as UTF-8.",
            reason=error.reason,
        ) from error
    asked = [own, *dict.fromkeys(key for keys in wanted for key in keys if key)]
    found = dict(zip(asked, profiles.find(asked), strict=True))
    if (known := found[own]) is not None:
        first, _ = record_struct(DECLARATION).unpack(known)
        return NotOnline(
            "known_declaration",
            f"The history holds this declaration since {date_of(first)}: its features are as of the day before.",
            int(first),
        )
    rows, kept = [], []
    read: dict[bytes, Figures] = {}
    for n, (item, t, keys) in enumerate(zip(ordered, described, wanted, strict=True), 1):
        if n % _BETWEEN_PAUSES == 0:
            pause()
        profile = [_figures(relation, key, found, read) for relation, key in zip(ready.relations, keys, strict=True)]
        figures, values = ready.features(t, *profile)
        kept.append(values)
        rows.append((declaration_id, item["declaration_version"], item["item_number"], *figures))
    return OnlineFeatures(ready.names, ready.types, tuple(rows), tuple(kept), ready)


def held_version(declaration_id: str, profiles: Profiles) -> int:
    """The latest version that the history held of a declaration when the profiles were built; 0: none."""
    held = _find_in_history(declaration_id, profiles)
    return 0 if held is None else held[1]


def _first_day(declaration_id: str, profiles: Profiles) -> int | None:
    held = _find_in_history(declaration_id, profiles)
    return None if held is None else held[0]


def _find_in_history(declaration_id: str, profiles: Profiles) -> tuple[int, int] | None:
    try:
        (known,) = profiles.find([key_of(DECLARATION, [declaration_id])])
    except UnicodeEncodeError:  # half a character: no history holds it
        return None
    if known is None:
        return None
    first_day, last_version = record_struct(DECLARATION).unpack(known)
    return int(first_day), int(last_version)


def _one_declaration(items: Sequence[Item]) -> list[Item]:
    try:
        ordered = sorted(items, key=itemgetter("item_number"))
        documents = {(item["declaration_id"], item["declaration_version"]) for item in ordered}
        is_typed = all(
            isinstance(i["declaration_id"], str)
            and isinstance(i["declaration_version"], int)
            and isinstance(i["declared_at"], datetime)
            and i["declared_at"].tzinfo is None
            and isinstance(i["commodity_code"], str)
            for i in ordered
        )
    except (KeyError, TypeError) as error:
        raise UsageError(
            "Expected items with declaration_id, declaration_version, item_number, declared_at and "
            "commodity_code, found rows without ({error}).",
            hint="Validate the declaration against the schema first.",
            error=error,
        ) from error
    if len(documents) != 1 or not is_typed or len({item["item_number"] for item in ordered}) != len(ordered):
        raise UsageError(
            "Expected the items of one version of one declaration, numbered once each, with a naive local time; "
            "found {ordered_count} rows of {documents_count} declarations.",
            hint="Give the items of one declaration, validated against the schema.",
            ordered_count=len(ordered),
            documents_count=len(documents),
        )
    return ordered


def _declaration_value(items: Sequence[Item]) -> float | None:
    """Summed in cents, as the batch does; None when no item has a value."""
    values = [_require_type(item.get("customs_value_amount"), "customs_value_amount", "DOUBLE") for item in items]
    cents = [int(round_half_away(value * 100.0)) for value in values if value is not None]
    return float(sum(cents)) / 100.0 if cents else None


def _describe(
    items: Sequence[Item], ready: _Ready, day: int, pause: Callable[[], None]
) -> tuple[list[Figures], list[list[bytes | None]]]:
    """Each item's own columns, and its key in each relation (None: nothing to look up, all null)."""
    totals: dict[str, float | None] = {"declaration_items": len(items)}
    try:
        totals["declaration_value"] = _declaration_value(items)
        rows = [
            [
                _require_type(totals[name] if name in totals else item.get(name), name, kind)
                for name, kind in ready.sources
            ]
            for item in items
        ]
    except (TypeError, ValueError, OverflowError) as error:
        raise UsageError(
            "Expected figures of the schema's types, found otherwise: {error}.",
            hint="Validate the declaration against the schema first.",
            error=error,
        ) from error
    described, wanted = [], []
    # Most keys are of the header, and the same for all items.
    made: dict[tuple[str, tuple[Any, ...]], bytes] = {}
    for n, row in enumerate(rows, 1):
        if n % _BETWEEN_PAUSES == 0:
            pause()
        figures = ready.item(row)
        keys: list[bytes | None] = []
        for relation in ready.relations:
            parts = tuple([figures[n] for n in relation.parts])
            if None in parts or (relation.measures and all(figures[n] is None for n in relation.measures)):
                keys.append(None)
                continue
            if (key := made.get((relation.name, parts))) is None:
                made[relation.name, parts] = key = key_of(relation.name, parts)
            keys.append(key)
        described.append((day, *figures[1 : ready.t_columns]))
        wanted.append(keys)
    return described, wanted


def _require_type(value: Any, name: str, kind: str) -> Any:
    if value is None:
        return None
    is_fit = isinstance(value, _PYTHON[kind])
    if not is_fit:
        # Not the value itself: it may be personal data.
        raise TypeError(f"{name} is of type {type(value).__name__}")
    return float(value) if kind == "DOUBLE" else value


def _figures(
    relation: _Relation, key: bytes | None, found: Mapping[bytes, bytes | None], read: dict[bytes, Figures]
) -> Figures:
    """The columns of one relation for one key; each record is read once a declaration."""
    if key is None:
        return relation.absent
    known = read.get(key)
    if known is None:
        record = found[key]
        if record is None:
            known = relation.unseen
        else:
            values = list(relation.record.unpack(record))
            for n in relation.nullable:
                if values[n] == NULL:
                    values[n] = None
            known = tuple(values)
        read[key] = known
    return known
