"""The life of a worker: what it looks at before it answers, what it survives, how it ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from basira.api import application
from basira.serving.service import Service
from basira.storage.history.store import History
from basira.workflows.profiles import read_profiles
from tests.support.api_world import Desk, desk_of
from tests.support.decider_world import until

Body = dict[str, Any]


def slow_look(monkeypatch: pytest.MonkeyPatch, seconds: float) -> threading.Event:
    done, look = threading.Event(), Service.refresh_profiles

    def slow(self: Service) -> None:
        time.sleep(seconds)
        look(self)
        done.set()

    monkeypatch.setattr(Service, "refresh_profiles", slow)
    return done


def test_a_worker_looks_at_its_profiles_before_it_answers(
    service: Service, history: History, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    done = slow_look(monkeypatch, 0.3)
    desk = desk_of(replace(service, profiles=read_profiles(history.root)))
    with desk.client:
        assert done.is_set()
        assert desk.post(arrivals[0]).json()["fallback"] is None


def test_it_does_not_wait_for_ever(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(application, "FIRST_LOOK_SECONDS", 0.05)
    done = slow_look(monkeypatch, 0.5)
    with desk_of(service).client as client:
        assert not done.is_set()
        assert client.get("/api/v1/health").status_code == 200
    assert next(one.getMessage() for one in caplog.records if one.name == "basira.service") == "profiles_late"


@pytest.mark.parametrize("error", [ValueError("whatever"), OSError("away")])
def test_a_look_that_fails_is_reported_and_made_again(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    looks: list[int] = []

    def fail(_: Service) -> None:
        looks.append(1)
        raise error

    def no_newer(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Service, "refresh_profiles", fail)
    monkeypatch.setattr(application, "with_live_model", no_newer)
    monkeypatch.setattr(application, "REFRESH_SECONDS", 0.01)
    monkeypatch.setattr(application, "MODEL_SECONDS", 0.01)

    def told() -> set[str]:
        lines = [getattr(one, "fields", {}) for one in caplog.records if one.getMessage() == "refresh_failed"]
        return {line["what"] for line in lines if line["error"] == type(error).__name__}

    with desk_of(service).client:
        until(lambda: len(looks) > 3 and told() == {"profiles", "model"})


def test_at_the_end_all_is_closed_whatever_fails(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []
    state: Any = desk.client.app.state  # type: ignore[attr-defined]  # Starlette's

    def closing(name: str, close: Callable[[], None]) -> Callable[..., None]:
        def note(*_: object) -> None:
            closed.append(name)
            close()
            raise ZeroDivisionError

        return note

    for name in ("decider", "reader", "password_desk"):
        monkeypatch.setattr(getattr(state, name), "close", closing(name, getattr(state, name).close))
    monkeypatch.setattr(Service, "close", closing("service", lambda: None))
    with pytest.raises(ZeroDivisionError), desk.client:
        pass
    assert closed == ["decider", "reader", "password_desk", "service"]
