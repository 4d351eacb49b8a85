"""An amendment beside what others do to its declaration, and what it does to the slots of its office's day."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from basira.selection.online.state import OnlineState
from basira.serving.changes.change import Requester, cancel, reselect
from basira.serving.decide import batch as serve
from basira.serving.decide.idempotency import Asked
from basira.serving.decide.placement import read_office_day, restore_state
from basira.serving.decide.result import Decided
from basira.serving.replay import replay_online
from basira.storage.database.tables import SELECTION_STATE
from basira.storage.history.store import History
from basira.storage.online.office_state import find_state
from basira.storage.record import events as operations_events
from basira.storage.record.events import find_events
from tests.support.api_world import TODAY, Desk, at

pytestmark = pytest.mark.both_databases

Body = dict[str, Any]
Answer = dict[str, Any]


def amended(body: Body, **changes: Any) -> Body:
    return {**body, "transport_document": "CORRECTED", **changes}


def decided(desk: Desk, arrivals: list[Body], *, inspects: bool) -> tuple[Answer, Body]:
    """All arrivals are sent, more than there are slots; a decision that inspects, or does not, and what was sent."""
    bodies = [{**body, "declaration_id": f"{body['declaration_id']}-{n}"} for n in range(4) for body in arrivals]
    found = [one["decision"] for one in desk.post(bodies).json()["results"]]
    decision = next((one for one in found if one["inspects"] is inspects), found[0])
    if decision["inspects"] is not inspects:
        by_officer(desk, decision)
    return decision, next(one for one in bodies if one["declaration_id"] == decision["declaration_id"])


def kinds(desk: Desk, number: str) -> list[str]:
    with desk.service.database.read() as connection:
        return [event["kind"] for event in find_events(connection, number)]


def state_of(desk: Desk, office: str) -> OnlineState:
    with desk.service.database.read() as connection:
        stored = find_state(connection, office, desk.clock[0].date().isoformat())
    assert stored is not None
    return restore_state(stored.state)


def places(desk: Desk, office: str) -> int:
    state = state_of(desk, office)
    return sum(state.used.values()) + sum(state.beyond.values())


def by_officer(desk: Desk, decision: Answer) -> None:
    made = reselect(
        {"lane": "red", "motive": "Doubt about the value.", "given_by": decision["decision_id"]},
        decision["declaration_id"],
        desk.service,
        now=at(9),
        by=Requester(Asked("u-1"), lambda _: True, lambda _: True),
    )
    assert isinstance(made, dict), made


def withdrawn(desk: Desk, decision: Answer) -> None:
    made = cancel(
        {"motive": "Withdrawn."},
        decision["declaration_id"],
        desk.service,
        now=at(9),
        by=Requester(Asked("u-1"), lambda _: True),
    )
    assert isinstance(made, dict), made


Meanwhile = Callable[[Desk, Answer], None]


def meanwhile(monkeypatch: pytest.MonkeyPatch, change: Callable[[], None], *, step: str) -> None:
    """Carry the change out once, as another worker would, right after a step of the decision."""
    do, done = getattr(serve, step), []

    def stepped(*arguments: Any, **named: Any) -> Any:
        made = do(*arguments, **named)
        if not done:
            done.append(1)
            change()
        return made

    monkeypatch.setattr(serve, step, stepped)


# The office's state is read after the declaration's events: it already knows the change that these do not.
@pytest.mark.parametrize("office", ["same", "another"])
def test_an_amendment_never_undoes_an_officers_change(
    desk: Desk, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch, office: str
) -> None:
    decision, body = decided(desk, arrivals, inspects=False)
    desk.client.app.state.decider._days.forget()  # as in another worker
    changes = {} if office == "same" else {"office": "SIM-NEW"}
    desk.post([{**one, "declaration_id": f"{one['declaration_id']}-N", "office": "SIM-NEW"} for one in arrivals])
    meanwhile(monkeypatch, lambda: by_officer(desk, decision), step="score")
    assert desk.post(amended(body, **changes)).json()["lane"] == "red"
    assert desk.get(f"declarations/{body['declaration_id']}").json()["standing"]["lane"] == "red"


@pytest.mark.parametrize("office", ["same", "another"])
def test_a_declaration_cancelled_meanwhile_is_not_brought_back(
    desk: Desk, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch, office: str
) -> None:
    decision, body = decided(desk, arrivals, inspects=False)
    desk.client.app.state.decider._days.forget()
    changes = {} if office == "same" else {"office": "SIM-NEW"}
    meanwhile(monkeypatch, lambda: withdrawn(desk, decision), step="score")
    answer = desk.post(amended(body, **changes))
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "cancelled")
    assert kinds(desk, body["declaration_id"])[-1] == "cancellation"


def test_a_change_before_the_states_are_locked_is_seen(
    desk: Desk, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second try: it looks before it has its locks."""
    if desk.service.database.is_sqlite:
        pytest.skip("its write lock is taken before anything is read")
    decision, body = decided(desk, arrivals, inspects=False)
    desk.client.app.state.decider._days.forget()
    monkeypatch.setattr(serve, "UNLOCKED_ATTEMPTS", 0)
    meanwhile(monkeypatch, lambda: by_officer(desk, decision), step="look_up")
    assert desk.post(amended(body)).json()["lane"] == "red"


