"""A look-up that fails costs the declaration its score, never its lane."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import lmdb
import pytest

from basira.serving.decide import scoring as serve_assess
from basira.serving.service import Service
from basira.storage.profiles.reader import LoadedProfiles, ProfileReader
from tests.support.api_world import Desk, desk_of

Body = dict[str, Any]


def raising(error: BaseException) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> Any:
        raise error

    return fail


def errors(caplog: pytest.LogCaptureFixture, event: str) -> list[str]:
    return [getattr(one, "fields", {})["error"] for one in caplog.records if one.getMessage() == event]


def test_a_damaged_page_of_the_profiles_is_no_profiles(
    desk: Desk, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(LoadedProfiles, "find", raising(lmdb.CorruptedError("a page of another type")))
    found = desk.post(arrivals[0])
    assert (found.status_code, found.json()["fallback"]) == (200, "no_profiles")
    assert errors(caplog, "look_up_failed") == ["CorruptedError"]


def test_one_that_cannot_be_described_leaves_the_others_their_scores(
    desk: Desk, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    described, odd = serve_assess.online_features, arrivals[1]["declaration_id"]

    def sometimes(rows: Any, profiles: Any, **more: Any) -> Any:
        if rows[0]["declaration_id"] == odd:
            raise ZeroDivisionError
        return described(rows, profiles, **more)

    monkeypatch.setattr(serve_assess, "online_features", sometimes)
    found = [one["decision"]["fallback"] for one in desk.post(arrivals[:3]).json()["results"]]
    assert found == [None, "no_profiles", None]
    assert errors(caplog, "look_up_failed") == ["ZeroDivisionError"]


def test_profiles_whose_folder_cannot_be_read_are_none(
    desk: Desk, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ProfileReader, "profiles", raising(PermissionError("profiles")))
    assert desk.post(arrivals[0]).json()["fallback"] == "no_profiles"
    ready = desk.get("ready")
    assert (ready.status_code, ready.json()["degraded"]) == (200, ["no_profiles"])


def test_a_library_that_panics_while_it_scores_is_a_model_that_failed(
    service: Service, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class PanicError(BaseException):
        """As a Rust library raises: no Exception."""

    monkeypatch.setattr(type(service.model), "predict_rows", raising(PanicError()))
    desk = desk_of(service)
    assert desk.post(arrivals[0]).json()["fallback"] == "model_failed"
    found = [one["decision"]["fallback"] for one in desk.post(arrivals[1:3]).json()["results"]]
    assert found == ["model_failed"] * 2
    assert errors(caplog, "model_failed") == ["RuntimeError"] * 3
