"""The age of the profiles, as monitoring sees it: -1 means that none can serve, and nothing else."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from basira.api.http.metrics import Metrics
from basira.schema.days import day_of
from basira.schema.errors import StoreError
from basira.serving.service import Service
from basira.storage.profiles.reader import LoadedProfiles

BUILT = date(2026, 3, 2)


def service_with(profiles: Any) -> Any:
    return SimpleNamespace(profiles=SimpleNamespace(profiles=profiles))


@pytest.mark.parametrize(("today", "age"), [(2, 0), (3, 0), (4, 1), (9, 6)])
def test_profiles_built_in_the_evening_lack_no_day_before_midnight(today: int, age: int) -> None:
    profiles = SimpleNamespace(as_of_day=day_of(BUILT))
    profiles.age_days = lambda day: LoadedProfiles.age_days(profiles, day)  # type: ignore[arg-type]  # asks its day alone
    found = Service.profile_age_days(service_with(lambda: profiles), date(2026, 3, today))
    assert found == age


def test_only_profiles_that_can_not_serve_have_the_age_of_minus_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)

    def gone() -> None:
        raise StoreError("gone", hint="-")

    found = Service.profile_age_days(service_with(gone), BUILT)
    metrics = Metrics()
    metrics.profiles(age_days=found, alarm="gone")
    assert "basira_profile_age_days -1.0" in metrics.text().decode()
