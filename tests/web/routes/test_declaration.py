"""The result form and the re-selection: what is recorded, once, and never over another officer's."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient

from basira.schema.access import Grant
from basira.storage.record.events import find_events
from tests.support.api_world import is_whole
from tests.support.web_world import Decided, answers_for, form_of


@pytest.fixture
def nadia(decided: Decided) -> TestClient:
    return decided.house.person("nadia", Grant("inspector", decided.waiting[1]))


def outcomes(decided: Decided) -> list[dict[str, Any]]:
    with decided.house.service.database.read() as connection:
        return [row["payload"] for row in find_events(connection, decided.waiting[0], kind="outcome")]


def send(client: TestClient, decided: Decided, fields: dict[str, str]) -> Any:
    return client.post(f"{decided.page}/result", data=fields)


def test_a_result_is_recorded_line_by_line_and_leads_on(decided: Decided, nadia: TestClient) -> None:
    fields = answers_for(nadia, decided.page, line="confirmed", conclusion="irregular")
    answer = send(nadia, decided, fields)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{decided.page}?done=result")
    kinds = {name.split("-")[2] for name in fields if name.startswith("line-1-")}
    (first,) = [one for one in outcomes(decided) if one["item_number"] == 1]
    assert {name for name, value in first.items() if value is True} == {
        "is_inspected", "is_irregular", *(f"is_irregular_{kind}" for kind in kinds),
    }  # fmt: skip
    page = nadia.get(answer.headers["location"]).text
    assert "Result recorded." in page
    assert "Correct the result" in page
    assert decided.waiting[0] not in nadia.get("/queue").text
    assert is_whole(decided.house.service)


def test_the_same_form_twice_is_recorded_once(decided: Decided, nadia: TestClient) -> None:
    fields = answers_for(nadia, decided.page, line="refuted", conclusion="compliant")
    assert [send(nadia, decided, fields).status_code for _ in range(2)] == [303, 303]
    assert len(outcomes(decided)) == len({one["item_number"] for one in outcomes(decided)})


def test_a_double_click_is_recorded_once(decided: Decided, nadia: TestClient) -> None:
    fields = answers_for(nadia, decided.page, line="refuted", conclusion="compliant")
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: send(nadia, decided, fields), range(4)))
    assert {answer.status_code for answer in answers} == {303}
    assert len(outcomes(decided)) == len({one["item_number"] for one in outcomes(decided)})
    assert is_whole(decided.house.service)


def test_two_officers_never_answer_for_one_another_unknowingly(decided: Decided, nadia: TestClient) -> None:
    omar = decided.house.person("omar", Grant("inspector", decided.waiting[1]))
    of_nadia = answers_for(nadia, decided.page, line="confirmed", conclusion="irregular")
    of_omar = answers_for(omar, decided.page, line="refuted", conclusion="compliant")
    assert send(nadia, decided, of_nadia).status_code == 303
    recorded = outcomes(decided)
    late = send(omar, decided, of_omar)
    assert late.status_code == 409
    assert "another officer changed this declaration meanwhile" in late.text
    assert outcomes(decided) == recorded
    # What was typed stays, and may be sent as a correction.
    assert late.text.count('value="refuted" checked') == sum(name.startswith("line-") for name in of_omar)
    again = answers_for(omar, decided.page, line="refuted", conclusion="compliant")
    decided.house.clock[0] = decided.house.clock[0].replace(minute=5)
    assert send(omar, decided, again).status_code == 303
    assert len(outcomes(decided)) == 2 * len(recorded)


def test_of_two_officers_at_the_same_moment_one_is_recorded(decided: Decided, nadia: TestClient) -> None:
    omar = decided.house.person("omar", Grant("inspector", decided.waiting[1]))
    forms = [
        (nadia, answers_for(nadia, decided.page, line="confirmed", conclusion="irregular")),
        (omar, answers_for(omar, decided.page, line="refuted", conclusion="compliant")),
    ]
    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(lambda one: send(one[0], decided, one[1]), forms))
    assert sorted(answer.status_code for answer in answers) == [303, 409]
    assert len({one["is_irregular"] for one in outcomes(decided) if "is_irregular" in one}) == 1


def test_an_unanswered_form_comes_back_with_what_was_typed_and_records_nothing(
    decided: Decided, nadia: TestClient
) -> None:
    fields = form_of(nadia, decided.page, f"{decided.page}/result")
    answer = send(nadia, decided, {**fields, "found-1-found_value_amount": "12.500", "item-1": "irregular"})
    assert answer.status_code == 422
    assert "Choose an answer." in answer.text
    assert 'value="12.500"' in answer.text
    assert "two decimals at most" in answer.text
    assert 'value="irregular" checked' in answer.text
    assert outcomes(decided) == []


def test_all_items_are_recorded_or_none(decided: Decided, nadia: TestClient) -> None:
    fields = answers_for(nadia, decided.page, line="confirmed", conclusion="irregular")
    answer = send(nadia, decided, {**fields, "found-1-found_origin_country": "not a country"})
    assert answer.status_code == 422
    assert 'id="fault-found-1-found_origin_country"' in answer.text
    assert outcomes(decided) == []


def test_another_lane_needs_a_motive_and_the_lane_that_was_seen(decided: Decided, nadia: TestClient) -> None:
    action = f"{decided.page}/reselection"
    fields = {**form_of(nadia, decided.page, action), "lane": "red"}
    short = nadia.post(action, data={**fields, "motive": "x"})
    assert short.status_code == 422
    assert "A motive of 3 to 500 characters." in short.text
    done = nadia.post(action, data={**fields, "motive": "Seal broken at the gate"})
    assert done.headers["location"] == f"{decided.page}?done=reselection"
    again = nadia.post(action, data={**fields, "motive": "Seal broken at the gate"})
    assert again.status_code == 303  # the same form: the answer that is stored
    other = decided.house.person("omar", Grant("inspector", decided.waiting[1]))
    stale = {**fields, "csrf_token": other.headers["X-CSRF-Token"], "motive": "Another reason", "lane": "red"}
    assert other.post(action, data=stale).status_code == 409


def test_an_inspector_gives_no_less_intensive_lane_by_hand(decided: Decided, nadia: TestClient) -> None:
    action = f"{decided.page}/reselection"
    fields = form_of(nadia, decided.page, action)
    answer = nadia.post(action, data={**fields, "lane": "green", "motive": "They are in a hurry"})
    assert answer.status_code == 403
    assert "less intensive lane" in answer.text


def test_what_basira_let_go_may_be_selected_and_then_has_a_form(decided: Decided) -> None:
    number, office = decided.released
    omar = decided.house.person("omar", Grant("inspector", office))
    action = f"/declarations/{number}/reselection"
    fields = form_of(omar, f"/declarations/{number}", action)
    assert omar.post(action, data={**fields, "lane": "red", "motive": "Reliable information"}).status_code == 303
    assert number in omar.get("/queue").text
    assert "Reliable information" in omar.get(f"/declarations/{number}").text


def test_the_next_declaration_is_one_that_waits(decided: Decided, nadia: TestClient) -> None:
    first = nadia.get("/queue/next").headers["location"]
    fields = answers_for(nadia, first, line="refuted", conclusion="compliant")
    assert nadia.post(f"{first}/result", data=fields).status_code == 303
    assert nadia.get("/queue/next").headers["location"] != first


def test_a_number_is_found_in_whichever_form_it_is_typed(decided: Decided, nadia: TestClient) -> None:
    typed = f" {decided.waiting[0]} ".replace("-", chr(0x2013)).translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
    found = nadia.get("/search", params={"number": typed}).headers["location"]
    assert nadia.get(found).status_code == 200


def test_the_queue_of_every_day_keeps_what_still_waits(decided: Decided, nadia: TestClient) -> None:
    number = decided.waiting[0]
    tomorrow = decided.house.clock[0].replace(day=decided.house.clock[0].day + 1)
    decided.house.clock[0] = tomorrow
    browser = decided.house.person("sara", Grant("inspector", decided.waiting[1]))
    assert number in browser.get("/queue").text
    assert number not in browser.get("/queue", params={"day": tomorrow.date().isoformat()}).text
    assert number in browser.get("/queue.csv").text
    assert "day=all" in browser.get("/queue").text


def taxes(client: TestClient, decided: Decided, fields: dict[str, str], **headers: str) -> Any:
    token = {"csrf_token": client.headers["X-CSRF-Token"]}
    return client.post(f"{decided.page}/taxes?item=1", data={**token, **fields}, headers=headers)


def test_duties_and_taxes_follow_what_is_typed_and_nothing_is_recorded(decided: Decided, nadia: TestClient) -> None:
    part = {"HX-Request": "true"}
    value = taxes(nadia, decided, {"found-1-found_value_amount": "240 906"}, **part).text
    assert "At the declared rates, on a value of" in value
    assert "<html" not in value
    more = re.search(r'data-fill="found-1-additional_revenue_amount" data-value="([0-9.]+)"', value)
    assert more is not None
    assert float(more[1]) > 0
    for half, words in (("12,", "Computed once what is typed is complete."), ("", "Type what the inspection")):
        assert words in taxes(nadia, decided, {"found-1-found_value_amount": half}, **part).text
    other = taxes(nadia, decided, {"found-1-found_commodity_code": "0101210000"}, **part).text
    assert "no tariff is kept here" in other
    # Without a script the same button brings the page back, with what was typed.
    fields = answers_for(nadia, decided.page, line="confirmed", conclusion="irregular")
    page = taxes(nadia, decided, {**fields, "found-1-found_value_amount": "240 906"})
    assert page.status_code == 200
    assert 'value="240 906"' in page.text
    assert page.text.count('value="confirmed" checked') == sum(name.startswith("line-") for name in fields)
    assert more[0] in page.text
    assert outcomes(decided) == []


def test_enter_in_a_field_records_and_does_not_compute(read_only: Decided) -> None:
    """A browser presses a form's first button, whether it is shown or not."""
    client = read_only.house.person("samira", Grant("inspector", read_only.waiting[1]))
    form = client.get(read_only.page).text.split(f'action="{read_only.page}/result"')[1].split("</form>")[0]
    buttons = [one for one in re.findall(r"<button[^>]*>", form) if 'type="button"' not in one]
    assert "data-records" in buttons[0]
    assert "formaction" not in buttons[0]
    assert "/taxes" in buttons[1]
