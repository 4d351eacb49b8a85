"""Rules in pages: written, tested, approved by a second person, retired; what can't be is said in words."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from basira.schema.access import Grant
from basira.serving.views.rules import rule_body
from basira.web.rule_form import empty_fields, fields_of, rule_of
from basira.workflows.rules.life import take_step
from tests.support.api_world import TODAY, at
from tests.support.web_world import Decided, form_of

TEXT = "commodity_code starts with '8517' and quantity > 10"
WRITTEN = {
    **empty_fields(TODAY),
    "rule_id": "phones",
    "title": "Phones <b>",
    "reason": "Three findings.",
    "text": TEXT,
    "lane": "red",
    "share": "29",
    "weight": "1,5",
    "tag": "phones",
    "suspected": "value",
    "message_fr": "Vérifier la facture.",
    "message_ar": "تحقق من الفاتورة.",
}


@pytest.fixture
def analyst(decided: Decided) -> TestClient:
    return decided.house.person("amina", Grant("analyst"))


@pytest.fixture
def manager(decided: Decided) -> TestClient:
    return decided.house.person("badr", Grant("manager"))


def write(browser: TestClient, **changes: str) -> Any:
    token = form_of(browser, "/rules/new", "/rules/new")["csrf_token"]
    return browser.post("/rules/new", data={**WRITTEN, "csrf_token": token, **changes})


def step(browser: TestClient, state: str, motive: str = "", **changes: str) -> Any:
    fields = form_of(browser, "/rules/phones", "/rules/phones/steps")
    return browser.post("/rules/phones/steps", data={**fields, "state": state, "motive": motive, **changes})


def test_a_rule_goes_from_the_form_to_its_end_by_two_persons(
    decided: Decided, analyst: TestClient, manager: TestClient
) -> None:
    assert "/rules/new" in analyst.get("/rules").text
    made = write(analyst)
    assert (made.status_code, made.headers["location"]) == (303, "/rules/phones?version=1&done=draft")
    shown = analyst.get("/rules/phones").text
    assert "basira rules backtest phones" in shown
    assert "Phones &lt;b&gt;" in shown
    take_step(decided.house.service.database, "phones", "tested", login="amina", now=at(9))
    assert step(analyst, "submitted").status_code == 303
    assert 'value="approved"' not in analyst.get("/rules/phones").text
    assert step(manager, "approved").status_code == 422  # without a motive
    assert step(manager, "approved", "Seen.").status_code == 303
    assert step(manager, "live").status_code == 303
    assert "badr" in manager.get("/rules/phones").text.lower()
    assert step(manager, "retired", "Over.").status_code == 303
    states = [one["state"] for one in body(decided)["versions"][0]["steps"]]
    assert states == ["draft", "tested", "submitted", "approved", "live", "retired"]


def test_an_author_approves_in_no_role(decided: Decided) -> None:
    both = decided.house.person("amina", Grant("analyst"), Grant("manager"))
    write(both)
    take_step(decided.house.service.database, "phones", "tested", login="amina", now=at(9))
    step(both, "submitted")
    answer = step(both, "approved", "Mine.")
    assert answer.status_code == 403
    assert 'role="alert"' in answer.text
    assert "Mine." in answer.text  # what was typed stays


def test_a_step_that_came_between_is_not_taken_over(decided: Decided, analyst: TestClient, manager: TestClient) -> None:
    write(analyst)
    database = decided.house.service.database
    take_step(database, "phones", "tested", login="amina", now=at(9))
    fields = form_of(analyst, "/rules/phones", "/rules/phones/steps")
    for name in ("seen", "version"):
        assert step(manager, "retired", "No.", **{name: ""}).status_code == 422
    step(manager, "retired", "No.")
    answer = analyst.post("/rules/phones/steps", data={**fields, "state": "submitted"})
    assert answer.status_code == 422
    assert [one["state"] for one in body(decided)["versions"][0]["steps"]] == ["draft", "tested", "retired"]


@pytest.mark.parametrize(
    "changes",
    [
        {"text": "orign_country = 'CN'"},
        {"share": "all"},
        {"share": "0"},
        {"weight": "11"},
        {"expires_on": "soon"},
        {"rule_id": "A b"},
        {"lane": "mauve"},
        {"title": ""},
    ],
)
def test_a_faulty_rule_comes_back_with_its_fault_and_what_was_typed(
    decided: Decided, analyst: TestClient, changes: dict[str, str]
) -> None:
    answer = write(analyst, **changes)
    assert answer.status_code == 422
    assert 'id="rule-fault"' in answer.text
    assert "Three findings." in answer.text
    assert rule_body(decided.house.service.database, "phones", on=TODAY) is None


@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_the_next_version_begins_with_all_of_the_one_before(
    decided: Decided, analyst: TestClient, language: str
) -> None:
    write(analyst)
    (made,) = body(decided)["versions"]
    fields = fields_of(made, language)
    assert rule_of(fields) == {name: value for name, value in made["rule"].items() if name != "condition"}
    analyst.post("/language", data={"language": language, "next": "/rules"})
    assert write(analyst, **fields).status_code == 422  # the same content, its text read in that language
    assert write(analyst, **{**fields, "title": "Phones, again"}).status_code == 303
    page = analyst.get("/rules/phones").text
    assert "Phones, again" in page
    assert page.count('<th scope="row">') == 1  # of all the fields the title alone differs


def test_the_check_says_what_is_understood_or_what_is_wrong(analyst: TestClient) -> None:
    token = form_of(analyst, "/rules/new", "/rules/new")["csrf_token"]

    def check(text: str) -> str:
        answer = analyst.post("/rules/check", data={"csrf_token": token, "text": text})
        assert answer.status_code == 200
        return str(answer.text)

    assert "<html" not in check(TEXT)
    assert "8517" in check(TEXT)
    assert "origin_country" in check("orign_country = 'CN'")
    assert 'class="fault"' in check("orign_country = 'CN'")
    assert 'class="fault"' not in check(" ")


def test_a_list_without_rules_says_what_to_do_and_a_rule_that_is_not_there_is_not_found(
    decided: Decided, analyst: TestClient, manager: TestClient
) -> None:
    assert 'class="empty"' in analyst.get("/rules").text
    assert "/rules/new" not in manager.get("/rules").text
    assert analyst.get("/rules/none").status_code == 404
    write(analyst)
    for query in ("version=2", "against=9"):
        assert analyst.get(f"/rules/phones?{query}").status_code == 404
    assert 'class="empty"' in analyst.get("/rules?status=live").text
    assert "phones" in analyst.get("/rules?status=draft").text
    assert analyst.get("/rules?status=x").status_code == 422


def test_a_rule_that_ends_soon_is_marked(decided: Decided, analyst: TestClient) -> None:
    write(analyst, expires_on=(TODAY + timedelta(days=3)).isoformat())
    assert re.search(r'class="fault">[^<]*3', analyst.get("/rules").text)


def body(decided: Decided) -> Any:
    return rule_body(decided.house.service.database, "phones", on=date(2100, 1, 1)) or pytest.fail("no rule")


def test_persons_of_an_office_take_its_rule_through_and_no_other(decided: Decided, manager: TestClient) -> None:
    own = decided.house.person("nora", Grant("analyst", "SIM-A"))
    head = decided.house.person("omar", Grant("manager", "SIM-A"))
    other = decided.house.person("rim", Grant("manager", "SIM-B"))
    refused = write(own)
    assert refused.status_code == 403
    assert "Expected a rule of the offices" in refused.text
    assert "Three findings." in refused.text
    assert write(own, offices="SIM-A").status_code == 303
    take_step(decided.house.service.database, "phones", "tested", login="nora", now=at(9))
    assert step(own, "submitted").status_code == 303
    assert 'value="approved"' not in other.get("/rules/phones").text
    fields = form_of(head, "/rules/phones", "/rules/phones/steps")
    own_token = form_of(other, "/account", "/logout")["csrf_token"]
    forced = {**fields, "csrf_token": own_token, "state": "approved", "motive": "x"}
    assert other.post("/rules/phones/steps", data=forced).status_code == 403
    assert step(head, "approved", "Seen.").status_code == 303
    assert [one["state"] for one in body(decided)["versions"][0]["steps"]][-1] == "approved"
    assert head.get("/figures").status_code == 403  # of every office at once
