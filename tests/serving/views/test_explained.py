"""What an answer shows of an explanation: each sentence once, ranks for what officers are shown, words of the lane."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from basira.decisions.events import Reselection
from basira.decisions.recorded import item_values
from basira.decisions.records import Decision
from basira.explain.explanation import Case, explain
from basira.explain.sentences import say_explanation
from basira.render.languages import LANGUAGES
from basira.serving.views.decision import decision_body
from basira.serving.views.explained import explained_reselection, reason_line, shown_reasons
from tests.explain.test_explanation import CASE as PLAIN_CASE
from tests.explain.test_explanation import ITEM, LOW, history

# Besides what is shown, a rate of 3.5 % against 3.4 %, which is no reason to show.
CASE = replace(PLAIN_CASE, items=(replace(ITEM, reasons=(LOW, history(0.035, irregular=1))),))


def decision(case: Case = CASE, **changes: Any) -> Decision:
    found = Decision(
        event_id="d-1",
        declaration_id="D",
        declaration_version=1,
        office="CASA",
        lane="yellow",
        basis=case.basis,  # type: ignore[arg-type]  # as a case has it
        detail="",
        inclusion_probability=0.5,
        fraud_probability=case.fraud_probability,
        expected_revenue=case.expected_revenue,
        items=[item_values(item) for item in case.items],
        inspects=True,
        examines=case.examines,
    )
    return replace(found, **changes)


def sentences_of(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for one in value.values() for text in sentences_of(one)]
    if isinstance(value, list | tuple):
        return [text for one in value for text in sentences_of(one)]
    return [value] if isinstance(value, str) and " " in value else []


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_answer_shows_what_the_explanation_says_and_each_sentence_once(language: str) -> None:
    recorded = decision()
    body = decision_body(recorded, language=language)
    case = replace(CASE, around=type(CASE.around)(), items=recorded.assessments)
    text = say_explanation(explain(case, reader="unit"), language=language)
    assert body["explanation"] is not None
    assert body["explanation"]["item_numbers"] == [one.item_number for one in text.items]
    assert (body["explanation"]["why"], body["explanation"]["stakes"]) == (text.why, text.stakes)
    for item, said in zip(body["items"], text.items, strict=True):
        assert [one["text"] for one in shown_reasons(item)] == list(said.reasons)
        assert [one["text"] for one in item["verify"]] == list(said.verify)
        assert [one["text"] for one in item["references"]] == list(said.references)
    sentences = sentences_of(body)
    assert len(sentences) == len(set(sentences))


def test_what_is_not_shown_is_kept_without_a_rank() -> None:
    (item,) = decision_body(decision(), language="en")["items"]
    ranks = [reason["rank"] for reason in item["reasons"]]
    assert ranks == [1, None]
    assert all(reason["text"] for reason in item["reasons"])


def test_nothing_is_read_into_a_random_control_until_an_officer_picks_it() -> None:
    drawn = decision(replace(CASE, basis="random"))
    body = decision_body(drawn, language="en")
    assert body["explanation"] is not None
    assert not body["explanation"]["has_reasons"]
    assert not shown_reasons(body["items"][0])
    picked = Reselection(
        event_id="r-1", declaration_id="D", decision_id="d-1", office="CASA", lane="red", inspects=True, motive="-"
    )
    explained = explained_reselection(drawn, picked, language="en")
    assert explained.explanation is not None
    assert explained.explanation["has_reasons"]
    assert shown_reasons(explained.items[0])
    # What its new lane looks at is not known: nothing of the decision's lane is asked for.
    asked = [one["text"] for one in explained.items[0]["verify"]]
    assert asked[0].split(" – ")[0] != body["items"][0]["verify"][0]["text"].split(" – ")[0]


def test_an_inspector_reads_the_same_words_of_a_random_control() -> None:
    drawn, chosen = (
        decision_body(decision(replace(CASE, basis=basis)), language="fr", is_secret_hidden=True)
        for basis in ("random", "model")
    )
    assert drawn == chosen


def test_of_a_decision_that_does_not_say_whether_it_inspects_the_reasons_are_still_shown() -> None:
    body = decision_body(decision(inspects=None), language="en")
    assert body["explanation"] is None
    assert shown_reasons(body["items"][0])


def test_the_line_of_a_queue_is_the_first_reason_that_is_shown() -> None:
    recorded = decision()
    first = shown_reasons(decision_body(recorded, language="fr")["items"][0])[0]["text"]
    assert reason_line(recorded.items, language="fr", currency="MAD") == first
    assert reason_line([], language="fr", currency="MAD") == ""
