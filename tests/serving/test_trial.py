"""Ready is what decides: a declaration of our own goes the whole way, once for each model, profiles and policy."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from basira.features.online.lookup import prepare_online
from basira.features.online.plan import catalog_digest
from basira.models.risk.risk_model import RiskModel
from basira.serving import trial as serve_trial
from basira.serving.check import ServiceSettings, check_service
from basira.serving.service import Service
from basira.serving.trial import Trials, try_decision
from basira.storage.history.store import History
from basira.storage.profiles.reader import ProfileReader
from basira.storage.record.events import record_identity
from basira.workflows.profiles import profiles_of
from tests.support.api_world import TODAY, desk_of, is_whole


class Broken:
    """A model that can be read, and no more."""

    def __init__(self, model: RiskModel | None) -> None:
        assert model is not None
        self.version, self.encoding, self.digest = model.version, model.encoding, model.digest

    def predict_rows(self, *_: Any) -> None:
        raise ValueError("no feature of this name")


def test_a_sound_service_decides_it_and_records_nothing(blank: Service) -> None:
    desk = desk_of(blank)
    assert desk.get("ready").json()["status"] == "ready"
    with blank.database.read() as connection:
        assert record_identity(connection)[1] == 0
    assert desk.get("declarations/BASIRA-TRIAL").status_code == 404
    assert is_whole(blank)


def test_a_model_that_raises_is_reported(blank: Service) -> None:
    broken: Any = Broken(blank.model)
    ready = desk_of(replace(blank, model=broken)).get("ready")
    assert (ready.status_code, ready.json()["degraded"]) == (200, ["model_failed"])


def test_a_service_that_can_decide_on_nothing_is_not_ready(blank: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise ValueError("every declaration would be answered so")

    monkeypatch.setattr(serve_trial, "decide", fails)
    ready = desk_of(blank).get("ready")
    assert (ready.status_code, ready.json()["code"]) == (503, "trial")
    assert ready.headers["Retry-After"] == "10"


def test_it_is_made_once_and_again_when_something_changed(
    blank: Service, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def counted(service: Service, **how: Any) -> serve_trial.Trial:
        made.append("")
        return try_decision(service, **how)

    monkeypatch.setattr(serve_trial, "try_decision", counted)
    trials, desk = Trials(), desk_of(blank)
    for _ in range(3):
        trials.of(blank, now=desk.clock[0])
    assert len(made) == 1
    broken: Any = Broken(blank.model)
    worse = replace(blank, model=broken)
    for seconds in (0, 5, 11):  # one that failed is tried again after a while
        assert trials.of(worse, now=desk.clock[0] + timedelta(seconds=seconds)).fallback == "model_failed"
    assert len(made) == 3
    assert trials.of(blank, now=desk.clock[0]).is_good


def test_check_decides_it_too(whole: Service, history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = check_service(ServiceSettings(history.root, whole.policies), today=TODAY)
    assert not [line for line in lines if "declaration of our own" in line]
    monkeypatch.setattr(RiskModel, "predict_rows", Broken.predict_rows)
    (line,) = [
        line
        for line in check_service(ServiceSettings(history.root, whole.policies), today=TODAY)
        if "of our own" in line
    ]
    assert "model_failed" in line


def test_profiles_that_can_t_be_made_ready_serve_no_request_and_stop_none(
    blank: Service, history: History, arrivals: list[dict[str, Any]]
) -> None:
    """Columns that an earlier version let in made every declaration a 400."""
    profiles = ProfileReader(
        profiles_of(history.root), catalog=catalog_digest(), prepare=lambda _: prepare_online(("x_lot", "x_Lot"))
    )
    desk = desk_of(replace(blank, profiles=profiles))
    assert desk.post(arrivals[0]).json()["fallback"] == "no_profiles"
    assert desk.get("ready").json()["degraded"] == ["no_profiles"]
