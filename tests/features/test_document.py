"""The reference page of the features is the catalog's."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys

from basira.features.catalog.catalog import CATALOG
from tests.support.tree import ROOT

PAGE = ROOT / "docs/reference/features.md"
features_page = runpy.run_path(str(ROOT / "docs/generate"))["PAGES"]["features.md"]


def test_the_committed_page_is_current() -> None:
    expected = features_page()
    found = PAGE.read_text(encoding="utf-8")
    assert found == expected, "run `make docs`"


def test_every_feature_stands_on_the_page_once_with_a_meaning() -> None:
    named = re.findall(
        r"^\| `(\w+)` \| [^|]+ \| [^|]+ \| [^|]+ \| (?:model|category|evidence) \|", features_page(), flags=re.MULTILINE
    )
    assert sorted(named) == sorted(f.name for f in CATALOG)
    assert all(f.meaning and f.unit for f in CATALOG)


def test_the_command_finds_every_page_current() -> None:
    done = subprocess.run(
        [sys.executable, "docs/generate", "--check"], cwd=ROOT, capture_output=True, text=True, encoding="utf-8"
    )
    assert (done.returncode, done.stderr) == (0, "")
