"""deploy/basira-nightly: whatever fails in a night, the record is proved, the fault reported, and no file lost."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.tree import ROOT

SCRIPT = ROOT / "deploy" / "basira-nightly"
# In the place of the program: writes down how it was called, and ends as a file "fails" says, a line "CODE WORDS" each.
PROGRAM = """#!/bin/sh
echo "$*" >> "$NIGHT/called"
case "$*" in "audit heads --out "*) echo "heads" > "$4" ;; esac
while read -r code words; do
    case "$*" in *"$words"*) echo "because of $words" >&2; exit "$code" ;; esac
done < "$NIGHT/fails"
"""
SUNDAY = '#!/bin/sh\n[ "$1" = +%u ] && echo 7 || exec /bin/date "$@"\n'


@dataclass(frozen=True)
class Night:
    """What a night did. ``called``: the first two words of each call of the program."""

    code: int
    said: str
    called: list[str]


class Place:
    """A store and an inbox, and the nights over them."""

    def __init__(self, root: Path) -> None:
        self.root, self.inbox = root, root / "inbox"
        for folder in ("store", "inbox/declarations", "inbox/results", "bin"):
            (root / folder).mkdir(parents=True)
        for name, text in (("basira", PROGRAM), ("date", SUNDAY)):
            (root / "bin" / name).write_text(text)
            (root / "bin" / name).chmod(0o755)

    def files(self, folder: str) -> dict[str, str]:
        """Names and contents."""
        return {path.name: path.read_text() for path in sorted((self.inbox / folder).glob("*"))}

    def night(self, *fails: str) -> Night:
        """``fails``: "CODE WORDS" each: a call with these words ends with that code."""
        (self.root / "fails").write_text("".join(f"{line}\n" for line in fails))
        (self.root / "called").write_text("")
        environment = {
            "PATH": f"{self.root / 'bin'}:{os.environ['PATH']}",
            "NIGHT": str(self.root),
            "BASIRA_PROGRAM": str(self.root / "bin" / "basira"),
            "BASIRA_STORE": str(self.root / "store"),
        }
        done = subprocess.run(["sh", SCRIPT], env=environment, capture_output=True, text=True, timeout=30)
        called = [" ".join(line.split()[:2]) for line in (self.root / "called").read_text().splitlines()]
        return Night(done.returncode, done.stderr, called)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


WORK = [
    *("history sync", "train --as-of", "profiles build", "night --as-of"),
    *("quarantine expire", "audit verify", "audit heads"),
]


def test_a_night_without_a_fault_says_nothing(place: Place) -> None:
    (place.inbox / "declarations" / "a.csv").write_text("a")
    (place.inbox / "results" / "b.csv").write_text("b")
    night = place.night()
    assert (night.code, night.said) == (0, "")
    assert [call for call in night.called if not call.startswith(("ingest", "feedback"))] == WORK
    assert place.files("taken") == {"a.csv": "a", "b.csv": "b"}
    assert len(list((place.root / "store" / "heads").iterdir())) == 1


@pytest.mark.parametrize("code", [3, 4])
@pytest.mark.parametrize("folder", ["declarations", "results"])
def test_a_bad_file_is_set_aside_and_the_night_goes_on(place: Place, folder: str, code: int) -> None:
    (place.inbox / folder / "bad.csv").write_text("\x00")
    (place.inbox / folder / "good.csv").write_text("good")
    (place.inbox / "results" / "results.csv").write_text("results")
    night = place.night(f"{code} {folder}/bad.csv")
    assert night.code == code
    assert f"refused/{folder}/bad.csv" in night.said
    assert place.files(f"refused/{folder}") == {"bad.csv": "\x00"}
    assert place.files("taken") == {"good.csv": "good", "results.csv": "results"}
    assert [call for call in night.called if not call.startswith(("ingest", "feedback"))] == WORK
    assert place.night().code == 0


def test_a_bad_file_of_the_same_name_replaces_no_other(place: Place) -> None:
    for text in ("first", "second"):
        (place.inbox / "declarations" / "day.csv").write_text(text)
        place.night("3 declarations/day.csv")
    assert sorted(place.files("refused/declarations").values()) == ["first", "second"]
    for text in ("third", "fourth"):
        (place.inbox / "declarations" / "day.csv").write_text(text)
        place.night()
    assert sorted(place.files("taken").values()) == ["fourth", "third"]


def test_a_store_that_takes_nothing_leaves_the_files_for_the_next_night(place: Place) -> None:
    for name in ("a.csv", "b.csv"):
        (place.inbox / "declarations" / name).write_text(name)
    night = place.night("5 ingest")
    assert night.code == 5
    assert night.called.count(f"ingest {place.inbox}/declarations/a.csv") == 1
    assert f"ingest {place.inbox}/declarations/b.csv" not in night.called
    assert set(place.files("declarations")) == {"a.csv", "b.csv"}
    assert night.called[-2:] == WORK[-2:]


@pytest.mark.parametrize(("fails", "code"), [("7 train", 7), ("5 profiles build", 5), ("5 night", 5)])
def test_the_record_is_proved_when_model_or_profiles_fail(place: Place, fails: str, code: int) -> None:
    night = place.night(fails)
    assert night.code == code
    assert f"ended with {code}" in night.said
    assert night.called == WORK


def test_without_the_services_record_nothing_is_built_and_the_proof_is_made(place: Place) -> None:
    (place.inbox / "results" / "b.csv").write_text("b")
    night = place.night("5 history sync")
    assert night.code == 5
    assert night.called == ["history sync", "quarantine expire", "audit verify", "audit heads"]
    assert place.files("results") == {"b.csv": "b"}


def test_what_the_sync_rejected_is_reported_and_more_than_that_is_reported_before(place: Place) -> None:
    assert place.night("11 history sync").code == 11
    assert place.night("11 history sync", "5 profiles build").code == 5


def test_a_record_that_is_not_whole_gets_no_new_heads_and_is_what_the_end_tells(place: Place) -> None:
    night = place.night("5 audit verify", "7 train")
    assert night.code == 5
    assert night.called == WORK[:-1]
    assert not list((place.root / "store" / "heads").glob("*.txt"))


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_link_in_the_inbox_is_neither_read_nor_moved(place: Place, what: str) -> None:
    elsewhere = place.root / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "secret.csv").write_text("secret")
    (place.inbox / "results" / "b.csv").write_text("b")
    if what == "file":
        (place.inbox / "declarations" / "a.csv").symlink_to(elsewhere / "secret.csv")
    else:
        (place.inbox / "declarations").rmdir()
        (place.inbox / "declarations").symlink_to(elsewhere)
    night = place.night()
    assert night.code == 3
    assert "a link is not followed" in night.said
    assert not [call for call in night.called if call.startswith("ingest")]
    assert (elsewhere / "secret.csv").read_text() == "secret"
    assert place.files("taken") == {"b.csv": "b"}
    assert [call for call in night.called if not call.startswith("feedback")] == WORK


@pytest.mark.parametrize("folder", ["taken", "refused"])
def test_nothing_is_moved_through_a_link(place: Place, folder: str) -> None:
    elsewhere = place.root / "elsewhere"
    elsewhere.mkdir()
    (place.inbox / folder).symlink_to(elsewhere)
    (place.inbox / "declarations" / "a.csv").write_text("a")
    assert place.night("3 a.csv").code == 3
    assert place.files("declarations") == {"a.csv": "a"}
    assert not list(elsewhere.iterdir())


@pytest.mark.parametrize(
    "name", ["-rf", "--mapping", "a b.csv", "a\nbasira-nightly: all is well", "a\x1b[2J", "*", "$(id)"]
)
def test_a_name_makes_no_option_no_command_and_no_line(place: Place, name: str) -> None:
    (place.inbox / "declarations" / name).write_text("a")
    night = place.night("3 ingest")
    assert night.code == 3
    assert f"ingest {place.inbox}/declarations/" in (place.root / "called").read_text()
    assert place.files("refused/declarations") == {name: "a"}
    said = [line for line in night.said.splitlines() if line != "because of ingest"]
    assert [line[:18] for line in said] == ["basira-nightly: '/", "basira-nightly: no"]
    assert "\x1b" not in night.said
