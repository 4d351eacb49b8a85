"""Plain words in what people read of the code, and imperative names for what the code does."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

# Each phrase, and what to write instead (nouns: docs/reference/glossary.md). Only phrases that are always wrong.
BETTER = {
    "somebody": "the noun: the caller, an officer, another worker",
    "whoever": "the noun, and a relative clause: a user who, a process that",
    "everybody": "the noun: every user, every trader, all declarations",
    "that is none": "the noun, and what is wrong with it: an invalid number, an unknown name",
    "that are none": "the noun, and what is wrong with it: invalid numbers, unknown names",
    "which is none": "the noun, and what is wrong with it: an invalid number, an unknown name",
    "deed": "an event, an activity",
    "deeds": "events, activities",
    "eve": "the previous day, the day before",
    "are said": "are reported, are shown",
    "and told": "and reported",
    "is told": "is shown, is reported, is asked",
    "are told": "are shown, are reported",
    "as ever": "as usual, as before",
}
# A phrase may begin a sentence, and be broken over two lines. Python's None is no phrase.
PHRASE = re.compile(
    r"\b(?:" + "|".join(rf"(?i:{phrase[0]}){phrase[1:]}" for phrase in BETTER).replace(" ", r"\s+") + r")\b"
)
PARTICIPLES = frozenset(
    {"answered", "decided", "found", "given", "granted", "kept", "made", "moved", "opened", "said", "taken", "told"}
)
# Code is no prose: `names`, fenced blocks, targets of links, and identifiers with an underscore, a dot or a slash.
CODE = re.compile(r"```.*?```|`[^`]*`|\]\([^)]*\)|\S*[/_]\S*|\w+\.\w\S*", re.DOTALL)


class Prose(NamedTuple):
    """A piece of text that people read, and the line on which it begins."""

    line: int
    text: str


def words_of_code(source: str) -> Iterator[Prose]:
    """The docstrings of a module, and its comments: those that follow each other line by line are one text."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node, clean=False)
            if text is not None:
                yield Prose(node.body[0].lineno, text)
    begun = Prose(0, "")
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        text, line = token.string.lstrip("# "), token.start[0]
        if line == begun.line + begun.text.count("\n") + 1:
            begun = Prose(begun.line, f"{begun.text}\n{text}")
        else:
            yield begun
            begun = Prose(line, text)
    yield begun


def find_phrases(prose: Prose) -> Iterator[tuple[int, str]]:
    """The banned phrases of a text, each with its line."""
    # Code becomes one sign for each of its own, and keeps its lines, so that every position stays.
    plain = CODE.sub(lambda code: re.sub(r"[^\n]", "-", code[0]), prose.text)
    for match in PHRASE.finditer(plain):
        yield prose.line + plain.count("\n", 0, match.start()), " ".join(match[0].lower().split())


def read_prose(root: Path, files: list[Path]) -> Iterator[tuple[Path, Prose]]:
    """What people read: comments and docstrings of the package, and the pages."""
    for path in files:
        if path.suffix == ".py" and path.parts[0] == "src":
            for prose in words_of_code((root / path).read_text(encoding="utf-8")):
                yield path, prose
        elif path.suffix == ".md" and (path.parts[0] == "docs" or str(path) in {"ARCHITECTURE.md", "README.md"}):
            yield path, Prose(1, (root / path).read_text(encoding="utf-8"))


def test_no_banned_phrase(root: Path, tree_files: list[Path]) -> None:
    found = [
        f"{path}:{line}: {phrase!r}: write {BETTER[phrase]}"
        for path, prose in read_prose(root, tree_files)
        for line, phrase in find_phrases(prose)
    ]
    assert found == [], "\n".join(found)


def test_a_banned_phrase_is_found_in_prose_alone() -> None:
    source = '''def act() -> None:
    """Do it for

    somebody."""
    name = "whoever"  # Of `whoever`, one that is None or one that
    # is none; not on_the_eve or an event. Whoever.
'''
    found = [at for prose in words_of_code(source) for at in find_phrases(prose)]
    assert found == [(4, "somebody"), (5, "that is none"), (6, "whoever")]


def is_named_as_a_fact(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a participle fits: a predicate or a property says what is, it does nothing."""
    decorators = {ast.unparse(decorator).rpartition(".")[2] for decorator in function.decorator_list}
    returns = "" if function.returns is None else ast.unparse(function.returns)
    return returns.startswith(("bool", "TypeGuard", "TypeIs")) or bool(decorators & {"property", "cached_property"})


def test_no_function_is_named_by_a_participle(root: Path, tree_files: list[Path]) -> None:
    found = [
        f"{path}:{node.lineno}: {node.name}: name what it does, such as decide or find"
        for path in tree_files
        if path.suffix == ".py" and path.parts[0] == "src"
        for node in ast.walk(ast.parse((root / path).read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.strip("_") in PARTICIPLES
        and not is_named_as_a_fact(node)
    ]
    assert found == [], "\n".join(found)
