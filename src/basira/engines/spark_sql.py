"""A statement of DuckDB in the words of Spark.

Enters: SQL as `Engine` takes it, values of its parameters. Leaves: Spark SQL with the same rows. Never here: a session,
a file.

sqlglot translates; what it leaves different is said here: the function `sha_key`, the remainder, an exclusive or, the
day of the week, an alias that a later column of the same list names, quantiles. Quantiles over a moving window Spark
does not have: `moving_quantiles` finds them, and the engine has DuckDB itself compute them key by key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

import sqlglot
from sqlglot import exp

from basira.schema.errors import UsageError


@dataclass(frozen=True, slots=True)
class MovingQuantiles:
    """A part of a statement that one key's rows alone decide.

    ``name``: the part in `with`; ``query``: its query, in DuckDB's words; ``source``: the table it reads; ``key``: the
    column that every window is partitioned by; ``columns``: those of the source that the query names.
    """

    name: str
    query: str
    source: str
    key: str
    columns: tuple[str, ...]


def translate(
    statement: str, parameters: Mapping[str, object] | None = None, *, kinds: Mapping[str, str] | None = None
) -> str:
    """The statement in Spark SQL, the parameters that it names written in as literals.

    ``kinds``: the kind of each column of the tables, "float", "int", "bigint" or another: 32 bits are calculated in 32.

    Raises UsageError when a parameter has no value, or one of a kind that no statement takes.
    """
    tree = _translate(statement, kinds or {})
    for found in list(tree.find_all(exp.Placeholder)):
        if found.name not in (parameters or {}):
            raise UsageError(
                "Expected a value of {name}, found none.", hint="Give it beside the statement.", name=found.name
            )
        found.replace(_literal((parameters or {})[found.name]))
    return tree.sql(dialect="spark")


def inserted(statement: str) -> tuple[str, str] | None:
    """Table and query of an `insert into ... select`; None for any other statement."""
    tree = _parsed(statement)
    if not isinstance(tree, exp.Insert):
        return None
    return tree.this.name, tree.expression.sql(dialect="duckdb")


def dropped(statement: str) -> str | None:
    """The table of a `drop table`; None for any other statement."""
    tree = _parsed(statement)
    if not isinstance(tree, exp.Drop):
        return None
    [table] = tree.find_all(exp.Table)
    return table.name


def shown(statement: str) -> tuple[str, str] | None:
    """Name and query of a `create view ... as`; None for any other statement."""
    tree = _parsed(statement)
    if not isinstance(tree, exp.Create) or tree.kind != "VIEW":
        return None
    return tree.this.name, tree.expression.sql(dialect="duckdb")


@lru_cache(maxsize=512)
def moving_quantiles(statement: str) -> MovingQuantiles | None:
    """The part of a statement that takes quantiles over a moving window; None when there is none."""
    tree = _parsed(statement)
    for part in tree.find_all(exp.CTE):
        query = part.this
        windows = [one for one in query.find_all(exp.Window) if isinstance(one.this, exp.PercentileDisc)]
        if not windows:
            continue
        [source] = query.find_all(exp.Table)
        [named] = query.args["windows"]
        [key] = named.args["partition_by"]
        columns = dict.fromkeys(column.name for column in query.find_all(exp.Column))
        return MovingQuantiles(part.alias, query.sql(dialect="duckdb"), source.name, key.name, tuple(columns))
    return None


def without_part(statement: str, name: str) -> str:
    """The statement without the part ``name`` of its `with`: it then reads a table of that name."""
    tree = _parsed(statement).copy()
    for part in list(tree.find_all(exp.CTE)):
        if part.alias == name:
            part.pop()
    found = tree.args.get("with_")
    if found is not None and not found.expressions:
        found.pop()
    return tree.sql(dialect="duckdb")


@lru_cache(maxsize=512)
def _parsed(statement: str) -> exp.Expr:
    return sqlglot.parse_one(statement, read="duckdb")


def _translate(statement: str, kinds: Mapping[str, str]) -> exp.Expr:
    tree = _parsed(statement).copy()
    for node in reversed(list(tree.walk())):  # what stands within comes first
        said = _say(node)
        if said is not node:
            node.replace(said)
    for part in tree.find_all(exp.CTE):
        part.set("materialized", None)  # what Spark does not say
    for select in reversed(list(tree.find_all(exp.Select))):
        _take_quantiles_of_groups(select)
        _name_joined_columns(select)
        _layer(select, kinds)
    return tree


def _literal(value: object) -> exp.Expr:
    if isinstance(value, datetime):
        return exp.cast(exp.Literal.string(value.isoformat(" ")), "timestamp_ntz", dialect="spark")
    if isinstance(value, date):
        return exp.cast(exp.Literal.string(value.isoformat()), "date")
    if isinstance(value, float):
        return exp.cast(exp.Literal.string(repr(value)), "double")
    if value is None or isinstance(value, bool | int | str):
        return exp.convert(value)
    raise UsageError(
        "Expected a number, text, day or moment beside a statement, found {kind}.",
        hint="Give one of these.",
        kind=type(value).__name__,
    )


def _say(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Anonymous):
        name = node.name.lower()
        if name == "sha_key":
            return _sha_key(node.expressions[0])
        if name == "fmod":
            first, second = (exp.cast(one, "double") for one in node.expressions)
            return exp.paren(exp.Mod(this=first, expression=second))
    if isinstance(node, exp.DayOfWeek):  # Spark counts from 1
        return exp.paren(exp.Sub(this=exp.DayOfWeek(this=node.this), expression=exp.Literal.number(1)))
    if isinstance(node, exp.Literal) and not node.is_string and not node.this.isdigit():
        return exp.cast(node.copy(), "double")  # a decimal for Spark, whose quotients have few digits
    if isinstance(node, exp.Window) and isinstance(node.this, exp.RowNumber):
        return exp.cast(node.copy(), "bigint")
    if isinstance(node, exp.Exp | exp.Ln | exp.Log | exp.Pow):
        # Some engine has them for 32 bits too, with other digits.
        return type(node)(**{k: exp.cast(v, "double") for k, v in node.args.items() if isinstance(v, exp.Expr)})
    if isinstance(node, exp.BitwiseXor):
        return exp.paren(node.copy(), copy=False)
    return node


def _sha_key(text: exp.Expr) -> exp.Expr:
    """The first 15 hexadecimal digits of the SHA-256 as a whole number: 8 and 7, since some engine's `conv` counts in
    floating point."""

    def part(first: int, count: int) -> exp.Expr:
        digest = exp.Anonymous(this="sha2", expressions=[text.copy(), exp.Literal.number(256)])
        digits = exp.Anonymous(
            this="substring", expressions=[digest, exp.Literal.number(first), exp.Literal.number(count)]
        )
        bases = [exp.Literal.number(16), exp.Literal.number(10)]
        return exp.cast(exp.Anonymous(this="conv", expressions=[digits, *bases]), "bigint")

    shifted = exp.Mul(this=part(1, 8), expression=exp.cast(exp.Literal.number(16**7), "bigint"))
    return exp.paren(exp.Add(this=shifted, expression=part(9, 7)))


# One quantile of a group, its values `v`, its share `s`.
_QUANTILE = """case when count(v) > 0 then element_at(
  sort_array(collect_list(v)),
  size(sort_array(collect_list(v))) - cast(count(v) as int)
    + greatest(1, cast(ceil(cast(s as double) * count(v)) as int))
) end"""


def _take_quantiles_of_groups(select: exp.Select) -> None:
    """Quantiles of a group as places in its sorted values. Some engine takes the mean of two for `percentile_disc`,
    and lists nulls, which sort first, among what it collects."""
    for found in list(select.find_all(exp.PercentileDisc)):
        if found.find_ancestor(exp.Select) is not select:
            continue
        shares = found.expression
        if isinstance(shares, exp.Array):
            found.replace(exp.Array(expressions=[_quantile(found.this, one) for one in shares.expressions]))
        else:
            found.replace(_quantile(found.this, shares))


def _quantile(value: exp.Expr, share: exp.Expr) -> exp.Expr:
    number = share.this if isinstance(share, exp.Cast) else share
    tree = sqlglot.parse_one(_QUANTILE, read="spark")
    for column in list(tree.find_all(exp.Column)):
        column.replace((value if column.name == "v" else number).copy())
    return tree


def _name_joined_columns(select: exp.Select) -> None:
    """A column that `using` joined goes without its relation's name: not every engine finds it under both.

    The column of an outer join's other side stays as it is: it may be null where the joined one is not.
    """
    for join in select.args.get("joins") or ():
        names = {one.name for one in join.args.get("using") or ()}
        if not names:
            continue
        is_outer = bool(join.side)
        for column in select.find_all(exp.Column):
            if column.name in names and column.table and column.find_ancestor(exp.Select) is select:
                if is_outer and column.table == join.this.alias_or_name:
                    continue
                column.set("table", None)


def _names_of_sources(select: exp.Select) -> set[str]:
    """The columns of the parts and inner queries that a query reads; of tables nothing is known here."""
    parts = {part.alias: part.this for part in select.root().find_all(exp.CTE)}
    found: set[str] = set()
    sources = [select.args.get("from_"), *(select.args.get("joins") or ())]
    for source in sources:
        relation = source.this if source is not None else None
        query = relation.this if isinstance(relation, exp.Subquery) else parts.get(getattr(relation, "name", ""))
        if isinstance(query, exp.Query):
            found |= set(query.named_selects)
    return found


# What a type is in arithmetic: whole numbers take the other's kind.
_KINDS = {"float": "float", "int": "int", "bigint": "int"}


def _kind(node: exp.Expr, kinds: Mapping[str, str]) -> str:
    """What DuckDB makes of an expression: "float", "int" for what takes the other's kind, or "other"."""
    if isinstance(node, exp.Column):
        return _KINDS.get(kinds.get(node.name, ""), "other")
    if isinstance(node, exp.Cast):
        if isinstance(node.this, exp.Literal):
            return "int"  # a decimal as it was written
        return _KINDS.get(node.to.this.name.lower(), "other")
    if isinstance(node, exp.Literal):
        return "other" if node.is_string else "int"
    if isinstance(node, exp.Paren | exp.Abs | exp.Neg):
        return _kind(node.this, kinds)
    if isinstance(node, exp.Case):
        parts = [one.args["true"] for one in node.args["ifs"]] + [one for one in (node.args.get("default"),) if one]
    elif isinstance(node, exp.Greatest | exp.Least | exp.Coalesce):
        parts = [node.this, *node.expressions]
    elif isinstance(node, exp.Add | exp.Sub | exp.Mul | exp.Div):
        parts = [node.this, node.expression]
    else:
        return "other"
    found = {_kind(one, kinds) for one in parts}
    if "other" in found:
        return "other"
    # A quotient of whole numbers has 64 bits.
    return "float" if "float" in found else "other" if isinstance(node, exp.Div) else "int"


