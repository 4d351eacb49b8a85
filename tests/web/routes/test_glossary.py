"""The glossary: every word in three languages, for every person who is logged in."""

from __future__ import annotations

import pytest

from basira.render.languages import LANGUAGES
from basira.schema.access import Grant
from basira.web.render import words_of
from basira.web.routes.glossary import GROUPS
from tests.support.web_world import Decided


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_stands_there_with_its_meaning_and_its_other_names(read_only: Decided, language: str) -> None:
    reader = read_only.house.person(f"reader-{language}", Grant("inspector", "ELSEWHERE"))
    reader.cookies.set("basira-language", language, domain="basira.test", path="/")
    page = reader.get("/glossary").text
    for name in (name for names in GROUPS.values() for name in names):
        assert words_of(language).say(f"term.{name}.meaning").replace("'", "&#39;") in page
        assert all(words_of(code).say(f"term.{name}").replace("'", "&#39;") in page for code in LANGUAGES)


def test_it_is_for_persons_alone(read_only: Decided) -> None:
    assert read_only.house.browser().get("/glossary").status_code == 303
