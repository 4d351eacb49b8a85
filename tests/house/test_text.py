"""What must stand in the tree's files, and what must not."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

LINES_AT_MOST = 600
# Written in two parts, so that this file does not name what it looks for.
MACHINE_PATH = re.compile(r"(?<![\w./-])/(?:work|root|home|Users)/" + r"\w")
REGISTRY_HOST = re.compile(
    "|".join(["pypi" + r"\.org", "python" + r"hosted\.org", "npm" + r"js\.(?:org|com)", "deb" + r"\.debian\.org"])
)


def texts(root: Path, files: list[Path]) -> dict[Path, str]:
    """The files that are text, by their path."""
    found = {}
    for path in files:
        try:
            found[path] = (root / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
    return found


@pytest.mark.parametrize(("what", "pattern"), [("machine path", MACHINE_PATH), ("registry host", REGISTRY_HOST)])
def test_no_file_names_a_machine(root: Path, tree_files: list[Path], what: str, pattern: re.Pattern[str]) -> None:
    found = [f"{path}: {m[0]}" for path, text in texts(root, tree_files).items() if (m := pattern.search(text))]
    assert found == [], what


def test_no_source_file_is_too_long(root: Path, tree_files: list[Path]) -> None:
    lengths = {p: (root / p).read_text(encoding="utf-8").count("\n") for p in tree_files if p.suffix == ".py"}
    assert {str(p): n for p, n in lengths.items() if n > LINES_AT_MOST} == {}


def test_every_room_says_what_enters_leaves_and_never_happens(root: Path) -> None:
    """Every module opens with words; the door of a room with the three of the house."""
    silent = []
    for path in sorted((root / "src" / "basira").rglob("*.py")):
        opening = " ".join((ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split())
        is_door = path.name == "__init__.py" and path.parent.name != "basira"
        if not opening or (is_door and not all(word in opening for word in ("Enters", "Leaves", "Never here"))):
            silent.append(str(path.relative_to(root)))
    assert silent == []


def test_nothing_is_left_undone(root: Path, tree_files: list[Path]) -> None:
    undone = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|NotImplemented" + r"Error)\b")
    found = [
        str(p)
        for p, text in texts(root, tree_files).items()
        if p.suffix in {".py", ".md", ".toml"} and undone.search(text)
    ]
    assert found == []
