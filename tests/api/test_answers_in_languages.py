"""What the service's errors say: in the language that a request asks for, each text in every language."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from string import Formatter

import pytest
from fastapi.testclient import TestClient

from basira.api.http import problems, request_errors
from basira.api.http.answer_language import language_accepted
from basira.render.catalogs import load_catalog
from basira.render.error_texts import LOCALE, PROBLEMS
from tests.support.api_world import Desk
from tests.support.tree import ROOT

MAKES = {"ProblemException", "problem", "Phrase"}
# Answers of a connection that has no request yet, so none that asks for a language.
WITHOUT_REQUEST = ("connection.py",)


def texts_of_calls(path: Path) -> Iterator[str]:
    """The whole texts that a file's errors hold: arguments with a space in them, and constants that stand for one."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    constants = {
        target.id: node.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MAKES:
            for argument in [*node.args, *(one.value for one in node.keywords if one.arg == "hint")]:
                value = constants.get(argument.id) if isinstance(argument, ast.Name) else None
                value = argument.value if isinstance(argument, ast.Constant) else value
                if isinstance(value, str) and " " in value:
                    yield value


@cache
def texts() -> frozenset[str]:
    files = [one for one in (ROOT / "src/basira/api").rglob("*.py") if one.name not in WITHOUT_REQUEST]
    tables = [*problems._REASONS.values(), *problems._HTTP_WORDS.values(), problems._NOT_THE_SCHEMA]
    words = {problems._UNAVAILABLE, problems._UNREADABLE, request_errors._OF_THE_DOCUMENT}
    for table in (request_errors._EXPECTED, request_errors._OF_FIELD, request_errors._ONE_CHARACTER):
        words.update(one for one in table.values() if not one.startswith("{"))
    words.update(word for _, word in request_errors._KINDS)
    return frozenset(words.union(*tables, *map(texts_of_calls, files)))


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_every_text_of_the_service_s_errors_is_said_in_each_language(language: str) -> None:
    kept = [load_catalog(folder, language) for folder in (LOCALE, PROBLEMS)]
    assert len(texts()) > 90
    assert sorted(text for text in texts() if not any(one.has(text) for one in kept)) == []


def test_every_translation_names_the_same_values() -> None:
    french, arabic = (load_catalog(PROBLEMS, language) for language in ("fr", "ar"))
    assert french.ids == arabic.ids
    for text in french.ids:
        for catalog in (french, arabic):
            named = [{one[1:] for one in Formatter().parse(said) if one[1]} for said in (text, catalog.template(text))]
            assert named[0] == named[1], text


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("ar", "ar"),
        ("fr-MA, ar;q=0.9", "fr"),
        ("en;q=0.4, ar;q=0.6, de", "ar"),
        ("fr;q=0, en;q=0.1", "en"),
        ("fr;q=2, ar;q=x, en;q=0.5", "en"),
        ("fr;q=nan", ""),
        ("de", ""),
        ("*", ""),
        ("", ""),
        ("x," * 5000 + "fr", ""),
    ],
)
def test_the_language_is_the_one_that_is_wanted_most(header: str, language: str) -> None:
    assert language_accepted(header) == language


@pytest.mark.parametrize(
    ("language", "detail", "expected"),
    [
        ("fr", "limit : 1 ou plus attendu ; « 0 » trouvé.", "1 ou plus"),
        ("ar", "المنتظر في limit: 1 أو أكثر؛ والموجود «0».", "1 أو أكثر"),
        ("de", "Expected limit: 1 or more; found '0'.", "1 or more"),
    ],
)
def test_an_error_speaks_the_reader_s_language_and_its_codes_stay(
    desk: Desk, language: str, detail: str, expected: str
) -> None:
    answer = desk.client.get("/api/v1/queue?office=A&limit=0", headers={"Accept-Language": language})
    body = answer.json()
    plain = body["detail"].replace("\u2068", "").replace("\u2069", "").replace("\u00a0", " ").replace("'0'", "« 0 »")
    assert plain.replace("« 0 »", {"ar": "«0»", "de": "'0'"}.get(language, "« 0 »")) == detail
    assert (body["title"], body["code"], body["errors"][0]["field"]) == (
        "Unprocessable Content", "invalid", "query.limit",
    )  # fmt: skip
    assert body["errors"][0]["expected"].replace("\u2068", "").replace("\u2069", "") == expected
    assert answer.headers.get("content-language") == (None if language == "de" else language)


def test_a_limit_is_written_as_the_language_writes_numbers(desk: Desk) -> None:
    answer = desk.client.get("/api/v1/queue?office=A&limit=1001", headers={"Accept-Language": "fr"})
    expected = answer.json()["errors"][0]["expected"]
    assert expected.translate({0x2068: None, 0x2069: None, 0x202F: " ", 0xA0: " "}) == "1 000 ou moins"


def test_one_request_s_language_is_not_another_s(desk: Desk) -> None:
    client: TestClient = desk.client
    said = [
        client.get("/api/v1/nothing", headers={"Accept-Language": language}).json()["detail"]
        for language in ("fr", "", "ar", "")
    ]
    assert said[1] == said[3] == "Expected an address of this service, found another."
    assert len(set(said)) == 3
