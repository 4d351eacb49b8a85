"""What errors say: each text is a template that stands whole in the code, and is said in every language alike."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from basira.render.error_texts import COUNTED, LOCALE, SOURCE_LANGUAGE, values_named
from basira.render.languages import LANGUAGES
from basira.schema.errors import ALL_ERRORS

SOURCE = Path(__file__).parents[2] / "src" / "basira"
# A faulty rule has catalogs of its own (`rules.faults`), and a test of them.
MADE_BY_NAME = {error.__name__ for error in ALL_ERRORS if error.__name__ != "RuleError"}
OTHERS = sorted(set(LANGUAGES) - {SOURCE_LANGUAGE})
# Rooms that no command of an officer or an administrator shows: the simulator and the laboratory are for those who
# build models, who read English, as the interface in Python is; an engine rejects a statement of our own.
FOR_BUILDERS = ("country", "engines", "features", "interface", "laboratory", "models/estimators.py", "models/heads.py")

# `join_phrases` and `Phrase.unpack`: values and a mark between them, or what another process made of a text here.
# And tables of the service, whose texts tests/api/test_answers_in_languages.py holds.
UNPACKED = ("schema/errors.py", "api/http/problems.py", "api/http/request_errors.py")


def calls(tree: ast.AST, names: set[str]) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            yield node


def texts_of(node: ast.expr) -> Iterator[str]:
    """The texts of an argument: one, or two of which one is chosen."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from texts_of(node.body)
        yield from texts_of(node.orelse)


def arguments_of(call: ast.Call) -> list[ast.expr]:
    return [*call.args[:1], *(keyword.value for keyword in call.keywords if keyword.arg == "hint")]


@cache
def made() -> list[tuple[str, ast.Call]]:
    """Every error and phrase that the code makes, with its file."""
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if "Error(" in text or "Phrase(" in text:
            file = path.relative_to(SOURCE).as_posix()
            found += [(file, call) for call in calls(ast.parse(text), {*MADE_BY_NAME, "Phrase"})]
    return found


@cache
def places() -> dict[str, list[str]]:
    """Each text with the files that say it."""
    found = defaultdict(list)
    for file, call in made():
        for argument in arguments_of(call):
            for text in texts_of(argument):
                found[text].append(file)
    return dict(found)


def has_words(text: str) -> bool:
    return re.search(r"[^\W\d_]{2}", re.sub(r"\{[^}]*\}", "", text)) is not None


@cache
def catalog(language: str) -> dict[str, tuple[str, ...]]:
    from babel.messages.pofile import read_po

    with (LOCALE / f"{language}.po").open("rb") as file:
        messages = read_po(file, locale=language, abort_invalid=True)
    return {
        (one.id if isinstance(one.id, str) else one.id[0]): (
            one.string if isinstance(one.string, tuple) else (one.string,)
        )
        for one in messages
        if one.id
    }


def test_no_text_of_an_error_is_put_together_before():
    faults = []
    for file, call in made():
        for argument in arguments_of(call):
            inner = {id(one) for phrase in calls(argument, {"Phrase"}) for one in ast.walk(phrase)}
            if call.func.id == "Phrase" and not list(texts_of(argument)) and file not in UNPACKED:  # type: ignore[attr-defined]
                faults.append(f"{file}:{call.lineno}")
            is_whole = not any(
                isinstance(one, ast.JoinedStr | ast.BinOp) and id(one) not in inner for one in ast.walk(argument)
            )
            if not is_whole and file not in UNPACKED:
                faults.append(f"{file}:{call.lineno}")
    assert len(places()) > 800
    assert faults == []


def test_every_value_of_a_text_is_given():
    faults = []
    for file, call in made():
        given = {keyword.arg for keyword in call.keywords if keyword.arg != "hint"}
        for text in (text for argument in arguments_of(call) for text in texts_of(argument)):
            # Without a value a text is no template: {'rule': {...}} stays as it is.
            shows = set(values_named(text)) if given else set(re.findall(r"\{(\w+)[!:}]", text))
            if None not in given and not shows <= given:
                faults.append((f"{file}:{call.lineno}", text))
    assert faults == []


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_that_an_officer_may_meet_is_said_in_each_language(language):
    said = catalog(language)
    missing = [
        text
        for text, files in places().items()
        if has_words(text) and text not in said and not all(file.startswith(FOR_BUILDERS) for file in files)
    ]
    assert missing == []


@pytest.mark.parametrize("language", OTHERS)
def test_no_text_is_said_that_no_error_has(language):
    assert [text for text in catalog(language) if text not in places()] == []


@pytest.mark.parametrize("language", OTHERS)
def test_every_translation_names_the_same_values_in_the_same_form(language):
    from string import Formatter

    def values(text: str) -> set[tuple[str, str, str]]:
        return {(name, spec or "", form or "") for _, name, spec, form in Formatter().parse(text) if name}

    for text, forms in catalog(language).items():
        for form in forms:
            assert form, text
            assert values(form) <= values(text), text
            # One thing, two things: the word alone counts.
            assert {name for name, _, _ in values(text) - values(form)} <= ({COUNTED} if len(forms) > 1 else set()), (
                text
            )


@pytest.mark.parametrize("language", OTHERS)
def test_what_counts_has_every_plural_form(language):
    counted = {text for text, forms in catalog(language).items() if len(forms) > 1}
    assert counted == {text for text, forms in catalog("fr").items() if len(forms) > 1}
    assert all(COUNTED in set(values_named(text)) for text in counted)


@pytest.mark.parametrize("language", OTHERS)
def test_commands_and_options_of_a_text_stay_as_they_are_typed(language):
    """A command in a translation is to be copied: its words are those of the English text, its placeholders may not."""
    pattern = re.compile(r"(?:basira(?: [a-z][a-z-]+)+|--[a-z][a-z-]+)")
    for text, forms in catalog(language).items():
        for form in forms:
            assert set(pattern.findall(form)) == set(pattern.findall(text)), text
