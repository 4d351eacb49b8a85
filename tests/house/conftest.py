"""The tree itself, as the tests of the house see it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def tree_files() -> list[Path]:
    """Every file that is or would be committed, relative to the root; in a source archive, every file."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        names = [Path(line) for line in listed.stdout.splitlines()]
    else:
        skipped = {".venv", ".git", "dist", "build", "out", "demo", "basira-store"}
        names = [p.relative_to(ROOT) for p in ROOT.rglob("*") if not skipped & set(p.relative_to(ROOT).parts)]
    return sorted(p for p in names if (ROOT / p).is_file() and "__pycache__" not in p.parts)
