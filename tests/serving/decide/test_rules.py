"""Rules of analysts online: they act, are recorded and answered, are read anew, and are replayed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from basira.decisions.records import Decision
from basira.rules.evaluate import Verdict
from basira.schema.errors import StoreError
from basira.selection.policy.model import Policy
from basira.serving.decide.placement import read_office_day
from basira.serving.decide.rules import RulesInForce
from basira.serving.record import find_known
from basira.serving.replay import replay_online
from basira.serving.service import Service
from basira.serving.views.decision import decision_body
from basira.storage.database.connection import Database
from basira.storage.history.store import History
from basira.workflows.rules.in_force import find_rule_set, read_rule_set
from basira.workflows.rules.judge import RuleJudge
from basira.workflows.rules.life import take_step
from tests.support.api_world import TODAY, Desk, at, desk_of, is_whole
from tests.support.live_rules import WRITTEN, make_live, rule_content

Body = dict[str, Any]
OFFICE = "SIM-A"
MESSAGE = {"fr": "Vérifier la facture.", "en": "Check the invoice.", "ar": "تحقق من الفاتورة."}


@pytest.fixture
def made(whole: Service, tmp_path: Path) -> Iterator[Service]:
    """A service on an empty record, with a rule on goods of some weight and one in the shadow."""
    database = Database(tmp_path / "operations.sqlite")
    content = rule_content("heavy", "net_mass_kg > 0", effect={"lane": "red", "message": MESSAGE, "suspected": "value"})
    make_live(database, content)
    make_live(database, rule_content("scored", "fraud_probability >= 0", effect={"tag": "seen"}))
    make_live(database, rule_content("history", "importer_hit_rate_365d >= 0", effect={"weight": 2.0}))
    make_live(database, rule_content("hidden", "net_mass_kg > 0", effect={"lane": "red"}), state="shadow")
    service = replace(whole, database=database, rules=RulesInForce(database, seed=whole.seed))
    yield service
    service.close()


def sent(arrivals: list[Body], count: int = 6) -> list[Body]:
    """Declarations of one office, each under a number of its own."""
    many = [{**body, "declaration_id": f"{body['declaration_id']}-{n}"} for n in range(9) for body in arrivals]
    return [{**body, "office": OFFICE} for body in many][:count]


def decision_of(service: Service, declaration_id: str) -> Decision:
    with service.database.read() as connection:
        known = find_known(connection, declaration_id)
    return next(one for one in reversed(known) if isinstance(one, Decision))


def test_a_rule_gives_a_lane_and_the_answer_says_so(made: Service, arrivals: list[Body]) -> None:
    desk = desk_of(made)
    answer = desk.post(sent(arrivals, 1)[0]).json()
    assert (answer["lane"], answer["basis"], answer["detail"]) == ("red", "rule", "heavy")
    assert answer["inclusion_probability"] == 1.0
    assert "Check the invoice" in answer["basis_text"]
    assert "Check the invoice" in answer["explanation"]["why"]
    assert "Suspected: value" in answer["explanation"]["why"]
    said = {one["rule_id"]: one for one in answer["rules"]}
    assert said["heavy"]["acts"] is True
    assert said["heavy"]["probability"] == 0.95
    assert said["hidden"]["is_shadow"] is True
    assert said["hidden"]["acts"] is False
    assert any("red" in text for text in said["heavy"]["text"])
    recorded = decision_of(made, answer["declaration_id"])
    for language, message in MESSAGE.items():
        shown = decision_body(recorded, language=language)
        assert message.rstrip(".") in str(shown["explanation"])
        assert message.rstrip(".") in shown["basis_text"]
    assert is_whole(made)


def test_capacity_holds_and_every_hit_is_on_record(made: Service, arrivals: list[Body]) -> None:
    """The example's office has one red slot and two yellow ones; what gets none is decided like every other."""
    desk = desk_of(made)
    bodies = sent(arrivals, 8)
    answers = [desk.post(body).json() for body in bodies]
    by_rule = [one for one in answers if one["basis"] == "rule"]
    assert 0 < len(by_rule) <= 3
    assert sum(one["lane"] == "red" for one in answers) <= 1
    for body in bodies:
        decision = decision_of(made, body["declaration_id"])
        assert {one["rule_id"] for one in decision.rules} >= {"heavy", "hidden"}
        assert decision.versions["rules_digest"] == made.rules.rules.digest  # type: ignore[union-attr]


def test_a_shadow_rule_alone_changes_nothing(whole: Service, arrivals: list[Body], tmp_path: Path) -> None:
    plain = replace(whole, database=Database(tmp_path / "plain.sqlite"), rules=None)
    database = Database(tmp_path / "shadow.sqlite")
    make_live(database, rule_content("hidden", "net_mass_kg > 0", effect={"lane": "red"}), state="shadow")
    watched = replace(whole, database=database, rules=RulesInForce(database, seed=whole.seed))
    answers = []
    for service in (plain, watched):
        found = [desk_of(service).post(body).json() for body in sent(arrivals)]
        answers.append([{**one, "rules": None, "versions": None} for one in found])
        service.close()
    assert answers[0] == answers[1]


