"""What the list and the draw gave a declaration holds through its amendments, whatever the next version gets by itself;
and a lane that the policy lost is no way out."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from basira.schema.access import Grant
from basira.schema.detail import LANE_KEPT
from basira.schema.records import Candidate
from basira.selection.online.decide import _uniform
from basira.serving.service import Service
from tests.serving.changes.test_change import cancel, person, reselect
from tests.serving.changes.test_lowering import refused
from tests.serving.decide.test_mandatory import OFFICE, REASON, arms
from tests.support.api_world import TODAY, Desk, desk_of

Body = dict[str, Any]


def under(service: Service, folder: Path, *, share: str = "0.01", has_model: bool = True) -> Desk:
    """A desk of the same policy whose fallback is the red lane."""
    folder.mkdir()
    text = (service.policies / "policy.toml").read_text(encoding="utf-8")
    text = text.replace("share = 0.01", f"share = {share}")
    text = text.replace('[fallback]\nlane = "yellow"', '[fallback]\nlane = "red"')
    (folder / "policy.toml").write_text(text, encoding="utf-8")
    made = replace(service, policies=folder)
    return desk_of(made if has_model else replace(made, model=None, store=None))


def plain(body: Body, **changes: Any) -> Body:
    """The same of textiles, which no list asks for."""
    return {**body, "items": [{**item, "commodity_code": "6109100000"} for item in body["items"]], **changes}


def test_a_mandatory_control_is_not_lowered_after_a_version_that_gets_its_lane_otherwise(
    desk: Desk, service: Service, arrivals: list[Body], tmp_path: Path
) -> None:
    (listed,) = arms(arrivals, 1)
    assert desk.post(listed).json()["lane"] == "red"
    other = under(service, tmp_path / "other", has_model=False)
    amended = other.post(plain(listed)).json()
    assert (amended["lane"], amended["basis"]) == ("red", "fallback")
    assert f". Mandatory inspection – {REASON}. The model could not judge" in amended["basis_text"]
    assert "mandatory" in refused(reselect(desk, listed["declaration_id"], "green"))


def test_what_became_mandatory_under_a_raised_lane_holds_after_a_version_that_gets_that_lane_itself(
    desk: Desk, service: Service, arrivals: list[Body], tmp_path: Path
) -> None:
    first, listed = arms(arrivals, 2)
    number = listed["declaration_id"]
    assert desk.post(first).json()["lane"] == "red"
    desk.post(plain(listed))
    assert reselect(desk, number, "red").status_code == 200
    assert desk.post(listed).json()["detail"] == LANE_KEPT
    assert cancel(desk, first["declaration_id"]).status_code == 200
    other = under(service, tmp_path / "other", has_model=False)
    amended = other.post(plain(listed, transport_document="X")).json()
    assert (amended["lane"], amended["basis"], amended["detail"]) == ("red", "fallback", "")
    assert REASON in amended["basis_text"]
    assert "mandatory" in refused(reselect(desk, number, "green"))


def test_a_random_control_is_not_lowered_after_a_version_that_gets_its_lane_otherwise(
    service: Service, arrivals: list[Body], tmp_path: Path
) -> None:
    number = next(
        name
        for name in (f"R-{n}" for n in range(2000))
        if 0.40 < _uniform("random", Candidate(name, 1, OFFICE, None, None), service.seed) < 0.49
    )
    body = plain(arrivals[0], declaration_id=number, office=OFFICE)
    desk = under(service, tmp_path / "drawn", share="0.5")
    assert desk.post(body).json()["basis"] == "random"
    other = under(service, tmp_path / "other", share="0.5", has_model=False)
    amended = other.post({**body, "transport_document": "X"}).json()
    assert (amended["lane"], amended["basis"]) == ("red", "fallback")
    assert "random control" in refused(reselect(desk, number, "green"))


def test_a_lane_that_the_policy_lost_is_kept_as_its_most_intensive(
    desk: Desk, service: Service, arrivals: list[Body], tmp_path: Path
) -> None:
    listed, second = arms(arrivals, 2)
    assert desk.post(listed).json()["lane"] == "red"
    folder = tmp_path / "renamed"
    folder.mkdir()
    text = (service.policies / "policy.toml").read_text(encoding="utf-8")
    (folder / "policy.toml").write_text(text.replace('"red"', '"rouge"').replace("red = ", "rouge = "), "utf-8")
    other = desk_of(replace(service, policies=folder))
    other.clock[0] += timedelta(days=1)
    other.client.headers["X-API-Key"] = other.key("declarations:write", "declarations:read")
    assert other.post(second).json()["lane"] == "rouge"  # the only slot
    amended = other.post(plain(listed)).json()
    assert (amended["lane"], amended["inspects"], amended["detail"]) == ("rouge", True, LANE_KEPT)


def test_an_inspector_sees_control_for_a_fallback_s_lane_that_a_scored_version_keeps(
    desk: Desk, service: Service, arrivals: list[Body], tmp_path: Path
) -> None:
    body = plain(arrivals[0], office=OFFICE)
    without = under(service, tmp_path / "without", has_model=False)
    given = without.post(body).json()
    assert (given["basis"], given["lane"]) == ("fallback", "red")
    # Its slot was used: what the model chooses now gets a less intensive lane.
    result = {"known_at": f"{TODAY}T11:00:00", "is_irregular": False}
    assert desk.client.post(f"/api/v1/declarations/{body['declaration_id']}/outcome", json=result).status_code == 200
    amended = desk.post({**body, "transport_document": "X"}).json()
    assert (amended["basis"], amended["detail"], amended["fallback"]) == ("fallback", LANE_KEPT, None)
    inspector = person(desk.service, Grant("inspector", OFFICE))
    shown = inspector.get(f"declarations/{body['declaration_id']}").json()["decisions"]
    assert [one["basis"] for one in shown] == ["fallback", "control"]
