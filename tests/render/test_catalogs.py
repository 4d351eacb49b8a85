"""Catalogs: every message in every language, with the same values; plurals; the missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from basira.evaluate.words import LOCALE as EVALUATE
from basira.explain.words import LOCALE as EXPLAIN
from basira.monitor.report import LOCALE as MONITOR
from basira.render.catalogs import load_catalog
from basira.render.languages import LANGUAGES
from basira.render.page import SHELL_LOCALE
from basira.schema.errors import NotFoundError
from basira.web.render import LOCALE as WEB

FOLDERS = (SHELL_LOCALE, EVALUATE, EXPLAIN, MONITOR, WEB)


def messages(folder: Path, language: str) -> dict[str, list[str]]:
    with (folder / f"{language}.po").open("rb") as file:
        found = read_po(file, locale=language, abort_invalid=True)
    return {
        m.id if isinstance(m.id, str) else m.id[0]: [m.string] if isinstance(m.string, str) else list(m.string or ())
        for m in found
        if m.id
    }


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda f: f.parent.name)
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_message_is_missing_or_empty(folder: Path, language: str) -> None:
    french = messages(folder, "fr")
    found = messages(folder, language)
    assert set(found) == set(french)
    assert load_catalog(folder, language).ids == set(french)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda f: f.parent.name)
@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_says_the_same_values(folder: Path, language: str) -> None:
    french = messages(folder, "fr")
    for message, texts in messages(folder, language).items():
        expected = set(re.findall(r"{(\w*)}", french[message][-1]))
        # Arabic one and two say the number in their noun; the last form carries it.
        assert set(re.findall(r"{(\w*)}", texts[-1])) == expected, message


@pytest.mark.parametrize(
    ("language", "count", "said"),
    [
        ("fr", 0, "0 article"),
        ("fr", 2, "2 articles"),
        ("en", 0, "0 rows"),
        ("en", 1, "1 row"),
        ("ar", 2, "سطران"),
        ("ar", 7, "7 أسطر"),
        ("ar", 11, "11 سطرا"),
        ("ar", 100, "100 سطر"),
    ],
)
def test_plural_forms(language: str, count: int, said: str) -> None:
    assert load_catalog(EVALUATE, language).say_count("facts.rows", count, n=str(count)) == said


def test_missing_message_says_its_id_to_an_officer_and_raises_in_a_test() -> None:
    assert load_catalog(SHELL_LOCALE, "fr").say("shell.nothing") == "shell.nothing"
    with pytest.raises(NotFoundError, match=r"shell\.nothing"):
        load_catalog(SHELL_LOCALE, "fr", strict=True).say("shell.nothing")


def test_untranslated_and_fuzzy_messages_count_as_missing(tmp_path: Path) -> None:
    head = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n\n'
    (tmp_path / "fr.po").write_text(
        head + 'msgid "a"\nmsgstr ""\n\n#, fuzzy\nmsgid "b"\nmsgstr "B"\n\nmsgid "c"\nmsgstr "C"\n'
    )
    assert load_catalog(tmp_path, "fr").ids == {"c"}


def test_folder_without_the_language_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"fr\.po"):
        load_catalog(tmp_path, "fr")


@pytest.mark.parametrize("folder", [EVALUATE, EXPLAIN], ids=lambda f: f.parent.name)
def test_every_message_that_a_template_names_exists(folder: Path) -> None:
    known = set(messages(folder, "fr"))
    for template in (folder.parent / "templates").glob("*.html"):
        text = template.read_text(encoding="utf-8")
        named = set(re.findall(r'\bt[n]?\("([\w.]+)"(?! ~)', text))
        assert named <= known, template.name