def test_two_versions_that_arrive_at_once_stand_in_their_order(
    desk: Desk, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sender that numbers them: nothing of the declaration is known when the first is looked up."""
    first = {**arrivals[0], "declaration_version": 1}

    def second() -> None:
        monkeypatch.undo()
        (found,) = serve.decide_batch(
            [serve.Ask(amended(first, declaration_version=2), Asked("k-2"))], desk.service, now=at(9)
        )
        assert isinstance(found, Decided)

    meanwhile(monkeypatch, second, step="score")
    answer = desk.post(first)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "version_conflict")


def test_a_declaration_is_registered_once_in_any_order_of_arrival(
    desk: Desk, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two senders one numbers the versions and one does not: their events are not of one version."""
    first = arrivals[0]

    def numbered() -> None:
        monkeypatch.undo()
        (found,) = serve.decide_batch(
            [serve.Ask(amended(first, declaration_version=2), Asked("k-2"))], desk.service, now=at(9)
        )
        assert isinstance(found, Decided)

    meanwhile(monkeypatch, numbered, step="score")
    assert desk.post(first).json()["declaration_version"] == 3
    assert kinds(desk, first["declaration_id"]) == ["registration", "decision", "amendment", "decision"]
    assert places(desk, first["office"]) <= 1


@pytest.mark.parametrize("is_alone", [True, False])
def test_of_many_versions_the_last_one_and_the_one_sent_are_read(
    desk: Desk, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch, is_alone: bool
) -> None:
    """To amend a declaration for the hundredth time must not take a hundred times as long."""
    body, other = arrivals[0], arrivals[1]
    opened: list[int] = []
    loads = json.loads

    def post(sent: Body) -> Answer:
        opened.clear()
        if is_alone:
            made: Answer = desk.post(sent).json()
            return made
        first = desk.post([sent, other]).json()["results"][0]
        return first.get("decision") or first["problem"]  # type: ignore[no-any-return]

    def counted(text: str) -> Any:
        opened.append(len(text))
        return loads(text)

    monkeypatch.setattr(operations_events, "json", SimpleNamespace(loads=counted, dumps=json.dumps))
    decisions = [post({**body, "transport_document": f"T{n}", "declarant_id": f"P{n}"}) for n in range(6)]
    assert [one["declaration_version"] for one in decisions] == [1, 2, 3, 4, 5, 6]
    most = 3 if is_alone else 6  # arrival, its texts, decision; of the other one too
    assert len(opened) == most
    newest = {**body, "transport_document": "T5", "declarant_id": "P5"}
    assert post(newest) == decisions[5]
    assert post({**newest, "declarant_id": "P6"})["declaration_version"] == 7
    # What repeats an older version amends back to it; under its number it is that version.
    old = {**body, "transport_document": "T1", "declarant_id": "P1"}
    assert post(old)["declaration_version"] == 8
    assert post({**old, "declaration_version": 2}) == decisions[1]
    assert len(opened) <= most + 3
    assert post({**old, "declaration_version": 3})["errors"][0]["code"] == "version_conflict"
    assert post({**old, "declaration_version": 8})["declaration_version"] == 8
    by_officer(desk, post(old))
    assert post({**newest, "transport_document": "T9"})["lane"] == "red"
    assert kinds(desk, body["declaration_id"]).count("decision") == 9


def inspected(desk: Desk, decision: Answer) -> None:
    """A result comes, as of now."""
    body = {"is_inspected": True, "is_irregular": False, "known_at": desk.clock[0].isoformat()}
    answer = desk.client.post(f"/api/v1/declarations/{decision['declaration_id']}/outcome", json=body)
    assert answer.status_code == 200, answer.text


def at_one_office(arrivals: list[Body]) -> list[Body]:
    return [{**body, "office": "SIM-A"} for body in arrivals]


def test_an_amendment_to_another_office_gives_its_slot_back(desk: Desk, arrivals: list[Body]) -> None:
    _decision, body = decided(desk, at_one_office(arrivals), inspects=True)
    before = places(desk, "SIM-A")
    moved = desk.post(amended(body, office="SIM-B")).json()
    assert (moved["office"], moved["inspects"]) == ("SIM-B", True)
    assert (places(desk, "SIM-A"), places(desk, "SIM-B")) == (before - 1, 1)
    back = desk.post(amended(body, office="SIM-A")).json()
    assert (back["office"], places(desk, "SIM-A"), places(desk, "SIM-B")) == ("SIM-A", before, 0)


def test_the_slot_of_an_earlier_day_is_not_given_back(desk: Desk, arrivals: list[Body]) -> None:
    _decision, body = decided(desk, at_one_office(arrivals), inspects=True)
    before = places(desk, "SIM-A")
    desk.clock[0] += timedelta(days=1)
    desk.post({**body, "declaration_id": "SIM-OTHER"})
    taken = places(desk, "SIM-A")
    desk.post(amended(body, office="SIM-B"))
    assert (places(desk, "SIM-A"), places(desk, "SIM-B")) == (taken, 1)
    desk.clock[0] -= timedelta(days=1)
    assert places(desk, "SIM-A") == before


@pytest.mark.parametrize("office", ["SIM-A", "SIM-B"])
def test_the_slot_in_which_it_was_inspected_stays_used(desk: Desk, arrivals: list[Body], office: str) -> None:
    decision, body = decided(desk, at_one_office(arrivals), inspects=True)
    before = places(desk, "SIM-A")
    inspected(desk, decision)
    again = desk.post(amended(body, office=office)).json()
    assert again["inspects"]
    assert places(desk, "SIM-A") == before + (office == "SIM-A")


@pytest.mark.parametrize("office", ["SIM-A", None])
def test_an_amendment_holds_one_slot_however_often_it_comes(
    desk: Desk, arrivals: list[Body], office: str | None
) -> None:
    decision, body = decided(desk, [{**body, "office": office} for body in arrivals], inspects=True)
    before = places(desk, decision["office"])
    for number in range(5):
        desk.post(amended(body, transport_document=f"N{number}"))
    assert places(desk, decision["office"]) == before


def test_an_amendment_is_no_arrival_more(desk: Desk, arrivals: list[Body]) -> None:
    _decision, body = decided(desk, at_one_office(arrivals), inspects=False)
    before = state_of(desk, "SIM-A")
    for number in range(20):
        desk.post(amended(body, transport_document=f"N{number}"))
    after = state_of(desk, "SIM-A")
    assert (after.today, after.control, after.unscored_rate) == (before.today, before.control, before.unscored_rate)


def test_at_another_office_and_on_another_day_it_arrives(desk: Desk, arrivals: list[Body]) -> None:
    _decision, body = decided(desk, at_one_office(arrivals), inspects=False)
    for number in range(3):
        desk.post(amended(body, office="SIM-B", transport_document=f"N{number}"))
    assert state_of(desk, "SIM-B").today.count == 1
    desk.clock[0] += timedelta(days=1)
    for number in range(3):
        desk.post(amended(body, transport_document=f"M{number}"))
    assert state_of(desk, "SIM-A").today.count == 1


@pytest.fixture
def moved_about(desk: Desk, arrivals: list[Body]) -> Desk:
    """A day on which declarations are amended, inspected first or not, and to and fro between two offices."""
    bodies = at_one_office(arrivals)
    found = [one["decision"] for one in desk.post(bodies).json()["results"]]
    for one in found[:2]:
        if not one["inspects"]:
            by_officer(desk, one)
    a, b = bodies[:2]
    inspected(desk, found[0])
    desk.clock[0] = at(10)
    for body in (
        amended(a),
        amended(b, office="SIM-B"),
        amended(b, office="SIM-A"),
        amended(bodies[2], office="SIM-B"),
    ):
        desk.clock[0] += timedelta(minutes=7)
        assert desk.post(body).status_code == 200
    second = desk.post(amended(a, transport_document="ONCE MORE")).json()
    inspected(desk, second)
    desk.client.post(f"/api/v1/declarations/{a['declaration_id']}/cancellation", json={"motive": "Withdrawn."})
    desk.post([{**body, "declaration_id": f"{body['declaration_id']}-2"} for body in bodies])
    return desk


@pytest.mark.parametrize("office", ["SIM-A", "SIM-B"])
def test_a_day_with_amendments_comes_out_the_same(moved_about: Desk, history: History, office: str) -> None:
    report = replay_online(moved_about.service, history.root, office, TODAY)
    assert report.differences == ()
    assert report.is_state_same is True
    assert report.missing == {}


@pytest.mark.parametrize("office", ["SIM-A", "SIM-B"])
def test_a_torn_state_is_made_again_with_the_same_slots(moved_about: Desk, office: str) -> None:
    before = state_of(moved_about, office)
    service = moved_about.service
    with service.database.write() as connection:
        connection.execute(SELECTION_STATE.update().where(SELECTION_STATE.c.office == office).values(state="torn"))
    with service.database.read() as connection:
        after = read_office_day(connection, office, service.policy(TODAY), day=TODAY).state
    assert after is not None
    assert (after.today.count, sum(after.used.values()) + sum(after.beyond.values())) == (
        before.today.count,
        sum(before.used.values()) + sum(before.beyond.values()),
    )
