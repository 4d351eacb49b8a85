"""A day has one policy: what a process read first of it, however many other days are looked at meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from basira.serving.service import Service
from tests.support.api_world import TODAY, desk_of


def test_a_policy_edited_in_mid_day_is_not_taken_because_a_year_of_queues_was_looked_at(
    blank: Service, tmp_path: Path
) -> None:
    text = (blank.policies / "policy.toml").read_text(encoding="utf-8")
    folder = tmp_path / "edited"
    folder.mkdir()
    (folder / "policy.toml").write_text(text, encoding="utf-8")
    service = replace(blank, policies=folder)
    desk = desk_of(service)
    before = service.policy(TODAY)
    for days in range(1, 9):
        assert desk.get("queue", office="SIM-A", day=(TODAY - timedelta(days=days)).isoformat()).status_code == 200
    for days in range(9, 367):
        service.policy(TODAY - timedelta(days=days))
    (folder / "policy.toml").write_text(f"{text}\nbroken [", encoding="utf-8")
    assert service.policy(TODAY) is before
    assert desk.get("ready").status_code == 200
