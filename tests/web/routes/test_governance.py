"""The page of governance says what the policy, the record, the code and the last night say, in three languages."""

from __future__ import annotations

import re

import pytest

from basira.features.batch.fields import split_fields
from basira.render.languages import LANGUAGES
from basira.schema.access import Grant
from basira.schema.fields import DECLARATION_FIELDS, ITEM_FIELDS
from basira.web.render import words_of
from basira.web.routes.governance import PARTS
from tests.support.web_world import Decided


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_part_is_there_with_the_facts_of_the_service(read_only: Decided, language: str) -> None:
    house = read_only.house
    auditor = house.person(f"governed-{language}", Grant("auditor"))
    auditor.post("/language", data={"language": language, "next": "/"})
    text = auditor.get("/governance").text
    words = words_of(language)
    titles = re.findall(r'<h2 id="(\w+)">([^<]+)</h2>', text)
    assert [name for name, _ in titles if name in PARTS] == list(PARTS)
    assert titles[0][1] == words.say("governance.decides")
    assert house.service.model is not None
    assert house.service.model.version in text
    policy = house.service.policy(house.clock[0].date())
    assert all(lane.label.text(language) in text for lane in policy.lanes)
    # Without a night it says that it does not know, and shows no figure.
    assert words.say("governance.errors.unknown") in text


def test_fields_are_those_of_the_schema_each_on_one_side() -> None:
    read, unread = split_fields()
    named = {one.name for one in (*DECLARATION_FIELDS, *ITEM_FIELDS)}
    assert not set(read) & set(unread)
    assert set(read) | set(unread) == named - {"declaration_id", "declaration_version", "item_number"}
    assert {"commodity_code", "importer_id", "customs_value_amount", "net_mass_kg"} <= set(read)
    assert "manifest_id" in unread
