"""The words of customs and of Basira, each in three languages, with what it means.

Enters: a person who is logged in. Leaves: a page. Never here: a word that no page has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from basira.api.http.dependencies import KnownQuery
from basira.render.languages import LANGUAGES, direction
from basira.web.access import Visitor, visit_as_person
from basira.web.errors import PageRoute
from basira.web.render import LANGUAGE_NAMES, page, words_of

router = APIRouter(route_class=PageRoute)
# By what they are about, in the order of an officer's day. Each is a message of the catalogs, with its meaning.
GROUPS: dict[str, tuple[str, ...]] = {
    "customs": ("declaration", "item", "declarant", "commodity_code", "office", "lane", "inspection"),
    "choice": (
        "selection",
        "policy",
        "capacity",
        "mandatory",
        "random_control",
        "rule",
        "list",
        "risk",
        "model",
        "shadow",
        "reselection",
        "fallback",
    ),
    "figures": (
        "result",
        "irregularity",
        "finding",
        "control_rate",
        "hit_rate",
        "undetected",
        "interval",
        "fraud_probability",
        "expected_revenue",
    ),
    "record": ("record", "chain", "replay"),
}


@dataclass(frozen=True)
class Term:
    """A word with its meaning in the person's language, and its names in the other languages: code, name of the
    language, direction, word."""

    id: str
    word: str
    meaning: str
    others: tuple[tuple[str, str, str, str], ...]


@router.get("/glossary")
def get_glossary(
    request: Request, visitor: Annotated[Visitor, Depends(visit_as_person)], _known: KnownQuery
) -> Response:
    """Every word, by what it is about."""
    return page(
        request,
        "glossary.html",
        visitor=visitor,
        groups={group: [_term(name, visitor.language) for name in names] for group, names in GROUPS.items()},
        others=[(code, LANGUAGE_NAMES[code], direction(code)) for code in LANGUAGES if code != visitor.language],
    )


def _term(name: str, language: str) -> Term:
    words = words_of(language)
    others = tuple(
        (code, LANGUAGE_NAMES[code], direction(code), words_of(code).say(f"term.{name}"))
        for code in LANGUAGES
        if code != language
    )
    return Term(name, words.say(f"term.{name}"), words.say(f"term.{name}.meaning"), others)
