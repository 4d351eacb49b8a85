"""A rare origin or description is reported in counts of the history, which any reader may count again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from basira.explain.reasons import explain_items
from basira.explain.words import say
from basira.features.catalog.catalog import REASONS
from basira.schema.records import Figure, Reason

# Nothing was ever declared under this code: 46 earlier items have the description's first word, none of them here.
UNSEEN: dict[str, Any] = {
    "declaration_id": "D1",
    "commodity_code": "9301000000",
    "origin_country": "CN",
    "description": "JOUETS en bois",
    "word_items": 46,
    "word_code_items": 0,
    "code_share_of_word": 0.5 / 51,
}
RARE_ORIGIN: dict[str, Any] = {
    "declaration_id": "D1",
    "commodity_code": "8517130000",
    "origin_country": "CN",
    "code_items": 200,
    "code_origin_items": 3,
    "origin_share_of_code": 3.5 / 205,
}


def reason_of(family: str, row: dict[str, Any]) -> Reason:
    found = explain_items(np.ones((1, 1)), ["f"], replace(REASONS, families={"f": family}), [row], kinds=[{}])[0]
    return found.reasons[0]


def said(code: str, figures: dict[str, Figure], language: str) -> str:
    text = say(Reason(code, figures, (), 0.5), language=language, currency="MAD", strict=True)
    return text.replace("\u00a0", " ").replace("\u202f", " ").replace("\u2068", "").replace("\u2069", "")


def test_the_figures_of_a_rare_description_are_counts() -> None:
    reason = reason_of("description", UNSEEN)
    assert reason.code == "description_unusual"
    assert (reason.figures["seen"], reason.figures["count"], reason.figures["commodity_code"]) == (0, 46, "930100")
    assert "share" not in reason.figures


def test_the_figures_of_a_rare_origin_are_counts() -> None:
    reason = reason_of("origin_unusual", RARE_ORIGIN)
    assert (reason.figures["seen"], reason.figures["count"]) == (3, 200)
    assert "share" not in reason.figures


@pytest.mark.parametrize(
    ("language", "text"),
    [
        (
            "fr",
            "Désignation rarement déclarée sous ce code : sur 46 importations désignées « jouets », 0 sous SH 9301.00",
        ),
        (
            "en",
            "Description rarely declared under this code: of 46 imports described as “jouets”, 0 under HS 9301.00",
        ),
        (
            "ar",
            "تسمية نادرا ما يصرح بها تحت هذا البند: من أصل 46 عملية استيراد بتسمية «jouets»، 0 تحت البند 9301.00",
        ),
    ],
)
def test_the_code_is_of_those_seen_under_it_not_of_all(language: str, text: str) -> None:
    assert said("description_unusual", dict(reason_of("description", UNSEEN).figures), language) == text


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("fr", "Origine Chine inhabituelle : 3 sur 200 importations (SH 8517.13.00.00)"),
        ("en", "Unusual origin China: 3 of 200 imports (HS 8517.13.00.00)"),
        ("ar", "منشأ غير معتاد الصين: 3 من 200 عملية استيراد (البند 8517.13.00.00)"),
    ],
)
def test_a_rare_origin_says_how_many_came_from_there(language: str, text: str) -> None:
    assert said("origin_unusual", dict(reason_of("origin_unusual", RARE_ORIGIN).figures), language) == text


@pytest.mark.parametrize(("code", "seen", "count"), [("description_unusual", 0, 46), ("origin_unusual", 7, 812)])
def test_what_was_recorded_as_a_smoothed_share_is_written_in_the_counts_it_was_made_of(
    code: str, seen: int, count: int
) -> None:
    scope: dict[str, Figure] = {"commodity_code": "930100", "origin_country": "CN", "window_months": None}
    before: dict[str, Figure] = {**scope, "share": (seen + 0.5) / (count + 5), "count": count}
    assert said(code, before, "fr") == said(code, {**scope, "seen": seen, "count": count}, "fr")
