"""From DuckDB's bound expressions to a short program of Python functions.

Enters: a `Binding`. Leaves: a function from the relations' rows, as tuples, to the tuple of outputs.
Never here: generated code, a node that is not in the list below, a guess: an unknown node is rejected.

A program is a list of values and a list of steps; each step reads some values and writes one. Arithmetic is
IEEE double; what DuckDB computes in 32 bits is computed in 64 and rounded once, which for +, -, * and / gives
the same bits. Every distinct expression is one step. The branches of a CASE run only when taken.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

from basira.features.online import functions
from basira.features.online.plan import Binding
from basira.features.online.steps import Step, branch, coalesce, conjunction, is_null, loose, strict
from basira.schema.errors import UsageError
from basira.schema.json_values import JsonObject

Compiled = Callable[..., tuple[Any, ...]]
# Outputs, with the values of all steps; and further outputs of these values.
Beginning = Callable[..., tuple[tuple[Any, ...], list[Any]]]
Ending = Callable[[list[Any]], tuple[Any, ...]]
Node = JsonObject

_FLOATING = {"DOUBLE", "FLOAT"}
_INTEGERS = {"INTEGER", "BIGINT", "HUGEINT"}
_DOUBLE_ARITHMETIC = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": functions.divide}
_FLOAT_ARITHMETIC = {"+": functions.add32, "-": functions.sub32, "*": functions.mul32, "/": functions.divide32}
_COMPARISONS = {
    "=": (operator.eq, functions.equal),
    "!=": (operator.ne, functions.unequal),
    "<": (operator.lt, functions.less),
    "<=": (operator.le, functions.at_most),
    ">": (operator.gt, functions.greater),
    ">=": (operator.ge, functions.at_least),
}
# Nulls propagated: function of DuckDB, its types -> ours.
_SIMPLE: Mapping[tuple[str, ...], Callable[..., Any]] = {
    ("ln", "DOUBLE"): functions.ln, ("log10", "DOUBLE"): functions.log10, ("exp", "DOUBLE"): functions.exp,
    ("pow", "DOUBLE", "DOUBLE"): functions.power, ("floor", "DOUBLE"): functions.floor,
    ("round", "DOUBLE"): functions.round_half_away, ("fmod", "DOUBLE", "DOUBLE"): functions.fmod,
    ("abs", "DOUBLE"): abs, ("abs", "FLOAT"): abs, ("abs", "INTEGER"): abs, ("abs", "BIGINT"): abs,
    ("lower", "VARCHAR"): functions.lower, ("length", "VARCHAR"): len,
    ("hour", "TIMESTAMP"): operator.attrgetter("hour"), ("dayofweek", "TIMESTAMP"): functions.weekday,
}  # fmt: skip
# A single negated class, repeated: the one shape on which the two regular expression engines surely agree.
_PATTERN = re.compile(r"\[\^[^\]\[\\^]+\]\{\d+,\}")


def compile_binding(binding: Binding, layouts: Mapping[str, Sequence[str]]) -> Compiled:
    """A function of one row per relation, in the order of ``layouts``, which names each row's columns.

    Raises UsageError when an expression holds anything that is not in the list.
    """
    begin, _ = compile_stages(binding, layouts, frozenset())

    def run(*rows: Sequence[Any]) -> tuple[Any, ...]:
        return begin(*rows)[0]

    return run


def compile_stages(
    binding: Binding, layouts: Mapping[str, Sequence[str]], late: frozenset[str]
) -> tuple[Beginning, Ending]:
    """The same in two functions: of the outputs without those named in ``late``, and of these.

    The first one gives its values too, which the second one takes: what both need is computed once. Raises UsageError
    as `compile_binding`. At least one output is not late.
    """
    for output in binding.outputs:
        if output.type.startswith("DECIMAL"):
            raise _unsupported(f"a result of type {output.type}")
    writer = _Writer(binding, layouts)
    soon = [writer.write(output.node) for output in binding.outputs if output.name not in late]
    steps = tuple(writer.steps)
    rest_of = [writer.write(output.node) for output in binding.outputs if output.name in late]
    late_steps = tuple(writer.steps[len(steps) :])
    rest, width = tuple(writer.rest), writer.width
    # One output more than there are, so that the result is a tuple also when there is one.
    pick, pick_late = itemgetter(*soon, soon[0]), itemgetter(*rest_of, soon[0], soon[0])

    def begin(*rows: Sequence[Any]) -> tuple[tuple[Any, ...], list[Any]]:
        values = [*chain.from_iterable(rows), *rest]
        if len(values) != width + len(rest):
            raise UsageError(
                "Expected rows of {width} columns in all, found {values_count}.",
                hint="Give each relation's row in the layout that was compiled.",
                width=width,
                values_count=len(values) - len(rest),
            )
        for step in steps:
            step(values)
        found: tuple[Any, ...] = pick(values)
        return found[:-1], values

    def end(values: list[Any]) -> tuple[Any, ...]:
        for step in late_steps:
            step(values)
        found: tuple[Any, ...] = pick_late(values)
        return found[:-2]

    return begin, end


def _unsupported(what: str) -> UsageError:
    return UsageError(
        "Expected an expression that can be computed online, found {what}.",
        hint="Score this declaration through the batch, or teach basira.features.online.compiler this expression.",
        what=what,
    )


class _Writer:
    """Writes steps; `write` returns the place of a node's value.

    ``width``: how many values the rows bring. ``rest``: the values after these, constants in their places.
    """

    def __init__(self, binding: Binding, layouts: Mapping[str, Sequence[str]]) -> None:
        self.rest: list[Any] = []
        self.steps: list[Step] = []
        self._constants: set[int] = set()
        self._scopes: list[dict[str, int]] = [{}]
        starts: dict[str, int] = {}
        self.width = 0
        for relation, columns in layouts.items():
            starts[relation] = self.width
            self.width += len(columns)
        self._inputs = [
            starts[relation] + list(layouts[relation]).index(column) if column else -1
            for relation, column, _ in binding.inputs
        ]

    # --- places ----------------------------------------------------------------------------------

    def _place(self, value: Any = None) -> int:
        self.rest.append(value)
        return self.width + len(self.rest) - 1

    def _constant(self, value: Any) -> int:
        key = f"constant {type(value).__name__} {value!r}"
        # A constant is there from the start: every branch may use it.
        if key not in self._scopes[0]:
            self._scopes[0][key] = self._place(value)
            self._constants.add(self._scopes[0][key])
        return self._scopes[0][key]

    def _value(self, place: int) -> Any:
        return self.rest[place - self.width]

    def _once(self, key: str, make: Callable[[int], Step]) -> int:
        """The place of the expression that ``key`` names; a new step when no step that surely ran computes it."""
        for scope in self._scopes:
            if key in scope:
                return scope[key]
        place = self._place()
        self.steps.append(make(place))
        self._scopes[-1][key] = place
        return place

    def _strict(self, name: str, function: Callable[..., Any], *places: int) -> int:
        """``function`` of the values, null when one is; of constants, now."""
        if self._constants.issuperset(places):
            values = [self._value(p) for p in places]
            return self._constant(None if None in values else function(*values))
        return self._once(f"{name} {places}", lambda into: strict(function, places, into))

    # --- nodes -----------------------------------------------------------------------------------

    def write(self, node: Node) -> int:
        kind = node["expression_class"]
        if kind == "BOUND_REF":
            return self._inputs[node["index"]]
        if kind == "BOUND_CONSTANT":
            return self._constant(_constant(node["value"]))
        if kind == "BOUND_CASE":
            return self._case([(c["when_expr"], c["then_expr"]) for c in node["case_checks"]], node["else_expr"])
        if kind == "BOUND_OPERATOR":
            return self._operator(node)
        if kind == "BOUND_CONJUNCTION":
            return self._conjunction(node)
        if kind == "BOUND_FUNCTION":
            return self._function(node)
        raise _unsupported(kind)

    def _case(self, checks: Sequence[tuple[Node, Node]], default: Node) -> int:
        if not checks:
            return self.write(default)
        (when, then), *others = checks
        key = f"case {_key([list(c) for c in checks])} {_key(default)}"
        for scope in self._scopes:
            if key in scope:
                return scope[key]
        test = self.write(when)
        yes = self._block(lambda: self.write(then))
        no = self._block(lambda: self._case(others, default))
        return self._once(key, lambda into: branch(test, yes, no, into))

    def _block(self, write: Callable[[], int]) -> tuple[tuple[Step, ...], int]:
        """Steps that run only when a branch is taken, and the place of their result."""
        outer, self.steps = self.steps, []
        self._scopes.append({})
        place = write()
        self._scopes.pop()
        inner, self.steps = self.steps, outer
        return tuple(inner), place

    def _operator(self, node: Node) -> int:
        kind = node["type"]
        places = [self.write(c) for c in node["children"]]
        if kind in ("OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL"):
            return self._once(f"{kind} {places}", lambda into: is_null(places[0], into, expected="NOT" not in kind))
        if kind == "OPERATOR_COALESCE":
            return self._once(f"{kind} {places}", lambda into: coalesce(places, into))
        raise _unsupported(kind)

    def _conjunction(self, node: Node) -> int:
        kind = node["type"]
        if kind not in ("CONJUNCTION_AND", "CONJUNCTION_OR"):
            raise _unsupported(kind)
        places = [self.write(c) for c in node["children"]]
        return self._once(f"{kind} {places}", lambda into: conjunction(places, into, decides=kind == "CONJUNCTION_OR"))

    def _function(self, node: Node) -> int:
        name, gives = node["qname"]["path"][-1], node["return_type"]["id"]
        if name == "__cast":
            return self._cast(node)
        kinds = [_type(c) for c in node["children"]]
        places = [self.write(c) for c in node["children"]]
        if name in _COMPARISONS:
            return self._compare(name, places, kinds)
        if name in ("+", "-", "*", "/"):
            return self._arithmetic(name, gives, places, node)
        if (name, *kinds) in _SIMPLE:
            return self._strict(name, _SIMPLE[name, *kinds], *places)
        if name in ("greatest", "least") and set(kinds) <= _FLOATING:
            function = functions.greatest if name == "greatest" else functions.least
            return self._once(f"{name} {places}", lambda into: loose(function, places, into))
        if name == "substr" and self._constants.issuperset(places[1:]):
            first, length = (self._value(p) for p in places[1:])
            if first >= 1 and length >= 0:
                cut = slice(first - 1, first - 1 + length)
                return self._strict(f"substr {cut}", itemgetter(cut), places[0])
        if name == "regexp_extract" and len(places) == 2 and places[1] in self._constants:
            pattern = self._value(places[1])
            if _PATTERN.fullmatch(pattern):
                return self._strict(f"extract {pattern}", functions.extractor(pattern), places[0])
        raise _unsupported(f"{name}({', '.join(kinds)})")

    def _arithmetic(self, sign: str, gives: str, places: list[int], node: Node) -> int:
        if len(places) == 1 and sign == "-" and gives != "DECIMAL":
            return self._strict("negative", operator.neg, *places)
        if len(places) != 2:
            raise _unsupported(f"{sign} of {len(places)}")
        if gives == "FLOAT":
            return self._strict(f"{sign} 32", _FLOAT_ARITHMETIC[sign], *places)
        if gives == "DOUBLE":
            is_plain = sign == "/" and places[1] in self._constants and self._value(places[1])
            return self._strict(f"{sign} 64", operator.truediv if is_plain else _DOUBLE_ARITHMETIC[sign], *places)
        if gives == "DECIMAL" and sign != "/":
            # Whole numbers of smallest units: a sum needs one scale, a product has the sum of both.
            first, second = (_scale(c) for c in node["children"])
            if _scale(node) != (first + second if sign == "*" else first) or (sign != "*" and first != second):
                raise _unsupported("decimals of several scales")
        if gives in (*_INTEGERS, "DECIMAL") and sign != "/":
            return self._strict(f"{sign} whole", _DOUBLE_ARITHMETIC[sign], *places)
        raise _unsupported(f"{sign} giving {gives}")

    def _compare(self, name: str, places: list[int], kinds: list[str]) -> int:
        plain, with_nan = _COMPARISONS[name]
        if kinds[0] != kinds[1] or kinds[0] not in (*_FLOATING, *_INTEGERS, "VARCHAR", "BOOLEAN"):
            raise _unsupported(f"a comparison of {kinds[0]} with {kinds[1]}")
        # With a constant on the right, NaN matters only where it would be greater.
        is_safe = kinds[0] not in _FLOATING or (places[1] in self._constants and name not in (">", ">="))
        return self._strict(f"{name} {is_safe}", plain if is_safe else with_nan, *places)

    def _cast(self, node: Node) -> int:
        child, gives = node["children"][0], node["return_type"]["id"]
        takes, place = _type(child), self.write(child)
        is_constant = place in self._constants
        if takes == "NULL":
            return self._constant(None)
        if takes == gives and (gives != "DECIMAL" or _scale(child) == _scale(node)):
            return place
        if gives == "DOUBLE" and takes in _INTEGERS:
            return self._strict("double", float, place)
        if gives == "DOUBLE" and takes == "FLOAT":
            return place
        if gives == "DOUBLE" and takes == "DECIMAL":
            return self._strict("/ whole", operator.truediv, place, self._constant(10 ** _scale(child)))
        if gives == "FLOAT" and takes in _INTEGERS:
            return self._strict("f32", functions.f32, place)
        if gives == "FLOAT" and takes == "DOUBLE":
            return self._strict("cast_f32", functions.cast_f32, place)
        if gives == "FLOAT" and takes == "DECIMAL" and is_constant and abs(self._value(place)) < 2**24:
            return self._constant(functions.f32(self._value(place) / 10 ** _scale(child)))
        if gives == "DECIMAL" and takes in (*_INTEGERS, "DECIMAL"):
            shift = _scale(node) - (_scale(child) if takes == "DECIMAL" else 0)
            if shift >= 0:
                return self._strict("* whole", operator.mul, place, self._constant(10**shift))
        if gives in ("INTEGER", "BIGINT") and takes in _INTEGERS:
            return place
        if gives in ("INTEGER", "BIGINT") and takes == "DOUBLE":
            return self._strict("cast_integer", functions.cast_integer, place)
        if gives == "VARCHAR" and takes in _INTEGERS:
            return self._strict("varchar", str, place)
        raise _unsupported(f"a cast of {takes} to {gives}")


# --- reading nodes -------------------------------------------------------------------------------------------


def _type(node: Node) -> str:
    if node["expression_class"] == "BOUND_CONSTANT":
        return str(node["value"]["type"]["id"])
    if node["expression_class"] == "BOUND_CONJUNCTION":
        return "BOOLEAN"
    return str(node["return_type"]["id"])


def _scale(node: Node) -> int:
    kind = node["value"]["type"] if node["expression_class"] == "BOUND_CONSTANT" else node["return_type"]
    return int(kind["type_info"]["scale"]) if kind["id"] == "DECIMAL" else -1


def _constant(value: Node) -> Any:
    """A constant; a decimal as its whole number of smallest units."""
    if value["is_null"]:
        return None
    kind, found = value["type"]["id"], value["value"]
    if kind in (*_INTEGERS, "DECIMAL") and isinstance(found, int):
        return found
    if kind == "DOUBLE" and isinstance(found, float | int) and math.isfinite(found):
        return float(found)
    if kind == "VARCHAR" and isinstance(found, str):
        return found
    raise _unsupported(f"a constant of type {kind}")


def _key(node: Any) -> str:
    """What a node says, its place in the text and its name apart: equal keys are equal expressions."""
    if isinstance(node, dict):
        kept = ((k, v) for k, v in node.items() if not k.startswith("query_location") and k != "alias")
        return "{" + ",".join(f"{k}:{_key(v)}" for k, v in sorted(kept)) + "}"
    if isinstance(node, list):
        return "[" + ",".join(map(_key, node)) + "]"
    return repr(node)
