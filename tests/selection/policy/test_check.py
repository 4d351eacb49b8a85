"""A policy's folder checked whole, and two policies held side by side."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from basira.schema.errors import PolicyError
from basira.schema.shipped import shipped
from basira.selection.policy.check import check_policy, compare_policies
from basira.selection.policy.load import load_policy, load_version
from tests.support.command_line import ran, run

SHIPPED = shipped("policies") / "morocco" / "policy.toml"
DAY = date(2026, 1, 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(SHIPPED, tmp_path / "a.toml")
    return tmp_path


def changed(folder: Path, name: str, *pairs: tuple[str, str]) -> Path:
    text = SHIPPED.read_text(encoding="utf-8")
    for before, after in pairs:
        assert before in text, before
        text = text.replace(before, after, 1)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def begins() -> str:
    return f"valid_from = {load_version(SHIPPED).valid_from}"


def test_a_valid_folder_has_no_fault(folder: Path) -> None:
    (one,) = check_policy(folder)
    assert (one.file, str(one.fault), one.gap_until) == ("a.toml", "", None)
    assert one.lanes == len(load_version(SHIPPED).lanes)


def test_every_faulty_file_is_named_and_not_the_first_alone(folder: Path) -> None:
    changed(folder, "b.toml", ("share = 0.01", "share = 1.5"))
    changed(folder, "c.toml", (begins(), "valid_from = 'soon'"))
    (folder / "d.toml").write_text("name = [", encoding="utf-8")
    found = {one.file: str(one.fault) for one in check_policy(folder)}
    assert [name for name, fault in found.items() if not fault] == ["a.toml"]
    assert set(found) == {"a.toml", "b.toml", "c.toml", "d.toml"}
    assert all(fault.startswith(f"{name}") or name in fault for name, fault in found.items() if fault)


def test_two_versions_of_one_day_are_a_fault(folder: Path) -> None:
    changed(folder, "b.toml")
    assert [bool(one.fault) for one in check_policy(folder)] == [False, True]


def test_days_without_a_version_are_named(folder: Path) -> None:
    first = load_version(SHIPPED).valid_from
    changed(folder, "a.toml", (begins(), f"{begins()}\nvalid_until = {first.replace(month=6, day=30)}"))
    changed(folder, "b.toml", (begins(), f"valid_from = {first.replace(month=9, day=1)}"))
    assert [one.gap_until for one in check_policy(folder)] == [None, first.replace(month=8, day=31)]


def test_an_empty_folder_is_reported(tmp_path: Path) -> None:
    with pytest.raises(PolicyError):
        check_policy(tmp_path)


def test_what_differs_is_named_by_its_place(folder: Path) -> None:
    old = load_version(SHIPPED)
    assert compare_policies(old, old) == ()
    new = load_version(changed(folder, "b.toml", ("share = 0.01", "share = 0.02")))
    (change,) = compare_policies(old, new)
    assert (change.field, change.before, change.after) == ("random_control.share", "0.01", "0.02")
    lane = old.lanes[-1]
    fewer = old.model_copy(update={"lanes": old.lanes[:-1]})
    assert {one.field.partition("]")[0] for one in compare_policies(old, fewer)} == {f"lanes[{lane.id}"}
    assert all(one.after is None for one in compare_policies(old, fewer))


def test_the_commands_in_three_languages(folder: Path) -> None:
    for language, word in (("fr", "circuits"), ("en", "lanes"), ("ar", "المسارات")):
        assert word in ran("policy", "check", folder, "--language", language).out
    changed(folder, "b.toml", ("share = 0.01", "share = 1.5"))
    found = run("policy", "check", folder, "--json")
    assert (found.code, [bool(one["fault"]) for one in found.json]) == (PolicyError.exit_code, [False, True])
    assert load_policy(shipped("policies") / "example", DAY) is not None
    shown = ran("policy", "compare", "morocco", "example", "--day", "01/01/2026", "--json").json
    assert any(one["field"] == "name" for one in shown)
    assert "aucune différence" in ran("policy", "compare", "morocco", "--day", "2026-01-01", "-l", "fr").out
