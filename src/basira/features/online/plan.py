"""The features' SQL as DuckDB itself understands it: every name bound, every implicit cast written out.

Enters: the catalog. Leaves: two plans, `Binding`s of inputs and expressions: from one item to its own
figures, measures and keys; and from these and the profiles to the features. Never here: data.

DuckDB parses and binds the very statements of the batch on empty tables, and hands the bound expressions
over as JSON. So types, casts and the resolution of names are the engine's, not a second opinion of ours.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from basira.engines.duckdb import open_duckdb
from basira.engines.engine import Engine
from basira.features.batch.sql import (
    EVERYTHING,
    join_statement,
    log_integer,
    own_columns,
    prepare_statements,
    price_statements,
    profile_statement,
    reference_statement,
)
from basira.features.catalog.arithmetic import CATEGORIES, ITEM_FEATURES
from basira.features.catalog.catalog import CATALOG
from basira.features.catalog.entities import ENTITIES
from basira.features.catalog.habits import WEEKLY
from basira.features.catalog.references import LEVELS, MEASURES
from basira.schema.errors import StoreError, UsageError
from basira.schema.json_values import JsonObject
from basira.schema.names import MOST_OF_A_STORE
from basira.schema.sql import quote_identifier
from basira.schema.tables import ITEMS, OUTCOMES

# Moves when the meaning of a profile file changes without the catalog's SQL changing.
FORMAT = 3

# What is profiled, in the order of the tags of a profile file: the name of the relation in the features' SQL.
PROFILED: tuple[str, ...] = tuple(e.name for e in (EVERYTHING, *ENTITIES))
REFERRED: tuple[str, ...] = tuple(f"ref_{level.name}" for level in LEVELS)

# Sums that may outgrow an integer; whole numbers that a double holds exactly.
SUMS = (
    "v_all", "d_all", "p_year", "t_year",
    *dict.fromkeys(c for tables in WEEKLY.values() for _, columns in tables for c in columns if c.endswith("_sum")),
)  # fmt: skip


def profile_columns(relation: str) -> tuple[str, ...]:
    """The columns of one relation of `PROFILED` or `REFERRED`, in the order of a record of the profile file."""
    weekly = tuple(column for _, columns in WEEKLY.get(relation, ()) for column in columns)
    for e in (EVERYTHING, *ENTITIES):
        if e.name == relation:
            return (*own_columns(e), *weekly)
    level = next(level for level in LEVELS if f"ref_{level.name}" == relation)
    found = []
    for m in level.measures:
        found += [f"count_{m}", f"median_{m}"]
        found += [f"low_{m}", f"high_{m}"] if m in level.quartiles else []
    return (*found, *weekly)


def key_parts() -> Mapping[str, tuple[str, ...]]:
    """The SQL of each key's parts over an item, by relation, in the order of `PROFILED` and `REFERRED`."""
    entities = {e.name: e.key for e in (EVERYTHING, *ENTITIES)}
    return entities | {f"ref_{level.name}": level.key for level in LEVELS}


