"""A rule that names a list, online: changes are taken up, a day has its own entries, a replay has those of then."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from basira.rules.lists.model import Entry, ListHeader
from basira.serving.decide.rules import RulesInForce
from basira.serving.replay import replay_online
from basira.serving.service import Service
from basira.storage.database.connection import Database
from basira.storage.history.store import History
from basira.workflows.rules.lists import add_to_list, create_list
from tests.serving.decide.test_rules import OFFICE, decision_of, sent
from tests.support.api_world import TODAY, desk_of
from tests.support.live_rules import WRITTEN, add_persons, make_live, rule_content

Body = dict[str, Any]
IN_LIST = {"in_list": {"field": "importer_id", "list": "watched"}}


def test_a_change_of_a_list_acts_from_the_next_refresh_and_is_replayed(
    whole: Service, arrivals: list[Body], history: History, tmp_path: Path
) -> None:
    database = Database(tmp_path / "operations.sqlite")
    with database.write() as connection:
        add_persons(connection)
    create_list(database, ListHeader("watched", "operators", "t", "o"), login="amina", now=WRITTEN)
    make_live(database, rule_content("watched-ones", "net_mass_kg > 0", condition=IN_LIST, effect={"tag": "seen"}))
    service = replace(whole, database=database, rules=RulesInForce(database, seed=whole.seed))
    desk, bodies = desk_of(service), sent(arrivals, 3)
    operator = bodies[0]["importer_id"]
    bodies = [{**body, "importer_id": operator} for body in bodies]
    try:
        assert desk.post(bodies[0]).json().get("rules", []) == []
        for starts, said in ((TODAY + timedelta(days=1), []), (TODAY, ["watched-ones"])):
            entry = Entry(operator, starts, None if said == [] else starts, "s", "r")
            if said:
                entry = replace(entry, starts_on=TODAY, ends_on=TODAY)
            add_to_list(database, "watched", [entry], login="amina", now=WRITTEN)
            assert service.rules is not None
            service.rules.refresh()
            body = bodies[2 if said else 1]
            assert [one["rule_id"] for one in desk.post(body).json().get("rules", [])] == said
        recorded = [decision_of(service, body["declaration_id"]).versions["rule_lists"] for body in bodies]
        assert recorded == ['{"watched":1}', '{"watched":2}', '{"watched":3}']
        report = replay_online(service, history.root, OFFICE, TODAY)
        assert report.differences == ()
        assert not any("rules of digest" in missing or "lists" in missing for missing in report.missing)
    finally:
        service.close()
