"""The locks: every requirement pinned, with hashes, and no address."""

from __future__ import annotations

import itertools
import re
import tomllib
from pathlib import Path

import pytest

LOCKS = ("requirements.lock", "requirements-build.lock", "requirements-postgres.lock", "requirements-dev.lock")
REQUIREMENT = re.compile(r"(?P<name>[a-z0-9][a-z0-9._-]*)==(?P<version>[^\s;]+)(?: ; (?P<marker>.+))?")


def entries(text: str) -> list[list[str]]:
    """The requirements, each as its parts: the pin, then its options."""
    joined = text.replace("\\\n", "\x00")
    return [[part.strip() for part in line.split("\x00")] for line in joined.splitlines() if line.strip()]


def pins(root: Path, lock: str) -> dict[tuple[str, str], str]:
    """Version by name and marker."""
    found = {}
    for pin, *_ in entries((root / lock).read_text(encoding="utf-8")):
        m = REQUIREMENT.fullmatch(pin)
        assert m is not None, pin
        found[m["name"], m["marker"] or ""] = m["version"]
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_is_pinned_with_hashes(root: Path, lock: str) -> None:
    for pin, *hashes in entries((root / lock).read_text(encoding="utf-8")):
        assert REQUIREMENT.fullmatch(pin), pin
        assert hashes, f"{pin} has no hash"
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", h) for h in hashes), pin


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_no_address(root: Path, lock: str) -> None:
    assert not re.search(r"://|--(?:extra-)?index|--find-links", (root / lock).read_text(encoding="utf-8"))


def test_the_page_of_dependencies_names_every_version(root: Path) -> None:
    page = (root / "docs/reference/dependencies.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\| (\S+) \| (\d\S*) \|", page, flags=re.MULTILINE))
    assert told == {(name, version) for (name, _), version in pins(root, "requirements.lock").items()}, (
        "run `make dependencies`"
    )


def test_the_locks_agree(root: Path) -> None:
    everything = {(name, version) for (name, _), version in pins(root, "requirements-dev.lock").items()}
    for lock in LOCKS:
        assert {(name, version) for (name, _), version in pins(root, lock).items()} - everything == set()


def test_every_declared_requirement_is_locked(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    groups = {
        "requirements.lock": project["project"]["dependencies"],
        "requirements-build.lock": project["dependency-groups"]["build"],
        "requirements-postgres.lock": project["dependency-groups"]["postgres"],
        "requirements-dev.lock": [d for d in project["dependency-groups"]["dev"] if isinstance(d, str)],
    }
    for lock, wanted in groups.items():
        locked = {name for name, _ in pins(root, lock)}
        assert {re.split(r"[^\w.-]", w)[0].lower() for w in wanted} - locked == set(), f"{lock}: run `make lock`"


def test_the_extra_for_postgresql_is_what_its_lock_was_made_from(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["optional-dependencies"]["postgres"] == project["dependency-groups"]["postgres"]
    assert {"psycopg", "psycopg-binary"} <= {name for name, _ in pins(root, "requirements-postgres.lock")}


def test_what_the_pages_install_is_locked_and_there(root: Path) -> None:
    """Each command of the how-to pages takes hash-locked requirements of files that exist, or our own wheel alone."""
    told = []
    for page in sorted((root / "docs" / "how-to").glob("*.md")):
        for command in re.findall(r"^.*\bpip (?:install|download) .*$", page.read_text(encoding="utf-8"), flags=re.M):
            options = command.split("pip ", 1)[1].split("#")[0].split()[1:]
            told.append(command)
            for before, lock in itertools.pairwise(options):
                assert before != "-r" or (root / lock).is_file(), f"{page.name}: {command}"
            wheels = [word for word in options if word.endswith(".whl")]
            if "--require-hashes" not in options:
                assert "--no-deps" in options, f"{page.name}: {command}"
                assert [Path(wheel).name.split("-")[0] for wheel in wheels] == ["basira"], f"{page.name}: {command}"
                assert set(options) - {"--no-deps", "--no-index"} == set(wheels), f"{page.name}: {command}"
    assert any("requirements-postgres.lock" in command for command in told)
