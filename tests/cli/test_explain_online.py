"""`basira explain` of an online decision speaks one language, and names the goods."""

from __future__ import annotations

from typing import Any

import pytest

from basira.schema.codes import format_code
from basira.storage.history.store import History
from tests.serving.changes.test_change import reselect, standing
from tests.serving.test_replay import busy, ran, sent
from tests.support.api_world import Desk

__all__ = ["busy"]

Body = dict[str, Any]


@pytest.mark.parametrize(
    ("language", "words"),
    [("fr", ("enregistrement", "décision", "re-sélection")), ("ar", ("تسجيل", "قرار", "إعادة تحديد المسار"))],
)
def test_events_status_and_items_are_in_the_reader_s_words(
    busy: Desk, history: History, arrivals: list[Body], language: str, words: tuple[str, ...]
) -> None:
    body = next(b for b in sent(arrivals)[:6] if standing(busy, b["declaration_id"])["status"] == "released")
    assert reselect(busy, body["declaration_id"], "red").status_code == 200
    told = ran(busy, history, "explain", body["declaration_id"], "-l", language).stdout
    for word in words:
        assert word in told
    for english in ("registration", "· decision", "reselection", "released", "waiting"):
        assert english not in told, told
    # Of the officer's pick, in today's words: no sentence of the selection, and each item once.
    assert {"fr": "Choisie par un agent.", "ar": "اختاره أحد الأعوان."}[language] in told
    item = body["items"][0]
    number = {"fr": "Article 1", "ar": "البند رقم 1"}[language]
    assert told.count(number) == 1
    assert f"{number} – {format_code(item['commodity_code'])} · {item['description']}"[:30] in told
    told = ran(busy, history, "explain", body["declaration_id"], "-l", language, "--full").stdout
    assert f"#1 · {format_code(item['commodity_code'])} · {item['description']}"[:30] in told
