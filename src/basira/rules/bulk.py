"""The verdicts of rules on many declarations at once, as Polars expressions.

Enters: a table of items, the declarations' own in a row (header values in each), settled conditions, the lists of a
day. Leaves: the outcome of each condition for each declaration. Never here: another meaning than `evaluate` gives: what
no expression says the same way to the last bit (folded prose, derived values) is computed by the same functions,
before.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import reduce

import numpy as np
import polars as pl

from basira.rules import model
from basira.rules.derived import DERIVED
from basira.rules.evaluate import CURRENCY_FIELD, currency_of, plain_number
from basira.rules.faults import rule_fault
from basira.rules.model import Condition, Operand
from basira.rules.names import Name, ValueKind, Vocabulary
from basira.rules.values import ListValues, fold_prose, read_day

# The declaration of an item: its number from 0, rising, and the items of a declaration one after another.
DECLARATION = "declaration_position"
NO_HIT, UNKNOWN, HIT = 0, 1, 2
_FOLDED = "folded:"
_LISTED = "listed:"
_CODED = "coded:"
# From so many comparisons on, a text column is put in order once and compared as numbers.
_CODED_FROM = 8
_MOST_COMPARED = 8
# Nothing is unknown of a column that a table lacks: every value of it is.
_TYPES: Mapping[ValueKind, pl.DataType] = {"number": pl.Float64(), "moment": pl.Date(), "flag": pl.Boolean()}


def judge_many(
    items: pl.DataFrame, conditions: Sequence[Condition], vocabulary: Vocabulary, lists: Mapping[str, ListValues]
) -> pl.DataFrame:
    """The outcome of each condition for each declaration.

    ``items``: one row an item, with `DECLARATION` and columns by the names of the vocabulary; a column that is absent
    is a value that is absent. Returns one row a declaration in the order of the table, and a column a condition, named
    by its position ("0", "1", ...): 0 no hit, 1 unknown, 2 hit. Raises `RuleError` for a column of another type than
    its name has, and for a list that is not given.
    """
    prepared, coded = _prepare(items, conditions, vocabulary, lists)
    plan = _Plan(vocabulary, lists, frozenset(prepared.columns), coded)
    positions = prepared[DECLARATION]
    count = 0 if prepared.is_empty() else int(positions[-1]) + 1
    if (found := positions.n_unique()) != count:
        raise rule_fault("declarations", found=found, expected=count)
    rows = prepared.select(
        pl.col(DECLARATION),
        *(_truth(plan, condition).alias(str(number)) for number, condition in enumerate(conditions)),
    )
    # A condition on any item has a truth of each item, any other says the same in every row, as of the first item.
    first = positions.is_first_distinct()
    return pl.DataFrame(
        [
            _outcome(rows[str(number)], None if isinstance(one, model.AnyItem) else first, positions, count)
            for number, one in enumerate(conditions)
        ]
    )


def _truth(plan: _Plan, condition: Condition) -> pl.Expr:
    return plan.expression(condition.part if isinstance(condition, model.AnyItem) else condition)


def _outcome(truth: pl.Series, speaking: pl.Series | None, positions: pl.Series, count: int) -> pl.Series:
    """The largest outcome of each declaration's rows, or of those that speak for it. Most rules hit few of them: these
    alone are looked at."""
    outcomes = np.zeros(count, dtype=np.int8)
    if truth.null_count():
        unknown = truth.is_null() if speaking is None else truth.is_null() & speaking
        outcomes[positions.gather(unknown.arg_true()).to_numpy()] = UNKNOWN
    hits = truth if speaking is None else truth & speaking
    outcomes[positions.gather(hits.arg_true()).to_numpy()] = HIT
    return pl.Series(truth.name, outcomes)


def _code(truth: pl.Expr) -> pl.Expr:
    return (
        pl.when(truth)
        .then(pl.lit(HIT, pl.Int8))
        .when(truth.is_null())
        .then(pl.lit(UNKNOWN, pl.Int8))
        .otherwise(pl.lit(NO_HIT, pl.Int8))
    )


def _in_each_row(one: pl.Expr) -> pl.Expr:
    """The same in each row: what names no column is one value, which would be counted once."""
    return pl.when(pl.col(DECLARATION).is_not_null()).then(one)


def _compare(one: pl.Expr, comparison: model.Comparison, other: pl.Expr) -> pl.Expr:
    match comparison:
        case "<":
            return one < other
        case "<=":
            return one <= other
        case "=":
            return one == other
        case "!=":
            return one != other
        case ">=":
            return one >= other
        case ">":
            return one > other


class _Plan:
    """Makes expressions: Boolean, null where the truth is unknown."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        lists: Mapping[str, ListValues],
        columns: frozenset[str],
        coded: Mapping[str, Sequence[str]],
    ) -> None:
        """``coded``: of columns that stand as the position of their text among all, these texts in order."""
        self._vocabulary, self._lists, self._columns, self._coded = vocabulary, lists, columns, coded

    def expression(self, condition: Condition) -> pl.Expr:
        match condition:
            case model.AllOf(parts):
                return reduce(lambda one, other: one & other, [self.expression(part) for part in parts])
            case model.AnyOf(parts):
                return reduce(lambda one, other: one | other, [self.expression(part) for part in parts])
            case model.Not(part):
                return ~self.expression(part)
            case model.AnyItem(part):
                return self._of_code(_in_each_row(_code(self.expression(part))).max().over(DECLARATION))
            case model.AllItems(part):
                return self._of_code(_in_each_row(_code(self.expression(part))).min().over(DECLARATION))
            case model.CountItems(part, comparison, count):
                return self._counted(_in_each_row(self.expression(part)), comparison, count)
            case model.Compare(left, comparison, right):
                compared = _compare(self._operand(left), comparison, self._operand(right))
                return self._with_currency(condition, compared)
            case model.Between(operand, low, high):
                one = self._operand(operand)
                return self._with_currency(condition, (self._operand(low) <= one) & (one <= self._operand(high)))
            case model.OneOf(field, values):
                return self._one_of(field, values)
            case model.InList(field, name):
                return self._in_list(field, name)
            case model.StartsWith(field, prefixes):
                if field in self._coded:
                    return reduce(lambda a, b: a | b, [self._begins(field, prefix) for prefix in prefixes])
                column = self._column(field)
                return reduce(lambda a, b: a | b, [column.str.starts_with(prefix) for prefix in prefixes])
            case model.Contains(field, texts):
                folded = self._folded(field)
                found = [folded.str.contains(fold_prose(text), literal=True) for text in texts]
                return reduce(lambda a, b: a | b, found)
            case model.IsMissing(field):
                return self._column(field).is_null()
            case model.IsTrue(field):
                return self._column(field)
            case model.OnWeekday(field, days):
                wanted = [model.WEEKDAYS.index(day) + 1 for day in days]
                return self._column(field).dt.weekday().is_in(wanted)

    @staticmethod
    def _of_code(code: pl.Expr) -> pl.Expr:
        return pl.when(code != UNKNOWN).then(code == HIT)

    @staticmethod
    def _counted(truth: pl.Expr, comparison: model.Comparison, count: int) -> pl.Expr:
        certain = truth.fill_null(False).cast(pl.Int64).sum().over(DECLARATION)
        most = certain + truth.is_null().cast(pl.Int64).sum().over(DECLARATION)
        first = _compare(certain, comparison, pl.lit(count))
        if comparison in ("=", "!="):
            # Known when no value between the two bounds would change it, or nothing is open.
            is_known = (certain == most) | (count < certain) | (count > most)
        else:
            is_known = first == _compare(most, comparison, pl.lit(count))
        return pl.when(is_known).then(first)

    def _in_list(self, field: str, name: str) -> pl.Expr:
        if name not in self._lists:
            raise rule_fault("list_absent", found=name)
        listed, column = self._lists[name], self._column(field)
        if listed.names is not None:
            close = f"{_LISTED}{field}:{name}"
            return pl.col(close) if close in self._columns else pl.lit(None, pl.Boolean)
        if not listed.has_prefixes:
            return self._one_of(field, sorted(listed.values))
        found = [
            column.str.slice(0, length).is_in([value for value in listed.values if len(value) == length])
            for length in listed.lengths
        ]
        # With no entry at all: false of every value, unknown of none.
        return reduce(lambda a, b: a | b, found or [column.is_in(pl.Series([], dtype=pl.String))])

    def _one_of(self, field: str, values: Sequence[str]) -> pl.Expr:
        if field not in self._coded:
            return self._column(field).is_in(values)
        texts, column = self._coded[field], pl.col(_CODED + field)
        places = [bisect_left(texts, value) for value in values]
        known = [place for place, one in zip(places, values, strict=True) if texts[place : place + 1] == [one]]
        if len(known) > _MOST_COMPARED:
            return column.is_in(known)
        # With none of them in the table: false of every value, unknown of none.
        return reduce(lambda a, b: a | b, [column == place for place in known] or [column != column])

    def _begins(self, field: str, prefix: str) -> pl.Expr:
        """The texts that begin with a prefix stand together in their order."""
        texts, column = self._coded[field], pl.col(_CODED + field)
        low = bisect_left(texts, prefix)
        high = bisect_right(texts, prefix, lo=low, key=lambda text: text[: len(prefix)])
        return (column >= low) & (column < high)

    def _with_currency(self, condition: Condition, truth: pl.Expr) -> pl.Expr:
        currency = currency_of(condition)
        if not currency:
            return truth
        return pl.when(self._column(CURRENCY_FIELD) == currency).then(truth)

    def _folded(self, field: str) -> pl.Expr:
        return pl.col(_FOLDED + field) if _FOLDED + field in self._columns else pl.lit(None, pl.String)

    def _column(self, field: str) -> pl.Expr:
        name = self._vocabulary.names[field]
        return pl.col(field) if field in self._columns else pl.lit(None, _TYPES.get(name.kind, pl.String()))

    def _operand(self, operand: Operand) -> pl.Expr:
        match operand:
            case model.Number():
                return pl.lit(plain_number(operand), pl.Float64)
            case model.Day(day):
                return pl.lit(read_day(day), pl.Float64)
            case model.FieldValue(field):
                column = self._column(field)
                if self._vocabulary.names[field].kind == "moment":
                    return column.cast(pl.Int32).cast(pl.Float64)
                return column
            case model.Arithmetic(operation, left, right):
                one, other = self._operand(left), self._operand(right)
                if operation == "+":
                    found = one + other
                elif operation == "-":
                    found = one - other
                elif operation == "*":
                    found = one * other
                else:
                    # Where the divisor is one value for all rows, Polars multiplies with its reciprocal, which may be
                    # another double: it is made a column, to which nothing is added.
                    divisor = other + pl.col(DECLARATION).cast(pl.Float64) * 0.0
                    found = pl.when(divisor != 0).then(one / divisor)
                return found.fill_nan(None)


