"""Who may import whom, and what importing Basira must not load."""

from __future__ import annotations

import ast
import importlib.metadata
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

HEAVY = {
    "lightgbm",
    "xgboost",
    "sklearn",
    "scipy",
    "matplotlib",
    "pandas",
    "pycountry",
    "xlsxwriter",
    "fastapi",
    "pyspark",
}
# Packages that a declared dependency brings, pins, and documents as part of its own interface.
# Or, where an extra may be absent, the package that brings a module of another name.
COMPANIONS = {"markupsafe": "jinja2", "pydantic_core": "pydantic", "pyspark": "pyspark-client"}
# Dependencies that another one loads by their name, and the setting that names them.
NAMED = {"httptools": 'http="httptools"'}


def loaded_by(statement: str) -> set[str]:
    code = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("module", ["basira", "basira.cli", "basira.cli.program"])
def test_importing_loads_nothing_heavy(module: str) -> None:
    assert loaded_by(f"import {module}") & HEAVY == set()


def test_importing_the_package_loads_the_standard_library_alone() -> None:
    """That takes a few hundredths of a second on any machine (`python -X importtime -c "import basira"`)."""
    loaded = {name.partition(".")[0] for name in loaded_by("import basira") - loaded_by("pass")}
    assert loaded - sys.stdlib_module_names == {"basira"}


def test_a_public_name_is_loaded_when_it_is_asked_for() -> None:
    assert "polars" in loaded_by("import basira; basira.open_store")
    # Not even then what only training needs.
    assert loaded_by("import basira; basira.open_store") & {"lightgbm", "xgboost", "matplotlib", "pandas"} == set()


def test_imports_follow_the_layers(root: Path) -> None:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]


def third_party_imports(root: Path) -> dict[str, str]:
    """Top-level packages imported in src that are neither ours nor Python's, each with one place."""
    found: dict[str, str] = {}
    for path in sorted((root / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [a.name for a in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            else:
                continue
            for name in names:
                top = name.partition(".")[0]
                if top != "basira" and top not in sys.stdlib_module_names:
                    found.setdefault(top, f"{path.relative_to(root)}:{node.lineno}")
    return found


def declared_dependencies(root: Path) -> set[str]:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {name_of(one) for one in project["dependencies"]}


def optional_dependencies(root: Path) -> set[str]:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {name_of(one) for extra in project["optional-dependencies"].values() for one in extra}


def name_of(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement)[0].lower().replace("_", "-")


def test_every_import_is_a_declared_dependency(root: Path) -> None:
    providers = importlib.metadata.packages_distributions()
    declared = declared_dependencies(root) | optional_dependencies(root)
    undeclared = {
        top: place
        for top, place in third_party_imports(root).items()
        if not {d.lower().replace("_", "-") for d in [*providers.get(top, [top]), COMPANIONS.get(top, top)]} & declared
    }
    assert undeclared == {}


def test_every_declared_dependency_is_imported(root: Path) -> None:
    providers = importlib.metadata.packages_distributions()
    used = {d.lower().replace("_", "-") for top in third_party_imports(root) for d in providers.get(top, [])}
    settings = (root / "src/basira/cli/serve.py").read_text(encoding="utf-8")
    used |= {name for name, setting in NAMED.items() if setting in settings}
    assert declared_dependencies(root) - used == set()
