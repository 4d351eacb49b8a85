"""How the tests themselves stand: folders as the source has them, no path tricks."""

from __future__ import annotations

import ast
from pathlib import Path


def test_the_folders_of_the_tests_are_those_of_the_source(root: Path, tree_files: list[Path]) -> None:
    """Besides them stand the tests of what isn't a package, those of the whole product, and what they share."""
    others = {"browser", "contracts", "deploy", "house", "support"}
    folders = {p.parent.relative_to("tests") for p in tree_files if p.parts[0] == "tests"}
    mirrored = {folder for folder in folders if not others & set(folder.parts[:1])}
    assert {str(folder) for folder in mirrored if not (root / "src" / "basira" / folder).is_dir()} == set()


def test_no_test_bends_the_path_of_imports(root: Path, tree_files: list[Path]) -> None:
    """They import what they share as `tests.support`."""
    written = [p for p in tree_files if p.parts[0] == "tests" and p.suffix == ".py"]
    bent = [p for p in written if "sys.path." + "insert" in (root / p).read_text(encoding="utf-8")]
    assert [str(p) for p in bent] == []


def test_no_test_patches_a_private_name(root: Path, tree_files: list[Path]) -> None:
    """What a test sets is a public bound, or a seam that the code has for others too."""
    found = []
    for path in (p for p in tree_files if p.parts[0] == "tests" and p.suffix == ".py"):
        for node in ast.walk(ast.parse((root / path).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "setattr":
                named = [a.value for a in node.args[:2] if isinstance(a, ast.Constant) and isinstance(a.value, str)]
                found += [f"{path}:{node.lineno} {name}" for name in named if "._" in f".{name}" and "__" not in name]
    assert found == []