def _prepare(
    items: pl.DataFrame, conditions: Sequence[Condition], vocabulary: Vocabulary, lists: Mapping[str, ListValues]
) -> tuple[pl.DataFrame, dict[str, list[str]]]:
    """The columns that the conditions read, each of its type, without what says nothing; and those made of them.

    With the texts, in order, of the columns that many conditions compare: these stand as numbers too.
    """
    compared: Counter[str] = Counter()
    read: dict[str, None] = {}
    close: dict[tuple[str, str], None] = {}
    searched: dict[str, None] = {}
    for condition in conditions:
        for one in model.walk(condition):
            read |= dict.fromkeys(model.field_names(one))
            if isinstance(one, model.OneOf | model.StartsWith | model.InList):
                compared[one.field] += 1
            if isinstance(one, model.Contains):
                searched[one.field] = None
            if isinstance(one, model.InList) and one.list_name in lists and lists[one.list_name].names is not None:
                close[one.field, one.list_name] = None
            if currency_of(one):
                read[CURRENCY_FIELD] = None
    columns = [pl.col(DECLARATION)]
    for field in read:
        name = vocabulary.names[field]
        if name.source == "derived":
            columns.append(_derive(items, field))
        elif field in items.columns:
            columns.append(_typed(items, name))
    prepared = items.select(columns)
    coded = {
        field: prepared[field].unique().drop_nulls().sort().to_list()
        for field, times in compared.items()
        if times >= _CODED_FROM and prepared.schema.get(field) == pl.String
    }
    whole = prepared.with_columns(
        *(
            pl.col(field).cast(pl.Enum(texts)).to_physical().cast(pl.UInt32).alias(_CODED + field)
            for field, texts in coded.items()
        ),
        *(_fold(prepared[field]) for field in searched if field in prepared.columns),
        *(_close(prepared[field], name, lists[name]) for field, name in close if field in prepared.columns),
    )
    return whole, coded


