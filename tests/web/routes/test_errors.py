"""Errors as pages: what was expected, in the person's language, and nothing of the service's inside."""

from __future__ import annotations

import pytest

from basira.schema.access import Grant
from basira.schema.errors import StoreError
from tests.support.web_world import Decided


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("fr", "Un bureau et un circuit de la politique attendus, d’autres trouvés."),
        ("ar", "المنتظر مكتب ومسار من السياسة، والموجود غيرهما."),
        ("en", "Expected an office and a lane of the policy, found others."),
    ],
)
def test_a_page_says_what_was_expected_in_the_person_s_language(read_only: Decided, language: str, said: str) -> None:
    amina = read_only.house.person(f"amina-{language}", Grant("manager"))
    amina.cookies.set("basira-language", language)
    # The browser's own list does not count: the person has chosen.
    answer = amina.get(f"/queue?office={read_only.waiting[1]}&lane=none", headers={"Accept-Language": "de, en;q=0.5"})
    assert answer.status_code == 422
    assert said in answer.text
    faulty = amina.get("/queue?status=none")
    assert faulty.status_code == 422
    assert "status" in faulty.text


def test_a_fault_of_the_service_names_no_path(read_only: Decided, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise StoreError("Expected {path}.", hint="Look at {path}.", path="/secret/place")

    monkeypatch.setattr("basira.web.routes.queue.queue_lines", away)
    answer = read_only.house.person("karim", Grant("manager")).get("/queue")
    assert answer.status_code == 503
    assert "secret" not in answer.text