def _keep_32_bits(node: exp.Expr, kinds: Mapping[str, str]) -> None:
    """Calculate in 32 bits where DuckDB does: some engine would take 64 beside a whole number or a decimal."""
    arithmetic = exp.Add | exp.Sub | exp.Mul | exp.Div | exp.Greatest | exp.Least
    for one in [n for n in reversed(list(node.walk())) if isinstance(n, arithmetic) and _kind(n, kinds) == "float"]:
        for place in [one.this, *([one.expression] if one.args.get("expression") else one.expressions)]:
            if not (isinstance(place, exp.Cast) and place.to.this.name.lower() == "float"):
                place.replace(exp.cast(place.copy(), "float"))
        if not isinstance(one, exp.Greatest | exp.Least):
            one.replace(exp.cast(one.copy(), "float"))


def _layer(select: exp.Select, kinds: Mapping[str, str]) -> None:
    """Columns that name an alias of the same list go into a query around it.

    As DuckDB reads them: a column of a relation comes before an alias of its name.
    """
    of_sources = _names_of_sources(select)
    level: dict[str, int] = {}
    levels: list[int] = []
    kinds_of_aliases: dict[str, str] = {}
    for one in list(select.expressions):
        plain = {column.name for column in one.find_all(exp.Column) if not column.table}
        levels.append(1 + max((level[name] for name in plain if name in level), default=-1))
        named = {name: kind for name, kind in kinds_of_aliases.items() if name in plain}
        _keep_32_bits(one, {**kinds, **named})
        if isinstance(one, exp.Alias) and one.alias not in plain | of_sources:
            level[one.alias] = levels[-1]
            kinds_of_aliases[one.alias] = _kind(one.this, {**kinds, **named})
    if not any(levels):
        return
    if any(one.is_star for one in select.expressions):
        raise UsageError("Expected a list without a star, found one whose columns name each other.", hint="Name them.")
    wanted = [one.alias_or_name for one in select.expressions]
    # What the upper layers read of the relations is carried under a name of its own.
    carried: dict[str, exp.Expr] = {}
    layers: list[list[exp.Expr]] = [[] for _ in range(max(levels) + 1)]
    for one, at in zip(select.expressions, levels, strict=True):
        for column in list(one.find_all(exp.Column)) if at else ():
            if column.table or column.name not in level:
                name = f"carried_{column.table}_{column.name}"
                carried.setdefault(name, column.copy())
                column.replace(exp.column(name))
        layers[at].append(one)
    inner = exp.Select(**{name: value for name, value in select.args.items() if name != "expressions"})
    inner.set("expressions", [*layers[0], *(exp.alias_(column, name) for name, column in carried.items())])
    for number, layer in enumerate([*layers[1:], None]):
        expressions = [exp.column(name) for name in wanted] if layer is None else [exp.Star(), *layer]
        alias = exp.TableAlias(this=exp.to_identifier(f"layer_{number}"))
        inner = exp.Select(expressions=expressions).from_(exp.Subquery(this=inner, alias=alias), copy=False)
    for name in list(select.args):
        select.set(name, None)
    for name, value in inner.args.items():
        select.set(name, value)
