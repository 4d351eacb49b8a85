"""No SQL is made of a text from outside.

Wherever a string that reads like SQL is composed (f-string, `+`, `%`, `.format`, `.join`), and whatever DuckDB is asked
to execute, each part that is put in must be one of these:

- what `quote_identifier` or `quote_literal` of `basira.schema.sql` gives, an engine's relation of `files`, or `int`;
- a constant: a literal, a name in capitals, an entry of one, what a loop takes from one;
- a parameter that is annotated as `int`, an attribute of one of a class of `OUR_OWN`;
- what a variable of the same function holds, when all that is put in it is of these;
- a text that a function of `FUNCTIONS` takes or gives: they are judged where they are called, and where they return;
- an expression that `ALLOWED` names, with its reason.

A new function that takes SQL or a table's name fails here until it stands in `FUNCTIONS`: then its callers are judged.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

QUOTES = {"quote_identifier", "quote_literal"}
# By module, those that take or give SQL, or names of our own tables and columns.
FUNCTIONS: dict[str, tuple[str, ...]] = {
    "country/realism.py": ("_shares", "_counts_by_entity", "_kinds", "_row"),
    "features/catalog/catalog.py": ("_at_most",),
    "features/catalog/feature.py": ("limit_ratio",),
    "features/catalog/prices.py": ("_usual_duty",),
    "features/catalog/habits.py": (
        "year_sums", "week_sql", "gap_sql", "clip_sql", "part_sql", "residual_sql", "deviation_sql",
    ),
    "features/batch/compute.py": ("compute_features",),
    "features/online/build.py": (
        "_batches", "_digests_by_key", "_weekly", "since", "_profile_select", "_reference_select",
    ),
    "features/online/keys.py": ("key_sql",),
    "features/online/plan.py": ("bind", "key_parts"),
    "features/batch/sql.py": (
        "key_integer", "log_integer", "prepare_statements", "price_statements", "profile_statement",
        "reference_statement", "join_statement", "habit_sums", "habits_of_items", "habits_of_results", "gap_rows",
        "_whole_sum", "_weeks_before", "_price_level", "_join_weekly", "own_columns",
    ),
    "feedback/overwritten.py": ("_counts", "_same"),
    "ingest/rows/resolve.py": ("_hash_rows",),
    "laboratory/worlds/ledger.py": ("revenue_sql", "is_new", "_same", "_frame", "_insert"),
    "storage/engine.py": ("fetch_frame", "fetch_value"),
    "storage/history/views.py": ("empty_select",),
    "storage/database/migrations/triggers.py": (
        "append_only", "only_onwards", "only_as_the_end", "_goes_on", "_in_schema", "_rejection",
        "_rejection_on_sqlite", "_no_replace_on_sqlite",
    ),
    "storage/database/migrations/statuses.py": (
        "status_triggers", "expected_results", "expected_statuses", "status_faults", "_in", "_text", "_number",
        "_truth", "_differs", "_extra", "_gives_lane", "_path", "_is_true", "_is_not_false", "_item", "_any",
        "_yes", "_no",
    ),
    "storage/database/migrations/day_counts.py": (
        "day_count_triggers", "expected_day_counts", "day_count_faults", "_value", "_in",
    ),
    "storage/database/freed.py": ("_vacuum",),
    "workflows/explore/facts.py": ("conditions_sql", "_condition_sql"),
    "workflows/explore/goods.py": ("_parts",),
    "workflows/explore/search.py": ("_word_sql",),
    "workflows/planting.py": ("same_item",),
    "workflows/targeting/assess.py": ("assess",),
    "workflows/evaluation/evaluate.py": ("_declarations",),
    "feedback/labels.py": ("label_items",),
    "workflows/targeting/score.py": ("items_declared",),
}  # fmt: skip
# Their parameters that may be from outside: within, they must be quoted like any other text, or only be compared.
QUOTED_WITHIN = {"extras", "dialect", "schema"}
TEXTS = {"str", "Sequence[str]", "tuple[str, ...]", "list[str]", "Mapping[str, tuple[str, ...]]"}
# Rows of tables that are written in this repository, frozen.
OUR_OWN = {"Entity", "Level", "_Chained", "sa.Table"}
# By module: an expression, and why it is nothing from outside.
ALLOWED: dict[str, dict[str, str]] = {
    "engines/duckdb.py": dict.fromkeys(("statement", "query", "relation"), "judged where the engine is asked"),
    "features/online/build.py": {
        "plans().key_columns": "columns of the schema, as DuckDB bound our own SQL",
        "enumerate(parts)": "numbers, and parts of our own keys",
        "zip(parts, names, strict=True)": "parts of our own keys, and their numbered names",
        "kinds.items()": "columns of `WEEKLY`, and one of two types",
        "WEEKLY.get(relation, ())": "names of our own tables and columns",
        "WEEKLY.get(name, ())": "names of our own tables and columns",
    },
    "storage/database/connection.py": {
        "wait": "a number of milliseconds",
        "self.bounds()": "settings of the transaction, with numbers of seconds",
    },
}

SQL = re.compile(
    r"\b(select\b.*\bfrom|select (\*|distinct|count|json)|insert into|delete from|create (or replace )?(temp |table|"
    r"view|trigger)|(drop|alter) (table|view|trigger)|union( all)?( by name)?\s*select|semi join|left join|describe |"
    r"pragma |read_parquet\(|copy \(|attach |case when |cast\(|coalesce\(|exists \(select|null::|is (not )?null\b)",
    re.IGNORECASE | re.DOTALL,
)
EXECUTES = re.compile(
    r"\b_?con\.(sql|execute|query|create_table|columns|fetch_rows|fetch_arrow|fetch_batches)$"
    r"|\.exec_driver_sql$|^(sa\.text|op\.execute)$"
)


Signature = list[tuple[str, str]]


@dataclass
class Scope:
    """A function or a module. ``given``: everything that was put in a name, by name. ``is_listed``: its texts are
    judged where it is called."""

    given: dict[str, list[ast.expr]] = field(default_factory=dict)
    annotated: dict[str, str] = field(default_factory=dict)
    outer: Scope | None = None
    is_listed: bool = False


class Judge:
    """Whether an expression is sound in its scope."""

    def __init__(self, allowed: Mapping[str, str], known: Mapping[str, Signature]) -> None:
        self._allowed, self._known = allowed, known
        self._open: set[int] = set()

    def is_sound(self, node: ast.expr, scope: Scope) -> bool:
        if id(node) in self._open:  # a variable that grows by itself: `query += ...`
            return True
        self._open.add(id(node))
        try:
            return ast.unparse(node) in self._allowed or self._is_sound(node, scope)
        finally:
            self._open.discard(id(node))

    def _is_sound(self, node: ast.expr, scope: Scope) -> bool:
        match node:
            case ast.Constant():
                return True
            case ast.JoinedStr(values=parts):
                return all(self.is_sound(part, scope) for part in parts)
            case ast.FormattedValue(value=value) | ast.Starred(value=value):
                return self.is_sound(value, scope)
            case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
                return all(self.is_sound(part, scope) for part in parts)
            case ast.BinOp(left=left, right=right):
                return self.is_sound(left, scope) and self.is_sound(right, scope)
            case ast.BoolOp(values=parts):
                return all(self.is_sound(part, scope) for part in parts)
            case ast.IfExp(body=yes, orelse=no):
                return self.is_sound(yes, scope) and self.is_sound(no, scope)
            case ast.ListComp(elt=made) | ast.GeneratorExp(elt=made) | ast.SetComp(elt=made):
                return self.is_sound(made, scope)
            case ast.Dict(values=parts):
                return all(self.is_sound(part, scope) for part in parts)
            case ast.DictComp(key=key, value=made):
                return self.is_sound(key, scope) and self.is_sound(made, scope)
            case ast.Subscript(value=value) | ast.Attribute(value=value):
                return self.is_sound(value, scope)
            case ast.Name(id=name):
                return self._is_name_sound(name, scope)
            case ast.Call():
                return self._is_call_sound(node, scope)
        return False

    def _is_call_sound(self, node: ast.Call, scope: Scope) -> bool:
        name = ast.unparse(node.func)
        if name in {"int", "con.files", *QUOTES} or name.removeprefix("self.") in self._known:
            return True
        if name == "map" and isinstance(node.args[0], ast.Name) and node.args[0].id in QUOTES:
            return True
        if isinstance(node.func, ast.Attribute) and node.func.attr in (
            "join",
            "format",
            "items",
            "values",
            "lower",
            "split",
            "hex",
        ):
            given = [*node.args, *(keyword.value for keyword in node.keywords)]
            return self.is_sound(node.func.value, scope) and all(self.is_sound(one, scope) for one in given)
        return name in ("enumerate", "sorted", "tuple", "list", "dict.fromkeys", "str") and all(
            self.is_sound(one, scope) for one in node.args
        )

    def _is_name_sound(self, name: str, scope: Scope) -> bool:
        if name.strip("_").isupper() and len(name.strip("_")) > 1:
            return True
        found: Scope | None = scope
        while found is not None:
            if name in found.annotated:
                kind = found.annotated[name]
                is_judged = found.is_listed and kind in TEXTS and name not in QUOTED_WITHIN
                return is_judged or kind in {"int", *OUR_OWN}
            if name in found.given:
                return all(self.is_sound(one, found) for one in found.given[name])
            found = found.outer
        return False


def scope_of(function: ast.FunctionDef | ast.Module, outer: Scope | None, listed: tuple[str, ...]) -> Scope:
    scope = Scope(outer=outer)
    if isinstance(function, ast.FunctionDef):
        scope.is_listed = function.name in listed
        for parameter in [*function.args.args, *function.args.kwonlyargs]:
            scope.annotated[parameter.arg] = ast.unparse(parameter.annotation) if parameter.annotation else ""
    for node in own_nodes(function):
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    give(scope, target, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                give(scope, target, value)
            case ast.AugAssign(target=target, value=value):
                give(scope, target, value)
            case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
                is_table = isinstance(value, ast.Tuple) and all(isinstance(row, ast.Tuple) for row in value.elts)
                for row in value.elts if isinstance(value, ast.Tuple) and is_table else [value]:
                    give(scope, target, row)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="append" | "extend"), args=[value]):
                scope.given.setdefault(name, []).append(value)
    return scope


def give(scope: Scope, target: ast.expr, value: ast.expr) -> None:
    """Note what a target gets. Of several targets each gets all of it: sound only when all is."""
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        for one, part in zip(target.elts, value.elts, strict=True):
            give(scope, one, part)
        return
    for one in ast.walk(target):
        if isinstance(one, ast.Name):
            scope.given.setdefault(one.id, []).append(value)


def own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """Everything in a function but what stands in a function within it."""
    for child in ast.iter_child_nodes(function):
        if not isinstance(child, ast.FunctionDef | ast.Lambda):
            yield child
            yield from own_nodes(child)


def functions(
    tree: ast.AST, listed: tuple[str, ...], outer: Scope | None = None
) -> Iterator[tuple[ast.FunctionDef | ast.Module, Scope]]:
    """The module and every function in it, each with its scope."""
    if isinstance(tree, ast.Module | ast.FunctionDef):
        outer = scope_of(tree, outer, listed)
        yield tree, outer
    for child in ast.iter_child_nodes(tree):
        yield from functions(child, listed, outer)


def composed(node: ast.AST) -> list[ast.expr]:
    """The constant parts of a composed string, and nothing for another node."""
    match node:
        case ast.JoinedStr(values=parts):
            return [part for part in parts if isinstance(part, ast.Constant)]
        case ast.BinOp(left=left, op=ast.Add() | ast.Mod(), right=right):
            return [p for side in (left, right) for p in ([side] if isinstance(side, ast.Constant) else composed(side))]
        case ast.Call(func=ast.Attribute(value=ast.Constant() as text, attr="format" | "join")):
            return [text]
    return []


def is_prose(node: ast.AST) -> bool:
    """An error, a hint: shown to a person."""
    name = ast.unparse(node.func).rpartition(".")[2] if isinstance(node, ast.Call) else ""
    return isinstance(node, ast.Raise) or name.endswith(("Error", "Fault", "Progress", "NotOnline", "echo", "problem"))


def signatures(root: Path, module: str) -> dict[str, Signature]:
    """Of the functions of `FUNCTIONS` that a module can call the parameters and their annotations, without `self`."""
    found: dict[str, Signature] = {}
    for other, listed in FUNCTIONS.items():
        names = tuple(name for name in listed if other == module or not name.startswith("_"))
        found |= read_signatures((root / "src" / "basira" / other).read_text(encoding="utf-8"), names)
    return found


@cache
def read_signatures(source: str, names: tuple[str, ...]) -> dict[str, Signature]:
    found: dict[str, Signature] = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef) and node.name in names:
            parameters = [p for p in [*node.args.args, *node.args.kwonlyargs] if p.arg != "self"]
            found[node.name] = [(p.arg, "" if p.annotation is None else ast.unparse(p.annotation)) for p in parameters]
    assert found.keys() == set(names), "FUNCTIONS names one that is gone"
    return found


def texts_given(call: ast.Call, signature: Signature) -> list[ast.expr]:
    """The arguments that are texts to the function that is called."""
    taken = {name for name, kind in signature if kind in TEXTS} - QUOTED_WITHIN
    by_place = [value for value, (name, _) in zip(call.args, signature, strict=False) if name in taken]
    return by_place + [keyword.value for keyword in call.keywords if keyword.arg in taken]


def unsound(source: str, module: str, known: Mapping[str, Signature]) -> list[tuple[int, str]]:
    """Line and text of every expression that puts something in SQL which it must not."""
    judge = Judge(ALLOWED.get(module, {}), known)
    listed = FUNCTIONS.get(module, ())
    found: dict[int, str] = {}
    for function, scope in functions(ast.parse(source), listed):
        prose = {id(one) for node in own_nodes(function) if is_prose(node) for one in ast.walk(node)}
        for node in own_nodes(function):
            if id(node) in prose:
                continue
            asked: list[ast.expr] = []
            if isinstance(node, ast.expr) and SQL.search("".join(str(ast.literal_eval(p)) for p in composed(node))):
                asked.append(node)
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                if EXECUTES.search(name):
                    asked += node.args[1:2] if name.endswith(".create_table") else node.args[:1]
                asked += texts_given(node, known.get(name.removeprefix("self."), []))
            if isinstance(node, ast.Return) and scope.is_listed and isinstance(function, ast.FunctionDef):
                gives = "" if function.returns is None else ast.unparse(function.returns)
                asked += [node.value] if node.value is not None and gives in TEXTS else []
            for one in asked:
                if not judge.is_sound(one, scope):
                    found.setdefault(one.lineno, ast.unparse(one)[:200])
    return sorted(found.items())


def test_no_sql_is_made_of_a_text_from_outside(root: Path) -> None:
    found = []
    for path in sorted((root / "src" / "basira").rglob("*.py")):
        name = path.relative_to(root / "src" / "basira").as_posix()
        for line, text in unsound(path.read_text(encoding="utf-8"), name, signatures(root, name)):
            found.append(f"{name}:{line}: {text}")
    assert found == []


OUTSIDE = "def ask(con: object, name: str, names: list[str], days: int) -> None:\n    "


@pytest.mark.parametrize(
    "code",
    [
        "con.execute(f'select {name} from items')",
        "con.execute('select ' + name + ' from items')",
        "con.execute('select %s from items' % name)",
        "con.execute('select {} from items'.format(name))",
        "con.execute('select ' + ', '.join(names) + ' from items')",
        "con.execute('select ' + ', '.join(f't.{one}' for one in names) + ' from items t')",
        "query = f'select {name}'\n    query += ' from items'\n    con.sql(query)",
        "columns = ['office']\n    columns.append(name)\n    con.sql('select ' + ', '.join(columns) + ' from items')",
        "con.execute(name)",
        "fetch_value(con, name)",
        "con.fetch_rows(name)",
        "con.fetch_arrow(name)",
        "con.create_table('found', f'from {name}')",
        "con.create_table('found', name)",
        "compute_features(con, name, as_of_day=1, into='features')",
        "found = f'cast({name} as varchar)'",
        "con.execute(f\"select * from read_parquet('{name}')\")",
        "return f'create view items as {name}'",
    ],
)
def test_the_search_finds_a_text_that_is_put_in(root: Path, code: str) -> None:
    assert unsound(OUTSIDE + code, "workflows/ask.py", signatures(root, "workflows/ask.py"))


@pytest.mark.parametrize(
    "code",
    [
        "con.execute(f'select {quote_identifier(name)} from items where day > {days}')",
        "con.execute('select ' + ', '.join(quote_identifier(one) for one in names) + ' from items')",
        "con.execute('select ' + ', '.join(map(quote_identifier, names)) + ' from items')",
        "con.execute(f'select * from read_parquet({quote_literal(name)})')",
        "con.execute('select * from items where office = $name', {'name': name})",
        "for one in ('items', 'outcomes'):\n        con.execute(f'drop table {one}')",
        "con.execute(f'select {KEY} from items')",
        "raise UsageError(f'Select one from {name}, where there is one.')",
    ],
)
def test_the_search_lets_pass_what_is_quoted_or_our_own(root: Path, code: str) -> None:
    assert unsound(OUTSIDE + code, "workflows/ask.py", signatures(root, "workflows/ask.py")) == []


def test_duckdb_is_opened_in_one_place(root: Path) -> None:
    found = [
        path.relative_to(root).as_posix()
        for path in sorted((root / "src").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("duckdb.connect", "duckdb.sql", "duckdb.query")
    ]
    assert found == ["src/basira/engines/duckdb.py"]