def test_without_a_model_a_rule_still_acts(made: Service, arrivals: list[Body]) -> None:
    desk = desk_of(replace(made, model=None))
    answer = desk.post(sent(arrivals, 1)[0]).json()
    assert (answer["basis"], answer["lane"], answer["fallback"]) == ("rule", "red", "no_model")
    said = {one["rule_id"]: one for one in answer["rules"]}
    assert said["scored"]["outcome"] == "unknown"
    assert "fraud_probability" in str(said["scored"]["text"])


def test_the_rules_are_read_anew_when_a_step_is_recorded(made: Service, arrivals: list[Body]) -> None:
    desk = desk_of(made)
    one, other = sent(arrivals, 2)
    assert desk.post(one).json()["basis"] == "rule"
    take_step(made.database, "heavy", "retired", login="badr", now=WRITTEN, motive="Tested.")
    before = made.rules.rules  # type: ignore[union-attr]
    made.refresh_profiles()
    made.refresh_profiles()
    assert before is not made.rules.rules  # type: ignore[union-attr]
    answer = desk.post(other).json()
    assert "heavy" not in {said["rule_id"] for said in answer["rules"]}
    assert answer["basis"] != "rule"


def test_rules_that_cannot_be_read_leave_those_in_force(
    made: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    rules = made.rules
    assert rules is not None
    before = rules.rules
    make_live(made.database, rule_content("other", "net_mass_kg > 1"))

    def fail(_connection: object) -> None:
        raise StoreError("Expected a record, found none.", hint="Restore it.")

    monkeypatch.setattr("basira.serving.decide.rules.read_rule_set", fail)
    with caplog.at_level(logging.ERROR, logger="basira.service"):
        rules.refresh()
    assert rules.rules is before
    assert "rules_not_taken" in caplog.text
    with pytest.raises(StoreError):
        RulesInForce(made.database, seed=1)


def test_a_rule_that_fails_is_an_error_on_record_and_no_failed_declaration(
    made: Service, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> Verdict:
        raise ZeroDivisionError

    monkeypatch.setattr("basira.rules.book.judge", fail)
    answer = desk_of(made).post(sent(arrivals, 1)[0]).json()
    assert answer["basis"] != "rule"
    assert {said["outcome"] for said in answer["rules"]} == {"error"}


def test_a_lane_that_the_policy_lacks_is_logged_and_nobody_waits(
    made: Service, arrivals: list[Body], caplog: pytest.LogCaptureFixture
) -> None:
    make_live(made.database, rule_content("purple-one", "net_mass_kg > 0", effect={"lane": "purple"}))
    made.refresh_profiles()
    with caplog.at_level(logging.ERROR, logger="basira.service"):
        answer = desk_of(made).post(sent(arrivals, 1)[0]).json()
    assert (answer["basis"], answer["detail"]) == ("rule", "heavy")
    assert "rule_without_lane" in caplog.text


def test_an_inspector_is_shown_the_message_and_not_the_draw(made: Service, arrivals: list[Body]) -> None:
    body = sent(arrivals, 1)[0]
    desk_of(made).post(body)
    shown = decision_body(decision_of(made, body["declaration_id"]), language="fr", is_secret_hidden=True)
    assert "rules" not in shown
    assert shown["basis"] == "rule"
    assert "Vérifier la facture" in str(shown["explanation"])


def test_an_amendment_keeps_the_lane_and_the_reason_of_the_rule(made: Service, arrivals: list[Body]) -> None:
    desk = desk_of(made)
    body = sent(arrivals, 1)[0]
    desk.post(body)
    take_step(made.database, "heavy", "retired", login="badr", now=WRITTEN, motive="Tested.")
    made.refresh_profiles()
    desk.clock[0] = at(10)
    answer = desk.post({**body, "transport_document": "CORRECTED"}).json()
    assert (answer["lane"], answer["basis"]) == ("red", "rule")
    assert "Check the invoice" in answer["basis_text"]


@pytest.fixture
def busy(made: Service, arrivals: list[Body]) -> Desk:
    """A day during which a rule is retired and the model fails for an hour."""
    desk = desk_of(made)
    bodies = sent(arrivals, 9)
    for number, body in enumerate(bodies[:4]):
        desk.clock[0] = at(9, number)
        desk.post(body)
    take_step(made.database, "heavy", "retired", login="badr", now=WRITTEN + timedelta(days=1), motive="Tested.")
    made.refresh_profiles()
    failing = desk_of(replace(made, model=None))
    failing.clock[0] = at(11)
    failing.post(bodies[4])
    for number, body in enumerate(bodies[5:]):
        desk.clock[0] = at(12, number)
        desk.post(body)
    return desk


def test_the_day_is_replayed_with_the_rules_of_then(busy: Desk, history: History) -> None:
    report = replay_online(busy.service, history.root, OFFICE, TODAY)
    assert report.differences == ()
    assert report.is_state_same is True
    assert report.lanes == 9
    assert report.missing == {"a score: no_model": 1, "verdicts of rules: features of then": 1}


def test_a_day_recorded_before_lanes_were_the_least_is_replayed(
    made: Service, arrivals: list[Body], history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "basira.serving.decide.rules.read_rule_set", lambda reads: replace(read_rule_set(reads), is_least=False)
    )
    take_step(made.database, "heavy", "retired", login="badr", now=WRITTEN, motive="Tested.")
    make_live(made.database, rule_content("light", "net_mass_kg > 0", effect={"lane": "yellow"}))
    made.refresh_profiles()
    desk = desk_of(made)
    answers = [desk.post(body).json() for body in sent(arrivals, 4)]
    assert {one["lane"] for one in answers if one["basis"] == "rule"} == {"yellow"}
    assert not any("is_least" in said for said in decision_of(made, answers[0]["declaration_id"]).rules)
    report = replay_online(made, history.root, OFFICE, TODAY)
    assert (report.differences, report.is_state_same, report.lanes) == ((), True, 4)


def test_a_lane_that_is_the_least_is_recorded_and_replayed(
    made: Service, arrivals: list[Body], history: History
) -> None:
    take_step(made.database, "heavy", "retired", login="badr", now=WRITTEN, motive="Tested.")
    make_live(made.database, rule_content("light", "net_mass_kg > 0", effect={"lane": "yellow"}))
    made.refresh_profiles()
    desk = desk_of(made)
    answers = [desk.post(body).json() for body in sent(arrivals, 4)]
    said = {one["rule_id"]: one for one in answers[0]["rules"]}["light"]
    assert any("at least the lane" in text for text in said["text"])
    report = replay_online(made, history.root, OFFICE, TODAY)
    assert (report.differences, report.is_state_same, report.lanes) == ((), True, 4)


def test_a_verdict_that_was_changed_is_found(busy: Desk, history: History) -> None:
    with busy.service.database.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER event_no_update")
        connection.exec_driver_sql(
            "UPDATE event SET payload = replace(payload, '\"acts\":true', '\"acts\":false') "
            "WHERE sequence = (SELECT min(sequence) FROM event WHERE kind = 'decision')"
        )
    fields = {one.field for one in replay_online(busy.service, history.root, OFFICE, TODAY).differences}
    assert "rules" in fields
    assert "lane" in fields or "basis" in fields


def test_a_damaged_state_is_made_again_with_what_rules_claimed(busy: Desk, policy_of_day: Policy) -> None:
    service = busy.service
    with service.database.read() as connection:
        kept = read_office_day(connection, OFFICE, policy_of_day, day=TODAY)
    with service.database.write() as connection:
        connection.exec_driver_sql("UPDATE selection_state SET state = 'damaged'")
        again = read_office_day(connection, OFFICE, policy_of_day, day=TODAY)
    assert kept.state is not None
    assert again.state is not None
    assert again.state.today.mandatory == kept.state.today.mandatory
    assert again.state.used == kept.state.used


@pytest.fixture
def policy_of_day(made: Service) -> Policy:
    return made.policy(TODAY)


def test_the_rules_of_each_moment_are_found_by_their_digest(made: Service) -> None:
    digests = []
    later = datetime(2023, 10, 5)
    with made.database.read() as connection:
        digests.append(read_rule_set(connection).digest)
    make_live(made.database, rule_content("one-more", "net_mass_kg > 5"), now=later)
    with made.database.read() as connection:
        digests.append(read_rule_set(connection).digest)
    take_step(made.database, "heavy", "retired", login="badr", now=later + timedelta(days=1), motive="Tested.")
    with made.database.read() as connection:
        digests.append(read_rule_set(connection).digest)
        assert len(set(digests)) == 3
        for digest in digests:
            found = find_rule_set(connection, digest)
            assert found is not None
            assert found.digest == digest
            assert RuleJudge(found, made.policy(TODAY), seed=1).rules is found
        assert find_rule_set(connection, "0" * 64) is None


def test_lists_of_another_day_that_cannot_be_read_leave_those_of_the_day_before(
    made: Service, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    desk = desk_of(made)
    one, other = sent(arrivals, 2)
    assert desk.post(one).status_code == 200

    def fail(*_: object, **__: object) -> None:
        raise StoreError("Expected a record, found none.", hint="Restore it.")

    monkeypatch.setattr("basira.serving.decide.rules.with_lists", fail)
    desk.clock[0] = at(9) + timedelta(days=1)
    with caplog.at_level(logging.ERROR, logger="basira.service"):
        answer = desk.post(other)
    assert answer.status_code == 200
    assert "heavy" in {said["rule_id"] for said in answer.json()["rules"]}
    assert "rules_not_taken" in caplog.text
