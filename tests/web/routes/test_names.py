"""Names of the register: beside identifiers on pages and in the answer that has them, in no file, gone when erased."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from basira.schema.access import Grant
from basira.serving.service import Service
from basira.serving.views.names import names_in
from basira.storage.register import FILE, Register, erase_entries_naming, write_register
from tests.support.web_world import Decided, decide_all, house_with_pages

NAME, OFFICE = "شركة النور & Fils", "Casablanca-Port"


@pytest.fixture
def named(blank: Service, arrivals: list[dict[str, Any]], tmp_path: Path) -> Decided:
    decided = decide_all(house_with_pages(replace(blank, store=tmp_path)), arrivals)
    sent = next(one for one in arrivals if one["declaration_id"] == decided.waiting[0])
    write_register(tmp_path, Register({sent["importer_id"]: NAME}, {decided.waiting[1]: OFFICE}))
    return decided


def test_pages_and_the_answer_name_whom_the_register_names_and_no_file_does(named: Decided, tmp_path: Path) -> None:
    nadia = named.house.person("nadia", Grant("inspector", named.waiting[1]))
    assert NAME.replace("&", "&amp;") in nadia.get(named.page).text
    assert OFFICE in nadia.get(named.page).text
    queue = nadia.get("/queue").text
    assert NAME.replace("&", "&amp;") in queue
    assert f"{named.waiting[1]} – {OFFICE}" in queue
    operators = nadia.get(f"/api/v1/declarations/{named.waiting[0]}/operators").json()
    assert operators["names"] == {"importer_id": NAME}
    assert NAME not in nadia.get("/queue.csv").text
    identifier = operators["operators"]["importer_id"]
    assert erase_entries_naming(tmp_path, identifier) == 1
    assert NAME.replace("&", "&amp;") not in nadia.get("/queue").text
    assert identifier in nadia.get("/queue").text


def test_names_that_cannot_be_read_are_none_and_the_log_says_so(
    blank: Service, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    service = replace(blank, store=tmp_path)
    assert names_in(service) == Register()
    assert caplog.messages == []
    (tmp_path / FILE).write_text("[]")
    with caplog.at_level(logging.ERROR, "basira.service"):
        assert names_in(service) == Register()
    assert caplog.messages == ["names_not_read"]
