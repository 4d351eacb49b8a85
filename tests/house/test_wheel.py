"""The wheel, in an environment that holds nothing but what requirements.lock names."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

SITE = Path(sysconfig.get_paths()["purelib"])


FIND_SITE = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
FIND_PACKAGE = "import basira; print(basira.__path__[0])"
FIND_SHIPPED = """
from basira.schema.shipped import shipped
print(*(path.name for folder in ("mappings", "policies") for path in shipped(folder).iterdir()))
"""
IMPORT_ALL = """
import importlib, pkgutil, basira
for module in pkgutil.walk_packages(basira.__path__, "basira."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
"""


def run(*command: str | Path, folder: Path, seconds: int = 900) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV", "BASIRA"))}
    done = subprocess.run(
        [str(c) for c in command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=seconds,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def lend_requirements(root: Path, to: Path) -> None:
    """Link the packages of requirements.lock, and no others, from this environment into another one."""
    for name in re.findall(r"^([a-z0-9._-]+)==", (root / "requirements.lock").read_text(encoding="utf-8"), flags=re.M):
        try:
            files = importlib.metadata.distribution(name).files or []
        except importlib.metadata.PackageNotFoundError:
            continue  # for another platform
        for top in {f.parts[0] for f in files} - {"..", "__pycache__"}:
            if not (to / top).exists():
                (to / top).symlink_to(SITE / top)


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, root, folder=folder)
    (built,) = folder.glob("basira-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(root: Path, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an environment with the wheel in it."""
    folder = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", folder=folder)
    python = folder / "venv" / "bin" / "python"
    # The wheel first: what it puts in place is never mistaken for what is lent.
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel, folder=folder)
    lend_requirements(root, Path(run(python, "-c", FIND_SITE, folder=folder).strip()))
    return folder


def test_every_data_file_is_in_the_wheel(root: Path, installed: Path, tree_files: list[Path]) -> None:
    package = Path(run(installed / "venv/bin/python", "-c", FIND_PACKAGE, folder=installed).strip())
    assert installed in package.parents
    wanted = {p.relative_to("src/basira") for p in tree_files if p.is_relative_to("src/basira")}
    wanted |= {Path("_shipped") / p for p in tree_files if p.parts[0] in {"mappings", "policies"}}
    assert sorted(str(p) for p in wanted if not (package / p).is_file()) == []


def test_every_module_imports_with_the_locked_requirements_alone(installed: Path) -> None:
    run(installed / "venv/bin/python", "-W", "error", "-c", IMPORT_ALL, folder=installed)


def test_shipped_mappings_and_policies_are_found(installed: Path) -> None:
    names = run(installed / "venv/bin/python", "-c", FIND_SHIPPED, folder=installed).split()
    assert {"kcs.toml", "asycuda-sad.toml", "morocco", "example"} <= set(names)


def command(installed: Path) -> Path:
    return installed / "venv" / "bin" / "basira"


def test_the_command_runs(installed: Path) -> None:
    assert run(command(installed), "--version", folder=installed).startswith("basira 0.")
    assert "simulated" in run(command(installed), "country", "--help", folder=installed)
    assert "Usage" in run(command(installed), "demo", "--help", folder=installed)


def test_the_demo_runs_from_the_wheel(installed: Path) -> None:
    folder = installed / "elsewhere"
    folder.mkdir()
    shown = run(command(installed), "demo", folder=folder, seconds=1800)
    assert "simul" in shown.lower()
    assert list(folder.rglob("*.html"))