def _typed(items: pl.DataFrame, name: Name) -> pl.Expr:
    column, kind = pl.col(name.name), items.schema[name.name]
    if kind == pl.Null:
        return column.cast(_TYPES.get(name.kind, pl.String()))
    if name.kind == "number" and kind.is_numeric():
        return column.cast(pl.Float64).fill_nan(None)
    if name.kind == "moment" and (kind == pl.Date or (isinstance(kind, pl.Datetime) and kind.time_zone is None)):
        return column.cast(pl.Date)
    if name.kind == "flag" and kind == pl.Boolean:
        return column
    if name.kind not in ("number", "moment", "flag") and kind == pl.String:
        return pl.when(column != "").then(column).alias(name.name)
    raise rule_fault("column_type", name=name.name, kind=name.kind, found=kind)


def _derive(items: pl.DataFrame, field: str) -> pl.Expr:
    made = DERIVED[field]
    inputs = []
    for name in made.inputs:
        if name in items.columns and items.schema[name].is_numeric():
            inputs.append(items[name].cast(pl.Float64).fill_nan(None).to_list())
        elif name not in items.columns or items.schema[name] == pl.Null:
            inputs.append([None] * items.height)
        else:
            raise rule_fault("column_type", name=name, kind="number", found=items.schema[name])
    values = [made.make(*row) for row in zip(*inputs, strict=True)]
    return pl.lit(pl.Series(field, values, dtype=pl.Float64).fill_nan(None)).alias(field)


def _fold(column: pl.Series) -> pl.Series:
    """Prose as it is searched; each text once, since goods are described in few ways."""
    texts = column.unique().drop_nulls()
    folded = pl.Series([fold_prose(text) for text in texts], dtype=pl.String)
    return column.replace_strict(texts, folded, default=None, return_dtype=pl.String).alias(_FOLDED + column.name)


def _close(column: pl.Series, name: str, listed: ListValues) -> pl.Series:
    """Whether each name is close to an entry; each name once, as one declaration's is compared."""
    texts = column.unique().drop_nulls()
    found = pl.Series([listed.holds(text) for text in texts], dtype=pl.Boolean)
    held = column.replace_strict(texts, found, default=None, return_dtype=pl.Boolean)
    return held.alias(f"{_LISTED}{column.name}:{name}")
