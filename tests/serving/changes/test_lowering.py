"""What a mandatory rule and the random control gave is not lowered unless the policy says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from basira.schema.access import Grant
from basira.schema.detail import LANE_KEPT
from basira.serving.service import Service
from tests.serving.changes.test_change import person, reselect, standing
from tests.serving.decide.test_mandatory import REASON, arms
from tests.support.api_world import TODAY, Desk, desk_of

Body = dict[str, Any]


def under(service: Service, folder: Path, extra: str = "", *, share: str = "0.01") -> Desk:
    """A desk of the same policy with another share of the random control, and one more table."""
    folder.mkdir()
    text = (service.policies / "policy.toml").read_text(encoding="utf-8").replace("share = 0.01", f"share = {share}")
    (folder / "policy.toml").write_text(f"{text}\n{extra}\n", encoding="utf-8")
    return desk_of(replace(service, policies=folder))


def refused(answer: Any) -> str:
    assert (answer.status_code, answer.json()["code"]) == (403, "lowering_not_allowed"), answer.text
    detail: str = answer.json()["detail"]
    return detail


def test_a_mandatory_control_is_raised_and_undone_but_never_lowered(desk: Desk, arrivals: list[Body]) -> None:
    first, second = arms(arrivals, 2)
    given = [desk.post(body).json() for body in (first, second)]
    assert [d["lane"] for d in given] == ["red", "yellow"]
    number = second["declaration_id"]
    for lane in ("green", "blue"):
        assert "mandatory" in refused(reselect(desk, number, lane))
    assert reselect(desk, number, "red").status_code == 200
    # Back to what the mandatory rule got, and no further.
    assert "mandatory" in refused(reselect(desk, number, "green"))
    assert reselect(desk, number, "yellow").status_code == 200
    assert standing(desk, number)["lane"] == "yellow"
    assert "mandatory" in refused(reselect(desk, first["declaration_id"], "yellow"))


def test_a_random_control_is_not_lowered_and_an_inspector_does_not_learn_it(
    service: Service, arrivals: list[Body], tmp_path: Path
) -> None:
    desk = under(service, tmp_path / "drawn", share="1.0")
    given = desk.post(arrivals[0]).json()
    assert (given["basis"], given["lane"]) == ("random", "red")
    number = given["declaration_id"]
    assert "random control" in refused(reselect(desk, number, "yellow"))
    inspector = person(desk.service, Grant("inspector", given["office"]))
    assert "random" not in refused(reselect(inspector, number, "yellow"))


def test_what_was_raised_is_undone_after_an_amendment_that_kept_it(desk: Desk, arrivals: list[Body]) -> None:
    first, second = arms(arrivals, 2)
    desk.post(first)
    number = second["declaration_id"]
    assert desk.post(second).json()["lane"] == "yellow"
    assert reselect(desk, number, "red").status_code == 200
    amended = desk.post({**second, "transport_document": "CORRECTED"}).json()
    assert (amended["lane"], amended["detail"]) == ("red", LANE_KEPT)
    refused(reselect(desk, number, "green"))
    assert reselect(desk, number, "yellow").status_code == 200
    refused(reselect(desk, number, "green"))


def test_what_became_mandatory_under_a_raised_lane_is_reported_and_not_lowered_below_its_list(
    desk: Desk, arrivals: list[Body]
) -> None:
    first, listed = arms(arrivals, 2)
    plain = {**listed, "items": [{**item, "commodity_code": "6109100000"} for item in listed["items"]]}
    assert desk.post(first).json()["lane"] == "red"
    number = listed["declaration_id"]
    before = desk.post(plain).json()
    assert reselect(desk, number, "red").status_code == 200
    amended = desk.post(listed).json()
    assert (amended["lane"], amended["detail"], amended["basis"]) == ("red", LANE_KEPT, before["basis"])
    assert (before["basis"], amended["basis_text"]) == ("none", f"Mandatory inspection – {REASON}")
    assert "mandatory" in refused(reselect(desk, number, "green"))
    # Nor by a version that no mandatory rule asks for.
    again = desk.post({**plain, "transport_document": "CORRECTED"}).json()
    assert (again["lane"], again["detail"]) == ("red", LANE_KEPT)
    assert REASON in again["basis_text"]
    assert "mandatory" in refused(reselect(desk, number, "green"))
    assert reselect(desk, number, "yellow").status_code == 200
    assert "mandatory" in refused(reselect(desk, number, "green"))


@pytest.mark.parametrize(("field", "basis"), [("may_lower_mandatory", "mandatory"), ("may_lower_random", "random")])
def test_the_policy_may_let_it_be_lowered(
    service: Service, arrivals: list[Body], tmp_path: Path, field: str, basis: str
) -> None:
    desk = under(service, tmp_path / "let", f"[reselection]\n{field} = true", share="1.0")
    body = arms(arrivals, 1)[0] if basis == "mandatory" else arrivals[0]
    other = arrivals[1] if basis == "mandatory" else arms(arrivals, 1)[0]
    given = desk.post(body).json()
    assert given["basis"] == basis
    assert reselect(desk, given["declaration_id"], "green").status_code == 200
    # Each for itself.
    refused(reselect(desk, desk.post(other).json()["declaration_id"], "green"))


def test_a_policy_that_forbids_lowering_holds_for_every_ground(
    service: Service, arrivals: list[Body], tmp_path: Path
) -> None:
    table = "[reselection]\nmay_lower = false\nmay_lower_mandatory = true\nmay_lower_random = true"
    desk = under(service, tmp_path / "none", table)
    number = desk.post(arms(arrivals, 1)[0]).json()["declaration_id"]
    assert refused(reselect(desk, number, "green")) == "The policy lets no role give a less intensive lane."


def test_what_became_mandatory_under_a_random_control_says_both(
    service: Service, arrivals: list[Body], tmp_path: Path
) -> None:
    desk = under(service, tmp_path / "both", "[reselection]\nmay_lower_random = true", share="1.0")
    listed = arms(arrivals, 1)[0]
    plain = {**listed, "items": [{**item, "commodity_code": "6109100000"} for item in listed["items"]]}
    number = listed["declaration_id"]
    assert desk.post(plain).json()["basis"] == "random"
    # Its slot was used: the mandatory rule gets the next one.
    inspected = desk.client.post(
        f"/api/v1/declarations/{number}/outcome", json={"known_at": f"{TODAY}T11:00:00", "is_irregular": False}
    )
    assert inspected.status_code == 200, inspected.text
    amended = desk.post(listed).json()
    assert (amended["lane"], amended["detail"], amended["basis"]) == ("red", LANE_KEPT, "random")
    assert amended["basis_text"].endswith(f". Mandatory inspection – {REASON}")
    assert "mandatory" in refused(reselect(desk, number, "green"))
    assert reselect(desk, number, "yellow").status_code == 200