@cache
def catalog_digest() -> str:
    """Names what the profiles mean: it changes with any feature, key, window or format (16 hex digits)."""
    written = [
        str(FORMAT),
        *(query for _, query in prepare_statements("wanted")),
        *(query for _, query in price_statements()),
        *(profile_statement(e)[1] for e in (EVERYTHING, *ENTITIES)),
        *(reference_statement(level)[1] for level in LEVELS),
        join_statement(()),
    ]
    return hashlib.sha256("\n".join(written).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Output:
    """One expression. ``node``: DuckDB's bound expression. ``type``: its SQL type."""

    name: str
    node: JsonObject
    type: str


@dataclass(frozen=True)
class Binding:
    """Expressions over columns. ``inputs``: relation, column and type, at the place that the nodes refer to."""

    inputs: tuple[tuple[str, str, str], ...]
    outputs: tuple[Output, ...]


@dataclass(frozen=True)
class Plans:
    """``item``: item columns to the columns of ``t``, then the key parts. ``features``: those and profiles to
    the catalog's columns. ``t_columns``: how many of the item's outputs are columns of ``t``. ``key_columns``: the
    columns of an item of which keys are made.
    """

    item: Binding
    features: Binding
    t_columns: int
    key_columns: tuple[str, ...]


@cache
def plans(extras: tuple[str, ...] = ()) -> Plans:
    """Both plans for a history with the ``x_`` columns ``extras``. Raises StoreError when these can't stand side by
    side in one table, or are more than a store has: an earlier version's build."""
    if len({x.lower() for x in extras}) < len(extras) or len(extras) > MOST_OF_A_STORE:
        raise StoreError(
            "Expected at most {most_of_a_store} x_ columns of different names, found {extras_count} that are not.",
            hint="Build the profiles anew.",
            most_of_a_store=MOST_OF_A_STORE,
            extras_count=len(extras),
        )
    with open_duckdb(threads=1) as con:
        _empty_tables(con, extras)
        carried = tuple(dict.fromkeys((*CATEGORIES, *map(quote_identifier, extras), "customs_value_amount")))
        columns = [
            "cast(0 as integer) as day",
            *carried,
            "declaration_items",
            *(f"{f.sql} as {f.name}" for f in ITEM_FEATURES if f.sql != f.name),
            *(f"{log_integer(m.sql)} as m_{m.name}" for m in MEASURES),
        ]
        keys = [
            f"cast({part} as varchar) as {name}_{n}"
            for name, parts in key_parts().items()
            for n, part in enumerate(parts)
        ]
        con.create_table("t", f"select {', '.join(columns)} from item")
        item = bind(con, f"select {', '.join((*columns, *keys))} from item")
        key_columns = tuple(column for _, column, _ in bind(con, f"select {', '.join(keys)} from item").inputs)
        features = []
        for f in CATALOG:
            kind = "varchar" if f.role == "category" else "double" if f.unit == "amount" else "float"
            features.append(f"cast({f.sql} as {kind}) as {f.name}")
        features += [f"cast(t.{quote_identifier(x)} as varchar) as {quote_identifier('category_' + x)}" for x in extras]
        relations = [f"p_{name} as {name}" for name in PROFILED]
        relations += [f"q_{level.name} as ref_{level.name}" for level in LEVELS]
        bound = bind(con, f"select {', '.join(features)} from t, {', '.join(relations)}")
    return Plans(item, bound, len(columns), key_columns)


def _empty_tables(con: Engine, extras: Sequence[str]) -> None:
    """The tables of the batch, without a row, made by the batch's own statements."""
    for name, schema in (("items", ITEMS), ("outcomes", OUTCOMES)):
        con.register("shape", schema.empty_table())
        own = extras if name == "items" else ()
        more = "".join(f", cast(null as varchar) as {quote_identifier(x)}" for x in own)
        con.create_table(name, f"select *{more} from shape")
    con.create_table("asked", "select declaration_id, declaration_version, item_number from items")
    for table, query in prepare_statements("asked"):
        con.create_table(table, query, {"as_of_day": 0})
    for table, query in price_statements():
        con.create_table(table, query)
    for e in (EVERYTHING, *ENTITIES):
        con.create_table(*profile_statement(e))
    for level in LEVELS:
        con.create_table(*reference_statement(level))
    con.create_table(
        "item", "select *, cast(0 as bigint) as declaration_items, cast(0 as double) as declaration_value from items"
    )


def bind(con: Engine, select: str) -> Binding:
    """A query over one table or a product of tables, as DuckDB binds it. Raises UsageError when it can't."""
    answer = json.loads(con.fetch_rows("select json_serialize_plan($sql)", {"sql": select})[0][0])
    if answer["error"]:
        raise UsageError(
            "Expected DuckDB to bind the features, found: {value}.",
            hint="Install the DuckDB version of the lock file.",
            value=answer.get("error_message"),
        )
    (plan,) = answer["plans"]
    described = con.fetch_rows(f"describe {select}")
    names, types = [str(row[0]) for row in described], [str(row[1]) for row in described]
    return Binding(
        tuple(_columns(plan["children"][0])),
        tuple(Output(*parts) for parts in zip(names, plan["expressions"], types, strict=True)),
    )


def _columns(node: JsonObject) -> list[tuple[str, str, str]]:
    """What a node of the plan gives, in order: relation (without its batch prefix), column, type."""
    if node["type"] == "LOGICAL_CROSS_PRODUCT":
        return [column for child in node["children"] for column in _columns(child)]
    if node["type"] != "LOGICAL_GET":
        raise UsageError(
            "Expected a plan of scans and products, found {type}.",
            hint="Install the DuckDB version of the lock file.",
            type=node["type"],
        )
    table, names = node["function_data"]["table"], node["names"]
    relation = "ref_" + table[2:] if table[:2] == "q_" else table.removeprefix("p_")
    found = []
    for entry in node["column_indexes"]:
        # A scan that needs no column at all reads a row number.
        index = entry["index"]
        is_column = index < len(names)
        kind = node["returned_types"][index]["id"] if is_column else ""
        found.append((relation, names[index] if is_column else "", kind))
    return found
